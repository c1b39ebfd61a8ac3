//! Parts of an array of four axes.

use super::patches::copy;
use crate::kernel::rows_mut;

/// Where the numbers of a smaller array lie in a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Region {
    /// Sizes of the larger array, along each axis.
    pub whole: [u32; 4],
    /// Sizes of the smaller one.
    pub part: [u32; 4],
    /// Where its first number lies.
    pub start: [u32; 4],
    /// From one number to the next along each axis, in the larger array; may be negative.
    pub step: [i32; 4],
}

impl Region {
    /// Whether both sizes are those given and every number of the part lies in the whole.
    pub const fn fits(&self, whole: usize, part: usize) -> bool {
        let mut counts = [1_usize; 2];
        let mut axis = 0;
        while axis < 4 {
            let (size, n) = (self.whole[axis] as usize, self.part[axis] as usize);
            counts = match (counts[0].checked_mul(size), counts[1].checked_mul(n)) {
                (Some(whole), Some(part)) => [whole, part],
                _ => return false,
            };
            let last = self.start[axis] as i64 + (n as i64 - 1) * self.step[axis] as i64;
            if n == 0 || self.start[axis] as i64 >= size as i64 || last < 0 || last >= size as i64 {
                return false;
            }
            axis += 1;
        }
        counts[0] == whole && counts[1] == part
    }

    /// Calls `copy` with the place of each row of the part in the whole, and of the row in the part, both of the last axis.
    fn rows(&self, mut copy: impl FnMut(usize, usize)) {
        let [a, b, c, d] = self.part;
        let at = |axis: usize, i: u32| {
            (i64::from(self.start[axis]) + i64::from(i) * i64::from(self.step[axis])) as usize
        };
        let [_, w1, w2, w3] = self.whole.map(|n| n as usize);
        let mut row = 0;
        for i in 0..a {
            for j in 0..b {
                for k in 0..c {
                    copy(((at(0, i) * w1 + at(1, j)) * w2 + at(2, k)) * w3, row);
                    row += d as usize;
                }
            }
        }
    }

    /// Overwrites `part` with the numbers of `whole` at its places, of `size` bytes each. It fits both.
    pub(crate) fn read(&self, size: usize, whole: &[i8], part: &mut [i8]) {
        let (start, step, n) = (self.start[3] as usize, self.step[3] as isize, self.part[3] as usize);
        self.rows(|from, to| {
            let row = part.get_mut(to * size..(to + n) * size).unwrap_or_default();
            match whole.get((from + start) * size..(from + start + n) * size) {
                Some(numbers) if step == 1 => copy(numbers, row),
                _ => {
                    for (i, y) in rows_mut(row, size).enumerate() {
                        let at = (from + start).wrapping_add_signed(i as isize * step) * size;
                        for (y, &x) in y.iter_mut().zip(whole.get(at..).unwrap_or_default()) {
                            *y = x;
                        }
                    }
                }
            }
        });
    }

    /// Overwrites the places of the part in `whole` with its numbers, of `size` bytes each. It fits both, and the last step is 1.
    pub(crate) fn write(&self, size: usize, part: &[i8], whole: &mut [i8]) {
        let (start, n) = (self.start[3] as usize, self.part[3] as usize);
        self.rows(|to, from| {
            let row = whole.get_mut((to + start) * size..(to + start + n) * size).unwrap_or_default();
            copy(part.get(from * size..(from + n) * size).unwrap_or_default(), row);
        });
    }
}
