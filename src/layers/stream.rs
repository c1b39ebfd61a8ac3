//! Networks that take a sequence one frame at a time.

use super::Layer;
use crate::Aligned;
use crate::{Error, Isa, Pair, Plain, Zeroed};

/// A layer that can run one frame at a time: a position of a sequence, or a row of a picture whose rows are time.
///
/// Implemented for layers that look at no later frame, and for layers made of them: convolutions and pools with
/// [`Causal`](super::Causal) or [`Valid`](super::Valid) padding, layers at [`Each`](super::Each) position,
/// [`BatchNorm`](super::BatchNorm). A convolution or pool that pads after the last frame does not compile in a stream. Used
/// through [`Streaming`].
///
/// A layer without memory of earlier frames needs no more than [`PerRow`].
///
/// ```
/// use fusebox::layers::{Due, Stream};
/// use fusebox::{Conv1d, Isa, Layer, Plain, Streaming, Zeroed};
///
/// /// The difference of a frame from the one before it, which is zeros before the first.
/// struct Change;
/// impl Zeroed for Change {
///     const ZEROED: Self = Self;
/// }
/// impl Layer for Change {
///     type Input = [[f32; 1]; 4];
///     type Output = [[f32; 1]; 4];
///     type Scratch = ();
///     type InPlace = [[f32; 1]; 4];
///     fn run(&self, isa: Isa, xs: &[Self::Input], _: &mut [f32], ys: &mut [Self::Output]) {
///         for (x, y) in xs.iter().zip(ys) {
///             let mut past = [0.0];
///             for (x, y) in x.iter().zip(y) {
///                 self.step(isa, &mut past, x, y);
///             }
///         }
///     }
/// }
/// impl Stream for Change {
///     type Frame = [f32; 1];
///     type Out = [f32; 1];
///     type Past = [f32; 1];
///     const DUE: Due = Due::EACH;
///     fn step(&self, _: Isa, past: &mut [f32; 1], frame: &[f32; 1], out: &mut [f32; 1]) -> bool {
///         *out = [frame[0] - past[0]];
///         *past = *frame;
///         true
///     }
/// }
///
/// let mut stream = Streaming::<Change>::new();
/// assert_eq!(stream.push(&Change, &[5.0]), Some(&[5.0]));
/// assert_eq!(stream.push(&Change, &[7.0]), Some(&[2.0]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not run one frame at a time",
    note = "layers that look at a whole sequence have no place in a stream, except a global pool, whose window goes along with it"
)]
pub trait Stream: Layer {
    /// A frame of input.
    type Frame: Zeroed + Copy;
    /// A frame of output.
    type Out: Plain;
    /// What the layer remembers of earlier frames, and memory for results between inner layers. Zeros before the first
    /// frame.
    type Past: Plain;

    /// The frames with which outputs come. Does not compile if an output depends on a later frame.
    const DUE: Due;

    /// The most frames that a stream takes; after them, [`Stream::step`] returns false. Without limit for layers whose memory is of a
    /// window, or a state.
    const FRAMES: usize = usize::MAX;

    /// Errors if a frame is not valid for the layer: see [`Layer::admits`]. A layer made of others asks the first that gets it.
    fn admits_frame(_frame: &Self::Frame) -> Result<(), Error> {
        Ok(())
    }

    /// Takes the next frame. If an output is due, overwrites `out` with it and returns true.
    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &Self::Frame, out: &mut Self::Out) -> bool;
}

/// A layer on rows of numbers, each of which is a frame in a stream.
///
/// ```
/// use fusebox::layers::PerRow;
/// use fusebox::{Isa, Layer, Streaming, Zeroed};
/// struct Halve;
/// impl Layer for Halve {
///     type Input = [f32; 2];
///     type Output = [f32; 2];
///     type Scratch = ();
///     type InPlace = [f32; 2];
///     fn run(&self, _: Isa, xs: &[[f32; 2]], _: &mut [f32], ys: &mut [[f32; 2]]) {
///         for (x, y) in xs.iter().zip(ys) {
///             *y = x.map(|x| x / 2.0);
///         }
///     }
/// }
/// impl PerRow for Halve {}
/// assert_eq!(Streaming::<Halve>::new().push(&Halve, &[4.0, 2.0]), Some(&[2.0, 1.0]));
/// ```
pub trait PerRow: Layer {}

impl<L: PerRow> Stream for L {
    type Frame = L::Input;
    type Out = L::Output;
    type Past = Alone<L::Scratch>;

    const DUE: Due = Due::EACH;

    fn admits_frame(frame: &L::Input) -> Result<(), Error> {
        L::admits(core::slice::from_ref(frame))
    }

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &L::Input, out: &mut L::Output) -> bool {
        run_one(self, isa, past, frame, out);
        true
    }
}

/// A scratch apart from its batch, aligned for numbers.
pub(super) type Alone<S> = Pair<[f32; 0], S>;

