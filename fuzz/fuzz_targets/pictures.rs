//! Convolutions, pools and normalisation on any pictures, in batches of any size, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run pictures
//! ```
//!
//! Nothing panics, whatever the numbers. Instruction sets that are alike in fusing learn the same weights, a step in slices is the whole
//! step, and a picture alone has the bits it has among others. A batch that is wrong is an `Err` and changes nothing.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::layers::{
    Around, AvgPool2d, BatchNorm, Causal, Conv2d, ConvTranspose2d, DepthwiseConv2d, GlobalAvgPool,
    GlobalMaxPool, MaxPool2d, Same, Valid, Window,
};
use fusebox::{
    Adam, Budget, ConcatChannels, Dense, Gelu, GroupNorm, InstanceNorm, Isa, Learner, Momentum, Optimizer,
    Parallel, Plain, Relu, Relu6, Rng, Scratch, Seq, Sgd, Tanh, Train, View, Workspace,
};
use libfuzzer_sys::fuzz_target;

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];
type Input = Map<6, 5, 2>;

/// Padding of every kind, strides, groups, dilation, both ways.
type Mixed = Seq![
    Conv2d<Input, Map<6, 5, 6>, 3, 3, 2, 6, Window, Relu>,
    DepthwiseConv2d<Map<6, 5, 6>, Map<6, 5, 6>, 3, 3, 6, Window<Same, 1, 1, 2, 2>, Tanh>,
    Conv2d<Map<6, 5, 6>, Map<3, 3, 4>, 3, 3, 3, 4, Window<Around<1>, 2, 2>, Gelu>,
    ConvTranspose2d<Map<3, 3, 4>, Map<7, 5, 3>, 3, 3, 4, 3, Window<Around<1>, 3, 2>, Relu6>,
    Conv2d<Map<7, 5, 3>, Map<7, 5, 17>, 1, 3, 3, 17, Window<Causal>, Relu>,
    GlobalAvgPool<Map<7, 5, 17>, 17>,
    Dense<17, 3>
];
type Pooled = Seq![
    DepthwiseConv2d<Input, Map<5, 4, 4>, 2, 2, 4, Window<Valid>, Relu>,
    MaxPool2d<Map<5, 4, 4>, Map<3, 2, 4>, 3, 2, Window<Same, 2, 2>>,
    AvgPool2d<Map<3, 2, 4>, Map<3, 2, 4>, 2, 2, Window>,
    View<Map<3, 2, 4>, Dense<24, 3>, [f32; 3]>
];
type Normalised = Seq![
    Conv2d<Input, Map<6, 5, 5>, 3, 3, 2, 5>,
    BatchNorm<Map<6, 5, 5>, 5, Relu>,
    GlobalMaxPool<Map<6, 5, 5>, 5>,
    Dense<5, 3>
];
type Grouped = Seq![
    Parallel<
        Seq![Conv2d<Input, Map<6, 5, 18>, 3, 3, 2, 18>, GroupNorm<Map<6, 5, 18>, 18, 6, Gelu>],
        InstanceNorm<Input, 2>,
        ConcatChannels<20>
    >,
    GlobalAvgPool<Map<6, 5, 20>, 20>,
    Dense<20, 3>
];

const BATCH: usize = 4;

#[derive(Arbitrary, Debug)]
struct Case {
    seed: u64,
    kind: u8,
    rate: f32,
    /// Repeated to fill the pictures.
    numbers: Vec<f32>,
    rows: u8,
    labels: [u8; 5],
    budget: u32,
    /// Whether labels are brought into range.
    repaired: bool,
}

fuzz_target!(|case: Case| {
    let (rate, kind) = (case.rate, case.kind % 6);
    match kind {
        0 => check::<Mixed, _>(&case, &Sgd::new(rate)),
        1 => check::<Mixed, _>(&case, &Adam::new(rate)),
        2 => check::<Pooled, _>(&case, &Momentum::new(rate, 0.9)),
        3 => check::<Pooled, _>(&case, &Sgd::new(rate)),
        4 => check::<Normalised, _>(&case, &Sgd::new(rate)),
        _ => check::<Grouped, _>(&case, &Adam::new(rate)),
    }
});

