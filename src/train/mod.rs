//! Training: steps, whole or in slices, schedules, replay, early stopping, a guard, evaluation.

mod evaluate;
mod guard;
#[cfg(feature = "alloc")]
mod heap;
mod learner;
mod reservoir;
mod schedule;
mod step;
mod stopping;
mod workspace;

pub use evaluate::{evaluate, evaluate_with};
pub use guard::{Guard, Limits};
#[cfg(feature = "alloc")]
pub use heap::boxed;
pub use learner::Learner;
pub use reservoir::{Offered, Reservoir};
pub use schedule::Schedule;
pub use stopping::{EarlyStopping, Verdict};
pub use workspace::{Memory, Stage, Workspace};

use crate::losses::{CrossEntropy, Loss};
use crate::optimizers::{Optimizer, Private, Sgd};
