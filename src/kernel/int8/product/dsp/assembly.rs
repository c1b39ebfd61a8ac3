//! The assembly: sums in r0 to r3, and their scaling.

use super::Task;
use core::arch::naked_asm;

/// Where a kernel begins. The task stays at the top of the stack.
macro_rules! save {
    () => {
        ".arch armv7e-m
         push {{r0, r4-r11, lr}}
        "
    };
}

/// Where it ends.
macro_rules! restore {
    () => {
        "pop {{r0, r4-r11, pc}}
        "
    };
}

/// Four weights by four inputs in r8 and r9. Changes the weights and r10.
macro_rules! four_products {
    ($sum:literal, $weights:literal) => {
        concat!(
            concat!("sxtb16 r10, ", $weights, "\n"),
            concat!("sxtb16 ", $weights, ", ", $weights, ", ror #8\n"),
            concat!("smlad ", $sum, ", r10, r8, ", $sum, "\n"),
            concat!("smlad ", $sum, ", ", $weights, ", r9, ", $sum, "\n"),
        )
    };
}

/// A tile of weights at r12 by four inputs in r8 and r9.
macro_rules! tile {
    () => {
        concat!(
            "ldm r12!, {{r4-r7}}
            ",
            four_products!("r0", "r4"),
            four_products!("r1", "r5"),
            four_products!("r2", "r6"),
            four_products!("r3", "r7"),
        )
    };
}

/// A tile of weights at r12 by the next four inputs at r11, which are taken apart: 72 bytes, a number that [`row`] knows.
macro_rules! ready_tile {
    () => {
        concat!("ldrd r8, r9, [r11], #8\n", tile!())
    };
}

/// A weight pair of an output by the inputs of three rows in r6 to r8. Changes lr.
macro_rules! three_products {
    ($first:literal, $second:literal, $third:literal, $weights:literal) => {
        concat!(
            concat!("sxtb16 lr, ", $weights, "\n"),
            concat!("smlad ", $first, ", lr, r6, ", $first, "\n"),
            concat!("smlad ", $second, ", lr, r7, ", $second, "\n"),
            concat!("smlad ", $third, ", lr, r8, ", $third, "\n"),
        )
    };
}

/// Half a tile of weights at r12 by the triples at r11.
macro_rules! half_tile {
    () => {
        concat!(
            "ldm r11!, {{r6-r8}}
             ldrd r9, r10, [r12], #16
            ",
            three_products!("r0", "r1", "r2", "r9"),
            three_products!("r3", "r4", "r5", "r10"),
            "ldm r11!, {{r6-r8}}\n",
            three_products!("r0", "r1", "r2", "r9, ror #8"),
            three_products!("r3", "r4", "r5", "r10, ror #8"),
        )
    };
}

// How sums are scaled: first what one output's multiplier at r11 is made into, then a sum of it, to which the zero in r6 is
// added, in eight bits.

/// `Double`: twice the mantissa, the shift to the right; r10 is that to the left.
macro_rules! multiplier_double {
    ($mantissa:literal, $exponent:literal) => {
        concat!(
            concat!("usat r10, #5, ", $exponent, "\n"),
            concat!("subs ", $exponent, ", r10, ", $exponent, "\n"),
            concat!("lsls ", $mantissa, ", ", $mantissa, ", #1\n"),
        )
    };
}

/// SMMLAR takes the doubled mantissa, of 32 bits, as less than zero: 2^32 too little, so the sum is added to the upper half.
/// The product is made less by one if it is less than zero, and so halves are rounded away from zero; ADDS carries then, and
/// only then. ASRS leaves the last bit that it shifts out in the carry; if it shifts by nothing, the carry stays, and the one is
/// added again.
macro_rules! scale_double {
    ($sum:literal, $mantissa:literal, $right:literal) => {
        concat!(
            concat!("lsl ", $sum, ", ", $sum, ", r10\n"),
            concat!("and lr, ", $sum, ", ", $mantissa, ", asr #31\n"),
            concat!("smmlar ", $sum, ", ", $sum, ", ", $mantissa, ", lr\n"),
            concat!("adds ", $sum, ", ", $sum, ", ", $sum, ", asr #31\n"),
            concat!("asrs ", $sum, ", ", $sum, ", ", $right, "\n"),
            concat!("adc ", $sum, ", ", $sum, ", #0\n"),
            concat!("qadd ", $sum, ", ", $sum, ", r6\n"),
            concat!("ssat ", $sum, ", #8, ", $sum, "\n"),
        )
    };
}

/// `Single`: the mantissa, how far the upper half of a product is shifted to the right; r10 is minus how often a sum is doubled
/// before.
macro_rules! multiplier_single {
    ($mantissa:literal, $exponent:literal) => {
        concat!(
            concat!("ssat ", $exponent, ", #6, ", $exponent, "\n"),
            concat!("mvn ", $exponent, ", ", $exponent, "\n"),
            concat!("and r10, ", $exponent, ", ", $exponent, ", asr #31\n"),
            concat!("bic ", $exponent, ", ", $exponent, ", ", $exponent, ", asr #31\n"),
        )
    };
}

