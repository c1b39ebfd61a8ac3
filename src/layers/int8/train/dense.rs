//! The fully connected layer that is trained in whole numbers.

use super::Learn;
use crate::kernel::int8::learn::{MOST, Sizes, Step, gate};
use crate::kernel::int8::{Clamp, Multiplier, Product, Single};
use crate::layers::int8;
use crate::layers::{Identity, Layer, PerRow, Relu};
use crate::{Isa, Rng, plain};
use core::marker::PhantomData;

/// A fully connected layer whose weights are trained in eight bits: `y = clamp(round((b + W x) / 2^s))`, with s =
/// [`Dense::SHIFT`].
///
/// `A` is [`Identity`], for outputs of -128 to 127 sixteenths, or [`Relu`], for 0 to 127. There may be up to 512
/// outputs and 65,536 inputs. [`Plain::as_bytes`](crate::Plain::as_bytes) compiles only if `IN * OUT` is a multiple of
/// four: otherwise the struct ends in padding.
///
/// ```
/// use fusebox::int8::train::{Dense, Learn};
/// use fusebox::{Layer, Scratch, Zeroed};
/// let mut layer = Dense::<4, 1>::ZEROED;
/// assert_eq!(Dense::<4, 1>::SHIFT, 5); // weights in 1/32
/// layer.weight = [[32, 0, 0, -64]];
/// let mut ys = [[0]];
/// layer.infer(&[[16, 1, 1, 5]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[16 - 2 * 5]]);
/// let int8 = layer.to_int8();
/// int8.infer(&[[16, 1, 1, 6]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[16 - 2 * 6]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Dense<const IN: usize, const OUT: usize, A = Identity> {
    /// In units of 2^-s sixteenths. A step leaves it between -2^30 and 2^30.
    pub bias: [i32; OUT],
    /// In units of 2^-s, in the order of [`int8::Dense`]. A step leaves them from -127 to 127. After `bias`, so aligned to
    /// four bytes.
    pub weight: [[i8; IN]; OUT],
    /// Its function.
    pub activation: PhantomData<A>,
}

plain!([const IN: usize, const OUT: usize, A: Copy + 'static] Dense<IN, OUT, A> {
    bias: [i32; OUT],
    weight: [[i8; IN]; OUT],
    activation: PhantomData<A>,
});

/// The range that an activation leaves a layer's outputs: [`Identity`] or [`Relu`].
///
/// ```
/// use fusebox::int8::train::Range;
/// assert_eq!((<fusebox::Relu as Range>::LEAST, <fusebox::layers::Identity as Range>::LEAST), (0, -128));
/// ```
pub trait Range: Copy + 'static + sealed::Sealed {
    /// The smallest output.
    const LEAST: i8;
}

impl Range for Identity {
    const LEAST: i8 = i8::MIN;
}

impl Range for Relu {
    const LEAST: i8 = 0;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Identity {}
    impl Sealed for super::Relu {}
}

impl<const IN: usize, const OUT: usize, A: Range> Dense<IN, OUT, A> {
    /// s: a weight is in units of 2^-s. Half the binary logarithm of the number of inputs, rounded up, plus 4.
    pub const SHIFT: u32 = 4 + (usize::BITS - IN.saturating_sub(1).leading_zeros()).div_ceil(2);

    /// Of every output: 2^-s.
    const SCALE: [Multiplier; OUT] =
        [Multiplier { mantissa: 1 << 30, exponent: 1 - Self::SHIFT as i32 }; OUT];
    const CLAMP: Clamp = Clamp { zero: 0, least: A::LEAST, most: i8::MAX };
    const SIZES: Sizes = Sizes { depth: IN, outputs: OUT, shift: Self::SHIFT };
    /// Initial weights are at most so many units: the square is `2^2s 6 / IN`, whose third is the variance.
    const LARGEST: u32 = ((6_u64 << (2 * Self::SHIFT)) / IN as u64).isqrt() as u32;
}

impl<const IN: usize, const OUT: usize, A: Range> Layer for Dense<IN, OUT, A> {
    type Input = [i8; IN];
    type Output = [i8; OUT];
    type Scratch = ();
    type InPlace = [i8; IN];

    const CHECK: () = {
        assert!(IN > 0 && OUT > 0, "a Dense has at least one input and one output");
        assert!(IN <= 1 << 16, "more than 2^16 products of eight bits may not fit a sum of 32");
        assert!(OUT <= MOST, "more than 512 products of 8 and 16 bits may not fit a sum of 32");
    };
    const MACS: u64 = (IN * OUT) as u64;

    fn run(&self, isa: Isa, xs: &[[i8; IN]], _scratch: &mut [f32], ys: &mut [[i8; OUT]]) {
        let product = Product {
            depth: IN,
            weight: self.weight.as_flattened(),
            bias: &self.bias,
            scale: const { &Self::SCALE },
            clamp: Self::CLAMP,
        };
        product.run::<Single>(isa, xs.as_flattened(), ys.as_flattened_mut());
    }
}

impl<const IN: usize, const OUT: usize, A: Range> PerRow for Dense<IN, OUT, A> {}

impl<const IN: usize, const OUT: usize, A: Range> Learn for Dense<IN, OUT, A> {
    type Dx = [i16; IN];
    type Dy = [i16; OUT];
    type Memory<const B: usize> = ();
    type Int8 = int8::Dense<IN, OUT, Single>;

    fn randomize(&mut self, rng: &mut Rng) {
        self.bias = [0; OUT];
        for w in self.weight.as_flattened_mut() {
            *w = (rng.below(2 * Self::LARGEST + 1) as i32 - Self::LARGEST as i32) as i8;
        }
    }

    fn forward<const B: usize>(&self, isa: Isa, xs: &[[i8; IN]], _: &mut (), ys: &mut [[i8; OUT]]) {
        self.run(isa, xs, &mut [], ys);
    }

    fn backward<const B: usize>(
        &self,
        _xs: &[[i8; IN]],
        _: &mut (),
        ys: &[[i8; OUT]],
        dys: &mut [[i16; OUT]],
        dxs: Option<&mut [[i16; IN]]>,
    ) {
        gate(A::LEAST == 0, ys.as_flattened(), dys.as_flattened_mut());
        if let Some(dxs) = dxs {
            Self::SIZES.backward(self.weight.as_flattened(), dys.as_flattened(), dxs.as_flattened_mut());
        }
    }

    fn update<const B: usize>(
        &mut self,
        xs: &[[i8; IN]],
        _: &(),
        dys: &[[i16; OUT]],
        rate: u32,
        rng: &mut Rng,
    ) {
        let step = Step::new(rate, xs.len(), Self::SHIFT, rng.next_u32());
        let weight = self.weight.as_flattened_mut();
        Self::SIZES.update(&mut self.bias, weight, xs.as_flattened(), dys.as_flattened(), step);
    }

    fn to_int8(&self) -> Self::Int8 {
        int8::Dense {
            bias: self.bias,
            scale: Self::SCALE,
            weight: self.weight,
            clamp: Self::CLAMP,
            rounding: PhantomData,
        }
    }
}
