//! The representations of a gradient. A layer passes the optimiser the representation it has. The optimiser's
//! operations (update parameters by a rule, add to a buffer, take the norm for each sample) are methods of the
//! representation, so the whole gradient need not be stored.
//!
//! | form | gradient | of |
//! |---|---|---|
//! | [`Product`] | X^T dY, or the sum of several such products | weights |
//! | [`Rows`] | the sum of rows | biases, gains |
//! | [`Picked`](super::Picked) | rows, each added to the row that a token picks | embeddings |
//! | [`Formed`] | in memory | anything a layer computes itself |

use crate::kernel::elementwise::SumOfSquares;
use crate::kernel::update::{
    self, DescendColumns, DescendSlice, MOST_MOMENTS, Rule, RuleAt, descend_product,
};
use crate::memory::{count_of, numbers, numbers_mut, part, part_mut};
use crate::pace::{FUNCTION, Pace};
use crate::{Isa, Mat, MatMut, Plain};
use core::ops::Range;
use core::slice::{from_mut, from_ref};

/// The gradient of parameters of type `P`. Implemented by the types of this module only.
#[expect(private_bounds, reason = "rules are written for instruction sets, which are private")]
pub trait Gradient<P: Plain>: Copy {
    /// Whether the parameters are biases, gains and the like, which weight decay can exclude.
    const IS_OFFSET: bool = false;

    /// Updates `parameters` and their moments by `rule`.
    #[doc(hidden)]
    fn apply<R: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: R,
        parameters: &mut P,
        moments: [&mut [f32]; MOST_MOMENTS],
    );

    /// Adds `factor` times the gradient to `sum`, after zeroing it if `fresh`.
    #[doc(hidden)]
    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut P);

    /// Adds the squared norm of each sample's gradient to `squares`, one element per sample; never too small except
    /// by rounding. With `FINITE`, any number may be added that is finite only if the gradient is.
    #[doc(hidden)]
    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]);
}

/// The cost of a rule per parameter: each moment counts as one function, as rules with moments divide.
pub(super) const fn macs<R: Rule>() -> usize {
    1 + FUNCTION * R::MOMENTS
}

/// Numbers per unit for gradients without rows.
const PIECE: usize = 16;

/// The square of a row's norm, never too small except by rounding: squares that underflow count as the smallest normal
/// number, because private training may clip by a norm that is too large, but not by one that is too small.
pub(super) fn square_of(isa: Isa, row: &[f32]) -> f32 {
    isa.call(SumOfSquares(row)) + row.len() as f32 * f32::MIN_POSITIVE
}

/// Rows of inputs, and as many rows of output gradients.
type Piece<'a, const IN: usize, R> = (&'a [[f32; IN]], &'a [R]);

/// `X^T dY`, the gradient of weights `[R; IN]`, or the sum of `USES` such products, for weights used several
/// times. A row of outputs `R` is `[f32; OUT]`, or the numbers of several gates, `[[f32; H]; GATES]`. In every piece,
/// inputs and gradients must have the same number of rows; otherwise nothing is computed.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a, const IN: usize, R, const USES: usize = 1> {
    pieces: [Piece<'a, IN, R>; USES],
}

impl<'a, const IN: usize, R> Product<'a, IN, R> {
    /// `xs^T dys`.
    pub const fn of(xs: &'a [[f32; IN]], dys: &'a [R]) -> Self {
        Self { pieces: [(xs, dys)] }
    }
}

impl<'a, const IN: usize, R: Plain, const USES: usize> Product<'a, IN, R, USES> {
    /// Numbers in a row of outputs.
    const OUT: usize = count_of::<R>();

