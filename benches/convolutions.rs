//! The ResNet-8 of MLPerf Tiny and single convolutions, in % of the machine's own limit, measured in this one run:
//!
//! ```text
//! cargo bench --bench convolutions
//! cargo bench --bench convolutions -- --only step       # those with this in their name
//! cargo bench --bench convolutions -- --tsv             # for benches/peers/convolutions.py
//! cargo bench --bench convolutions -- --check FILE      # the same, before it measures
//! ```
//!
//! ```text
//! flops of an inference, or forward     2 MACs B
//! flops of a training step              2 (3 MACs - MACs of the first layer) B: it has no gradient of its input
//! flops of forward and backward         2 (3 MACs) B: both gradients
//! % of peak                             flops / time / (flops a second of multiply-adds on registers alone, just before and after)
//! ```
//!
//! B is the batch. MACs are those of a convolution's taps inside the picture, and of dense layers. Taps in the padding, batch
//! normalisation, activations, sums, pooling, the loss and the optimiser take time, but count no flops. Time is the thread's on a
//! processor: not that while another program runs there.

mod support {
    pub(crate) mod peak;
    pub(crate) mod random;
    pub(crate) mod timing;
}
#[expect(dead_code, reason = "the table of parameters is for those who bring weights")]
#[path = "../tests/support/resnet8.rs"]
mod resnet8;

use comfy_table::{CellAlignment, Table, presets};
use fusebox::layers::{Conv2d, DepthwiseConv2d, Window};
use fusebox::{
    Aligned, Derivative, Init, InputGradient, Isa, Layer, Optimizer, Pair, Plain, Rng, Scratch, Sgd, Train,
    Whole, Workspace, Zeroed,
};
use resnet8::{Folded, Picture, ResNet8, fold};
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use support::peak;
use support::random::random;
use support::timing::{median, rate, seconds};

/// So small that thousands of steps leave the network what it was.
const RATE: f32 = 1e-6;
/// Operations of a loop on registers.
const PEAK_FLOPS: u64 = 30_000_000;
/// What a batch of runs takes, at least.
const BATCH: Duration = Duration::from_millis(2);

