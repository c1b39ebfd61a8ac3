//! How a product is cut: rows into tiles, columns into panels, k into blocks. All of it arithmetic on sizes.

use crate::kernel::gemm::product::PANEL;
use crate::kernel::gemm::segments::SHORTEST;
use crate::simd::Simd;

/// Vectors of the widest tile: a few rows, each of which B is read for once, in long stretches.
pub(super) const WIDEST: usize = 8;

/// Rows of the tallest tile there is of any instruction set.
pub(super) const TALLEST: usize = 14;

/// What kernels rely on of an instruction set, so that no tile is missing, no register array too short, and no buffer
/// overrun: an error when the kernels are compiled for it.
pub(super) const fn check<S: Simd>() {
    let [one, two, three, eight] = S::TILE_ROWS;
    assert!(S::LANES.is_power_of_two() && S::LANES <= PANEL, "a vector is a part of a packed panel");
    assert!(1 <= one && one <= TALLEST, "there are tiles of one vector, none taller than the kernels are");
    assert!(two <= TALLEST && three <= TALLEST && eight <= TALLEST, "no tile is taller than the kernels are");
    assert!(two > 0 || three == 0 && eight == 0, "panels are made up of pairs");
}

/// Vectors in the next panel of columns, when `vectors` of them are left, for `rows` rows of C.
///
/// Threes load least for each multiply-add (8 x 48: 11 loads for 24). One or two pairs come first where threes do not
/// come out even, so that only the last panel can hold a vector in part. Of 9 to 12 rows, which a tile of two vectors takes
/// at once, pairs it is. A row or two alone take eight vectors: there B counts, and whole lines of it.
#[inline(always)]
pub(super) const fn panel_vectors<S: Simd>(vectors: usize, rows: usize) -> usize {
    let [.., eight] = S::TILE_ROWS;
    if vectors >= WIDEST && rows <= eight { WIDEST } else { buffered_vectors::<S>(vectors, rows) }
}

/// The same for panels whose B is packed into a buffer, which holds up to [`usual_vectors`]: the widest ones are read where
/// they lie.
#[inline(always)]
pub(super) const fn buffered_vectors<S: Simd>(vectors: usize, rows: usize) -> usize {
    let [_, two, three, _] = S::TILE_ROWS;
    if two == 0 || vectors == 1 {
        1
    } else if three == 0 || vectors == 2 || vectors == 4 {
        1 + vectors.is_multiple_of(2) as usize
    } else if rows <= three || rows > two {
        2 + vectors.is_multiple_of(3) as usize
    } else {
        2 + vectors % 2
    }
}

/// The same where B lies in panels of sixteen columns, beside each other in pairs of narrow vectors.
#[inline(always)]
pub(super) const fn packed_vectors<S: Simd>(vectors: usize, rows: usize) -> usize {
    let [_, two, _, eight] = S::TILE_ROWS;
    if S::LANES == 16 || vectors >= WIDEST && rows <= eight {
        panel_vectors::<S>(vectors, rows)
    } else if two > 0 && vectors > 1 {
        2
    } else {
        1
    }
}

/// Rows of the largest tile of a panel of `vectors` vectors: 1, 2, 3 or 8.
#[inline(always)]
pub(super) const fn tile_rows<S: Simd>(vectors: usize) -> usize {
    let [one, two, three, eight] = S::TILE_ROWS;
    match vectors {
        1 => one,
        2 => two,
        3 => three,
        _ => eight,
    }
}

/// Rows of the largest tile of a panel of `vectors` vectors, for sums of `k` in segments.
///
/// A tile of several segments needs its registers twice, or keeps the sum so far on the stack. Where segments are short,
/// half as many rows are faster; where they are long, what the stack costs is lost among them.
#[inline(always)]
pub(super) const fn tile_rows_for<S: Simd>(vectors: usize, k: usize, segment: usize) -> usize {
    let rows = tile_rows::<S>(vectors);
    let short = segment < k && k < 2 * SHORTEST;
    if short && vectors > 1 && rows > 1 { rows / 2 } else { rows }
}

