//! With the feature `rayon`, products on any number of threads have the bits of one thread: every layout, epilogue and
//! instruction set, at sizes on either side of where splitting begins, split by rows and by columns; so have parameters
//! and moments that a rule moves at a product's store; and so have attention, and training steps of convolutions and of a
//! transformer.
//!
//! ```text
//! cargo test --release --features rayon --test threads
//! ```

#![cfg(feature = "rayon")]

mod support {
    pub(crate) mod isas;
}

use fusebox::layers::{Attention, Causal, Everything};
use fusebox::{
    Adam, AdamW, ClipNorm, Conv2d, CrossEntropy, Dense, DepthwiseConv2d, Derivative, Each, EachPosition,
    Epilogue, Gated, Gelu, GlobalAvgPool, InputGradient, Isa, LayerNorm, Mat, MatMut, Optimizer, Plain,
    Positions, Product, Relu, Residual, RmsNorm, Rng, Scratch, Seq, Sgd, Silu, Tanh, TiedEmbedding, Train,
    Whole, Workspace, Zeroed, gemm_with, network,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use support::isas::isas;

/// Rows, columns and k: below and above two parts' worth of work, odd and even, few rows and few columns, and rows enough
/// to be divided but so long that columns are.
const SHAPES: [(usize, usize, usize); 12] = [
    (200, 200, 200),
    (256, 256, 256),
    (203, 211, 197),
    (500, 97, 301),
    (1, 2048, 1000),
    (1, 1500, 700),
    (7, 1200, 1100),
    (1200, 1, 1100),
    (2000, 2, 2200),
    (40, 1100, 1000),
    (120, 701, 130),
    (97, 385, 1030),
];

fn random(rng: &mut Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

fn pools() -> Vec<ThreadPool> {
    [1, 2, 3, 5].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")).into()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (pools, mut rng) = (pools(), Rng::new(1));
    let shapes = if cfg!(debug_assertions) { &SHAPES[..2] } else { &SHAPES[..] };
    println!("{} shapes of {}: all of them in release", shapes.len(), SHAPES.len());
    for (index, &(m, n, k)) in shapes.iter().enumerate() {
        let (a, b) = (random(&mut rng, m * k), random(&mut rng, k * n));
        let (bias, gate) = (random(&mut rng, n), random(&mut rng, m * n));
        let gate = Mat::new(&gate, m, n).expect("m x n");
        let before = random(&mut rng, m * (n + 5));
        let epilogues = [
            Epilogue::None,
            Epilogue::Bias(&bias),
            Epilogue::BiasRelu(&bias),
            Epilogue::Accumulate,
            Epilogue::ReluMask(gate),
        ];
        for (layout, [at, bt]) in
            [[false; 2], [false, true], [true, false], [true; 2]].into_iter().enumerate()
        {
            let a =
                if at { Mat::new(&a, k, m).expect("k x m").t() } else { Mat::new(&a, m, k).expect("m x k") };
            let b =
                if bt { Mat::new(&b, n, k).expect("n x k").t() } else { Mat::new(&b, k, n).expect("k x n") };
            // Every pair of shape and layout, each with another epilogue; gaps between the rows of C in every second.
            let epilogue = epilogues[(index + layout) % epilogues.len()];
            let stride = n + (index + layout) % 2 * 5;
            for isa in isas() {
                let run = |pool: &ThreadPool| {
                    let mut c = before[..m * stride].to_vec();
                    let out = MatMut::with_stride(&mut c, m, n, stride).expect("m x n");
                    pool.install(|| gemm_with(isa, a, b, out, epilogue)).expect("shapes that fit");
                    c
                };
                let one = run(&pools[0]);
                for pool in &pools[1..] {
                    let threads = pool.current_num_threads();
                    let same = run(pool).iter().zip(&one).all(|(x, y)| x.to_bits() == y.to_bits());
                    assert!(same, "{isa}, {threads} threads: {m} x {n} x {k}, {at} {bt}, {epilogue:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_refused_stays_as_it_was() {
    let (a, b, mut c) = (vec![1.0; 300 * 300], vec![1.0; 301 * 300], vec![7.0; 300 * 300]);
    let (a, b) = (Mat::new(&a, 300, 300).expect("300 x 300"), Mat::new(&b, 301, 300).expect("301 x 300"));
    let out = MatMut::new(&mut c, 300, 300).expect("300 x 300");
    gemm_with(Isa::detect(), a, b, out, Epilogue::None).expect_err("300 by 301");
    assert!(c.iter().all(|&x| x == 7.0));
}

/// Two steps, of which the second sees the moments that the first left.
fn steps<const IN: usize, const OUT: usize>(rows: usize) {
    let (pools, mut rng) = (pools(), Rng::new(2));
    let mut matrix = |rows: usize, cols: usize| random(&mut rng, rows * cols);
    let (xs, dys, start) = (matrix(rows, IN), matrix(rows, OUT), matrix(IN, OUT));
    let (xs, dys) = (xs.as_chunks::<IN>().0, dys.as_chunks::<OUT>().0);
    for isa in isas() {
        let run = |pool: &ThreadPool| {
            let mut weight: Box<[[f32; OUT]; IN]> =
                start.as_chunks::<OUT>().0.to_vec().try_into().expect("in rows");
            let mut moments: Vec<[[[f32; OUT]; IN]; 2]> = vec![Zeroed::ZEROED];
            let mut progress = [0.0; 2];
            for _ in 0..2 {
                let sweep = &mut Adam::new(0.1).begin(&mut progress, rows as f32);
                let gradient = Product::of(xs, dys);
                let pace = &mut Whole::on(isa);
                pool.install(|| Adam::step(pace, sweep, gradient, &mut weight, &mut moments[0]));
            }
            (weight, moments)
        };
        let one = run(&pools[0]);
        for pool in &pools[1..] {
            let threads = pool.current_num_threads();
            assert!(run(pool) == one, "{isa}, {threads} threads: {IN} x {OUT}, {rows} rows");
        }
    }
}

#[test]
fn rules_at_the_store_give_the_same_bits() {
    steps::<211, 200>(250); // by rows
    if !cfg!(debug_assertions) {
        steps::<300, 3>(9500); // by rows, and few columns
        steps::<3, 300>(9500); // by columns
        steps::<40, 400>(1100); // by columns
    }
}

// Of forty pictures, each layer and each tile of a gradient is worth two parts or more: 8 million multiply-adds.
network!(type Pictures = [8, 8, 32] => [
    Conv2d(64, 3, Relu),
    Conv2d(64, 3, groups 2, Relu),
    Conv2d(256, 1, Relu),
    DepthwiseConv2d(7, Relu),
    GlobalAvgPool,
    Dense(4),
]);

#[test]
fn convolutions_have_the_same_bits() {
    with_stack(train_pictures::<40>);
}

/// With room for workspaces: moved to the heap, where nothing is optimised, from the stack.
fn with_stack(test: fn()) {
    let test = std::thread::Builder::new().stack_size(128 << 20).spawn(test);
    test.expect("a thread").join().expect("the same bits");
}

fn train_pictures<const ROWS: usize>() {
    let (pools, mut rng) = (pools(), Rng::new(3));
    let xs: [[[[f32; 32]; 8]; 8]; ROWS] = std::array::from_fn(|_| {
        std::array::from_fn(|_| std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform() - 0.5)))
    });
    let labels: [u8; ROWS] = std::array::from_fn(|row| row as u8 % 4);
    let start = Pictures::he(&mut rng);
    for isa in isas() {
        let run = |pool: &ThreadPool| {
            let mut net = start;
            let mut workspace = Box::new(Workspace::<Pictures, ROWS>::new());
            let mut scratch = Box::new(Scratch::<Pictures, ROWS>::new());
            let mut ys = [[0.0; 4]; ROWS];
            pool.install(|| {
                let step = workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.1));
                step.expect("as many labels as rows");
                net.infer_with(isa, &xs, &mut scratch, &mut ys).expect("as many outputs as rows");
            });
            (net.as_bytes().to_vec(), ys.as_bytes().to_vec())
        };
        let one = run(&pools[0]);
        assert!(one.0 != start.as_bytes(), "{isa}: the network learns");
        for pool in &pools[1..] {
            assert!(run(pool) == one, "{isa}, {} threads", pool.current_num_threads());
        }
    }
}

/// Frames of a sequence, numbers of a frame, and what attention reads and writes for each: four heads of 30 numbers.
const T: usize = 61;
const D: usize = 122;
const QKV: usize = 4 * 30 + 2 * 2 * 30;
const OUT: usize = 4 * 30;
/// Sequences: attention is worth two parts forward and five backward, a pass over frames three.
const SEQUENCES: usize = 14;

/// Outputs and the input's gradient.
fn attention<A, const IN: usize>(name: &str)
where
    A: Train<Input = [[f32; IN]; T], Output = [[f32; OUT]; T]> + Plain,
{
    let (pools, mut rng) = (pools(), Rng::new(4));
    let (xs, dys) = (random(&mut rng, SEQUENCES * T * IN), random(&mut rng, SEQUENCES * T * OUT));
    let (xs, dys) = (xs.as_chunks().0.as_chunks::<T>().0, dys.as_chunks().0.as_chunks::<T>().0);
    for isa in isas() {
        let step = || {
            let (layer, pace) = (A::ZEROED, &mut Whole::on(isa));
            let mut tape = vec![A::Tape::ZEROED; SEQUENCES];
            let mut gradients = vec![A::Gradients::ZEROED; SEQUENCES];
            let (mut ys, mut dxs) = (vec![[[0.0; OUT]; T]; SEQUENCES], vec![[[0.0; IN]; T]; SEQUENCES]);
            layer.forward(pace, xs, None, &mut tape, &mut ys);
            let dx = InputGradient::into(&mut dxs, Derivative::One);
            layer.backward(pace, xs, &tape, dys, &mut gradients, dx);
            (ys, dxs)
        };
        let run = |pool: &ThreadPool| pool.install(step);
        let one = run(&pools[0]);
        assert!(one.0[SEQUENCES - 1] != [[0.0; OUT]; T] && one.1[SEQUENCES - 1] != [[0.0; IN]; T], "{isa}");
        for pool in &pools[1..] {
            assert!(run(pool) == one, "{name}, {isa}, {} threads", pool.current_num_threads());
        }
    }
}

#[test]
fn attention_has_the_same_bits() {
    attention::<Attention<T, 4, 30, 2, QKV, OUT, Causal>, QKV>("causal, groups of two");
    attention::<Attention<T, 4, 30, 4, { 3 * OUT }, OUT, Everything>, { 3 * OUT }>("everything");
}

/// Two blocks, so that each pass over rows is in one of them.
type First = Seq![
    Residual<
        Seq![
            Each<T, Seq![LayerNorm<D>, Dense<D, QKV>]>,
            Attention<T, 4, 30, 2, QKV, OUT, Causal>,
            Each<T, Dense<OUT, D, Tanh>>,
        ],
    >,
    Residual<Each<T, Seq![LayerNorm<D>, Dense<D, 320, Gelu>, Dense<320, D>]>>,
];
type Second = Residual<Each<T, Seq![RmsNorm<D>, Dense<D, 320>, Gated<320, 160, Silu>, Dense<160, D>]>>;
type Gpt = TiedEmbedding<T, 29, D, Seq![Positions<T, D>, First, Second], u8>;

#[test]
fn transformers_have_the_same_bits() {
    with_stack(train_transformer);
}

fn train_transformer() {
    let (pools, mut rng) = (pools(), Rng::new(5));
    let mut start = Box::new(Gpt::ZEROED);
    start.init(fusebox::Init::Gpt, &mut rng);
    let mut tokens =
        || -> Vec<[u8; T]> { (0..SEQUENCES).map(|_| std::array::from_fn(|_| rng.below(29) as u8)).collect() };
    let (xs, next) = (tokens(), tokens());
    for isa in isas() {
        let run = |pool: &ThreadPool| {
            let mut net = start.clone();
            let mut workspace = Box::new(Workspace::<Gpt, SEQUENCES, ClipNorm<AdamW>, _>::with_loss(
                EachPosition(CrossEntropy),
            ));
            // The norm is clipped, so gradients are scaled too.
            let optimizer = ClipNorm::new(AdamW::new(0.1, 0.1), 1e-3);
            let loss = pool.install(|| workspace.train_step_with(isa, &mut net, &xs, &next, &optimizer));
            (loss.expect("tokens below the vocabulary").to_bits(), net.as_bytes().to_vec())
        };
        let one = run(&pools[0]);
        assert!(one.1 != start.as_bytes(), "{isa}: the network learns");
        for pool in &pools[1..] {
            assert!(run(pool) == one, "{isa}, {} threads", pool.current_num_threads());
        }
    }
}
