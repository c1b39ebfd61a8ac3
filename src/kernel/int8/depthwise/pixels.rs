//! On processors without vectors: four channels of one output at a time, whose sums stay in registers.
//!
//! ```text
//! for every output
//!     rectangles = its taps in the picture, and those beside, which all see the input's zero
//!     for every four channels
//!         sums = bias
//!         for every rectangle, row of taps, tap: sums += x w      four channels side by side
//!         scale and store
//! ```
//!
//! Channels that are left, and all if a channel has several filters, go one by one.

use super::Depthwise;
use crate::kernel::axis::Axis;
use crate::kernel::int8::scale::Rounding;
use core::mem::MaybeUninit;
#[cfg(fusebox_armv7m)]
use core::mem::offset_of;

/// A rectangle of taps, for the assembly too.
#[derive(Clone, Copy)]
#[repr(C)]
struct Taps {
    /// The first one's inputs, and weights, of channel and filter 0.
    x: *const i8,
    w: *const i8,
    /// At least one of each.
    rows: usize,
    cols: usize,
    /// Inputs and weights from a tap to the next, and from the end of a row to the next row.
    step: [usize; 2],
    gap: [usize; 2],
    /// Whether they are in the picture; else at `x` there are four times the zero.
    inside: bool,
}

// Where the assembly looks for them.
#[cfg(fusebox_armv7m)]
const _: () = assert!(
    offset_of!(Taps, x) == 0
        && offset_of!(Taps, w) == 4
        && offset_of!(Taps, rows) == 8
        && offset_of!(Taps, cols) == 12
        && offset_of!(Taps, step) == 16
        && offset_of!(Taps, gap) == 24
);

/// An output's taps in up to five rectangles, of which the first `count` are written.
struct Rectangles {
    all: [MaybeUninit<Taps>; 5],
    count: usize,
}

/// The taps of an output that lie in the picture: the first, and the one after the last.
#[inline(always)]
fn inside(axis: &Axis, output: usize) -> [usize; 2] {
    [axis.before, axis.before + axis.input].map(|limit| {
        let below = |&tap: &usize| output * axis.stride + tap * axis.dilation < limit;
        (0..axis.taps).take_while(below).count()
    })
}

impl Rectangles {
    /// Those of an output, whose taps in the picture are these. `zeros` are four times the input's zero.
    #[inline(always)]
    fn new(
        depthwise: &Depthwise<'_>,
        x: &[i8],
        zeros: &[i8; 4],
        [down, right]: [usize; 2],
        [[top, bottom], [left, end]]: [[usize; 2]; 2],
    ) -> Self {
        let (channels, filters, [rows, cols]) = (depthwise.channels, depthwise.bias.len(), &depthwise.axes);
        let weight = depthwise.weight.as_ptr();
        let rectangle = |[top, bottom]: [usize; 2], [left, end]: [usize; 2]| Taps {
            x: zeros.as_ptr(),
            w: weight.wrapping_add((top * cols.taps + left) * filters),
            rows: bottom.wrapping_sub(top),
            cols: end.wrapping_sub(left),
            step: [0, filters],
            gap: [0, (cols.taps + left).wrapping_sub(end) * filters],
            inside: false,
        };
        let mut window = rectangle([top, bottom], [left, end]);
        // Where no tap lies in the picture nothing is read there.
        let row = (down * rows.stride + top * rows.dilation).wrapping_sub(rows.before);
        let col = (right * cols.stride + left * cols.dilation).wrapping_sub(cols.before);
        let pixel = row.wrapping_mul(cols.input).wrapping_add(col);
        let step = cols.dilation * channels;
        window.x = x.as_ptr().wrapping_add(pixel.wrapping_mul(channels));
        window.step[0] = step;
        window.gap[0] = (rows.dilation * cols.input * channels).wrapping_sub(window.cols.wrapping_mul(step));
        window.inside = true;
        let mut rectangles = Self { all: [const { MaybeUninit::uninit() }; 5], count: 0 };
        rectangles.push(window);
        if (window.rows, window.cols) != (rows.taps, cols.taps) {
            rectangles.push(rectangle([0, top], [0, cols.taps]));
            rectangles.push(rectangle([bottom, rows.taps], [0, cols.taps]));
            rectangles.push(rectangle([top, bottom], [0, left]));
            rectangles.push(rectangle([top, bottom], [end, cols.taps]));
        }
        rectangles
    }

    /// Adds one, if it has taps.
    #[inline(always)]
    fn push(&mut self, taps: Taps) {
        if taps.rows > 0
            && taps.cols > 0
            && let Some(place) = self.all.get_mut(self.count)
        {
            place.write(taps);
            self.count += 1;
        }
    }
}