// Too large for a stack.
static NET: Mutex<Aligned<ResNet8>> = Mutex::new(Aligned(ResNet8::ZEROED));
static FOLDED: Mutex<Aligned<Folded>> = Mutex::new(Aligned(Folded::ZEROED));
static SCRATCH: Mutex<Scratch<Folded, 1>> = Mutex::new(Scratch::new());
static STEP_1: Mutex<Workspace<ResNet8, 1>> = Mutex::new(Workspace::new());
static STEP_32: Mutex<Workspace<ResNet8, 32>> = Mutex::new(Workspace::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something to time, and its flops.
struct Case {
    name: String,
    flops: u64,
    run: Box<dyn FnMut()>,
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // `cargo bench -- --test` wants to know only that it runs.
    let rounds = if has("--test") { 1 } else { 25 };
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|i| arguments.get(i + 1));
    if let Some(i) = arguments.iter().position(|argument| argument == "--check") {
        return check(&std::fs::read(&arguments[i + 1]).expect("a file"));
    }
    let isa = Isa::detect();
    let mut cases = cases(isa);
    if let Some(only) = only {
        cases.retain(|case| case.name.contains(only.as_str()));
    }
    let times: Vec<_> = cases.iter_mut().map(times).collect();
    let (mut parts, mut seconds) = (vec![Vec::new(); cases.len()], vec![Vec::new(); cases.len()]);
    let mut peaks = Vec::new();
    for _ in 0..rounds {
        for (i, case) in cases.iter_mut().enumerate() {
            (case.run)();
            let before = rate(|| peak::run(isa, PEAK_FLOPS));
            let time = time(case, times[i]) / times[i] as f64;
            let peak = 0.5 * (before + rate(|| peak::run(isa, PEAK_FLOPS)));
            parts[i].push(case.flops as f64 / time / peak);
            seconds[i].push(time);
            peaks.push(peak);
        }
    }
    let peak = median(peaks);
    let measured = parts.into_iter().zip(seconds).map(|(parts, seconds)| (median(parts), median(seconds)));
    if has("--tsv") {
        println!("peak\t{peak}");
        for (case, (part, seconds)) in cases.iter().zip(measured) {
            println!("{}\t{}\t{seconds:e}\t{part}", case.name, case.flops);
        }
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["", "Mflop", "microseconds", "% of peak"]);
    for (case, (part, seconds)) in cases.iter().zip(measured) {
        let mflop = format!("{:.2}", 1e-6 * case.flops as f64);
        table.add_row([
            case.name.clone(),
            mflop,
            format!("{:.1}", 1e6 * seconds),
            format!("{:.1}", 100.0 * part),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!(
        "one thread, {isa}, % of the multiply-add peak in this run, {:.1} Gflop/s (median of {rounds})",
        1e-9 * peak
    );
    println!(
        "flops: inference and forward 2 MACs B, step 2 (3 MACs - the first layer's) B, forward and backward 2 (3 MACs) B;"
    );
    println!(
        "MACs of taps inside the picture and of dense layers; all else counts time, but no flops\n{table}"
    );
}

/// Prints what a network and a picture, their numbers as bytes, give: logits, folded and not; the loss of a step for class 3 at rate
/// 0.01, and the logits after it.
fn check(bytes: &[u8]) {
    let (net, picture) = bytes.split_at(size_of::<ResNet8>());
    lock(&NET).0 = ResNet8::copy_from_bytes(net).expect("78,666 parameters and a picture");
    let xs = [Picture::copy_from_bytes(picture).expect("a picture")];
    fold(&lock(&NET).0, &mut lock(&FOLDED).0);
    let (mut ys, mut scratch) = ([[0.0; 10]], Box::new(Scratch::<ResNet8, 1>::new()));
    lock(&FOLDED).0.infer(&xs, &mut lock(&SCRATCH), &mut ys).expect("a batch of one");
    println!("{ys:?}");
    lock(&NET).0.infer(&xs, &mut scratch, &mut ys).expect("a batch of one");
    println!("{ys:?}");
    let loss =
        lock(&STEP_1).train_step(&mut lock(&NET).0, &xs, &[3], &Sgd::new(0.01)).expect("a batch of one");
    println!("[[{loss}]]");
    lock(&NET).0.infer(&xs, &mut scratch, &mut ys).expect("a batch of one");
    println!("{ys:?}");
}

fn cases(isa: Isa) -> Vec<Case> {
    type C16 = [[[f32; 16]; 32]; 32];
    type C64 = [[[f32; 64]; 24]; 24];
    type Full = Conv2d<C16, C16, 3, 3, 16, 16>;
    type Depthwise = DepthwiseConv2d<C64, C64, 3, 3, 64, Window>;
    lock(&NET).0.init(Init::He, &mut Rng::new(1));
    let xs = &*pictures::<32, 32, 3>(32);
    // Statistics of its own, for the folded network.
    let labels: Vec<u8> = (0..32).map(|i| i % 10).collect();
    let _ = lock(&STEP_32).train_step(&mut lock(&NET).0, xs, &labels, &Sgd::new(RATE));
    fold(&lock(&NET).0, &mut lock(&FOLDED).0);

    let [first, all] = macs();
    let step = 2 * (3 * all - first);
    let mut cases = Vec::new();
    let (x, mut ys) = (xs[0], [[0.0; 10]; 1]);
    cases.push(Case {
        name: "ResNet-8 inference, batch 1".into(),
        flops: 2 * all,
        run: Box::new(move || {
            let _ = lock(&FOLDED).0.infer(black_box(&[x]), &mut lock(&SCRATCH), &mut ys);
            black_box(ys);
        }),
    });
    cases.push(Case {
        name: "ResNet-8 step, batch 1".into(),
        flops: step,
        run: Box::new(move || {
            let _ = black_box(lock(&STEP_1).train_step(
                &mut lock(&NET).0,
                black_box(&[x]),
                &[3],
                &Sgd::new(RATE),
            ));
        }),
    });
    cases.push(Case {
        name: "ResNet-8 step, batch 32".into(),
        flops: 32 * step,
        run: Box::new(move || {
            let xs = black_box(xs);
            let _ = black_box(lock(&STEP_32).train_step(&mut lock(&NET).0, xs, &labels, &Sgd::new(RATE)));
        }),
    });
    for batch in [1, 32] {
        let taps = inside(32, 3, 1).pow(2) * 16 * 16;
        cases.extend(layer::<32, 32, 16, Full>(isa, "conv 3x3 16 to 16, 32x32", taps, batch));
        let taps = inside(24, 3, 1).pow(2) * 64;
        cases.extend(layer::<24, 24, 64, Depthwise>(isa, "depthwise 3x3 of 64, 24x24", taps, batch));
    }
    cases
}

/// Pairs of an output and a tap that lies inside a picture of `size` positions, padded as `Same`.
fn inside(size: usize, kernel: usize, stride: usize) -> u64 {
    let outputs = size.div_ceil(stride);
    let before = ((outputs - 1) * stride + kernel).saturating_sub(size) / 2;
    let positions = (0..outputs).flat_map(|y| (0..kernel).map(move |tap| y * stride + tap));
    positions.filter(|&position| (before..before + size).contains(&position)).count() as u64
}

/// Multiply-adds of ResNet-8's first layer, and of all, for a picture.
fn macs() -> [u64; 2] {
    let conv = |size, kernel, stride, channels: u64, filters: u64| {
        inside(size, kernel, stride).pow(2) * channels * filters
    };
    let first = conv(32, 3, 1, 3, 16);
    let stack1 = 2 * conv(32, 3, 1, 16, 16);
    let stack2 = conv(32, 3, 2, 16, 32) + conv(16, 3, 1, 32, 32) + conv(32, 1, 2, 16, 32);
    let stack3 = conv(16, 3, 2, 32, 64) + conv(8, 3, 1, 64, 64) + conv(16, 1, 2, 32, 64);
    [first, first + stack1 + stack2 + stack3 + 640]
}

/// Pictures of random numbers, the first of which begins at the start of a cache line: for the rest of the program.
fn pictures<const H: usize, const W: usize, const C: usize>(
    count: usize,
) -> &'static mut [[[[f32; C]; W]; H]] {
    const LINE: usize = 16;
    let len = count * H * W * C;
    let numbers = random(len + LINE).leak();
    let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
    numbers[start..start + len].as_chunks_mut().0.as_chunks_mut().0.as_chunks_mut().0
}

/// A layer's forward pass, and with it both gradients and the update of the weights.
fn layer<const H: usize, const W: usize, const C: usize, L>(
    isa: Isa,
    name: &str,
    macs: u64,
    batch: usize,
) -> [Case; 2]
where
    L: Train<Gradients = (), State<Sgd> = Pair<(), ()>>
        + Layer<Input = [[[f32; C]; W]; H], Output = [[[f32; C]; W]; H]>
        + Plain,
{
    [false, true].map(|both_ways| {
        let mut layer = Box::new(Aligned(L::ZEROED));
        layer.0.init(Init::He, &mut Rng::new(1));
        let [xs, ys, dxs, dys] = [(); 4].map(|()| pictures::<H, W, C>(batch));
        let mut tape: Vec<_> = (0..batch).map(|_| L::Tape::ZEROED).collect();
        let mut gradients = vec![(); batch];
        let run: Box<dyn FnMut()> = Box::new(move || {
            let (pace, layer) = (&mut Whole::on(isa), &mut layer.0);
            layer.forward(pace, black_box(&*xs), None, &mut tape, ys);
            black_box(&*ys);
            if both_ways {
                let dx = InputGradient::into(dxs, Derivative::One);
                layer.backward(pace, xs, &tape, black_box(&*dys), &mut gradients, dx);
                black_box(&*dxs);
                let mut sweep = Sgd::new(RATE).begin(&mut (), batch as f32);
                layer.update::<Sgd, _>(pace, xs, &tape, dys, &gradients, &mut sweep, &mut Pair((), ()));
            }
        });
        let (way, passes) = if both_ways { ("both ways", 3) } else { ("forward", 1) };
        Case { name: format!("{name}, {way}, batch {batch}"), flops: 2 * passes * macs * batch as u64, run }
    })
}

/// How often to run for a batch of runs.
fn times(case: &mut Case) -> u32 {
    (case.run)();
    let mut times = 1;
    while Duration::from_secs_f64(time(case, times)) < BATCH {
        times *= 2;
    }
    times
}

/// Seconds.
fn time(case: &mut Case, times: u32) -> f64 {
    seconds(|| (0..times).for_each(|_| (case.run)()))
}
