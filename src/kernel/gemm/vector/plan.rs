//! How a product is cut: rows into tiles, columns into panels, k into blocks. All of it arithmetic on sizes.

use crate::Isa;
use crate::kernel::gemm::product::PANEL;
use crate::kernel::gemm::segments::SHORTEST;
use crate::simd::{Cache, Pass, Simd};

/// Vectors of the widest tile: a few rows, each of which B is read for once, in long stretches.
pub(super) const WIDEST: usize = 8;

/// Rows of the tallest tile there is of any instruction set.
pub(super) const TALLEST: usize = 14;

/// What the loops around kernels must know of an instruction set.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// Numbers in a vector, and the logarithm of that.
    pub(super) lanes: usize,
    log_lanes: u32,
    /// Rows of the largest tile of one, two, three or eight vectors.
    rows: [usize; 4],
    pub(super) masks: bool,
    pub(super) prefetches: bool,
}

impl Tiles {
    /// Those of `S`. What kernels rely on is checked here, so that no tile is missing, no register array too short, and
    /// no buffer overrun: an error when the kernels are compiled for it.
    pub(super) const fn of<S: Simd>() -> &'static Self {
        const {
            let [one, two, three, eight] = S::TILE_ROWS;
            assert!(S::LANES.is_power_of_two() && S::LANES <= PANEL, "a vector is a part of a packed panel");
            assert!(
                1 <= one && one <= TALLEST,
                "there are tiles of one vector, none taller than the kernels are"
            );
            assert!(
                two <= TALLEST && three <= TALLEST && eight <= TALLEST,
                "no tile is taller than the kernels are"
            );
            assert!(two > 0 || three == 0 && eight == 0, "panels are made up of pairs");
            &Self {
                lanes: S::LANES,
                log_lanes: S::LANES.ilog2(),
                rows: S::TILE_ROWS,
                masks: S::MASKS,
                prefetches: S::PREFETCHES,
            }
        }
    }

    /// Those of an instruction set.
    #[inline(always)]
    pub(super) fn of_isa(isa: Isa) -> &'static Self {
        struct Of;
        impl Pass for Of {
            type Output = &'static Tiles;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> &'static Tiles {
                Tiles::of::<S>()
            }
        }
        isa.choose(Of)
    }

    /// Vectors that `cols` columns take.
    #[inline(always)]
    pub(super) const fn vectors(&self, cols: usize) -> usize {
        cols.wrapping_add(self.lanes - 1) >> self.log_lanes
    }

    /// Vectors in the next panel of columns, when `vectors` of them are left, for `rows` rows of C.
    ///
    /// Threes load least for each multiply-add (8 x 48: 11 loads for 24). One or two pairs come first where threes do not
    /// come out even, so that only the last panel can hold a vector in part. Of 9 to 12 rows, which a tile of two vectors
    /// takes at once, pairs it is. A row or two alone take eight vectors: there B counts, and whole lines of it.
    #[inline(always)]
    pub(super) const fn panel_vectors(&self, vectors: usize, rows: usize) -> usize {
        let [.., eight] = self.rows;
        if vectors >= WIDEST && rows <= eight { WIDEST } else { self.buffered_vectors(vectors, rows) }
    }

    /// The same for panels whose B is packed into a buffer, which holds up to [`Tiles::usual_vectors`]: the widest ones are
    /// read where they lie.
    #[inline(always)]
    pub(super) const fn buffered_vectors(&self, vectors: usize, rows: usize) -> usize {
        let [_, two, three, _] = self.rows;
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
    pub(super) const fn prepacked_vectors(&self, vectors: usize, rows: usize) -> usize {
        let [_, two, _, eight] = self.rows;
        if self.lanes == PANEL || vectors >= WIDEST && rows <= eight {
            self.panel_vectors(vectors, rows)
        } else if two > 0 && vectors > 1 {
            2
        } else {
            1
        }
    }

    /// Rows of the largest tile of a panel of `vectors` vectors: 1, 2, 3 or 8.
    #[inline(always)]
    pub(super) const fn rows(&self, vectors: usize) -> usize {
        let [one, two, three, eight] = self.rows;
        match vectors {
            1 => one,
            2 => two,
            3 => three,
            _ => eight,
        }
    }

    /// The same where the compiler knows the shape, and keeps both a segment's sums and those before in registers. Where
    /// segments are short, half as many rows are faster then; where they are long, what spills is lost among them.
    pub(super) const fn rows_in_registers(&self, vectors: usize, k: usize, segment: usize) -> usize {
        let rows = self.rows(vectors);
        let short = segment < k && k < 2 * SHORTEST;
        if short && vectors > 1 && rows > 1 { rows / 2 } else { rows }
    }

    /// Vectors of the widest panel that has a tile of many rows.
    pub(super) const fn usual_vectors(&self) -> usize {
        match self.rows {
            [_, 0, ..] => 1,
            [_, _, 0, _] => 2,
            _ => 3,
        }
    }

    /// How many k of a panel a buffer of `len` numbers holds: whole vectors, for packing transposes blocks of them.
    pub(super) const fn packed_depth(&self, len: usize) -> usize {
        let depth = ((len / at_least_one(self.usual_vectors())) >> self.log_lanes) / at_least_one(self.lanes)
            * self.lanes;
        at_least_one(depth)
    }

    /// How many k a block has: `k` in equal parts whose panels a buffer of `len` numbers holds.
    pub(super) const fn block_depth(&self, k: usize, len: usize) -> usize {
        let most = self.packed_depth(len);
        if k <= most {
            return at_least_one(k);
        }
        // At least two parts, so whole vectors of k stay below the most.
        ceil(k, ceil(k, most)).next_multiple_of(at_least_one(self.lanes))
    }

    /// Lanes in use of a panel's last vector, when `left` columns are left and the panel takes `vectors` vectors.
    #[inline(always)]
    pub(super) const fn last_lanes(&self, left: usize, vectors: usize) -> usize {
        let in_last = left.wrapping_sub((vectors - 1) << self.log_lanes);
        if in_last < self.lanes { in_last } else { self.lanes }
    }
}

/// What of the operands of a large product the second-level cache holds. All in numbers.
impl Cache {
    /// As small a B need not be asked about: it fits every cache.
    pub(super) const SMALL_B: usize = 64 * 1024;

    /// B, rows times stride, whose rows drive each other out if they crowd into few sets: from so much on.
    pub(super) const fn crowded_b(self) -> usize {
        self.numbers() / 4 * 5
    }

    /// B, rows times stride, of which a tall product packs its panels in any case: from so much on.
    pub(super) const fn large_b(self) -> usize {
        self.numbers() * 4
    }

    /// A block of A, beside what streams through.
    pub(super) const fn block_of_a(self) -> usize {
        self.numbers() / 2
    }

    /// Whether so many `rows` crowd into so few sets that a panel of them drives itself out: rows a multiple of a large power of
    /// two apart share sets. Half of each set's lines are for the other operands.
    pub(super) const fn rows_crowd(self, rows: usize, stride: usize) -> bool {
        const LINE: usize = 16;
        let apart = 1 << min((stride / LINE).trailing_zeros(), self.sets.trailing_zeros());
        stride.is_multiple_of(LINE) && rows > self.sets / apart * self.ways / 2
    }
}

const fn min(x: u32, y: u32) -> u32 {
    if x < y { x } else { y }
}

/// What the compiler must see to leave out a division's panic.
const fn at_least_one(divisor: usize) -> usize {
    if divisor == 0 { 1 } else { divisor }
}

const fn ceil(x: usize, divisor: usize) -> usize {
    x.div_ceil(at_least_one(divisor))
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
