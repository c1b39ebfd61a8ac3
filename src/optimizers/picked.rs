//! The gradient of rows of weights that tokens pick, of which there may be a product beside.

use super::Gradient;
use super::gradient::{TILE, columns, descend_tile, macs, square_of, tiles};
use crate::kernel::elementwise::{Add, Zip};
use crate::kernel::update::{
    GradientDescent, MOST_MOMENTS, Rule, RuleAt, WithPicks, descend_product, move_by_product,
};
use crate::memory::{part, part_mut};
use crate::pace::Pace;
use crate::{Isa, Label, Mat, MatMut};
use core::ops::Range;

/// `X` and `dY` of a product `X^T dY`.
type Factors<'a, const V: usize, const D: usize> = (&'a [[f32; V]], &'a [[f32; D]]);

/// The gradients of outputs, each added to the row of the token that picked it; and the product `X^T dY`, if there is
/// one, for weights that are used both ways. Tokens past the last row pick none.
#[derive(Clone, Copy, Debug)]
pub struct Picked<'a, K, const V: usize, const D: usize> {
    tokens: &'a [K],
    dys: &'a [[f32; D]],
    product: Option<Factors<'a, V, D>>,
}

impl<'a, K: Label, const V: usize, const D: usize> Picked<'a, K, V, D> {
    /// Row `token` of the gradient is the sum of the `dys` whose token it is. With different numbers of tokens and rows, those that
    /// have no other are ignored.
    pub const fn of(tokens: &'a [K], dys: &'a [[f32; D]]) -> Self {
        Self { tokens, dys, product: None }
    }

    /// The same, added to `xs^T dys`.
    #[must_use]
    pub const fn and_product(self, xs: &'a [[f32; V]], dys: &'a [[f32; D]]) -> Self {
        Self { product: Some((xs, dys)), ..self }
    }

    fn rows(&self) -> usize {
        self.product.map_or(0, |(xs, _)| xs.len())
    }

    /// Calls `add` for each token in `rows`, with its row counted from their start and the columns of its gradient.
    fn picks(&self, rows: &Range<usize>, cols: &Range<usize>, add: &mut dyn FnMut(usize, &[f32])) {
        for (token, dy) in self.tokens.iter().zip(self.dys) {
            let row = token.class();
            if rows.contains(&row) {
                add(row - rows.start, part(dy, cols));
            }
        }
    }

    /// Overwrites `tile` with rows and columns of the gradient without the product. Returns whether any token picked one.
    fn form(&self, isa: Isa, rows: &Range<usize>, cols: &Range<usize>, tile: &mut [f32]) -> bool {
        let mut any = false;
        self.picks(rows, cols, &mut |row, others| {
            if !any {
                tile.fill(0.0);
            }
            any = true;
            let xs = part_mut(tile, &(row * cols.len()..(row + 1) * cols.len()));
            isa.call(Zip { function: Add, others, xs });
        });
        if !any {
            tile.fill(0.0);
        }
        any
    }
}

