//! Layers, losses and optimisers against references in `f64` and against PyTorch, against themselves in other company, and
//! with what they must refuse.
//!
//! Formulas are written once (`support/reference_net.rs`, `losses`, `rules`), over numbers that are either `f64` or know
//! how far an `f32` may be from them (`support/bounded.rs`): the first are shown right by central differences or by
//! PyTorch's vectors, the second bound what the crate computes on every instruction set.

#[path = "../support"]
mod support {
    pub(crate) mod bounded;
    pub(crate) mod compositions;
    pub(crate) mod isas;
    pub(crate) mod probes;
    pub(crate) mod reference_net;
    pub(crate) mod vectors;
}

mod alone;
mod buffered;
mod fused;
mod guard;
mod layers;
mod losses;
mod private;
mod pytorch;
mod recurrent;
mod rules;
mod sizes;
mod traces;
