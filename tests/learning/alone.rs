//! A row gives the same bits alone and among others, on the way forward and on the way back; and running a network gives the
//! bits of training's forward pass.

use crate::support::compositions::{self, Added, All, Around, Block, Branches, Other, Paired, Twice};
use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use fusebox::layers::{Everything, Halves, Neighbours, PresentOnly};
use fusebox::{
    Activation, Attention, BiasOnly, Chain, CrossAttention, Dense, Derivative, Dropout, Each, Gated, Gelu,
    GeluTanh, Identity, InputGradient, Layer, LayerNorm, LeakyRelu, LowRank, Positions, Present, Relu, Relu6,
    Repeat, Residual, RmsNorm, Rng, Rotary, Scratch, Seq, Sigmoid, Silu, Softmax, Tanh, Train, View, Whole,
    Workspace, Zeroed,
};

const MOST: usize = 33;

fn random<const N: usize>(rng: &mut Rng) -> [f32; N] {
    std::array::from_fn(|_| 8.0 * rng.uniform() - 4.0)
}

/// Every size of batch from 1 to 33, each row of it against the row alone.
fn check<N, const IN: usize, const OUT: usize>(what: &str, net: &N)
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]>,
{
    let mut rng = Rng::new(1);
    let xs: Vec<[f32; IN]> = (0..MOST).map(|_| random(&mut rng)).collect();
    let dys: Vec<[f32; OUT]> = (0..MOST).map(|_| random(&mut rng)).collect();
    let bits = |rows: &[f32]| rows.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for isa in isas() {
        let mut workspace = Box::new(Workspace::<N, MOST, Reveal, Given>::with_loss(Given::default()));
        let mut pass = |rows: std::ops::Range<usize>| {
            let mut dxs = vec![[f32::NAN; IN]; rows.len()];
            workspace
                .input_gradient_with(isa, net, &xs[rows.clone()], &dys[rows], &mut dxs)
                .expect("rows that fit");
            (bits(&workspace.loss.seen.borrow()), bits(dxs.as_flattened()))
        };
        let alone: Vec<_> = (0..MOST).map(|row| pass(row..row + 1)).collect();
        for rows in 1..=MOST {
            let (ys, dxs) = pass(0..rows);
            for (row, (y, dx)) in alone[..rows].iter().enumerate() {
                assert!(ys[row * OUT..][..OUT] == y[..], "{isa}, {what}: row {row} of {rows}");
                assert!(dxs[row * IN..][..IN] == dx[..], "{isa}, {what}: gradient of row {row} of {rows}");
            }
        }
    }
}

/// The same of a layer, which also gives the same bits when it is only run.
fn check_layer<N, const IN: usize, const OUT: usize>(what: &str, net: &N)
where
    N: Train<Input = [f32; IN], Output = [f32; OUT]>,
{
    check(what, net);
    let mut rng = Rng::new(2);
    let xs: [[f32; IN]; 19] = std::array::from_fn(|_| random(&mut rng));
    let mut workspace = Workspace::<N, 19, Reveal, Given>::with_loss(Given::default());
    for isa in isas() {
        let mut ys = [[f32::NAN; OUT]; 19];
        let mut scratch = Scratch::<N, 19>::new();
        net.infer_with(isa, &xs, &mut scratch, &mut ys).expect("rows that fit");
        let (dys, mut dxs) = ([[1.0; OUT]; 19], [[f32::NAN; IN]; 19]);
        workspace.input_gradient_with(isa, net, &xs, &dys, &mut dxs).expect("rows that fit");
        let trained = workspace.loss.seen.take();
        let same = ys.as_flattened().iter().zip(&trained).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{isa}, {what}: run and forward differ");
    }
}

fn dense<const IN: usize, const OUT: usize, A>() -> Dense<IN, OUT, A> {
    let mut rng = Rng::new(3);
    let mut layer = Dense::<IN, OUT, A>::ZEROED;
    layer.weight = std::array::from_fn(|_| random(&mut rng));
    layer.bias = random(&mut rng);
    layer
}

fn activation<A: Activation>(what: &str) {
    check_layer(what, &dense::<5, 18, A>());
}

#[test]
fn activations() {
    activation::<Identity>("identity");
    activation::<Relu>("relu");
    activation::<LeakyRelu>("leaky relu");
    activation::<Relu6>("relu6");
    activation::<Sigmoid>("sigmoid");
    activation::<Tanh>("tanh");
    activation::<Gelu>("gelu");
    activation::<GeluTanh>("gelu by tanh");
    activation::<Silu>("silu");
}

