//! Products on Cortex-M4, M7 and M33: SMLAD multiplies two pairs of 16 bits and adds both products to a sum.
//!
//! SXTB16 makes such a pair of the even bytes of a word, or turned by eight bits of the odd ones; inputs and weights are taken
//! apart alike, so nothing has to be put in order.
//!
//! ```text
//! one row, four outputs, four inputs          two rows, two outputs, four inputs
//! 1 LDR, 2 SXTB16   inputs                    1 LDM             inputs, in pairs already
//! 1 LDM, 8 SXTB16   a tile of weights         1 LDRD, 4 SXTB16  half a tile of weights
//! 8 SMLAD                                     8 SMLAD
//!                  20 for 16 products: 1.25                    14 for 16 products: 0.88
//! ```
//!
//! and two for the loop of two such steps. Two rows are taken apart once for all outputs, into [`Pairs`] on the stack; rows too
//! long for that go one by one, and are taken apart anew for every four outputs.

mod assembly;

use super::super::scale::{Multiplier, Rounding};
use super::{Product, plain};
use assembly::{row_double, row_single, row_sums, two_rows_double, two_rows_single};
use core::mem::{MaybeUninit, offset_of};

/// What the assembly is handed, in r0. It changes it.
#[repr(C)]
struct Task {
    bias: *const i32,
    /// Of one row the inputs, of two the pairs.
    x: *const u8,
    /// Whole tiles of a group of four outputs.
    tiles: usize,
    /// Inputs after them: up to three.
    rest: usize,
    scale: *const Multiplier,
    zero: i32,
    /// The clamp's bounds, each four times.
    least: u32,
    most: u32,
    /// Bytes, or sums.
    y: *mut i8,
    /// Groups of four outputs for one row, of two for two rows. At least one.
    groups: usize,
    weight: *const i8,
    // The others are for two rows.
    /// Outputs of a row.
    outputs: usize,
    /// The first row's inputs after those in tiles.
    x_rest: *const i8,
    depth: usize,
    /// Bytes from the weights of two outputs to those of the next two, in turns.
    step: [usize; 2],
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, bias) == 0
        && offset_of!(Task, x) == 4
        && offset_of!(Task, tiles) == 8
        && offset_of!(Task, rest) == 12
        && offset_of!(Task, scale) == 16
        && offset_of!(Task, zero) == 20
        && offset_of!(Task, least) == 24
        && offset_of!(Task, most) == 28
        && offset_of!(Task, y) == 32
        && offset_of!(Task, groups) == 36
        && offset_of!(Task, weight) == 40
        && offset_of!(Task, outputs) == 44
        && offset_of!(Task, x_rest) == 48
        && offset_of!(Task, depth) == 52
        && offset_of!(Task, step) == 56
);

/// Four inputs of two rows: the first row's even and odd ones, then the second's, each two of 16 bits.
type Pairs = [u32; 4];

/// Inputs of the longest rows that are taken two at a time: 768 bytes of pairs.
const LONGEST: usize = 192;

/// Overwrites `ys`. Lengths match, and the weights begin at the address of a word.
pub(super) fn rows<R: Rounding>(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i8]) {
    let (depth, outputs) = (product.depth, product.bias.len());
    if xs.len() > depth && depth <= LONGEST && outputs >= 4 {
        (xs, ys) = two_rows_at_a_time::<R>(product, xs, ys);
    }
    while let (Some(x), Some(y)) = (xs.split_off(..depth), ys.split_off_mut(..outputs)) {
        if outputs >= 4 {
            let mut task = task(product, x, y.as_mut_ptr());
            // SAFETY: `build.rs` enables this only for processors with the instructions. `x`, `y` and the product's slices
            // have the lengths that the task says: `Product::run` has checked them, and there is a group of outputs.
            unsafe { if R::TWICE { row_double(&mut task) } else { row_single(&mut task) } }
        }
        if outputs % 4 > 0 {
            plain::last_outputs::<R>(product, x, y, plain::dot);
        }
        if xs.is_empty() {
            return;
        }
    }
}

