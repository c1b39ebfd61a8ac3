//! What a tile of C starts from, where it is, and how it ends.

#[cfg(not(fusebox_scalar))]
use crate::Isa;
use crate::MatMut;
#[cfg(not(fusebox_scalar))]
use crate::simd::Pass;
use crate::simd::Simd;

/// What an accumulator starts from.
#[derive(Clone, Copy)]
pub(in crate::kernel) enum First {
    Zero,
    /// One row for all rows of C: the bias.
    Row(*const f32),
    /// The old C.
    Output,
}

impl First {
    /// The same for the part of C that begins at a column.
    pub(in crate::kernel) fn at_col(self, col: usize) -> Self {
        match self {
            Self::Row(row) => Self::Row(row.wrapping_add(col)),
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

/// What becomes of a finished tile: a value that kernels finish their sums with, known when they are compiled on
/// microcontrollers, and turned into a [`Store`] where there are vectors, so that kernels are compiled once.
///
/// # Safety
/// 1. Implementations access a tile of C, and of what else they hold as much as belongs to the tile, and nothing that
///    another tile might change.
/// 2. Threads may each finish a part of C at once: what parts share is only read.
pub(crate) unsafe trait Finish: Copy {
    /// Whether the old C is read, which must then not hold sums of earlier blocks of k.
    const READS_OUTPUT: bool;

    /// Whether a column of C may be finished as a row of as many vectors, in row 0.
    fn takes_columns_as_rows(&self) -> bool;

    /// The same as a value of one type.
    #[cfg(not(fusebox_scalar))]
    fn store(&self) -> Store<'_>;

    /// Turns the sums in `acc` into what is stored at `place`, and stores it: [`store_tile`].
    ///
    /// # Safety
    /// 1. `place` is a tile of `MR` rows and `NV` vectors (the last has `last_lanes` lanes, 1 to `LANES`) inside the C that
    ///    this value was made for: a mask has C's shape, moments have one number for each of C's.
    /// 2. C and what the value holds can be accessed, and the tile is nobody else's.
    #[cfg(fusebox_scalar)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    );

    /// Whether sums are stored as they are.
    #[cfg(fusebox_scalar)]
    fn is_nothing(&self) -> bool {
        false
    }

    /// Whether sums are only multiplied by a factor, and added to C.
    #[cfg(fusebox_scalar)]
    const ADDS: bool = false;

    /// The factor, if so.
    #[cfg(fusebox_scalar)]
    fn factor(&self) -> f32 {
        1.0
    }

    /// The same for a row of `len` numbers at `sums`, which may be C's own.
    ///
    /// # Safety
    /// As for [`Finish::finish`], the tile being one row of `len` numbers, as many of which can be read and written at
    /// `sums`.
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn finish_row<S: Simd>(&self, s: S, sums: *mut f32, mut place: Place, len: usize) {
        for j in 0..len {
            // SAFETY: `j` is below `len`: a number of the sums, and a tile of one number.
            unsafe {
                let mut acc = [[s.load(sums.wrapping_add(j))]];
                self.finish(s, &mut acc, place);
            }
            place.c = place.c.wrapping_add(1);
            place.col += 1;
        }
    }
}

/// So many multiply-adds or more are in a step of the tiles that large products are made of.
#[cfg(not(fusebox_scalar))]
pub(super) const LARGE: usize = 22;

/// What becomes of sums at the end, where there are vectors. Its pointers are good for as long as what it was made of.
#[cfg(not(fusebox_scalar))]
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    /// They are stored.
    Sums,
    /// Their positive part is.
    Relu,
    /// They are where a mask says so, else zero; C begins at a row and a column of it.
    ReluMask(&'a Mask, [usize; 2]),
    /// C less so many times the sums is.
    Descend(f32),
    /// A rule makes something of them, for which C begins at a row and a column.
    Rule(&'a dyn TakeTile, [usize; 2]),
}

#[cfg(not(fusebox_scalar))]
impl Store<'_> {
    /// Whether the old C is read.
    pub(super) fn reads_output(&self) -> bool {
        matches!(self, Self::Descend(_) | Self::Rule(..))
    }

    /// The same for the part of C that begins at `row` and `col`.
    pub(super) fn at(self, row: usize, col: usize) -> Self {
        match self {
            Self::ReluMask(mask, [first_row, first_col]) => {
                Self::ReluMask(mask, [first_row + row, first_col + col])
            }
            Self::Rule(rule, [first_row, first_col]) => Self::Rule(rule, [first_row + row, first_col + col]),
            other => other,
        }
    }
}

/// A rule that takes a tile's sums and does with them what it likes, on C's tile and on what it holds itself.
pub(crate) trait TakeTile {
    /// Whether a column may be finished as a row.
    fn takes_columns_as_rows(&self) -> bool;

    /// Whether the rule was created for parameters of this shape and stride.
    fn fits(&self, c: &MatMut<'_>) -> bool;

    /// Finishes a tile.
    ///
    /// # Safety
    /// 1. `tile` is inside the C that the rule was created for, which has its shape and stride.
    /// 2. The tile's sums can be read.
    /// 3. Nothing else accesses the tile of C at the same time, and no other call takes the same tile: so nothing else
    ///    accesses what the rule holds for it either.
    unsafe fn take(&self, tile: Tile);
}

/// Sums of `rows` rows of `cols` numbers, `stride` apart, and where they belong.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) sums: *const f32,
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) place: Place,
}

/// A matrix that says which sums count: its first element, the numbers from one of its rows to the next, and where there
/// are vectors, the instruction set that it is applied on.
#[derive(Clone, Copy)]
pub(crate) struct Mask {
    pub(super) gate: *const f32,
    pub(super) stride: usize,
    #[cfg(not(fusebox_scalar))]
    pub(super) isa: Isa,
}

/// A mask as a rule, for the kernels that do not contain it.
#[cfg(not(fusebox_scalar))]
impl TakeTile for Mask {
    fn takes_columns_as_rows(&self) -> bool {
        self.stride == 1
    }

    fn fits(&self, _c: &MatMut<'_>) -> bool {
        true
    }

    /// # Safety
    /// See [`TakeTile::take`].
    unsafe fn take(&self, tile: Tile) {
        let Self { gate, stride, isa } = *self;
        let gate = gate.wrapping_add(tile.place.row * stride + tile.place.col);
        isa.call(MaskTile { gate, stride, tile });
    }
}

/// A mask on a tile: `gate` has its shape, and whoever makes one owes what [`TakeTile::take`] asks for.
#[cfg(not(fusebox_scalar))]
struct MaskTile {
    gate: *const f32,
    stride: usize,
    tile: Tile,
}

#[cfg(not(fusebox_scalar))]
impl Pass for MaskTile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mut gate, stride, tile } = self;
        let (mut sums, mut c) = (tile.sums, tile.place.c);
        for _ in 0..tile.rows {
            let mut col = 0;
            // Whole vectors by themselves: a masked load waits until what it reads has been stored.
            while col + S::LANES <= tile.cols {
                // SAFETY: a vector of the sums, of the gate and of C.
                unsafe {
                    let x = s.load(sums.wrapping_add(col));
                    s.store(c.wrapping_add(col), s.relu_mask(s.load(gate.wrapping_add(col)), x));
                }
                col += S::LANES;
            }
            if col < tile.cols {
                let lanes = tile.cols - col;
                // SAFETY: some lanes of the sums, of the gate and of C.
                unsafe {
                    let x = s.load_partial(sums.wrapping_add(col), lanes);
                    let x = s.relu_mask(s.load_partial(gate.wrapping_add(col), lanes), x);
                    s.store_partial(c.wrapping_add(col), x, lanes);
                }
            }
            sums = sums.wrapping_add(tile.stride);
            gate = gate.wrapping_add(stride);
            c = c.wrapping_add(tile.place.c_stride);
        }
    }
}

