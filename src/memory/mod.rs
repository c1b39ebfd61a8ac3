//! Memory sized at compile time: buffers that start as zeros, and parameters stored as plain numbers.
//!
//! | file | contents |
//! |---|---|
//! | `plain` | types of plain numbers, their zeros and their bytes |
//! | `compound` | memory for two values |
//! | `views` | rows of values and the numbers that they are |
//! | `list`, `twin` | values in order; a value that is replaced as a whole |

mod compound;
mod list;
mod plain;
mod twin;
mod views;

pub use compound::{Aligned, Beside, Either, Pair};
pub(crate) use list::List;
pub use plain::{Plain, Zeroed, is_plain};
pub(crate) use plain::{as_bytes, copy_from_bytes, from_bytes};
pub(crate) use twin::Twin;
pub(crate) use views::{
    count_of, numbers, numbers_mut, part, part_mut, stretch, stretches, stretches_mut, take, take_mut,
    values, values_mut, view, view_mut, whole_numbers_mut,
};

/// Increments a 64-bit counter stored as two 32-bit halves, the low half first, and returns it.
pub(crate) fn count(halves: &mut [u32; 2]) -> u64 {
    let [low, high] = *halves;
    let next = (u64::from(high) << 32 | u64::from(low)).wrapping_add(1);
    *halves = [next as u32, (next >> 32) as u32];
    next
}

/// Overwrites a value with another, in place.
pub(crate) fn copy<T: Copy>(to: &mut T, from: &T) {
    // SAFETY: `to` is borrowed mutably, so the two do not overlap; both are valid for one `T`; `T` is `Copy`.
    unsafe { core::ptr::from_mut(to).copy_from_nonoverlapping(from, 1) }
}

/// A hash that distinguishes types with different contents: FNV-1a (G. Fowler and others, 1991) over a name and some
/// numbers.
pub(crate) const fn layout(name: &str, parts: &[u64]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < name.len() {
        hash = fnv(hash, name.as_bytes()[i]);
        i += 1;
    }
    let mut i = 0;
    while i < parts.len() {
        let bytes = parts[i].to_le_bytes();
        let mut j = 0;
        while j < bytes.len() {
            hash = fnv(hash, bytes[j]);
            j += 1;
        }
        i += 1;
    }
    hash
}

const fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}