/// Whether `k` rows of B crowd into so few sets of L2 that a panel of them drives itself out: rows a multiple of a large
/// power of two apart share sets. L2 is taken to have 1024 sets of at least eight lines, some of which A and C want.
pub(super) fn rows_crowd(k: usize, b_stride: usize) -> bool {
    const LINE: usize = 16;
    const SETS: usize = 1024;
    const WAYS: usize = 8;
    let apart = 1 << (b_stride / LINE).trailing_zeros().min(SETS.ilog2());
    b_stride.is_multiple_of(LINE) && k > SETS / apart * WAYS
}

/// Vectors of the widest panel that has a tile of many rows.
pub(super) const fn usual_vectors<S: Simd>() -> usize {
    match S::TILE_ROWS {
        [_, 0, ..] => 1,
        [_, _, 0, _] => 2,
        _ => 3,
    }
}

/// How many k of a panel a buffer of `len` numbers holds: whole vectors, for packing transposes blocks of them.
pub(super) const fn packed_depth<S: Simd>(len: usize) -> usize {
    let depth = len / (usual_vectors::<S>() * S::LANES) / S::LANES * S::LANES;
    if depth == 0 { 1 } else { depth }
}

/// What the compiler must see to leave out a division's panic.
const fn at_least_one(divisor: usize) -> usize {
    if divisor == 0 { 1 } else { divisor }
}

const fn ceil(x: usize, divisor: usize) -> usize {
    x.div_ceil(at_least_one(divisor))
}

/// How many k a block has: `k` in equal parts whose panels a buffer of `len` numbers holds.
pub(super) const fn block_depth<S: Simd>(k: usize, len: usize) -> usize {
    let most = packed_depth::<S>(len);
    if k <= most {
        return if k == 0 { 1 } else { k };
    }
    // At least two parts, so whole vectors of k stay below the most.
    ceil(k, ceil(k, most)).next_multiple_of(S::LANES)
}

/// Rows in a block of C whose part of A, `depth` deep, has at most `numbers` numbers: equal parts of `m`.
pub(super) const fn block_rows(m: usize, depth: usize, numbers: usize) -> usize {
    // A multiple of the heights 8 and 12; blocks of less than four such are not worth their loop.
    const UNIT: usize = 24;
    let most = numbers / at_least_one(depth);
    let most = if most < 4 * UNIT { 4 * UNIT } else { most };
    if m <= most {
        return m;
    }
    ceil(m, ceil(m, most)).next_multiple_of(UNIT)
}

/// Lanes in use of a panel's last vector, when `left` columns are left and the panel takes `vectors` vectors.
pub(super) const fn last_lanes<S: Simd>(left: usize, vectors: usize) -> usize {
    let in_last = left - (vectors - 1) * S::LANES;
    if in_last < S::LANES { in_last } else { S::LANES }
}

/// How many k, from the first on, B can be read in whole vectors at columns `col..col + width`, though the last vector
/// may reach past the last column. It then reads into the next row, whose numbers stay in lanes that are never
/// stored; only at the end of the slice must it be cut short.
pub(super) const fn whole_rows(k: usize, b_len: usize, b_stride: usize, end: usize) -> usize {
    let mut whole = k;
    // The last vector reaches past its row by less than sixteen numbers: few rows are concerned, mostly one.
    while whole > 0 && (whole - 1) * b_stride + end > b_len {
        whole -= 1;
    }
    whole
}

/// `m` rows as tiles of nearly equal height, none above `max`: (tiles, rows of the shorter ones, taller tiles, which
/// have a row more and come first).
pub(super) const fn row_tiles(m: usize, max: usize) -> (usize, usize, usize) {
    if m == 0 || max == 0 {
        return (0, 0, 0);
    }
    if m <= max {
        return (1, m, 0);
    }
    let tiles = at_least_one(m.div_ceil(max));
    (tiles, m / tiles, m % tiles)
}