impl Tile {
    /// The same where C begins so many rows and columns further on.
    #[cfg(not(fusebox_scalar))]
    fn moved_by(self, [row, col]: [usize; 2]) -> Self {
        let place = Place { row: self.place.row + row, col: self.place.col + col, ..self.place };
        Self { place, ..self }
    }
}

/// Turns the sums in `acc` into what is stored at `place`, and stores it.
///
/// # Safety
/// 1. `place` is a tile of `MR` rows and `NV` vectors (the last has `last_lanes` lanes, 1 to `LANES`) inside the C that
///    `store` was made for.
/// 2. C and what `store` holds can be accessed, and the tile is nobody else's.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
pub(super) unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    acc: &mut [[S::V; NV]; MR],
    place: Place,
    store: &Store<'_>,
) {
    // What takes many instructions for each vector is not worth its place in every kernel: a rule; a mask, but in those of
    // large products; and where part of a vector is read and written number by number, that.
    let rule: Option<(&dyn TakeTile, _)> = match *store {
        Store::Rule(rule, at) => Some((rule, at)),
        Store::ReluMask(mask, at) if const { MR * NV < LARGE } => Some((mask, at)),
        _ => None,
    };
    let apart = const { S::LANES == 4 } && place.last_lanes < S::LANES;
    if apart || rule.is_some() {
        // A copy, so that the accumulators themselves have no address and stay in registers.
        let sums = *acc;
        let cols = (NV - 1) * S::LANES + place.last_lanes;
        let tile = Tile { sums: sums.as_ptr().cast(), stride: NV * S::LANES, rows: MR, cols, place };
        // SAFETY: the tile is inside C (1) and nothing else uses it (2); the copy has whole vectors.
        return unsafe {
            match rule {
                Some((rule, at)) => rule.take(tile.moved_by(at)),
                None => s.call(FinishTile::new(tile, store)),
            }
        };
    }
    let place = if const { S::LANES == 4 } { Place { last_lanes: S::LANES, ..place } } else { place };
    let mut r = 0;
    match *store {
        Store::Sums | Store::Rule(..) => {}
        Store::ReluMask(&Mask { gate, stride, .. }, [first_row, first_col]) => {
            if const { MR * NV >= LARGE } {
                let mut gate = gate.wrapping_add((first_row + place.row) * stride + first_col + place.col);
                while r < MR {
                    // SAFETY: the gate has C's shape (1) and can be read (2), as the caller promises.
                    let gates = unsafe { load_row::<S, NV>(s, gate, place.last_lanes) };
                    let mut v = 0;
                    while v < NV {
                        acc[r][v] = s.relu_mask(gates[v], acc[r][v]);
                        v += 1;
                    }
                    gate = next_row(s, gate, stride);
                    r += 1;
                }
            }
        }
        Store::Relu => {
            while r < MR {
                let mut v = 0;
                while v < NV {
                    acc[r][v] = s.relu(acc[r][v]);
                    v += 1;
                }
                r += 1;
            }
        }
        Store::Descend(rate) => {
            let mut c = place.c.cast_const();
            while r < MR {
                // SAFETY: a row of the tile of C (1).
                let old = unsafe { load_row::<S, NV>(s, c, place.last_lanes) };
                let mut v = 0;
                while v < NV {
                    acc[r][v] = s.neg_mul_add(s.splat(rate), acc[r][v], old[v]);
                    v += 1;
                }
                c = next_row(s, c, place.c_stride);
                r += 1;
            }
        }
    }
    // SAFETY: the tile is C's (1) and nobody else's (2), as the caller promises.
    unsafe { store_tile(s, acc, place) }
}

