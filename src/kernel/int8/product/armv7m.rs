//! Tiles on Cortex-M3, and on M33 without the DSP extension: bytes are loaded one by one, for MLA.
//!
//! ```text
//! 4 LDRSB                   four inputs
//! 16 LDRSB, 16 MLA          a tile of weights
//! 2                         the loop
//!                           38 for 16 products: 2.38
//! ```
//!
//! Loads are side by side, where two take three cycles instead of four. Words taken apart by SXTB would be as many instructions:
//! three quarters of the loads less, and one more for each byte.

use core::arch::naked_asm;

/// Two products of a sum, of the weights `$first` and `$second` bytes behind r1.
macro_rules! two {
    ($sum:literal, $first:literal, $x_first:literal, $second:literal, $x_second:literal) => {
        concat!(
            concat!("ldrsb r11, [r1, #", $first, "]\n"),
            concat!("ldrsb r12, [r1", $second, "\n"),
            concat!("mla ", $sum, ", r11, ", $x_first, ", ", $sum, "\n"),
            concat!("mla ", $sum, ", r12, ", $x_second, ", ", $sum, "\n"),
        )
    };
}

/// Adds the products of four inputs after four with tiles of weights.
///
/// # Safety
/// At `x` there are `4 tiles` bytes, at `weight` `16 tiles`; there is a tile.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn tiles(x: *const i8, weight: *const i8, tiles: usize, sums: &mut [i32; 4]) {
    naked_asm!(
        "push {{r3-r11, lr}}",
        "ldm r3, {{r3-r6}}",
        "2:",
        "ldrsb r8, [r0, #1]",
        "ldrsb r9, [r0, #2]",
        "ldrsb r10, [r0, #3]",
        "ldrsb r7, [r0], #4",
        two!("r4", "4", "r7", ", #5]", "r8"),
        two!("r4", "6", "r9", ", #7]", "r10"),
        two!("r5", "8", "r7", ", #9]", "r8"),
        two!("r5", "10", "r9", ", #11]", "r10"),
        two!("r6", "12", "r7", ", #13]", "r8"),
        two!("r6", "14", "r9", ", #15]", "r10"),
        two!("r3", "1", "r8", ", #2]", "r9"),
        two!("r3", "3", "r10", "], #16", "r7"),
        "subs r2, r2, #1",
        "bne 2b",
        "ldr r0, [sp]",
        "stm r0, {{r3-r6}}",
        "pop {{r3-r11, pc}}",
    )
}