    /// The sum of the pieces' products, in order.
    pub const fn sum(pieces: [Piece<'a, IN, R>; USES]) -> Self {
        Self { pieces }
    }

    /// The total number of rows of all pieces.
    fn rows(&self) -> usize {
        self.pieces.iter().map(|(xs, _)| xs.len()).sum()
    }

    /// Overwrites `tile` (rows of `cols.len()` numbers) with the gradient of some rows and columns of the weights, summed over
    /// some rows of each piece.
    fn form(
        &self,
        isa: Isa,
        samples: impl Fn(usize) -> Range<usize>,
        rows: &Range<usize>,
        cols: &Range<usize>,
        tile: &mut [f32],
    ) {
        tile.fill(0.0);
        for (xs, dys) in &self.pieces {
            let batch = samples(xs.len());
            let (xs, dys) = (columns(part(xs, &batch), rows), columns(part(dys, &batch), cols));
            if let Ok(tile) = MatMut::new(tile, rows.len(), cols.len()) {
                descend_product(isa, xs.t(), dys, tile, -1.0);
            }
        }
    }
}

/// A view of some columns of the rows.
pub(super) fn columns<'a, R: Plain>(rows: &'a [R], range: &Range<usize>) -> Mat<'a> {
    let data = numbers(rows).get(range.start..).unwrap_or_default();
    // The last row ends at the end of `range`, which is inside the row.
    Mat::with_stride(data, rows.len(), range.len(), count_of::<R>()).unwrap_or(Mat::of_values::<R>(&[]))
}

/// Size of the part of a gradient computed at a time, on the stack, when no kernel takes the product directly.
pub(super) const TILE: usize = if crate::simd::VECTORS { 1024 } else { 64 };

/// Tiles of at most [`TILE`] numbers, as ranges of rows and columns, that cover `rows` rows of `out`.
pub(super) fn tiles(rows: Range<usize>, out: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let cols = out.clamp(1, TILE);
    let height = TILE / cols;
    let Range { start, end } = rows;
    let starts = core::iter::successors(Some(start), move |row| row.checked_add(height))
        .take_while(move |&row| row < end);
    starts.flat_map(move |row| {
        let starts =
            core::iter::successors(Some(0), move |col| Some(col + cols)).take_while(move |&col| col < out);
        starts.map(move |col| (row..end.min(row + height), col..out.min(col + cols)))
    })
}

#[expect(private_bounds, reason = "see the trait")]
impl<const IN: usize, R: Plain, const USES: usize> Gradient<[R; IN]> for Product<'_, IN, R, USES> {
    /// A unit is a row of weights.
    #[inline]
    fn apply<U: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: U,
        weight: &mut [R; IN],
        moments: [&mut [f32]; MOST_MOMENTS],
    ) {
        let rows = pace.take(IN, Self::OUT * (self.rows() + macs::<U>()));
        if rows.is_empty() {
            return;
        }
        let isa = pace.isa();
        let moments = moments.map(|moment| part_mut(moment, &(rows.start * Self::OUT..rows.end * Self::OUT)));
        let weight = part_mut(weight, &rows);
        if let [(xs, dys)] = self.pieces.as_slice() {
            let (xs, weight) = (columns(xs, &rows), MatMut::of_values(weight));
            return apply_product(rule, isa, xs.t(), Mat::of_values(dys), weight, moments);
        }
        let mut tile = [0.0; TILE];
        let mut moments = moments;
        for (tile_rows, cols) in tiles(0..rows.len(), Self::OUT) {
            let gradient = part_mut(&mut tile, &(0..tile_rows.len() * cols.len()));
            let from = rows.start + tile_rows.start..rows.start + tile_rows.end;
            self.form(isa, |all| 0..all, &from, &cols, gradient);
            descend_tile(
                isa,
                rule,
                gradient,
                [&tile_rows, &cols],
                numbers_mut(weight),
                Self::OUT,
                &mut moments,
            );
        }
    }

    /// A unit is a row of weights.
    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut [R; IN]) {
        let rows = pace.take(IN, Self::OUT * (self.rows() + 1));
        if rows.is_empty() {
            return;
        }
        let sum = part_mut(sum, &rows);
        if fresh {
            numbers_mut(sum).fill(0.0);
        }
        for (xs, dys) in &self.pieces {
            let xs = columns(xs, &rows);
            descend_product(pace.isa(), xs.t(), Mat::of_values(dys), MatMut::of_values(sum), -factor);
        }
    }

    /// For a sample with one row the gradient is an outer product: `|x dy^T|^2 = |x|^2 |dy|^2`. For other samples it
    /// is computed a tile at a time. A unit is a sample.
    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]) {
        let count = squares.len();
        let per_sample = |rows: usize| rows.checked_div(count).unwrap_or(0);
        let rows = per_sample(self.rows());
        let isa = pace.isa();
        if FINITE || rows <= 1 {
            // The sum over rows is finite only if the gradient is.
            let samples = pace.take(count, rows * (IN + Self::OUT));
            for (xs, dys) in &self.pieces {
                let each = per_sample(xs.len());
                for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
                    let batch = sample * each..(sample + 1) * each;
                    for (x, dy) in part(xs, &batch).iter().zip(part(dys, &batch)) {
                        *square += square_of(isa, x) * square_of(isa, numbers(from_ref(dy)));
                    }
                }
            }
            return;
        }
        let samples = pace.take(count, rows.saturating_mul(IN * Self::OUT));
        let mut tile = [0.0; TILE];
        for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
            for (rows, cols) in tiles(0..IN, Self::OUT) {
                let tile = part_mut(&mut tile, &(0..rows.len() * cols.len()));
                let of_sample = |all: usize| {
                    let each = per_sample(all);
                    sample * each..(sample + 1) * each
                };
                self.form(isa, of_sample, &rows, &cols, tile);
                *square += square_of(isa, tile);
            }
        }
    }
}