/// A tile whose sums are in memory, vector by vector.
#[cfg(not(fusebox_scalar))]
pub(super) struct FinishTile<'a> {
    tile: Tile,
    store: &'a Store<'a>,
}

#[cfg(not(fusebox_scalar))]
impl<'a> FinishTile<'a> {
    /// # Safety
    /// Those of [`finish`]; and the sums can be read, up to the last column.
    #[inline(always)]
    pub(super) unsafe fn new(tile: Tile, store: &'a Store<'a>) -> Self {
        Self { tile, store }
    }
}

#[cfg(not(fusebox_scalar))]
impl Pass for FinishTile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { tile, store } = self;
        match *store {
            // SAFETY: whoever made this signed for it.
            Store::Rule(rule, at) => return unsafe { rule.take(tile.moved_by(at)) },
            // SAFETY: see above.
            Store::ReluMask(mask, at) => return unsafe { mask.take(tile.moved_by(at)) },
            _ => {}
        }
        let Tile { sums, stride, rows, cols, place } = tile;
        for r in 0..rows {
            let mut start = 0;
            while start < cols {
                let lanes = S::LANES.min(cols - start);
                let c = place.c.wrapping_add(r * place.c_stride + start);
                // SAFETY: some lanes of the sums, of C and of what belongs to it, as whoever made this promised.
                unsafe {
                    let sum = s.load_partial(sums.wrapping_add(r * stride + start), lanes);
                    let x = match *store {
                        Store::Sums => sum,
                        Store::Relu => s.relu(sum),
                        Store::Descend(rate) => s.neg_mul_add(s.splat(rate), sum, s.load_partial(c, lanes)),
                        Store::ReluMask(..) | Store::Rule(..) => sum,
                    };
                    s.store_partial(c, x, lanes);
                }
                start += S::LANES;
            }
        }
    }
}

