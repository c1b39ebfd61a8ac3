//! Outputs from inputs, and gradients of inputs from those of outputs.

use super::runs::{Run, Way};
use super::sizes::Sizes;
use crate::Isa;
use crate::kernel::gemm::{Activate, First, Operands, chain};
use core::ops::Range;

/// The operation applied to a finished sum.
#[derive(Clone, Copy)]
pub(super) enum End {
    Nothing,
    Relu,
    /// Zero where the gate, an array of the destination's shape, is `<= 0`.
    Gate(*const f32),
}

impl End {
    /// The same for a destination that begins `numbers` later.
    pub(super) fn at(self, numbers: usize) -> Self {
        match self {
            Self::Gate(gates) => Self::Gate(gates.wrapping_add(numbers)),
            other => other,
        }
    }

    /// The same for a product whose rows are `stride` apart.
    fn activate(self, isa: Isa, stride: usize) -> Activate {
        match self {
            Self::Nothing => Activate::Nothing,
            Self::Relu => Activate::Relu,
            Self::Gate(gates) => Activate::masked(isa, gates, stride),
        }
    }
}

/// The longest piece of k: what gemm sums in one accumulator.
const LONGEST: usize = 4096;

/// The initial values of sums, and the operation at their end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends<'a> {
    /// One number for each column of the destination; `None` is zeros.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) relu: bool,
    /// Of the destination's shape: a sum is replaced by zero where its gate is `<= 0`. Not together with `relu`.
    pub(crate) gates: Option<&'a [f32]>,
}

impl Ends<'_> {
    /// Whether the lengths are those of a destination of `columns` and `numbers`.
    pub(super) fn fits(&self, columns: usize, numbers: usize) -> bool {
        self.bias.is_none_or(|bias| bias.len() == columns)
            && self.gates.is_none_or(|gates| gates.len() == numbers)
    }

    /// For the columns from `column` on.
    fn first(&self, column: usize) -> First {
        self.bias.map_or(First::Zero, |bias| First::Row(bias.as_ptr().wrapping_add(column)))
    }

    pub(super) fn end(&self) -> End {
        match self.gates {
            Some(gates) => End::Gate(gates.as_ptr()),
            None if self.relu => End::Relu,
            None => End::Nothing,
        }
    }
}

/// Overwrites rows `rows` of `ys`, numbered through the batch, with the convolution of `xs` and `weight`, in the order
/// rows of taps, taps, channels of a group, filters. If a length does not match `sizes`, writes nothing.
#[inline(never)]
pub(crate) fn forward(
    isa: Isa,
    sizes: &Sizes,
    rows: Range<usize>,
    xs: &[f32],
    weight: &[f32],
    ends: &Ends<'_>,
    ys: &mut [f32],
) {
    let [picture, output] = sizes.pictures();
    let pictures = ys.len().checked_div(output).unwrap_or(0);
    let fits = weight.len() == sizes.weights()
        && xs.len() == pictures * picture
        && ys.len() == pictures * output
        && ends.fits(sizes.filters, ys.len());
    if !fits || rows.end > pictures * sizes.rows.output {
        return;
    }
    for group in 0..sizes.groups {
        let gathering = Gathering::of_group(isa, sizes, Way::Forward, group, weight);
        let first = ends.first(gathering.to_first);
        // SAFETY: the lengths have been checked.
        unsafe { gathering.pictures(&rows, xs.as_ptr(), ys.as_mut_ptr(), first, ends.end()) };
    }
}

/// Overwrites rows `rows` of `dxs`, numbered through the batch, with the gradient of the input, from `dys` and
/// `weight`: a transposed convolution of `dys`. Otherwise as [`forward`].
#[inline(never)]
pub(crate) fn input_gradient(
    isa: Isa,
    sizes: &Sizes,
    rows: Range<usize>,
    dys: &[f32],
    weight: &[f32],
    ends: &Ends<'_>,
    dxs: &mut [f32],
) {
    let [picture, output] = sizes.pictures();
    let pictures = dxs.len().checked_div(picture).unwrap_or(0);
    let fits = weight.len() == sizes.weights()
        && dys.len() == pictures * output
        && dxs.len() == pictures * picture
        && ends.fits(sizes.channels, dxs.len());
    if !fits || rows.end > pictures * sizes.rows.input {
        return;
    }
    for group in 0..sizes.groups {
        let gathering = Gathering::of_group(isa, sizes, Way::Back, group, weight);
        let (first, end) = (ends.first(gathering.to_first), ends.end());
        // SAFETY: the lengths have been checked.
        unsafe {
            #[cfg(not(fusebox_scalar))]
            super::pack::in_panels(&gathering, &rows, dys.as_ptr(), dxs.as_mut_ptr(), first, end);
            #[cfg(fusebox_scalar)]
            gathering.pictures(&rows, dys.as_ptr(), dxs.as_mut_ptr(), first, end);
        }
    }
}

