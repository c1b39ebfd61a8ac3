//! The sizes that a C program is compiled with.
//!
//! C knows a network by its size and alignment alone, which differ between networks and targets. `cargo xtask c` reads them
//! from the compiled library ([`FUSEBOX_LIBRARY_SIZES`]) and writes them to `fusebox_sizes.h`. A program passes the header's
//! to the library, which compares them with its own: a header of another build is an error, not a write past the end.

use crate::area::{Area, Floats};
use crate::inference::Inference;
use crate::network::{BATCH, Net, Target};
use crate::saving;
use crate::status::Status;
use crate::training::{Fusebox, Learning};
use fusebox::{Layer, checkpoint::Part};

/// What a header says about the library that it was written for: `FUSEBOX_SIZES`, in bytes unless said otherwise.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The version of these functions.
    pub interface: u32,
    /// Size of a `fusebox`.
    pub memory_bytes: u32,
    /// Its alignment.
    pub memory_align: u32,
    /// Size of a `fusebox_inference`.
    pub inference_bytes: u32,
    /// Its alignment.
    pub inference_align: u32,
    /// Numbers of a row of inputs.
    pub inputs: u32,
    /// Numbers of a row of outputs.
    pub outputs: u32,
    /// The most rows of a call.
    pub batch: u32,
    /// Size of a row's target.
    pub target_bytes: u32,
    /// Bytes that `fusebox_save` writes.
    pub save_bytes: u32,
    /// Bytes that `fusebox_save_weights` writes.
    pub weights_bytes: u32,
    /// Where in these the weights themselves begin.
    pub weights_offset: u32,
    /// Parameters of the network.
    pub parameters: u32,
    /// A hash of the network, its optimiser and their sizes.
    pub network: u32,
}

/// The library's own.
#[unsafe(no_mangle)]
pub static FUSEBOX_LIBRARY_SIZES: Sizes = Sizes {
    interface: 1,
    memory_bytes: word(size_of::<Fusebox>()),
    memory_align: word(align_of::<Fusebox>()),
    inference_bytes: word(size_of::<Inference>()),
    inference_align: word(align_of::<Inference>()),
    inputs: word(<<Net as Layer>::Input as Floats>::COUNT),
    outputs: word(<<Net as Layer>::Output as Floats>::COUNT),
    batch: word(BATCH),
    target_bytes: word(size_of::<Target>()),
    save_bytes: word(saving::BYTES),
    weights_bytes: word(saving::WEIGHTS_BYTES),
    weights_offset: word(saving::HEADER),
    parameters: word(size_of::<Net>() / size_of::<f32>()),
    network: (<Learning as Part>::LAYOUT >> 32 ^ <Learning as Part>::LAYOUT) as u32,
};

/// A size as the header has it. Evaluated by the compiler only, where a size that does not fit is an error.
const fn word(size: usize) -> u32 {
    assert!(size <= u32::MAX as usize);
    size as u32
}

/// Errors unless `sizes` are the library's.
///
/// # Safety
///
/// Points 1 and 2 of the crate's documentation.
pub(crate) unsafe fn check(sizes: *const Sizes) -> Result<(), Status> {
    let start = Area::new(sizes, 1)?.start();
    // SAFETY: not null and aligned; readable by 1. Another version has this field too, if not the others.
    let interface = unsafe { (&raw const (*start).interface).read() };
    if interface != FUSEBOX_LIBRARY_SIZES.interface {
        return Err(Status::Sizes);
    }
    // SAFETY: as above, and in this version it is a `Sizes`, of which every bit pattern is a value.
    let sizes = unsafe { start.read() };
    if sizes == FUSEBOX_LIBRARY_SIZES { Ok(()) } else { Err(Status::Sizes) }
}
