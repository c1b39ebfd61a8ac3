//! Pictures made larger: pixels repeated, or zeros around.

use super::window::Picture;
use crate::layers::{Entry, InputGradient, Layer, Linear, Train};
use crate::memory::{layout, numbers, numbers_mut, part, part_mut};
use crate::pace::Pace;
use crate::{Isa, plain};
use core::fmt;
use core::marker::PhantomData;

/// Each pixel `SH` times down and `SW` times to the right: nearest-neighbour upsampling of a picture `I` to `O`. The gradient of a
/// pixel is the sum of its copies', added row by row.
///
/// ```
/// use fusebox::{Layer, Scratch, Upsample2d, Zeroed};
/// type Wide = Upsample2d<[[[f32; 1]; 2]; 1], [[[f32; 1]; 4]; 1], 1, 2>;
/// let mut ys = [[[[f32::NAN]; 4]; 1]];
/// Wide::ZEROED.infer(&[[[[1.0], [2.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[1.0], [1.0], [2.0], [2.0]]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::{Upsample2d, network};
/// network!(type Net = [Upsample2d<[[[f32; 1]; 2]; 1], [[[f32; 1]; 5]; 1], 1, 2>]); // four, not five
/// ```
#[doc(alias = "nearest")]
pub type Upsample2d<I, O, const SH: usize, const SW: usize> = Resize<I, O, SH, SW, 0, 0>;

/// `TOP` rows of zeros above a picture `I`, `LEFT` columns to its left, and what is missing to `O` below and to the right. The
/// gradient of what was there passes.
///
/// ```
/// use fusebox::{Layer, Pad2d, Scratch, Zeroed};
/// type Framed = Pad2d<[[[f32; 1]; 1]; 1], [[[f32; 1]; 3]; 2], 0, 1>;
/// let mut ys = [[[[f32::NAN]; 3]; 2]];
/// Framed::ZEROED.infer(&[[[[5.0]]]], &mut Scratch::<_, 1>::new(), &mut ys)?;
/// assert_eq!(ys, [[[[0.0], [5.0], [0.0]], [[0.0]; 3]]]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[doc(alias = "zero_padding")]
pub type Pad2d<I, O, const TOP: usize, const LEFT: usize> = Resize<I, O, 1, 1, TOP, LEFT>;

/// [`Upsample2d`] and [`Pad2d`]: each pixel repeated, from a row and a column on; zeros elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Resize<I, O, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize> {
    shape: PhantomData<fn(I) -> O>,
}

plain!([I: Copy + 'static, O: Copy + 'static, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize]
    Resize<I, O, SH, SW, TOP, LEFT> { shape: PhantomData<fn(I) -> O> });

impl<I, O, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize> fmt::Debug
    for Resize<I, O, SH, SW, TOP, LEFT>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resize").finish_non_exhaustive()
    }
}

/// An axis: positions before and after, how often each is repeated, and where the first is.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    times: usize,
    before: usize,
}

impl Axis {
    /// Fails to compile unless everything has a place, and repeated positions fill the output.
    const fn of(input: usize, output: usize, times: usize, before: usize) -> Self {
        assert!(times > 0, "each pixel is there once or more");
        let end = match input.checked_mul(times) {
            Some(len) => match len.checked_add(before) {
                Some(end) => end,
                None => usize::MAX,
            },
            None => usize::MAX,
        };
        assert!(end <= output, "the larger picture has room for the smaller");
        assert!(times == 1 || end == output, "an upsampled picture is so many times as large");
        Self { input, output, times, before }
    }
}

/// How pixels go from a picture to a larger one.
#[derive(Clone, Copy)]
struct Moves {
    rows: Axis,
    cols: Axis,
    channels: usize,
}

impl Moves {
    /// Calls `each` with where every pixel is, and where each of its copies is, in order of the copies.
    #[inline(always)]
    fn each(&self, mut each: impl FnMut(usize, usize)) {
        let Self { rows, cols, channels } = *self;
        let mut to_row = rows.before;
        for row in 0..rows.input {
            for _ in 0..rows.times {
                let mut to = (to_row * cols.output + cols.before) * channels;
                for col in 0..cols.input {
                    for _ in 0..cols.times {
                        each((row * cols.input + col) * channels, to);
                        to += channels;
                    }
                }
                to_row += 1;
            }
        }
    }

