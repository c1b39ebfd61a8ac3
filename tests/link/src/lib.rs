//! Calls every public function of fusebox, so that the linker tells what is in them: see `cargo xtask link`.
//!
//! Nothing here is ever run. It is linked, and what the linker kept is read: the panic handler calls a function that does
//! not exist, so that an image with a path to a panic has no link; and there is no allocator. A module for each kind of
//! number that its functions compute with, so that images without floating point, and without doubles, can be linked too.
//!
//! Arguments pass through [`hide`], results through [`keep`]: the compiler knows neither, nor how long a slice is, so it
//! can drop no check because of what is asked here. Each function of fusebox is called by name from a function of this
//! crate; `cargo xtask link` compares those calls with the list of all public functions.
#![no_std]

pub mod arena;
pub mod calibration;
pub mod checkpoint;
pub mod data;
pub mod decoding;
pub mod doubles;
pub mod int16;
pub mod int8;
pub mod integers;
pub mod layers;
pub mod metrics;
pub mod products;
pub mod text;
pub mod training;

use core::hint::black_box;
use core::panic::PanicInfo;
use fusebox::Zeroed;

/// What a release of fusebox has no path to.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn fusebox_must_not_panic() -> !;
    }
    // SAFETY: there is no such function, so that nothing can run it.
    unsafe { fusebox_must_not_panic() }
}

/// The same value, which the compiler knows nothing of.
#[inline(always)]
pub fn hide<T>(value: T) -> T {
    black_box(value)
}

/// Uses a value, so that nothing that it takes can be left out.
#[inline(always)]
pub fn keep<T>(value: T) {
    black_box(value);
}

/// Some value: the compiler does not know that it is zero.
#[inline(never)]
pub(crate) fn any<T: Zeroed>() -> T {
    black_box(T::ZEROED)
}