/// Overwrites `y`. Lengths match.
pub(super) fn run<R: Rounding>(depthwise: &Depthwise<'_>, x: &[i8], y: &mut [i8]) {
    let (channels, filters, [rows, cols]) = (depthwise.channels, depthwise.bias.len(), &depthwise.axes);
    let of_each = filters.checked_div(channels).unwrap_or(1);
    let zeros = [depthwise.zero; 4];
    let mut y = y.as_mut_ptr();
    for down in 0..rows.output {
        let rows_inside = inside(rows, down);
        for right in 0..cols.output {
            let seen = [rows_inside, inside(cols, right)];
            let rectangles = Rectangles::new(depthwise, x, &zeros, [down, right], seen);
            let (mut filter, mut channel, mut left) = (0, 0, of_each);
            // SAFETY: there are as many filters, one for each channel or as many for each; lengths match, and so `y` has an output
            // of each filter. The rectangles are those of an output: in the picture, or of zeros.
            unsafe {
                while of_each == 1 && filters - filter >= 4 {
                    outputs::<4, R>(depthwise, &rectangles, filter, filter, y);
                    (filter, channel, y) = (filter + 4, filter + 4, y.wrapping_add(4));
                }
                while filter < filters {
                    outputs::<1, R>(depthwise, &rectangles, filter, channel, y);
                    (filter, left, y) = (filter + 1, left - 1, y.wrapping_add(1));
                    if left == 0 {
                        (channel, left) = (channel + 1, of_each);
                    }
                }
            }
        }
    }
}

/// Overwrites `N` outputs, of as many filters and channels from the given ones on.
///
/// # Safety
/// The rectangles are those of an output. There are `N` filters and channels from the given ones on, and `N` bytes at `y`. The lengths
/// of `depthwise` match.
#[inline(never)]
unsafe fn outputs<const N: usize, R: Rounding>(
    depthwise: &Depthwise<'_>,
    rectangles: &Rectangles,
    filter: usize,
    channel: usize,
    y: *mut i8,
) {
    // SAFETY: the filters that the caller vouches for have biases.
    let mut sums = unsafe { *depthwise.bias.as_ptr().wrapping_add(filter).cast::<[i32; N]>() };
    for taps in rectangles.all.iter().take(rectangles.count) {
        // SAFETY: the first `count` are written. The caller vouches for the taps, their channels in the picture, and their filters'
        // weights.
        unsafe {
            let taps = taps.assume_init_ref();
            taps.add(&mut sums, if taps.inside { channel } else { 0 }, filter);
        }
    }
    let scales = depthwise.scale.get(filter..).unwrap_or_default();
    for (i, (&sum, &scale)) in sums.iter().zip(scales).enumerate() {
        // SAFETY: there are `N` bytes.
        unsafe { *y.wrapping_add(i) = depthwise.clamp.output(R::scale(sum, scale)) };
    }
}

impl Taps {
    /// Adds the products of `N` channels and filters from the given ones on.
    ///
    /// # Safety
    /// There is a tap, and for each there are inputs and weights of all of them.
    #[inline(always)]
    unsafe fn add<const N: usize>(&self, sums: &mut [i32; N], channel: usize, filter: usize) {
        #[cfg(fusebox_armv7m)]
        if let Some(sums) = sums.as_mut_array::<4>() {
            // SAFETY: this function's contract.
            return unsafe { four(self, sums, channel, filter) };
        }
        let (mut x, mut w) = (self.x.wrapping_add(channel), self.w.wrapping_add(filter));
        for _ in 0..self.rows {
            for _ in 0..self.cols {
                // SAFETY: this function's contract. Arrays of bytes may be anywhere.
                let [xs, ws] = unsafe { [&*x.cast::<[i8; N]>(), &*w.cast::<[i8; N]>()] };
                for ((sum, &x), &w) in sums.iter_mut().zip(xs).zip(ws) {
                    *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                }
                (x, w) = (x.wrapping_add(self.step[0]), w.wrapping_add(self.step[1]));
            }
            (x, w) = (x.wrapping_add(self.gap[0]), w.wrapping_add(self.gap[1]));
        }
    }
}

/// [`Taps::add`] on a Cortex-M3, in 16 instructions for four products: four sums in registers, where the compiler stores them
/// after every product.
///
/// # Safety
/// As for [`Taps::add`].
#[cfg(fusebox_armv7m)]
#[unsafe(naked)]
unsafe extern "C" fn four(taps: &Taps, sums: &mut [i32; 4], channel: usize, filter: usize) {
    core::arch::naked_asm!(
        "push {{r0, r1, r4-r11, lr}}",
        "mov r10, r2",
        "mov r11, r3",
        "ldm r1, {{r6-r9}}",
        "ldm r0, {{r0-r5}}",
        "add r0, r0, r10",
        "add r1, r1, r11",
        "1:",
        "mov r10, r3",
        "2:",
        "ldrsb r11, [r0]",
        "ldrsb r12, [r1]",
        "ldrsb lr, [r0, #1]",
        "mla r6, r11, r12, r6",
        "ldrsb r12, [r1, #1]",
        "ldrsb r11, [r0, #2]",
        "mla r7, lr, r12, r7",
        "ldrsb r12, [r1, #2]",
        "ldrsb lr, [r0, #3]",
        "mla r8, r11, r12, r8",
        "ldrsb r12, [r1, #3]",
        "add r0, r0, r4",
        "mla r9, lr, r12, r9",
        "add r1, r1, r5",
        "subs r10, r10, #1",
        "bne 2b",
        "ldr r12, [sp]",
        "ldrd r11, r12, [r12, #24]",
        "add r0, r0, r11",
        "add r1, r1, r12",
        "subs r2, r2, #1",
        "bne 1b",
        "ldr r0, [sp, #4]",
        "stm r0, {{r6-r9}}",
        "pop {{r0, r1, r4-r11, pc}}",
    )
}