/// Where the weights of a group are. Distances are in numbers.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub(super) first: *const f32,
    /// Numbers that can be read from there.
    pub(super) len: usize,
    /// A row is a channel of the destination, not of the source.
    pub(super) transposed: bool,
    /// From a row to the next; from a tap to the next; from a row of taps to the next.
    pub(super) k: usize,
    pub(super) tap: usize,
    pub(super) row: usize,
    /// If given, taps are stored in descending order, from this one.
    pub(super) last_tap: Option<usize>,
}

/// Part of a kernel: rows of taps, taps, channels of the source.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    pub(super) taps: Range<usize>,
    pub(super) depth: Range<usize>,
}

/// One group's sums.
#[derive(Clone)]
pub(super) struct Gathering<'a> {
    pub(super) isa: Isa,
    pub(super) sizes: &'a Sizes,
    pub(super) way: Way,
    /// The group's first channel in a pixel of the source, and of the destination.
    pub(super) from_first: usize,
    pub(super) to_first: usize,
    /// Channels that are summed over, and columns of the destination.
    pub(super) depth: usize,
    pub(super) cols: usize,
    pub(super) b: Weights,
    /// The part of the kernel that `b` holds; other parts are summed in separate passes.
    pub(super) part: Part,
}

/// Source and destination of one picture, and what its sums start and end with.
#[derive(Clone, Copy)]
struct Picture {
    from: *const f32,
    to: *mut f32,
    first: First,
    end: End,
}

impl<'a> Gathering<'a> {
    /// All taps of a group, its weights as they lie.
    fn of_group(isa: Isa, sizes: &'a Sizes, way: Way, group: usize, weight: &[f32]) -> Self {
        let [channels, filters] = sizes.of_group();
        let (depth, cols) = if way == Way::Forward { (channels, filters) } else { (filters, channels) };
        Self {
            isa,
            sizes,
            way,
            from_first: group * depth,
            to_first: group * cols,
            depth,
            cols,
            b: Weights {
                first: weight.as_ptr().wrapping_add(group * filters),
                len: weight.len() - group * filters,
                transposed: way == Way::Back,
                k: sizes.filters,
                tap: channels * sizes.filters,
                row: sizes.cols.taps * channels * sizes.filters,
                last_tap: None,
            },
            part: Part { rows: 0..sizes.rows.taps, taps: 0..sizes.cols.taps, depth: 0..depth },
        }
    }
}

