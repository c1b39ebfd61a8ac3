//! The gradient of a convolution's weights.

use super::Gradient;
use super::gradient::{macs, square_of};
use crate::Plain;
use crate::kernel::conv::{Sizes, Tile, depthwise, weight_gradient};
use crate::kernel::update::{DescendSlice, GradientDescent, MOST_MOMENTS, Rule};
use crate::memory::{numbers_mut, part, part_mut};
use crate::pace::Pace;
use core::ops::Range;
use core::slice::from_mut;

/// Numbers of the part that is computed at a time, on the stack.
const TILE: usize = if crate::simd::VECTORS { 4096 } else { 384 };

/// The products of all windows of pictures with the gradients of the outputs that were made of them. They fit the
/// sizes, or nothing is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patches<'a> {
    sizes: &'a Sizes,
    xs: &'a [f32],
    dys: &'a [f32],
}

impl<'a> Patches<'a> {
    pub(crate) fn of(sizes: &'a Sizes, xs: &'a [f32], dys: &'a [f32]) -> Self {
        Self { sizes, xs, dys }
    }

    /// Rows of weights, each of a number for every filter.
    fn rows(&self) -> usize {
        self.sizes.weights().checked_div(self.sizes.filters).unwrap_or(0)
    }

    /// Outputs of a picture.
    fn outputs(&self) -> usize {
        self.sizes.rows.output * self.sizes.cols.output
    }

    /// Forms the gradient of the weights' rows tile by tile, summed over some pictures, and hands out each row's
    /// stretch: where it begins among the weights, and its numbers.
    fn form<Q: Pace>(
        &self,
        pace: &Q,
        pictures: &Range<usize>,
        rows: Range<usize>,
        mut take: impl FnMut(usize, &[f32]),
    ) {
        let [picture, output] = self.sizes.pictures();
        let xs = part(self.xs, &(pictures.start * picture..pictures.end * picture));
        let dys = part(self.dys, &(pictures.start * output..pictures.end * output));
        let filters = self.sizes.filters;
        let (mut spare, mut sum) = ([0.0; TILE], [0.0; TILE]);
        // A tile's filters are of one group, but for the kernel that takes all channels.
        let depthwise = self.sizes.is_depthwise() && filters <= TILE;
        let of_group = if depthwise { filters } else { filters.checked_div(self.sizes.groups).unwrap_or(0) };
        let cols = of_group.clamp(1, TILE);
        let height = TILE / cols;
        let mut row = rows.start;
        while row < rows.end {
            let until = rows.end.min(row + height);
            let mut filter = 0;
            while filter < filters {
                let end = (filter + cols).min((filter / of_group.max(1) + 1) * of_group);
                let tile = Tile { rows: row..until, filters: filter..end };
                let numbers = 0..(until - row) * (end - filter);
                let (spare, sum) = (part_mut(&mut spare, &numbers), part_mut(&mut sum, &numbers));
                match depthwise {
                    true => {
                        depthwise::weight_gradient(pace.isa(), self.sizes, &tile.rows, xs, dys, spare, sum)
                    }
                    false => weight_gradient(pace.isa(), self.sizes, &tile, xs, dys, spare, sum),
                }
                if end - filter == filters {
                    take(row * filters, sum);
                } else {
                    for (row, stretch) in (row..until).zip(sum.chunks((end - filter).max(1))) {
                        take(row * filters + filter, stretch);
                    }
                }
                filter = end;
            }
            row = until;
        }
    }

    fn pictures(&self) -> usize {
        let [picture, _] = self.sizes.pictures();
        self.xs.len().checked_div(picture).unwrap_or(0)
    }
}

/// Units are rows of weights; in `add_squares`, samples.
impl<P: Plain> Gradient<P> for Patches<'_> {
    fn apply<R: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: R,
        weight: &mut P,
        mut moments: [&mut [f32]; MOST_MOMENTS],
    ) {
        let filters = self.sizes.filters;
        let rows = pace.take(self.rows(), filters * (self.pictures() * self.outputs() + macs::<R>()));
        if rows.is_empty() {
            return;
        }
        let isa = pace.isa();
        let weight = numbers_mut(from_mut(weight));
        self.form(pace, &(0..self.pictures()), rows, |start, gradient| {
            let here = start..start + gradient.len();
            let parameters = part_mut(weight, &here);
            let moments = moments.each_mut().map(|moment| part_mut(moment, &here));
            isa.call(DescendSlice { rule, gradient, parameters, moments });
        });
    }

    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut P) {
        let filters = self.sizes.filters;
        let rows = pace.take(self.rows(), filters * (self.pictures() * self.outputs() + 1));
        if rows.is_empty() {
            return;
        }
        let isa = pace.isa();
        let sum = numbers_mut(from_mut(sum));
        if fresh {
            part_mut(sum, &(rows.start * filters..rows.end * filters)).fill(0.0);
        }
        let rule = GradientDescent { rate: -factor };
        self.form(pace, &(0..self.pictures()), rows, |start, gradient| {
            let parameters = part_mut(sum, &(start..start + gradient.len()));
            isa.call(DescendSlice { rule, gradient, parameters, moments: [&mut [], &mut []] });
        });
    }

    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]) {
        let isa = pace.isa();
        let each = self.pictures().checked_div(squares.len()).unwrap_or(0);
        let [picture, output] = self.sizes.pictures();
        if FINITE {
            // Sums of products of finite numbers whose squares' sums are finite are finite.
            let samples = pace.take(squares.len(), each * (picture + output));
            for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
                let pictures = sample * each..(sample + 1) * each;
                let x = part(self.xs, &(pictures.start * picture..pictures.end * picture));
                let dy = part(self.dys, &(pictures.start * output..pictures.end * output));
                *square += square_of(isa, x) * square_of(isa, dy);
            }
            return;
        }
        let macs = (each * self.outputs()).saturating_mul(self.sizes.weights());
        let samples = pace.take(squares.len(), macs);
        for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
            self.form(pace, &(sample * each..(sample + 1) * each), 0..self.rows(), |_, gradient| {
                *square += square_of(isa, gradient);
            });
        }
    }
}
