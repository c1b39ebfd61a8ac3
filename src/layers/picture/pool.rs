//! Pooling: the largest number, or the mean, of every window on a picture.

use super::past::Past;
use super::window::axes;
use super::{Picture, Steps, Valid, Window};
use crate::kernel::axis::Axis;
use crate::kernel::int8::{Number, pool as int8};
use crate::kernel::pool;
use crate::kernel::pool::{MaxBackward, MeanBackward, Windows};
use crate::layers::{Due, Entry, InputGradient, Layer, Linear, Stream, Train, View};
use crate::memory::{layout, numbers, numbers_mut, part, part_mut};
use crate::optimizers::Optimizer;
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, Plain, Zeroed};
use core::marker::PhantomData;

/// The largest number of every window of `KH` rows and `KW` columns, for each channel. Pictures of type `I` become
/// pictures of type `O`, whose rows and columns are [`output_len`](super::output_len). By default windows are adjacent; `G`, usually a
/// [`Window`], has other strides, dilations and padding.
///
/// Padding is never the largest number. NaN is: the first in a window, by rows, then columns. Of equal numbers the
/// first is taken; -0.0 and +0.0 are equal. The gradient of an output goes to its largest number only; gradients of
/// overlapping windows are added in the order of the outputs. Training stores nothing: `backward` searches the
/// largest number again.
///
/// ```
/// use fusebox::{Dense, Layer, MaxPool2d, Rng, Scratch, Seq, Sgd, Train, View, Workspace, Zeroed};
/// type Pool = MaxPool2d<[[[f32; 1]; 4]; 2], [[[f32; 1]; 2]; 1], 2, 2>;
/// let picture = [[[1.0], [2.0], [0.0], [-1.0]], [[4.0], [3.0], [-2.0], [0.0]]];
/// let mut ys = [[[[f32::NAN]; 2]; 1]];
/// Pool::ZEROED.infer(&[picture], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[4.0], [0.0]]]]);
///
/// type Net = Seq![Pool, View<[[[f32; 1]; 2]; 1], Dense<2, 2>, [f32; 2]>];
/// let mut net = Net::he(&mut Rng::new(1));
/// Workspace::<Net, 1>::new().train_step(&mut net, &[picture], &[1], &Sgd::new(0.1))?;
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// An output that is too large:
///
/// ```compile_fail,E0080
/// use fusebox::{MaxPool2d, network};
/// network!(type Net = [MaxPool2d<[[[f32; 1]; 4]; 2], [[[f32; 1]; 3]; 1], 2, 2>]);
/// ```
///
/// Other channels:
///
/// ```compile_fail,E0080
/// use fusebox::{MaxPool2d, network};
/// network!(type Net = [MaxPool2d<[[[f32; 1]; 4]; 2], [[[f32; 2]; 2]; 1], 2, 2>]);
/// ```
///
/// A column that no window reaches:
///
/// ```compile_fail,E0080
/// use fusebox::{MaxPool2d, network};
/// network!(type Net = [MaxPool2d<[[[f32; 1]; 5]; 2], [[[f32; 1]; 2]; 1], 2, 2>]);
/// ```
#[doc(alias = "max_pool2d")]
pub type MaxPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<Largest, Kernel<KH, KW, G>, I, O>;

/// The mean of every window of `KH` rows and `KW` columns, for each channel. Otherwise as [`MaxPool2d`].
///
/// The sum of the taps that lie inside the picture is divided by their number: padding does not count, as in Keras
/// and TensorFlow, and in PyTorch with `count_include_pad=False`. The sum is one chain of additions, by rows, then
/// columns; of a window that is the whole picture, that of [`GlobalAvgPool`]. A quotient is rounded once.
///
/// ```
/// use fusebox::layers::{Same, Window};
/// use fusebox::{AvgPool2d, Layer, Scratch, Zeroed};
/// type Row = [[[f32; 1]; 3]; 1];
/// type Pool = AvgPool2d<Row, Row, 1, 3, Window<Same>>;
/// let mut ys = [[[[f32::NAN]; 3]; 1]];
/// Pool::ZEROED.infer(&[[[[1.0], [2.0], [6.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[1.5], [3.0], [4.0]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "avg_pool2d")]
#[doc(alias = "mean")]
pub type AvgPool2d<I, O, const KH: usize, const KW: usize, G = Window<Valid, KH, KW>> =
    Pool<Mean, Kernel<KH, KW, G>, I, O>;

