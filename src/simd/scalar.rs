//! One number at a time: the portable instruction set of a microcontroller.
//!
//! Multiply then add, never fused. What a processor with floating point makes of plain Rust is as good as assembly, but
//! for the square root, which stable Rust does not offer without `std`; and products, which have kernels of their own
//! (`kernel/gemm/scalar`).

use super::{BIAS, Isa, Pass, Simd, TWO_23};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar;

/// The square root, rounded once.
#[cfg(not(fusebox_core = "other"))]
#[inline(always)]
fn square_root(x: f32) -> f32 {
    let mut bits = x.to_bits();
    // SAFETY: `build.rs` has it that the processor has these registers and instructions; nothing else is touched.
    unsafe {
        core::arch::asm!(
            "vmov s0, {bits}",
            "vsqrt.f32 s0, s0",
            "vmov {bits}, s0",
            bits = inout(reg) bits,
            out("s0") _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    f32::from_bits(bits)
}

/// The square root, rounded once.
#[cfg(fusebox_core = "other")]
#[inline(always)]
fn square_root(x: f32) -> f32 {
    libm::sqrtf(x)
}

impl Simd for Scalar {
    type V = f32;
    const LANES: usize = 1;

    fn isa(self) -> Isa {
        Isa::portable()
    }

    #[inline(always)]
    fn number_in_register(self, mut n: usize) -> usize {
        // SAFETY: there is no instruction.
        unsafe {
            core::arch::asm!("/* {n} */", n = inout(reg) n, options(pure, nomem, nostack, preserves_flags))
        };
        n
    }

    #[inline(always)]
    fn call<P: Pass>(self, pass: P) -> P::Output {
        #[inline(never)]
        fn run<P: Pass>(pass: P) -> P::Output {
            pass.run(Scalar)
        }
        run(pass)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32 {
        // SAFETY: the caller's promise.
        unsafe { p.read() }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: f32) {
        // SAFETY: the caller's promise.
        unsafe { p.write(x) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> f32 {
        // SAFETY: the caller's promise.
        if lanes == 1 { unsafe { p.read() } } else { fill }
    }

    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: f32, lanes: usize) {
        if lanes == 1 {
            // SAFETY: the caller's promise.
            unsafe { p.write(x) }
        }
    }

    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }

    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }

    #[inline(always)]
    fn sqrt(self, x: f32) -> f32 {
        square_root(x)
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }

    #[inline(always)]
    fn neg_mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        c - a * b
    }

    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }

    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }

    #[inline(always)]
    fn select_gt(self, a: f32, b: f32, x: f32, y: f32) -> f32 {
        if a > b { x } else { y }
    }

    #[inline(always)]
    fn abs(self, x: f32) -> f32 {
        x.abs()
    }

    #[inline(always)]
    fn copysign(self, magnitude: f32, sign: f32) -> f32 {
        magnitude.copysign(sign)
    }

    #[inline(always)]
    fn relu(self, x: f32) -> f32 {
        if x <= 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn relu_mask(self, gate: f32, x: f32) -> f32 {
        if gate <= 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: f32, shifted: f32) -> f32 {
        f32::from_bits(x.to_bits().wrapping_add(shifted.to_bits() << 23))
    }

    /// By two powers of two, halves of n that are normal numbers: the first product is exact.
    #[inline(always)]
    fn ldexp(self, x: f32, shifted: f32) -> f32 {
        let shifted = shifted.to_bits() as i32;
        let half = shifted >> 1;
        let power = |n: i32| f32::from_bits(((n << 23) as u32).wrapping_add(1_f32.to_bits()));
        x * power(half) * power(shifted.wrapping_sub(half))
    }

    #[inline(always)]
    fn exponent(self, x: f32) -> f32 {
        let field = x.abs().to_bits() >> 23;
        f32::from_bits(field | TWO_23.to_bits()) - (TWO_23 + BIAS)
    }

    /// There is no other lane.
    #[inline(always)]
    fn swap_pairs(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn reduce_add(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn reduce_max(self, x: f32) -> f32 {
        x
    }
}
