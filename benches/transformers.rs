//! Training steps of transformers, in % of the machine's own limit, measured in this one run:
//!
//! ```text
//! cargo bench --bench transformers
//! cargo bench --bench transformers -- --only GPT-2      # those with this in their name
//! cargo bench --bench transformers -- --tsv             # for benches/peers/sequences.py
//! ```
//!
//! ```text
//! flops of a step       2 (3 MACs of dense layers and scores + 7 pairs D LAYERS) B
//! % of peak             flops / time / (flops a second of multiply-adds on registers alone, just before and after)
//! % of floor            (flops / peak + bytes / bandwidth) / time
//! bytes                 of parameters that no cache holds: read by forward and backward, read and written with two moments, 32 for each
//! bandwidth             bytes that are read and written a second, in a sweep over 256 MB
//! ```
//!
//! B is the batch; pairs are those of a position and one that it sees, T (T + 1) / 2: attention is two products forward and five
//! backward. Normalisation, activations, sums, softmax, the loss and the optimiser take time, but count no flops. Time is the
//! thread's on a processor: not that while another program runs there.

mod support {
    pub(crate) mod peak;
    pub(crate) mod timing;
}
#[path = "../examples/support/gpt.rs"]
mod gpt;

use comfy_table::{CellAlignment, Table, presets};
use fusebox::{
    AdamW, Attention, ClipNorm, CrossEntropy, Dense, Each, EachPosition, GeluTanh, Init, Isa, Label,
    LayerNorm, Loss, Optimizer, Positions, Repeat, Residual, Rng, Seq, Sgd, TiedEmbedding, Train, Workspace,
    boxed,
};
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use support::peak;
use support::timing::{median, rate, seconds};

/// GPT-2 with 124 million parameters, on 64 tokens.
mod gpt2 {
    use super::*;

    pub(crate) const T: usize = 64;
    pub(crate) const D: usize = 768;
    pub(crate) const LAYERS: usize = 12;
    pub(crate) const V: usize = 50_257;
    type Look = Seq![
        Each<T, Seq![LayerNorm<D>, Dense<D, { 3 * D }>]>,
        Attention<T, 12, 64, 12, { 3 * D }, D>,
        Each<T, Dense<D, D>>,
    ];
    type Think = Each<T, Seq![LayerNorm<D>, Dense<D, { 4 * D }, GeluTanh>, Dense<{ 4 * D }, D>]>;
    type Block = Seq![Residual<Look>, Residual<Think>];
    pub(crate) type Net =
        TiedEmbedding<T, V, D, Seq![Positions<T, D>, Repeat<LAYERS, Block>, Each<T, LayerNorm<D>>]>;
}

/// Operations of a loop on registers.
const PEAK_FLOPS: u64 = 100_000_000;

/// Something to time: its flops, and how often.
struct Case {
    name: &'static str,
    flops: u64,
    /// To and from memory.
    bytes: u64,
    rounds: usize,
    run: fn() -> Box<dyn FnMut()>,
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // `cargo bench -- --test` wants to know only that it runs.
    let test = has("--test");
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|i| arguments.get(i + 1));
    let isa = Isa::detect();
    let (mut table, mut peaks, mut lines) = (Table::new(), Vec::new(), Vec::new());
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["", "Gflop", "milliseconds", "% of peak", "% of floor"]);
    for case in cases().iter().filter(|case| only.is_none_or(|only| case.name.contains(only.as_str()))) {
        if test && case.flops > 20_000_000_000 {
            continue;
        }
        let mut run = (case.run)();
        run();
        let (mut parts, mut times, mut floors) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..if test { 1 } else { case.rounds } {
            let before = rate(|| peak::run(isa, PEAK_FLOPS));
            let time = seconds(&mut run);
            let peak = 0.5 * (before + rate(|| peak::run(isa, PEAK_FLOPS)));
            let bandwidth = if case.bytes > 0 { bandwidth() } else { f64::INFINITY };
            parts.push(case.flops as f64 / time / peak);
            floors.push((case.flops as f64 / peak + case.bytes as f64 / bandwidth) / time);
            times.push(time);
            peaks.push(peak);
        }
        let (part, time) = (median(parts), median(times));
        lines.push(format!("{}\t{}\t{time:e}\t{part}", case.name, case.flops));
        let gflop = format!("{:.2}", 1e-9 * case.flops as f64);
        let (time, floor) = (format!("{:.1}", 1e3 * time), median(floors));
        let [part, floor] = [part, floor].map(|part| format!("{:.1}", 100.0 * part));
        table.add_row([case.name.into(), gflop, time, part, floor]);
    }
    let peak = median(peaks);
    if has("--tsv") {
        return println!("peak\t{peak}\n{}", lines.join("\n"));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!(
        "one thread, {isa}, % of the multiply-add peak in this run, {:.1} Gflop/s\n{table}",
        1e-9 * peak
    );
}

