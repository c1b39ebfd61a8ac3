//! The accuracy of a network whose outputs are no numbers.

use crate::support::isas::isas;
use fusebox::{Confusion, Dense, Error, Scratch, Zeroed, evaluate_with};

#[test]
fn outputs_that_are_not_finite_are_refused() {
    let mut net = Dense::<1, 3>::ZEROED;
    net.weight = [[1.0, 2.0, 3.0]];
    let labels = [2, 0, 2, 2, 2, 0, 2];
    for isa in isas() {
        let accuracy = |net: &Dense<1, 3>, xs: &[[f32; 1]; 7]| {
            evaluate_with(isa, net, xs, &labels, &mut Scratch::<_, 3>::new(), &mut [[0.0; 3]; 4])
        };
        assert_eq!(accuracy(&net, &[[1.0]; 7]), Ok(5.0 / 7.0), "{isa}");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for row in 0..7 {
                // All outputs of a row.
                let mut xs = [[1.0]; 7];
                xs[row][0] = bad;
                let refused = Err(Error::NotFinite { row, feature: 0, got: bad.classify() });
                assert_eq!(accuracy(&net, &xs), refused, "{isa}, {bad} in row {row}");
            }
            for feature in 0..3 {
                // One output of every row.
                let mut diverged = net;
                diverged.bias[feature] = bad;
                let refused = Error::NotFinite { row: 0, feature, got: bad.classify() };
                assert_eq!(accuracy(&diverged, &[[1.0]; 7]), Err(refused), "{isa}, {bad} in {feature}");
                let observed = Confusion::<3>::new().observe(&diverged.bias, 0);
                assert_eq!(observed, Err(refused), "as the confusion matrix");
            }
        }
    }
}
