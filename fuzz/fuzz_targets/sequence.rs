//! Transformers on any parameters, tokens and lengths, in batches of any size, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run --no-trace-compares sequence -- -runs=1000000 -entropic=0
//! ```
//!
//! Nothing panics, whatever the numbers. A token past the vocabulary is an `Err`, and changes nothing. A stream gives
//! the bits of the whole sequence, a row alone those that it has in a batch, a step in slices those of the whole step,
//! and instruction sets that are alike in fusing give the same.
//!
//! An input is one network and one of these properties, so that it takes half a millisecond. Most sequences are short:
//! one network in sixteen has more frames than a block of keys. The flags double the speed: comparisons in kernels tell
//! libFuzzer nothing, nor do features that are rare.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::layers::{Neighbours, PresentOnly};
use fusebox::{
    Adam, Attention, Budget, CrossEntropy, Dense, Each, EachPosition, Embedding, Error, Gelu, Isa, LayerNorm,
    Learner, Plain, Positions, Present, Residual, Rng, Rotary, Scratch, Seq, Stream, Streaming,
    TiedEmbedding, Train, Workspace,
};
use libfuzzer_sys::fuzz_target;

type Block<const T: usize> = Seq![
    Residual<
        Seq![
            Each<T, Seq![LayerNorm<4>, Dense<4, 18>]>,
            Rotary<T, 18, 4, 3, Neighbours, 2>,
            Attention<T, 2, 3, 2, 18, 6>,
            Each<T, Dense<6, 4>>
        ],
    >,
    Residual<Each<T, Seq![LayerNorm<4>, Dense<4, 5, Gelu>, Dense<5, 4>]>>,
];
type Gpt<const T: usize> = TiedEmbedding<T, 6, 4, Seq![Positions<T, 4>, Block<T>, Each<T, LayerNorm<4>>], u8>;
/// More frames than one block of keys.
const LONG: usize = 35;
const SHORT: usize = 5;
type Padded = Seq![
    Each<7, Embedding<6, 4, u8>>,
    Positions<7, 4>,
    Residual<
        Seq![
            Each<7, Present<Dense<4, 9>>>,
            Attention<7, 1, 3, 1, 9, 3, PresentOnly>,
            Each<7, Present<Dense<3, 4>>>
        ],
    >,
    Each<7, Present<Dense<4, 6>>>,
];
/// A table alone.
type Table = Each<7, Embedding<6, 6, u8>>;

const BATCH: usize = 3;

#[derive(Arbitrary, Debug)]
struct Case {
    seed: u64,
    /// Which network.
    kind: u8,
    property: Property,
    /// Which instruction set, of properties that are of one.
    isa: u8,
    rate: f32,
    /// Repeated to fill the rows.
    tokens: Vec<u8>,
    /// Put in the place of the first parameters.
    numbers: Vec<f32>,
    rows: u8,
    budget: u32,
    /// Whether tokens are brought into the vocabulary, or none.
    repaired: bool,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Property {
    InstructionSets,
    InSlices,
    Alone,
    Stream,
}

// Bytes that an input lacks are zeros: not a long sequence.
fuzz_target!(|case: Case| match (case.kind % 16, case.property) {
    (0..7, Property::Stream) => streams::<Gpt<SHORT>, SHORT>(&case),
    (0..7, _) => check::<Gpt<SHORT>, SHORT>(&case),
    (7..13, _) => check::<Padded, 7>(&case),
    (13..15, _) => check::<Table, 7>(&case),
    (_, Property::Stream) => streams::<Gpt<LONG>, LONG>(&case),
    (_, _) => check::<Gpt<LONG>, LONG>(&case),
});

fn check<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    match case.property {
        Property::InstructionSets => instruction_sets::<N, T>(case),
        Property::InSlices => in_slices::<N, T>(case),
        Property::Alone | Property::Stream => alone::<N, T>(case),
    }
}

/// The first values, with the case's numbers in the place of the first.
fn start<N: Train + Plain>(case: &Case) -> N {
    let net = N::he(&mut Rng::new(case.seed));
    let mut bytes = net.as_bytes().to_vec();
    for (to, from) in bytes.as_chunks_mut().0.iter_mut().zip(&case.numbers) {
        *to = from.to_le_bytes();
    }
    N::copy_from_bytes(&bytes).expect("as many bytes")
}

