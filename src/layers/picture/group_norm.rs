//! Group and instance normalisation.

use super::Picture;
use super::conv::{derivative, finish};
use crate::kernel::group_norm::{Backward, Normalize, Shape};
use crate::layers::activation::{Form, FormOf};
use crate::layers::{Activation, Derivative, Entry, Identity, Init, InputGradient, Layer, Train};
use crate::memory::{count_of, layout, numbers, numbers_mut, part, part_mut, stretches, stretches_mut};
use crate::optimizers::{Optimizer, Rows};
use crate::pace::{FUNCTION, Pace};
use crate::{Epilogue, Isa, Pair, Rng, plain};
use core::marker::PhantomData;
use core::num::NonZero;

/// Group normalisation: divides the `C` channels of pictures `I` into `GROUPS` groups of adjacent channels, and brings
/// each group of each picture to mean 0 and variance 1. Then multiplies each channel by a trained gain and adds a trained
/// shift: `y = A(gain (x - mean) / sqrt(variance + 1e-5) + shift)`. Mean and variance are those of all pixels of the
/// group's channels.
///
/// A picture's outputs do not depend on the others of the batch. So the layer is the same in training and in inference, a
/// batch may have any size, and private training works: unlike [`BatchNorm`](super::BatchNorm). It cannot be folded into
/// a convolution. One group is layer normalisation of pictures; [`InstanceNorm`] has as many groups as channels. Sequences
/// are pictures of one column, through a [`View`](crate::View), as [`network!`](crate::network) derives them.
///
/// A constant group becomes `shift`. Errors: that of y, before `A`, is at most `2 (L + 8) u |gain| (|xhat| + 1) + 2 u
/// |shift|`, where u = 2^-24, xhat is the normalised number, and with k channels in a group L is min(k, 16) + k / 16 + 2
/// more than the n / 4 + 4 for up to n = 4096 pixels, or the 1028 + n / 4096 above. A mean much larger than the deviation
/// does not increase it. A group whose squares overflow becomes NaN.
///
/// Weights from Keras are gamma and beta in this order, from PyTorch weight and bias; the epsilon is PyTorch's (Keras: 1e-3).
///
/// Source: Y. Wu and K. He, "Group Normalization", 2018.
///
/// ```
/// use fusebox::layers::Conv2d;
/// use fusebox::{Dense, GroupNorm, Relu, Rng, Seq, Sgd, View, Workspace};
/// type Picture = [[[f32; 1]; 4]; 4];
/// type Features = [[[f32; 6]; 4]; 4];
/// type Net = Seq![
///     Conv2d<Picture, Features, 3, 3, 1, 6>,
///     GroupNorm<Features, 6, 2, Relu>,
///     View<Features, Dense<96, 2>, [f32; 2]>
/// ];
/// let mut net = Net::he(&mut Rng::new(1));
/// assert_eq!((net.rest.first.gain, net.rest.first.shift), ([1.0; 6], [0.0; 6]));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[[[[1.0]; 4]; 4]], &[1], &Sgd::new(0.1))?;
/// assert_ne!(net.rest.first.gain, [1.0; 6]);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Groups of different sizes:
///
/// ```compile_fail,E0080
/// use fusebox::{GroupNorm, network};
/// network!(type Net = [GroupNorm<[[[f32; 6]; 4]; 4], 6, 4>]);
/// ```
///
/// No group:
///
/// ```compile_fail,E0080
/// use fusebox::{GroupNorm, network};
/// network!(type Net = [GroupNorm<[[[f32; 6]; 4]; 4], 6, 0>]);
/// ```
///
/// Other channels:
///
/// ```compile_fail,E0080
/// use fusebox::{GroupNorm, network};
/// network!(type Net = [GroupNorm<[[[f32; 6]; 4]; 4], 4, 2>]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct GroupNorm<I, const C: usize, const GROUPS: usize, A = Identity> {
    /// Gamma. Starts as ones.
    pub gain: [f32; C],
    /// Beta. Starts as zeros.
    pub shift: [f32; C],
    shape: PhantomData<fn(I) -> A>,
}

plain!([I: Copy + 'static, const C: usize, const GROUPS: usize, A: Copy + 'static] GroupNorm<I, C, GROUPS, A> {
    gain: [f32; C],
    shift: [f32; C],
    shape: PhantomData<fn(I) -> A>,
});

/// Instance normalisation: brings each channel of each picture to mean 0 and variance 1. [`GroupNorm`] with a group for
/// each of the `C` channels.
///
/// Source: D. Ulyanov and others, "Instance Normalization: The Missing Ingredient for Fast Stylization", 2016.
///
/// ```
/// use fusebox::{InstanceNorm, Layer, Scratch, Zeroed};
/// let mut net = InstanceNorm::<[[[f32; 2]; 2]; 1], 2>::ZEROED;
/// (net.gain, net.shift) = ([1.0, 10.0], [0.0, 5.0]);
/// let mut ys = [[[[f32::NAN; 2]; 2]]];
/// net.infer(&[[[[300.0, 7.0], [500.0, 7.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[-1.0, 5.0], [1.0, 5.0]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub type InstanceNorm<I, const C: usize, A = Identity> = GroupNorm<I, C, C, A>;

