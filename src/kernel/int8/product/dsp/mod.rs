//! Products on Cortex-M4, M7 and M33: SMLAD multiplies two pairs of 16 bits and adds both products to a sum.
//!
//! SXTB16 makes such a pair of the even bytes of a word, or turned by eight bits of the odd ones; inputs and weights are taken
//! apart alike, so nothing has to be put in order.
//!
//! ```text
//! one row, four outputs, four inputs          three rows, two outputs, four inputs
//! 1 LDRD            inputs, in pairs already  2 LDM             inputs, in pairs already
//! 1 LDM, 8 SXTB16   a tile of weights         1 LDRD, 4 SXTB16  half a tile of weights
//! 8 SMLAD                                     12 SMLAD
//!                 18 for 16 products: 1.13                    19 for 24 products: 0.79
//! ```
//!
//! and two or three for the loop of four such steps, or two. Inputs are taken apart once for all outputs: three rows into
//! [`Triples`]; fewer rows, and rows for which there is no memory, one by one into [`Pairs`] on the stack. Those of a row that is
//! longer are taken apart anew for every four outputs, by one LDR and two SXTB16 in place of LDRD.

mod assembly;

use super::super::scale::{Multiplier, Rounding};
use super::{Product, plain};
use crate::memory::view_mut;
use assembly::{row_double, row_single, row_sums, three_rows_double, three_rows_single};
use core::mem::{MaybeUninit, offset_of};

/// What the assembly is handed, in r0. It changes it.
#[repr(C)]
struct Task {
    bias: *const i32,
    /// Inputs, taken apart: of one row the memory for them, of three the triples.
    apart: *const u32,
    /// Tiles of a group of four outputs that those inputs are for.
    tiles: usize,
    /// Inputs after them: of three rows up to three.
    rest: usize,
    scale: *const Multiplier,
    zero: i32,
    /// The clamp's bounds, each four times.
    least: u32,
    most: u32,
    /// Bytes, or sums.
    y: *mut i8,
    /// Groups of four outputs for one row, of two for three rows. At least one.
    groups: usize,
    weight: *const i8,
    // The others are for three rows.
    /// Outputs of a row.
    outputs: usize,
    /// Where the triples of whole tiles end.
    end: *const u32,
    /// Bytes from the weights of two outputs to those of the next two, in turns.
    step: [usize; 2],
    // And these for one.
    /// Inputs.
    x: *const i8,
    /// Where in its loop a group begins: for the kernel itself.
    entry: usize,
}

// Where the assembly looks for them.
const _: () = assert!(
    offset_of!(Task, bias) == 0
        && offset_of!(Task, apart) == 4
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
        && offset_of!(Task, end) == 48
        && offset_of!(Task, step) == 52
        && offset_of!(Task, x) == 60
        && offset_of!(Task, entry) == 64
);

/// Inputs of the longest rows that are taken three at a time without memory of the caller's: 768 bytes on the stack.
const LONGEST: usize = 128;

/// The first inputs of one row, four at a time: the even ones, two in a word, then the odd ones. As many bytes on the stack.
type Pairs = [MaybeUninit<[u32; 2]>; 96];

/// From so many groups of four outputs on, inputs are taken apart in less time than that saves.
const LEAST_GROUPS: usize = 4;

/// Overwrites `ys`. Lengths match, and the weights begin at the address of a word.
pub(super) fn rows<R: Rounding>(product: &Product<'_>, mut xs: &[i8], mut ys: &mut [i8]) {
    let (depth, outputs) = (product.depth, product.bias.len());
    if xs.len() / 3 >= depth && depth <= LONGEST && outputs >= 4 {
        (xs, ys) = on_the_stack::<R>(product, xs, ys);
    }
    while let (Some(x), Some(y)) = (xs.split_off(..depth), ys.split_off_mut(..outputs)) {
        if outputs >= 4 {
            let kernel = if R::TWICE { row_double } else { row_single };
            // SAFETY: `Product::run` has checked lengths and the weights' address; `y` has a byte for each output.
            unsafe { one_row(product, x, y.as_mut_ptr(), kernel) };
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
        // SAFETY: `Product::sums` has checked lengths, groups and the weights' address; `y` has a sum for each output.
        unsafe { one_row(product, x, y.as_mut_ptr().cast(), row_sums) };
        if xs.is_empty() {
            return;
        }
    }
}

/// Overwrites the outputs or sums at `y` of one row. Apart, because three rows should not take this stack too.
///
/// # Safety
/// 1. `x` has `depth` inputs; the product's slices have the lengths that it says, and there is a group of outputs.
/// 2. The weights begin at the address of a word.
/// 3. At `y` there is a byte for each output that is in a group of four; for `row_sums` a sum, at the address of a word.
#[inline(never)]
unsafe fn one_row(product: &Product<'_>, x: &[i8], y: *mut i8, kernel: unsafe extern "C" fn(&mut Task)) {
    let mut pairs: Pairs = [const { MaybeUninit::uninit() }; _];
    let mut task = task(product, x, y);
    if task.groups >= LEAST_GROUPS {
        task.tiles = task.tiles.min(pairs.len());
    } else {
        task.tiles = 0;
    }
    task.rest = x.len() - 4 * task.tiles;
    task.apart = pairs.as_mut_ptr().cast();
    // SAFETY: `build.rs` enables this only for processors with the instructions. The rest is the caller's promise, and there is memory
    // for the inputs of `tiles`.
    unsafe { kernel(&mut task) }
}

/// One row of `x` by the outputs in groups of four.
fn task(product: &Product<'_>, x: &[i8], y: *mut i8) -> Task {
    let (depth, outputs) = (product.depth, product.bias.len());
    let four_times = |bound: i8| u32::from_ne_bytes([bound as u8; 4]);
    Task {
        bias: product.bias.as_ptr(),
        apart: core::ptr::null(),
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
        end: core::ptr::null(),
        // Of one input less than nothing, which the addition of addresses wraps.
        step: [8, (4 * depth).wrapping_sub(8)],
        x: x.as_ptr(),
        entry: 0,
    }
}

/// Overwrites three rows after three; returns what is left. Apart, because one row should not take the stack of three.
#[inline(never)]
fn on_the_stack<'x, 'y, R: Rounding>(
    product: &Product<'_>,
    xs: &'x [i8],
    ys: &'y mut [i8],
) -> (&'x [i8], &'y mut [i8]) {
    let mut memory = [0_u32; Triples::bytes(LONGEST) / 4];
    match Triples::new(product, view_mut(&mut memory, Triples::bytes(LONGEST))) {
        Some(mut triples) => triples.rows::<R>(product, xs, ys),
        None => (xs, ys),
    }
}

/// Three rows of inputs, taken apart: 16 bits each. For every four inputs the even ones of each row, two in a word, then the odd
/// ones; at the end, one after another, those of the three rows that are left.
pub(in crate::kernel::int8) struct Triples<'a> {
    /// At the address of a word.
    inputs: &'a mut [i16],
    depth: usize,
}

