//! Vectors of `f32` and the instruction sets that have them.
//!
//! A kernel is written once, generic over [`Simd`]. An instruction set is one small file with a token type: holding
//! the token proves that this processor has the instructions, so the operations are safe functions. [`Isa`] is the
//! public value that chooses among tokens; [`Isa::call`] is the one place where the choice becomes code.
//!
//! How a kernel gets compiled for an instruction set. `#[inline(always)]` and `#[target_feature]` exclude each other,
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
//! A sum *along* a vector would depend on how wide the vector is. [`Lanes16`] is sixteen lanes everywhere, as one
//! 512-bit register, two of 256 bits or four of 128, and its sum is a fixed tree: so reductions give the same bits on
//! all.

#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod avx512;
mod isa;
#[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
mod neon;
#[cfg(not(fusebox_scalar))]
mod portable;
#[cfg(fusebox_scalar)]
mod scalar;
#[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
mod x86_64;

pub use isa::Isa;
#[cfg(fusebox_scalar)]
pub(crate) use scalar::multiply_add;

/// Whether the target's processors have vector registers, and memory to match; else it is a microcontroller. Decided by
/// `build.rs`.
pub(crate) const VECTORS: bool = !cfg!(fusebox_scalar);

/// Whether instruction sets that can fuse a multiplication with an addition do.
const FUSE: bool = !cfg!(feature = "reproducible");

/// 2^23: a number in the low bits of this one's is added to it.
const TWO_23: f32 = 8_388_608.0;

/// How much larger than the exponent the bits are that stand for it.
const BIAS: f32 = 127.0;

