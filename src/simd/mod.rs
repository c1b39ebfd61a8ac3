//! Vectors of `f32`, and the instruction sets that provide them.
//!
//! A kernel is written once, generic over [`Simd`]. An instruction set is one small file with a token type. Having
//! the token proves that this processor has the instructions, so the operations are safe functions. [`Isa`] is the
//! public value that selects a token; [`Isa::call`] is the only place that branches on it.
//!
//! How a kernel is compiled for an instruction set: `#[inline(always)]` and `#[target_feature]` exclude each other,
//! so every operation and every kernel is `#[inline(always)]`, and each token has one thin function with the
//! attribute ([`Simd::call`]) into which a whole [`Pass`] is inlined:
//!
//! ```text
//! Isa::call(pass) -- match --> Avx512::call(pass) --> #[target_feature(enable = "avx512f")] fn { pass.run(token) }
//!                                                                  `-- everything below is inlined here
//! ```
//!
//! # Virtual lanes
//!
//! A sum *along* a vector would depend on the width of the vector. [`Lanes16`] is sixteen lanes everywhere: one 512-bit
//! register, two of 256 bits or four of 128. It is summed in a fixed tree, so reductions give the same bits on all
//! instruction sets.

#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod avx512;
#[cfg(not(fusebox_scalar))]
mod cache;
mod isa;
#[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
mod neon;
#[cfg(not(fusebox_scalar))]
mod portable;
#[cfg(fusebox_scalar)]
mod scalar;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
pub(crate) mod x86_64;

#[cfg(not(fusebox_scalar))]
pub(crate) use cache::Cache;
pub use isa::Isa;
#[cfg(fusebox_scalar)]
pub(crate) use scalar::{is_zero_in_relu, multiply_add, rolled};

/// Whether the target has vector registers and ample memory; otherwise it is a microcontroller. Decided by
/// `build.rs`.
pub(crate) const VECTORS: bool = !cfg!(fusebox_scalar);

/// Whether instruction sets with a fused multiply-add use it.
const FUSE: bool = !cfg!(feature = "reproducible");

/// 2^23: adding it to a number puts that number's integer value into the low bits.
const TWO_23: f32 = 8_388_608.0;

/// The bias of the exponent field.
const BIAS: f32 = 127.0;