/// The largest number of each of a picture's `C` channels: as [`MaxPool2d`] with a window that is the whole picture.
///
/// ```
/// use fusebox::{GlobalMaxPool, Layer, Scratch, Zeroed};
/// let mut ys = [[f32::NAN; 2]];
/// let pictures = [[[[1.0, -4.0], [2.0, -3.0]]]];
/// GlobalMaxPool::<_, 2>::ZEROED.infer(&pictures, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[2.0, -3.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "AdaptiveMaxPool2d")]
pub type GlobalMaxPool<I, const C: usize> = Pool<Largest, All, I, [f32; C]>;

/// The mean of each of a picture's `C` channels.
///
/// The sum over n pixels is one chain of additions below 16 of them; four chains, of a quarter of the pixels each, up
/// to 4096; blocks of 4096 above. So its error is at most (n / 4 + 4) u times the sum of magnitudes, u = 2^-24, or
/// (1028 + n / 4096) u above 4096. The quotient is rounded once.
///
/// ```
/// use fusebox::{Dense, GlobalAvgPool, Layer, Scratch, Seq, Zeroed};
/// type Net = Seq![GlobalAvgPool<[[[f32; 2]; 2]; 1], 2>, Dense<2, 1>];
/// let mut net = Net::ZEROED;
/// net.rest.weight = [[1.0], [10.0]];
/// let mut ys = [[f32::NAN]];
/// net.infer(&[[[[1.0, 4.0], [3.0, 0.0]]]], &mut Scratch::<Net, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[22.0]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// Other channels:
///
/// ```compile_fail,E0080
/// use fusebox::{GlobalAvgPool, network};
/// network!(type Net = [GlobalAvgPool<[[[f32; 2]; 2]; 1], 3>]);
/// ```
#[doc(alias = "AdaptiveAvgPool2d")]
pub type GlobalAvgPool<I, const C: usize> = Pool<Mean, All, I, [f32; C]>;

/// [`MaxPool2d`] along a sequence of `T` positions of `C` numbers, which becomes one of `OUT`: a
/// picture of one column.
///
/// ```
/// use fusebox::layers::{Causal, Window};
/// use fusebox::{Layer, MaxPool1d, Scratch, Zeroed};
/// let (xs, mut ys) = ([[[1.0], [3.0], [2.0], [0.0]]], [[[f32::NAN]; 2]]);
/// MaxPool1d::<4, 1, 2, 2>::ZEROED.infer(&xs, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[3.0], [2.0]]]);
/// // The largest of the last three so far.
/// let mut ys = [[[f32::NAN]; 4]];
/// MaxPool1d::<4, 1, 4, 3, Window<Causal>>::ZEROED.infer(&xs, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[1.0], [3.0], [3.0], [3.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "max_pool1d")]
pub type MaxPool1d<const T: usize, const C: usize, const OUT: usize, const K: usize, G = Window<Valid, K>> =
    View<[[f32; C]; T], MaxPool2d<[[[f32; C]; 1]; T], [[[f32; C]; 1]; OUT], K, 1, G>, [[f32; C]; OUT]>;

/// [`AvgPool2d`] along a sequence, with the parameters of [`MaxPool1d`].
///
/// ```
/// use fusebox::layers::{Around, Window};
/// use fusebox::{AvgPool1d, Layer, Scratch, Zeroed};
/// let (xs, mut ys) = ([[[1.0], [3.0], [2.0], [0.0]]], [[[f32::NAN]; 2]]);
/// AvgPool1d::<4, 1, 2, 2>::ZEROED.infer(&xs, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[2.0], [1.0]]]);
/// // Padding does not count.
/// type Smooth = AvgPool1d<4, 1, 2, 4, Window<Around<1>, 2>>;
/// Smooth::ZEROED.infer(&xs, &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[2.0], [5.0 / 3.0]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "avg_pool1d")]
pub type AvgPool1d<const T: usize, const C: usize, const OUT: usize, const K: usize, G = Window<Valid, K>> =
    View<[[f32; C]; T], AvgPool2d<[[[f32; C]; 1]; T], [[[f32; C]; 1]; OUT], K, 1, G>, [[f32; C]; OUT]>;

/// What [`MaxPool2d`], [`AvgPool2d`] and the global pools are: the function `F` of each of the windows `W` on a
/// picture `I`.
#[repr(C)]
pub struct Pool<F, W, I, O>(PhantomData<fn(F, W, I) -> O>);

impl<F, W, I, O> Copy for Pool<F, W, I, O> {}

impl<F, W, I, O> Clone for Pool<F, W, I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F, W, I, O> PartialEq for Pool<F, W, I, O> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<F, W, I, O> Eq for Pool<F, W, I, O> {}

impl<F, W, I, O> core::fmt::Debug for Pool<F, W, I, O> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pool")
    }
}

impl<F, W, I, O> Zeroed for Pool<F, W, I, O> {
    const ZEROED: Self = Self(PhantomData);
}

