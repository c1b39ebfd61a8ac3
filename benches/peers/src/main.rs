//! fusebox's products beside those of other crates.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- 33x65x129 NT:32x784x128
//! ```
//!
//! Every product is timed between two runs of a loop of multiply-adds on registers alone, and all peers in turn, round
//! after round: what the clock or another process does to one it does to all. The table shows medians.

#[path = "../../support/peak.rs"]
mod peak;
mod peers;
#[path = "../../support/random.rs"]
mod random;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use fusebox::Isa;
use indicatif::ProgressIterator;
use peers::{Fixed, Fusebox, Gemm, MatrixMultiply, NanoGemm, OpenBlas, Peer, Product};
use plotters::prelude::*;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

#[derive(Parser)]
struct Arguments {
    /// Shapes as MxNxK, those of transposed operands as NT:MxNxK, TN:MxNxK or TT:MxNxK
    shapes: Vec<Shape>,
    /// OpenBLAS's shared library, to have it take part
    #[arg(long)]
    openblas: Option<PathBuf>,
    /// Draw the square products into this SVG file
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Rounds of which the median is taken
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

/// Sizes of a product, and whether A and B lie transposed.
#[derive(Clone, Copy)]
struct Shape {
    size: [usize; 3],
    transposed: [bool; 2],
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (layout, sizes) = text.split_once(':').unwrap_or(("NN", text));
        let transposed = match layout {
            "NN" => [false, false],
            "NT" => [false, true],
            "TN" => [true, false],
            "TT" => [true, true],
            _ => bail!("{layout} is none of NN, NT, TN and TT"),
        };
        let sizes: Vec<usize> = sizes.split('x').map(str::parse).collect::<Result<_, _>>()?;
        let size = sizes.try_into().ok().context("three sizes: MxNxK")?;
        let shape = Self { size, transposed };
        ensure!(!size.contains(&0) && size.iter().product::<usize>() < 1 << 40, "sizes from 1 on");
        Ok(shape)
    }
}

impl Shape {
    fn square(n: usize) -> Self {
        Self { size: [n; 3], transposed: [false; 2] }
    }

    fn is_square(&self) -> bool {
        let [m, n, k] = self.size;
        m == n && n == k && self.transposed == [false; 2]
    }

    fn name(&self) -> String {
        let layout = |transposed| if transposed { 'T' } else { 'N' };
        let ([m, n, k], [a, b]) = (self.size, self.transposed);
        format!("{}{} {m} x {n} x {k}", layout(a), layout(b))
    }

    fn product(&self) -> Product {
        let [m, n, k] = self.size;
        let (a, b, c) = (random::random(m * k), random::random(k * n), vec![0.0; m * n]);
        Product { m, n, k, transposed: self.transposed, a, b, c }
    }
}

