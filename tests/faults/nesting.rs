//! Chains inside of chains, which once trained and then could not be run.

use crate::support::isas::isas;
use fusebox::{Dense, Frozen, Relu, Rng, Scratch, Seq, Sgd, Tanh, Workspace, Zeroed};

type Flat = Seq![Dense<3, 5, Relu>, Dense<5, 4, Tanh>, Dense<4, 6, Relu>, Dense<6, 2>];
type First = Seq![Seq![Dense<3, 5, Relu>, Dense<5, 4, Tanh>], Dense<4, 6, Relu>, Dense<6, 2>];
type Middle = Seq![Dense<3, 5, Relu>, Seq![Dense<5, 4, Tanh>, Dense<4, 6, Relu>], Dense<6, 2>];
type Deep = Seq![Seq![Seq![Dense<3, 5, Relu>, Dense<5, 4, Tanh>], Dense<4, 6, Relu>], Dense<6, 2>];

/// The nets hold the same parameters in the same order, and give the same bits.
#[test]
fn a_chain_may_stand_anywhere() {
    const XS: [[f32; 3]; 5] =
        [[0.5, -1.0, 2.0], [1.0; 3], [-3.0, 0.0, 0.1], [0.2, 0.3, 0.4], [9.0, -9.0, 9.0]];
    const LABELS: [u8; 5] = [0, 1, 1, 0, 1];
    for isa in isas() {
        macro_rules! train {
            ($net:ty) => {{
                let mut net = <$net>::he(&mut Rng::new(1));
                let mut workspace = Workspace::<$net, 5>::new();
                let mut losses = Vec::new();
                for _ in 0..20 {
                    let loss = workspace.train_step_with(isa, &mut net, &XS, &LABELS, &Sgd::new(0.1));
                    losses.push(loss.expect("a batch that fits").to_bits());
                }
                let mut ys = [[f32::NAN; 2]; 5];
                net.infer_with(isa, &XS, &mut Scratch::<$net, 5>::new(), &mut ys).expect("outputs");
                (losses, ys.map(|y| y.map(f32::to_bits)), net.as_bytes().to_vec())
            }};
        }
        let flat = train!(Flat);
        assert!(train!(First) == flat, "{isa}: first");
        assert!(train!(Middle) == flat, "{isa}: middle");
        assert!(train!(Deep) == flat, "{isa}: deep");
    }
}

/// As large as the largest input and output of one layer, wherever chains are nested.
#[test]
fn scratch_is_not_a_sum() {
    assert_eq!(Scratch::<Flat, 7>::BYTES, 7 * (4 + 6) * 4);
    // A chain inside takes its own room beside its output: in first place 5 and 4, after which come 4 and 6; in the middle its
    // input and what passes inside, 5 and 4, and its output, 6.
    assert_eq!(Scratch::<First, 7>::BYTES, 7 * (4 + 6) * 4);
    assert_eq!(Scratch::<Middle, 7>::BYTES, 7 * (5 + 4 + 6) * 4);
    assert_eq!(Scratch::<Deep, 7>::BYTES, 7 * (5 + 4 + 6) * 4);
}

/// A frozen network in first place is a chain like any other; the head after it learns.
#[test]
fn a_frozen_network_comes_first() {
    static BODY: Dense<3, 4, Relu> = Dense::ZEROED;
    type Net = Seq![Frozen<'static, Dense<3, 4, Relu>, Dense<4, 4, Relu>>, Dense<4, 2>];
    for isa in isas() {
        let mut net = Net { first: Frozen::new(&BODY, Dense::ZEROED), rest: Dense::ZEROED };
        let step =
            Workspace::<Net, 1>::new().train_step_with(isa, &mut net, &[[1.0; 3]], &[1], &Sgd::new(1.0));
        assert!(step.is_ok(), "{isa}");
        assert_eq!(net.rest.bias, [-0.5, 0.5], "{isa}");
        let mut ys = [[0.0; 2]];
        net.infer_with(isa, &[[1.0; 3]], &mut Scratch::<_, 1>::new(), &mut ys).expect("outputs");
        assert_eq!(ys, [[-0.5, 0.5]], "{isa}");
    }
}