/// Runs a layer on one row.
pub(super) fn run_one<L: Layer>(
    layer: &L,
    isa: Isa,
    scratch: &mut Alone<L::Scratch>,
    x: &L::Input,
    y: &mut L::Output,
) {
    use core::slice::{from_mut, from_ref};
    layer.run(isa, from_ref(x), crate::memory::numbers_mut(from_mut(scratch)), from_mut(y));
}

/// The frames with which outputs come, counted from 0: `first`, then each `every`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The frame of the first output.
    pub first: usize,
    /// Frames from one output to the next.
    pub every: usize,
}

impl Due {
    /// With each frame.
    pub const EACH: Self = Self { first: 0, every: 1 };

    /// When a layer's outputs are due whose frames are these outputs. Saturates.
    ///
    /// ```
    /// use fusebox::layers::Due;
    /// // A pool over two frames, then one over three of its outputs.
    /// let (two, three) = (Due { first: 1, every: 2 }, Due { first: 2, every: 3 });
    /// assert_eq!(two.then(three), Due { first: 5, every: 6 });
    /// ```
    #[must_use]
    pub const fn then(self, later: Self) -> Self {
        let wait = later.first.saturating_mul(self.every);
        Self { first: self.first.saturating_add(wait), every: self.every.saturating_mul(later.every) }
    }

    /// The most frames of two layers, of which the later one takes these outputs and at most `frames` of them. Saturates.
    pub(super) const fn limit(self, most: usize, frames: usize) -> usize {
        let later = match frames {
            usize::MAX => usize::MAX,
            _ => self.first.saturating_add(self.every.saturating_mul(frames)),
        };
        if most < later { most } else { later }
    }

    /// Whether both are the same.
    pub(super) const fn is(self, other: Self) -> bool {
        self.first == other.first && self.every == other.every
    }
}

/// A network that takes a sequence one frame at a time, and the memory for it: what its layers remember.
///
/// Outputs are those of running the network on the whole sequence, to the bit, and a stream may go on after the length of
/// the network's input. Frames before the first take no part: a convolution's taps there count as zeros, an average
/// is divided by the number of frames that there are. A global pool gives an output when it has seen as many frames
/// as its input has, and from then on with each frame, of as many last ones.
///
/// The weights are borrowed for each frame and may be in flash. A convolution remembers as many frames as its kernel's
/// rows times its dilation.
///
/// ```
/// use fusebox::layers::{Causal, Due, Stream, Window};
/// use fusebox::{Conv1d, Dense, Each, MaxPool1d, Relu, Rng, Scratch, Seq, Streaming, Train};
///
/// type Net = Seq![
///     Conv1d<8, 2, 8, 3, 2, 4, Window<Causal>, Relu>, // each output sees this frame and two before it
///     MaxPool1d<8, 4, 4, 2>,                          // halves the rate
///     Each<4, Dense<4, 1>>,
/// ];
/// const { assert!(Net::DUE.first == 1 && Net::DUE.every == 2) }
/// let net = Net::he(&mut Rng::new(1));
/// let sequence: [[f32; 2]; 8] = std::array::from_fn(|t| [t as f32, 1.0]);
///
/// let mut ys = [[[f32::NAN; 1]; 4]];
/// net.infer(&[sequence], &mut Scratch::<Net, 1>::new(), &mut ys)?;
///
/// let mut stream = Streaming::<Net>::new();
/// let outputs: Vec<[f32; 1]> = sequence.iter().filter_map(|frame| stream.push(&net, frame).copied()).collect();
/// assert_eq!(outputs, ys[0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
///
/// A layer that looks ahead:
///
/// ```compile_fail,E0080
/// use fusebox::layers::{Same, Window};
/// use fusebox::{Conv1d, Streaming};
/// // "a layer in a stream looks ahead: it pads after the last frame"
/// let stream = Streaming::<Conv1d<8, 1, 8, 3, 1, 1, Window<Same>>>::new();
/// ```
///
/// A layer that needs the whole sequence:
///
/// ```compile_fail
/// use fusebox::{Dense, Flatten, Streaming};
/// let stream = Streaming::<Flatten<8, 2, Dense<16, 3>>>::new();
/// ```
#[derive(Debug)]
pub struct Streaming<N: Stream> {
    /// What the layers remember, and how many frames there have been.
    past: Aligned<Pair<N::Past, u32>>,
    out: Aligned<N::Out>,
}

impl<N: Stream> Streaming<N> {
    /// Bytes of memory.
    pub const BYTES: usize = size_of::<Self>();

    /// Compiles only if the network runs one frame at a time.
    pub(crate) const CHECK: () = {
        _ = N::DUE;
        N::CHECK
    };

    /// Before the first frame, for a `static` or the stack.
    pub const fn new() -> Self {
        const { Self::CHECK }
        Self { past: Zeroed::ZEROED, out: Zeroed::ZEROED }
    }

    /// Takes the next frame, on the fastest available instruction set. Returns the output that is due with it, if there is
    /// one. Compiles only if the stream has no end: see [`Streaming::try_push`].
    pub fn push(&mut self, net: &N, frame: &N::Frame) -> Option<&N::Out> {
        self.push_with(Isa::detect(), net, frame)
    }

