//! Optimisers' rules, applied to the gradient while it is in the registers of the product that computes it.
//!
//! A [`Rule`] updates a vector of parameters, given their gradient and up to two stored numbers per parameter
//! (moments). The same rule is used as the epilogue of a product ([`Descend`], [`ByTile`]), on slices
//! ([`DescendSlice`]), and on the sum of rows ([`DescendColumns`]).

mod picks;
mod rules;

pub(crate) use picks::WithPicks;
pub(crate) use rules::{
    AdamRule, ClipByValue, DecoupledDecay, GradientDescent, L2Penalty, MomentumRule, RmsPropRule,
};

#[cfg(not(fusebox_scalar))]
use super::gemm::Store;
use super::gemm::{Finish, TakeTile, Tile, add_rank_one, finish_product};
#[cfg(fusebox_scalar)]
use super::gemm::{Place, load_row, next_row, store_tile};
use super::threads::{Divide, first, first_mut, size_in_sixteens};
use crate::simd::{Pass, Simd};
use crate::{Isa, Mat, MatMut};
use core::marker::PhantomData;

/// The largest number of moments per parameter of any rule.
pub(crate) const MOST_MOMENTS: usize = 2;

/// How to update one vector of parameters.
pub(crate) trait Rule: Copy + Send {
    /// The number of moments per parameter.
    const MOMENTS: usize;

    /// The learning rate, if the rule is SGD without momentum.
    fn descent(self) -> Option<f32> {
        None
    }

    /// Returns the updated parameters. The first `MOMENTS` of `moments` are read and overwritten.
    fn apply<S: Simd>(self, s: S, gradient: S::V, weight: S::V, moments: &mut [S::V; MOST_MOMENTS]) -> S::V;
}

/// SGD in the epilogue of a product, in the registers that hold the gradient: C is the parameters.
#[derive(Clone, Copy)]
struct Descend {
    rate: f32,
}

// SAFETY: only the tile of C is read and written; the rate is shared, and only read.
unsafe impl Finish for Descend {
    const READS_OUTPUT: bool = true;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        true
    }

    #[cfg(not(fusebox_scalar))]
    fn store(&self) -> Store<'_> {
        Store::Descend(self.rate)
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    ) {
        let mut weights = place.c.cast_const();
        // SAFETY: by the contract of `Finish::finish`, the tile is inside C and can be accessed.
        unsafe {
            for row in acc.iter_mut() {
                let old = load_row::<S, NV>(s, weights, place.last_lanes);
                for (x, old) in row.iter_mut().zip(old) {
                    *x = GradientDescent { rate: self.rate }.apply(s, *x, old, &mut [old; MOST_MOMENTS]);
                }
                weights = next_row(s, weights, place.c_stride);
            }
            store_tile(s, acc, place);
        }
    }

    #[cfg(fusebox_scalar)]
    const ADDS: bool = true;

    #[cfg(fusebox_scalar)]
    fn factor(&self) -> f32 {
        -self.rate
    }
}

/// Any other rule in the epilogue of a product. The tile of the gradient is passed to the rule through the stack, so
/// that a program contains gemm once for all rules, and each rule once. Rules have a dozen operations and load and
/// store moments for each parameter, so inlining them in every micro-kernel gains nothing, and the compiler would
/// then spill the product's accumulators.
#[derive(Clone, Copy)]
struct ByTile<'a>(&'a dyn TakeTile);

/// Updates `weight` by SGD with the gradient `xs dys`. For one sample, the rate multiplies `dys` first, and no
/// gradient is formed: `w_ij + x_i (-rate dy_j)`. In this function, which does not know a layer's sizes at compile
/// time, so that all crates share one compiled product.
#[inline(never)]
pub(crate) fn descend_product(isa: Isa, xs: Mat<'_>, dys: Mat<'_>, weight: MatMut<'_>, rate: f32) {
    if xs.cols() == 1 && dys.rows() == 1 {
        return add_rank_one(isa, xs.data(), dys.data(), weight, -rate);
    }
    // SAFETY: `Descend` may be used with any C.
    unsafe { finish_product(isa, xs, dys, weight, &Descend { rate }) };
}

/// Updates `weight` by any rule with the gradient `xs dys`. Writes nothing if the rule was not created for that shape.
#[inline(never)]
pub(crate) fn move_by_product(isa: Isa, xs: Mat<'_>, dys: Mat<'_>, weight: MatMut<'_>, rule: &dyn TakeTile) {
    if rule.fits(&weight) {
        // SAFETY: the rule's moments have one number for each of C's, with the same stride.
        unsafe { finish_product(isa, xs, dys, weight, &ByTile(rule)) };
    }
}

