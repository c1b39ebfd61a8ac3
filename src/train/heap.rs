//! Large values straight on the heap: feature `alloc`.
//!
//! A value that is made and then boxed passes through the stack, which it may not fit. These are made of zeroed memory, where
//! they stay. (In a `static`, `new` is a constant, and nothing passes through the stack either.)

use crate::layers::{Layer, Scratch, Train};
use crate::losses::{CrossEntropy, Loss};
use crate::memory::Plain;
use crate::optimizers::Optimizer;
use crate::train::{Guard, Learner, Workspace};
use alloc::boxed::Box;

/// A value of zeros on the heap: a network before [`Train::init`], rows of data.
///
/// ```
/// use fusebox::{Dense, Init, Relu, Rng, Seq, boxed};
/// type Large = Seq![Dense<784, 1024, Relu>, Dense<1024, 10>]; // 3 MB
/// let mut net = boxed::<Large>();
/// net.init(Init::He, &mut Rng::new(1));
/// ```
pub fn boxed<T: Plain>() -> Box<T> {
    const { T::CHECKED }
    // SAFETY: all bits are a value of a `Plain` type, zeros too.
    unsafe { Box::new_zeroed().assume_init() }
}

impl<N: Train, const B: usize, O: Optimizer, L: Loss<N::Output>> Workspace<N, B, O, L> {
    /// [`Workspace::with_loss`] straight on the heap.
    ///
    /// ```
    /// use fusebox::{Adam, Dense, Mse, Relu, Seq, Workspace};
    /// type Large = Seq![Dense<784, 1024, Relu>, Dense<1024, 10>];
    /// let workspace = Workspace::<Large, 32, Adam, _>::boxed_with_loss(Mse); // 7 MB
    /// ```
    pub fn boxed_with_loss(loss: L) -> Box<Self> {
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: beside the loss, which is written before it counts as one, a workspace is `Plain` values and empty lists, which
        // are valid as zeros.
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
    /// [`Workspace::new`] straight on the heap.
    pub fn boxed() -> Box<Self> {
        Self::boxed_with_loss(CrossEntropy)
    }
}

impl<N: Train + Plain, const B: usize, O: Optimizer, L: Loss<N::Output>> Learner<N, B, O, L> {
    /// [`Learner::with_loss`] of a network of zeros, straight on the heap: [`Learner::net_mut`] is there to be initialised.
    pub fn boxed_with_loss(loss: L) -> Box<Self> {
        const { N::CHECKED }
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: as for a workspace; the networks are `Plain`, and beside them a learner is counters, and states whose first is a
        // zero (`Pass::Idle`, `Held::Nothing`, which is `repr(C)`).
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
    /// [`Learner::new`] of a network of zeros, straight on the heap.
    pub fn boxed() -> Box<Self> {
        Self::boxed_with_loss(CrossEntropy)
    }
}

impl<N: Layer, const B: usize> Scratch<N, B> {
    /// [`Scratch::new`] straight on the heap.
    pub fn boxed() -> Box<Self> {
        // SAFETY: scratch is `Plain` values.
        unsafe { Box::new_zeroed().assume_init() }
    }
}

impl<N: Copy> Guard<N> {
    /// [`Guard::new`] straight on the heap.
    pub fn boxed() -> Box<Self> {
        let mut memory = Box::<Self>::new_zeroed();
        // SAFETY: beside its limits, a guard is two numbers and an empty list, which are valid as zeros.
        unsafe {
            (&raw mut (*memory.as_mut_ptr()).limits).write(None);
            memory.assume_init()
        }
    }
}
