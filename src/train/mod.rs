//! Training: what a step needs, what it minimises, how it moves the parameters, and how well that went.

mod evaluate;
mod guard;
mod loss;
mod optimizer;
mod step;
mod workspace;

pub use evaluate::{argmax, evaluate, evaluate_with};
pub use guard::Guard;
pub use loss::{BinaryCrossEntropy, CrossEntropy, Huber, Loss, Mse, WeightedCrossEntropy};
pub use optimizer::{
    Accumulate, Adam, AdamW, ClipNorm, ClipValue, Momentum, Nesterov, Optimizer, Private, RmsProp, Sgd,
    WeightDecay,
};
pub use workspace::{Memory, Stage, Workspace};
