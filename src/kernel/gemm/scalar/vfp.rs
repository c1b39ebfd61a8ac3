//! Sums in the registers of a Cortex-M's floating-point unit: M4F and M33, M7.
//!
//! ```text
//! s0 .. s15   sixteen sums: 4 x 4, or 1 x 16
//! s16 ..      numbers of B, numbers of A, and products on their way to the sums
//! ```
//!
//! # Why assembly
//!
//! On an M4F or M33 a multiplication and an addition take a cycle each, and so does each number loaded; a fused
//! multiply-add, or the `VMLA` that compilers choose for the stock target, takes three. A step of k of a 4 x 4 tile:
//!
//! ```text
//! 16 VMUL, 16 VADD    32 cycles
//! VLDM of B's four     5                 (1 + n)
//! 4 VLDR of A          4                 (2, but 1 right after another load)
//! B's pointer          1
//! the loop             2                 (four pointers, the counter, the branch, over four steps)
//!                     44: 2.75 cycles a multiply-accumulate, 2.5 instructions
//! ```
//!
//! Cycles by the Cortex-M4 Technical Reference Manual (r0p1, tables 3-1 and 7-1). Plain Rust has the same tile in mind, and loses it to addresses: of
//! 4 x 4 x k the compiler keeps the sums in registers, but computes the place of each number anew, and reads B a number
//! at a time; and it never multiplies and adds apart unless told that the core is an M4. On an M7, which starts a
//! fused multiply-add every cycle, the loads count for more, and A comes two numbers at a time: 1.28 instructions.
//!
//! # How they are cut
//!
//! Whole tiles are done here; a few rows or columns beside them are left to [`plain`]. The loop over k is entered in
//! its middle when k is no multiple of its steps (Duff's device), so that nothing is there twice.

use super::{End, RankOne, Sums, ZEROS, plain};
use core::arch::naked_asm;

/// What the assembly is handed: sizes in bytes. It makes use of what it has read.
#[repr(C)]
struct Tiles {
    a: *const f32,
    /// From one row to the next, or where rows lie along A's columns, from one k to the next.
    a_stride: usize,
    /// From four rows to the next four.
    a_block: usize,
    b: *const f32,
    /// From one k to the next, or in a transposed B, from one column to the next.
    b_stride: usize,
    /// At least one.
    k: usize,
    first: *const f32,
    first_row: usize,
    /// From one four columns to the next.
    first_step: usize,
    out: *mut f32,
    out_row: usize,
    /// Tiles beside each other; for a row, of sixteen columns.
    tiles: usize,
    /// For a row, tiles of four columns after them, up to three.
    fours: usize,
    /// Tiles below each other.
    blocks: usize,
    /// 0: what is at `out` is overwritten; 1: it is added to; 2: so it is, by `factor` times the sums.
    end: usize,
    factor: f32,
    /// For tiles, what the assembly keeps. For a row, where zeros are, and the length of a chain.
    kept: [usize; 3],
}

const NUMBER: usize = size_of::<f32>();

/// A kernel of whole tiles. Unsafe, because they must be there.
type Assembly = unsafe extern "C" fn(&mut Tiles);

/// How A and B lie.
struct Layout {
    /// Four rows of A at a time.
    tiles: Option<Assembly>,
    /// One.
    row: Option<Assembly>,
    a_transposed: bool,
    b_transposed: bool,
}

impl Layout {
    fn tiles_of(&self, sums: &Sums) -> Tiles {
        let (a_stride, a_block) = match self.a_transposed {
            true => (sums.a_k, 4),
            false => (sums.a_row, 4 * sums.a_row),
        };
        Tiles {
            a: sums.a,
            a_stride: a_stride * NUMBER,
            a_block: a_block * NUMBER,
            b: sums.b,
            b_stride: NUMBER * if self.b_transposed { sums.b_col } else { sums.b_k },
            k: sums.k,
            first: sums.first,
            first_row: sums.first_row * NUMBER,
            first_step: sums.first_col * 4 * NUMBER,
            out: sums.out,
            out_row: sums.out_row * NUMBER,
            tiles: if sums.rows == 1 { sums.cols / 16 } else { sums.cols / 4 },
            fours: sums.cols % 16 / 4,
            blocks: sums.rows / 4,
            end: match sums.end {
                End::Store => 0,
                End::Add => 1,
                End::AddTimes(_) => 2,
            },
            factor: if let End::AddTimes(factor) = sums.end { factor } else { 1.0 },
            kept: [ZEROS.as_ptr().addr(), sums.chain, 0],
        }
    }

