//! Detects the instruction sets that an x86-64 processor and its operating system support, without `std`.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 14.3 (AVX), 14.5.3 (FMA)
//! and 15.2 to 15.4 (AVX-512): the processor reports its instructions (CPUID), and the operating system the registers
//! that it saves on a task switch (XCR0); both are needed.

use super::cache::Cache;
use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// One bit per feature, and one that marks the others as valid.
static FOUND: AtomicU8 = AtomicU8::new(0);
/// AVX2 and FMA.
pub(crate) const AVX2: u8 = 1;
/// AVX-512F, in addition to AVX2 and FMA.
pub(crate) const AVX512: u8 = 2;
/// AVX-512BW, VL and VNNI, in addition to AVX-512F.
pub(crate) const AVX512_VNNI: u8 = 4;
/// AVX-VNNI, in addition to AVX2 and FMA.
pub(crate) const AVX_VNNI: u8 = 8;
const KNOWN: u8 = 0x80;

/// Whether the processor has `feature`. One load and one branch after the first call, if it has. Threads that race all
/// find the same. Miri has neither CPUID nor these instructions: there, only the portable set is found.
#[inline]
pub(crate) fn has(feature: u8) -> bool {
    if cfg!(miri) {
        return false;
    }
    let found = FOUND.load(Ordering::Relaxed);
    found & feature != 0 || found == 0 && find() & feature != 0
}

#[cold]
fn find() -> u8 {
    let has = |word: u32, bit: u32| word >> bit & 1 == 1;
    let mut found = KNOWN;
    let max_leaf = __cpuid(0).eax;
    let leaf1 = __cpuid(1).ecx;
    let (fma, xsave_enabled, avx) = (has(leaf1, 12), has(leaf1, 27), has(leaf1, 28));
    if max_leaf >= 7 && fma && xsave_enabled && avx {
        // SAFETY: the operating system has enabled XSAVE (OSXSAVE is set), and with it XGETBV.
        let saved = unsafe { _xgetbv(0) } as u32;
        let leaf7 = __cpuid_count(7, 0);
        // The leaf's first part says how many parts there are after it.
        let leaf7_1 = if leaf7.eax >= 1 { __cpuid_count(7, 1).eax } else { 0 };
        let saves_ymm = saved & 0x06 == 0x06;
        let saves_zmm = saved & 0xE6 == 0xE6;
        if saves_ymm && has(leaf7.ebx, 5) {
            found |= AVX2;
            if has(leaf7_1, 4) {
                found |= AVX_VNNI;
            }
            if saves_zmm && has(leaf7.ebx, 16) {
                found |= AVX512;
                if has(leaf7.ebx, 30) && has(leaf7.ebx, 31) && has(leaf7.ecx, 11) {
                    found |= AVX512_VNNI;
                }
            }
        }
    }
    FOUND.store(found, Ordering::Relaxed);
    found
}

/// See [`Cache::second_level`]. Detected once; in [`SECOND_LEVEL`] are the sets, and in the low byte the ways.
#[inline]
pub(super) fn second_level() -> Cache {
    let known = SECOND_LEVEL.load(Ordering::Relaxed);
    if known == 0 {
        find_second_level()
    } else {
        Cache { sets: (known >> 8) as usize, ways: (known & 0xFF) as usize }
    }
}

static SECOND_LEVEL: AtomicU32 = AtomicU32::new(0);

#[cold]
fn find_second_level() -> Cache {
    let mut found = None;
    if !cfg!(miri) {
        // Intel's leaf, then AMD's, which exists with topology extensions; each is empty on the other's processors.
        let of_amd = __cpuid(0x8000_0000).eax >= 0x8000_001D && __cpuid(0x8000_0001).ecx >> 22 & 1 == 1;
        for (leaf, exists) in [(4, __cpuid(0).eax >= 4), (0x8000_001D, of_amd)] {
            if exists && found.is_none() {
                found = Cache::of_leaf(|position| {
                    let registers = __cpuid_count(leaf, position);
                    [registers.eax, registers.ebx, registers.ecx]
                });
            }
        }
    }
    let cache = found.filter(|cache| cache.ways < 256).unwrap_or(Cache::USUAL);
    SECOND_LEVEL.store((cache.sets << 8 | cache.ways) as u32, Ordering::Relaxed);
    cache
}

/// See [`Simd::in_register`](super::Simd::in_register).
#[inline(always)]
#[expect(clippy::pointers_in_nomem_asm_block, reason = "the block is empty: it reads nothing")]
pub(super) fn in_register(mut p: *const f32) -> *const f32 {
    // SAFETY: the assembly contains no instruction; it only forces the pointer into a register.
    unsafe { core::arch::asm!("/* {} */", inout(reg) p, options(pure, nomem, nostack, preserves_flags)) };
    p
}

/// See [`Simd::number_in_register`](super::Simd::number_in_register).
#[inline(always)]
pub(super) fn number_in_register(mut n: usize) -> usize {
    // SAFETY: as above.
    unsafe { core::arch::asm!("/* {} */", inout(reg) n, options(pure, nomem, nostack, preserves_flags)) };
    n
}
