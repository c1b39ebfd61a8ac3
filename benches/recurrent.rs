//! Training steps and inference of recurrent layers, in % of the machine's own limit, measured in the same run:
//!
//! ```text
//! cargo bench --bench recurrent
//! cargo bench --bench recurrent -- --tsv       # for benches/peers/sequences.py
//! ```
//!
//! ```text
//! MACs                        T (IN + H) GATES H B
//! flops of an inference       2 MACs
//! flops of a training step    2 (3 MACs - T IN GATES H B): there is no gradient of the input
//! % of peak                   flops / time / (flops a second of multiply-adds on registers alone, just before and after)
//! ```
//!
//! Gates' functions, the loss and the optimiser take time, but count no flops. Time is the thread's on a processor. A
//! step's loss is that of the last output, and its optimiser plain descent.

mod support {
    pub(crate) mod peak;
    pub(crate) mod random;
    pub(crate) mod timing;
}

use fusebox::{Chain, Gru, Init, Isa, Last, Lstm, Mse, Plain, Rng, Scratch, Sgd, Train, Workspace, Zeroed};
use std::hint::black_box;
use support::peak;
use support::random::random;
use support::timing::{median, rate, seconds};

/// So small that thousands of steps leave the network what it was.
const RATE: f32 = 1e-6;
/// Operations of a loop on registers.
const PEAK_FLOPS: u64 = 30_000_000;
/// What the runs that are measured together take, at least, in seconds.
const BATCH: f64 = 2e-3;

/// On a stack that holds the largest workspace on its way to the heap.
fn main() {
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(benches);
    thread.expect("a thread").join().expect("no panic");
}

fn benches() {
    // `cargo bench -- --test` wants to know only that it runs.
    let rounds = if is_given("--test") { 1 } else { 25 };
    if !is_given("--tsv") {
        println!("{:36} {:>8} {:>14} {:>10}", "", "Mflop", "microseconds", "% of peak");
    }
    bench::<Gru<28, 28, 20>, 28, 28, 20, 1>("GRU 28 -> 20, 28 positions", 3, rounds);
    bench::<Lstm<28, 28, 20>, 28, 28, 20, 1>("LSTM 28 -> 20, 28 positions", 4, rounds);
    bench::<Gru<28, 28, 20>, 28, 28, 20, 32>("GRU 28 -> 20, 28 positions", 3, rounds);
    bench::<Lstm<49, 40, 128>, 49, 40, 128, 32>("LSTM 40 -> 128, 49 positions", 4, rounds);
}

fn is_given(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

fn bench<N, const T: usize, const IN: usize, const H: usize, const B: usize>(
    name: &str,
    gates: u64,
    rounds: usize,
) where
    N: Train<Input = [[f32; IN]; T], Output = [[f32; H]; T]> + Plain,
{
    type Net<N, const T: usize, const H: usize> = Chain<N, Last<T, H>>;
    let isa = Isa::detect();
    let mut net = Box::new(Net::<N, T, H>::ZEROED);
    net.init(Init::Glorot, &mut Rng::new(1));
    let xs: Vec<[[f32; IN]; T]> = random(B * T * IN).as_chunks::<IN>().0.as_chunks::<T>().0.to_vec();
    let targets: Vec<[f32; H]> = random(B * H).as_chunks::<H>().0.to_vec();
    let (t, input, h, b) = (T as u64, IN as u64, H as u64, B as u64);
    let macs = t * (input + h) * gates * h * b;

    let mut workspace = Box::new(Workspace::<Net<N, T, H>, B, Sgd, Mse>::with_loss(Mse));
    let mut step = || {
        let loss = workspace.train_step(&mut *net, black_box(&xs), black_box(&targets), &Sgd::new(RATE));
        black_box(loss).expect("rows that fit");
    };
    let flops = 2 * (3 * macs - t * input * gates * h * b);
    report(&format!("{name}, step of {B}"), isa, flops, rounds, &mut step);

    let mut scratch = Box::new(Scratch::<N, B>::new());
    let mut ys = vec![[[0.0; H]; T]; B];
    let mut infer = || net.first.infer(black_box(&xs), &mut scratch, &mut ys).expect("rows that fit");
    report(&format!("{name}, inference of {B}"), isa, 2 * macs, rounds, &mut infer);
}

/// Runs it, and prints its medians.
fn report(name: &str, isa: Isa, flops: u64, rounds: usize, run: &mut dyn FnMut()) {
    let mut times = 1;
    while seconds(|| (0..times).for_each(|_| run())) < BATCH {
        times *= 2;
    }
    let (mut parts, mut all) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = rate(|| peak::run(isa, PEAK_FLOPS));
        let time = seconds(|| (0..times).for_each(|_| run())) / times as f64;
        parts.push(flops as f64 / time / (0.5 * (before + rate(|| peak::run(isa, PEAK_FLOPS)))));
        all.push(time);
    }
    let (time, part) = (median(all), median(parts));
    if is_given("--tsv") {
        println!("{name}\t{flops}\t{time:e}\t{part}");
    } else {
        println!("{name:36} {:8.2} {:14.2} {:10.1}", 1e-6 * flops as f64, 1e6 * time, 100.0 * part);
    }
}
