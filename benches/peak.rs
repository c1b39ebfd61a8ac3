//! How near products come to the machine's own limit, on every instruction set, both measured in this one run:
//!
//! ```text
//! cargo bench --bench peak
//! ```
//!
//! Clock rates wander and other processes interfere, so absolute times mean little. Each product is timed between two
//! runs of a loop of multiply-adds on registers alone (`support/peak.rs`), all three within a millisecond or so; the
//! table shows the median of their ratios.

mod support {
    pub(crate) mod peak;
    pub(crate) mod random;
}

use comfy_table::{CellAlignment, Table, presets};
use fusebox::{Epilogue, Error, Isa, Mat, MatMut, gemm_with};
use std::hint::black_box;
use std::time::Instant;
use support::peak;
use support::random::random;

/// Operations that each loop on registers and each batch of products are made of: some tenths of a millisecond.
const FLOPS: u64 = 30_000_000;

/// A product to measure: `m` x `k` by `k` x `n`.
struct Shape {
    name: &'static str,
    m: usize,
    n: usize,
    k: usize,
    /// Whether A, and B, are views of a transposed matrix.
    transposed: [bool; 2],
}

const fn shape(name: &'static str, [m, n, k]: [usize; 3], transposed: [bool; 2]) -> Shape {
    Shape { name, m, n, k, transposed }
}

const SHAPES: [Shape; 13] = [
    shape("8 x 8 x 8", [8; 3], [false; 2]),
    shape("16 x 16 x 16", [16; 3], [false; 2]),
    shape("32 x 32 x 32", [32; 3], [false; 2]),
    shape("64 x 64 x 64", [64; 3], [false; 2]),
    shape("128 x 128 x 128", [128; 3], [false; 2]),
    shape("256 x 256 x 256", [256; 3], [false; 2]),
    shape("512 x 512 x 512", [512; 3], [false; 2]),
    shape("32 x 32 x 64", [32, 32, 64], [false; 2]),
    shape("32 x 10 x 32", [32, 10, 32], [false; 2]),
    shape("NT 32 x 32 x 10", [32, 32, 10], [false, true]),
    shape("TN 64 x 32 x 32", [64, 32, 32], [true, false]),
    shape("NT 256 x 256 x 256", [256; 3], [false, true]),
    shape("TN 256 x 256 x 256", [256; 3], [true, false]),
];

fn main() -> Result<(), Error> {
    // `cargo bench -- --test` wants to know only that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 40 };
    let isas: Vec<_> = Isa::available().collect();

    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(std::iter::once("m x n x k".into()).chain(isas.iter().map(Isa::to_string)));
    let mut peaks = vec![Vec::new(); isas.len()];
    for shape in &SHAPES {
        let mut ratios = vec![Vec::new(); isas.len()];
        for _ in 0..rounds {
            for (i, &isa) in isas.iter().enumerate() {
                let before = peak_rate(isa);
                let rate = shape.rate(isa)?;
                let peak = 0.5 * (before + peak_rate(isa));
                ratios[i].push(rate / peak);
                peaks[i].push(peak);
            }
        }
        let cells = ratios.into_iter().map(|ratios| format!("{:.1} %", 100.0 * median(ratios)));
        table.add_row(std::iter::once(shape.name.into()).chain(cells));
    }
    let cells = peaks.into_iter().map(|peaks| format!("{:.1}", 1e-9 * median(peaks)));
    table.add_row(std::iter::once("peak, Gflop/s".into()).chain(cells));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("gemm, one thread, % of the multiply-add peak in this run (median of {rounds})\n{table}");
    Ok(())
}

impl Shape {
    /// Operations a second of this product.
    fn rate(&self, isa: Isa) -> Result<f64, Error> {
        let Self { m, n, k, transposed: [a_transposed, b_transposed], .. } = *self;
        let (a, b, mut c) = (random(m * k), random(k * n), vec![0.0; m * n]);
        let view = |data, rows, cols, transposed| match transposed {
            false => Mat::new(data, rows, cols),
            true => Mat::new(data, cols, rows).map(Mat::t),
        };
        let (a, b) = (view(&a, m, k, a_transposed)?, view(&b, k, n, b_transposed)?);
        let mut product =
            || gemm_with(isa, black_box(a), black_box(b), MatMut::new(&mut c, m, n)?, Epilogue::None);

        // The first brings the matrices into the cache.
        product()?;
        let flops = 2 * (m * n * k) as u64;
        let count = FLOPS.div_ceil(flops);
        let start = Instant::now();
        for _ in 0..count {
            product()?;
        }
        Ok((count * flops) as f64 / start.elapsed().as_secs_f64())
    }
}

/// Operations a second on registers alone.
fn peak_rate(isa: Isa) -> f64 {
    let start = Instant::now();
    let flops = peak::run(isa, FLOPS);
    flops as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
