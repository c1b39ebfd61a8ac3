//! The micro-kernel: one tile of C, held in registers from its first value to its store.
//!
//! ```text
//! for r in 0..MR, v in 0..NV:  acc[r][v] = first value                     (zero, the bias, or the old c)
//! for each k:                                                              (the only loop that counts)
//!     b[v] = NV vectors of row k of B
//!     for r in 0..MR:  acc[r][v] += A[r, k] * b[v]                         (MR broadcasts, MR * NV multiply-adds)
//! finish(acc)                                                              (activation, mask or update; then store)
//! ```
//!
//! Every step of k loads `NV` vectors of B and broadcasts `MR` numbers of A for `MR * NV` multiply-adds: the larger the
//! tile, the fewer loads each costs, until the registers run out. The tile's sizes are const parameters, so that
//! the accumulators are registers and every loop over them is unrolled.
//!
//! # The order of a sum
//!
//! k ascends into one accumulator. Where the plan asks for chains (see [`super::plan`]), k falls into segments of equal
//! length; each gets an accumulator of its own, and the accumulators are added in order. So the bits of an
//! element do not depend on the tile it lies in.

use crate::simd::{Pass, Simd};

/// What an accumulator starts from.
#[derive(Clone, Copy)]
pub(super) enum First {
    Zero,
    /// One row for all rows of C: the bias.
    Row(*const f32),
    /// The old C.
    Output,
}

impl First {
    pub(super) fn at_col(self, col: usize) -> Self {
        match self {
            // SAFETY: drivers ask for columns of C only, and the row is as long as C's.
            Self::Row(row) => Self::Row(unsafe { row.add(col) }),
            other => other,
        }
    }
}

/// Where a tile's results go.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The tile's first element.
    pub(crate) c: *mut f32,
    /// Numbers from one row of C to the next.
    pub(crate) c_stride: usize,
    /// The tile's first row and column in C.
    pub(crate) row: usize,
    pub(crate) col: usize,
    /// Lanes in use of the last vector of a row: 1 to `LANES`.
    pub(crate) last_lanes: usize,
}

/// What becomes of a finished tile.
pub(crate) trait Finish {
    /// Whether [`Finish::finish`] reads the old C, which must then not hold sums of earlier blocks of k.
    const READS_OUTPUT: bool;

    /// Stores `acc`, or what follows from it, at `place`.
    ///
    /// # Safety
    /// `place` is a tile of `MR` rows and `NV` vectors (the last in part) inside the C that this value was made for.
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &[[S::V; NV]; MR],
        place: Place,
    );
}

/// Visits each vector of a tile: `visit(acc, row in tile, column in tile, lanes)`.
#[inline(always)]
pub(crate) fn for_each_vector<S: Simd, const MR: usize, const NV: usize>(
    acc: &[[S::V; NV]; MR],
    last_lanes: usize,
    mut visit: impl FnMut(S::V, usize, usize, usize),
) {
    for (r, row) in acc.iter().enumerate() {
        for (v, &x) in row.iter().enumerate() {
            visit(x, r, v * S::LANES, if v + 1 == NV { last_lanes } else { S::LANES });
        }
    }
}

/// The operands of one tile.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// A's first element for this tile, and the numbers from one row of A, as it lies in memory, to the next.
    pub(super) a: *const f32,
    pub(super) a_stride: usize,
    /// B's first element for this tile, and the numbers from one k to the next.
    pub(super) b: *const f32,
    pub(super) b_stride: usize,
    pub(super) k: usize,
    /// As many k from the first as B can be read in whole vectors, though the tile's last vector may be in part.
    pub(super) k_whole: usize,
    /// Length of a segment of k: all of it, or what the plan says.
    pub(super) segment: usize,
    pub(super) first: First,
    pub(super) place: Place,
    pub(super) ahead: Ahead,
}

/// What the tile prefetches while it computes: what comes next, and may lie beyond the caches. Any address will do, a
/// prefetch of it changes nothing but time.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// As many rows of C as the tile has.
    pub(super) c: *const f32,
    /// Then `b_rows` rows of B.
    pub(super) b: *const f32,
    pub(super) b_stride: usize,
    pub(super) b_rows: usize,
}

/// One tile as a pass of its own, so that each size of tile is one function an instruction set.
pub(super) struct MicroKernel<'a, F, const MR: usize, const NV: usize, const TN: bool> {
    pub(super) tile: &'a Tile,
    pub(super) finish: &'a F,
}

impl<F: Finish, const MR: usize, const NV: usize, const TN: bool> Pass for MicroKernel<'_, F, MR, NV, TN> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made the tile promised that it lies inside its operands.
        unsafe { micro_kernel::<S, F, MR, NV, TN>(s, self.tile, self.finish) }
    }
}

/// One tile of `MR` rows and `NV` vectors. With `TN`, A lies transposed: a step of k goes to the next row in memory.
///
/// # Safety
/// The operands of `tile` and its place hold a tile of this size.
#[inline(always)]
pub(super) unsafe fn micro_kernel<S: Simd, F: Finish, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    tile: &Tile,
    finish: &F,
) {
    // SAFETY: the caller's promise, for every pointer below: rows below MR, vectors below NV of which the last has
    // `last_lanes`, k below `tile.k`.
    unsafe {
        let mut acc = first_values::<S, MR, NV>(s, tile);
        let mut done = segment::<S, MR, NV, TN>(s, tile, 0, tile.segment.min(tile.k), &mut acc);
        while done < tile.k {
            let mut chain = [[s.splat(0.0); NV]; MR];
            done = segment::<S, MR, NV, TN>(s, tile, done, tile.segment.min(tile.k - done), &mut chain);
            for (acc, chain) in acc.as_flattened_mut().iter_mut().zip(chain.as_flattened()) {
                *acc = s.add(*acc, *chain);
            }
        }
        finish.finish(s, &acc, tile.place);
    }
}

