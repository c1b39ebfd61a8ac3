//! A GRU's gates in the registers of a Cortex-M's floating-point unit, number by number.
//!
//! The operations are those of [`sigmoid`](crate::kernel::math::sigmoid) and [`tanh`](crate::kernel::math::tanh), in
//! their order, so the bits are theirs. Three things make them faster than compiled Rust:
//!
//! - A multiplication and an addition take two cycles on an M4F. A compiler for the stock target chooses `VMLA`, which
//!   takes three, and on M7 and M55 a fused one takes nine instructions, because stable Rust has no operands in these
//!   registers.
//! - The exponentials of gates r and z are computed side by side: no result is used by the next instruction.
//! - Sums far from zero are left to Rust: nothing is clamped, and a power of two is an addition to the exponent's bits.
//!
//! ```text
//! s0, s1    x_r + u_r, x_z + u_z; r, z         s16 .. s26  CONSTANTS
//! s4, s5    x_n, u_n; s6 the state             r4 .. r6    x of gates r, z, n
//! s2, s8, s10, s12, s14  an exponential        r7 .. r9    u of gates r, z, n
//! s3, s9, s11, s13, s15  another               r10, r11    state, kept;  lr  numbers left
//! ```

use super::gru::Places;
use crate::kernel::math::{LN2_HIGH, LN2_LOW, Q, ROUND, TWICE_SMALL};
use core::arch::naked_asm;
use core::f32::consts::LOG2_E;

/// What s16 to s26 hold.
static CONSTANTS: [f32; 11] = [LOG2_E, ROUND, LN2_HIGH, LN2_LOW, Q[4], Q[3], Q[2], Q[1], Q[0], 1.0, 2.0];

/// Computes numbers from the first one on, and returns how many of `count` are left. It stops at a number whose r or z
/// comes of a sum of magnitude 64 or more, or whose n of one of 8 or more, or of NaN: none of its places is written.
///
/// # Safety
/// At each of the places there are `count` numbers, at least one. Those of x, the state and what is kept can be written.
pub(super) unsafe fn numbers(places: &Places, count: usize) -> usize {
    // SAFETY: the caller's promise; there are eleven constants.
    unsafe { assembly(places, count, &CONSTANTS) }
}

/// `d = a b + c` of each lane; d is another register than a and b.
#[cfg(not(fusebox_fused))]
macro_rules! mul_add {
    ($([$d:literal $a:literal $b:literal $c:literal])*) => {
        concat!(
            $("vmul.f32 ", $d, ", ", $a, ", ", $b, "\n",)*
            $("vadd.f32 ", $d, ", ", $d, ", ", $c, "\n",)*
        )
    };
}

/// The same where multiply and add are one.
#[cfg(fusebox_fused)]
macro_rules! mul_add {
    ($([$d:literal $a:literal $b:literal $c:literal])*) => {
        concat!(
            $("vmov.f32 ", $d, ", ", $c, "\n",)*
            $("vfma.f32 ", $d, ", ", $a, ", ", $b, "\n",)*
        )
    };
}

/// `d = d + a b` of each lane, or with `sub`, `d - a b`. Changes t.
#[cfg(not(fusebox_fused))]
macro_rules! accumulate {
    ($op:ident $([$d:literal $a:literal $b:literal $t:literal])*) => {
        concat!(
            $("vmul.f32 ", $t, ", ", $a, ", ", $b, "\n",)*
            $("v", stringify!($op), ".f32 ", $d, ", ", $d, ", ", $t, "\n",)*
        )
    };
}

/// The same where multiply and add are one.
#[cfg(fusebox_fused)]
macro_rules! accumulate {
    (add $([$d:literal $a:literal $b:literal $t:literal])*) => {
        concat!($("vfma.f32 ", $d, ", ", $a, ", ", $b, "\n",)*)
    };
    (sub $([$d:literal $a:literal $b:literal $t:literal])*) => {
        concat!($("vfms.f32 ", $d, ", ", $a, ", ", $b, "\n",)*)
    };
}

/// Of each lane's x: n and r as in `math/exp.rs`, and x overwritten with `exp(r) - 1`. Changes f, g and h.
macro_rules! exp_minus_one_of_rest {
    ($([$x:literal $n:literal $f:literal $g:literal $h:literal])*) => {
        concat!(
            mul_add!($([$n $x "s16" "s17"])*),
            $("vsub.f32 ", $f, ", ", $n, ", s17\n",)*
            accumulate!(sub $([$x $f "s18" $g])*),
            accumulate!(sub $([$x $f "s19" $g])*),
            mul_add!($([$f "s20" $x "s21"])*),
            mul_add!($([$g $f $x "s22"])*),
            mul_add!($([$f $g $x "s23"])*),
            mul_add!($([$g $f $x "s24"])*),
            $("vmul.f32 ", $f, ", ", $x, ", ", $x, "\n",)*
            accumulate!(add $([$x $f $g $h])*),
        )
    };
}