// SAFETY: 1. By the contract of `TakeTile::take`. 2. A rule and its instruction set are only read.
unsafe impl Finish for ByTile<'_> {
    const READS_OUTPUT: bool = true;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        self.0.takes_columns_as_rows()
    }

    #[cfg(not(fusebox_scalar))]
    fn store(&self) -> Store<'_> {
        Store::Rule(self.0, [0; 2])
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        _: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    ) {
        let cols = (NV - 1) * S::LANES + place.last_lanes;
        let sums = acc.as_ptr().cast();
        // SAFETY: by the contract of `Finish::finish`, the tile is inside C (1) and nothing else uses it (3);
        // `acc` has whole vectors (2).
        unsafe { self.0.take(Tile { sums, stride: NV * S::LANES, rows: MR, cols, place }) }
    }

    /// # Safety
    /// See [`Finish::finish_row`].
    #[cfg(fusebox_scalar)]
    unsafe fn finish_row<S: Simd>(&self, _: S, sums: *mut f32, place: Place, len: usize) {
        // SAFETY: by the contract of `Finish::finish_row`, the row is inside C (1), `len` numbers can be read at
        // `sums` (2), and nothing else uses the row (3).
        unsafe { self.0.take(Tile { sums, stride: len, rows: 1, cols: len, place }) }
    }
}

/// A rule, its moments, and the instruction set to run it on.
pub(crate) struct RuleAt<'a, R> {
    isa: Isa,
    rule: R,
    moments: [*mut f32; MOST_MOMENTS],
    /// Numbers from one row of the parameters, and of each moment, to the next.
    stride: usize,
    /// Numbers in each moment.
    len: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a, R: Rule> RuleAt<'a, R> {
    /// For `len` parameters in rows of `stride` without gaps; `None` unless every moment of the rule has `len` numbers.
    pub(crate) fn new(
        isa: Isa,
        rule: R,
        moments: [&'a mut [f32]; MOST_MOMENTS],
        stride: usize,
        len: usize,
    ) -> Option<Self> {
        let fits = moments.iter().take(R::MOMENTS).all(|moment| moment.len() == len);
        let moments = moments.map(<[f32]>::as_mut_ptr);
        fits.then_some(Self { isa, rule, moments, stride, len, borrowed: PhantomData })
    }
}

impl<R: Rule> TakeTile for RuleAt<'_, R> {
    /// Only if a row has one number, so that the moments of a column are contiguous.
    fn takes_columns_as_rows(&self) -> bool {
        self.stride == 1
    }

    fn fits(&self, weight: &MatMut<'_>) -> bool {
        weight.row_stride() == self.stride && weight.rows() * self.stride <= self.len
    }

    /// # Safety
    /// See [`TakeTile::take`].
    unsafe fn take(&self, tile: Tile) {
        let start = tile.place.row * self.stride + tile.place.col;
        let moments = self.moments.map(|moment| moment.wrapping_add(start));
        let ahead = self.len >= FAR;
        self.isa.call(DescendTile { rule: self.rule, tile, moments, stride: self.stride, ahead });
    }
}

/// The rule on a tile. By the contract of [`TakeTile::take`], `moments` and the parameters contain the tile.
struct DescendTile<R> {
    rule: R,
    tile: Tile,
    moments: [*mut f32; MOST_MOMENTS],
    stride: usize,
    /// Fetch what the tile below needs, while its product is computed.
    ahead: bool,
}

/// Parameters that no second-level cache holds together with their moments.
const FAR: usize = 1 << 18;

impl<R: Rule> Pass for DescendTile<R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { rule, tile, mut moments, stride, ahead } = self;
        let (mut gradient, mut weights) = (tile.sums, tile.place.c);
        #[cfg(not(fusebox_scalar))]
        if S::PREFETCHES && ahead {
            for (row, start) in (tile.rows..2 * tile.rows)
                .flat_map(|row| (0..tile.cols).step_by(16).map(move |start| (row, start)))
            {
                s.prefetch(weights.wrapping_add(row * tile.place.c_stride + start));
                for moment in moments.iter().take(R::MOMENTS) {
                    s.prefetch(moment.wrapping_add(row * stride + start));
                }
            }
        }
        #[cfg(fusebox_scalar)]
        let _ = ahead;
        for _ in 0..tile.rows {
            let mut start = 0;
            // SAFETY: as stated at `DescendTile`.
            unsafe {
                while start + S::LANES <= tile.cols {
                    let gradient = s.load(gradient.wrapping_add(start));
                    step_vector(s, rule, gradient, weights, moments, start, None);
                    start += S::LANES;
                }
                if start < tile.cols {
                    let lanes = tile.cols - start;
                    let gradient = s.load_partial(gradient.wrapping_add(start), lanes);
                    step_vector(s, rule, gradient, weights, moments, start, Some(lanes));
                }
            }
            gradient = gradient.wrapping_add(tile.stride);
            weights = weights.wrapping_add(tile.place.c_stride);
            moments = moments.map(|moment| moment.wrapping_add(stride));
        }
    }
}

