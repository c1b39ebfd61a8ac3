//! The portable instruction set: four lanes of the `wide` crate, compiled to whatever the target has.
//!
//! Multiplies, then adds, never fused, on every target. `wide`'s `mul_add` fuses where the build allows it, its
//! `reduce_add` has a different order and its `max` a different NaN rule, so none of them is used.

use super::{BIAS, Pass, Simd, TWO_23};
use wide::{f32x4, i32x4};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Portable;

/// Whether `wide`'s square root is an instruction; otherwise it is computed in `f64`, which microcontrollers emulate.
const SQRT: bool = cfg!(any(
    target_feature = "sse",
    target_feature = "simd128",
    all(target_feature = "neon", target_arch = "aarch64")
));

#[inline(always)]
fn bits(x: f32x4) -> i32x4 {
    i32x4::new(x.to_array().map(|x| x.to_bits() as i32))
}

#[inline(always)]
fn from_bits(x: i32x4) -> f32x4 {
    f32x4::new(x.to_array().map(|x| f32::from_bits(x as u32)))
}

/// What [`Simd::load_partial_or`] does with less than a vector: a function of its own, for there is one call for each
/// vector of each tile.
///
/// # Safety
/// `lanes` numbers can be read at `p`.
#[inline(never)]
unsafe fn load_some(p: *const f32, lanes: usize, fill: f32) -> [f32; 4] {
    // SAFETY: the first `lanes` numbers at `p` can be read.
    let x = |i: usize| unsafe { p.add(i).read() };
    // One case for each count: a loop would go through memory.
    match lanes {
        0 => [fill; 4],
        1 => [x(0), fill, fill, fill],
        2 => [x(0), x(1), fill, fill],
        _ => [x(0), x(1), x(2), fill],
    }
}

/// The same of [`Simd::store_partial`].
///
/// # Safety
/// `lanes` numbers can be written at `p`.
#[inline(never)]
unsafe fn store_some(p: *mut f32, x: f32x4, lanes: usize) {
    let [first, second, third, _] = x.to_array();
    // SAFETY: the first `lanes` numbers at `p` can be written.
    unsafe {
        if lanes > 0 {
            p.write(first);
        }
        if lanes > 1 {
            p.add(1).write(second);
        }
        if lanes > 2 {
            p.add(2).write(third);
        }
    }
}

impl Simd for Portable {
    type V = f32x4;
    const LANES: usize = 4;
    // Sixteen registers hold four rows of two vectors, and the products before they are added.
    const TILE_ROWS: [usize; 4] = [4, 4, 0, 1];

    #[inline(always)]
    fn call<P: Pass>(self, pass: P) -> P::Output {
        #[inline(never)]
        fn run<P: Pass>(pass: P) -> P::Output {
            pass.run(Portable)
        }
        run(pass)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> f32x4 {
        f32x4::splat(x)
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32x4 {
        // SAFETY: four numbers can be read at `p`, which is aligned for `f32` and so for an array of them.
        f32x4::new(unsafe { p.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: f32x4) {
        // SAFETY: four numbers can be written at `p`, which is aligned for `f32` and so for an array of them.
        unsafe { p.cast::<[f32; 4]>().write(x.to_array()) }
    }

    #[inline(always)]
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> f32x4 {
        if lanes == 4 {
            // SAFETY: four numbers can be read at `p`.
            return unsafe { self.load(p) };
        }
        // An array is returned: if it were a vector, whole ones would go through its memory too.
        // SAFETY: by this function's contract.
        f32x4::new(unsafe { load_some(p, lanes, fill) })
    }

    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, x: f32x4, lanes: usize) {
        if lanes == 4 {
            // SAFETY: four numbers can be written at `p`.
            return unsafe { self.store(p, x) };
        }
        // SAFETY: by this function's contract.
        unsafe { store_some(p, x, lanes) };
    }

    #[inline(always)]
    unsafe fn load_transposed(self, src: *const f32, stride: usize, [rows, cols]: [usize; 2]) -> [f32x4; 16] {
        let mut block = [f32x4::ZERO; 4];
        for (r, row) in block.iter_mut().enumerate().take(rows) {
            // SAFETY: by this function's contract, `cols` numbers can be read in each of the `rows` rows.
            *row = unsafe { self.load_partial(src.wrapping_add(r * stride), cols) };
        }
        let mut columns = [f32x4::ZERO; 16];
        columns[..4].copy_from_slice(&f32x4::transpose(block));
        columns
    }

    #[inline(always)]
    fn add(self, a: f32x4, b: f32x4) -> f32x4 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32x4, b: f32x4) -> f32x4 {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: f32x4, b: f32x4) -> f32x4 {
        a * b
    }

    #[inline(always)]
    fn div(self, a: f32x4, b: f32x4) -> f32x4 {
        a / b
    }

    #[inline(always)]
    fn sqrt(self, x: f32x4) -> f32x4 {
        if SQRT { x.sqrt() } else { f32x4::new(x.to_array().map(libm::sqrtf)) }
    }

    #[inline(always)]
    fn mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a * b + c
    }

    #[inline(always)]
    fn neg_mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        c - a * b
    }

