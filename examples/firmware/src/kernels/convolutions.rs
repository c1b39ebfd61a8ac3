//! Convolutions of two shapes, forward and both gradients: their bits, which the desktop's tests compare with plain loops.

use crate::bits::Fnv1a;
use core::slice::{from_mut, from_ref};
use fusebox::layers::{Conv2d, Same, Window};
use fusebox::{
    Derivative, Init, InputGradient, Isa, Optimizer, Pair, Plain, Relu, Rng, Sgd, Train, Whole, Zeroed,
};

/// A picture of `H` x `W` pixels of `C` numbers.
type Picture<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Hashes outputs, gradients of inputs through a ReLU, and weights after a step, of each shape.
pub(super) fn check(isa: Isa) -> Fnv1a {
    let mut hash = Fnv1a::new();
    let hash = &mut hash;
    // Pixels of one number, whose taps are fewer than a tile's rows; lines along rows and down columns.
    pass::<Conv2d<Picture<7, 9, 1>, Picture<7, 9, 8>, 3, 3, 1, 8>, _, _, _, _, _, _>(isa, hash);
    // Channels and filters that are no whole tiles, and a stride.
    type Strided = Conv2d<Picture<9, 8, 5>, Picture<5, 4, 6>, 3, 3, 5, 6, Window<Same, 2, 2>, Relu>;
    pass::<Strided, _, _, _, _, _, _>(isa, hash);
    *hash
}

/// All passes of a layer on one picture.
#[inline(never)]
fn pass<L, const H: usize, const W: usize, const C: usize, const P: usize, const Q: usize, const F: usize>(
    isa: Isa,
    hash: &mut Fnv1a,
) where
    L: Train<Input = Picture<H, W, C>, Output = Picture<P, Q, F>, Gradients = (), State<Sgd> = Pair<(), ()>>
        + Plain,
    L::Tape: Zeroed,
{
    let mut rng = Rng::new(1);
    let mut layer = L::ZEROED;
    layer.init(Init::He, &mut rng);
    let (mut x, mut y): (Picture<H, W, C>, Picture<P, Q, F>) = (Zeroed::ZEROED, Zeroed::ZEROED);
    for x in x.as_flattened_mut().as_flattened_mut() {
        *x = rng.normal();
    }
    layer.run(isa, from_ref(&x), &mut [], from_mut(&mut y));
    hash.add(y.as_bytes());
    for dy in y.as_flattened_mut().as_flattened_mut() {
        *dy = rng.normal();
    }
    let (pace, tape) = (&mut Whole::on(isa), [Zeroed::ZEROED]);
    let mut dx: Picture<H, W, C> = Zeroed::ZEROED;
    let derivative = Derivative::Relu(x.as_flattened().as_flattened());
    let into = InputGradient::into(from_mut(&mut dx), derivative);
    layer.backward(pace, from_ref(&x), &tape, from_ref(&y), &mut [()], into);
    hash.add(dx.as_bytes());
    let sweep = &mut Sgd::new(0.01).begin(&mut (), 1.0);
    layer.update::<Sgd, _>(pace, from_ref(&x), &tape, from_ref(&y), &[()], sweep, &mut Pair((), ()));
    hash.add(layer.as_bytes());
}
