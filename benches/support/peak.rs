//! The machine's own limit: multiply-adds on registers alone, with nothing to load, store or wait for.
//!
//! A multiply-add takes about four cycles from operands to result, and a core starts up to four in a cycle. Sixteen
//! accumulators (twelve where there are only sixteen registers) that do not depend on each other keep all of them busy.

use fusebox::Isa;
use std::hint::black_box;

/// Does at least `flops` floating-point operations on registers, as fast as `isa` can, and returns how many it was.
pub(crate) fn run(isa: Isa, flops: u64) -> u64 {
    match isa.name() {
        #[cfg(target_arch = "x86_64")]
        "avx512" => x86_64::avx512(isa, flops),
        #[cfg(target_arch = "x86_64")]
        "avx2" => x86_64::avx2(isa, flops),
        #[cfg(target_arch = "aarch64")]
        "neon" => neon(flops),
        _ => portable(flops),
    }
}

/// Writes out the loop: `$accumulators` vectors of `$lanes` numbers, each multiplied and added to in turn.
macro_rules! peak {
    ($flops:expr, $accumulators:literal, $lanes:literal, $splat:expr, |$sum:ident, $x:ident| $mul_add:expr) => {{
        // Multiplying by just under 1 and adding a little keeps the sums near 1, away from subnormals and infinity.
        let $x = $splat(black_box(0.5));
        let mut sums = [$splat(black_box(1.0)); $accumulators];
        let per_round = 2 * $accumulators * $lanes;
        let rounds = $flops.div_ceil(per_round);
        for _ in 0..rounds {
            for sum in &mut sums {
                let $sum = *sum;
                *sum = $mul_add;
            }
        }
        black_box(sums);
        rounds * per_round
    }};
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::*;
    use core::arch::x86_64::*;

    pub(crate) fn avx512(isa: Isa, flops: u64) -> u64 {
        #[target_feature(enable = "avx512f")]
        fn run(flops: u64) -> u64 {
            peak!(flops, 16, 16, |x| _mm512_set1_ps(x), |sum, x| _mm512_fmadd_ps(sum, x, x))
        }
        assert_eq!(Some(isa), Isa::avx512());
        // SAFETY: there is a value of this `Isa`, so the processor has AVX-512F.
        unsafe { run(flops) }
    }

    pub(crate) fn avx2(isa: Isa, flops: u64) -> u64 {
        #[target_feature(enable = "avx2,fma")]
        fn run(flops: u64) -> u64 {
            peak!(flops, 12, 8, |x| _mm256_set1_ps(x), |sum, x| _mm256_fmadd_ps(sum, x, x))
        }
        assert_eq!(Some(isa), Isa::avx2());
        // SAFETY: there is a value of this `Isa`, so the processor has AVX2 and FMA.
        unsafe { run(flops) }
    }
}

#[cfg(target_arch = "aarch64")]
fn neon(flops: u64) -> u64 {
    use core::arch::aarch64::*;
    // SAFETY: every 64-bit Arm processor has NEON.
    unsafe { peak!(flops, 16, 4, |x| vdupq_n_f32(x), |sum, x| vfmaq_f32(x, sum, x)) }
}

/// Multiplications and additions apart, on vectors of four: what every x86-64 processor has (SSE2).
#[cfg(target_arch = "x86_64")]
fn portable(flops: u64) -> u64 {
    use core::arch::x86_64::*;
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { peak!(flops, 12, 4, |x| _mm_set1_ps(x), |sum, x| _mm_add_ps(_mm_mul_ps(sum, x), x)) }
}

/// Multiplications and additions apart, on what vectors the compiler finds.
#[cfg(not(target_arch = "x86_64"))]
fn portable(flops: u64) -> u64 {
    peak!(flops, 12, 4, |x| [x; 4], |sum, x| std::array::from_fn(|lane| sum[lane] * x[lane] + x[lane]))
}
