//! A network that only infers, with weights that stay where they are: in flash, or in a file that is mapped.

use crate::area::{Area, apart};
use crate::network::{BATCH, Net};
use crate::saving::{WEIGHTS_BYTES, at_most, with_header};
use crate::sizes::{self, Sizes};
use crate::status::Status;
use crate::training::{Input, Output, rows};
use fusebox::checkpoint::{self, Part, layout_of};
use fusebox::{Layer, Scratch};

/// A network that only infers: the memory for that, and a pointer to its weights. Declare one, or allocate
/// FUSEBOX_INFERENCE_BYTES at a multiple of FUSEBOX_INFERENCE_ALIGN, and initialise it with `fusebox_inference_init`.
pub struct Inference {
    /// [`MARK`] once the rest is a value.
    mark: u64,
    weights: *const Net,
    scratch: Scratch<Net, BATCH>,
}

impl Inference {
    /// Zeros, which are written without a copy of them.
    const NEW: Self = Self { mark: 0, weights: core::ptr::null(), scratch: Scratch::new() };
}

/// As that of a `Fusebox`, and different from it.
const MARK: u64 =
    layout_of("fusebox_inference of C", &[<Net as Part>::LAYOUT, size_of::<Inference>() as u64]);

// Weights are used as they were saved.
const _: () = assert!(cfg!(target_endian = "little"));

/// Checks `weights`, `size` bytes as `fusebox_save_weights` writes them, and keeps a pointer to them: they must stay there, and
/// start at a multiple of four. `bytes` is the size of the memory; `sizes` is `&FUSEBOX_SIZES`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_inference_init(
    memory: *mut Inference,
    bytes: usize,
    sizes: *const Sizes,
    weights: *const u8,
    size: usize,
) -> Status {
    // SAFETY: points 1, 2 and 4.
    Status::of(unsafe { init(memory, bytes, sizes, weights, size) })
}

/// # Safety
///
/// Points 1, 2 and 4 of the crate's documentation.
unsafe fn init(
    memory: *mut Inference,
    bytes: usize,
    sizes: *const Sizes,
    weights: *const u8,
    size: usize,
) -> Result<(), Status> {
    let (area, file) = (Area::new(memory, 1)?, Area::new(weights, at_most(size, WEIGHTS_BYTES))?);
    // SAFETY: points 1 and 2.
    unsafe { sizes::check(sizes)? };
    if bytes < size_of::<Inference>() {
        return Err(Status::Memory);
    }
    apart(area.bytes(), &[file.bytes(), Area::new(sizes, 1)?.bytes()])?;
    // SAFETY: points 1, 2 and 4; nobody writes to them.
    let weights: &Net = checkpoint::view(with_header(unsafe { file.get() })?)?;
    // SAFETY: not null and aligned; the memory is writable by 1, as large as an `Inference` by the check, and nobody else's by 2.
    let state = unsafe {
        area.start().write(Inference::NEW);
        &mut *area.start()
    };
    (state.mark, state.weights) = (MARK, weights);
    Ok(())
}

/// Overwrites `outputs`, `rows` times FUSEBOX_OUTPUTS numbers, with the network's outputs for `inputs`, `rows` times
/// FUSEBOX_INPUTS numbers. From 1 to FUSEBOX_BATCH rows. The same bits as those of `fusebox_infer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_inference_run(
    inference: *mut Inference,
    inputs: *const f32,
    outputs: *mut f32,
    rows: usize,
) -> Status {
    // SAFETY: points 1 to 4.
    Status::of(unsafe { run(inference, inputs, outputs, rows) })
}

/// # Safety
///
/// Points 1 to 4 of the crate's documentation.
unsafe fn run(
    inference: *mut Inference,
    inputs: *const f32,
    outputs: *mut f32,
    count: usize,
) -> Result<(), Status> {
    let own = Area::new(inference, 1)?;
    let (xs, ys) = (rows::<Input>(inputs, count)?, rows::<Output>(outputs, count)?);
    apart(ys.bytes(), &[xs.bytes(), own.bytes()])?;
    apart(own.bytes(), &[xs.bytes()])?;
    // SAFETY: not null and aligned; readable by 1.
    if unsafe { (&raw const (*own.start()).mark).read() } != MARK {
        return Err(Status::Uninitialized);
    }
    // SAFETY: `init` made it a value, which only these functions have changed by 3.
    let weights = unsafe { (&raw const (*own.start()).weights).read() };
    apart(ys.bytes(), &[Area::new(weights, 1)?.bytes()])?;
    // SAFETY: points 1 and 2, for the memory as before; what is written is apart from the others. `init` found a network in
    // `weights`, which stayed by 4.
    let (state, weights, xs, ys) = unsafe { (&mut *own.start(), &*weights, xs.get(), ys.get_mut()) };
    Ok(Layer::infer(weights, xs, &mut state.scratch, ys)?)
}
