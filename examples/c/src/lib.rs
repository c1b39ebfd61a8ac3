//! fusebox for C: a static library of one network, which learns, infers, saves and restores.
//!
//! `network.rs` names the network. All other files are the same for every network; `cargo xtask c` compiles them and
//! writes their functions, with these comments, to `fusebox.h`.
//!
//! | file | contents |
//! |---|---|
//! | `network` | the network, its loss, its optimiser: edit this |
//! | `status` | why a call failed, as a number and as text |
//! | `sizes` | the sizes that the header was written for, which the library compares with its own |
//! | `training` | a network that learns, in memory of the caller |
//! | `saving` | its bytes |
//! | `inference` | a network that only infers, its weights in flash |
//! | `area` | the checks of pointers |
//!
//! # What C answers for
//!
//! Null pointers, misaligned ones, memory that overlaps, memory that was not initialised, and wrong numbers are errors.
//! The functions are `unsafe` because of what nothing can check. SAFETY comments refer to it by number:
//!
//! 1. A pointer that is neither null nor misaligned points to as many elements as the function's description says. They
//!    are readable, and writable unless the pointer is to `const`.
//! 2. While a call runs, nobody else uses what it was given, other than to read what it only reads.
//! 3. Only these functions write to a `fusebox` or a `fusebox_inference` after it was initialised. (It may be moved.)
//! 4. The weights of a `fusebox_inference` stay where they are, unchanged, as long as it is used.
//!
//! # No panic
//!
//! The panic handler calls a function that does not exist, so that a program with a path to a panic has no link. fusebox
//! has no such path when it is optimised; a layer of your own that indexes a slice may have one. Unoptimised builds have many:
//! define `void fusebox_must_not_panic(void)` there, and let it stop the program.
#![no_std]

mod area;
mod inference;
mod network;
mod saving;
mod sizes;
mod status;
mod training;

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn fusebox_must_not_panic() -> !;
    }
    // SAFETY: a program in which it can be called defines it, and it does not return.
    unsafe { fusebox_must_not_panic() }
}
