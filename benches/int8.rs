//! Products of eight bits, in % of the machine's own limit, measured in the same run, and beside plain loops:
//!
//! ```text
//! cargo bench --bench int8
//! ```
//!
//! A product is that of a `Dense` of `k` inputs and `n` outputs on `m` rows, with the requantisation of its sums. The limit is
//! that of its instruction set's products of bytes on registers alone (`support/peak8.rs`), just before and after. Products
//! count two operations each. Time is the thread's on a processor. A row alone is bound by reading the weights: beside the
//! limit stands how many bytes of them a nanosecond brings.

mod support {
    pub(crate) mod peak8;
    pub(crate) mod timing;
}

use fusebox::int8::{Clamp, Dense, Quantization, WeightScale};
use fusebox::{Isa, Layer, Rng};
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
    let layer = Dense::<IN, OUT>::new(weight, &[9; OUT], X, WeightScale::Tensor(0.02), Y, Clamp::of(Y));
    let layer = Box::new(layer.expect("scales that are positive"));
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