/// Overwrites `ys` with the sums. Lengths match, outputs are groups of four, and the weights begin at the address of a word.
pub(super) fn sums(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i32]) {
    while let (Some(x), Some(y)) = (xs.split_off(..product.depth), ys.split_off_mut(..product.bias.len())) {
        let mut task = task(product, x, y.as_mut_ptr().cast());
        // SAFETY: as in `rows`; at `y` there is a sum of each output.
        unsafe { row_sums(&mut task) }
        if xs.is_empty() {
            return;
        }
    }
}

/// One row of `x` by the outputs in groups of four.
fn task(product: &Product<'_>, x: &[i8], y: *mut i8) -> Task {
    let (depth, outputs) = (product.depth, product.bias.len());
    let four_times = |bound: i8| u32::from_ne_bytes([bound as u8; 4]);
    Task {
        bias: product.bias.as_ptr(),
        x: x.as_ptr().cast(),
        tiles: depth / 4,
        rest: depth % 4,
        scale: product.scale.as_ptr(),
        zero: product.clamp.zero.into(),
        least: four_times(product.clamp.least),
        most: four_times(product.clamp.most),
        y,
        groups: outputs / 4,
        weight: product.weight.as_ptr(),
        outputs,
        x_rest: x.as_ptr().wrapping_add(depth / 4 * 4),
        depth,
        step: [8, 4 * depth - 8],
    }
}

/// Overwrites pairs of rows; returns what is left. Apart, because one row should not take the stack of two.
#[inline(never)]
fn two_rows_at_a_time<'x, 'y, R: Rounding>(
    product: &Product<'_>,
    mut xs: &'x [i8],
    mut ys: &'y mut [i8],
) -> (&'x [i8], &'y mut [i8]) {
    let (depth, outputs) = (product.depth, product.bias.len());
    let mut scratch = [const { MaybeUninit::<Pairs>::uninit() }; LONGEST / 4];
    while let (Some(x), Some(y)) = (xs.split_off(..2 * depth), ys.split_off_mut(..2 * outputs)) {
        let (x0, x1) = x.split_at_checked(depth).unwrap_or_default();
        let (y0, y1) = y.split_at_mut_checked(outputs).unwrap_or_default();
        for ((pairs, x0), x1) in scratch.iter_mut().zip(x0.as_chunks().0).zip(x1.as_chunks().0) {
            let ([even0, odd0], [even1, odd1]) = (apart(*x0), apart(*x1));
            pairs.write([even0, odd0, even1, odd1]);
        }
        let mut task = task(product, x0, y0.as_mut_ptr());
        task.x = scratch.as_ptr().cast();
        task.groups *= 2;
        // SAFETY: as in `rows`; the second row of `x` and that of `y` lie after the first. All pairs that the task says have
        // just been written.
        unsafe { if R::TWICE { two_rows_double(&mut task) } else { two_rows_single(&mut task) } }
        if outputs % 4 > 0 {
            plain::last_outputs::<R>(product, x0, y0, plain::dot);
            plain::last_outputs::<R>(product, x1, y1, plain::dot);
        }
    }
    (xs, ys)
}

/// The even and the odd ones of four inputs, two of 16 bits each.
#[inline(always)]
fn apart(x: [i8; 4]) -> [u32; 2] {
    let word = u32::from_le_bytes(x.map(|x| x as u8));
    let (even, odd);
    // SAFETY: this processor has the instruction. No memory is accessed.
    unsafe {
        core::arch::asm!(
            ".arch armv7e-m",
            "sxtb16 {even}, {word}",
            "sxtb16 {odd}, {word}, ror #8",
            word = in(reg) word,
            even = out(reg) even,
            odd = lateout(reg) odd,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [even, odd]
}
