//! A row gives the same bits alone and among others, on the way forward and on the way back; and running a network gives the
//! bits of training's forward pass.

use crate::support::isas::isas;
use crate::support::probes::{Given, Reveal};
use fusebox::{
    Activation, BiasOnly, Chain, Dense, Dropout, Gelu, Identity, Layer, LayerNorm, LeakyRelu, LowRank, Relu,
    Relu6, Rng, Seq, Sigmoid, Silu, Softmax, Tanh, Train, Workspace, Zeroed,
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

/// The same of a layer that is no chain, which also gives the same bits when it is only run.
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
        net.run(isa, &xs, [&mut [], &mut []], &mut ys);
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
    activation::<Silu>("silu");
}

#[test]
fn layers() {
    let mut rng = Rng::new(4);
    check_layer("dense to one", &dense::<40, 1, Gelu>());
    check_layer("layer norm", &LayerNorm::<18> { gain: random(&mut rng), shift: random(&mut rng) });
    check_layer("softmax", &Softmax::<18>);
    let base = dense::<18, 7, Silu>();
    check_layer("bias only", &BiasOnly::new(&base));
    let mut low_rank = LowRank::<18, 7, 2, Silu>::new(&base);
    low_rank.down = std::array::from_fn(|_| random(&mut rng));
    low_rank.up = std::array::from_fn(|_| random(&mut rng));
    check_layer("low rank", &low_rank);
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
/// where the output did; running drops nothing.
#[test]
fn dropout() {
    type Layer40 = Dropout<40, 30, 7>;
    let xs: [[f32; 40]; 33] = [[1.0; 40]; 33];
    let factor = 100.0 / 70.0_f32;
    for isa in isas() {
        // At the same step of its own workspace, whatever the number of rows.
        let pass = |rows: usize, steps: usize| {
            let mut workspace = Workspace::<Layer40, 33, Reveal, Given>::with_loss(Given::default());
            let mut dxs = [[f32::NAN; 40]; 33];
            for _ in 0..steps {
                workspace
                    .input_gradient_with(isa, &Dropout, &xs[..rows], &xs[..rows], &mut dxs[..rows])
                    .expect("rows that fit");
            }
            assert_eq!(dxs[..rows].as_flattened(), *workspace.loss.seen.borrow(), "{isa}");
            dxs[..rows].concat()
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
        Layer40::ZEROED.run(isa, &xs, [&mut [], &mut []], &mut ys);
        assert_eq!(ys, xs, "{isa}: dropped something without training");
    }
    fn all_or_nothing<const PERCENT: u32>() -> Vec<f32> {
        let mut workspace = Workspace::<Dropout<9, PERCENT>, 1, Reveal, Given>::with_loss(Given::default());
        workspace.input_gradient(&Dropout, &[[3.0; 9]], &[[1.0; 9]], &mut [[0.0; 9]]).expect("a row");
        workspace.loss.seen.take()
    }
    assert_eq!(all_or_nothing::<0>(), [3.0; 9]);
    assert_eq!(all_or_nothing::<100>(), [0.0; 9]);
    assert_eq!(all_or_nothing::<{ u32::MAX }>(), [0.0; 9]);
}