impl<I: Picture, const C: usize, const GROUPS: usize, A: Activation> GroupNorm<I, C, GROUPS, A> {
    const SIZES: () = {
        assert!(C == I::CHANNELS, "a GroupNorm has as many channels as its pictures");
        assert!(I::HEIGHT * I::WIDTH * C > 0, "a GroupNorm's pictures have pixels");
        assert!(GROUPS > 0 && C.is_multiple_of(GROUPS), "a GroupNorm's groups have as many channels each");
    };

    const SHAPE: Shape = {
        let () = Self::SIZES;
        let Some(size) = NonZero::new(C / GROUPS) else { panic!("a group has channels") };
        Shape { pixels: Self::PIXELS, groups: GROUPS, size }
    };

    const PIXELS: usize = I::HEIGHT * I::WIDTH;

    /// What the kernel does of a forward pass.
    fn normalize(&self, isa: Isa, xs: &[I], moments: &mut [[[f32; GROUPS]; 3]], ys: &mut [I]) {
        let Self { gain, shift, .. } = self;
        let relu = matches!(FormOf::<A>::epilogue(shift), Epilogue::BiasRelu(_));
        let (xs, moments, ys) = (numbers(xs), numbers_mut(moments), numbers_mut(ys));
        isa.call(Normalize { shape: const { Self::SHAPE }, xs, gain, shift, relu, moments, ys });
    }
}

impl<I: Picture, const C: usize, const GROUPS: usize, A: Activation> Layer for GroupNorm<I, C, GROUPS, A> {
    type Input = I;
    type Output = I;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = Self::SIZES;
    const SUMMARY: Entry =
        Entry::layer::<Self>().named(if GROUPS == C { || "InstanceNorm" } else { || "GroupNorm" });

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [I]) {
        if xs.len() == ys.len() {
            self.normalize(isa, xs, &mut [], ys);
            FormOf::<A>::infer(isa, numbers_mut(ys));
        }
    }
}

/// Units are rows of the batch; the gain and the shift are one unit each.
impl<I: Picture, const C: usize, const GROUPS: usize, A: Activation> Train for GroupNorm<I, C, GROUPS, A> {
    /// For each group the rounded mean, what was lost in rounding, and one over the deviation; and what the activation
    /// stores of each pixel.
    type Tape = Pair<[[f32; GROUPS]; 3], I::Of<<FormOf<A> as Form>::Kept<C>>>;
    /// The picture's contributions to the gradients of gain and shift.
    type Gradients = Pair<[f32; C], [f32; C]>;
    type Memory = ();
    type State<O: Optimizer> = Pair<O::State<[f32; C]>, O::State<[f32; C]>>;
    type End = <FormOf<A> as Form>::End;

    const LAYOUT: u64 = layout("GroupNorm", &[C as u64, GROUPS as u64, A::NAME]);

    fn init(&mut self, _: Init, _: &mut Rng) {
        (self.gain, self.shift) = ([1.0; C], [0.0; C]);
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        _memory: Option<&()>,
        tape: &mut [Self::Tape],
        ys: &mut [I],
    ) {
        let macs = count_of::<I>() * (4 + FormOf::<A>::MACS) + GROUPS * 2 * FUNCTION;
        let rows = pace.take(xs.len(), macs);
        if rows.is_empty() {
            return;
        }
        let (moments, kept) = stretches_mut(tape);
        self.normalize(pace.isa(), part(xs, &rows), part_mut(moments, &rows), part_mut(ys, &rows));
        finish::<I, C, A>(pace.isa(), &rows, Self::PIXELS, kept, ys);
    }

    fn derivative<'a>(tape: &'a [Self::Tape], ys: &'a [I]) -> Derivative<'a> {
        derivative::<I, C, A>(stretches(tape).1, ys)
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        tape: &[Self::Tape],
        dys: &[I],
        gradients: &mut [Self::Gradients],
        dx: InputGradient<'_, I>,
    ) {
        let rows = pace.take(dys.len(), (4 + dx.wanted(4)) * count_of::<I>());
        if rows.is_empty() {
            return;
        }
        let (moments, _) = stretches(tape);
        let (dgains, dshifts) = stretches_mut(gradients);
        let mut backward = |dxs: &mut [I]| {
            pace.isa().call(Backward {
                shape: const { Self::SHAPE },
                xs: numbers(part(xs, &rows)),
                moments: numbers(part(moments, &rows)),
                gain: &self.gain,
                dys: numbers(part(dys, &rows)),
                dgains: numbers_mut(part_mut(dgains, &rows)),
                dshifts: numbers_mut(part_mut(dshifts, &rows)),
                dxs: numbers_mut(dxs),
            });
        };
        match dx.rows(&rows).target() {
            Some((dxs, derivative)) => {
                backward(dxs);
                derivative.apply(pace.isa(), dxs);
            }
            None => backward(&mut []),
        }
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[I],
        _tape: &[Self::Tape],
        _dys: &[I],
        gradients: &[Self::Gradients],
        sweep: &mut O::Sweep,
        Pair(gain, shift): &mut Self::State<O>,
    ) {
        let (dgains, dshifts) = stretches(gradients);
        O::step(pace, sweep, Rows::of(dgains), &mut self.gain, gain);
        O::step(pace, sweep, Rows::of(dshifts), &mut self.shift, shift);
    }
}
