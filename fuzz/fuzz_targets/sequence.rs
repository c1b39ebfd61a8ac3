//! Transformers on any parameters, tokens and lengths, in batches of any size, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run sequence
//! ```
//!
//! Nothing panics, whatever the numbers. A token past the vocabulary is an `Err`, and changes nothing. A stream gives the bits of the whole
//! sequence, a row alone those that it has in a batch, a step in slices those of the whole step, and instruction sets that are alike in
//! fusing give the same.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::layers::{Neighbours, PresentOnly};
use fusebox::{
    Adam, Attention, Budget, CrossEntropy, Dense, Each, EachPosition, Embedding, Error, Gelu, Isa, Layer,
    LayerNorm, Learner, Plain, Positions, Present, Residual, Rng, Rotary, Scratch, Seq, Streaming,
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
/// More frames than one block of keys.
type Gpt = TiedEmbedding<35, 6, 4, Seq![Positions<35, 4>, Block<35>, Each<35, LayerNorm<4>>], u8>;
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
    kind: u8,
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

fuzz_target!(|case: Case| match case.kind % 3 {
    0 => {
        check::<Gpt, 35>(&case);
        streams(&case);
    }
    1 => check::<Padded, 7>(&case),
    _ => check::<Table, 7>(&case),
});

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

fn check<N, const T: usize>(case: &Case)
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let (start, xs, optimizer) = (start::<N>(case), rows::<T>(case), Adam::new(case.rate));
    let labels: Vec<[u8; T]> = xs.iter().map(|x| x.map(|token| token % 6)).collect();
    let bad = xs.as_flattened().iter().any(|&token| (6..u8::MAX).contains(&token));
    let mut of_class: [Option<(N, Result<u32, Error>)>; 2] = [None, None];
    for isa in Isa::available() {
        let mut net = start;
        let mut workspace = Box::new(Workspace::<N, BATCH, Adam, _>::with_loss(EachPosition(CrossEntropy)));
        let loss = workspace.train_step_with(isa, &mut net, &xs, &labels, &optimizer).map(bits);
        assert!(!bad || loss.is_err(), "a token past the vocabulary");
        if loss.is_err() {
            assert_eq!(net.as_bytes(), start.as_bytes(), "an error, and weights changed");
        } else {
            in_slices(case, isa, &start, &net, &xs, &labels);
        }
        alone(isa, &start, &xs);
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
fn in_slices<N, const T: usize>(case: &Case, isa: Isa, start: &N, net: &N, xs: &[[u8; T]], labels: &[[u8; T]])
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]> + Plain,
{
    let mut learner = Box::new(Learner::<N, BATCH, Adam, _>::with_loss(*start, EachPosition(CrossEntropy)));
    for (x, &label) in xs.iter().zip(labels) {
        learner.push(label, |row| *row = *x).expect("rows that fit");
    }
    learner.start(Adam::new(case.rate)).expect("a step that the workspace made");
    while learner.poll_with(isa, Budget::macs(case.budget as usize % 20_000)).is_pending() {}
    assert!(same(learner.net(), net), "{isa}: other weights in slices");
}

/// A row alone has the bits it has among others.
fn alone<N, const T: usize>(isa: Isa, net: &N, xs: &[[u8; T]])
where
    N: Train<Input = [u8; T], Output = [[f32; 6]; T]>,
{
    let mut ys = vec![[[0.0; 6]; T]; xs.len()];
    if net.infer_with(isa, xs, &mut Scratch::<N, BATCH>::new(), &mut ys).is_ok() {
        for (x, y) in xs.iter().zip(&ys) {
            let mut own = [[[0.0; 6]; T]];
            let run = net.infer_with(isa, std::slice::from_ref(x), &mut Scratch::<N, 1>::new(), &mut own);
            run.expect("a row");
            assert!(same(&own[0], y), "{isa}");
        }
    }
}

/// One token at a time, up to the first that is refused, and then the others: the whole sequence of those that are not.
fn streams(case: &Case) {
    let net = start::<Gpt>(case);
    for tokens in rows::<35>(case) {
        for isa in Isa::available() {
            let mut ys = [[[0.0; 6]; 35]];
            let whole = net.infer_with(isa, &[tokens], &mut Scratch::<Gpt, 1>::new(), &mut ys);
            let mut stream = Streaming::<Gpt>::new();
            for (token, y) in tokens.iter().zip(&ys[0]) {
                match stream.try_push_with(isa, &net, token) {
                    Ok(out) => assert!(whole.is_err() || same(out.expect("one for each"), y), "{isa}"),
                    Err(_) => assert!(whole.is_err(), "{isa}"),
                }
            }
            assert!(
                whole.is_err() || stream.try_push_with(isa, &net, &0) == Err(Error::Full { capacity: 35 })
            );
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
