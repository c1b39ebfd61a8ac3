//! The instruction sets of microcontrollers: one number at a time.
//!
//! The portable one multiplies, then adds. Cores with a fast fused multiply-add (see `build.rs`) also have a fused
//! one. It uses assembly, because without `std` stable Rust has only a software routine. For a core with floating
//! point, compiled Rust is as fast as assembly, except for the square root, which stable Rust does not have without
//! `std`, and products, which have their own kernels (`kernel/gemm/scalar`).

use super::{BIAS, Isa, Pass, Simd, TWO_23};

/// `FUSED` only on cores that support it: see [`Scalar::FUSED`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar<const FUSED: bool>(());

impl Scalar<false> {
    pub(super) const PORTABLE: Self = Self(());
}

#[cfg(fusebox_fused)]
impl Scalar<true> {
    pub(super) const FUSED: Self = Self(());
}

/// `a * b + c`, rounded once or twice.
#[cfg(fusebox_fused)]
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if !FUSED {
        return a * b + c;
    }
    let mut bits = a.to_bits();
    // SAFETY: `build.rs` enables this only for processors with these registers and instructions. No memory is accessed.
    unsafe {
        core::arch::asm!(
            "vmov s0, {a}",
            "vmov s1, {b}",
            "vmov s2, {c}",
            "vfma.f32 s2, s0, s1",
            "vmov {a}, s2",
            a = inout(reg) bits,
            b = in(reg) b.to_bits(),
            c = in(reg) c.to_bits(),
            out("s0") _,
            out("s1") _,
            out("s2") _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    f32::from_bits(bits)
}

/// `a * b + c`, rounded twice: nothing here is fused.
#[cfg(not(fusebox_fused))]
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    a * b + c
}

/// The square root, rounded once.
#[cfg(not(fusebox_core = "other"))]
#[inline(always)]
fn square_root(x: f32) -> f32 {
    let mut bits = x.to_bits();
    // SAFETY: `build.rs` enables this only for processors with these registers and instructions. No memory is accessed.
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

/// A loop's counter, of which the compiler then knows too little to write the loop out several times.
#[inline(always)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn rolled(mut n: usize) -> usize {
    // SAFETY: the assembly contains no instruction.
    unsafe {
        core::arch::asm!("/* {n} */", n = inout(reg) n, options(pure, nomem, nostack, preserves_flags))
    };
    n
}

/// WebAssembly has no assembly in stable Rust.
#[inline(always)]
#[cfg(target_arch = "wasm32")]
pub(crate) fn rolled(n: usize) -> usize {
    n
}

/// Whether `x <= 0.0`, by its bits, for a comparison of floating-point numbers is slow, or a call: from -0.0 to minus infinity
/// they are 2^31 and more, and what lies beyond is NaN.
#[inline(always)]
pub(crate) fn is_zero_in_relu(x: f32) -> bool {
    let bits = x.to_bits();
    bits == 0 || bits.wrapping_sub(1 << 31) <= f32::INFINITY.to_bits()
}

impl<const FUSED: bool> Simd for Scalar<FUSED> {
    type V = f32;
    const LANES: usize = 1;

    fn isa(self) -> Isa {
        Isa::of_scalar(FUSED)
    }

    #[inline(always)]
    fn number_in_register(self, n: usize) -> usize {
        rolled(n)
    }

    #[inline(always)]
    fn call<P: Pass>(self, pass: P) -> P::Output {
        #[inline(never)]
        fn run<P: Pass, const FUSED: bool>(pass: P) -> P::Output {
            pass.run(Scalar::<FUSED>(()))
        }
        run::<P, FUSED>(pass)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32 {
        // SAFETY: by this function's contract, one number can be read at `p`.
        unsafe { p.read() }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: f32) {
        // SAFETY: by this function's contract, one number can be written at `p`.
        unsafe { p.write(x) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> f32 {
        // SAFETY: by this function's contract, `lanes` numbers can be read at `p`.
        if lanes == 1 { unsafe { p.read() } } else { fill }
    }

    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: f32, lanes: usize) {
        if lanes == 1 {
            // SAFETY: by this function's contract, `lanes` numbers can be written at `p`.
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
        multiply_add::<FUSED>(a, b, c)
    }

    #[inline(always)]
    fn neg_mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        multiply_add::<FUSED>(-a, b, c)
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
        if is_zero_in_relu(x) { 0.0 } else { x }
    }

    #[inline(always)]
    fn relu_mask(self, gate: f32, x: f32) -> f32 {
        if is_zero_in_relu(gate) { 0.0 } else { x }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: f32, shifted: f32) -> f32 {
        f32::from_bits(x.to_bits().wrapping_add(shifted.to_bits() << 23))
    }

    /// Multiplies by two powers of two, for halves of n that give normal numbers: the first product is exact.
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

    /// There is only one lane.
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
