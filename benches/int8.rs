//! Products of eight bits, in % of the machine's own limit, measured in the same run, and beside plain loops:
//!
//! ```text
//! cargo bench --bench int8
//! ```
//!
//! A product is that of a `Dense` of `k` inputs and `n` outputs on `m` rows, with the requantisation of its sums. The limit is
//! that of its instruction set's products of bytes on registers alone (`support/peak8.rs`), just before and after. Time is the
//! thread's on a processor. A row alone is bound by reading the weights: so beside the limit stands how many bytes of them
//! a nanosecond brings. "ToyCar" is one input of MLPerf Tiny's autoencoder, ten layers of 264,192 weights
//! (`benches/peers/int8.py` has LiteRT's time).

mod support {
    pub(crate) mod peak8;
    pub(crate) mod timing;
}

use fusebox::int8::{Clamp, Dense, Quantization, WeightScale};
use fusebox::{Chain, Isa, Layer, Rng, Scratch, Seq};
use std::hint::black_box;
use support::peak8;
use support::timing::{median, rate, seconds};

/// Products of a loop on registers.
const PEAK_PRODUCTS: u64 = 60_000_000;
/// What the runs that are measured together take, at least, in seconds.
const BATCH: f64 = 1e-3;
const X: Quantization = Quantization { scale: 0.02, zero: -3 };
const Y: Quantization = Quantization { scale: 0.5, zero: 5 };

/// On a stack that holds the largest layer on its way to the heap.
fn main() {
    let thread = std::thread::Builder::new().stack_size(1 << 26).spawn(benches);
    thread.expect("a thread").join().expect("no panic");
}

fn benches() {
    // `cargo bench -- --test` wants to know only that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 25 };
    println!(
        "{:18} {:>9} {:>13} {:>10} {:>13} {:>13}",
        "m x k x n", "", "microseconds", "% of peak", "weights, GB/s", "times plain"
    );
    bench::<64, 64>(64, rounds);
    bench::<128, 128>(128, rounds);
    bench::<256, 256>(256, rounds);
    bench::<512, 512>(512, rounds);
    bench::<27, 16>(1024, rounds);
    bench::<64, 64>(125, rounds);
    bench::<128, 10>(32, rounds);
    bench::<640, 128>(1, rounds);
    bench::<784, 128>(1, rounds);
    bench::<128, 128>(1, rounds);
    bench::<128, 10>(1, rounds);
    bench::<16, 16>(1, rounds);
    toy_car(rounds);
}

fn bytes(rng: &mut Rng, len: usize) -> Vec<i8> {
    (0..len).map(|_| rng.next_u32() as i8).collect()
}

/// A layer on `m` rows, on every instruction set.
fn bench<const IN: usize, const OUT: usize>(m: usize, rounds: usize) {
    let mut rng = Rng::new(1);
    let (xs, weight) = (bytes(&mut rng, m * IN), bytes(&mut rng, OUT * IN));
    let xs = xs.as_chunks::<IN>().0;
    let weight: &[[i8; IN]; OUT] = weight.as_chunks().0.try_into().expect("as many rows");
    let layer = Box::new(layer::<IN, OUT>());
    let mut ys = vec![[0; OUT]; m];
    let products = (m * IN * OUT) as u64;

    let mut plain = || naive(black_box(xs), black_box(weight), black_box(&mut ys));
    let times = repeats(&mut plain);
    let plain = median((0..rounds).map(|_| each(times, &mut plain)).collect());

    for isa in Isa::available() {
        let mut run = || layer.run(isa, black_box(xs), &mut [], black_box(&mut ys));
        let times = repeats(&mut run);
        let (mut parts, mut all) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let before = rate(|| peak8::run(isa, PEAK_PRODUCTS));
            let time = each(times, &mut run);
            let peak = 0.5 * (before + rate(|| peak8::run(isa, PEAK_PRODUCTS)));
            parts.push(products as f64 / time / peak);
            all.push(time);
        }
        let (name, time) = (format!("{m} x {IN} x {OUT}"), median(all));
        let (part, weights) = (100.0 * median(parts), 1e-9 * (IN * OUT) as f64 / time);
        println!(
            "{name:18} {:>9} {:13.3} {part:10.1} {weights:13.1} {:13.1}",
            isa.name(),
            1e6 * time,
            plain / time
        );
    }
}

/// As many bytes of weights as MLPerf Tiny's network for the sounds of toy cars, in as many layers.
fn toy_car(rounds: usize) {
    type Net = Seq![
        Dense<640, 128>, Dense<128, 128>, Dense<128, 128>, Dense<128, 128>, Dense<128, 8>,
        Dense<8, 128>, Dense<128, 128>, Dense<128, 128>, Dense<128, 128>, Dense<128, 640>,
    ];
    let decoder = chain(layer(), chain(layer(), chain(layer(), chain(layer(), layer()))));
    let net = chain(layer(), chain(layer(), chain(layer(), chain(layer(), chain(layer(), decoder)))));
    let net: Box<Net> = Box::new(net);
    let xs = [std::array::from_fn(|i| i as i8)];
    let (mut ys, mut scratch) = ([[0; 640]], Scratch::<Net, 1>::new());
    for isa in Isa::available() {
        let mut run = || {
            let done = net.infer_with(isa, black_box(&xs), &mut scratch, black_box(&mut ys));
            done.expect("one row");
        };
        let times = repeats(&mut run);
        let time = median((0..rounds).map(|_| each(times, &mut run)).collect());
        println!("{:18} {:>9} {:13.3}", "ToyCar", isa.name(), 1e6 * time);
    }
}

fn chain<A, R>(first: A, rest: R) -> Chain<A, R> {
    Chain { first, rest }
}

/// Of random weights.
fn layer<const IN: usize, const OUT: usize>() -> Dense<IN, OUT> {
    let weight = bytes(&mut Rng::new(1), OUT * IN);
    let weight: &[[i8; IN]; OUT] = weight.as_chunks().0.try_into().expect("as many rows");
    let layer = Dense::new(weight, &[9; OUT], X, WeightScale::Tensor(0.02), Y, Clamp::of(Y));
    layer.expect("scales that are positive")
}

/// As anybody would write it first.
fn naive<const IN: usize, const OUT: usize>(xs: &[[i8; IN]], weight: &[[i8; IN]; OUT], ys: &mut [[i8; OUT]]) {
    for (x, y) in xs.iter().zip(ys) {
        for (y, row) in y.iter_mut().zip(weight) {
            let products =
                x.iter().zip(row).map(|(&x, &w)| (i32::from(x) - i32::from(X.zero)) * i32::from(w));
            let sum = (9 + products.sum::<i32>()) as f32;
            *y = ((X.scale * 0.02 / Y.scale * sum).round() + f32::from(Y.zero)).clamp(-128.0, 127.0) as i8;
        }
    }
}

/// How often it must run to take long enough to be measured.
fn repeats(run: &mut dyn FnMut()) -> u32 {
    let mut times = 1;
    while seconds(|| (0..times).for_each(|_| run())) < BATCH {
        times *= 2;
    }
    times
}

/// Seconds of one of so many runs.
fn each(times: u32, run: &mut dyn FnMut()) -> f64 {
    seconds(|| (0..times).for_each(|_| run())) / f64::from(times)
}