fn check<N, O>(case: &Case, optimizer: &O)
where
    N: Train<Input = Input, Output = [f32; 3]> + Plain,
    O: Optimizer + Clone,
{
    let mut numbers = case.numbers.iter().copied().chain([0.5, -1.0, 0.25]).cycle();
    let count = usize::from(case.rows) % (BATCH + 2);
    let xs: Vec<Input> = (0..count)
        .map(|_| {
            std::array::from_fn(|_| {
                std::array::from_fn(|_| std::array::from_fn(|_| numbers.next().unwrap_or_default()))
            })
        })
        .collect();
    let labels: Vec<u8> =
        case.labels[..count].iter().map(|&l| if case.repaired { l % 3 } else { l }).collect();
    let start = N::he(&mut Rng::new(case.seed));
    let mut of_class: [Option<(N, Result<u32, fusebox::Error>)>; 2] = [None, None];
    for isa in Isa::available() {
        let mut net = start;
        let mut workspace = Workspace::<N, BATCH, O>::new();
        let loss = workspace.train_step_with(isa, &mut net, &xs, &labels, optimizer).map(bits);
        if loss.is_err() {
            assert_eq!(net.as_bytes(), start.as_bytes(), "an error, and weights changed");
        }
        match &of_class[usize::from(isa.is_fused())] {
            None => of_class[usize::from(isa.is_fused())] = Some((net, loss)),
            Some((other, expected)) => {
                assert_eq!(&loss, expected, "{isa}");
                assert!(same(&net, other), "{isa}: other weights");
            }
        }
        if loss.is_ok() {
            in_slices(case, isa, optimizer, &start, &net, &xs, &labels);
        }
        alone(isa, &net, &xs);
    }
}

/// A step in slices gives the weights of the whole step.
fn in_slices<N, O>(case: &Case, isa: Isa, optimizer: &O, start: &N, net: &N, xs: &[Input], labels: &[u8])
where
    N: Train<Input = Input, Output = [f32; 3]> + Plain,
    O: Optimizer + Clone,
{
    let mut learner = Learner::<N, BATCH, O>::new(*start);
    for (x, &label) in xs.iter().zip(labels) {
        learner.push(label, |row| *row = *x).expect("rows that fit");
    }
    learner.start(optimizer.clone()).expect("a step that the workspace made");
    while learner.poll_with(isa, Budget::macs(case.budget as usize % 20_000)).is_pending() {}
    assert!(same(learner.net(), net), "{isa}: other weights in slices");
}

/// A picture alone has the bits it has among others.
fn alone<N: Train<Input = Input, Output = [f32; 3]>>(isa: Isa, net: &N, xs: &[Input]) {
    let mut ys = vec![[0.0; 3]; xs.len()];
    if net.infer_with(isa, xs, &mut Scratch::<N, BATCH>::new(), &mut ys).is_ok() {
        for (x, y) in xs.iter().zip(ys) {
            let mut own = [[0.0; 3]];
            net.infer_with(isa, std::slice::from_ref(x), &mut Scratch::<N, 1>::new(), &mut own)
                .expect("a picture");
            assert_eq!(own[0].map(bits), y.map(bits), "{isa}");
        }
    }
}

/// All NaNs are one: which of two a processor takes on is not the crate's to say.
fn bits(x: f32) -> u32 {
    if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
}

fn same<N: Plain>(a: &N, b: &N) -> bool {
    let numbers = |net: &N| -> Vec<u32> {
        let words = net.as_bytes().chunks_exact(4);
        words.map(|word| bits(f32::from_le_bytes(word.try_into().expect("four bytes")))).collect()
    };
    numbers(a) == numbers(b)
}