#[test]
fn layers() {
    let mut rng = Rng::new(4);
    check_layer("dense to one", &dense::<40, 1, Gelu>());
    check_layer("layer norm", &LayerNorm::<18> { gain: random(&mut rng), shift: random(&mut rng) });
    check_layer("rms norm", &RmsNorm::<18> { gain: random(&mut rng) });
    check_layer("gated", &Gated::<36, 18, Silu>::ZEROED);
    check_layer("gated by a relu", &Gated::<36, 18, Relu>::ZEROED);
    check_layer("softmax", &Softmax::<18>);
    let base = dense::<18, 7, Silu>();
    check_layer("bias only", &BiasOnly::new(&base));
    let mut low_rank = LowRank::<18, 7, 2, Silu>::new(&base);
    low_rank.down = std::array::from_fn(|_| random(&mut rng));
    low_rank.up = std::array::from_fn(|_| random(&mut rng));
    check_layer("low rank", &low_rank);
}

/// Frames of zeros too, which are absent.
#[test]
fn layers_of_transformers() {
    type Frames<F, const OUT: usize> = View<[f32; 36], F, [f32; OUT]>;
    check_layer("attention", &Frames::<Attention<3, 4, 2, 1, 12, 8>, 24>::ZEROED);
    check_layer("all of them", &Frames::<Attention<3, 2, 3, 1, 12, 6, Everything>, 18>::ZEROED);
    check_layer("those present", &Frames::<Attention<3, 2, 2, 2, 12, 4, PresentOnly>, 12>::ZEROED);
    check_layer("others", &Frames::<CrossAttention<3, 3, 1, 4, 1, 8, 4>, 12>::ZEROED);
    check_layer("rotary", &Frames::<Rotary<3, 12, 2, 5, Halves, 4>, 36>::ZEROED);
    check_layer("rotary neighbours", &Frames::<Rotary<3, 12, 1, 12, Neighbours>, 36>::ZEROED);
    let mut rng = Rng::new(7);
    let positions = Positions::<3, 12> { weight: std::array::from_fn(|_| random(&mut rng)) };
    check_layer("positions", &Frames::<_, 36>::new(positions));
    let layer = Present { layer: dense::<2, 3, Gelu>() };
    check_layer("present", &Frames::<_, 54>::new(Each::<18, _> { layer }));
}

/// Every activation's derivative is also applied to the gradient that another layer made.
#[test]
fn chains() {
    type Net = Seq![Dense<4, 18, Sigmoid>, LayerNorm<18>, Dense<18, 6, Gelu>, Softmax<6>, Dense<6, 3, Relu6>];
    let mut rng = Rng::new(5);
    let net: Net = Chain {
        first: dense(),
        rest: Chain {
            first: LayerNorm { gain: random(&mut rng), shift: random(&mut rng) },
            rest: Chain { first: dense(), rest: Chain { first: Softmax, rest: dense() } },
        },
    };
    check("chain", &net);
}