/// Applies the rule to some rows and columns of parameters, in rows of `out`, whose gradient is a tile of its own.
pub(super) fn descend_tile<R: Rule>(
    isa: Isa,
    rule: R,
    gradient: &[f32],
    [rows, cols]: [&Range<usize>; 2],
    parameters: &mut [f32],
    out: usize,
    moments: &mut [&mut [f32]; MOST_MOMENTS],
) {
    for (row, gradient) in rows.clone().zip(gradient.chunks(cols.len().max(1))) {
        let here = row * out + cols.start..row * out + cols.end;
        let parameters = part_mut(parameters, &here);
        let moments = moments.each_mut().map(|moment| part_mut(moment, &here));
        isa.call(DescendSlice { rule, gradient, parameters, moments });
    }
}

/// Applies the rule to parameters without gaps, whose gradient is `xs dys`.
#[inline(always)]
fn apply_product<R: Rule>(
    rule: R,
    isa: Isa,
    xs: Mat<'_>,
    dys: Mat<'_>,
    weight: MatMut<'_>,
    moments: [&mut [f32]; MOST_MOMENTS],
) {
    let (stride, len) = (weight.cols(), weight.rows() * weight.cols());
    if let Some(rate) = rule.descent() {
        descend_product(isa, xs, dys, weight, rate);
    } else if let Some(rule) = RuleAt::new(isa, rule, moments, stride, len) {
        update::move_by_product(isa, xs, dys, weight, &rule);
    }
}

/// The sum of rows: the gradient of parameters that are added to, or multiply, every row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, P> {
    rows: &'a [P],
}

impl<'a, P: Plain> Rows<'a, P> {
    /// The sum of `rows`.
    pub const fn of(rows: &'a [P]) -> Self {
        Self { rows }
    }
}