/// A sum that saturates when it is doubled is beyond the clamp's bounds for any mantissa. ASRS leaves the last bit that it
/// shifts out in the carry; if it shifts by nothing, the carry is the lower half's first bit.
macro_rules! scale_single {
    ($sum:literal, $mantissa:literal, $right:literal) => {
        concat!(
            "movs lr, r10
             beq 7f
             6:
            ",
            concat!("qadd ", $sum, ", ", $sum, ", ", $sum, "\n"),
            "adds lr, lr, #1
             bmi 6b
             7:
            ",
            concat!("smull lr, r7, ", $sum, ", ", $mantissa, "\n"),
            "lsls lr, lr, #1\n",
            concat!("asrs ", $sum, ", r7, ", $right, "\n"),
            concat!("adc ", $sum, ", ", $sum, ", #0\n"),
            concat!("qadd ", $sum, ", ", $sum, ", r6\n"),
            concat!("ssat ", $sum, ", #8, ", $sum, "\n"),
        )
    };
}

/// Two sums, scaled by their multipliers at r11. Changes r4, r5 and r7 to r10.
macro_rules! two_outputs {
    ($first:literal, $second:literal, $multiplier:ident, $scale:ident) => {
        concat!(
            "ldm r11!, {{r4, r5, r8, r9}}\n",
            $multiplier!("r4", "r5"),
            $scale!($first, "r4", "r5"),
            $multiplier!("r8", "r9"),
            $scale!($second, "r8", "r9"),
        )
    };
}

/// The four sums' bytes in r0, clamped. r10 is the task; changes r4 to r6.
macro_rules! clamp {
    () => {
        "ldrd r4, r5, [r10, #24]
         bfi r0, r1, #8, #8
         bfi r0, r2, #16, #8
         bfi r0, r3, #24, #8
         ssub8 r6, r0, r4
         sel r0, r0, r4
         ssub8 r6, r5, r0
         sel r0, r0, r5
        "
    };
}