// SAFETY: no field but one of size 0 and alignment 1.
unsafe impl<F: 'static, W: 'static, I: 'static, O: 'static> Plain for Pool<F, W, I, O> {
    type Slack = ();
}

/// The function of [`MaxPool2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest;

/// The function of [`AvgPool2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean;

/// The windows of `KH` rows and `KW` columns that go over a picture as `G` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel<const KH: usize, const KW: usize, G>(G);

/// The whole picture as the only window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct All;

/// A function of the numbers of a window: [`Largest`] or [`Mean`].
pub trait Function: 'static + sealed::Function {}

/// Windows on pictures of type `I` with outputs of type `O`: [`Kernel`] or [`All`].
#[diagnostic::on_unimplemented(
    message = "no pool makes a `{O}` of a `{I}`",
    note = "pictures are `[[[f32; C]; W]; H]`; a window's steps are a type such as `Window<Valid, 2, 2>`"
)]
pub trait Over<I, O>: 'static + sealed::Over<I, O> {}

mod sealed {
    use super::{Isa, Number, Plain, Windows, int8};

    pub trait Function {
        const NAME: &'static str;
        /// Whether it is the largest number.
        const IS_MAX: bool;
        /// In a summary: of a window, of a whole picture.
        const SHOWN: [fn() -> &'static str; 2];
        /// Multiply-adds for a tap, and for an output: forward, and backward.
        const MACS: [[usize; 2]; 2];
        fn forward(isa: Isa, windows: &Windows, xs: &[f32], ys: &mut [f32]);
        fn backward(isa: Isa, windows: &Windows, xs: &[f32], dys: &[f32], dxs: &mut [f32]);
        /// Of one picture of whole numbers, clamped to a range. Overwrites `y`.
        fn whole<T: Number>(windows: &int8::Windows, range: [T; 2], x: &[T], y: &mut [T]);
    }

    pub trait Over<I, O> {
        type Frame: Plain;
        type Out: Plain;
        type Past: Plain;
        const WINDOWS: Windows;
        /// Whether a window is the whole picture.
        const WHOLE: bool;
        /// Compiles only if the outputs are those of the windows.
        const CHECK: ();
    }
}

impl Function for Largest {}

impl sealed::Function for Largest {
    const NAME: &'static str = "MaxPool";
    const IS_MAX: bool = true;
    const SHOWN: [fn() -> &'static str; 2] = [|| "MaxPool2d", || "GlobalMaxPool"];
    const MACS: [[usize; 2]; 2] = [[2, 1], [4, 2]];

    fn forward(isa: Isa, windows: &Windows, xs: &[f32], ys: &mut [f32]) {
        isa.call(pool::Max { windows, xs, ys });
    }

    fn backward(isa: Isa, windows: &Windows, xs: &[f32], dys: &[f32], dxs: &mut [f32]) {
        isa.call(MaxBackward { windows, xs, dys, dxs });
    }

    fn whole<T: Number>(windows: &int8::Windows, range: [T; 2], x: &[T], y: &mut [T]) {
        windows.largest(range, x, y);
    }
}

impl Function for Mean {}

impl sealed::Function for Mean {
    const NAME: &'static str = "AvgPool";
    const IS_MAX: bool = false;
    const SHOWN: [fn() -> &'static str; 2] = [|| "AvgPool2d", || "GlobalAvgPool"];
    const MACS: [[usize; 2]; 2] = [[1, FUNCTION]; 2];

    fn forward(isa: Isa, windows: &Windows, xs: &[f32], ys: &mut [f32]) {
        isa.call(pool::Mean { windows, xs, ys });
    }

    fn backward(isa: Isa, windows: &Windows, _: &[f32], dys: &[f32], dxs: &mut [f32]) {
        isa.call(MeanBackward { windows, dys, dxs });
    }

    fn whole<T: Number>(windows: &int8::Windows, range: [T; 2], x: &[T], y: &mut [T]) {
        windows.mean(range, x, y);
    }
}

impl<I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps> Over<I, O> for Kernel<KH, KW, G> {}

impl<I: Picture, O: Picture, const KH: usize, const KW: usize, G: Steps> sealed::Over<I, O>
    for Kernel<KH, KW, G>
{
    type Frame = I::Frame;
    type Out = O::Frame;
    type Past = [G::Apart<I::Frame>; KH];

    const WHOLE: bool = false;
    const WINDOWS: Windows = {
        let [height, width] = axes::<I, G>([KH, KW]);
        Windows::of(height, width, I::CHANNELS)
    };

    const CHECK: () = {
        let Windows { height, width, .. } = <Self as sealed::Over<I, O>>::WINDOWS;
        assert!(height.output > 0, "a pool's windows fit its picture down the height, with no row left over");
        assert!(O::HEIGHT == height.output, "a pool's output has `output_len` rows");
        assert!(
            width.output > 0,
            "a pool's windows fit its picture across the width, with no column left over"
        );
        assert!(O::WIDTH == width.output, "a pool's output has `output_len` columns");
        assert!(O::CHANNELS == I::CHANNELS, "a pool's output has as many channels as its input");
        assert!(height.reached() && width.reached(), "a pool's window lies in the padding alone");
    };
}

impl<I: Picture, const C: usize> Over<I, [f32; C]> for All {}

impl<I: Picture, const C: usize> sealed::Over<I, [f32; C]> for All {
    type Frame = I::Frame;
    type Out = [f32; C];
    type Past = I;

