//! Creating large values directly on the heap: feature `alloc`.
//!
//! A value that is created and then boxed is first on the stack, which may be too small. These functions initialise
//! zeroed heap memory in place. (The `new` of a `static` is a constant and does not use the stack either.)

use crate::layers::{Layer, Scratch, Stream, Streaming, Train};
use crate::losses::{CrossEntropy, Loss};
use crate::memory::Plain;
use crate::optimizers::Optimizer;
use crate::train::{Guard, Learner, Workspace};
use alloc::boxed::Box;

/// A value of zeros on the heap: a network to be initialised by [`Train::init`], rows of data.
///
/// ```
/// use fusebox::{Dense, Init, Relu, Rng, Seq, boxed};
/// type Large = Seq![Dense<784, 1024, Relu>, Dense<1024, 10>]; // 3 MB
/// let mut net = boxed::<Large>();
/// net.init(Init::He, &mut Rng::new(1));
/// ```
pub fn boxed<T: Plain>() -> Box<T> {
    const { T::CHECKED }
    // SAFETY: every bit pattern is a value of a `Plain` type, including all zeros.
    unsafe { Box::new_zeroed().assume_init() }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Workspace<N, B, O, L> {
    /// [`Workspace::with_loss`] directly on the heap.
    ///
    /// ```
    /// use fusebox::{Adam, Dense, Mse, Relu, Seq, Workspace};
    /// type Large = Seq![Dense<784, 1024, Relu>, Dense<1024, 10>];
    /// let workspace = Workspace::<Large, 32, Adam, _>::boxed_with_loss(Mse); // 7 MB
    /// ```
    pub fn boxed_with_loss(loss: L) -> Box<Self> {
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: except for the loss, which is written before the value is assumed initialised, a workspace consists
        // of `Plain` values and empty lists, which are valid as zeros.
        unsafe {
            (&raw mut (*memory.as_mut_ptr()).loss).write(loss);
            memory.assume_init()
        }
    }
}

impl<N: Train, const B: usize, O: Optimizer> Workspace<N, B, O>
where
    CrossEntropy: Loss<N::Output>,
{
    /// [`Workspace::new`] directly on the heap.
    pub fn boxed() -> Box<Self> {
        Self::boxed_with_loss(CrossEntropy)
    }
}

impl<N: Train + Plain, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, O, L> {
    /// [`Learner::with_loss`] for a network of zeros, directly on the heap. Initialise the network through
    /// [`Learner::net_mut`].
    pub fn boxed_with_loss(loss: L) -> Box<Self> {
        const { N::CHECKED }
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: as for a workspace. The networks are `Plain`; the rest of a learner is counters, and enums whose
        // first variant is all zeros (`Pass::Idle`, `Held::Nothing`, which is `repr(C)`).
        unsafe {
            (&raw mut (*memory.as_mut_ptr()).workspace.loss).write(loss);
            memory.assume_init()
        }
    }
}

impl<N: Train + Plain, const B: usize, O: Optimizer> Learner<N, B, O>
where
    CrossEntropy: Loss<N::Output>,
{
    /// [`Learner::new`] for a network of zeros, directly on the heap.
    pub fn boxed() -> Box<Self> {
        Self::boxed_with_loss(CrossEntropy)
    }
}

impl<N: Layer, const B: usize> Scratch<N, B> {
    /// [`Scratch::new`] directly on the heap.
    pub fn boxed() -> Box<Self> {
        // SAFETY: scratch consists of `Plain` values.
        unsafe { Box::new_zeroed().assume_init() }
    }
}

impl<N: Stream> Streaming<N> {
    /// [`Streaming::new`] directly on the heap.
    ///
    /// ```
    /// use fusebox::layers::{Causal, Window};
    /// use fusebox::{Conv1d, Streaming, Zeroed};
    /// type Net = Conv1d<9, 1000, 9, 9, 1000, 1, Window<Causal>>; // remembers 9000 numbers
    /// let net = fusebox::boxed::<Net>();
    /// assert_eq!(Streaming::<Net>::boxed().push(&net, &[1.0; 1000]), Some(&[0.0]));
    /// ```
    pub fn boxed() -> Box<Self> {
        const { Self::CHECK }
        // SAFETY: a stream consists of `Plain` values.
        unsafe { Box::new_zeroed().assume_init() }
    }
}

impl<N: Copy> Guard<N> {
    /// [`Guard::new`] directly on the heap.
    pub fn boxed() -> Box<Self> {
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: except for its limits, a guard is two numbers and an empty list, which are valid as zeros.
        unsafe {
            (&raw mut (*memory.as_mut_ptr()).limits).write(None);
            memory.assume_init()
        }
    }
}