    /// Computes sums: tiles where there are kernels for them.
    ///
    /// # Safety
    /// All that `sums` names is there, and lies like this.
    unsafe fn run(&self, sums: &Sums) {
        let mut left = *sums;
        // SAFETY: the caller's promise, here and below: rows and columns of `sums`.
        unsafe {
            if sums.k == 0 || sums.cols < 4 {
                return plain::sums(sums);
            }
            if let Some(kernel) = self.tiles
                && sums.rows >= 4
            {
                let whole = sums.rows / 4 * 4;
                sums.from_row(0, whole).each_chain(|chain| {
                    kernel(&mut self.tiles_of(chain));
                    if !sums.cols.is_multiple_of(4) {
                        for row in (0..whole).step_by(4) {
                            self.last_columns(kernel, &chain.from_row(row, 4));
                        }
                    }
                });
                left = sums.from_row(whole, sums.rows - whole);
            }
            let Some(kernel) = self.row else {
                return plain::sums(&left);
            };
            for row in 0..left.rows {
                self.whole(kernel, &left.from_row(row, 1));
            }
        }
    }

    /// All of one row, or of four.
    ///
    /// # Safety
    /// As for [`Layout::run`]; k is not zero, and there are at least four columns.
    #[inline]
    unsafe fn whole(&self, kernel: Assembly, sums: &Sums) {
        // SAFETY: the caller's promise.
        unsafe {
            kernel(&mut self.tiles_of(sums));
            if !sums.cols.is_multiple_of(4) {
                self.last_columns(kernel, sums);
            }
        }
    }

    /// Columns beside the last whole tile of four rows or one: a tile that reaches back, in a copy.
    ///
    /// # Safety
    /// As for [`Layout::whole`].
    #[inline(never)]
    unsafe fn last_columns(&self, kernel: Assembly, sums: &Sums) {
        let mut copy = [0.0; 16];
        let tile = Sums { out: copy.as_mut_ptr(), out_row: 4, ..sums.from_col(sums.cols - 4) };
        let out = sums.out.wrapping_add(sums.cols - 4);
        // SAFETY: the caller's promise.
        unsafe {
            let last = 4 - sums.cols % 4..4;
            for row in 0..sums.rows {
                for col in last.clone() {
                    tile.out.add(4 * row + col).write(out.wrapping_add(row * sums.out_row + col).read());
                }
            }
            kernel(&mut self.tiles_of(&tile));
            for row in 0..sums.rows {
                for col in last.clone() {
                    out.wrapping_add(row * sums.out_row + col).write(tile.out.add(4 * row + col).read());
                }
            }
        }
    }
}