/// What falls out depends on the seed, the row's place and the step, not on the number of rows; the gradient falls out
/// where the output did; running drops nothing, nor does asking for a gradient.
#[test]
fn dropout() {
    type Layer40 = Dropout<40, 30, 7>;
    let xs: [[f32; 40]; 33] = [[1.0; 40]; 33];
    let factor = 100.0 / 70.0_f32;
    for isa in isas() {
        // At the same step of its own memory, whatever the number of rows.
        let pass = |rows: usize, steps: usize| {
            let (mut layer, mut memory, pace) = (Layer40::ZEROED, Zeroed::ZEROED, &mut Whole::on(isa));
            let mut workspace = Workspace::<Layer40, 33, Reveal, Given>::with_loss(Given::default());
            let (mut tape, mut ys, mut dxs) =
                ([Zeroed::ZEROED; 33], [[f32::NAN; 40]; 33], [[f32::NAN; 40]; 33]);
            let (xs, tape, ys, dxs) = (&xs[..rows], &mut tape[..rows], &mut ys[..rows], &mut dxs[..rows]);
            for _ in 0..steps {
                layer.forward(pace, xs, Some(&memory), tape, ys);
                let into = InputGradient::into(&mut *dxs, Derivative::One);
                layer.backward(pace, xs, tape, xs, &mut [], into);
                layer.remember(pace, xs, tape, &mut memory);
                workspace.train_step_with(isa, &mut layer, xs, xs, &Reveal).expect("rows that fit");
            }
            assert_eq!(dxs, ys, "{isa}");
            assert_eq!(ys.as_flattened(), *workspace.loss.seen.borrow(), "{isa}: a step");
            workspace.input_gradient_with(isa, &layer, xs, xs, dxs).expect("rows that fit");
            assert_eq!(dxs, xs, "{isa}: an input gradient");
            assert_eq!(xs.as_flattened(), *workspace.loss.seen.borrow(), "{isa}: dropped when asked for it");
            ys.concat()
        };
        let all = pass(33, 1);
        for rows in 1..33 {
            assert_eq!(pass(rows, 1), all[..rows * 40], "{isa}: {rows} rows");
        }
        assert_ne!(pass(33, 2), all, "{isa}: another step, the same numbers fell out");
        assert!(all.iter().all(|&y| y == 0.0 || y == factor), "{isa}");
        assert_ne!(all[..40], all[40..80], "{isa}: two rows lost the same numbers");
        // 1320 numbers, each dropped with probability 0.3: within five standard deviations.
        let dropped = all.iter().filter(|&&y| y == 0.0).count() as f64;
        assert!((dropped - 396.0).abs() < 5.0 * (1320.0 * 0.3 * 0.7_f64).sqrt(), "{isa}: {dropped} of 1320");

        let mut ys = [[f32::NAN; 40]; 33];
        Layer40::ZEROED.run(isa, &xs, &mut [], &mut ys);
        assert_eq!(ys, xs, "{isa}: dropped something without training");
    }
    fn all_or_nothing<const PERCENT: u32>() -> Vec<f32> {
        let mut workspace = Workspace::<Dropout<9, PERCENT>, 1, Reveal, Given>::with_loss(Given::default());
        workspace.train_step(&mut Dropout, &[[3.0; 9]], &[[1.0; 9]], &Reveal).expect("a row");
        workspace.loss.seen.take()
    }
    assert_eq!(all_or_nothing::<0>(), [3.0; 9]);
    assert_eq!(all_or_nothing::<100>(), [0.0; 9]);
    assert_eq!(all_or_nothing::<{ u32::MAX }>(), [0.0; 9]);
}

/// Blocks, also of blocks, and positions of a row lose numbers independently of one another.
#[test]
fn dropout_in_blocks_and_positions() {
    const MANY: usize = 4000;
    type Blocks = Repeat<2, Repeat<2, Residual<Dropout<MANY, 50>>>>;
    for isa in isas() {
        // Each of four blocks multiplies a number by 1 or by 3.
        let pace = &mut Whole::on(isa);
        let (mut tape, mut ys) = ([Zeroed::ZEROED], [[f32::NAN; MANY]]);
        Blocks::ZEROED.forward(pace, &[[1.0; MANY]], Some(&Zeroed::ZEROED), &mut tape, &mut ys);
        let kept = ys[0].map(|y| f64::from(y).log(3.0).round());
        let mean = kept.iter().sum::<f64>() / MANY as f64;
        let variance = kept.iter().map(|kept| (kept - 2.0).powi(2)).sum::<f64>() / MANY as f64;
        // Of independent blocks mean 2 and variance 1, within five standard deviations; were two alike, 1.5.
        assert!((mean - 2.0).abs() < 5.0 * (1.0 / MANY as f64).sqrt(), "{isa}: {mean}");
        assert!((variance - 1.0).abs() < 5.0 * (1.5 / MANY as f64).sqrt(), "{isa}: {variance}");

        let layer = Each::<3, Dropout<40, 50>>::ZEROED;
        let (mut tape, mut ys) = ([Zeroed::ZEROED], [[[f32::NAN; 40]; 3]]);
        layer.forward(pace, &[[[1.0; 40]; 3]], Some(&Zeroed::ZEROED), &mut tape, &mut ys);
        let [[first, second, third]] = ys;
        assert!(first != second && second != third && first != third, "{isa}");
    }
}

#[test]
fn compositions() {
    fn of<N, const IN: usize, const OUT: usize>(what: &str)
    where
        N: Train<Input = [f32; IN], Output = [f32; OUT]> + Zeroed,
    {
        check_layer(what, &N::he(&mut Rng::new(6)));
    }
    of::<Around, 6, 6>("residual");
    of::<Repeat<1, Around>, 6, 6>("one block");
    of::<Repeat<2, Around>, 6, 6>("two blocks");
    of::<Repeat<5, Block>, 6, 6>("blocks of chains");
    of::<Repeat<2, Repeat<3, Dense<6, 6, Gelu>>>, 6, 6>("blocks of blocks");
    of::<Branches, 6, 7>("branches");
    of::<Paired, 6, 7>("branches, a pair");
    of::<Added, 7, 6>("branches, added");
    of::<Twice, 6, 6>("tied");
    of::<compositions::Positions, 6, 8>("positions");
    of::<All, 6, 3>("all");
    of::<Other, 5, 3>("all, in another order");
}
