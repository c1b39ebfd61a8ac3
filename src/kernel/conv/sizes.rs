//! All sizes of a convolution.

use crate::kernel::axis::Axis;
use crate::memory::layout;

/// Two axes, the channels of a pixel of the input and of the output, and the number of groups that both are divided
/// into. A filter sees the channels of its own group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) rows: Axis,
    pub(crate) cols: Axis,
    /// Numbers in a pixel of the input.
    pub(crate) channels: usize,
    /// Numbers in a pixel of the output.
    pub(crate) filters: usize,
    pub(crate) groups: usize,
}

impl Sizes {
    /// Numbers in a picture of the input, and of the output.
    pub(crate) fn pictures(&self) -> [usize; 2] {
        [
            self.rows.input * self.cols.input * self.channels,
            self.rows.output * self.cols.output * self.filters,
        ]
    }

    /// Distinguishes layers of different sizes in a saved state.
    pub(crate) const fn layout(&self) -> u64 {
        let Self { rows, cols, channels, filters, groups } = *self;
        let of_layer = [channels as u64, filters as u64, groups as u64];
        layout("Sizes", &[rows.layout(), cols.layout(), layout("", &of_layer)])
    }

    /// Whether each channel has one filter of its own.
    pub(crate) const fn is_depthwise(&self) -> bool {
        self.groups == self.channels && self.filters == self.channels
    }

    /// Channels and filters of a group.
    pub(super) fn of_group(&self) -> [usize; 2] {
        let groups = self.groups.max(1);
        [self.channels / groups, self.filters / groups]
    }

    /// Numbers in the weights: rows and columns of taps, channels of a group, filters.
    pub(crate) fn weights(&self) -> usize {
        self.rows.taps * self.cols.taps * self.of_group()[0] * self.filters
    }
}