/// The rule on slices: a gradient and its parameters, up to the end of the shortest slice.
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
        // SAFETY: the `lanes` numbers from `start` on are inside every slice.
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

impl<R: Rule> Divide for DescendSlice<'_, R> {
    fn size(&self) -> [usize; 2] {
        size_in_sixteens(self.parameters)
    }

    fn take_first(&mut self, sixteens: usize) -> Self {
        let n = 16 * sixteens;
        Self {
            gradient: first(&mut self.gradient, n),
            parameters: first_mut(&mut self.parameters, n),
            moments: self.moments.each_mut().map(|moment| first_mut(moment, n)),
            ..*self
        }
    }
}

/// From this number of rows on, the sum uses four chains.
const FOUR_CHAINS: usize = 16;

/// More rows than this are summed in blocks of so many.
const BLOCK: usize = 4096;

/// The rule on a bias, whose gradient is the sum of the rows of `dys`, each as long as it, from the first to the last; or on
/// some numbers of a bias.
pub(crate) struct DescendColumns<'a, R> {
    rule: R,
    /// `rows` of `stride` numbers, from the first column on.
    dys: &'a [f32],
    rows: usize,
    stride: usize,
    bias: &'a mut [f32],
    moments: [&'a mut [f32]; MOST_MOMENTS],
}

impl<'a, R: Rule> DescendColumns<'a, R> {
    pub(crate) fn of(
        rule: R,
        dys: &'a [f32],
        bias: &'a mut [f32],
        moments: [&'a mut [f32]; MOST_MOMENTS],
    ) -> Self {
        let stride = bias.len();
        Self { rule, dys, rows: dys.len().checked_div(stride).unwrap_or(0), stride, bias, moments }
    }
}

impl<R: Rule> Pass for DescendColumns<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { rule, dys, rows, stride, bias, moments } = self;
        if rows == 1 {
            return DescendSlice { rule, gradient: dys, parameters: bias, moments }.run(s);
        }
        let cols = shortest::<R>(bias.len(), &moments);
        let bias = bias.as_mut_ptr();
        let moments = moments.map(<[f32]>::as_mut_ptr);
        let mut col = 0;
        while col < cols {
            let lanes = (cols - col).min(S::LANES);
            let first = dys.as_ptr().wrapping_add(col);
            // SAFETY: the `lanes` numbers from `col` on are inside each row, which has at least as many as the bias.
            let sum = unsafe { sum_of_rows(s, first, stride, rows, lanes) };
            // SAFETY: likewise inside the bias and every moment.
            unsafe { step_vector(s, rule, sum, bias, moments, col, Some(lanes)) };
            col = next::<S>(s, col);
        }
    }
}

impl<R: Rule> Divide for DescendColumns<'_, R> {
    fn size(&self) -> [usize; 2] {
        [self.bias.len().div_ceil(16), 16 * self.rows]
    }

    fn take_first(&mut self, sixteens: usize) -> Self {
        let n = 16 * sixteens;
        let dys = self.dys;
        // The rows of the rest begin n columns later.
        first(&mut self.dys, n);
        Self {
            dys,
            bias: first_mut(&mut self.bias, n),
            moments: self.moments.each_mut().map(|moment| first_mut(moment, n)),
            ..*self
        }
    }
}

/// The sum of one vector of each of `rows` rows, in an order that depends on their number only.
///
/// # Safety
/// Those of [`sum_of_few`].
#[inline(always)]
pub(super) unsafe fn sum_of_rows<S: Simd>(
    s: S,
    first: *const f32,
    stride: usize,
    rows: usize,
    lanes: usize,
) -> S::V {
    // SAFETY: by this function's contract, `lanes` numbers can be read at each row.
    unsafe {
        match rows {
            _ if S::LANES == 1 => sum_in_turn(s, first, stride, rows),
            0..FOUR_CHAINS => sum_of_few(s, first, stride, rows, lanes),
            FOUR_CHAINS..=BLOCK => sum_of_many(s, first, stride, rows, lanes),
            _ => sum_of_blocks(s, first, stride, rows, lanes),
        }
    }
}