/// Work that can run on any instruction set.
pub(crate) trait Pass {
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`: they must be inlined into [`Simd::call`]'s function.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Operations of an instruction set on vectors of `LANES` numbers, lane by lane.
///
/// The implementing type is a token: a value of it proves that the processor has the instructions.
pub(crate) trait Simd: Copy {
    /// A vector register.
    type V: Copy;

    /// Numbers per vector: a power of two, at most 16.
    const LANES: usize;

    /// Rows of the largest gemm tile of one, two, three or eight vectors in width, for which the accumulators, a row
    /// of B and a broadcast element of A fit in the registers; 0 if there is no tile of that width.
    #[cfg(not(fusebox_scalar))]
    const TILE_ROWS: [usize; 4];

    /// Whether loading part of a vector costs no more than loading all of it.
    #[cfg(not(fusebox_scalar))]
    const MASKS: bool = false;

    /// Whether [`Simd::prefetch`] has an effect.
    #[cfg(not(fusebox_scalar))]
    const PREFETCHES: bool = false;

    /// Returns `p`, forced into a general register. Otherwise LLVM collects pointers that advance together in vectors
    /// and extracts them again for every load.
    #[inline(always)]
    fn in_register(self, p: *const f32) -> *const f32 {
        p
    }

    /// The same for a number. It hides the value from the compiler, so that a loop over it is not unrolled.
    #[inline(always)]
    fn number_in_register(self, n: usize) -> usize {
        n
    }

    /// Prefetches the cache line at `p` into L1; `p` need not be valid for reads.
    #[cfg(not(fusebox_scalar))]
    #[inline(always)]
    fn prefetch(self, _p: *const f32) {}

    /// This instruction set as a value.
    #[cfg(fusebox_scalar)]
    fn isa(self) -> Isa;

    /// Runs `pass` in a function compiled for this instruction set.
    fn call<P: Pass>(self, pass: P) -> P::Output;

    fn splat(self, x: f32) -> Self::V;

    /// # Safety
    /// `LANES` numbers can be read at `p`, which is aligned for one number.
    unsafe fn load(self, p: *const f32) -> Self::V;

    /// # Safety
    /// `LANES` numbers can be written at `p`.
    unsafe fn store(self, p: *mut f32, x: Self::V);

    /// The first `lanes` numbers at `p`, then zeros; reads no others.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be read at `p`.
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, lanes: usize) -> Self::V {
        // SAFETY: by this function's contract, `lanes <= LANES` and that many numbers can be read at `p`.
        unsafe { self.load_partial_or(p, lanes, 0.0) }
    }

    /// The first `lanes` numbers at `p`, then `fill`; reads no others.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be read at `p`.
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> Self::V;

    /// Writes the first `lanes` numbers to `p` and no others.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be written at `p`.
    unsafe fn store_partial(self, p: *mut f32, x: Self::V, lanes: usize);

    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;

    /// `a / b`, rounded once.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;

    /// The square root, rounded once: -0.0 for -0.0, NaN for other negative numbers.
    fn sqrt(self, x: Self::V) -> Self::V;

    /// `a * b + c`, rounded once if the instruction set is fused, else twice.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// `c - a * b`, rounded once if the instruction set is fused, else twice.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// `a` where `a > b`, else `b`: NaN in `b` gives NaN, NaN in `a` gives `b`.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;

    /// `a` where `a < b`, else `b`: NaN in `b` gives NaN, NaN in `a` gives `b`.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;

    /// `x` where `a > b`, else `y`; `y` if `a` or `b` is NaN.
    fn select_gt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;

    /// `x` with the sign bit cleared, also for NaN.
    fn abs(self, x: Self::V) -> Self::V;

    /// `magnitude` with the sign bit of `sign`, for any values.
    fn copysign(self, magnitude: Self::V, sign: Self::V) -> Self::V;

    /// `x` where it is positive or NaN, else +0.0.
    fn relu(self, x: Self::V) -> Self::V;

    /// +0.0 where `gate <= 0`, else `x` (so also where `gate` is NaN): `x` times the derivative of [`Simd::relu`].
    fn relu_mask(self, gate: Self::V, x: Self::V) -> Self::V;

    /// `x * 2^n` for `n` = the low bits of `shifted`, which holds `n + 1.5 * 2^23`. Correct if neither `x` nor the
    /// result is zero, subnormal or infinite.
    fn scale_by_power_of_two(self, x: Self::V, shifted: Self::V) -> Self::V;

    /// `x * 2^n`, rounded once, for `n` from -252 to 254 in the low bits of `shifted`, which holds `n + 1.5 * 2^23`.
    /// `|x|` must be between 0.5 and 2; NaN gives NaN, unless `shifted` is infinite. The result may be any number,
    /// including subnormal, zero and infinite ones.
    fn ldexp(self, x: Self::V, shifted: Self::V) -> Self::V;

    /// The exponent of `x` as a number: `n` where `2^n <= |x| < 2^(n + 1)`; -127 if `x` is zero or subnormal, 128 if
    /// it is infinite or NaN.
    fn exponent(self, x: Self::V) -> Self::V;

    /// Exchanges lanes 0 and 1, 2 and 3, and so on.
    fn swap_pairs(self, x: Self::V) -> Self::V;

    /// The sum of all lanes, in a tree that adds the upper half to the lower half until one lane is left.
    fn reduce_add(self, x: Self::V) -> f32;

    /// [`Simd::reduce_add`] of each of the first `count` vectors, at most sixteen. The other elements are unspecified.
    #[cfg(not(fusebox_scalar))]
    #[inline(always)]
    fn reduce_add_each(self, vectors: [Self::V; 16], count: usize) -> [f32; 16] {
        let mut sums = [0.0; 16];
        for (sum, vector) in sums.iter_mut().zip(vectors).take(count) {
            *sum = self.reduce_add(vector);
        }
        sums
    }

    /// The largest lane, in the same tree, with [`Simd::max`].
    fn reduce_max(self, x: Self::V) -> f32;

    /// The columns of the `rows` x `cols` numbers at `src` (both at most `LANES`) as vectors: the first `cols`
    /// elements of the result, with zeros in lanes from `rows` on. The other elements are zeros.
    ///
    /// # Safety
    /// `rows` rows of `cols` numbers can be read, `stride` numbers apart.
    #[inline(always)]
    unsafe fn load_transposed(
        self,
        src: *const f32,
        stride: usize,
        [rows, cols]: [usize; 2],
    ) -> [Self::V; 16] {
        let mut columns = [self.splat(0.0); 16];
        for (c, column) in columns.iter_mut().enumerate().take(cols) {
            let mut x = [0.0; 16];
            for (r, x) in x.iter_mut().enumerate().take(rows) {
                // SAFETY: by this function's contract, `cols` numbers can be read in each of the `rows` rows.
                *x = unsafe { src.wrapping_add(r * stride + c).read() };
            }
            // SAFETY: the array has sixteen numbers, at least `LANES`.
            *column = unsafe { self.load(x.as_ptr()) };
        }
        columns
    }

    /// `dst[c * dst_stride + r] = src[r * src_stride + c]` for `r` below `rows` and `c` below `cols`, both at most
    /// `LANES`; writes zeros for `r` from `rows` to `LANES`.
    ///
    /// # Safety
    /// `src` can be read and `dst` written at all these indices, and they do not overlap.
    #[cfg(any(test, not(fusebox_scalar)))]
    #[inline(always)]
    unsafe fn transpose(
        self,
        src: *const f32,
        src_stride: usize,
        [rows, cols]: [usize; 2],
        dst: *mut f32,
        dst_stride: usize,
    ) {
        // SAFETY: by this function's contract: `rows` rows of `cols` numbers can be read, and `cols` vectors written
        // to `dst`.
        unsafe {
            if rows == Self::LANES && cols == Self::LANES {
                let columns = self.load_transposed(src, src_stride, [Self::LANES; 2]);
                for (c, &column) in columns.iter().enumerate().take(Self::LANES) {
                    self.store(dst.wrapping_add(c * dst_stride), column);
                }
            } else {
                let columns = self.load_transposed(src, src_stride, [rows, cols]);
                for (c, &column) in columns.iter().enumerate().take(cols) {
                    self.store(dst.wrapping_add(c * dst_stride), column);
                }
            }
        }
    }
}

/// The largest number of registers that sixteen lanes need.
const MOST_REGISTERS: usize = if VECTORS { 4 } else { 16 };

/// Sixteen lanes on every instruction set; the first `16 / LANES` registers are used.
#[derive(Clone, Copy)]
pub(crate) struct Lanes16<S: Simd>([S::V; MOST_REGISTERS]);

impl<S: Simd> Lanes16<S> {
    const REGISTERS: usize = 16 / S::LANES;

    #[inline(always)]
    pub(crate) fn splat(s: S, x: f32) -> Self {
        Self([s.splat(x); MOST_REGISTERS])
    }

    /// The first `lanes` (at most 16) numbers at `p`, then `fill`.
    ///
    /// # Safety
    /// `lanes` numbers can be read at `p`.
    #[inline(always)]
    pub(crate) unsafe fn load(s: S, p: *const f32, lanes: usize, fill: f32) -> Self {
        let mut registers = [s.splat(fill); MOST_REGISTERS];
        for (i, register) in registers.iter_mut().enumerate().take(Self::REGISTERS) {
            let first = i * S::LANES;
            if first + S::LANES <= lanes {
                // SAFETY: a whole vector of the `lanes` numbers starts there.
                *register = unsafe { s.load(p.add(first)) };
            } else if first < lanes {
                // SAFETY: these are the last of the `lanes` numbers.
                *register = unsafe { s.load_partial_or(p.add(first), lanes - first, fill) };
            }
        }
        Self(registers)
    }

    /// Writes the first `lanes` (at most 16) numbers to `p`.
    ///
    /// # Safety
    /// `lanes` numbers can be written at `p`.
    #[inline(always)]
    pub(crate) unsafe fn store(self, s: S, p: *mut f32, lanes: usize) {
        for (i, &register) in self.0.iter().enumerate().take(Self::REGISTERS) {
            let first = i * S::LANES;
            if first < lanes {
                // SAFETY: the numbers from `first` on, at most `LANES`, are among the `lanes` that can be written.
                unsafe { s.store_partial(p.add(first), register, (lanes - first).min(S::LANES)) };
            }
        }
    }

    /// The registers in use, for loops with too many operations for a closure, which might not be inlined.
    #[inline(always)]
    pub(crate) fn registers(&mut self) -> &mut [S::V] {
        let (used, _) = self.0.split_at_mut(Self::REGISTERS.min(MOST_REGISTERS));
        used
    }

    #[inline(always)]
    pub(crate) fn map(mut self, f: impl Fn(S::V) -> S::V) -> Self {
        for register in self.0.iter_mut().take(Self::REGISTERS) {
            *register = f(*register);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn zip(mut self, other: Self, f: impl Fn(S::V, S::V) -> S::V) -> Self {
        for (register, &other) in self.0.iter_mut().zip(&other.0).take(Self::REGISTERS) {
            *register = f(*register, other);
        }
        self
    }

    /// The sum of the lanes: the upper half is added to the lower half until one lane is left.
    #[inline(always)]
    pub(crate) fn sum(self, s: S) -> f32 {
        s.reduce_add(self.halve(|a, b| s.add(a, b)))
    }

    /// The largest lane.
    #[inline(always)]
    pub(crate) fn max(self, s: S) -> f32 {
        s.reduce_max(self.halve(|a, b| s.max(a, b)))
    }

    #[inline(always)]
    fn halve(self, f: impl Fn(S::V, S::V) -> S::V) -> S::V {
        let mut r = self.0;
        let mut half = Self::REGISTERS.min(MOST_REGISTERS) / 2;
        while half > 0 {
            for i in 0..half {
                r[i] = f(r[i], r[half + i]);
            }
            half /= 2;
        }
        r[0]
    }
}

#[cfg(test)]
mod tests;
