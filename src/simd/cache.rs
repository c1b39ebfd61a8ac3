//! The second-level cache, by whose size large products are cut into blocks.

/// Bytes of a line: of every processor of the targets with vectors, but Apple's.
const LINE: usize = 64;

/// A cache of `sets` times `ways` lines of 64 bytes. Sizes change how fast a product is, never its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cache {
    /// A power of two.
    pub(crate) sets: usize,
    pub(crate) ways: usize,
}

impl Cache {
    /// A megabyte, where nobody tells.
    pub(super) const USUAL: Self = Self { sets: 1024, ways: 16 };

    /// How many numbers the cache holds.
    pub(crate) const fn numbers(self) -> usize {
        self.sets * self.ways * LINE / size_of::<f32>()
    }

    /// The second-level cache of this processor.
    #[inline]
    pub(crate) fn second_level() -> Self {
        #[cfg(target_arch = "x86_64")]
        return super::x86_64::second_level();
        #[cfg(not(target_arch = "x86_64"))]
        Self::USUAL
    }

    /// The second-level cache if CPUID's leaf of cache parameters has it at one of its first positions.
    ///
    /// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID, leaf 4; AMD64 Architecture
    /// Programmer's Manual, volume 3, appendix E.4.15, leaf 8000_001D, which has the same fields.
    #[cfg(any(test, target_arch = "x86_64"))]
    #[inline(never)] // Two leaves are asked: one copy.
    pub(super) fn of_leaf(mut registers: impl FnMut(u32) -> [u32; 3]) -> Option<Self> {
        for position in 0..8 {
            let [eax, ebx, ecx] = registers(position);
            let (kind, level) = (eax & 0x1F, eax >> 5 & 7);
            if kind == 0 {
                return None;
            }
            // Data, or data and instructions.
            if level == 2 && kind != 2 {
                let (line, partitions, ways) = ((ebx & 0xFFF) + 1, (ebx >> 12 & 0x3FF) + 1, (ebx >> 22) + 1);
                let cache = Self { sets: ecx.saturating_add(1) as usize, ways: ways as usize };
                let is_sound = line as usize == LINE && partitions == 1 && cache.sets.is_power_of_two();
                return Some(cache).filter(|cache| {
                    is_sound && (1 << 11..1 << 20).contains(&cache.sets.saturating_mul(cache.ways))
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The registers EAX, EBX and ECX that a Sapphire Rapids Xeon gives for its positions.
    const XEON: [[u32; 3]; 5] = [
        [0x7C00_4121, 0x02C0_003F, 0x3F],
        [0x7C00_4122, 0x01C0_003F, 0x3F],
        [0x7C00_4143, 0x03C0_003F, 0x7FF],
        [0x7C0F_C163, 0x0380_003F, 0x1_BFFF],
        [0; 3],
    ];

    fn of(registers: &[[u32; 3]]) -> Option<Cache> {
        Cache::of_leaf(|position| registers[position as usize])
    }

    #[test]
    fn positions() {
        assert_eq!(of(&XEON), Some(Cache { sets: 2048, ways: 16 }));
        assert_eq!(of(&XEON).map(Cache::numbers), Some(512 * 1024));
        assert_eq!(of(&XEON[..2].iter().copied().chain([[0; 3]]).collect::<std::vec::Vec<_>>()), None);
        assert_eq!(of(&[[0; 3]]), None);
    }

    /// What makes no sense is no cache.
    #[test]
    fn nonsense() {
        for registers in [
            [0x143, 0x03C0_001F, 0x7FF],       // lines of 32 bytes
            [0x143, 0x03C0_103F, 0x7FF],       // two partitions
            [0x143, 0x03C0_003F, 0x7FE],       // not a power of two
            [0x143, 0x0000_003F, 0],           // one line
            [0x143, 0xFFC0_003F, 0x7FFF_FFFF], // all memory
            [0x143, u32::MAX, u32::MAX],
        ] {
            assert_eq!(of(&[registers, [0; 3]]), None, "{registers:x?}");
        }
    }

    #[test]
    fn this_processor() {
        let cache = Cache::second_level();
        assert_eq!(cache, Cache::second_level());
        std::println!("the second-level cache: {} KiB, {cache:?}", cache.numbers() / 256);
        assert!(cache.sets.is_power_of_two() && (32 * 1024..16 * 1024 * 1024).contains(&cache.numbers()));
    }
}
