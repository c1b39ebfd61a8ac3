//! The machine's own limit in products of bytes: multiply-adds of whole numbers on registers alone.
//!
//! The instructions are the fastest that never saturate: `vpdpbusd` (four products a lane) where the processor has it, else
//! `vpmaddwd` and an addition (two products of widened bytes a lane). As in `peak`, twelve or sixteen accumulators.

use fusebox::Isa;
use std::hint::black_box;

/// Multiplies and adds at least `products` pairs of bytes, as fast as `isa` can, and returns how many it was.
pub(crate) fn run(isa: Isa, products: u64) -> u64 {
    match isa.name() {
        #[cfg(target_arch = "x86_64")]
        "avx512" if std::is_x86_feature_detected!("avx512vnni") => x86_64::vnni(products),
        #[cfg(target_arch = "x86_64")]
        "avx512" | "avx2" if std::is_x86_feature_detected!("avx2") => x86_64::avx2(products),
        _ => portable(products),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::black_box;
    use core::arch::x86_64::*;

    pub(crate) fn vnni(products: u64) -> u64 {
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn run(products: u64) -> u64 {
            let x = _mm512_set1_epi8(black_box(3));
            let mut sums = [_mm512_set1_epi32(black_box(1)); 16];
            let rounds = products.div_ceil(16 * 64);
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = _mm512_dpbusd_epi32(*sum, x, x);
                }
            }
            black_box(sums);
            rounds * 16 * 64
        }
        // SAFETY: the only caller has detected AVX-512VNNI, and there is none without AVX-512F.
        unsafe { run(products) }
    }

    pub(crate) fn avx2(products: u64) -> u64 {
        #[target_feature(enable = "avx2")]
        fn run(products: u64) -> u64 {
            let x = _mm256_set1_epi16(black_box(3));
            let mut sums = [_mm256_set1_epi32(black_box(1)); 12];
            let rounds = products.div_ceil(12 * 16);
            for _ in 0..rounds {
                for sum in &mut sums {
                    // Else the compiler takes the product, always the same, out of the loop.
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, x));
                }
            }
            black_box(sums);
            rounds * 12 * 16
        }
        // SAFETY: the only caller has detected AVX2.
        unsafe { run(products) }
    }
}

/// Single products, on what vectors the compiler finds.
fn portable(products: u64) -> u64 {
    let x = black_box(3_i16);
    let mut sums = [black_box(1_i16); 96];
    let rounds = products.div_ceil(96);
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.wrapping_mul(x).wrapping_add(x);
        }
    }
    black_box(sums);
    rounds * 96
}