fn rows<const T: usize>(case: &Case) -> Vec<[u8; T]> {
    let mut tokens = case.tokens.iter().copied().chain([1, 5, 0, u8::MAX]).cycle();
    let token = |token: u8| if case.repaired && token != u8::MAX { token % 6 } else { token };
    let count = usize::from(case.rows) % (BATCH + 2);
    (0..count).map(|_| std::array::from_fn(|_| token(tokens.next().unwrap_or_default()))).collect()
}

/// One of those there are.
fn isa(case: &Case) -> Isa {
    let all: Vec<Isa> = Isa::available().collect();
    all[usize::from(case.isa) % all.len()]
}

/// The labels of rows, always in range.
fn labels<const T: usize>(xs: &[[u8; T]]) -> Vec<[u8; T]> {
    xs.iter().map(|x| x.map(|token| token % 6)).collect()
}

/// A step from `start`: the weights after it, and the loss. An error changes nothing.
fn step<N, const T: usize>(case: &Case, isa: Isa, start: &N, xs: &[[u8; T]]) -> (N, Result<u32, Error>)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let mut net = *start;
    let mut workspace = Box::new(Workspace::<N, BATCH, Adam, _>::with_loss(EachPosition(CrossEntropy)));
    let loss = workspace.train_step_with(isa, &mut net, xs, &labels(xs), &Adam::new(case.rate)).map(bits);
    let bad = xs.as_flattened().iter().any(|&token| (6..u8::MAX).contains(&token));
    assert!(!bad || loss.is_err(), "a token past the vocabulary");
    assert!(loss.is_ok() || net.as_bytes() == start.as_bytes(), "an error, and weights changed");
    (net, loss)
}

/// Those that are alike in fusing give the same step.
fn instruction_sets<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let (start, xs) = (start::<N>(case), rows::<T>(case));
    let mut of_class: [Option<(N, Result<u32, Error>)>; 2] = [None, None];
    for isa in Isa::available() {
        let (net, loss) = step(case, isa, &start, &xs);
        match &of_class[usize::from(isa.is_fused())] {
            None => of_class[usize::from(isa.is_fused())] = Some((net, loss)),
            Some((other, expected)) => {
                assert_eq!(&loss, expected, "{isa}");
                assert!(same(&net, other), "{isa}: other weights");
            }
        }
    }
}

/// A step in slices gives the weights of the whole step.
fn in_slices<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let (isa, start, xs) = (isa(case), start::<N>(case), rows::<T>(case));
    let (net, loss) = step(case, isa, &start, &xs);
    if loss.is_err() {
        return;
    }
    let mut learner = Box::new(Learner::<N, BATCH, Adam, _>::with_loss(start, EachPosition(CrossEntropy)));
    for (x, label) in xs.iter().zip(labels(&xs)) {
        learner.push(label, |row| *row = *x).expect("rows that fit");
    }
    learner.start(Adam::new(case.rate)).expect("a step that the workspace made");
    while learner.poll_with(isa, Budget::macs(case.budget as usize % 20_000)).is_pending() {}
    assert!(same(learner.net(), &net), "{isa}: other weights in slices");
}

/// A row alone has the bits it has among others.
fn alone<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let (isa, net, xs) = (isa(case), start::<N>(case), rows::<T>(case));
    let mut ys = vec![[[0.0; 6]; T]; xs.len()];
    if net.infer_with(isa, &xs, &mut Scratch::<N, BATCH>::new(), &mut ys).is_ok() {
        for (x, y) in xs.iter().zip(&ys) {
            let mut own = [[[0.0; 6]; T]];
            let run = net.infer_with(isa, std::slice::from_ref(x), &mut Scratch::<N, 1>::new(), &mut own);
            run.expect("a row");
            assert!(same(&own[0], y), "{isa}");
        }
    }
}

/// One token at a time, up to the first that is refused, and then the others: the whole sequence of those that are not.
fn streams<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Stream<Frame = u8, Out = [f32; 6]> + Plain,
{
    let (isa, net) = (isa(case), start::<N>(case));
    for tokens in rows::<T>(case) {
        let mut ys = [[[0.0; 6]; T]];
        let whole = net.infer_with(isa, &[tokens], &mut Scratch::<N, 1>::new(), &mut ys);
        let mut stream = Streaming::<N>::new();
        for (token, y) in tokens.iter().zip(&ys[0]) {
            match stream.try_push_with(isa, &net, token) {
                Ok(out) => assert!(whole.is_err() || same(out.expect("one for each"), y), "{isa}"),
                Err(_) => assert!(whole.is_err(), "{isa}"),
            }
        }
        let past_the_end = stream.try_push_with(isa, &net, &0);
        assert!(whole.is_err() || past_the_end == Err(Error::Full { capacity: T }));
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