    /// Overwrites `y` with the larger picture.
    #[inline(never)]
    fn forward(&self, x: &[f32], y: &mut [f32]) {
        y.fill(0.0);
        self.each(|from, to| {
            let pixel = part(x, &(from..from + self.channels));
            for (y, x) in part_mut(y, &(to..to + self.channels)).iter_mut().zip(pixel) {
                *y = *x;
            }
        });
    }

    /// Overwrites `dx` with the sums of the copies' gradients.
    #[inline(never)]
    fn backward(&self, dy: &[f32], dx: &mut [f32]) {
        dx.fill(0.0);
        self.each(|from, to| {
            let pixel = part(dy, &(to..to + self.channels));
            for (dx, dy) in part_mut(dx, &(from..from + self.channels)).iter_mut().zip(pixel) {
                *dx += *dy;
            }
        });
    }
}

impl<I: Picture, O: Picture, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize>
    Resize<I, O, SH, SW, TOP, LEFT>
{
    const MOVES: Moves = {
        assert!(I::CHANNELS == O::CHANNELS, "a picture made larger has the channels it had");
        Moves {
            rows: Axis::of(I::HEIGHT, O::HEIGHT, SH, TOP),
            cols: Axis::of(I::WIDTH, O::WIDTH, SW, LEFT),
            channels: I::CHANNELS,
        }
    };

    fn resize(xs: &[I], ys: &mut [O]) {
        for (x, y) in xs.iter().zip(ys) {
            let (x, y) = (core::slice::from_ref(x), core::slice::from_mut(y));
            Self::MOVES.forward(numbers(x), numbers_mut(y));
        }
    }
}

impl<I: Picture, O: Picture, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize> Layer
    for Resize<I, O, SH, SW, TOP, LEFT>
{
    type Input = I;
    type Output = O;
    type Scratch = ();
    type InPlace = I;

    const CHECK: () = {
        let _ = Self::MOVES;
    };
    const SUMMARY: Entry = match SH * SW > 1 {
        true => Entry::layer::<Self>().named(|| "Upsample2d"),
        false => Entry::layer::<Self>().named(|| "Pad2d"),
    };

    fn run(&self, _: Isa, xs: &[I], _scratch: &mut [f32], ys: &mut [O]) {
        if xs.len() == ys.len() {
            Self::resize(xs, ys);
        }
    }
}

/// Units are pictures.
impl<I: Picture, O: Picture, const SH: usize, const SW: usize, const TOP: usize, const LEFT: usize> Train
    for Resize<I, O, SH, SW, TOP, LEFT>
{
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<Opt: crate::Optimizer> = ();
    type End = Linear;

    const LAYOUT: u64 = layout(
        "Resize",
        &[
            I::HEIGHT as u64,
            I::WIDTH as u64,
            I::CHANNELS as u64,
            SH as u64,
            SW as u64,
            TOP as u64,
            LEFT as u64,
        ],
    );

    fn forward<P: Pace>(&self, pace: &mut P, xs: &[I], _memory: Option<&()>, _tape: &mut [()], ys: &mut [O]) {
        let rows = pace.take(xs.len(), O::HEIGHT * O::WIDTH * O::CHANNELS);
        Self::resize(part(xs, &rows), part_mut(ys, &rows));
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _xs: &[I],
        _tape: &[()],
        dys: &[O],
        _gradients: &mut [()],
        dx: InputGradient<'_, I>,
    ) {
        let rows = pace.take(dx.wanted(dys.len()), O::HEIGHT * O::WIDTH * O::CHANNELS);
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for (dy, dx) in part(dys, &rows).iter().zip(dxs) {
                let (dy, dx) = (core::slice::from_ref(dy), core::slice::from_mut(dx));
                Self::MOVES.backward(numbers(dy), numbers_mut(dx));
            }
        });
    }
}