impl<'a> Triples<'a> {
    /// Bytes of memory for rows of so many inputs.
    pub(in crate::kernel::int8) const fn bytes(depth: usize) -> usize {
        6 * depth
    }

    /// In the first bytes of `memory`. Needs enough of them, at the address of a word; and a product of four outputs or more, whose
    /// weights begin at that of a word.
    pub(in crate::kernel::int8) fn new(product: &Product<'_>, memory: &'a mut [i8]) -> Option<Self> {
        let depth = product.depth;
        let aligned =
            [memory.as_ptr(), product.weight.as_ptr()].map(|start| start.cast::<u32>().is_aligned());
        // SAFETY: any two bytes are 16 bits, and any 16 bits two bytes.
        let (_, inputs, _) = unsafe { memory.align_to_mut::<i16>() };
        let inputs = inputs.get_mut(..3 * depth)?;
        (aligned == [true; 2] && product.bias.len() >= 4).then_some(Self { inputs, depth })
    }

    /// Overwrites a row with `x`, of as many inputs.
    #[inline(never)]
    pub(in crate::kernel::int8) fn fill(&mut self, row: usize, x: &[i8]) {
        if row >= 3 || x.len() != self.depth {
            return;
        }
        let (fours, rest) = x.as_chunks::<4>();
        let mut to = self.inputs.as_mut_ptr().cast::<u32>().wrapping_add(row);
        for &four in fours {
            let [even, odd] = apart(four);
            // SAFETY: there are six words for every four inputs, at the address of one, and `row` is less than three.
            unsafe {
                to.write(even);
                to.add(3).write(odd);
            }
            to = to.wrapping_add(6);
        }
        let mut to = to.wrapping_sub(row).cast::<i16>().wrapping_add(row);
        for &x in rest {
            // SAFETY: after them there are three times 16 bits for every input.
            unsafe { to.write(x.into()) };
            to = to.wrapping_add(3);
        }
    }

    /// Overwrites three rows of outputs, all but the last `outputs % 4` of each. `product` is that of `new`, and every row is filled.
    pub(in crate::kernel::int8) fn run<R: Rounding>(&self, product: &Product<'_>, y: &mut [i8]) {
        let is_fit = product.bias.len() >= 4 && product.weight.as_ptr().cast::<u32>().is_aligned();
        if product.rows_of(3, y) && product.depth == self.depth && is_fit {
            let mut task = task(product, &[], y.as_mut_ptr());
            task.apart = self.inputs.as_ptr().cast();
            task.end = task.apart.wrapping_add(self.depth / 4 * 6);
            task.groups *= 2;
            // SAFETY: `build.rs` enables this only for processors with the instructions. The product's slices and `y` have the
            // lengths that the task says, there are groups of outputs, and their weights begin at the address of a word: all
            // of this has been checked here. The triples are as many as the product is deep, at the address of a word, as
            // `new` made them.
            unsafe { if R::TWICE { three_rows_double(&mut task) } else { three_rows_single(&mut task) } }
        }
    }

    /// Overwrites three rows after three; returns what is left. `product` is that of `new`.
    pub(in crate::kernel::int8) fn rows<'x, 'y, R: Rounding>(
        &mut self,
        product: &Product<'_>,
        mut xs: &'x [i8],
        mut ys: &'y mut [i8],
    ) -> (&'x [i8], &'y mut [i8]) {
        let (depth, outputs) = (product.depth, product.bias.len());
        while let (Some(mut x), Some(mut y)) = (xs.split_off(..3 * depth), ys.split_off_mut(..3 * outputs)) {
            let mut rows = [[].as_slice(); 3];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = x.split_off(..depth).unwrap_or_default();
                self.fill(i, row);
            }
            self.run::<R>(product, y);
            if outputs % 4 > 0 {
                for row in rows {
                    let y = y.split_off_mut(..outputs).unwrap_or_default();
                    plain::last_outputs::<R>(product, row, y, plain::dot);
                }
            }
        }
        (xs, ys)
    }
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
