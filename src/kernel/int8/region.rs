//! Parts of an array of four axes, and the axes of one of six in another order.

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

/// Axes of an array in another order: the output's, with the distance in the input from one number to the next along each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    sizes: [u32; 6],
    strides: [u32; 6],
}

impl Order {
    /// Of an array of `shape`, whose axis `order[i]` becomes axis `i`. `None` unless the array has `count` numbers and each of its
    /// axes is in the order once.
    pub(crate) const fn new(shape: [u32; 6], order: [usize; 6], count: usize) -> Option<Self> {
        let mut whole = [1_usize; 6];
        let (mut axis, mut all) = (6, 1_usize);
        while axis > 0 {
            axis -= 1;
            whole[axis] = all;
            all = match all.checked_mul(shape[axis] as usize) {
                Some(all) if shape[axis] > 0 && all <= u32::MAX as usize => all,
                _ => return None,
            };
        }
        let (mut of, mut seen, mut i) = (Self { sizes: [0; 6], strides: [0; 6] }, 0_u32, 0);
        while i < 6 {
            if order[i] >= 6 || seen >> order[i] & 1 == 1 {
                return None;
            }
            seen |= 1 << order[i];
            of.sizes[i] = shape[order[i]];
            of.strides[i] = whole[order[i]] as u32;
            i += 1;
        }
        if all == count { Some(of) } else { None }
    }

    /// Overwrites `ys` with the numbers of `xs`, of which there are as many.
    pub(crate) fn read(&self, xs: &[i8], ys: &mut [i8]) {
        let [sizes, strides] = [self.sizes, self.strides].map(|axes| axes.map(|n| n as usize));
        let ([a, b, c, d, e, len], [a_step, b_step, c_step, d_step, e_step, last]) = (sizes, strides);
        // Where the row of the last axis is, along the others and in `xs`; with their sizes and strides, for no two arrays are walked
        // backwards together without a panic in the smallest builds.
        let mut axes = [(0, a, a_step), (0, b, b_step), (0, c, c_step), (0, d, d_step), (0, e, e_step)];
        let mut from = 0_usize;
        for row in rows_mut(ys, len) {
            let numbers = xs.get(from..).unwrap_or_default();
            match numbers.get(..row.len()) {
                Some(numbers) if last == 1 => copy(numbers, row),
                // Not `step_by`, which panics if a step is 0, of which the smallest builds are not sure.
                _ => {
                    for (i, y) in row.iter_mut().enumerate() {
                        *y = numbers.get(i.wrapping_mul(last)).copied().unwrap_or_default();
                    }
                }
            }
            for (at, size, stride) in axes.iter_mut().rev() {
                (*at, from) = (*at + 1, from.wrapping_add(*stride));
                if *at < *size {
                    break;
                }
                (*at, from) = (0, from.wrapping_sub(size.wrapping_mul(*stride)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use crate::Rng;
    use std::vec::Vec;

    /// Every axis of the output is the one of the input that the order says; nothing around the output is written.
    #[test]
    fn axes_are_in_order() {
        let mut rng = Rng::new(6);
        for round in 0..2000 {
            let shape: [u32; 6] = core::array::from_fn(|_| 1 + rng.below(4));
            let mut order = [0, 1, 2, 3, 4, 5];
            for i in (1..6).rev() {
                order.swap(i, rng.below(i as u32 + 1) as usize);
            }
            let count: usize = shape.iter().map(|&n| n as usize).product();
            let xs: Vec<i8> = (0..count).map(|_| rng.below(256) as i8).collect();
            let mut ys = std::vec![round as i8; count + 2];
            Order::new(shape, order, count).expect("a shape").read(&xs, &mut ys[1..=count]);
            assert_eq!([ys[0], ys[count + 1]], [round as i8; 2]);
            for (place, &y) in ys[1..=count].iter().enumerate() {
                let (mut rest, mut at) = (place, [0; 6]);
                for &axis in order.iter().rev() {
                    (at[axis], rest) = (rest % shape[axis] as usize, rest / shape[axis] as usize);
                }
                let from = at.iter().zip(shape).fold(0, |from, (at, n)| from * n as usize + at);
                assert_eq!(y, xs[from], "{shape:?} in the order {order:?} at {place}");
            }
        }
    }

    #[test]
    fn orders_are_checked() {
        let shape = [1, 1, 1, 2, 3, 4];
        assert!(Order::new(shape, [0, 1, 2, 5, 4, 3], 24).is_some());
        assert!(Order::new(shape, [0, 1, 2, 5, 4, 3], 25).is_none());
        assert!(Order::new(shape, [0, 1, 2, 5, 4, 4], 24).is_none());
        assert!(Order::new(shape, [0, 1, 2, 5, 4, 6], 24).is_none());
        assert!(Order::new([0, 1, 1, 2, 3, 4], [0, 1, 2, 5, 4, 3], 0).is_none());
        assert!(Order::new([u32::MAX; 6], [0, 1, 2, 5, 4, 3], 1).is_none());
        // Fewer numbers than it is of: what is there is written, and nothing is read beyond.
        let mut ys = [7; 24];
        Order::new(shape, [0, 1, 2, 5, 4, 3], 24).expect("a shape").read(&[1, 2], &mut ys);
    }
}
