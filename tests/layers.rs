//! Every layer and activation against a reference in `f64`, and against itself in other company.
//!
//! - The reference (`support/reference_net.rs`) is plain loops, shown right by central differences.
//! - On every instruction set outputs and gradients lie within the running error bound of the reference.
//! - A row gives the same bits alone and in every batch; running gives the bits of training's forward pass.

mod support {
    pub(crate) mod bounded;
    pub(crate) mod isas;
    pub(crate) mod probes;
    pub(crate) mod reference_net;
    pub(crate) mod vectors;
}

#[path = "layers/alone.rs"]
mod alone;
#[path = "layers/against_f64.rs"]
mod against_f64;
#[path = "layers/pytorch.rs"]
mod pytorch;
#[path = "layers/sizes.rs"]
mod sizes;
