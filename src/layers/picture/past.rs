//! The frames that a window needs of a stream's past.

use crate::kernel::axis::Axis;
use crate::layers::Due;
use crate::memory::{numbers_mut, part};
use crate::{Plain, plain};

/// The frames that are in the next output's window, the earliest first, and where in the stream it is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Past<F> {
    /// The number of the next frame; once all windows are full, less a multiple of the stride.
    at: u32,
    /// How many frames there are.
    len: u32,
    frames: F,
}

plain!([F: Plain] Past<F> { at: u32, len: u32, frames: F });

impl Axis {
    /// Positions from a window's first tap to its last.
    const fn span(&self) -> usize {
        (self.taps - 1) * self.dilation + 1
    }

    /// The positions at which outputs are known. Panics, when it is compiled, if one depends on a later position.
    pub(super) const fn due(&self) -> Due {
        let span = self.span();
        assert!(
            (self.output - 1) * self.stride + span <= self.before + self.input,
            "a layer in a stream looks ahead: it pads after the last frame"
        );
        Due { first: span - 1 - self.before, every: self.stride }
    }
}

impl<F: Plain> Past<F> {
    /// Takes the next frame. If an output is due, calls `run` with the axis of its window alone, and the frames on it, and
    /// returns true.
    pub(super) fn next(&mut self, axis: &Axis, frame: &[f32], run: impl FnOnce(Axis, &[f32])) -> bool {
        let Self { at, len, frames } = self;
        let frames = numbers_mut(core::slice::from_mut(frames));
        let Some(input) = push(axis, at, len, frame, frames) else { return false };
        let window = Axis { input, output: 1, before: axis.span().saturating_sub(input), ..*axis };
        run(window, part(frames, &(0..input.saturating_mul(frame.len()))));
        // The next window begins a stride later.
        let kept = axis.span().saturating_sub(axis.stride).min(input);
        let [from, to] = [input - kept, input].map(|frames| frames.saturating_mul(frame.len()));
        if let Some(frames) = frames.get_mut(..to).filter(|_| from > 0) {
            frames.copy_within(from.min(to).., 0);
        }
        *len = kept as u32;
        true
    }
}

/// Appends a frame if the next output's window holds it. If an output is due with it, returns how many frames its window has.
/// Counters of any value are safe.
fn push(axis: &Axis, at: &mut u32, len: &mut u32, frame: &[f32], frames: &mut [f32]) -> Option<usize> {
    let (span, stride, now) = (axis.span(), axis.stride.max(1), *at as usize);
    let first = span.saturating_sub(axis.before + 1);
    let left = match now.checked_sub(first) {
        None => first - now,
        Some(since) => (stride - since % stride) % stride,
    };
    let next = now.saturating_add(1);
    *at = if next >= span.saturating_add(stride) { next - stride } else { next } as u32;
    if left < span {
        let start = (*len as usize).saturating_mul(frame.len());
        frames.get_mut(start..)?.get_mut(..frame.len())?.copy_from_slice(frame);
        *len = len.saturating_add(1);
    }
    (left == 0).then_some(*len as usize)
}
