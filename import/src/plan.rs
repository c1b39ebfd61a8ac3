//! Where tensors lie in the arena.
//!
//! ```text
//! by size, the largest first: each at the lowest place where it overlaps no placed one that is alive with it
//! the one that ends last goes before all others, and again, while there is time: the best of all arenas is taken
//! ```
//!
//! The first line alone is the planner of TensorFlow Lite for Microcontrollers ("greedy by size": Y. Pisarchyk and J. Lee,
//! "Efficient Memory Management for Deep Neural Net Inference", 2020).

use std::ops::Range;

/// Numbers that are in the arena from one step to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// In numbers of four bytes.
    pub size: usize,
    /// The step that writes it.
    pub first: usize,
    /// The last one that reads it.
    pub last: usize,
}

impl Buffer {
    fn is_alive_with(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The start of each buffer, and the end of the last one.
pub(crate) fn plan(buffers: &[Buffer]) -> (Vec<usize>, usize) {
    let mut order: Vec<_> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(buffers[i].size), buffers[i].first));
    let mut placed = place(buffers, &order);
    let mut best = placed.clone();
    // So that ten thousand buffers do not take minutes.
    let rounds = 1_000_000 / (buffers.len() * buffers.len() + 1);
    for _ in 0..rounds.min(64) {
        if best.1 <= least(buffers) {
            break;
        }
        let end = |i: usize| placed.0[i] + buffers[i].size;
        let highest = (0..order.len()).max_by_key(|&i| end(order[i])).unwrap_or(0);
        order[..=highest].rotate_right(1);
        placed = place(buffers, &order);
        if placed.1 < best.1 {
            best = placed.clone();
        }
    }
    best
}

/// No arena is smaller: the most that is alive at one step.
pub(crate) fn least(buffers: &[Buffer]) -> usize {
    let alive =
        |step| buffers.iter().filter(move |b| b.first <= step && step <= b.last).map(|b| b.size).sum();
    buffers.iter().map(|buffer| alive(buffer.first)).max().unwrap_or(0)
}

/// Each buffer, in this order, at the lowest free place.
fn place(buffers: &[Buffer], order: &[usize]) -> (Vec<usize>, usize) {
    let (mut starts, mut end) = (vec![0; buffers.len()], 0);
    // Placed ones, by start.
    let mut placed: Vec<usize> = Vec::new();
    for &i in order {
        let buffer = buffers[i];
        let mut start = 0;
        for &other in placed.iter().filter(|&&other| buffers[other].is_alive_with(&buffer)) {
            if start + buffer.size <= starts[other] {
                break;
            }
            start = start.max(starts[other] + buffers[other].size);
        }
        starts[i] = start;
        end = end.max(start + buffer.size);
        placed.insert(placed.partition_point(|&other| starts[other] <= start), i);
    }
    (starts, end)
}

/// The largest range of an arena of `end` numbers that no buffer but `own` takes at the step of `own`, which it contains: for
/// memory that can be of any size.
pub(crate) fn free(buffers: &[Buffer], starts: &[usize], end: usize, own: usize) -> Range<usize> {
    let mut free = 0..end;
    for (i, buffer) in buffers.iter().enumerate() {
        if i != own && buffer.size > 0 && buffer.is_alive_with(&buffers[own]) {
            if starts[i] < starts[own] {
                free.start = free.start.max(starts[i] + buffer.size);
            } else {
                free.end = free.end.min(starts[i]);
            }
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::{Buffer, free, least, place, plan};
    use fusebox::Rng;

    #[test]
    fn buffers_that_are_alive_at_once_do_not_overlap() {
        let mut rng = Rng::new(1);
        let mut below = |n| rng.below(n) as usize;
        for _ in 0..300 {
            let buffers: Vec<_> = (0..below(30))
                .map(|_| {
                    let first = below(20);
                    let last = first + below(6);
                    Buffer { size: below(50), first, last }
                })
                .collect();
            let (starts, end) = plan(&buffers);
            assert!(end >= least(&buffers) && end <= buffers.iter().map(|b| b.size).sum());
            for (i, a) in buffers.iter().enumerate() {
                assert!(starts[i] + a.size <= end);
                let free = free(&buffers, &starts, end, i);
                assert!(free.start <= starts[i] && starts[i] + a.size <= free.end, "{free:?}");
                for (j, b) in buffers.iter().enumerate().filter(|&(j, b)| i != j && a.is_alive_with(b)) {
                    assert!(
                        a.size == 0
                            || b.size == 0
                            || starts[i] + a.size <= starts[j]
                            || starts[j] + b.size <= starts[i]
                    );
                    assert!(b.size == 0 || starts[j] + b.size <= free.start || free.end <= starts[j]);
                }
            }
        }
    }

    /// A chain needs the largest pair of neighbours.
    #[test]
    fn chains_need_two_neighbours() {
        let sizes = [10, 40, 5, 30, 20, 1];
        let buffers: Vec<_> = (0..6).map(|i| Buffer { size: sizes[i], first: i, last: i + 1 }).collect();
        assert_eq!(plan(&buffers).1, 50);
    }

    /// Where the largest first needs 13.
    #[test]
    fn better_than_the_largest_first() {
        let buffer = |size, first, last| Buffer { size, first, last };
        let buffers = [buffer(5, 2, 4), buffer(5, 3, 4), buffer(6, 1, 2), buffer(2, 3, 4)];
        assert_eq!(place(&buffers, &[2, 0, 1, 3]).1, 13);
        assert_eq!((plan(&buffers).1, least(&buffers)), (12, 12));
    }
}