/// A row of `NV` vectors, the last of which has `last_lanes`.
///
/// # Safety
/// 1. `last_lanes` is at most `LANES`.
/// 2. All of the row's lanes can be read.
#[inline(always)]
pub(crate) unsafe fn load_row<S: Simd, const NV: usize>(
    s: S,
    row: *const f32,
    last_lanes: usize,
) -> [S::V; NV] {
    let mut vectors = [s.splat(0.0); NV];
    let mut v = 0;
    while v < NV {
        let lanes = if v + 1 == NV { last_lanes } else { S::LANES };
        // SAFETY: whole vectors but for the last, which has `last_lanes`: those that can be read.
        vectors[v] = unsafe { s.load_partial(row.wrapping_add(v * S::LANES), lanes) };
        v += 1;
    }
    vectors
}

/// The row below. Made from the row above each time: the compiler else makes a dozen multiples of the stride ahead of
/// a loop over tiles, and keeps them all on the stack.
#[inline(always)]
pub(crate) fn next_row<S: Simd>(s: S, row: *const f32, stride: usize) -> *const f32 {
    s.in_register(row.wrapping_add(stride))
}

/// Writes a tile's vectors to its place. Loops over a tile count by hand in this file: there are sixty kernels, and in each of them a
/// `for` is some thirty lines of IR.
///
/// # Safety
/// `place` is a tile of `MR` rows of `NV` vectors, the last of `last_lanes` lanes, and can be written.
#[inline(always)]
pub(crate) unsafe fn store_tile<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    tile: &[[S::V; NV]; MR],
    place: Place,
) {
    // One choice for the whole tile: with one in each row LLVM finds this loop too late to be short enough to unroll, and
    // keeps the tile in memory while it is still being summed (12 x 2 of AVX-512, in builds without LTO).
    let (mut row, mut r) = (place.c.cast_const(), 0);
    if place.last_lanes == S::LANES {
        while r < MR {
            let mut v = 0;
            while v < NV {
                // SAFETY: vectors of the tile, all of them whole.
                unsafe { s.store(row.wrapping_add(v * S::LANES).cast_mut(), tile[r][v]) };
                v += 1;
            }
            row = next_row(s, row, place.c_stride);
            r += 1;
        }
    } else {
        while r < MR {
            let mut v = 0;
            while v < NV {
                let to = row.wrapping_add(v * S::LANES).cast_mut();
                // SAFETY: vectors of the tile, whole but for the last.
                unsafe {
                    if v + 1 < NV {
                        s.store(to, tile[r][v])
                    } else {
                        s.store_partial(to, tile[r][v], place.last_lanes)
                    };
                }
                v += 1;
            }
            row = next_row(s, row, place.c_stride);
            r += 1;
        }
    }
}

/// What the accumulators start from.
///
/// # Safety
/// 1. `place` is a tile of `MR` rows of `NV` vectors, the last of `last_lanes` lanes, of a C that can be read.
/// 2. What `first` points to can be read: a row as wide as the tile.
#[cfg(not(fusebox_scalar))]
#[inline(always)]
pub(super) unsafe fn first_values<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    first: First,
    place: Place,
) -> [[S::V; NV]; MR] {
    let (mut row, stride) = match first {
        First::Zero => return [[s.splat(0.0); NV]; MR],
        First::Row(row) => (row, 0),
        First::Output => (place.c.cast_const(), place.c_stride),
    };
    let mut acc = [[s.splat(0.0); NV]; MR];
    let mut r = 0;
    while r < MR {
        // SAFETY: the row is as long as the tile is wide.
        acc[r] = unsafe { load_row(s, row, place.last_lanes) };
        row = next_row(s, row, stride);
        r += 1;
    }
    acc
}
