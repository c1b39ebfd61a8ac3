//! Optimisers' rules, applied where the gradient comes into being: in the registers of the product that forms it.
//!
//! A [`Rule`] moves a vector of parameters, given their gradient and up to two numbers that it keeps for each of them (its
//! moments). One rule finishes a product ([`Descend`], [`ByTile`]), goes along two slices ([`DescendSlice`]), and takes
//! the sum of rows ([`DescendColumns`]).

use super::gemm::{Finish, Place, load_row, next_row, store_tile};
use crate::Isa;
use crate::simd::{Pass, Simd};
use core::marker::PhantomData;

/// No rule keeps more numbers than these for a parameter.
pub(crate) const MOST_MOMENTS: usize = 2;

/// How one vector of parameters moves.
pub(crate) trait Rule: Copy {
    /// How many numbers it keeps for each parameter.
    const MOMENTS: usize;

    /// The learning rate, if the rule is plain gradient descent.
    fn descent(self) -> Option<f32> {
        None
    }

    /// The parameters moved. The first `MOMENTS` of `moments` are read and overwritten.
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V;
}

/// Gradient descent at the store of a product, in the registers that hold the gradient: C is the parameters.
#[derive(Clone, Copy)]
pub(crate) struct Descend {
    pub(crate) rate: f32,
}

impl Finish for Descend {
    const READS_OUTPUT: bool = true;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        true
    }

    #[cfg(feature = "rayon")]
    fn part(&self, _row: usize, _col: usize) -> Self {
        *self
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    ) {
        let mut weights = place.c.cast_const();
        // SAFETY: the caller's promise: the tile lies inside C.
        unsafe {
            for row in acc.iter_mut() {
                let old = load_row::<S, NV>(s, weights, place.last_lanes);
                for (x, old) in row.iter_mut().zip(old) {
                    *x = Downhill { rate: self.rate }.apply(s, *x, old, &mut [old; MOST_MOMENTS]);
                }
                weights = next_row(s, weights, place.c_stride);
            }
            store_tile(s, acc, place);
        }
    }
}

/// Any other rule at the store of a product. The tile of the gradient goes to the rule by way of the stack, so that a
/// program holds gemm once for all rules, and each rule once: rules of a dozen operations, with moments to load and store
/// for each parameter, gain nothing by being in every micro-kernel, and the compiler, given both, loses the registers of
/// the product's sums.
#[derive(Clone, Copy)]
pub(crate) struct ByTile<'a> {
    rule: &'a dyn TakeTile,
    /// Where C begins in what the rule was made for.
    row: usize,
    col: usize,
}

impl<'a> ByTile<'a> {
    pub(crate) fn new(rule: &'a dyn TakeTile) -> Self {
        Self { rule, row: 0, col: 0 }
    }
}

/// A rule together with its moments.
pub(crate) trait TakeTile {
    /// Whether a column may be finished as a row.
    fn takes_columns_as_rows(&self) -> bool;

    /// Moves a tile of parameters.
    ///
    /// # Safety
    /// `tile` lies inside the parameters that the rule was made for, whose shape and stride C has, and its gradient can be
    /// read in whole vectors. Nobody else uses these parameters meanwhile, nor takes the same tile: so the moments, too,
    /// are nobody else's.
    unsafe fn take(&self, tile: Tile);
}

/// A gradient of `rows` rows of `cols` numbers, `stride` apart, and the place of the parameters that it is of.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    gradient: *const f32,
    stride: usize,
    rows: usize,
    cols: usize,
    place: Place,
}

impl Finish for ByTile<'_> {
    const READS_OUTPUT: bool = true;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        self.rule.takes_columns_as_rows()
    }

    #[cfg(feature = "rayon")]
    fn part(&self, row: usize, col: usize) -> Self {
        Self { row: self.row + row, col: self.col + col, ..*self }
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        _: S,
        acc: &mut [[S::V; NV]; MR],
        mut place: Place,
    ) {
        // A copy: the sums themselves must not be seen to have an address.
        let gradient = *acc;
        let cols = (NV - 1) * S::LANES + place.last_lanes;
        place.row += self.row;
        place.col += self.col;
        let gradient = gradient.as_ptr().cast();
        // SAFETY: the caller's promise.
        unsafe { self.rule.take(Tile { gradient, stride: NV * S::LANES, rows: MR, cols, place }) }
    }
}

