//! A training or its weights as bytes: for a file, or for flash.

use crate::area::{Area, apart};
use crate::network::Net;
use crate::status::Status;
use crate::training::{Fusebox, Learning, initialized, initialized_mut};
use fusebox::checkpoint;

/// Bytes of a training.
pub(crate) const BYTES: usize = checkpoint::size::<(&Learning,)>();
/// Bytes of the weights alone.
pub(crate) const WEIGHTS_BYTES: usize = checkpoint::size::<(&Net,)>();

/// Bytes of a checkpoint before what was saved; after it is a checksum of four bytes.
pub(crate) const HEADER: usize = WEIGHTS_BYTES - size_of::<Net>() - size_of::<u32>();

/// Writes weights and optimiser to `bytes`, FUSEBOX_SAVE_BYTES or more; `size` is how many there are. A training that is
/// restored goes on with the same bits. FUSEBOX_STATUS_BUSY if a step is in progress; rows staged are not saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_save(network: *const Fusebox, bytes: *mut u8, size: usize) -> Status {
    // SAFETY: points 1 to 3.
    let saved = unsafe { with_room(network, bytes, size.min(BYTES)) };
    Status::of(saved.and_then(|(state, bytes)| {
        if state.learner.is_busy() {
            return Err(Status::Busy);
        }
        checkpoint::save((&state.learner,), bytes)?;
        Ok(())
    }))
}

/// Overwrites weights and optimiser with what `fusebox_save` wrote, `size` bytes. Rows staged and a step in progress are
/// discarded. Bytes that are incomplete, damaged, or of another network are an error, and change nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_restore(network: *mut Fusebox, bytes: *const u8, size: usize) -> Status {
    // SAFETY: points 1 to 3.
    let restored = unsafe { with_bytes(network, bytes, at_most(size, BYTES)) };
    Status::of(restored.and_then(|(state, bytes)| Ok(checkpoint::restore((&mut state.learner,), bytes)?)))
}

/// Writes the weights alone to `bytes`, FUSEBOX_WEIGHTS_BYTES or more; `size` is how many there are. The weights themselves,
/// FUSEBOX_PARAMETERS little-endian `float`s, begin at the byte FUSEBOX_WEIGHTS_OFFSET.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_save_weights(
    network: *const Fusebox,
    bytes: *mut u8,
    size: usize,
) -> Status {
    // SAFETY: points 1 to 3.
    let saved = unsafe { with_room(network, bytes, size.min(WEIGHTS_BYTES)) };
    Status::of(saved.and_then(|(state, bytes)| {
        checkpoint::save((state.learner.net(),), bytes)?;
        Ok(())
    }))
}

/// Overwrites the weights with what `fusebox_save_weights` wrote, or a program of Rust with `checkpoint::save((&net,), ..)`, and
/// resets the optimiser. FUSEBOX_STATUS_BUSY if a step is in progress. Other errors are those of `fusebox_restore`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fusebox_load_weights(
    network: *mut Fusebox,
    bytes: *const u8,
    size: usize,
) -> Status {
    // SAFETY: points 1 to 3.
    let loaded = unsafe { with_bytes(network, bytes, at_most(size, WEIGHTS_BYTES)) };
    Status::of(loaded.and_then(|(state, bytes)| {
        checkpoint::restore((state.learner.net_mut()?,), bytes)?;
        Ok(state.learner.reset_optimizer()?)
    }))
}

/// The network, and bytes to be overwritten.
///
/// # Safety
///
/// Points 1 to 3 of the crate's documentation, for `'a`.
unsafe fn with_room<'a>(
    network: *const Fusebox,
    bytes: *mut u8,
    size: usize,
) -> Result<(&'a Fusebox, &'a mut [u8]), Status> {
    let (own, area) = (Area::new(network, 1)?, Area::new(bytes, size)?);
    apart(area.bytes(), &[own.bytes()])?;
    // SAFETY: points 1 to 3; the two are apart.
    Ok(unsafe { (initialized(network)?, area.get_mut()) })
}

/// The network, and bytes to be read.
///
/// # Safety
///
/// Points 1 to 3 of the crate's documentation, for `'a`.
unsafe fn with_bytes<'a>(
    network: *mut Fusebox,
    bytes: *const u8,
    size: usize,
) -> Result<(&'a mut Fusebox, &'a [u8]), Status> {
    let (own, area) = (Area::new(network, 1)?, Area::new(bytes, size)?);
    apart(own.bytes(), &[area.bytes()])?;
    // SAFETY: points 1 to 3; the two are apart.
    let (state, bytes) = unsafe { (initialized_mut(network)?, area.get()) };
    Ok((state, with_header(bytes)?))
}

/// A size that may be wrong, cut to one that is not `expected` either: no more is read.
pub(crate) fn at_most(size: usize, expected: usize) -> usize {
    size.min(expected + 1)
}

/// `bytes`, if they have room for the header of a checkpoint: fewer than eight would seem not to be one.
pub(crate) fn with_header(bytes: &[u8]) -> Result<&[u8], Status> {
    if bytes.len() < HEADER { Err(Status::Length) } else { Ok(bytes) }
}