#[expect(private_bounds, reason = "rules are written for instruction sets, which are private")]
impl<K: Label, const V: usize, const D: usize> Gradient<[[f32; D]; V]> for Picked<'_, K, V, D> {
    /// A unit is a row of weights.
    fn apply<R: Rule, Q: Pace>(
        self,
        pace: &mut Q,
        rule: R,
        weight: &mut [[f32; D]; V],
        moments: [&mut [f32]; MOST_MOMENTS],
    ) {
        let rows = pace.take(V, D * (self.rows() + 1 + macs::<R>()));
        if rows.is_empty() {
            return;
        }
        let isa = pace.isa();
        let mut moments = moments.map(|moment| part_mut(moment, &(rows.start * D..rows.end * D)));
        let weight = part_mut(weight, &rows);
        if let Some((xs, dys)) = self.product {
            let Some(rule) = RuleAt::new(isa, rule, moments, D, weight.len() * D) else { return };
            let picks = |of: &Range<usize>, cols: &Range<usize>, add: &mut dyn FnMut(usize, &[f32])| {
                self.picks(&(rows.start + of.start..rows.start + of.end), cols, add);
            };
            let rule = WithPicks::new(isa, &rule, picks);
            let xs = columns(xs, &rows);
            return move_by_product(isa, xs.t(), Mat::of_rows(dys), MatMut::of_rows(weight), &rule);
        }
        let mut tile = [0.0; TILE];
        for (tile_rows, cols) in tiles(0..rows.len(), D) {
            let gradient = part_mut(&mut tile, &(0..tile_rows.len() * cols.len()));
            let from = rows.start + tile_rows.start..rows.start + tile_rows.end;
            // Gradient descent changes picked rows only.
            if !self.form(isa, &from, &cols, gradient) && rule.descent().is_some() {
                continue;
            }
            let parameters = weight.as_flattened_mut();
            descend_tile(isa, rule, gradient, [&tile_rows, &cols], parameters, D, &mut moments);
        }
    }

    /// A unit is a row of weights.
    fn add_to<Q: Pace>(self, pace: &mut Q, fresh: bool, factor: f32, sum: &mut [[f32; D]; V]) {
        let rows = pace.take(V, D * (self.rows() + 1));
        if rows.is_empty() {
            return;
        }
        let isa = pace.isa();
        let sum = part_mut(sum, &rows);
        if fresh {
            sum.as_flattened_mut().fill(0.0);
        }
        if let Some((xs, dys)) = self.product {
            let xs = columns(xs, &rows);
            descend_product(isa, xs.t(), Mat::of_rows(dys), MatMut::of_rows(sum), -factor);
        }
        let mut tile = [0.0; TILE];
        for (tile_rows, cols) in tiles(0..rows.len(), D) {
            let gradient = part_mut(&mut tile, &(0..tile_rows.len() * cols.len()));
            let from = rows.start + tile_rows.start..rows.start + tile_rows.end;
            if self.form(isa, &from, &cols, gradient) {
                let (rule, sum) = (GradientDescent { rate: -factor }, sum.as_flattened_mut());
                descend_tile(isa, rule, gradient, [&tile_rows, &cols], sum, D, &mut [&mut [], &mut []]);
            }
        }
    }

    /// A unit is a sample.
    fn add_squares<Q: Pace, const FINITE: bool>(self, pace: &mut Q, squares: &mut [f32]) {
        let count = squares.len();
        let each = |all: usize| all.checked_div(count).unwrap_or(0);
        let (tokens, rows) = (each(self.tokens.len()), each(self.rows()));
        let isa = pace.isa();
        let macs = if FINITE { tokens * D + rows * (V + D) } else { (rows + 1).saturating_mul(V * D) };
        let samples = pace.take(count, macs);
        for (square, sample) in part_mut(squares, &samples).iter_mut().zip(samples.clone()) {
            let (own, of_product) =
                (sample * tokens..(sample + 1) * tokens, sample * rows..(sample + 1) * rows);
            let dys = part(self.dys, &own);
            let product = self.product.map(|(xs, dys)| (part(xs, &of_product), part(dys, &of_product)));
            if FINITE {
                // The sum over rows is finite only if the gradient is.
                *square += dys.iter().map(|dy| square_of(isa, dy)).sum::<f32>();
                for (x, dy) in product.into_iter().flat_map(|(xs, dys)| xs.iter().zip(dys)) {
                    *square += square_of(isa, x) * square_of(isa, dy);
                }
                continue;
            }
            let sample = Self { tokens: part(self.tokens, &own), dys, product };
            let mut tile = [0.0; TILE];
            for (rows, cols) in tiles(0..V, D) {
                let tile = part_mut(&mut tile, &(0..rows.len() * cols.len()));
                let any = sample.form(isa, &rows, &cols, tile);
                if let Some((xs, dys)) = product
                    && let Ok(tile) = MatMut::new(tile, rows.len(), cols.len())
                {
                    descend_product(isa, columns(xs, &rows).t(), columns(dys, &cols), tile, -1.0);
                } else if !any {
                    continue;
                }
                *square += square_of(isa, tile);
            }
        }
    }
}