#[expect(private_bounds, reason = "see the trait")]
impl<P: Plain> Gradient<P> for Rows<'_, P> {
    const IS_OFFSET: bool = true;

    #[inline]
    fn apply<R: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: R,
        bias: &mut P,
        moments: [&mut [f32]; MOST_MOMENTS],
    ) {
        if pace.take_whole(count_of::<P>() * (self.rows.len() + macs::<R>())) {
            let (dys, bias) = (numbers(self.rows), numbers_mut(from_mut(bias)));
            pace.isa().call_in_parts(DescendColumns::of(rule, dys, bias, moments));
        }
    }

    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut P) {
        if pace.take_whole(count_of::<P>() * (self.rows.len() + 1)) {
            let sum = numbers_mut(from_mut(sum));
            if fresh {
                sum.fill(0.0);
            }
            add_rows(pace.isa(), self.rows, factor, sum);
        }
    }

    /// A unit is a sample.
    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]) {
        let each = self.rows.len().checked_div(squares.len()).unwrap_or(0);
        let samples = pace.take(squares.len(), each * count_of::<P>());
        let isa = pace.isa();
        for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
            let rows = part(self.rows, &(sample * each..(sample + 1) * each));
            if FINITE || rows.len() <= 1 {
                *square += rows.iter().map(|row| square_of(isa, numbers(from_ref(row)))).sum::<f32>();
                continue;
            }
            let mut sum = P::ZEROED;
            let sum = numbers_mut(from_mut(&mut sum));
            add_rows(isa, rows, 1.0, sum);
            *square += square_of(isa, sum);
        }
    }
}

/// Adds `factor` times the sum of the rows to `sum`.
fn add_rows<P: Plain>(isa: Isa, rows: &[P], factor: f32, sum: &mut [f32]) {
    let rule = update::GradientDescent { rate: -factor };
    isa.call_in_parts(DescendColumns::of(rule, numbers(rows), sum, [&mut [], &mut []]));
}

/// A gradient in memory, summed over the whole batch. It has no gradient per sample, so private training of a layer
/// that uses it does not compile.
#[derive(Clone, Copy, Debug)]
pub struct Formed<'a, P, const OFFSETS: bool = false> {
    gradient: &'a P,
}

impl<'a, P: Plain> Formed<'a, P> {
    /// A gradient of weights.
    pub const fn of(gradient: &'a P) -> Self {
        Self { gradient }
    }
}

impl<'a, P: Plain> Formed<'a, P, true> {
    /// A gradient of biases, gains and the like.
    pub const fn of_offsets(gradient: &'a P) -> Self {
        Self { gradient }
    }
}

#[expect(private_bounds, reason = "see the trait")]
impl<P: Plain, const OFFSETS: bool> Gradient<P> for Formed<'_, P, OFFSETS> {
    const IS_OFFSET: bool = OFFSETS;

    /// A unit is sixteen numbers.
    fn apply<R: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: R,
        parameters: &mut P,
        moments: [&mut [f32]; MOST_MOMENTS],
    ) {
        let (gradient, parameters) = (numbers(from_ref(self.gradient)), numbers_mut(from_mut(parameters)));
        let pieces = pace.take(parameters.len().div_ceil(PIECE), PIECE * macs::<R>());
        if pieces.is_empty() {
            return;
        }
        let range = pieces.start * PIECE..parameters.len().min(pieces.end * PIECE);
        let moments = moments.map(|moment| part_mut(moment, &range));
        let (gradient, parameters) = (part(gradient, &range), part_mut(parameters, &range));
        pace.isa().call_in_parts(DescendSlice { rule, gradient, parameters, moments });
    }

    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut P) {
        let (gradient, sum) = (numbers(from_ref(self.gradient)), numbers_mut(from_mut(sum)));
        if pace.take_whole(sum.len()) {
            if fresh {
                sum.fill(0.0);
            }
            let (rule, moments) = (update::GradientDescent { rate: -factor }, [&mut [][..], &mut []]);
            pace.isa().call_in_parts(DescendSlice { rule, gradient, parameters: sum, moments });
        }
    }

    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]) {
        const {
            assert!(
                FINITE,
                "a layer whose gradient is `Formed` does not tell samples apart: no private training"
            );
        }
        let gradient = numbers(from_ref(self.gradient));
        if let (true, Some(square)) = (pace.take_whole(gradient.len()), squares.first_mut()) {
            *square += square_of(pace.isa(), gradient);
        }
    }
}
