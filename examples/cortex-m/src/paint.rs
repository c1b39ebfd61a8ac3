//! How deep the stack goes: what lies below it is painted before a call, and looked at after.

use core::arch::asm;

/// Bytes that are painted: more than any call here takes, less than the board has.
const ROOM: usize = 16 * 1024;

const PAINT: u32 = 0xa5c3_5a3c;

/// Bytes that `work` takes of the stack, below this function's own; `usize::MAX` if none of the paint is left.
#[inline(never)]
pub(crate) fn stack(work: &mut dyn FnMut()) -> usize {
    let top: *mut u32;
    // SAFETY: reads the stack pointer, which both architectures keep at a multiple of four.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags));
        #[cfg(not(target_arch = "arm"))]
        asm!("mv {}, sp", out(reg) top, options(nomem, nostack, preserves_flags));
    }
    let words = ROOM / size_of::<u32>();
    for word in 1..=words {
        // SAFETY: the stack grows downwards to the statics, which leave more than `ROOM` bytes. What lies below its pointer
        // belongs to nobody: no interrupt is enabled, and this loop calls nothing.
        unsafe { top.wrapping_sub(word).write_volatile(PAINT) };
    }
    work();
    // SAFETY: as above, and every word was written.
    let is_painted = |&word: &usize| unsafe { top.wrapping_sub(word).read_volatile() == PAINT };
    // From the far end: a call may leave holes.
    let painted = (1..=words).rev().take_while(is_painted).count();
    if painted == 0 { usize::MAX } else { (words - painted) * size_of::<u32>() }
}