    #[inline(always)]
    fn max(self, a: f32x4, b: f32x4) -> f32x4 {
        self.select_gt(a, b, a, b)
    }

    #[inline(always)]
    fn min(self, a: f32x4, b: f32x4) -> f32x4 {
        self.select_gt(b, a, a, b)
    }

    #[inline(always)]
    fn select_gt(self, a: f32x4, b: f32x4, x: f32x4, y: f32x4) -> f32x4 {
        a.simd_gt(b).bitselect(x, y)
    }

    #[inline(always)]
    fn abs(self, x: f32x4) -> f32x4 {
        from_bits(bits(x) & i32x4::splat(i32::MAX))
    }

    #[inline(always)]
    fn copysign(self, magnitude: f32x4, sign: f32x4) -> f32x4 {
        from_bits(bits(self.abs(magnitude)) | bits(sign) & i32x4::splat(i32::MIN))
    }

    #[inline(always)]
    fn relu(self, x: f32x4) -> f32x4 {
        x.simd_le(f32x4::ZERO).bitselect(f32x4::ZERO, x)
    }

    #[inline(always)]
    fn relu_mask(self, gate: f32x4, x: f32x4) -> f32x4 {
        gate.simd_le(f32x4::ZERO).bitselect(f32x4::ZERO, x)
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, x: f32x4, shifted: f32x4) -> f32x4 {
        from_bits(bits(x) + (bits(shifted) << 23_i32))
    }

    /// Multiplies by two powers of two, for halves of n that give normal numbers: the first product is exact.
    #[inline(always)]
    fn ldexp(self, x: f32x4, shifted: f32x4) -> f32x4 {
        let shifted = bits(shifted);
        let half: i32x4 = shifted >> 1_i32;
        let power = |n: i32x4| from_bits((n << 23_i32) + bits(f32x4::ONE));
        x * power(half) * power(shifted - half)
    }

    #[inline(always)]
    fn exponent(self, x: f32x4) -> f32x4 {
        let field: i32x4 = bits(self.abs(x)) >> 23_i32;
        from_bits(field | bits(f32x4::splat(TWO_23))) - f32x4::splat(TWO_23 + BIAS)
    }

    #[inline(always)]
    fn swap_pairs(self, x: f32x4) -> f32x4 {
        let [a, b, c, d] = x.to_array();
        f32x4::new([b, a, d, c])
    }

    #[inline(always)]
    fn reduce_add(self, x: f32x4) -> f32 {
        let [a, b, c, d] = x.to_array();
        (a + c) + (b + d)
    }

    #[inline(always)]
    fn reduce_max(self, x: f32x4) -> f32 {
        let [a, b, c, d] = x.to_array();
        let max = |a: f32, b: f32| if a > b { a } else { b };
        max(max(a, c), max(b, d))
    }
}
