//! The digits as the page downloads them: pixels of 0..=16 in five bits each, the first in the lowest bits, then the label.

use alloc::vec::Vec;
use firmware::{COUNT, PIXELS, Row, SEED, stage};
use fusebox::Rng;

const BITS: usize = 5;
/// Bytes of a row.
const PACKED: usize = PIXELS * BITS / 8 + 1;
const MOST: u8 = 16;

/// The rows in `packed`; `None` unless there are as many as there should be, and all numbers are in range.
pub fn unpack(packed: &[u8]) -> Option<Vec<Row>> {
    let (rows, rest) = packed.as_chunks::<PACKED>();
    if rows.len() != COUNT || !rest.is_empty() {
        return None;
    }
    let valid = |[pixels @ .., label]: &Row| pixels.iter().all(|&pixel| pixel <= MOST) && *label < 10;
    rows.iter().map(unpack_row).map(|row| Some(row).filter(valid)).collect()
}

fn unpack_row(packed: &[u8; PACKED]) -> Row {
    let [bits @ .., label] = packed;
    let bit = |number: usize| bits.get(number / 8).map_or(0, |byte| byte >> (number % 8) & 1);
    let mut row = [*label; PIXELS + 1];
    for (pixel, value) in row.iter_mut().take(PIXELS).enumerate() {
        *value = (0..BITS).map(|place| bit(pixel * BITS + place) << place).sum();
    }
    row
}

/// The bytes that [`unpack`] reads.
pub fn pack(rows: &[Row]) -> Vec<u8> {
    rows.iter().flat_map(pack_row).collect()
}

fn pack_row(row: &Row) -> [u8; PACKED] {
    let [pixels @ .., label] = row;
    let mut packed = [*label; PACKED];
    packed[..PACKED - 1].fill(0);
    for (number, value) in (0..).step_by(BITS).zip(pixels) {
        for place in 0..BITS {
            packed[(number + place) / 8] |= (value >> place & 1) << ((number + place) % 8);
        }
    }
    packed
}

/// Numbers of the rows held out, and of those to learn from: the boards' split.
pub fn split() -> (Vec<u16>, Vec<u16>) {
    let mut order = [0; COUNT];
    let (held_out, training) = firmware::split(&mut order, &mut Rng::new(SEED));
    (held_out.to_vec(), training.to_vec())
}

/// A row's pixels as features in 0..=1.
pub fn features(row: &Row) -> [f32; PIXELS] {
    let mut x = [0.0; PIXELS];
    stage(&mut x, row);
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware::ROWS;

    #[test]
    fn unpacks_what_was_packed() {
        let packed = pack(ROWS);
        assert_eq!(unpack(&packed).as_deref(), Some(ROWS));
        assert_eq!(unpack(&packed[1..]), None);
        let mut wrong = packed.clone();
        wrong[PACKED - 1] = 10;
        assert_eq!(unpack(&wrong), None);
    }
}