/// Stores four outputs, scaled.
macro_rules! four_outputs {
    ($multiplier:ident, $scale:ident) => {
        concat!(
            "ldrd r11, r6, [r10, #16]
            ",
            two_outputs!("r0", "r1", $multiplier, $scale),
            two_outputs!("r2", "r3", $multiplier, $scale),
            "ldr r10, [sp]
             str r11, [r10, #16]
            ",
            clamp!(),
            "ldrd r6, r7, [r10, #32]
             str r0, [r6], #4
            ",
        )
    };
}

/// Stores four sums.
macro_rules! four_sums {
    () => {
        "ldrd r6, r7, [r10, #32]
         stm r6!, {{r0-r3}}
        "
    };
}

/// One row by groups of four outputs, which `store` stores. The tiles whose inputs are taken apart go four at a time: of the
/// first four as many are left out as there are too few, so the loop is entered there.
macro_rules! row {
    ($store:expr) => {
        concat!(
            save!(),
            // Takes the inputs apart.
            "ldr r12, [r0, #40]
             ldrd r1, r2, [r0, #4]
             ldr r3, [r0, #60]
             adr.w r7, 3f
             cbz r2, 2f
             mov r8, r2
             1:
             ldr r6, [r3], #4
             sxtb16 r4, r6
             sxtb16 r5, r6, ror #8
             strd r4, r5, [r1], #8
             subs r8, r8, #1
             bne 1b
             rsbs r4, r2, #0
             and r4, r4, #3
             add r4, r4, r4, lsl #3
             adr.w r7, 6f
             add r7, r7, r4, lsl #3
             2:
             add r7, r7, #1
             adds r2, r2, #3
             lsrs r2, r2, #2
             str r2, [r0, #8]
             strd r3, r7, [r0, #60]
             mov r10, r0
             1:
             ldm r10, {{r4, r11, lr}}
             ldm r4!, {{r0-r3}}
             str r4, [r10]
             ldr pc, [r10, #64]
             6:
            ",
            ready_tile!(),
            ready_tile!(),
            ready_tile!(),
            ready_tile!(),
            "subs lr, lr, #1
             bne 6b
             3:
             ldr r10, [sp]
             ldr r4, [r10, #12]
             cmp r4, #0
             beq 5f
             ldr r11, [r10, #60]
             lsrs lr, r4, #2
             beq 4f
             2:
             ldr r8, [r11], #4
             sxtb16 r9, r8, ror #8
             sxtb16 r8, r8
            ",
            tile!(),
            "subs lr, lr, #1
             bne 2b
             ldr r10, [sp]
             ldr r4, [r10, #12]
             4:
             ands r4, r4, #3
             beq 5f
            ",
            // The rest: an input, by a weight of each output.
            "add r5, r4, r4, lsl #1
             mov lr, r4
             2:
             ldrsb r6, [r11], #1
             ldrsb r7, [r12, r5]
             ldrsb r8, [r12, r4, lsl #1]
             ldrsb r9, [r12, r4]
             smlabb r3, r6, r7, r3
             ldrsb r7, [r12], #1
             smlabb r2, r6, r8, r2
             smlabb r1, r6, r9, r1
             smlabb r0, r6, r7, r0
             subs lr, lr, #1
             bne 2b
             add r12, r12, r5
             5:
            ",
            $store,
            "subs r7, r7, #1
             strd r6, r7, [r10, #32]
             bne.w 1b
            ",
            restore!(),
        )
    };
}

/// Three rows by groups of two outputs. The end of the triples is at the top of the stack, the task above it.
macro_rules! three_rows {
    ($multiplier:ident, $scale:ident) => {
        concat!(
            save!(),
            "ldr r1, [r0, #48]
             push {{r1}}
             1:
             ldr lr, [sp, #4]
             ldrd r6, r11, [lr]
             ldr r12, [lr, #40]
             ldrd r0, r3, [r6], #8
             str r6, [lr]
             mov r1, r0
             mov r2, r0
             mov r4, r3
             mov r5, r3
             ldr r6, [lr, #8]
             lsrs r6, r6, #1
             bcs 3f
             beq 4f
             2:
            ",
            half_tile!(),
            "3:\n",
            half_tile!(),
            "ldr lr, [sp]
             cmp r11, lr
             bne 2b
             4:
             ldr lr, [sp, #4]
            ",
            // The rest: an input of each row, by a weight of each output. The last two outputs of four lie after the first.
            "ldr r6, [lr, #12]
             cbz r6, 5f
             ldr r7, [lr, #36]
             lsls r7, r7, #31
             itt ne
             subne r12, r12, #8
             addne r12, r12, r6, lsl #1
             mov lr, r6
             8:
             ldrsb r9, [r12, r6]
             ldrsb r10, [r12], #1
             ldrsh r8, [r11, #4]
             ldrsh r7, [r11, #2]
             smlabb r5, r8, r9, r5
             smlabb r2, r8, r10, r2
             ldrsh r8, [r11], #6
             smlabb r4, r7, r9, r4
             smlabb r1, r7, r10, r1
             smlabb r3, r8, r9, r3
             smlabb r0, r8, r10, r0
             subs lr, lr, #1
             bne 8b
             ldr lr, [sp, #4]
             5:
             ldrd r11, r6, [lr, #16]
            ",
            "ldrd r8, r9, [r11], #8\n",
            $multiplier!("r8", "r9"),
            $scale!("r0", "r8", "r9"),
            $scale!("r1", "r8", "r9"),
            $scale!("r2", "r8", "r9"),
            "ldrd r8, r9, [r11], #8\n",
            $multiplier!("r8", "r9"),
            $scale!("r3", "r8", "r9"),
            $scale!("r4", "r8", "r9"),
            $scale!("r5", "r8", "r9"),
            "ldr lr, [sp, #4]
             str r11, [lr, #16]
             bfi r0, r3, #8, #8
             bfi r1, r4, #8, #8
             bfi r2, r5, #8, #8
             pkhbt r0, r0, r1, lsl #16
             ldrd r4, r5, [lr, #24]
             ssub8 r6, r0, r4
             sel r0, r0, r4
             ssub8 r6, r5, r0
             sel r0, r0, r5
             ssub8 r6, r2, r4
             sel r2, r2, r4
             ssub8 r6, r5, r2
             sel r2, r2, r5
             ldrd r6, r7, [lr, #32]
             ldrd r12, r8, [lr, #40]
             lsrs r1, r0, #16
             strh r1, [r6, r8]
             strh r2, [r6, r8, lsl #1]
             strh r0, [r6], #2
             ldrd r4, r5, [lr, #52]
             strd r5, r4, [lr, #52]
             add r12, r12, r4
             str r12, [lr, #40]
             subs r7, r7, #1
             strd r6, r7, [lr, #32]
             bne.w 1b
             add sp, sp, #4
            ",
            restore!(),
        )
    };
}

/// One row, rounded twice.
///
/// # Safety
/// The processor has the DSP extension. The pointers of the task are to as much as its numbers say, the weights' to words.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn row_double(task: &mut Task) {
    naked_asm!(row!(four_outputs!(multiplier_double, scale_double)))
}

/// One row, rounded once.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
pub(super) unsafe extern "C" fn row_single(task: &mut Task) {
    naked_asm!(row!(four_outputs!(multiplier_single, scale_single)))
}

/// The sums of one row.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
pub(super) unsafe extern "C" fn row_sums(task: &mut Task) {
    naked_asm!(row!(four_sums!()))
}

/// Three rows, rounded twice.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
pub(super) unsafe extern "C" fn three_rows_double(task: &mut Task) {
    naked_asm!(three_rows!(multiplier_double, scale_double))
}

/// Three rows, rounded once.
///
/// # Safety
/// As for [`row_double`].
#[unsafe(naked)]
pub(super) unsafe extern "C" fn three_rows_single(task: &mut Task) {
    naked_asm!(three_rows!(multiplier_single, scale_single))
}