/// See [`numbers`].
#[unsafe(naked)]
unsafe extern "C" fn assembly(places: &Places, count: usize, constants: &[f32; 11]) -> usize {
    naked_asm!(
        concat!(
            ".fpu fpv4-sp-d16
             push {{r4-r11, lr}}
             vpush {{s16-s26}}
             vldmia r2, {{s16-s26}}
             mov lr, r1
             ldmia r0, {{r4-r11}}
             movw r12, #:lower16:{small}
             movt r12, #:upper16:{small}
             2:
             vldr s0, [r4]
             vldr s1, [r5]
             vldr s2, [r7]
             vldr s3, [r8]
             vldr s4, [r6]
             vldr s5, [r9]
             vldr s6, [r10]
             vadd.f32 s0, s0, s2
             vadd.f32 s1, s1, s3
             vmov r0, s0
             vmov r1, s1
             lsls r2, r0, #1
             lsls r3, r1, #1
             cmp.w r2, #{far}
             bhs.w 8f
             cmp.w r3, #{far}
             bhs.w 8f
             vabs.f32 s2, s0
             vabs.f32 s3, s1
             vneg.f32 s2, s2
             vneg.f32 s3, s3
            ",
            exp_minus_one_of_rest!(["s2" "s8" "s10" "s12" "s14"]["s3" "s9" "s11" "s13" "s15"]),
            // exp(-|x|) = 2^n exp(r) becomes z; 1 + z; where x is positive, the numerator is one.
            "vadd.f32 s2, s2, s25
             vadd.f32 s3, s3, s25
             vmov r2, s8
             vmov r3, s2
             add.w r3, r3, r2, lsl #23
             vmov s2, r3
             vmov r2, s9
             vmov r3, s3
             add.w r3, r3, r2, lsl #23
             vmov s3, r3
             vadd.f32 s8, s2, s25
             vadd.f32 s9, s3, s25
             cmp r0, #0
             it pl
             vmovpl.f32 s2, s25
             cmp r1, #0
             it pl
             vmovpl.f32 s3, s25
             vdiv.f32 s0, s2, s8
             vdiv.f32 s1, s3, s9
            ",
            // x_n + r u_n, and twice its magnitude, negative where that is small.
            accumulate!(add ["s4" "s0" "s5" "s8"]),
            "vmov r0, s4
             lsls r2, r0, #1
             cmp.w r2, #{far_in_tanh}
             bhs.w 8f
             vabs.f32 s2, s4
             vadd.f32 s2, s2, s2
             cmp r2, r12
             it lo
             vneglo.f32 s2, s2
            ",
            exp_minus_one_of_rest!(["s2" "s8" "s10" "s12" "s14"]),
            // 2^n; t = 2^n p + (2^n - 1); t / (t + 2) with the sign of x.
            "vmov r2, s8
             lsls r2, r2, #23
             add.w r2, r2, #{one}
             vmov s8, r2
             vsub.f32 s9, s8, s25
            ",
            accumulate!(add ["s9" "s8" "s2" "s10"]),
            "vadd.f32 s10, s9, s26
             vdiv.f32 s2, s9, s10
             vmov r2, s2
             bfi r0, r2, #0, #31
             vmov s2, r0
             vsub.f32 s6, s6, s2
            ",
            mul_add!(["s8" "s1" "s6" "s2"]),
            "vstmia r4!, {{s0}}
             vstmia r5!, {{s1}}
             vstmia r6!, {{s2}}
             vstmia r11!, {{s5}}
             vstmia r10!, {{s8}}
             adds r7, #4
             add.w r8, r8, #4
             add.w r9, r9, #4
             subs.w lr, lr, #1
             bne.w 2b
             8:
             mov r0, lr
             vpop {{s16-s26}}
             pop {{r4-r11, pc}}
            ",
        ),
        small = const TWICE_SMALL.to_bits().wrapping_sub(1 << 23) << 1,
        far = const 64_f32.to_bits() << 1,
        far_in_tanh = const 8_f32.to_bits() << 1,
        one = const 1_f32.to_bits(),
    )
}