/// A rule, its moments, and the instruction set that it runs on.
pub(crate) struct RuleAt<'a, R> {
    isa: Isa,
    rule: R,
    moments: [*mut f32; MOST_MOMENTS],
    /// Numbers from one row of the parameters, and of each moment, to the next.
    stride: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a, R: Rule> RuleAt<'a, R> {
    /// For `len` parameters in rows of `stride` without gaps; `None` unless every moment of the rule has as many numbers.
    pub(crate) fn new(
        isa: Isa,
        rule: R,
        moments: [&'a mut [f32]; MOST_MOMENTS],
        stride: usize,
        len: usize,
    ) -> Option<Self> {
        let fits = moments.iter().take(R::MOMENTS).all(|moment| moment.len() == len);
        let moments = moments.map(<[f32]>::as_mut_ptr);
        fits.then_some(Self { isa, rule, moments, stride, borrowed: PhantomData })
    }
}

impl<R: Rule> TakeTile for RuleAt<'_, R> {
    /// A column has one number a row, and so have its moments.
    fn takes_columns_as_rows(&self) -> bool {
        self.stride == 1
    }

    unsafe fn take(&self, tile: Tile) {
        let start = tile.place.row * self.stride + tile.place.col;
        let moments = self.moments.map(|moment| moment.wrapping_add(start));
        self.isa.call(DescendTile { rule: self.rule, tile, moments, stride: self.stride });
    }
}

/// The rule on a tile: `moments` and the parameters hold it, as [`TakeTile::take`]'s caller has promised.
struct DescendTile<R> {
    rule: R,
    tile: Tile,
    moments: [*mut f32; MOST_MOMENTS],
    stride: usize,
}

impl<R: Rule> Pass for DescendTile<R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { rule, tile, mut moments, stride } = self;
        let (mut gradient, mut weights) = (tile.gradient, tile.place.c);
        for _ in 0..tile.rows {
            let mut start = 0;
            // SAFETY: see above; the gradient has whole vectors.
            unsafe {
                while start + S::LANES <= tile.cols {
                    let gradient = s.load(gradient.wrapping_add(start));
                    step_vector(s, rule, gradient, weights, moments, start, None);
                    start += S::LANES;
                }
                if start < tile.cols {
                    let gradient = s.load(gradient.wrapping_add(start));
                    step_vector(s, rule, gradient, weights, moments, start, Some(tile.cols - start));
                }
            }
            gradient = gradient.wrapping_add(tile.stride);
            weights = weights.wrapping_add(tile.place.c_stride);
            moments = moments.map(|moment| moment.wrapping_add(stride));
        }
    }
}

/// The rule on slices: a gradient and the parameters it belongs to, as far as the shortest of all goes.
pub(crate) struct DescendSlice<'a, R> {
    pub(crate) rule: R,
    pub(crate) gradient: &'a [f32],
    pub(crate) parameters: &'a mut [f32],
    pub(crate) moments: [&'a mut [f32]; MOST_MOMENTS],
}

impl<R: Rule> Pass for DescendSlice<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = shortest::<R>(self.gradient.len().min(self.parameters.len()), &self.moments);
        let parameters = self.parameters.as_mut_ptr();
        let moments = self.moments.map(<[f32]>::as_mut_ptr);
        let mut start = 0;
        // SAFETY: `lanes` numbers from `start` on lie in every slice.
        unsafe {
            while start + S::LANES <= len {
                let gradient = s.load(self.gradient.as_ptr().add(start));
                step_vector(s, self.rule, gradient, parameters, moments, start, None);
                start += S::LANES;
            }
            if start < len {
                let lanes = len - start;
                let gradient = s.load_partial(self.gradient.as_ptr().add(start), lanes);
                step_vector(s, self.rule, gradient, parameters, moments, start, Some(lanes));
            }
        }
    }
}

