//! 64 ln(x), from the binary logarithm: the position of the first bit, and a table for the bits after it.
//!
//! With x = 2^n (1 + f), log2 x = n + f + c(f), where c(f) = log2(1 + f) - f is in a table of 128 steps, all with 16 bits after the
//! point. The definition interpolates with 2^-7 of the slope that it should; so does this.

use super::series::ln;

const BITS: u32 = 16;
const ONE: u32 = 1 << BITS;
/// Of a step of the table.
const STEP_BITS: u32 = BITS - 7;

static TABLE: [u16; 129] = {
    let mut table = [0; 129];
    let mut i = 0;
    while i < 129 {
        let f = i as f64 / 128.;
        let correction = ln(1. + f) / core::f64::consts::LN_2 - f;
        table[i] = (correction * ONE as f64 + 0.5) as u16;
        i += 1;
    }
    table
};

/// Of `x` 2^3, or 0 for 0.
pub(super) fn logarithm(x: u32) -> u16 {
    const LN_2: u32 = (core::f64::consts::LN_2 * ONE as f64 + 0.5) as u32;
    const ROUND: u32 = ONE / 2;
    let x = x << 3;
    if x == 0 {
        return 0;
    }
    let n = x.ilog2();
    // The bits after the first.
    let f = x ^ (1 << n);
    let f = if n < BITS { f << (BITS - n) } else { f >> (n - BITS) };
    let step = (f >> STEP_BITS) as usize & 127;
    let [c0, c1] = [i32::from(TABLE[step]), i32::from(TABLE[step + 1])];
    let between = (f % (1 << STEP_BITS)) as i32;
    let correction = c0 + (((c1 - c0) * between) >> BITS);
    let log2 = (n << BITS) + f + correction as u32;
    let log = ((u64::from(log2) * u64::from(LN_2) + u64::from(ROUND)) >> BITS) as u32;
    (((log << 6) + ROUND) >> BITS) as u16
}