    const WHOLE: bool = true;
    const WINDOWS: Windows = Windows::of(Axis::whole(I::HEIGHT), Axis::whole(I::WIDTH), I::CHANNELS);

    const CHECK: () = {
        assert!(I::HEIGHT > 0 && I::WIDTH > 0, "a global pool's picture has pixels");
        assert!(C == I::CHANNELS, "a global pool has as many outputs as its picture has channels");
    };
}

impl<F: Function, W: Over<I, O>, I: Plain, O: Plain> Pool<F, W, I, O> {
    const SIZES: () = {
        let () = W::CHECK;
        assert!(
            size_of::<I>() / size_of::<f32>() <= u32::MAX as usize,
            "a pool's picture has at most 2^32 numbers"
        );
    };

    /// Multiply-adds for a sample: forward, and backward.
    const MACS: [usize; 2] = {
        let Windows { height, width, channels, .. } = W::WINDOWS;
        let taps = height.taps.saturating_mul(width.taps);
        let outputs = height.output.saturating_mul(width.output).saturating_mul(channels);
        let [[tap, output], [tap_back, output_back]] = F::MACS;
        [
            outputs.saturating_mul(taps.saturating_mul(tap).saturating_add(output)),
            outputs.saturating_mul(taps.saturating_mul(tap_back).saturating_add(output_back)),
        ]
    };
}

impl<F: Function, W: Over<I, O>, I: Plain, O: Plain> Layer for Pool<F, W, I, O> {
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = Self::SIZES;
    const SUMMARY: Entry = Entry::layer::<Self>().named(F::SHOWN[W::WHOLE as usize]);

    fn run(&self, isa: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        const { Self::SIZES }
        if xs.len() == ys.len() {
            F::forward(isa, const { &W::WINDOWS }, numbers(xs), numbers_mut(ys));
        }
    }
}

/// A frame is a row.
impl<F: Function, W: Over<I, O>, I: Plain, O: Plain> Stream for Pool<F, W, I, O> {
    type Frame = W::Frame;
    type Out = W::Out;
    type Past = Past<W::Past>;

    const DUE: Due = {
        let () = Self::SIZES;
        W::WINDOWS.height.due()
    };

    fn step(&self, isa: Isa, past: &mut Past<W::Past>, frame: &W::Frame, out: &mut W::Out) -> bool {
        const { _ = Self::DUE }
        past.next(&W::WINDOWS.height, numbers(core::slice::from_ref(frame)), |height, frames| {
            let windows = Windows { height, ..W::WINDOWS };
            F::forward(isa, &windows, frames, numbers_mut(core::slice::from_mut(out)));
        })
    }
}

/// Units are rows of the batch.
impl<F: Function, W: Over<I, O>, I: Plain, O: Plain> Train for Pool<F, W, I, O> {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<P: Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = {
        let Windows { height, width, channels, .. } = W::WINDOWS;
        layout(F::NAME, &[channels as u64, height.layout(), width.layout()])
    };

    fn forward<P: Pace>(&self, pace: &mut P, xs: &[I], _memory: Option<&()>, _tape: &mut [()], ys: &mut [O]) {
        let rows = pace.take(xs.len(), Self::MACS[0]);
        self.run(pace.isa(), part(xs, &rows), &mut [], part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[I],
        _tape: &[()],
        dys: &[O],
        _gradients: &mut [()],
        dx: InputGradient<'_, I>,
    ) {
        const { Self::SIZES }
        let rows = pace.take(dx.wanted(dys.len()), Self::MACS[1]);
        let (xs, dys) = (part(xs, &rows), part(dys, &rows));
        dx.rows(&rows).write(pace.isa(), |dxs| {
            if xs.len() == dys.len() && dxs.len() == dys.len() {
                F::backward(pace.isa(), const { &W::WINDOWS }, numbers(xs), numbers(dys), numbers_mut(dxs));
            }
        });
    }
}