/// Work that can run on any instruction set.
pub(crate) trait Pass {
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`: they must end up inside [`Simd::call`]'s function.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The operations of an instruction set on vectors of `LANES` numbers, lane by lane.
///
/// The implementing type is a token: to have one is to know that the processor has the instructions.
pub(crate) trait Simd: Copy {
    /// A vector register.
    type V: Copy;

    /// Numbers in a vector: a power of two, at most 16.
    const LANES: usize;

    /// Rows of the largest gemm tile that is one, two, three or eight vectors wide, whose accumulators, a row of B and
    /// a broadcast element of A fit the registers; 0 where there is no tile of that width.
    #[cfg(not(fusebox_scalar))]
    const TILE_ROWS: [usize; 4];

    /// Whether loading part of a vector costs no more than loading all of it.
    #[cfg(not(fusebox_scalar))]
    const MASKS: bool = false;

    /// Whether [`Simd::prefetch`] does something.
    #[cfg(not(fusebox_scalar))]
    const PREFETCHES: bool = false;

    /// `p`, in a general register: LLVM else gathers pointers that move together in vectors, and takes them apart again
    /// for every load.
    #[inline(always)]
    fn in_register(self, p: *const f32) -> *const f32 {
        p
    }

    /// The same for a number, of which the compiler then knows nothing: a loop over it stays a loop.
    #[inline(always)]
    fn number_in_register(self, n: usize) -> usize {
        n
    }

    /// Brings the cache line at `p`, which need not be good for a load, into L1.
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
    /// `LANES` numbers can be read at `p`, of any alignment a number has.
    unsafe fn load(self, p: *const f32) -> Self::V;

    /// # Safety
    /// `LANES` numbers can be written at `p`.
    unsafe fn store(self, p: *mut f32, x: Self::V);

    /// The first `lanes` numbers at `p`, then zeros; reads no more than those.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be read at `p`.
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, lanes: usize) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe { self.load_partial_or(p, lanes, 0.0) }
    }

    /// The first `lanes` numbers at `p`, then `fill`; reads no more than those.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be read at `p`.
    unsafe fn load_partial_or(self, p: *const f32, lanes: usize, fill: f32) -> Self::V;

    /// Writes the first `lanes` numbers to `p` and nothing past them.
    ///
    /// # Safety
    /// `lanes <= LANES`, and that many numbers can be written at `p`.
    unsafe fn store_partial(self, p: *mut f32, x: Self::V, lanes: usize);

    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;

    /// `a / b`, rounded once.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;

    /// The square root, rounded once: -0.0 of -0.0, NaN of what is less.
    fn sqrt(self, x: Self::V) -> Self::V;

    /// `a * b + c`, rounded once where the instruction set is fused, twice where not.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// `c - a * b`, rounded once where the instruction set is fused, twice where not.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// `a` where `a > b`, else `b`: a NaN in `b` stays, one in `a` does not.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;

    /// `a` where `a < b`, else `b`: a NaN in `b` stays, one in `a` does not.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;

    /// `x` where `a > b`, else `y`, so also where `a` or `b` is NaN.
    fn select_gt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;

    /// `x` without its sign, that of a NaN too.
    fn abs(self, x: Self::V) -> Self::V;

    /// `magnitude` with the sign of `sign`, whatever the two are.
    fn copysign(self, magnitude: Self::V, sign: Self::V) -> Self::V;

    /// `x` where it is positive or NaN, else +0.0.
    fn relu(self, x: Self::V) -> Self::V;

    /// +0.0 where `gate <= 0`, else `x` (so also where `gate` is NaN): `x` times the derivative of [`Simd::relu`].
    fn relu_mask(self, gate: Self::V, x: Self::V) -> Self::V;

    /// `x * 2^n` for `n` = the low bits of `shifted`, which holds `n + 1.5 * 2^23`. Right as long as neither `x` nor
    /// the result is zero, subnormal or infinite.
    fn scale_by_power_of_two(self, x: Self::V, shifted: Self::V) -> Self::V;

    /// `x * 2^n`, rounded once, for `n` of -252 to 254 in the low bits of `shifted`, which holds `n + 1.5 * 2^23`. `x` is
    /// between 0.5 and 2 in magnitude; NaN where it is NaN, unless `shifted` is infinite. The result may be anything:
    /// subnormal, zero, infinite.
    fn ldexp(self, x: Self::V, shifted: Self::V) -> Self::V;

    /// `x`'s exponent as a number: `n` where `2^n <= |x| < 2^(n + 1)`; -127 where `x` is zero or subnormal, 128 where it
    /// is infinite or NaN.
    fn exponent(self, x: Self::V) -> Self::V;

    /// Lanes 0 and 1 exchanged, 2 and 3, and so on.
    fn swap_pairs(self, x: Self::V) -> Self::V;

    /// The sum of all lanes as a tree that adds the upper half to the lower until one is left.
    fn reduce_add(self, x: Self::V) -> f32;

    /// The largest lane, in the same tree of [`Simd::max`].
    fn reduce_max(self, x: Self::V) -> f32;

    /// Columns of the `rows` x `cols` numbers at `src`, neither above `LANES`, as vectors: the first `cols` of the result,
    /// whose lanes from `rows` on are zero. What is past them means nothing.
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
                // SAFETY: the caller's promise.
                *x = unsafe { src.wrapping_add(r * stride + c).read() };
            }
            // SAFETY: sixteen numbers, at least as many as a vector has.
            *column = unsafe { self.load(x.as_ptr()) };
        }
        columns
    }

    /// `dst[c * dst_stride + r] = src[r * src_stride + c]` for `r` below `rows` and `c` below `cols`, neither above
    /// `LANES`; zeros for `r` from `rows` to `LANES`.
    ///
    /// # Safety
    /// All those places can be read and written, and do not overlap.
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
        // SAFETY: the caller's promise.
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

/// The most registers that sixteen lanes take.
const MOST_REGISTERS: usize = if VECTORS { 4 } else { 16 };

/// Sixteen lanes on every instruction set: the first `16 / LANES` registers are in use.
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
                // SAFETY: a whole vector of the `lanes` numbers lies there.
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
                // SAFETY: `lanes` numbers can be written, of which these are the next.
                unsafe { s.store_partial(p.add(first), register, (lanes - first).min(S::LANES)) };
            }
        }
    }

    /// The registers in use, for loops over operations too many for a closure, which might not be inlined.
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

    /// The sum of the lanes: the upper half is added to the lower until one is left.
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