/// What the accumulators start from.
///
/// # Safety
/// As for [`micro_kernel`].
#[inline(always)]
unsafe fn first_values<S: Simd, const MR: usize, const NV: usize>(s: S, tile: &Tile) -> [[S::V; NV]; MR] {
    let mut acc = [[s.splat(0.0); NV]; MR];
    let lanes = |v: usize| if v + 1 == NV { tile.place.last_lanes } else { S::LANES };
    match tile.first {
        First::Zero => {}
        First::Row(row) => {
            let mut bias = [s.splat(0.0); NV];
            for (v, bias) in bias.iter_mut().enumerate() {
                // SAFETY: the row is as long as the tile is wide.
                *bias = unsafe { s.load_partial(row.add(v * S::LANES), lanes(v)) };
            }
            acc = [bias; MR];
        }
        First::Output => {
            for (r, row) in acc.iter_mut().enumerate() {
                for (v, x) in row.iter_mut().enumerate() {
                    // SAFETY: inside the tile of C.
                    *x = unsafe {
                        s.load_partial(tile.place.c.add(r * tile.place.c_stride + v * S::LANES), lanes(v))
                    };
                }
            }
        }
    }
    acc
}

/// Adds `len` products from `start` on to `acc`; returns where the next segment starts.
///
/// # Safety
/// As for [`micro_kernel`]; `start + len` is at most `tile.k`.
#[inline(always)]
unsafe fn segment<S: Simd, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    tile: &Tile,
    start: usize,
    len: usize,
    acc: &mut [[S::V; NV]; MR],
) -> usize {
    let (a_row, a_k) = if TN { (1, tile.a_stride) } else { (tile.a_stride, 1) };
    let end = start + len;
    let whole_end = end.min(tile.k_whole).max(start);
    // SAFETY: k stays below `tile.k`; up to `k_whole` B is readable in whole vectors, past that in `last_lanes`.
    unsafe {
        let a = tile.a.add(start * a_k);
        let mut a: [*const f32; 5] =
            core::array::from_fn(|i| if 3 * i < MR { a.wrapping_add(3 * i * a_row) } else { a });
        let mut b = tile.b.add(start * tile.b_stride);
        // Four steps an iteration: LLVM leaves this loop rolled, and its counters would cost as much as the loads.
        for four in 0..(whole_end - start) / 4 {
            if S::PREFETCHES && four % 2 == 0 {
                let row = four / 2;
                let line = if row < MR {
                    tile.ahead.c.wrapping_add(row * tile.place.c_stride)
                } else {
                    tile.ahead.b.wrapping_add((row - MR).min(tile.ahead.b_rows) * tile.ahead.b_stride)
                };
                for v in 0..NV {
                    s.prefetch(line.wrapping_add(v * S::LANES));
                }
            }
            for u in 0..4 {
                step::<S, MR, NV>(
                    s,
                    a.map(|a| a.wrapping_add(u * a_k)),
                    a_row,
                    b.add(u * tile.b_stride),
                    S::LANES,
                    acc,
                );
            }
            for a in a.iter_mut().take(MR.div_ceil(3)) {
                let next = a.wrapping_add(4 * a_k);
                *a = if MR > 3 { s.in_register(next) } else { next };
            }
            b = b.wrapping_add(4 * tile.b_stride);
        }
        for _ in 0..(whole_end - start) % 4 {
            step::<S, MR, NV>(s, a, a_row, b, S::LANES, acc);
            a = a.map(|a| a.wrapping_add(a_k));
            b = b.wrapping_add(tile.b_stride);
        }
        for _ in whole_end..end {
            step::<S, MR, NV>(s, a, a_row, b, tile.place.last_lanes, acc);
            a = a.map(|a| a.wrapping_add(a_k));
            b = b.wrapping_add(tile.b_stride);
        }
    }
    end
}

/// One step of k: `MR * NV` multiply-adds.
///
/// # Safety
/// `MR` rows of A from the pointers in `a` (each the first of three), and `NV` vectors at `b` of which the last has
/// `last_lanes`, can be read.
#[inline(always)]
unsafe fn step<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    a: [*const f32; 5],
    a_row: usize,
    b: *const f32,
    last_lanes: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    // SAFETY: the caller's promise: MR rows of A, NV vectors of B of which the last has `last_lanes`.
    unsafe {
        let mut row = [s.splat(0.0); NV];
        for (v, x) in row.iter_mut().enumerate() {
            let p = b.add(v * S::LANES);
            *x = if v + 1 < NV || last_lanes == S::LANES { s.load(p) } else { s.load_partial(p, last_lanes) };
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            let x = s.splat(a[r / 3].add(r % 3 * a_row).read());
            for (acc, &row) in acc.iter_mut().zip(&row) {
                *acc = s.mul_add(x, row, *acc);
            }
        }
    }
}