/// Sums of A's rows and B as it lies.
///
/// # Safety
/// All that `sums` names is there, A's and B's numbers side by side in rows.
pub(super) unsafe fn nn(sums: &Sums) {
    let layout =
        Layout { tiles: Some(nn_tiles), row: Some(nn_row), a_transposed: false, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// The same for one row, stored.
///
/// # Safety
/// As for [`nn`].
pub(super) unsafe fn nn_row_alone(sums: &Sums) {
    let layout = Layout { tiles: None, row: None, a_transposed: false, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe {
        match sums.k > 0 && sums.cols >= 4 {
            true => layout.whole(nn_row, sums),
            false => plain::sums(sums),
        }
    }
}

/// Sums of a transposed A and B as it lies: gradients of weights.
///
/// # Safety
/// All that `sums` names is there, A's numbers side by side in columns, B's in rows.
pub(super) unsafe fn tn(sums: &Sums) {
    let layout = Layout { tiles: Some(tn_tiles), row: None, a_transposed: true, b_transposed: false };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// Sums of A's rows and a transposed B: gradients of a layer's inputs.
///
/// # Safety
/// All that `sums` names is there, A's numbers side by side in rows, B's in columns.
pub(super) unsafe fn nt(sums: &Sums) {
    let layout = Layout { tiles: Some(nt_tiles), row: Some(nt_row), a_transposed: false, b_transposed: true };
    // SAFETY: the caller's promise.
    unsafe { layout.run(sums) }
}

/// A column times a row, added.
///
/// # Safety
/// All that `product` names is there.
pub(super) unsafe fn rank_one(product: &RankOne) {
    let RankOne { a, b, c, stride, m, n, factor } = *product;
    let (stride, factor) = (stride * NUMBER, factor.to_bits());
    let mut col = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while col < n {
            let (kernel, cols): (RankOneAssembly, usize) = match n - col {
                16.. => (rank_one_of_sixteen, 16),
                8.. => (rank_one_of_eight, 8),
                _ => (rank_one_of_one, 1),
            };
            kernel(a, b.wrapping_add(col), c.wrapping_add(col), stride, m, factor);
            col += cols;
        }
    }
}

/// Some columns of [`rank_one`], all rows. The stride is in bytes, the factor a number's bits.
type RankOneAssembly = unsafe extern "C" fn(*const f32, *const f32, *mut f32, usize, usize, u32);

/// Assembly beside the compiler's own knows nothing of the target's floating point.
macro_rules! save {
    () => {
        ".fpu fpv4-sp-d16
         push {{r4-r11, lr}}
         vpush {{s16-s31}}
        "
    };
}

macro_rules! restore {
    () => {
        "vpop {{s16-s31}}
         pop {{r4-r11, pc}}
        "
    };
}

/// Sixteen sums start from what r10 points to: four rows r11 apart. Changes r12.
macro_rules! first_values {
    () => {
        "mov r12, r10
         vldmia r12, {{s0-s3}}
         add r12, r12, r11
         vldmia r12, {{s4-s7}}
         add r12, r12, r11
         vldmia r12, {{s8-s11}}
         add r12, r12, r11
         vldmia r12, {{s12-s15}}
        "
    };
}

/// Calls [`end_tile`]. Changes r5, r7, r12 and s16 to s31.
macro_rules! end {
    () => {
        "mov r7, lr
         bl {end_tile}
         mov lr, r7
        "
    };
}

/// The four columns to the right. Changes r5.
macro_rules! next_tile {
    () => {
        "ldr r5, [r0, #32]
         add.w r8, r8, #16
         add r10, r10, r5
        "
    };
}

/// The four rows below, if there are any. Changes r5 to r7, r9 and r11 being the strides of `out` and `first`.
macro_rules! next_block {
    () => {
        "ldr r5, [r0, #24]
         ldr r6, [r0, #36]
         ldr r7, [r0, #52]
         ldr r9, [r0, #40]
         add.w r5, r5, r11, lsl #2
         add.w r6, r6, r9, lsl #2
         subs r7, #1
         str r5, [r0, #24]
         str r6, [r0, #36]
         str r7, [r0, #52]
         ldr r6, [r0, #16]
         bne.w 0b
        "
    };
}

/// A step of a 4 x 4 tile: B in s16 to s19, A in s20 to s23. No result is used by the next instruction, for that would
/// take a cycle more.
macro_rules! outer_product {
    () => {
        "vmul.f32 s24, s20, s16
         vmul.f32 s25, s20, s17
         vmul.f32 s26, s20, s18
         vmul.f32 s27, s20, s19
         vmul.f32 s28, s21, s16
         vmul.f32 s29, s21, s17
         vmul.f32 s30, s21, s18
         vmul.f32 s31, s21, s19
         vadd.f32 s0, s0, s24
         vadd.f32 s1, s1, s25
         vadd.f32 s2, s2, s26
         vadd.f32 s3, s3, s27
         vmul.f32 s24, s22, s16
         vmul.f32 s25, s22, s17
         vmul.f32 s26, s22, s18
         vmul.f32 s27, s22, s19
         vadd.f32 s4, s4, s28
         vadd.f32 s5, s5, s29
         vadd.f32 s6, s6, s30
         vadd.f32 s7, s7, s31
         vmul.f32 s28, s23, s16
         vmul.f32 s29, s23, s17
         vmul.f32 s30, s23, s18
         vmul.f32 s31, s23, s19
         vadd.f32 s8, s8, s24
         vadd.f32 s9, s9, s25
         vadd.f32 s10, s10, s26
         vadd.f32 s11, s11, s27
         vadd.f32 s12, s12, s28
         vadd.f32 s13, s13, s29
         vadd.f32 s14, s14, s30
         vadd.f32 s15, s15, s31
        "
    };
}

/// Tiles of 4 x 4 beside each other, A and B in rows.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nn_tiles(tiles: &mut Tiles) {
    macro_rules! step {
        ($offset:literal) => {
            concat!(
                "vldmia r5, {{s16-s19}}\n",
                concat!("vldr s20, [r1, #", $offset, "]\n"),
                concat!("vldr s21, [r2, #", $offset, "]\n"),
                concat!("vldr s22, [r3, #", $offset, "]\n"),
                concat!("vldr s23, [r4, #", $offset, "]\n"),
                "add.w r5, r5, r6\n",
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r5, [r0, #20]
         rsb r7, r5, #0
         and r7, r7, #3
         add r5, r5, r7
         lsls r5, r5, #2
         str r5, [r0, #64]
         adr.w r5, 2f
         mov.w r12, #152
         mla r5, r7, r12, r5
         adds r5, r5, #1
         str r5, [r0, #68]
        ",
        // As many k before A's first as the loop's first round leaves out.
        "ldr r5, [r0, #0]
         sub r5, r5, r7, lsl #2
         str r5, [r0, #0]
         ldr r6, [r0, #16]
         ldr r9, [r0, #40]
         ldr r11, [r0, #28]
         0:
         ldr r1, [r0, #0]
         ldr r12, [r0, #4]
         ldr r5, [r0, #8]
         add r2, r1, r12
         add r3, r2, r12
         add r4, r3, r12
         add r5, r5, r1
         str r5, [r0, #0]
         ldr r10, [r0, #24]
         ldr r8, [r0, #36]
         ldr lr, [r0, #12]
         ldr r5, [r0, #44]
         str r5, [r0, #72]
         1:
        ",
        first_values!(),
        "mov r5, lr
         ldr r7, [r0, #64]
         ldr r12, [r0, #68]
         bx r12
         2:
        ",
        step!(0),
        step!(4),
        step!(8),
        step!(12),
        "adds r1, #16
         adds r2, #16
         adds r3, #16
         adds r4, #16
         subs r7, #16
         bne.w 2b
         ldr r5, [r0, #64]
         subs r1, r1, r5
         subs r2, r2, r5
         subs r3, r3, r5
         subs r4, r4, r5
        ",
        end!(),
        next_tile!(),
        "add.w lr, lr, #16
         ldr r5, [r0, #72]
         subs r5, #1
         str r5, [r0, #72]
         bne.w 1b
        ",
        next_block!(),
        restore!(),
    ), end_tile = sym end_tile)
}

/// The same with A in columns.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
unsafe extern "C" fn tn_tiles(tiles: &mut Tiles) {
    macro_rules! step {
        () => {
            concat!(
                "vldmia r5, {{s16-s19}}
                 vldmia r1, {{s20-s23}}
                 add.w r5, r5, r6
                 add.w r1, r1, r2
                ",
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #4]
         ldr r6, [r0, #16]
         ldr r9, [r0, #40]
         ldr r11, [r0, #28]
         0:
         ldr r3, [r0, #0]
         ldr r5, [r0, #8]
         ldr r10, [r0, #24]
         ldr r8, [r0, #36]
         ldr lr, [r0, #12]
         ldr r4, [r0, #44]
         add r5, r5, r3
         str r5, [r0, #0]
         1:
        ",
        first_values!(),
        "ldr r7, [r0, #20]
         mov r1, r3
         mov r5, lr
         adds r7, #1
         lsrs r7, r7, #1
         bcc.w 3f
         2:
        ",
        // The carry was k's last bit, of k + 1: the odd one out is done first.
        step!(),
        "3:\n",
        step!(),
        "subs r7, #1
         bne.w 2b
        ",
        end!(),
        next_tile!(),
        "add.w lr, lr, #16
         subs r4, #1
         bne.w 1b
        ",
        next_block!(),
        restore!(),
    ), end_tile = sym end_tile)
}

/// The same with A in rows and B transposed.
///
/// # Safety
/// The tiles are there.
#[unsafe(naked)]
unsafe extern "C" fn nt_tiles(tiles: &mut Tiles) {
    macro_rules! step {
        ($offset:literal) => {
            concat!(
                concat!("vldr s16, [r5, #", $offset, "]\n"),
                concat!("vldr s17, [r6, #", $offset, "]\n"),
                concat!("vldr s18, [r7, #", $offset, "]\n"),
                concat!("vldr s19, [r8, #", $offset, "]\n"),
                concat!("vldr s20, [r1, #", $offset, "]\n"),
                concat!("vldr s21, [r2, #", $offset, "]\n"),
                concat!("vldr s22, [r3, #", $offset, "]\n"),
                concat!("vldr s23, [r4, #", $offset, "]\n"),
                outer_product!()
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r11, [r0, #28]
         0:
         ldr r10, [r0, #24]
         ldr r5, [r0, #36]
         ldr r6, [r0, #12]
         ldr r7, [r0, #44]
         str r5, [r0, #64]
         str r6, [r0, #68]
         str r7, [r0, #72]
         1:
        ",
        first_values!(),
        "ldr r1, [r0, #0]
         ldr r5, [r0, #68]
         ldr r9, [r0, #20]
         ldr r12, [r0, #4]
         ldr lr, [r0, #16]
         adds r9, r9, #1
         lsrs.w r9, r9, #1
         it cc
         subcc r1, r1, #4
         it cc
         subcc r5, r5, #4
         add.w r2, r1, r12
         add.w r3, r2, r12
         add.w r4, r3, r12
         add.w r6, r5, lr
         add.w r7, r6, lr
         add.w r8, r7, lr
         bcc.w 3f
         2:
        ",
        step!(0),
        "3:\n",
        step!(4),
        "adds r1, #8
         adds r2, #8
         adds r3, #8
         adds r4, #8
         adds r5, #8
         adds r6, #8
         adds r7, #8
         add.w r8, r8, #8
         subs.w r9, r9, #1
         bne.w 2b
         ldr r8, [r0, #64]
         ldr r9, [r0, #40]
        ",
        end!(),
        next_tile!(),
        "str.w r8, [r0, #64]
         ldr r5, [r0, #68]
         add.w r5, r5, lr, lsl #2
         str r5, [r0, #68]
         ldr r5, [r0, #72]
         subs r5, #1
         str r5, [r0, #72]
         bne.w 1b
         ldr r5, [r0, #0]
         ldr r6, [r0, #8]
         add r5, r5, r6
         str r5, [r0, #0]
        ",
        next_block!(),
        restore!(),
    ), end_tile = sym end_tile)
}

/// One row of A by the rows of a transposed B, four at a time.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nt_row(tiles: &mut Tiles) {
    macro_rules! step {
        () => {
            "vldmia r1!, {{s16}}
             vldmia r5!, {{s17}}
             vldmia r6!, {{s18}}
             vldmia r7!, {{s19}}
             vldmia r8!, {{s20}}
             vmul.f32 s17, s16, s17
             vmul.f32 s18, s16, s18
             vmul.f32 s19, s16, s19
             vmul.f32 s20, s16, s20
             vadd.f32 s0, s0, s17
             vadd.f32 s1, s1, s18
             vadd.f32 s2, s2, s19
             vadd.f32 s3, s3, s20
            "
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr r8, [r0, #12]
         ldr lr, [r0, #16]
         ldr r4, [r0, #36]
         ldr r2, [r0, #44]
         ldr r3, [r0, #48]
         sub.w r8, r8, lr
         add.w r3, r3, r2, lsl #2
         1:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         ldr r1, [r0, #0]
         ldr r9, [r0, #20]
         add.w r5, r8, lr
         add.w r6, r5, lr
         add.w r7, r6, lr
         add.w r8, r7, lr
         mov r2, r8
         adds r9, r9, #1
         lsrs.w r9, r9, #1
         bcc.w 3f
         2:
        ",
        step!(),
        "3:\n",
        step!(),
        "subs.w r9, r9, #1
         bne.w 2b
         mov r8, r2
         ldr r5, [r0, #56]
         cbz r5, 8f
         vldmia r4, {{s16-s19}}
         vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
         8:
         vstmia r4!, {{s0-s3}}
         subs r3, #1
         bne.w 1b
        ",
        restore!(),
    ))
}

/// One row of A by the rows of B, sixteen columns at a time, then eight, then four. All chains of k: what is left of k is in
/// r9, and r12 is where zeros are, or none in the first chain.
///
/// # Safety
/// They are there.
#[unsafe(naked)]
unsafe extern "C" fn nn_row(tiles: &mut Tiles) {
    /// The tile's first k.
    macro_rules! begin {
        () => {
            "mov r1, r2
             mov r5, r3
             ldr.w r9, [r0, #20]
             mov.w r12, #0
             4:
             mov r7, r4
             cmp r7, r9
             it hi
             movhi r7, r9
             sub.w r9, r9, r7
             adds r7, #1
             lsrs r7, r7, #1
             bcc.w 3f
             2:
            "
        };
    }
    macro_rules! sixteen {
        () => {
            "vldmia r1!, {{s24}}
             vldmia r5!, {{s16-s23}}
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vmul.f32 s20, s24, s20
             vmul.f32 s21, s24, s21
             vmul.f32 s22, s24, s22
             vmul.f32 s23, s24, s23
             vadd.f32 s0, s0, s16
             vadd.f32 s1, s1, s17
             vadd.f32 s2, s2, s18
             vadd.f32 s3, s3, s19
             vadd.f32 s4, s4, s20
             vadd.f32 s5, s5, s21
             vadd.f32 s6, s6, s22
             vadd.f32 s7, s7, s23
             vldmia r5, {{s16-s23}}
             add.w r5, r5, r6
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vmul.f32 s20, s24, s20
             vmul.f32 s21, s24, s21
             vmul.f32 s22, s24, s22
             vmul.f32 s23, s24, s23
             vadd.f32 s8, s8, s16
             vadd.f32 s9, s9, s17
             vadd.f32 s10, s10, s18
             vadd.f32 s11, s11, s19
             vadd.f32 s12, s12, s20
             vadd.f32 s13, s13, s21
             vadd.f32 s14, s14, s22
             vadd.f32 s15, s15, s23
            "
        };
    }
    macro_rules! eight {
        () => {
            "vldmia r1!, {{s24}}
             vldmia r5, {{s16-s23}}
             add.w r5, r5, r6
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vmul.f32 s20, s24, s20
             vmul.f32 s21, s24, s21
             vmul.f32 s22, s24, s22
             vmul.f32 s23, s24, s23
             vadd.f32 s0, s0, s16
             vadd.f32 s1, s1, s17
             vadd.f32 s2, s2, s18
             vadd.f32 s3, s3, s19
             vadd.f32 s4, s4, s20
             vadd.f32 s5, s5, s21
             vadd.f32 s6, s6, s22
             vadd.f32 s7, s7, s23
            "
        };
    }
    macro_rules! four {
        () => {
            "vldmia r1!, {{s24}}
             vldmia r5, {{s16-s19}}
             add.w r5, r5, r6
             vmul.f32 s16, s24, s16
             vmul.f32 s17, s24, s17
             vmul.f32 s18, s24, s18
             vmul.f32 s19, s24, s19
             vadd.f32 s0, s0, s16
             vadd.f32 s1, s1, s17
             vadd.f32 s2, s2, s18
             vadd.f32 s3, s3, s19
            "
        };
    }
    /// The sums' end, unless it was the first chain's: they are added to what is there.
    macro_rules! add {
        ($last:literal, $adds:literal) => {
            concat!(
                "subs r7, #1
                 bne.w 2b
                 cmp.w r12, #0
                 beq.w 8f
                 vldmia r8, {{s16-",
                $last,
                "}}
                ",
                $adds,
                "8:\n"
            )
        };
    }
    /// On to the next chain, whose sums start from zero.
    macro_rules! chain {
        ($sums:literal) => {
            concat!(
                "cmp.w r9, #0
                 ittt ne
                 ldrne.w r12, [r0, #64]
                 vldmiane r12, {{",
                $sums,
                "}}
                 bne.w 4b
                "
            )
        };
    }
    naked_asm!(concat!(
        save!(),
        "ldr r2, [r0, #0]
         ldr r3, [r0, #12]
         ldr r4, [r0, #68]
         ldr r6, [r0, #16]
         ldr r8, [r0, #36]
         ldr r10, [r0, #24]
         ldr r11, [r0, #32]
         ldr lr, [r0, #44]
         subs r6, #32
         cmp.w lr, #0
         beq.w 6f
         1:
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         vldmia r10, {{s4-s7}}
         add.w r10, r10, r11
         vldmia r10, {{s8-s11}}
         add.w r10, r10, r11
         vldmia r10, {{s12-s15}}
         add.w r10, r10, r11
        ",
        begin!(),
        sixteen!(),
        "3:\n",
        sixteen!(),
        add!(
            "s31",
            "vadd.f32 s0, s16, s0
vadd.f32 s1, s17, s1
vadd.f32 s2, s18, s2
vadd.f32 s3, s19, s3
vadd.f32 s4, s20, s4
vadd.f32 s5, s21, s5
vadd.f32 s6, s22, s6
vadd.f32 s7, s23, s7
vadd.f32 s8, s24, s8
vadd.f32 s9, s25, s9
vadd.f32 s10, s26, s10
vadd.f32 s11, s27, s11
vadd.f32 s12, s28, s12
vadd.f32 s13, s29, s13
vadd.f32 s14, s30, s14
vadd.f32 s15, s31, s15
"
        ),
        "vstmia r8, {{s0-s15}}\n",
        chain!("s0-s15"),
        "adds r3, #64
         add.w r8, r8, #64
         subs.w lr, lr, #1
         bne.w 1b
         6:
         ldr lr, [r0, #48]
         adds r6, #32
         tst.w lr, #2
         beq.w 6f
         sub.w lr, lr, #2
         vldmia r10, {{s0-s3}}
         add.w r10, r10, r11
         vldmia r10, {{s4-s7}}
         add.w r10, r10, r11
        ",
        begin!(),
        eight!(),
        "3:\n",
        eight!(),
        add!(
            "s23",
            "vadd.f32 s0, s16, s0
vadd.f32 s1, s17, s1
vadd.f32 s2, s18, s2
vadd.f32 s3, s19, s3
vadd.f32 s4, s20, s4
vadd.f32 s5, s21, s5
vadd.f32 s6, s22, s6
vadd.f32 s7, s23, s7
"
        ),
        "vstmia r8, {{s0-s7}}\n",
        chain!("s0-s7"),
        "adds r3, #32
         add.w r8, r8, #32
         6:
         cmp.w lr, #0
         beq.w 6f
         vldmia r10, {{s0-s3}}
        ",
        begin!(),
        four!(),
        "3:\n",
        four!(),
        add!(
            "s19",
            "vadd.f32 s0, s16, s0
vadd.f32 s1, s17, s1
vadd.f32 s2, s18, s2
vadd.f32 s3, s19, s3
"
        ),
        "vstmia r8, {{s0-s3}}\n",
        chain!("s0-s3"),
        "6:\n",
        restore!(),
    ))
}

/// The end of a tile: sixteen sums go to what r8 points to, four rows r9 apart. Changes r5, r12 and s16 to s31.
#[unsafe(naked)]
unsafe extern "C" fn end_tile() {
    naked_asm!(
        ".fpu fpv4-sp-d16
         ldr r5, [r0, #56]
         mov r12, r8
         cmp r5, #1
         blo.w 8f
         beq.w 7f
         vldr s16, [r0, #60]
         vmul.f32 s0, s0, s16
         vmul.f32 s1, s1, s16
         vmul.f32 s2, s2, s16
         vmul.f32 s3, s3, s16
         vmul.f32 s4, s4, s16
         vmul.f32 s5, s5, s16
         vmul.f32 s6, s6, s16
         vmul.f32 s7, s7, s16
         vmul.f32 s8, s8, s16
         vmul.f32 s9, s9, s16
         vmul.f32 s10, s10, s16
         vmul.f32 s11, s11, s16
         vmul.f32 s12, s12, s16
         vmul.f32 s13, s13, s16
         vmul.f32 s14, s14, s16
         vmul.f32 s15, s15, s16
         7:
         vldmia r12, {{s16-s19}}
         add.w r12, r12, r9
         vldmia r12, {{s20-s23}}
         add.w r12, r12, r9
         vldmia r12, {{s24-s27}}
         add.w r12, r12, r9
         vldmia r12, {{s28-s31}}
         mov r12, r8
         vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
         vadd.f32 s4, s20, s4
         vadd.f32 s5, s21, s5
         vadd.f32 s6, s22, s6
         vadd.f32 s7, s23, s7
         vadd.f32 s8, s24, s8
         vadd.f32 s9, s25, s9
         vadd.f32 s10, s26, s10
         vadd.f32 s11, s27, s11
         vadd.f32 s12, s28, s12
         vadd.f32 s13, s29, s13
         vadd.f32 s14, s30, s14
         vadd.f32 s15, s31, s15
         8:
         vstmia r12, {{s0-s3}}
         add.w r12, r12, r9
         vstmia r12, {{s4-s7}}
         add.w r12, r12, r9
         vstmia r12, {{s8-s11}}
         add.w r12, r12, r9
         vstmia r12, {{s12-s15}}
         bx lr"
    )
}

/// Sixteen columns of [`rank_one`]: `c = c + a (b factor)`, row by row.
///
/// # Safety
/// `m` numbers at `a`, sixteen at `b`, `m` rows of sixteen at `c` are there, `m` at least one.
#[unsafe(naked)]
unsafe extern "C" fn rank_one_of_sixteen(
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    factor: u32,
) {
    macro_rules! half {
        ($b0:literal, $b1:literal, $b2:literal, $b3:literal, $b4:literal, $b5:literal, $b6:literal, $b7:literal) => {
            concat!(
                "vldmia r2, {{s16-s23}}\n",
                concat!("vmul.f32 s24, s31, ", $b0, "\n"),
                concat!("vmul.f32 s25, s31, ", $b1, "\n"),
                concat!("vmul.f32 s26, s31, ", $b2, "\n"),
                concat!("vmul.f32 s27, s31, ", $b3, "\n"),
                "vadd.f32 s16, s16, s24\n",
                "vadd.f32 s17, s17, s25\n",
                "vadd.f32 s18, s18, s26\n",
                "vadd.f32 s19, s19, s27\n",
                concat!("vmul.f32 s24, s31, ", $b4, "\n"),
                concat!("vmul.f32 s25, s31, ", $b5, "\n"),
                concat!("vmul.f32 s26, s31, ", $b6, "\n"),
                concat!("vmul.f32 s27, s31, ", $b7, "\n"),
                "vadd.f32 s20, s20, s24\n",
                "vadd.f32 s21, s21, s25\n",
                "vadd.f32 s22, s22, s26\n",
                "vadd.f32 s23, s23, s27\n",
                "vstmia r2!, {{s16-s23}}\n",
            )
        };
    }
    naked_asm!(concat!(
        ".fpu fpv4-sp-d16
         vpush {{s16-s31}}
         ldr r12, [sp, #64]
         vldr s31, [sp, #68]
         vldmia r1, {{s0-s15}}
         sub.w r3, r3, #64
         vmul.f32 s0, s0, s31
         vmul.f32 s1, s1, s31
         vmul.f32 s2, s2, s31
         vmul.f32 s3, s3, s31
         vmul.f32 s4, s4, s31
         vmul.f32 s5, s5, s31
         vmul.f32 s6, s6, s31
         vmul.f32 s7, s7, s31
         vmul.f32 s8, s8, s31
         vmul.f32 s9, s9, s31
         vmul.f32 s10, s10, s31
         vmul.f32 s11, s11, s31
         vmul.f32 s12, s12, s31
         vmul.f32 s13, s13, s31
         vmul.f32 s14, s14, s31
         vmul.f32 s15, s15, s31
         2:
         vldmia r0!, {{s31}}
        ",
        half!("s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"),
        half!("s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"),
        "add.w r2, r2, r3
         subs.w r12, r12, #1
         bne.w 2b
         vpop {{s16-s31}}
         bx lr"
    ))
}

/// Eight columns of [`rank_one`].
///
/// # Safety
/// As for [`rank_one_of_sixteen`], with eight numbers at `b` and in each row.
#[unsafe(naked)]
unsafe extern "C" fn rank_one_of_eight(
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    factor: u32,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16
         vpush {{s16-s25}}
         ldr r12, [sp, #40]
         vldr s25, [sp, #44]
         vldmia r1, {{s0-s7}}
         vmul.f32 s0, s0, s25
         vmul.f32 s1, s1, s25
         vmul.f32 s2, s2, s25
         vmul.f32 s3, s3, s25
         vmul.f32 s4, s4, s25
         vmul.f32 s5, s5, s25
         vmul.f32 s6, s6, s25
         vmul.f32 s7, s7, s25
         2:
         vldmia r0!, {{s24}}
         vldmia r2, {{s16-s23}}
         vmul.f32 s8, s24, s0
         vmul.f32 s9, s24, s1
         vmul.f32 s10, s24, s2
         vmul.f32 s11, s24, s3
         vmul.f32 s12, s24, s4
         vmul.f32 s13, s24, s5
         vmul.f32 s14, s24, s6
         vmul.f32 s15, s24, s7
         vadd.f32 s16, s16, s8
         vadd.f32 s17, s17, s9
         vadd.f32 s18, s18, s10
         vadd.f32 s19, s19, s11
         vadd.f32 s20, s20, s12
         vadd.f32 s21, s21, s13
         vadd.f32 s22, s22, s14
         vadd.f32 s23, s23, s15
         vstmia r2, {{s16-s23}}
         add.w r2, r2, r3
         subs.w r12, r12, #1
         bne.w 2b
         vpop {{s16-s25}}
         bx lr"
    )
}

/// One column of [`rank_one`].
///
/// # Safety
/// As for [`rank_one_of_sixteen`], with one number at `b` and in each row.
#[unsafe(naked)]
unsafe extern "C" fn rank_one_of_one(
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    factor: u32,
) {
    naked_asm!(
        ".fpu fpv4-sp-d16
         ldr r12, [sp, #0]
         vldr s0, [r1]
         vldr s1, [sp, #4]
         vmul.f32 s0, s0, s1
         2:
         vldmia r0!, {{s2}}
         vldr s3, [r2]
         vmul.f32 s2, s2, s0
         subs.w r12, r12, #1
         vadd.f32 s3, s3, s2
         vstr s3, [r2]
         add.w r2, r2, r3
         bne.w 2b
         bx lr"
    )
}
