//! Outputs from inputs, and gradients of inputs from those of outputs.

use super::runs::{Line, Lines, Run, Way};
use super::sizes::Sizes;
use crate::Isa;
#[cfg(fusebox_scalar)]
use crate::kernel::gemm::stretches::{Chains, Stretches, nn, nt};
use crate::kernel::gemm::{Activate, First, Operands};
#[cfg(not(fusebox_scalar))]
use crate::kernel::gemm::{LONGEST, chain};
use crate::kernel::threads::in_parts;
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

/// Whether all lengths are those of as many pictures as `to` has, and of `sizes`; `rows`, numbered through the batch, are the
/// destination's.
pub(super) fn fits(
    sizes: &Sizes,
    way: Way,
    rows: &Range<usize>,
    from: &[f32],
    weight: &[f32],
    ends: &Ends<'_>,
    to: &[f32],
) -> bool {
    let [source, destination] = sizes.sides(way);
    let pictures = to.len().checked_div(destination.numbers()).unwrap_or(0);
    weight.len() == sizes.weights()
        && from.len() == pictures * source.numbers()
        && to.len() == pictures * destination.numbers()
        && ends.bias.is_none_or(|bias| bias.len() == destination.channels)
        && ends.gates.is_none_or(|gates| gates.len() == to.len())
        && rows.end <= pictures * destination.height
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
    if !fits(sizes, Way::Forward, &rows, xs, weight, ends, ys) {
        return;
    }
    for group in 0..sizes.groups {
        let gathering = Gathering::of_group(isa, sizes, Way::Forward, group, weight);
        let first = ends.first(gathering.to_first);
        let (xs, ys) = (xs.as_ptr(), ys.as_mut_ptr());
        // SAFETY: the lengths have been checked; a part writes its own rows only.
        unsafe {
            in_parts(rows.clone(), sizes.macs_of_row(Way::Forward) / sizes.groups, |rows| {
                gathering.pictures(&rows, xs, ys, first, ends.end());
            });
        }
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
    if !fits(sizes, Way::Back, &rows, dys, weight, ends, dxs) {
        return;
    }
    for group in 0..sizes.groups {
        let gathering = Gathering::of_group(isa, sizes, Way::Back, group, weight);
        let (first, end) = (ends.first(gathering.to_first), ends.end());
        let (dys, dxs) = (dys.as_ptr(), dxs.as_mut_ptr());
        // SAFETY: the lengths have been checked; a part writes its own rows only.
        unsafe {
            in_parts(rows.clone(), sizes.macs_of_row(Way::Back) / sizes.groups, |rows| {
                #[cfg(not(fusebox_scalar))]
                super::pack::in_panels(&gathering, &rows, dys, dxs, first, end);
                #[cfg(fusebox_scalar)]
                gathering.pictures(&rows, dys, dxs, first, end);
            });
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
    /// What computes several taps: a pointer, so that a program without training has no other.
    #[cfg(fusebox_scalar)]
    chains: Chains,
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
    #[inline(always)]
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
            #[cfg(fusebox_scalar)]
            chains: if way == Way::Forward { nn } else { nt },
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
        let [source, destination] = self.sizes.sides(self.way);
        let height = destination.height;
        let mut row = rows.start;
        while row < rows.end {
            let picture = row.checked_div(height).unwrap_or(0);
            let until = rows.end.min((picture + 1) * height);
            let of_picture = Picture {
                from: from.wrapping_add(picture * source.numbers()),
                to: to.wrapping_add(picture * destination.numbers()),
                first,
                end: end.at(picture * destination.numbers()),
            };
            // SAFETY: the caller's promise.
            unsafe { self.picture(row - picture * height..until - picture * height, &of_picture) };
            row = until;
        }
    }

    /// # Safety
    /// As for [`Gathering::pictures`].
    unsafe fn picture(&self, rows: Range<usize>, picture: &Picture) {
        let [source, destination] = self.sizes.sides(self.way);
        for y in self.sizes.rows.runs(self.way, rows) {
            for x in self.sizes.cols.runs(self.way, 0..destination.width) {
                let lines = Lines::of(&y, &x, source.width, destination.width);
                for i in 0..lines.count {
                    // SAFETY: the caller's promise.
                    unsafe { self.line(&y, &x, &lines.line(i), picture) };
                }
            }
        }
    }

    /// The sums of a line of two runs.
    ///
    /// # Safety
    /// As for [`Gathering::pictures`].
    unsafe fn line(&self, y: &Run, x: &Run, line: &Line, picture: &Picture) {
        let [source, destination] = self.sizes.sides(self.way);
        let to = line.to * destination.channels + self.to_first;
        let c_stride = line.to_step * destination.channels;
        let end = picture.end.at(to).activate(self.isa, c_stride);
        let product = Operands {
            m: line.count,
            n: self.cols,
            k: 0,
            a: picture.from,
            a_stride: line.from_step * source.channels,
            a_transposed: false,
            b: self.b.first,
            b_len: self.b.len,
            b_stride: self.b.k,
            b_transposed: self.b.transposed,
            whole_n: usize::MAX,
            first: picture.first,
            c: picture.to.wrapping_add(to),
            c_stride,
        };
        if y.taps == 0 || x.taps == 0 {
            if self.part.rows.start == 0 && self.part.taps.start == 0 && self.part.depth.start == 0 {
                // SAFETY: nothing is read but what the sums start from.
                #[cfg(not(fusebox_scalar))]
                unsafe {
                    chain(self.isa, &product, end)
                };
                // SAFETY: the same.
                #[cfg(fusebox_scalar)]
                unsafe {
                    (self.chains)(self.isa, &product, &Stretches { count: 1, a: 0, b: 0 }, end)
                };
            }
            return;
        }
        // Taps that are adjacent in the picture and in the weights are one piece of k.
        let merged = x.tap_from * source.channels == self.depth
            && self.part.taps.len() == self.sizes.cols.taps
            && self.part.depth == (0..self.depth)
            && x.tap_step == 1
            && (self.way == Way::Forward || self.b.last_tap.is_some())
            && !self.b.transposed;
        // SAFETY: the caller's promise.
        unsafe { self.sums(y, x, line, picture, product, end, merged) }
    }

    /// The sums of a line, tap by tap, or if taps are `merged`, a row of them at a time.
    ///
    /// # Safety
    /// As for [`Gathering::pictures`].
    #[cfg(not(fusebox_scalar))]
    #[inline(always)]
    unsafe fn sums(
        &self,
        y: &Run,
        x: &Run,
        line: &Line,
        picture: &Picture,
        mut product: Operands,
        end: Activate,
        merged: bool,
    ) {
        let [source, _] = self.sizes.sides(self.way);
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
                let a = line.from + v * y.tap_from * source.width + h * x.tap_from;
                let mut depth = self.part.depth.start;
                let depths = if merged { count * self.depth } else { self.part.depth.end };
                while depth < depths {
                    product.first = if v + h + depth == 0 { picture.first } else { First::Output };
                    product.k = (depths - depth).min(LONGEST);
                    product.a = picture.from.wrapping_add(a * source.channels + self.from_first + depth);
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

    /// The same where nothing is packed, and taps that are equally far apart are one call: rows of them, or the taps of a row.
    ///
    /// # Safety
    /// As for [`Gathering::pictures`].
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn sums(
        &self,
        y: &Run,
        x: &Run,
        line: &Line,
        picture: &Picture,
        mut product: Operands,
        end: Activate,
        merged: bool,
    ) {
        let [source, _] = self.sizes.sides(self.way);
        let steps = |run: &Run, pixels: usize, weights: usize| {
            let b = run.tap_step * weights;
            let b = if self.way == Way::Forward { b } else { b.wrapping_neg() };
            Stretches { count: run.taps, a: run.tap_from * pixels * source.channels, b }
        };
        let rows = steps(y, source.width, self.b.row);
        let (calls, stretches) = match merged || x.taps == 1 {
            true => (1, rows),
            false => (y.taps, steps(x, 1, self.b.tap)),
        };
        product.k = if merged { x.taps * self.depth } else { self.depth };
        for call in 0..calls {
            let a = line.from * source.channels + self.from_first + call * rows.a;
            let b = self.tap(y, call) * self.b.row + self.tap(x, 0) * self.b.tap;
            product.a = picture.from.wrapping_add(a);
            product.b = self.b.first.wrapping_add(b);
            product.b_len = self.b.len - b;
            let end = if call + 1 == calls { end } else { Activate::Nothing };
            // SAFETY: the caller's promise: rows of the picture that the taps meet, and the taps' weights.
            unsafe { (self.chains)(self.isa, &product, &stretches, end) };
            product.first = First::Output;
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
