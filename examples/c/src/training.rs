//! A network that learns.

use crate::area::{Area, apart};
use crate::network::{BATCH, INIT, LOSS, Loss, Net, Rule, SEED, Target, rule};
use crate::sizes::{self, Sizes};
use crate::status::Status;
use core::task::Poll;
use fusebox::checkpoint::{Part, layout_of};
use fusebox::{Budget, Layer, Learner, Rng, Scratch, Train, Zeroed};

/// A row of inputs.
pub(crate) type Input = <Net as Layer>::Input;
/// A row of outputs.
pub(crate) type Output = <Net as Layer>::Output;
/// The network with what it needs to learn.
pub(crate) type Learning = Learner<Net, BATCH, Rule, Loss>;

/// A network that learns: weights, optimiser, and all memory for both. Declare one, or allocate FUSEBOX_MEMORY_BYTES at a
/// multiple of FUSEBOX_MEMORY_ALIGN, and initialise it with `fusebox_init`. It holds no pointers, so it may be copied and moved.
pub struct Fusebox {
    /// [`MARK`] once the rest is a value.
    mark: u64,
    pub(crate) learner: Learning,
    scratch: Scratch<Net, BATCH>,
}

impl Fusebox {
    /// Zeros, which are written without a copy of them on the stack or in flash. A loss with settings is not of zeros, and so
    /// takes as much flash as a `Fusebox` takes memory.
    const NEW: Self =
        Self { mark: 0, learner: Learner::with_loss(Net::ZEROED, LOSS), scratch: Scratch::new() };
}

/// Memory that holds something else begins with it once in 2^64 times.
const MARK: u64 = layout_of("fusebox of C", &[<Learning as Part>::LAYOUT, size_of::<Fusebox>() as u64]);

/// Gives the network its initial weights. `bytes` is the size of the memory; `sizes` is `&FUSEBOX_SIZES`.
///
/// Initialising it again starts again from the same weights.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_init(memory: *mut Fusebox, bytes: usize, sizes: *const Sizes) -> Status {
    // SAFETY: points 1 and 2.
    Status::of(unsafe { init(memory, bytes, sizes) })
}

/// # Safety
///
/// Points 1 and 2 of the crate's documentation.
unsafe fn init(memory: *mut Fusebox, bytes: usize, sizes: *const Sizes) -> Result<(), Status> {
    let area = Area::new(memory, 1)?;
    // SAFETY: points 1 and 2.
    unsafe { sizes::check(sizes)? };
    if bytes < size_of::<Fusebox>() {
        return Err(Status::Memory);
    }
    apart(area.bytes(), &[Area::new(sizes, 1)?.bytes()])?;
    // SAFETY: not null and aligned; the memory is writable by 1, as large as a `Fusebox` by the check, and nobody else's by 2.
    let state = unsafe {
        area.start().write(Fusebox::NEW);
        &mut *area.start()
    };
    Train::init(state.learner.net_mut()?, INIT, &mut Rng::new(SEED));
    state.mark = MARK;
    Ok(())
}

/// The network in `memory`.
///
/// # Safety
///
/// Points 1 to 3 of the crate's documentation, for `'a`.
pub(crate) unsafe fn initialized<'a>(memory: *const Fusebox) -> Result<&'a Fusebox, Status> {
    let start = Area::new(memory, 1)?.start();
    // SAFETY: not null and aligned; readable by 1.
    if unsafe { (&raw const (*start).mark).read() } != MARK {
        return Err(Status::Uninitialized);
    }
    // SAFETY: as above; `init` made it a value, which only these functions have changed by 3; nobody else changes it by 2.
    Ok(unsafe { &*start })
}

/// The network in `memory`, to be changed.
///
/// # Safety
///
/// As for [`initialized`].
pub(crate) unsafe fn initialized_mut<'a>(memory: *mut Fusebox) -> Result<&'a mut Fusebox, Status> {
    // SAFETY: points 1 to 3.
    unsafe { initialized(memory)? };
    // SAFETY: it is a value; writable by 1; nobody else uses it by 2.
    Ok(unsafe { &mut *memory })
}

/// As many rows as one call takes.
pub(crate) fn rows<T>(from: *const f32, rows: usize) -> Result<Area<T>, Status> {
    if rows == 0 || rows > BATCH {
        return Err(Status::Rows);
    }
    Area::new(from.cast(), rows)
}

/// Overwrites `outputs`, `rows` times FUSEBOX_OUTPUTS numbers, with the network's outputs for `inputs`, `rows` times
/// FUSEBOX_INPUTS numbers. From 1 to FUSEBOX_BATCH rows. While a step is in progress, the weights are those before it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_infer(
    network: *mut Fusebox,
    inputs: *const f32,
    outputs: *mut f32,
    rows: usize,
) -> Status {
    // SAFETY: points 1 to 3.
    Status::of(unsafe { infer(network, inputs, outputs, rows) })
}

/// # Safety
///
/// Points 1 to 3 of the crate's documentation.
unsafe fn infer(
    network: *mut Fusebox,
    inputs: *const f32,
    outputs: *mut f32,
    count: usize,
) -> Result<(), Status> {
    let own = Area::new(network, 1)?;
    let (xs, ys) = (rows::<Input>(inputs, count)?, rows::<Output>(outputs, count)?);
    apart(ys.bytes(), &[xs.bytes(), own.bytes()])?;
    apart(own.bytes(), &[xs.bytes()])?;
    // SAFETY: points 1 to 3; the three are apart.
    let (state, xs, ys) = unsafe { (initialized_mut(network)?, xs.get(), ys.get_mut()) };
    Ok(Layer::infer(state.learner.net(), xs, &mut state.scratch, ys)?)
}

