//! One axis of a convolution: which taps of the kernel meet which positions.
//!
//! Output `o` and tap `t` meet at the input `o stride + t dilation - before`. If that is outside the picture, the tap
//! takes no part in the output. Most positions meet all taps, those near the ends fewer. Consecutive positions that
//! meet the same taps are a [`Run`]; their sums are one product, whose rows are equally far apart.

use crate::kernel::axis::Axis;

/// The direction of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From inputs to outputs: taps ascend, and so do the inputs they meet.
    Forward,
    /// From gradients of outputs to those of inputs: taps descend, so that outputs ascend.
    Back,
}

/// Positions that meet the same taps, and what they meet there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first position, the distance to the next, and their number.
    pub(super) to: usize,
    pub(super) to_step: usize,
    pub(super) count: usize,
    /// What the first position meets at its first tap, and the distance to what the next position meets there.
    pub(super) from: usize,
    pub(super) from_step: usize,
    /// The first tap, the distance to the next (in [`Way::Back`], downwards), their number, and the distance between
    /// what one position meets at consecutive taps.
    pub(super) tap: usize,
    pub(super) tap_step: usize,
    pub(super) taps: usize,
    pub(super) tap_from: usize,
}

/// Positions side by side that meet the same taps, along a row or down a column of pictures. Everything is counted in pixels.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) count: usize,
    /// What the first position meets at its first tap, and the distance to what the next meets there.
    pub(super) from: usize,
    pub(super) from_step: usize,
    /// The first position, and the distance to the next.
    pub(super) to: usize,
    pub(super) to_step: usize,
}

/// Lines beside each other: the distances are from one line's first position to the next one's.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    pub(super) first: Line,
    pub(super) count: usize,
    pub(super) from_next: usize,
    pub(super) to_next: usize,
}

impl Lines {
    /// Those of a rectangle of runs, in the direction in which it is longer. Rows of what is met, and of the positions, are so many
    /// pixels wide.
    pub(super) fn of(y: &Run, x: &Run, from_width: usize, to_width: usize) -> Self {
        let [from, to] = [y.from * from_width + x.from, y.to * to_width + x.to];
        let along = Line { count: x.count, from, from_step: x.from_step, to, to_step: x.to_step };
        let [from_step, to_step] = [y.from_step * from_width, y.to_step * to_width];
        let down = Line { count: y.count, from, from_step, to, to_step };
        let (first, other) = if x.count >= y.count { (along, down) } else { (down, along) };
        Self { first, count: other.count, from_next: other.from_step, to_next: other.to_step }
    }

    /// The line after so many.
    pub(super) fn line(&self, i: usize) -> Line {
        let Line { from, to, .. } = self.first;
        Line { from: from + i * self.from_next, to: to + i * self.to_next, ..self.first }
    }
}

impl Axis {
    /// What a position meets at a tap.
    fn meets(&self, way: Way, to: usize, tap: usize) -> Option<usize> {
        let Self { input, output, stride, dilation, before, .. } = *self;
        match way {
            Way::Forward => (to * stride + tap * dilation).checked_sub(before).filter(|&from| from < input),
            Way::Back => {
                let from = (to + before).checked_sub(tap * dilation)?;
                (from.is_multiple_of(stride.max(1)))
                    .then(|| from / stride.max(1))
                    .filter(|&from| from < output)
            }
        }
    }

    /// The run of one position.
    fn run_at(&self, way: Way, to: usize) -> Run {
        let (to_step, from_step) = match way {
            Way::Forward => (1, self.stride),
            Way::Back => (self.stride, 1),
        };
        let mut run =
            Run { to, to_step, count: 1, from: 0, from_step, tap: 0, tap_step: 1, taps: 0, tap_from: 1 };
        for i in 0..self.taps {
            let tap = if way == Way::Forward { i } else { self.taps - 1 - i };
            let Some(from) = self.meets(way, to, tap) else { continue };
            match run.taps {
                0 => (run.from, run.tap) = (from, tap),
                1 => (run.tap_step, run.tap_from) = (run.tap.abs_diff(tap), from - run.from),
                _ => {}
            }
            run.taps += 1;
        }
        run
    }

    /// Runs of the positions in `within`, which cover each of them once.
    pub(super) fn runs(&self, way: Way, within: core::ops::Range<usize>) -> Runs {
        Runs { axis: *self, way, start: within.start, end: within.end, phase: 0, at: within.start }
    }
}

/// See [`Axis::runs`]. In [`Way::Back`], positions a stride apart meet the same taps, if any.
pub(super) struct Runs {
    axis: Axis,
    way: Way,
    start: usize,
    end: usize,
    phase: usize,
    at: usize,
}

impl Iterator for Runs {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let phases = if self.way == Way::Forward { 1 } else { self.axis.stride };
        while self.at >= self.end {
            self.phase += 1;
            if self.phase >= phases || self.start + self.phase >= self.end {
                return None;
            }
            self.at = self.start + self.phase;
        }
        let mut run = self.axis.run_at(self.way, self.at);
        self.at += run.to_step;
        while self.at < self.end {
            let next = self.axis.run_at(self.way, self.at);
            let same = (next.tap, next.taps) == (run.tap, run.taps);
            if !same || run.taps > 0 && next.from != run.from + run.count * run.from_step {
                break;
            }
            run.count += 1;
            self.at += run.to_step;
        }
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Way};
    use std::vec::Vec;

    /// Every meeting of a position and a tap, exactly once, and in order.
    #[test]
    fn runs_cover_all_meetings_of_all_small_axes() {
        let mut axes = 0;
        for input in 1..9 {
            for taps in 1..5 {
                for stride in 1..4 {
                    for dilation in 1..4 {
                        for before in 0..4 {
                            for output in 1..6 {
                                let axis = Axis { input, output, taps, stride, dilation, before };
                                for way in [Way::Forward, Way::Back] {
                                    check(&axis, way);
                                }
                                axes += 1;
                            }
                        }
                    }
                }
            }
        }
        std::println!("{axes} axes, both ways");
    }

    fn check(axis: &Axis, way: Way) {
        let positions = if way == Way::Forward { axis.output } else { axis.input };
        for start in 0..positions {
            for end in start..=positions {
                let (mut met, mut expected, mut seen) = (Vec::new(), Vec::new(), Vec::new());
                for run in axis.runs(way, start..end) {
                    for i in 0..run.count {
                        let to = run.to + i * run.to_step;
                        seen.push(to);
                        for t in 0..run.taps {
                            let step = t * run.tap_step;
                            let tap = if way == Way::Forward { run.tap + step } else { run.tap - step };
                            met.push((to, t, tap, run.from + i * run.from_step + t * run.tap_from));
                        }
                    }
                }
                for to in start..end {
                    let taps = 0..axis.taps;
                    let taps: Vec<_> =
                        if way == Way::Forward { taps.collect() } else { taps.rev().collect() };
                    let mut t = 0;
                    for tap in taps {
                        if let Some(from) = axis.meets(way, to, tap) {
                            expected.push((to, t, tap, from));
                            t += 1;
                        }
                    }
                }
                seen.sort_unstable();
                assert!(seen.iter().copied().eq(start..end), "{axis:?} {way:?}");
                met.sort_unstable();
                expected.sort_unstable();
                assert_eq!(met, expected, "{axis:?} {way:?}");
            }
        }
    }
}
