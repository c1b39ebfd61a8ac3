//! Training: what a step needs, what it minimises, how it moves the parameters, and how well that went.

mod evaluate;
mod loss;
mod optimizer;
mod workspace;

pub use evaluate::{argmax, evaluate, evaluate_with};
pub use loss::{CrossEntropy, Loss};
pub use optimizer::{Optimizer, Sgd};
pub use workspace::{Memory, Stage, Workspace};