/// Trains on a batch of `rows` rows, from 1 to FUSEBOX_BATCH: `inputs` is `rows` times FUSEBOX_INPUTS numbers, `targets`
/// one target for each row. Overwrites `loss` with the mean loss before the step; where that is not finite, neither are the
/// new weights.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_train_step(
    network: *mut Fusebox,
    inputs: *const f32,
    targets: *const Target,
    rows: usize,
    learning_rate: f32,
    loss: *mut f32,
) -> Status {
    // SAFETY: points 1 to 3.
    Status::of(unsafe { train_step(network, inputs, targets, rows, learning_rate, loss) })
}

/// # Safety
///
/// Points 1 to 3 of the crate's documentation.
unsafe fn train_step(
    network: *mut Fusebox,
    inputs: *const f32,
    targets: *const Target,
    count: usize,
    learning_rate: f32,
    loss: *mut f32,
) -> Result<(), Status> {
    let own = Area::new(network, 1)?;
    let (xs, targets) = (rows::<Input>(inputs, count)?, Area::new(targets, count)?);
    let loss = Area::new(loss, 1)?;
    apart(loss.bytes(), &[xs.bytes(), targets.bytes(), own.bytes()])?;
    apart(own.bytes(), &[xs.bytes(), targets.bytes()])?;
    // SAFETY: points 1 to 3; what is written is apart from the others.
    let (state, xs, targets, loss) =
        unsafe { (initialized_mut(network)?, xs.get(), targets.get(), loss.get_mut()) };
    let learner = &mut state.learner;
    if learner.is_busy() || learner.rows() > 0 {
        return Err(Status::Busy);
    }
    let staged = xs.iter().zip(targets).try_for_each(|(x, target)| learner.push(*target, |row| *row = *x));
    if let Err(error) = staged.and_then(|()| learner.start(rule(learning_rate))) {
        learner.cancel()?;
        return Err(error.into());
    }
    poll(learner, Budget::ALL, loss)
}

/// Stages a row for the next step: `input` is FUSEBOX_INPUTS numbers, `target` one target. At most FUSEBOX_BATCH rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_push(
    network: *mut Fusebox,
    input: *const f32,
    target: *const Target,
) -> Status {
    // SAFETY: points 1 to 3.
    Status::of(unsafe { push(network, input, target) })
}

/// # Safety
///
/// Points 1 to 3 of the crate's documentation.
unsafe fn push(network: *mut Fusebox, input: *const f32, target: *const Target) -> Result<(), Status> {
    let own = Area::new(network, 1)?;
    let (xs, targets) = (rows::<Input>(input, 1)?, Area::new(target, 1)?);
    apart(own.bytes(), &[xs.bytes(), targets.bytes()])?;
    // SAFETY: points 1 to 3; what is written is apart from the others.
    let (state, xs, targets) = unsafe { (initialized_mut(network)?, xs.get(), targets.get()) };
    let mut rows = xs.iter().zip(targets);
    Ok(rows.try_for_each(|(x, target)| state.learner.push(*target, |row| *row = *x))?)
}

/// Starts a training step on the rows staged; `fusebox_poll` runs it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_start(network: *mut Fusebox, learning_rate: f32) -> Status {
    // SAFETY: points 1 to 3.
    let state = unsafe { initialized_mut(network) };
    Status::of(state.and_then(|state| Ok(state.learner.start(rule(learning_rate))?)))
}

/// Runs a slice of the step: at most `multiply_adds` of these, or one unit of work, which may be more. Returns
/// FUSEBOX_STATUS_PENDING until the step is finished; then FUSEBOX_STATUS_OK, overwrites `loss` with the mean loss before the
/// step, and the new weights are in use. Slices give the same bits as `fusebox_train_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_poll(network: *mut Fusebox, multiply_adds: usize, loss: *mut f32) -> Status {
    // SAFETY: points 1 to 3.
    Status::of(unsafe { poll_slice(network, multiply_adds, loss) })
}

/// # Safety
///
/// Points 1 to 3 of the crate's documentation.
unsafe fn poll_slice(network: *mut Fusebox, multiply_adds: usize, loss: *mut f32) -> Result<(), Status> {
    let (own, loss) = (Area::new(network, 1)?, Area::new(loss, 1)?);
    apart(loss.bytes(), &[own.bytes()])?;
    // SAFETY: points 1 to 3; the two are apart.
    let (state, loss) = unsafe { (initialized_mut(network)?, loss.get_mut()) };
    poll(&mut state.learner, Budget::macs(multiply_adds), loss)
}

/// A slice; the loss, if the step is finished.
fn poll(learner: &mut Learning, budget: Budget, loss: &mut [f32]) -> Result<(), Status> {
    match learner.poll(budget) {
        Poll::Pending => Err(Status::Pending),
        Poll::Ready(mean) => {
            loss.fill(mean?);
            Ok(())
        }
    }
}

/// Discards the rows staged, and the step in progress: the weights are as before it. FUSEBOX_STATUS_BUSY if the step has
/// begun to change the optimiser: then poll it to its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_cancel(network: *mut Fusebox) -> Status {
    // SAFETY: points 1 to 3.
    let state = unsafe { initialized_mut(network) };
    Status::of(state.and_then(|state| Ok(state.learner.cancel()?)))
}
