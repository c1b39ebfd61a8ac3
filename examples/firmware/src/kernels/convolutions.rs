//! Convolutions of several shapes, forward and both gradients: their bits, which the desktop's tests compare with plain loops.

use crate::bits::Fnv1a;
use core::slice::{from_mut, from_ref};
use fusebox::layers::{Conv2d, Same, Valid, Window};
use fusebox::{
    Derivative, Init, InputGradient, Isa, Optimizer, Pair, Plain, Relu, Rng, Sgd, Train, Whole, Zeroed,
};

/// A picture of `H` x `W` pixels of `C` numbers.
type Picture<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Hashes outputs, gradients of inputs through a ReLU, and weights after a step, of each shape.
pub(super) fn check(isa: Isa) -> Fnv1a {
    let mut hash = Fnv1a::new();
    let hash = &mut hash;
    // Pixels of one number; odd and even numbers of taps, channels and filters; lines along rows and down columns.
    pass::<Conv2d<Picture<7, 9, 1>, Picture<7, 9, 8>, 3, 3, 1, 8>, _, _, _, _, _, _>(isa, hash);
    pass::<Conv2d<Picture<6, 5, 3>, Picture<6, 5, 4>, 3, 3, 3, 4, Window, Relu>, _, _, _, _, _, _>(isa, hash);
    pass::<Conv2d<Picture<8, 7, 5>, Picture<6, 5, 12>, 3, 3, 5, 12, Window<Valid>>, _, _, _, _, _, _>(
        isa, hash,
    );
    pass::<Conv2d<Picture<6, 6, 4>, Picture<6, 6, 6>, 3, 3, 4, 6, Window, Relu>, _, _, _, _, _, _>(isa, hash);
    pass::<Conv2d<Picture<6, 6, 2>, Picture<6, 6, 4>, 5, 5, 2, 4>, _, _, _, _, _, _>(isa, hash);
    pass::<Conv2d<Picture<5, 5, 16>, Picture<5, 5, 20>, 1, 1, 16, 20>, _, _, _, _, _, _>(isa, hash);
    // Strides, dilation, groups.
    type Strided = Conv2d<Picture<9, 8, 4>, Picture<5, 4, 8>, 3, 3, 4, 8, Window<Same, 2, 2>>;
    pass::<Strided, _, _, _, _, _, _>(isa, hash);
    type Dilated = Conv2d<Picture<8, 8, 4>, Picture<8, 8, 4>, 3, 3, 4, 4, Window<Same, 1, 1, 2, 2>>;
    pass::<Dilated, _, _, _, _, _, _>(isa, hash);
    pass::<Conv2d<Picture<6, 6, 8>, Picture<6, 6, 8>, 3, 3, 4, 8>, _, _, _, _, _, _>(isa, hash);
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