/// From so many rows on their sum has four chains.
const FOUR_CHAINS: usize = 16;

/// The rule on a bias, whose gradient is the sum of the rows of `dys`, each as long as it, from the first to the last.
pub(crate) struct DescendColumns<'a, R> {
    pub(crate) rule: R,
    pub(crate) dys: &'a [f32],
    pub(crate) bias: &'a mut [f32],
    pub(crate) moments: [&'a mut [f32]; MOST_MOMENTS],
}

impl<R: Rule> Pass for DescendColumns<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let stride = self.bias.len();
        let cols = shortest::<R>(stride, &self.moments);
        let rows = self.dys.len().checked_div(stride).unwrap_or(0);
        let bias = self.bias.as_mut_ptr();
        let moments = self.moments.map(<[f32]>::as_mut_ptr);
        let mut col = 0;
        while col < cols {
            let lanes = (cols - col).min(S::LANES);
            // Many rows in four chains, whose sums are added in order: one would wait for itself.
            let chain = if rows < FOUR_CHAINS { rows } else { rows.div_ceil(4) };
            let mut sums = [s.splat(0.0); 4];
            for i in 0..chain {
                for (c, sum) in sums.iter_mut().enumerate() {
                    let row = c * chain + i;
                    if row < rows {
                        // SAFETY: `lanes` numbers from `col` on lie in each row, which is as long as the bias.
                        let dy = unsafe { s.load_partial(self.dys.as_ptr().add(row * stride + col), lanes) };
                        *sum = s.add(*sum, dy);
                    }
                }
            }
            let [first, second, third, fourth] = sums;
            let sum = match chain < rows {
                true => s.add(s.add(s.add(first, second), third), fourth),
                false => first,
            };
            // SAFETY: and as many in the bias and in every moment.
            unsafe { step_vector(s, self.rule, sum, bias, moments, col, Some(lanes)) };
            col += S::LANES;
        }
    }
}

/// As far as parameters and moments in use go.
#[inline(always)]
fn shortest<R: Rule>(len: usize, moments: &[&mut [f32]; MOST_MOMENTS]) -> usize {
    moments.iter().take(R::MOMENTS).fold(len, |len, moment| len.min(moment.len()))
}

/// Moves a vector of parameters, or its first `lanes`, which lie `start` numbers into `parameters` and each of `moments`.
///
/// # Safety
/// All of them can be read and written, `lanes` being at most `LANES`.
#[inline(always)]
unsafe fn step_vector<S: Simd, R: Rule>(
    s: S,
    rule: R,
    gradient: S::V,
    parameters: *mut f32,
    moments: [*mut f32; MOST_MOMENTS],
    start: usize,
    lanes: Option<usize>,
) {
    let at = |p: *mut f32| p.wrapping_add(start);
    let mut kept = [s.splat(0.0); MOST_MOMENTS];
    // SAFETY: the caller's promise.
    unsafe {
        for (kept, moment) in kept.iter_mut().zip(moments).take(R::MOMENTS) {
            *kept = load(s, at(moment), lanes);
        }
        let moved = rule.apply(s, gradient, load(s, at(parameters), lanes), &mut kept);
        store(s, at(parameters), moved, lanes);
        for (&kept, moment) in kept.iter().zip(moments).take(R::MOMENTS) {
            store(s, at(moment), kept, lanes);
        }
    }
}

/// # Safety
/// A vector, or `lanes` of it, can be read.
#[inline(always)]
unsafe fn load<S: Simd>(s: S, p: *const f32, lanes: Option<usize>) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        match lanes {
            Some(lanes) => s.load_partial(p, lanes),
            None => s.load(p),
        }
    }
}

/// # Safety
/// A vector, or `lanes` of it, can be written.
#[inline(always)]
unsafe fn store<S: Simd>(s: S, p: *mut f32, x: S::V, lanes: Option<usize>) {
    // SAFETY: the caller's promise.
    unsafe {
        match lanes {
            Some(lanes) => s.store_partial(p, x, lanes),
            None => s.store(p, x),
        }
    }
}

/// Gradient descent: `w = w - rate g`.
#[derive(Clone, Copy, Debug)]
pub struct Downhill {
    pub(crate) rate: f32,
}

