//! Products, and a training step of nanoGPT, on all threads of the pool beside the same on one, interleaved:
//!
//! ```text
//! cargo bench --bench threads --features rayon
//! ```
//!
//! Above 1 is a gain. Sizes too small to be split never ask for a thread, and should show 1.

mod support {
    pub(crate) mod random;
}
#[path = "../examples/support/gpt.rs"]
mod gpt;

use comfy_table::{CellAlignment, Table, presets};
use fusebox::{
    AdamW, ClipNorm, CrossEntropy, EachPosition, Epilogue, Mat, MatMut, Rng, Workspace, boxed, gemm,
};
use rayon::ThreadPoolBuilder;
use std::time::Instant;
use support::random::random;

const SHAPES: [[usize; 3]; 15] = [
    [16; 3],
    [32; 3],
    [64; 3],
    [128; 3],
    [160; 3],
    [192; 3],
    [208; 3],
    [256; 3],
    [384; 3],
    [512; 3],
    [768; 3],
    [1024; 3],
    [2048; 3],
    [32, 784, 128],
    [1, 4096, 4096],
];

fn main() {
    // `cargo bench -- --test` wants to know only that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 11 };
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (one, all) = (pool(1), pool(threads));
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["m x n x k", "one thread, us", &format!("{threads} threads, us"), "ratio"]);
    let mut compare = |name: String, times: usize, run: &mut (dyn FnMut() + Send)| {
        // Within the pool from the start: entering it takes longer than a small product.
        let mut seconds = |pool: &rayon::ThreadPool| {
            pool.install(|| {
                let start = Instant::now();
                (0..times).for_each(|_| run());
                start.elapsed().as_secs_f64() / times as f64
            })
        };
        let mut pairs: Vec<(f64, f64)> = (0..rounds).map(|_| (seconds(&one), seconds(&all))).collect();
        pairs.sort_by(|x, y| (x.0 / x.1).total_cmp(&(y.0 / y.1)));
        let (x, y) = pairs[pairs.len() / 2];
        let cells = [format!("{:.3}", 1e6 * x), format!("{:.3}", 1e6 * y), format!("{:.2}", x / y)];
        table.add_row([name].into_iter().chain(cells));
    };
    for [m, n, k] in SHAPES {
        let (a, b, mut c) = (random(m * k), random(k * n), vec![0.0; m * n]);
        let times = (2_000_000_000 / (m * n * k)).clamp(1, 20_000);
        compare(format!("{m} x {n} x {k}"), times, &mut || {
            let a = Mat::new(&a, m, k).expect("m x k");
            let b = Mat::new(&b, k, n).expect("k x n");
            let c = MatMut::new(&mut c, m, n).expect("m x n");
            gemm(a, b, c, Epilogue::None).expect("shapes that fit");
        });
    }
    let (mut net, mut rng) = (boxed::<gpt::Gpt<65>>(), Rng::new(1));
    gpt::init(&mut net, &mut rng);
    let mut tokens =
        || -> Vec<[u8; gpt::T]> { (0..12).map(|_| std::array::from_fn(|_| rng.below(65) as u8)).collect() };
    let (xs, next) = (tokens(), tokens());
    let loss = EachPosition(CrossEntropy);
    let mut workspace = Workspace::<gpt::Gpt<65>, 12, ClipNorm<AdamW>, _>::boxed_with_loss(loss);
    let optimizer = ClipNorm::new(AdamW::new(1e-9, 0.1), 1.0);
    compare("step of nanoGPT".into(), 5, &mut || {
        workspace.train_step(&mut net, &xs, &next, &optimizer).expect("tokens below the vocabulary");
    });
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
}