    /// [`Streaming::push`] on the given instruction set.
    ///
    /// ```
    /// use fusebox::{Dense, Isa, Streaming, Zeroed};
    /// let mut stream = Streaming::<Dense<2, 1>>::new();
    /// assert_eq!(stream.push_with(Isa::portable(), &Dense::ZEROED, &[1.0, 2.0]), Some(&[0.0]));
    /// ```
    pub fn push_with(&mut self, isa: Isa, net: &N, frame: &N::Frame) -> Option<&N::Out> {
        const { assert!(N::FRAMES == usize::MAX, "this network takes a number of frames only: use `try_push`") }
        net.step(isa, &mut self.past.0.0, frame, &mut self.out.0).then_some(&self.out.0)
    }

    /// [`Streaming::push`] for networks that take [`Stream::FRAMES`] frames only, as those with
    /// [`Attention`](super::Attention) do, or not all frames, as those of tokens.
    ///
    /// Errors, with nothing changed, if there have been as many frames, or the frame is not valid for the network.
    ///
    /// ```
    /// use fusebox::{Error, Positions, Streaming, Zeroed};
    /// let (net, mut stream) = (Positions::<2, 1>::ZEROED, Streaming::<Positions<2, 1>>::new());
    /// assert_eq!(stream.try_push(&net, &[1.0])?, Some(&[1.0]));
    /// assert_eq!(stream.try_push(&net, &[2.0])?, Some(&[2.0]));
    /// assert_eq!(stream.try_push(&net, &[3.0]), Err(Error::Full { capacity: 2 }));
    /// stream.restart();
    /// assert_eq!(stream.try_push(&net, &[4.0])?, Some(&[4.0]));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn try_push(&mut self, net: &N, frame: &N::Frame) -> Result<Option<&N::Out>, Error> {
        self.try_push_with(Isa::detect(), net, frame)
    }

    /// [`Streaming::try_push`] on the given instruction set.
    ///
    /// ```
    /// use fusebox::{Each, Embedding, Error, Isa, Streaming, Zeroed};
    /// type Net = Each<4, Embedding<10, 2>>;
    /// let (net, mut stream) = (Net::ZEROED, Streaming::<Net>::new());
    /// let refused = stream.try_push_with(Isa::portable(), &net, &10);
    /// assert_eq!(refused, Err(Error::Token { vocabulary: 10, got: 10, position: 0 }));
    /// ```
    pub fn try_push_with(&mut self, isa: Isa, net: &N, frame: &N::Frame) -> Result<Option<&N::Out>, Error> {
        let Pair(past, frames) = &mut self.past.0;
        if N::FRAMES != usize::MAX && *frames as usize >= N::FRAMES {
            return Err(Error::Full { capacity: N::FRAMES });
        }
        N::admits_frame(frame)?;
        *frames = frames.saturating_add(1);
        Ok(net.step(isa, past, frame, &mut self.out.0).then_some(&self.out.0))
    }

    /// Forgets all frames.
    ///
    /// ```
    /// use fusebox::layers::{Causal, Window};
    /// use fusebox::{Conv1d, Streaming, Zeroed};
    /// type Sum = Conv1d<8, 1, 8, 2, 1, 1, Window<Causal>>;
    /// let (mut sum, mut stream) = (Sum::ZEROED, Streaming::<Sum>::new());
    /// sum.layer.weight = [[[[1.0]]]; 2];
    /// assert_eq!(stream.push(&sum, &[1.0]), Some(&[1.0]));
    /// assert_eq!(stream.push(&sum, &[1.0]), Some(&[2.0]));
    /// stream.restart();
    /// assert_eq!(stream.push(&sum, &[1.0]), Some(&[1.0]));
    /// ```
    pub fn restart(&mut self) {
        crate::memory::numbers_mut(core::slice::from_mut(&mut self.past.0)).fill(0.0);
    }
}

/// For a beam search, in which a sequence continues another's: `clone_from` copies what its layers remember.
impl<N: Stream> Clone for Streaming<N> {
    fn clone(&self) -> Self {
        Self { past: self.past, out: self.out }
    }
}

impl<N: Stream> Default for Streaming<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Stream> Zeroed for Streaming<N> {
    const ZEROED: Self = Self::new();
}

/// Rows of data as frames: a row of numbers is one, a sequence has one for each position, a picture one for each row.
pub trait Frames: Plain + sealed::Sealed {
    /// A frame.
    type Frame: Plain;
}

mod sealed {
    pub trait Sealed {}
    impl<const N: usize> Sealed for [f32; N] {}
    impl<const N: usize, const T: usize> Sealed for [[f32; N]; T] {}
    impl<const C: usize, const W: usize, const H: usize> Sealed for [[[f32; C]; W]; H] {}
}

impl<const N: usize> Frames for [f32; N] {
    type Frame = [f32; N];
}

impl<const N: usize, const T: usize> Frames for [[f32; N]; T] {
    type Frame = [f32; N];
}

impl<const C: usize, const W: usize, const H: usize> Frames for [[[f32; C]; W]; H] {
    type Frame = [[f32; C]; W];
}