/// The sum of one vector of each of `rows` rows, in one chain of additions.
///
/// # Safety
/// `lanes` numbers can be read at `first + i * stride`, for each `i` below `rows`.
#[inline(always)]
unsafe fn sum_of_few<S: Simd>(s: S, first: *const f32, stride: usize, rows: usize, lanes: usize) -> S::V {
    let mut sum = s.splat(0.0);
    for row in 0..rows {
        // SAFETY: by this function's contract, `lanes` numbers can be read at each row.
        sum = s.add(sum, unsafe { s.load_partial(first.wrapping_add(row * stride), lanes) });
    }
    sum
}

/// The same for many rows, in four chains whose sums are added in order: a single chain is limited by the latency of
/// addition.
///
/// # Safety
/// Those of [`sum_of_few`].
#[inline(always)]
unsafe fn sum_of_many<S: Simd>(s: S, first: *const f32, stride: usize, rows: usize, lanes: usize) -> S::V {
    let chain = rows.div_ceil(4);
    let mut sums = [s.splat(0.0); 4];
    for i in 0..chain {
        for (c, sum) in sums.iter_mut().enumerate() {
            let row = c * chain + i;
            if row < rows {
                // SAFETY: by this function's contract, `lanes` numbers can be read at each row.
                *sum = s.add(*sum, unsafe { s.load_partial(first.wrapping_add(row * stride), lanes) });
            }
        }
    }
    let [first, second, third, fourth] = sums;
    s.add(s.add(s.add(first, second), third), fourth)
}

/// The same for so many rows that a chain would lose what it adds to: block by block, whose sums are added in order.
///
/// # Safety
/// As for [`sum_of_few`].
#[inline(always)]
unsafe fn sum_of_blocks<S: Simd>(s: S, first: *const f32, stride: usize, rows: usize, lanes: usize) -> S::V {
    let mut sum = s.splat(0.0);
    let mut row = 0;
    while row < rows {
        let block = (rows - row).min(BLOCK);
        // SAFETY: the caller's promise, for rows from `row` on.
        sum = s.add(sum, unsafe { sum_of_many(s, first.wrapping_add(row * stride), stride, block, lanes) });
        row += block;
    }
    sum
}

/// The same of a column, by any number of rows, one chain after the other: for microcontrollers, whose programs are to be small.
///
/// # Safety
/// A number can be read in each row.
#[inline(always)]
unsafe fn sum_in_turn<S: Simd>(s: S, first: *const f32, stride: usize, rows: usize) -> S::V {
    let zero = s.splat(0.0);
    let (mut total, mut at) = (zero, first);
    let mut left = rows;
    while left > 0 {
        let block = left.min(BLOCK);
        let chain = if rows < FOUR_CHAINS { block } else { block.div_ceil(4) };
        left -= block;
        let (mut of_block, mut of_chain) = (zero, zero);
        let (mut in_block, mut in_chain) = (block, chain);
        while in_block > 0 {
            // SAFETY: so many rows are left of the block.
            of_chain = s.add(of_chain, unsafe { s.load(at) });
            at = at.wrapping_add(stride);
            (in_block, in_chain) = (s.number_in_register(in_block - 1), in_chain - 1);
            if in_chain == 0 || in_block == 0 {
                (of_block, of_chain, in_chain) = (s.add(of_block, of_chain), zero, chain);
            }
        }
        total = s.add(total, of_block);
    }
    total
}

/// Where the next vector starts; on microcontrollers in a loop that stays rolled.
#[inline(always)]
fn next<S: Simd>(s: S, start: usize) -> usize {
    let next = start + S::LANES;
    if S::LANES == 1 { s.number_in_register(next) } else { next }
}

/// As far as parameters and moments in use go.
#[inline(always)]
fn shortest<R: Rule>(len: usize, moments: &[&mut [f32]; MOST_MOMENTS]) -> usize {
    moments.iter().take(R::MOMENTS).fold(len, |len, moment| len.min(moment.len()))
}

/// Updates a vector of parameters, or its first `lanes`, at offset `start` in `parameters` and each of `moments`.
///
/// # Safety
/// All of these can be read and written; `lanes` is at most `LANES`.
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
    // SAFETY: by this function's contract, the parameters and the moments in use can be read and written there.
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
    // SAFETY: by this function's contract, a vector or `lanes` numbers can be read.
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
    // SAFETY: by this function's contract, a vector or `lanes` numbers can be written.
    unsafe {
        match lanes {
            Some(lanes) => s.store_partial(p, x, lanes),
            None => s.store(p, x),
        }
    }
}
