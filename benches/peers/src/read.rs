//! The limit of a product with one row or one column: loading the weights, and next to nothing else.
//!
//! Eight accumulators combine vectors by exclusive or, which takes one cycle, so that only the loads are waited for.

use fusebox::Isa;
use std::hint::black_box;

/// Loads all of `data`, in vectors of `isa`.
pub(crate) fn read(isa: Isa, data: &[f32]) {
    match isa.name() {
        #[cfg(target_arch = "x86_64")]
        "avx512" => x86_64::avx512(isa, data),
        #[cfg(target_arch = "x86_64")]
        "avx2" => x86_64::avx2(isa, data),
        _ => portable(data),
    }
}

/// The loop itself; inlined into a function that may use the vectors of `load` and `xor`.
#[inline(always)]
fn combine<V: Copy, const LANES: usize>(
    data: &[f32],
    zero: V,
    load: impl Fn(&[f32; LANES]) -> V,
    xor: impl Fn(V, V) -> V,
) {
    let (vectors, rest) = data.as_chunks();
    let (blocks, last) = vectors.as_chunks::<8>();
    let mut sums = [zero; 8];
    for block in blocks {
        for (sum, vector) in sums.iter_mut().zip(block) {
            *sum = xor(*sum, load(vector));
        }
    }
    for (sum, vector) in sums.iter_mut().zip(last) {
        *sum = xor(*sum, load(vector));
    }
    black_box(sums.into_iter().fold(zero, xor));
    black_box(rest.iter().fold(0, |sum, x| sum ^ x.to_bits()));
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::*;
    use core::arch::x86_64::*;

    pub(crate) fn avx512(isa: Isa, data: &[f32]) {
        #[target_feature(enable = "avx512f")]
        fn run(data: &[f32]) {
            // SAFETY: sixteen numbers, at any address.
            let load = |vector: &[f32; 16]| unsafe { _mm512_loadu_si512(vector.as_ptr().cast()) };
            combine(data, _mm512_setzero_si512(), load, |x, y| _mm512_xor_si512(x, y));
        }
        assert_eq!(Some(isa), Isa::avx512());
        // SAFETY: there is a value of this `Isa`, so the processor has AVX-512F.
        unsafe { run(data) }
    }

    pub(crate) fn avx2(isa: Isa, data: &[f32]) {
        #[target_feature(enable = "avx2")]
        fn run(data: &[f32]) {
            // SAFETY: eight numbers, at any address.
            let load = |vector: &[f32; 8]| unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
            combine(data, _mm256_setzero_si256(), load, |x, y| _mm256_xor_si256(x, y));
        }
        assert_eq!(Some(isa), Isa::avx2());
        // SAFETY: there is a value of this `Isa`, so the processor has AVX2.
        unsafe { run(data) }
    }
}

/// Vectors of four, which the compiler finds: every 64-bit processor of x86 and Arm has them.
fn portable(data: &[f32]) {
    let xor = |x: [u32; 4], y: [u32; 4]| std::array::from_fn(|lane| x[lane] ^ y[lane]);
    combine(data, [0; 4], |vector: &[f32; 4]| vector.map(f32::to_bits), xor);
}
