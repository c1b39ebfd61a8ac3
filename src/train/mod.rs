//! Training: what a step needs, what it minimises, how it moves the parameters and how far, what it is fed again, when it
//! ends, and how well that went.

mod evaluate;
mod guard;
mod learner;
mod loss;
mod optimizer;
mod reservoir;
mod schedule;
mod step;
mod stopping;
mod workspace;

pub use evaluate::{argmax, evaluate, evaluate_with};
pub use guard::{Guard, Limits};
pub use learner::Learner;
pub use loss::{BinaryCrossEntropy, CrossEntropy, Huber, Loss, Mse, WeightedCrossEntropy};
pub use optimizer::{
    Accumulate, Adam, AdamW, Batches, Buffered, ClipNorm, ClipValue, Momentum, Nesterov, Noise, Optimizer,
    Private, RmsProp, Sgd, Shorten, WeightDecay,
};
pub use reservoir::{Offered, Reservoir};
pub use schedule::Schedule;
pub use stopping::{EarlyStopping, Verdict};
pub use workspace::{Memory, Stage, Workspace};
