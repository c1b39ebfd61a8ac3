//! A training step and an inference of small networks (dense, ReLU, dense) beside naive loops.
//!
//! ```text
//! cargo bench --bench train
//! ```
//!
//! A step is forward, softmax cross-entropy, backward, and the update of stochastic gradient descent. Throughput counts
//! samples.

mod support {
    pub(crate) mod naive_net;
    pub(crate) mod random;
}

use criterion::{Criterion, Throughput};
use fusebox::{Aligned, Dense, Init, Relu, Rng, Scratch, Seq, Sgd, Workspace, Zeroed};
use std::hint::black_box;
use support::naive_net;
use support::random::random;

/// Criterion's macros would define a public function without documentation, which this crate's lints refuse.
fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    networks(&mut criterion);
    criterion.final_summary();
}

/// So small that a million steps leave the network what it was: one that has learnt its batch by heart would work on
/// subnormal gradients, which some processors are slow at.
const RATE: f32 = 1e-6;

fn networks(criterion: &mut Criterion) {
    network::<64, 32, 10, 1>(criterion);
    network::<64, 32, 10, 32>(criterion);
    network::<784, 128, 10, 32>(criterion);
    network::<784, 128, 10, 1>(criterion);
}

fn network<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize>(
    criterion: &mut Criterion,
) {
    type Net<const IN: usize, const HIDDEN: usize, const OUT: usize> =
        Seq![Dense<IN, HIDDEN, Relu>, Dense<HIDDEN, OUT>];
    let numbers = random(IN * B);
    let xs: &[[f32; IN]] = numbers.as_chunks().0;
    let labels: Vec<u8> = (0..B).map(|i| (i % OUT) as u8).collect();

    // Boxes, for the larger network is more than a stack should hold.
    let mut net = Box::new(Aligned(Net::<IN, HIDDEN, OUT>::ZEROED));
    let net = &mut net.0;
    net.init(Init::He, &mut Rng::new(1));
    let mut workspace = Box::new(Workspace::<Net<IN, HIDDEN, OUT>, B>::new());
    let mut scratch = Box::new(Scratch::<Net<IN, HIDDEN, OUT>, B>::new());
    let mut logits = [[0.0; OUT]; B];
    let mut naive = naive_net::Net::<IN, HIDDEN, OUT>::new();
    let optimizer = Sgd::new(RATE);

    let mut group = criterion.benchmark_group(format!("step {IN}-{HIDDEN}-{OUT} batch {B}"));
    group.throughput(Throughput::Elements(B as u64));
    group.bench_function("fusebox", |bencher| {
        bencher.iter(|| workspace.train_step(net, black_box(xs), black_box(&labels), &optimizer));
    });
    group.bench_function("naive", |bencher| {
        bencher.iter(|| naive.train_step(black_box(xs), black_box(&labels), RATE));
    });
    group.finish();

    let mut group = criterion.benchmark_group(format!("inference {IN}-{HIDDEN}-{OUT} batch {B}"));
    group.throughput(Throughput::Elements(B as u64));
    group.bench_function("fusebox", |bencher| {
        bencher.iter(|| net.infer(black_box(xs), &mut scratch, &mut logits));
    });
    group.bench_function("naive", |bencher| {
        bencher.iter(|| {
            for (x, logits) in black_box(xs).iter().zip(&mut logits) {
                *logits = naive.infer(x);
            }
        });
    });
}