fn cases() -> [Case; 3] {
    const NANO: u64 = flops(12, gpt::T, gpt::D, gpt::LAYERS, 65);
    [
        Case {
            name: "nanoGPT step",
            flops: NANO,
            bytes: 0,
            rounds: 25,
            run: || nano(ClipNorm::new(adam(), 1.0)),
        },
        Case { name: "nanoGPT step, Sgd", flops: NANO, bytes: 0, rounds: 25, run: || nano(Sgd::new(1e-6)) },
        Case {
            name: "GPT-2 124M step",
            flops: flops(4, gpt2::T, gpt2::D, gpt2::LAYERS, gpt2::V),
            bytes: 32 * (size_of::<gpt2::Net>() / size_of::<f32>()) as u64,
            rounds: 5,
            run: || {
                let mut net = boxed::<gpt2::Net>();
                net.init(Init::Gpt, &mut Rng::new(1));
                step::<4, { gpt2::T }, _, u16, _, CrossEntropy<u16>>(
                    net,
                    gpt2::V,
                    adam(),
                    CrossEntropy::new(),
                )
            },
        },
    ]
}

/// AdamW, so slow that the network stays what it was.
fn adam() -> AdamW {
    AdamW::new(1e-9, 0.1).weights_only()
}

fn nano<O: Optimizer + 'static>(optimizer: O) -> Box<dyn FnMut()> {
    let mut net = boxed::<gpt::Gpt<65>>();
    gpt::init(&mut net, &mut Rng::new(1));
    step::<12, { gpt::T }, _, u8, _, CrossEntropy>(net, 65, optimizer, CrossEntropy)
}

/// A step on random tokens.
fn step<const B: usize, const T: usize, N, K, O, L>(
    mut net: Box<N>,
    vocabulary: usize,
    optimizer: O,
    loss: L,
) -> Box<dyn FnMut()>
where
    N: Train<Input = [K; T]> + 'static,
    K: Label + 'static,
    O: Optimizer + 'static,
    EachPosition<L>: Loss<N::Output, Target = [K; T]>,
    L: 'static,
{
    let mut rng = Rng::new(2);
    let mut tokens = || -> Vec<[K; T]> {
        let mut token = || K::try_from(rng.below(vocabulary as u32) as usize).unwrap_or_default();
        (0..B).map(|_| std::array::from_fn(|_| token())).collect()
    };
    let (xs, next) = (tokens(), tokens());
    let mut workspace = Workspace::<N, B, O, _>::boxed_with_loss(EachPosition(loss));
    Box::new(move || {
        workspace.train_step(&mut net, &xs, &next, &optimizer).expect("tokens below the vocabulary");
    })
}

/// Of a training step.
const fn flops(batch: usize, t: usize, d: usize, layers: usize, vocabulary: usize) -> u64 {
    let dense = (layers * 12 * d * d + vocabulary * d) * t;
    let pairs = layers * t * (t + 1) / 2 * d;
    (2 * batch * (3 * dense + 7 * pairs)) as u64
}

/// Bytes that are read and written a second, beyond all caches.
fn bandwidth() -> f64 {
    static MEMORY: Mutex<Vec<f32>> = Mutex::new(Vec::new());
    let mut numbers = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    numbers.resize(64 << 20, 1.0);
    let time = seconds(|| numbers.iter_mut().for_each(|x| *x = *x * 0.5 + 0.5));
    black_box(&mut *numbers);
    2.0 * size_of_val(numbers.as_slice()) as f64 / time
}
