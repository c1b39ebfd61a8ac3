//! Products of eight bits, in % of the machine's own limit, measured in the same run, and beside plain loops:
//!
//! ```text
//! cargo bench --bench int8
//! ```
//!
//! A product is that of a `Dense` of `k` inputs and `n` outputs on `m` rows, with the requantisation of its sums. The limit is
//! that of its instruction set's products of bytes on registers alone (`support/peak8.rs`), just before and after. Time is the
//! thread's on a processor. A row alone is bound by reading the weights: so beside the limit stands how many bytes of them
//! a nanosecond brings. Then three networks of MLPerf Tiny, of random weights, on one input: "ToyCar", an autoencoder of ten layers
//! and 264,192 weights; "keywords", a DS-CNN of 2.7 million products; "ResNet-8", of 12.5 million (`benches/peers/int8.py`
//! has LiteRT's times).

mod support {
    pub(crate) mod peak8;
    pub(crate) mod timing;
}

use fusebox::int8::{
    Add, AvgPool2d, Clamp, Conv2d, Dense, DepthwiseConv2d, Parallel, Picture, Quantization, Region, Residual,
    Slice, Softmax, Tensor, WeightScale,
};
use fusebox::layers::{Same, Steps, Window};
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
    keywords(rounds);
    resnet(rounds);
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
    let net: Net = net;
    bench_net("ToyCar", net, [1; 640], [0; 640], rounds);
}

/// A picture of `H` rows of `W` pixels of `C` numbers.
type Map<const H: usize, const W: usize, const C: usize> = [[[i8; C]; W]; H];
type Once = Window<Same>;
type Halving = Window<Same, 2, 2>;

/// MLPerf Tiny's keywords: a spectrum, one convolution, four depthwise ones each with one of 1 x 1 after it.
fn keywords(rounds: usize) {
    type M = Map<25, 5, 64>;
    let separable = || chain(depthwise::<M, M, 3, 3, 64, Once>(), conv::<M, M, 1, 1, 64, 64, Once>());
    let four = chain(separable(), chain(separable(), chain(separable(), separable())));
    let pool = AvgPool2d::<M, Map<1, 1, 64>, 25, 5>::new(Clamp::of(Y));
    let classes = chain(row::<Map<1, 1, 64>, 64>(), layer::<64, 12>());
    let end = chain(pool, chain(classes, Softmax::<12>::new(Y, 1.0).expect("a scale")));
    let net = chain(conv::<Map<49, 10, 1>, M, 10, 4, 1, 64, Halving>(), chain(four, end));
    bench_net("keywords", net, [[[1]; 10]; 49], [0; 12], rounds);
}

/// MLPerf Tiny's pictures: three blocks of two convolutions with a shortcut.
fn resnet(rounds: usize) {
    type A = Map<32, 32, 16>;
    type B = Map<16, 16, 32>;
    type C = Map<8, 8, 64>;
    let first = Residual {
        layer: chain(conv::<A, A, 3, 3, 16, 16, Once>(), conv::<A, A, 3, 3, 16, 16, Once>()),
        join: Add::<A>::new(X, Y, Y, Clamp::relu(Y)).expect("scales"),
    };
    let second = Parallel {
        first: conv::<A, B, 1, 1, 16, 32, Halving>(),
        second: chain(conv::<A, B, 3, 3, 16, 32, Halving>(), conv::<B, B, 3, 3, 32, 32, Once>()),
        join: Add::<B>::new(X, Y, Y, Clamp::relu(Y)).expect("scales"),
    };
    let third = Parallel {
        first: conv::<B, C, 1, 1, 32, 64, Halving>(),
        second: chain(conv::<B, C, 3, 3, 32, 64, Halving>(), conv::<C, C, 3, 3, 64, 64, Once>()),
        join: Add::<C>::new(X, Y, Y, Clamp::relu(Y)).expect("scales"),
    };
    let pool = AvgPool2d::<C, Map<1, 1, 64>, 8, 8>::new(Clamp::of(Y));
    let classes = chain(row::<Map<1, 1, 64>, 64>(), layer::<64, 10>());
    let end = chain(pool, chain(classes, Softmax::<10>::new(Y, 1.0).expect("a scale")));
    let blocks = chain(first, chain(second, third));
    let net = chain(conv::<Map<32, 32, 3>, A, 3, 3, 3, 16, Once>(), chain(blocks, end));
    bench_net("ResNet-8", net, [[[1; 3]; 32]; 32], [0; 10], rounds);
}

/// One input, on every instruction set.
fn bench_net<N: Layer>(name: &str, net: N, x: N::Input, y: N::Output, rounds: usize) {
    let (net, xs, mut ys) = (Box::new(net), [x], [y]);
    let mut scratch = Box::new(Scratch::<N, 1>::new());
    for isa in Isa::available() {
        let mut run = || {
            let done = net.infer_with(isa, black_box(&xs), &mut scratch, black_box(&mut ys));
            done.expect("one row");
        };
        let times = repeats(&mut run);
        let time = median((0..rounds).map(|_| each(times, &mut run)).collect());
        println!("{name:18} {:>9} {:13.3}", isa.name(), 1e6 * time);
    }
}

/// All numbers of a picture as a row.
fn row<I: Tensor, const N: usize>() -> Slice<I, [i8; N]> {
    let all = [1, 1, 1, N as u32];
    Slice::new(Region { whole: all, part: all, start: [0; 4], step: [1; 4] }).expect("all of it")
}

/// Of random weights.
fn conv<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const C: usize,
    const F: usize,
    G: Steps,
>() -> Conv2d<I, O, KH, KW, C, F, G> {
    let mut weight = [[[[0; C]; KW]; KH]; F];
    fill(weight.as_flattened_mut().as_flattened_mut().as_flattened_mut());
    let layer = Conv2d::new(&weight, &[9; F], X, WeightScale::Tensor(0.02), Y, Clamp::relu(Y));
    layer.expect("scales that are positive")
}

/// Of random weights.
fn depthwise<
    I: Picture<Number = i8>,
    O: Picture<Number = i8>,
    const KH: usize,
    const KW: usize,
    const F: usize,
    G: Steps,
>() -> DepthwiseConv2d<I, O, KH, KW, F, G> {
    let mut weight = [[[0; F]; KW]; KH];
    fill(weight.as_flattened_mut().as_flattened_mut());
    let layer = DepthwiseConv2d::new(&weight, &[9; F], X, WeightScale::Tensor(0.02), Y, Clamp::relu(Y));
    layer.expect("scales that are positive")
}

fn fill(weight: &mut [i8]) {
    let random = bytes(&mut Rng::new(1), weight.len());
    weight.copy_from_slice(&random);
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