fn default_shapes() -> Vec<Shape> {
    let squares = [4, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
    let others = [
        "17x19x23",
        "32x10x128",
        "100x10x10",
        "1x128x784",
        "784x1x128",
        "32x128x784",
        "64x64x1",
        "64x64x3",
        "NT:64x64x64",
        "NT:128x128x128",
        "NT:256x256x256",
        "NT:32x784x128",
        "TN:64x64x64",
        "TN:256x256x256",
        "TN:784x128x32",
        "TN:128x10x32",
    ];
    let others = others.into_iter().map(|text| text.parse().expect("a shape"));
    squares.into_iter().map(Shape::square).chain(others).collect()
}

/// Operations of a loop on registers, and at least of a batch of products: some tenths of a millisecond.
const FLOPS: u64 = 30_000_000;

fn peak_rate(isa: Isa) -> f64 {
    let start = Instant::now();
    let flops = peak::run(isa, FLOPS);
    flops as f64 / start.elapsed().as_secs_f64()
}

/// Operations a second.
fn rate(peer: &dyn Peer, product: &mut Product) -> f64 {
    let flops = 2 * (product.m * product.n * product.k) as u64;
    let count = FLOPS.div_ceil(flops);
    // The first brings the matrices into the cache.
    peer.multiply(product);
    let start = Instant::now();
    for _ in 0..count {
        peer.multiply(black_box(product));
    }
    (count * flops) as f64 / start.elapsed().as_secs_f64()
}

/// The part of the peak that each peer reaches; none where it does not take part.
fn measure(isa: Isa, peers: &[Box<dyn Peer>], shape: &Shape, rounds: usize) -> Vec<Option<f64>> {
    let mut product = shape.product();
    let mut parts = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (peer, parts) in peers.iter().zip(&mut parts) {
            if peer.takes(&product) {
                let before = peak_rate(isa);
                let rate = rate(peer.as_ref(), &mut product);
                parts.push(rate / (0.5 * (before + peak_rate(isa))));
            }
        }
    }
    parts.into_iter().map(median).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Panics unless all agree, so that nobody is fast by being wrong.
fn agree(peers: &[Box<dyn Peer>], shape: &Shape) {
    let mut product = shape.product();
    let mut first: Option<Vec<f32>> = None;
    let bound = 1e-4 * product.k as f32;
    for peer in peers {
        if !peer.takes(&product) {
            continue;
        }
        product.c.fill(f32::NAN);
        peer.multiply(&mut product);
        let first = first.get_or_insert_with(|| product.c.clone());
        let near = first.iter().zip(&product.c).all(|(x, y)| (x - y).abs() <= bound);
        assert!(near, "{} multiplies {} differently", peer.name(), shape.name());
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let isa = Isa::detect();
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(Fusebox(isa)),
        Box::new(Fixed(isa)),
        Box::new(Gemm),
        Box::new(MatrixMultiply),
        Box::new(NanoGemm),
        Box::new(peers::Faer),
    ];
    if let Some(path) = &arguments.openblas {
        peers.push(Box::new(OpenBlas::load(path)?));
    }
    const OURS: usize = 2;

    let shapes = if arguments.shapes.is_empty() { default_shapes() } else { arguments.shapes };
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let names = peers.iter().map(|peer| peer.name());
    table.set_header(["m x n x k"].into_iter().chain(names).chain(["to the best peer"]));
    let mut results = Vec::new();
    for shape in shapes.iter().progress() {
        agree(&peers, shape);
        let parts = measure(isa, &peers, shape, arguments.rounds);
        let cell = |part: &Option<f64>| part.map_or(String::new(), |part| format!("{:.1}", 100.0 * part));
        let best = |parts: &[Option<f64>]| parts.iter().flatten().copied().fold(0.0, f64::max);
        let ratio = format!("{:.2}", best(&parts[..OURS]) / best(&parts[OURS..]));
        table.add_row([shape.name()].into_iter().chain(parts.iter().map(cell)).chain([ratio]));
        results.push((*shape, parts));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{isa}, one thread, % of the multiply-add peak in this run (median of {})", arguments.rounds);
    println!("{table}");
    if let Some(path) = &arguments.svg {
        draw(path, &peers, &results).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The square products, over n.
fn draw(
    path: &Path,
    peers: &[Box<dyn Peer>],
    results: &[(Shape, Vec<Option<f64>>)],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, (800, 450)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("f32 products, n x n x n, one thread", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d((4.0..2048.0_f64).log_scale(), 0.0..100.0)?;
    chart.configure_mesh().x_desc("n").y_desc("% of the multiply-add peak").draw()?;
    for (i, peer) in peers.iter().enumerate() {
        let squares = results.iter().filter(|(shape, _)| shape.is_square());
        let points = squares.filter_map(|(shape, parts)| Some((shape.size[0] as f64, 100.0 * parts[i]?)));
        let points: Vec<(f64, f64)> = points.collect();
        let style = Palette99::pick(i).stroke_width(if i < 2 { 3 } else { 1 });
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(peer.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}
