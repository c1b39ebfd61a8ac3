//! What is excepted from the other images, which must not link: or the exception would be needless.
#![no_std]
#![no_main]

/// Where the linker starts.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    link::calibration::excepted();
    link::int16::excepted();
    link::int8::excepted();
    link::text::excepted();
}
