//! Products at run-time and compile-time shapes beside naive loops; throughput counts floating-point operations, so
//! 1 Gelem/s is 1 Gflop/s.
//!
//! ```text
//! cargo bench --bench gemm
//! ```
//!
//! The group `peak` is the machine's own limit, measured in the same run; `cargo bench --bench peak` shows ratios.

mod support {
    pub(crate) mod naive_gemm;
    pub(crate) mod peak;
    pub(crate) mod random;
}

use criterion::{BenchmarkId, Criterion, Throughput};
use fusebox::{Epilogue, Isa, Mat, MatMut, gemm, matmul};
use std::hint::black_box;
use support::naive_gemm::{Strided, naive_gemm};
use support::peak;
use support::random::random;

/// Criterion's macros would define a public function without documentation, which this crate's lints refuse.
fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    machine_peak(&mut criterion);
    squares(&mut criterion);
    digit_network(&mut criterion);
    criterion.final_summary();
}

fn machine_peak(criterion: &mut Criterion) {
    const FLOPS: u64 = 1_000_000;
    let mut group = criterion.benchmark_group("peak");
    for isa in Isa::available() {
        let flops = peak::run(isa, FLOPS);
        group.throughput(Throughput::Elements(flops));
        group.bench_function(isa.name(), |bencher| bencher.iter(|| peak::run(isa, FLOPS)));
    }
}

fn squares(criterion: &mut Criterion) {
    fixed::<8>(criterion);
    fixed::<16>(criterion);
    fixed::<32>(criterion);
    fixed::<64>(criterion);
    for size in [8, 16, 32, 64, 128, 256, 512] {
        product(criterion, "square", [size; 3], Layout::NN);
    }
}

/// The four kinds of product in a training step of a 64-32-10 network with batches of 32.
fn digit_network(criterion: &mut Criterion) {
    product(criterion, "digits hidden", [32, 32, 64], Layout::NN);
    product(criterion, "digits logits", [32, 10, 32], Layout::NN);
    product(criterion, "digits dX", [32, 32, 10], Layout::NT);
    product(criterion, "digits dW hidden", [64, 32, 32], Layout::TN);
    product(criterion, "digits dW logits", [32, 10, 32], Layout::TN);
}

/// Whether A and B are views of a transposed matrix (T) or not (N).
#[derive(Clone, Copy)]
enum Layout {
    NN,
    NT,
    TN,
}

/// A product of shapes known when it runs, by fusebox and by naive loops.
fn product(criterion: &mut Criterion, name: &str, [m, n, k]: [usize; 3], layout: Layout) {
    let (a_data, b_data, mut c) = (random(m * k), random(k * n), vec![0.0; m * n]);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
    let shape = format!("{m}x{n}x{k}");

    let plain = |data, rows, cols| Mat::new(data, rows, cols).expect("as many numbers as the shape asks for");
    let a = match layout {
        Layout::NN | Layout::NT => plain(&a_data, m, k),
        Layout::TN => plain(&a_data, k, m).t(),
    };
    let b = match layout {
        Layout::NN | Layout::TN => plain(&b_data, k, n),
        Layout::NT => plain(&b_data, n, k).t(),
    };
    group.bench_function(BenchmarkId::new("fusebox gemm", &shape), |bencher| {
        bencher.iter(|| gemm(black_box(a), black_box(b), MatMut::new(&mut c, m, n)?, Epilogue::None));
    });

    let a = match layout {
        Layout::NN | Layout::NT => Strided::new(&a_data, k),
        Layout::TN => Strided::new(&a_data, m).t(),
    };
    let b = match layout {
        Layout::NN | Layout::TN => Strided::new(&b_data, n),
        Layout::NT => Strided::new(&b_data, k).t(),
    };
    group.bench_function(BenchmarkId::new("naive", &shape), |bencher| {
        bencher.iter(|| naive_gemm(m, n, k, black_box(a), black_box(b), &mut c));
    });
}

/// A product of shapes known when it compiles.
fn fixed<const N: usize>(criterion: &mut Criterion) {
    let numbers = random(N * N);
    let a: [[f32; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| numbers[i * N + j]));
    let mut c = [[0.0; N]; N];
    let mut group = criterion.benchmark_group("square");
    group.throughput(Throughput::Elements(2 * (N * N * N) as u64));
    group.bench_function(BenchmarkId::new("fusebox matmul", format!("{N}x{N}x{N}")), |bencher| {
        bencher.iter(|| matmul(black_box(&a), black_box(&a), &mut c));
    });
}