impl Rule for Downhill {
    const MOMENTS: usize = 0;

    fn descent(self) -> Option<f32> {
        Some(self.rate)
    }

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, _: &mut [S::V; MOST_MOMENTS]) -> S::V {
        s.neg_mul_add(gradient, s.splat(self.rate), weight)
    }
}

/// `v = momentum v + g`, then `w = w - rate v`; looking ahead (Nesterov), `w = w - rate (g + momentum v)`.
#[derive(Clone, Copy, Debug)]
pub struct Heavy<const AHEAD: bool> {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
}

impl<const AHEAD: bool> Rule for Heavy<AHEAD> {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let momentum = s.splat(self.momentum);
        let velocity = s.mul_add(momentum, moments[0], gradient);
        moments[0] = velocity;
        let direction = if AHEAD { s.mul_add(momentum, velocity, gradient) } else { velocity };
        s.neg_mul_add(direction, s.splat(self.rate), weight)
    }
}

/// ```text
/// m = m + (1 - beta1) (g - m)        v = v + (1 - beta2) (g^2 - v)
/// w = w - rate / c1  m / (sqrt(v) / sqrt(c2) + epsilon)
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// `rate / c1`.
    pub(crate) rate: f32,
    /// `1 - beta1`, `1 - beta2`.
    pub(crate) news: [f32; 2],
    /// `1 / sqrt(c2)`.
    pub(crate) correction: f32,
    pub(crate) epsilon: f32,
}

impl Rule for Moments {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let [m, v] = *moments;
        let m = s.mul_add(s.splat(self.news[0]), s.sub(gradient, m), m);
        let v = s.mul_add(s.splat(self.news[1]), s.sub(s.mul(gradient, gradient), v), v);
        *moments = [m, v];
        let size = s.mul_add(s.sqrt(v), s.splat(self.correction), s.splat(self.epsilon));
        s.neg_mul_add(s.div(m, size), s.splat(self.rate), weight)
    }
}

/// `v = v + (1 - alpha) (g^2 - v)`, `w = w - rate g / (sqrt(v) + epsilon)`.
#[derive(Clone, Copy, Debug)]
pub struct RootMeanSquare {
    pub(crate) rate: f32,
    /// `1 - alpha`.
    pub(crate) news: f32,
    pub(crate) epsilon: f32,
}

impl Rule for RootMeanSquare {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        let v = moments[0];
        let v = s.mul_add(s.splat(self.news), s.sub(s.mul(gradient, gradient), v), v);
        moments[0] = v;
        let size = s.add(s.sqrt(v), s.splat(self.epsilon));
        s.neg_mul_add(s.div(gradient, size), s.splat(self.rate), weight)
    }
}

/// A rule on the gradient of the loss and of `decay / 2 |w|^2`.
#[derive(Clone, Copy, Debug)]
pub struct Penalized<R> {
    pub(crate) rule: R,
    pub(crate) decay: f32,
}

impl<R: Rule> Rule for Penalized<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        self.rule.apply(s, s.mul_add(s.splat(self.decay), weight, gradient), weight, moments)
    }
}

/// A rule on parameters that shrink by a factor first.
#[derive(Clone, Copy, Debug)]
pub struct Shrinking<R> {
    pub(crate) rule: R,
    pub(crate) factor: f32,
}

impl<R: Rule> Rule for Shrinking<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        self.rule.apply(s, gradient, s.mul(weight, s.splat(self.factor)), moments)
    }
}

/// A rule on gradients brought between `-limit` and `limit`; NaN stays.
#[derive(Clone, Copy, Debug)]
pub struct Clipped<R> {
    pub(crate) rule: R,
    pub(crate) limit: f32,
}

impl<R: Rule> Rule for Clipped<R> {
    const MOMENTS: usize = R::MOMENTS;

    #[inline(always)]
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V {
        // A NaN that comes second stays.
        let gradient = s.min(s.splat(self.limit), s.max(s.splat(-self.limit), gradient));
        self.rule.apply(s, gradient, weight, moments)
    }
}
