//! Sound in a byte a sample: the mu-law of ITU-T G.711.

/// The sample that a byte stands for, -32124 to 32124.
///
/// The byte is inverted. Its first bit is the sign; three bits are the exponent, four the digits after a first that is not stored; the
/// magnitude is that, less 132.
pub const fn linear(byte: u8) -> i16 {
    const BIAS: i16 = 132;
    let byte = !byte;
    let magnitude = (((byte & 15) as i16) << 3 | BIAS) << (byte >> 4 & 7);
    if byte & 0x80 == 0 { magnitude - BIAS } else { BIAS - magnitude }
}
