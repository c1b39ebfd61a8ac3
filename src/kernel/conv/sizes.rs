//! All sizes of a convolution.

use super::runs::Way;
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

/// The size of pictures.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Side {
    /// Numbers in a picture.
    pub(super) fn numbers(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Sizes {
    /// The same with one row if there is one column. Then pictures and weights lie in memory as before, and taps are adjacent, so
    /// that a kernel's taps are one product.
    pub(crate) const fn along(mut self) -> Self {
        if self.cols.is_one() {
            (self.rows, self.cols) = (self.cols, self.rows);
        }
        self
    }

    /// What sums are made of, and what they become.
    pub(super) fn sides(&self, way: Way) -> [Side; 2] {
        let Self { rows, cols, channels, filters, .. } = *self;
        let input = Side { height: rows.input, width: cols.input, channels };
        let output = Side { height: rows.output, width: cols.output, channels: filters };
        match way {
            Way::Forward => [input, output],
            Way::Back => [output, input],
        }
    }

    /// Multiply-adds for a row of the destination.
    pub(super) fn macs_of_row(&self, way: Way) -> usize {
        let [_, destination] = self.sides(way);
        self.macs_of_picture().checked_div(destination.height).unwrap_or(0)
    }

    /// Multiply-adds for a picture.
    fn macs_of_picture(&self) -> usize {
        (self.rows.output * self.cols.output).saturating_mul(self.weights())
    }

    /// Multiply-adds for a row of the weights' gradient, of some filters, from so many pictures.
    pub(super) fn macs_of_weights(&self, filters: usize, pictures: usize) -> usize {
        (self.rows.output * self.cols.output).saturating_mul(filters).saturating_mul(pictures)
    }

    /// Numbers in a picture of the input, and of the output.
    pub(crate) fn pictures(&self) -> [usize; 2] {
        self.sides(Way::Forward).map(|side| side.numbers())
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