impl Gathering<'_> {
    /// Sums of the pictures' rows.
    ///
    /// # Safety
    /// 1. `from` and `to` point to as many pictures of the sizes as `rows`, numbered through the batch, needs.
    /// 2. Nobody else uses the destination.
    /// 3. A bias and a gate can be read as [`chain`] needs them.
    /// 4. The weights are where `self.b` says.
    pub(super) unsafe fn pictures(
        &self,
        rows: &Range<usize>,
        from: *const f32,
        to: *mut f32,
        first: First,
        end: End,
    ) {
        let [inputs, outputs] = self.sizes.pictures();
        let (height, from_size, to_size) = match self.way {
            Way::Forward => (self.sizes.rows.output, inputs, outputs),
            Way::Back => (self.sizes.rows.input, outputs, inputs),
        };
        let mut row = rows.start;
        while row < rows.end {
            let picture = row.checked_div(height).unwrap_or(0);
            let until = rows.end.min((picture + 1) * height);
            let of_picture = Picture {
                from: from.wrapping_add(picture * from_size),
                to: to.wrapping_add(picture * to_size),
                first,
                end: end.at(picture * to_size),
            };
            // SAFETY: the caller's promise.
            unsafe { self.picture(row - picture * height..until - picture * height, &of_picture) };
            row = until;
        }
    }

    /// # Safety
    /// As for [`Gathering::pictures`].
    unsafe fn picture(&self, rows: Range<usize>, picture: &Picture) {
        let Sizes { rows: vertical, cols: horizontal, .. } = self.sizes;
        let width = if self.way == Way::Forward { horizontal.output } else { horizontal.input };
        for y in vertical.runs(self.way, rows) {
            for x in horizontal.runs(self.way, 0..width) {
                // The longer direction becomes the product's rows.
                let along = x.count >= y.count;
                let times = if along { y.count } else { x.count };
                for i in 0..times {
                    // SAFETY: the caller's promise.
                    unsafe { self.run(&y, &x, along, i, picture) };
                }
            }
        }
    }

    /// The sums of the `i`-th line of a rectangle of runs: along a row, or down a column.
    ///
    /// # Safety
    /// As for [`Gathering::pictures`].
    unsafe fn run(&self, y: &Run, x: &Run, along: bool, i: usize, picture: &Picture) {
        let Sizes { cols: horizontal, channels, filters, .. } = *self.sizes;
        let (from_pixel, to_pixel, from_width, to_width) = match self.way {
            Way::Forward => (channels, filters, horizontal.input, horizontal.output),
            Way::Back => (filters, channels, horizontal.output, horizontal.input),
        };
        let (dy, dx) = if along { (i, 0) } else { (0, i) };
        let pixel = |row: usize, col: usize, width: usize| row * width + col;
        let from = pixel(y.from + dy * y.from_step, x.from + dx * x.from_step, from_width);
        let to = pixel(y.to + dy * y.to_step, x.to + dx * x.to_step, to_width);
        let (m, a_step, c_step) = match along {
            true => (x.count, x.from_step, x.to_step),
            false => (y.count, y.from_step * from_width, y.to_step * to_width),
        };
        let to = to * to_pixel + self.to_first;
        let end = picture.end.at(to).activate(self.isa, c_step * to_pixel);
        let mut product = Operands {
            m,
            n: self.cols,
            k: 0,
            a: picture.from,
            a_stride: a_step * from_pixel,
            a_transposed: false,
            b: self.b.first,
            b_len: self.b.len,
            b_stride: self.b.k,
            b_transposed: self.b.transposed,
            whole_n: usize::MAX,
            first: picture.first,
            c: picture.to.wrapping_add(to),
            c_stride: c_step * to_pixel,
        };
        if y.taps == 0 || x.taps == 0 {
            if self.part.rows.start == 0 && self.part.taps.start == 0 && self.part.depth.start == 0 {
                // SAFETY: nothing is read but what the sums start from.
                unsafe { chain(self.isa, &product, end) };
            }
            return;
        }
        // Taps that are adjacent in the picture and in the weights are one piece of k.
        let merged = x.tap_from * from_pixel == self.depth
            && self.part.taps.len() == horizontal.taps
            && self.part.depth == (0..self.depth)
            && x.tap_step == 1
            && (self.way == Way::Forward || self.b.last_tap.is_some())
            && !self.b.transposed;
        for v in 0..y.taps {
            let tap_row = self.tap(y, v);
            if !self.part.rows.contains(&tap_row) {
                continue;
            }
            let mut h = 0;
            while h < x.taps {
                let tap = self.tap(x, h);
                let count = if merged { x.taps } else { 1 };
                if !self.part.taps.contains(&tap) {
                    h += count;
                    continue;
                }
                let at = match self.b.last_tap {
                    Some(last) => last - tap,
                    None => tap - self.part.taps.start,
                };
                let a = from + v * y.tap_from * from_width + h * x.tap_from;
                let mut depth = self.part.depth.start;
                let depths = if merged { count * self.depth } else { self.part.depth.end };
                while depth < depths {
                    product.first = if v + h + depth == 0 { picture.first } else { First::Output };
                    product.k = (depths - depth).min(LONGEST);
                    product.a = picture.from.wrapping_add(a * from_pixel + self.from_first + depth);
                    let row = (tap_row - self.part.rows.start) * self.b.row + at * self.b.tap;
                    let in_part = depth - self.part.depth.start;
                    let b = row + in_part * if self.b.transposed { 1 } else { self.b.k };
                    product.b = self.b.first.wrapping_add(b);
                    product.b_len = self.b.len - b;
                    depth += product.k;
                    let whole = depth == depths && (merged || depths == self.depth);
                    let last = v + 1 == y.taps && h + count == x.taps && whole;
                    let end = if last { end } else { Activate::Nothing };
                    // SAFETY: the caller's promise: rows of the picture that the taps meet, and the taps' weights.
                    unsafe { chain(self.isa, &product, end) };
                }
                h += count;
            }
        }
    }

    /// The `i`-th tap of a run.
    fn tap(&self, run: &Run, i: usize) -> usize {
        match self.way {
            Way::Forward => run.tap + i * run.tap_step,
            Way::Back => run.tap - i * run.tap_step,
        }
    }
}
