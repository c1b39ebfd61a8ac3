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
//! # Why it is fast: the floor by arithmetic
//!
//! A core of Zen 5 starts two multiply-adds a cycle, of sixteen lanes with AVX-512, and two loads; each multiply-add takes
//! four cycles to its result. So a tile must have at least 8 sums (or the units wait for their own results), and at
//! most one load for each multiply-add (or they wait for the load units). A step of k costs
//!
//! ```text
//! multiply-adds   MR * NV / 2 cycles        loads   (MR + NV) / 2 cycles: MR broadcasts of A, NV vectors of B
//! ```
//!
//! and the registers must hold MR * NV sums, NV vectors of B and one broadcast:
//!
//! | tile | set | sums | registers | loads per multiply-add | bound by |
//! |---|---|---|---|---|---|
//! | 8 x 3 | AVX-512 | 24 | 28 of 32 | 0.46 | multiply-adds |
//! | 12 x 2 | AVX-512 | 24 | 27 | 0.58 | multiply-adds |
//! | 14 x 1 | AVX-512 | 14 | 16 (the broadcast is the multiply-add's operand) | 1.07 | loads, just |
//! | 2 x 8 | AVX-512 | 16 | 26 | 0.63 | reading B |
//! | 8 x 1 | AVX2 | 8 | 10 of 16; of more rows the addresses take more registers than there are | 1.13 | loads |
//! | 6 x 2 | AVX2 | 12 | 15 of 16 | 0.67 | multiply-adds |
//! | 4 x 2 | SSE2 | 8 | 11 of 16 | 0.75, and as many shuffles as broadcasts | decoding: 4 instructions a product |
//!
//! 4 x 3 on AVX2 would load less, but fills all sixteen registers, and LLVM spills one of the sums: half the speed.
//! `cargo xtask asm` counts all this in the emitted code: MR * NV multiply-adds in each step, no spill, no call.
//!
//! What is left, by regime:
//!
//! - *Small tiles* (n below a vector): lanes in vain. 10 x 10 x 10 uses 10 of 16; and one vector wide, each multiply-add
//!   needs a load, so 16 x 16 x 16 cannot pass 94 %, 8 x 8 x 8 not 44 %.
//! - *Short k*: a tile's first values and its stores, one a cycle, which nothing hides if k is a dozen.
//! - *One row*: reading B. At a line a cycle from L2 no more than half of the multiply-adds can be busy.
//! - *Large*: what comes from L3, see [`super::blocks`].
//!
//! Three things keep the compiler from spoiling it. The k loop is unrolled by hand, two or four steps an iteration, for LLVM
//! leaves it rolled. Row pointers are tied to registers, three rows to a pointer (`p`, `p + s`, `p + 2 s` are addresses);
//! LLVM would gather them in vectors and take them apart again for each load. And a row's address is made from the
//! row's above: of strides times 1 to 13 made in advance it keeps a dozen on the stack for every call.
//!
//! # The order of a sum
//!
//! k ascends into one accumulator. Where a sum is cut (see [`crate::kernel::gemm::segments`]), k falls into segments of equal
//! length; each gets an accumulator of its own, and the accumulators are added in order. So the bits of an
//! element do not depend on the tile it lies in.

use super::plan;
use crate::kernel::gemm::product::PANEL;
use crate::kernel::gemm::tile::{First, LARGE, Place, Store, finish, first_values};
use crate::simd::{Pass, Simd};
use core::mem::MaybeUninit;

/// The operands of a strip: tiles of equal height below one another, in one panel of columns.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    /// A's first element for the first tile.
    pub(super) a: *const f32,
    /// Numbers from one row of A's view to the next, and from one k to the next: a transposed A is no other case.
    pub(super) a_row: usize,
    pub(super) a_k: usize,
    /// B's first element for the panel, and the numbers from one k to the next.
    pub(super) b: *const f32,
    pub(super) b_k: usize,
    /// Numbers from sixteen columns of B to the next sixteen: sixteen, unless B was packed ahead of time.
    pub(super) b_panel: usize,
    pub(super) k: usize,
    /// As many k from the first as B can be read in whole vectors, though the panel's last vector may be in part.
    pub(super) k_whole: usize,
    /// Length of a segment of k: all of it, or what [`segments`](crate::kernel::gemm::segments) says.
    pub(super) segment: usize,
    pub(super) first: First,
    /// Where the first tile's results go.
    pub(super) place: Place,
    pub(super) store: &'a Store<'a>,
    pub(super) tiles: usize,
    /// Whether C is so large that a tile's rows are worth fetching before they are written.
    pub(super) far: bool,
}

impl Strip<'_> {
    /// What can be seen of a micro-kernel's preconditions, for tiles of so many rows and vectors.
    #[inline(always)]
    fn check(&self, rows: usize, vectors: usize, lanes: usize) {
        let Place { c, c_stride, last_lanes, .. } = self.place;
        debug_assert!((1..=lanes).contains(&last_lanes));
        debug_assert!(self.segment > 0 && self.k_whole <= self.k);
        debug_assert!(!self.a.is_null() && self.a.is_aligned() && !self.b.is_null() && self.b.is_aligned());
        debug_assert!(!c.is_null() && c.is_aligned());
        debug_assert!(rows < 2 || (vectors - 1) * lanes + last_lanes <= c_stride);
    }

    /// Moves past `rows` rows.
    #[inline(always)]
    pub(super) fn advance(&mut self, rows: usize) {
        self.a = self.a.wrapping_add(rows * self.a_row);
        self.place.c = self.place.c.wrapping_add(rows * self.place.c_stride);
        self.place.row += rows;
    }
}

/// A strip as a pass of its own, so that each size of tile is one function an instruction set. With `FIXED` the compiler
/// knows the strides, and addresses can hold what else takes an addition.
///
/// It holds a pointer that C might be behind too: so a strip's numbers are loaded where a tile needs them, and not all of
/// them ahead of the loop over tiles, onto the stack, nor as parts of a vector, which would wait for the last stores.
pub(super) struct MicroKernel<'s, const MR: usize, const NV: usize, const FIXED: bool = false>(
    *mut Strip<'s>,
);

impl<'s, const MR: usize, const NV: usize, const FIXED: bool> MicroKernel<'s, MR, NV, FIXED> {
    /// # Safety
    /// See [`micro_kernel`].
    #[inline(always)]
    pub(super) unsafe fn new(strip: *mut Strip<'s>) -> Self {
        Self(strip)
    }
}

impl<const MR: usize, const NV: usize, const FIXED: bool> Pass for MicroKernel<'_, MR, NV, FIXED> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { micro_kernel::<S, MR, NV, FIXED>(s, self.0) }
    }
}

/// Whether a tile's step is so many instructions that two an iteration are enough; of others there are four. In four lanes
/// each product is several.
const fn is_large<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows * vectors >= 12 || S::LANES == 4 && rows * vectors >= 4
}

/// Tiles of `MR` rows and `NV` vectors; leaves the strip past the last.
///
/// # Safety
/// The strip can be read and written by nobody else. Of its `tiles` tiles, `MR * tiles` rows and `NV` vectors of columns,
/// the last of which has `last_lanes` lanes:
/// 1. `last_lanes` is 1 to `LANES`, `segment` is not zero, and `k_whole` is at most `k`.
/// 2. A can be read, in one allocation: `k` numbers of each row.
/// 3. B can be read, in one allocation: `k` rows of these columns, the first `k_whole` of them in whole vectors; where it lies in panels, its
///    first column is a multiple of `LANES`.
/// 4. What `first` points to can be read: a row as wide as the tiles.
/// 5. C can be read and written from the place on, by nobody else, and is part of the C that `store` was made for, as the
///    place's row and column say.
#[inline(always)]
unsafe fn micro_kernel<S: Simd, const MR: usize, const NV: usize, const FIXED: bool>(
    s: S,
    strip: *mut Strip<'_>,
) {
    // SAFETY: the strip is nobody else's.
    let tiles = unsafe { (*strip).tiles };
    for _ in 0..tiles {
        // SAFETY: the caller's promises, for every pointer below: rows below MR of a tile that is left, vectors below NV
        // of which the last has `last_lanes`, k below `strip.k`.
        unsafe {
            let mut tile = *strip;
            tile.check(MR, NV, S::LANES);
            // Else a dozen multiples of each would be made ahead of the loop, and kept on the stack.
            tile.a_row = s.number_in_register(tile.a_row);
            tile.place.c_stride = s.number_in_register(tile.place.c_stride);
            if S::PREFETCHES && const { MR * NV >= LARGE } && tile.far {
                fetch_tile::<S, MR, NV>(s, tile.place);
            }
            let mut acc = first_values::<S, MR, NV>(s, tile.first, tile.place);
            sum::<S, MR, NV, FIXED>(s, &tile, &mut acc);
            finish(s, &mut acc, tile.place, tile.store);
            (*strip).advance(MR);
        }
    }
}

/// Brings the tile's lines of C near while its sums are formed.
#[inline(always)]
fn fetch_tile<S: Simd, const MR: usize, const NV: usize>(s: S, place: Place) {
    let mut row = place.c.cast_const();
    for _ in 0..MR {
        for v in 0..NV {
            s.prefetch(row.wrapping_add(v * S::LANES));
        }
        row = s.in_register(row.wrapping_add(place.c_stride));
    }
}

/// Adds all products to `acc`. The sum of each segment but the first starts from zero, and is added to those before.
///
/// # Safety
/// As for [`micro_kernel`].
#[inline(always)]
unsafe fn sum<S: Simd, const MR: usize, const NV: usize, const FIXED: bool>(
    s: S,
    tile: &Strip<'_>,
    acc: &mut [[S::V; NV]; MR],
) {
    let mut at = At {
        a: Lines::<MR>::new(tile.a, tile.a_row),
        b: Lines::<NV>::new(tile.b, tile.b_panel),
        left: tile.k,
        whole: tile.k_whole,
    };
    // Elsewhere the sums before lie on the stack meanwhile: registers hold one tile.
    if FIXED {
        // SAFETY: the caller's promises.
        unsafe { segment::<S, MR, NV, FIXED>(s, tile, &mut at, acc) };
        while at.left > 0 {
            let mut next = [[s.splat(0.0); NV]; MR];
            // SAFETY: the caller's promises.
            unsafe { segment::<S, MR, NV, FIXED>(s, tile, &mut at, &mut next) };
            for r in 0..MR {
                for v in 0..NV {
                    acc[r][v] = s.add(acc[r][v], next[r][v]);
                }
            }
        }
        return;
    }
    let mut sums = MaybeUninit::<[[S::V; NV]; MR]>::uninit();
    // By a pointer that is in a register, or the compiler looks for registers for both.
    let sums = s.in_register(sums.as_mut_ptr().cast());
    loop {
        let is_first = at.left == tile.k;
        // SAFETY: the caller's promises.
        unsafe { segment::<S, MR, NV, FIXED>(s, tile, &mut at, acc) };
        if !is_first {
            for r in 0..MR {
                for v in 0..NV {
                    // SAFETY: written at the end of the segment before.
                    let sum = unsafe { s.load(sums.wrapping_add((r * NV + v) * S::LANES)) };
                    acc[r][v] = s.add(sum, acc[r][v]);
                }
            }
        }
        if at.left == 0 {
            return;
        }
        for r in 0..MR {
            for v in 0..NV {
                // SAFETY: as many vectors as there is room for.
                unsafe { s.store(sums.wrapping_add((r * NV + v) * S::LANES).cast_mut(), acc[r][v]) };
                acc[r][v] = s.splat(0.0);
            }
        }
    }
}

/// Where a sum has got to.
struct At<const MR: usize, const NV: usize> {
    a: Lines<MR>,
    b: Lines<NV>,
    /// How many k are left, and as how many of them B can be read in whole vectors.
    left: usize,
    whole: usize,
}

/// Adds the products of the segment that is next to `acc`.
///
/// # Safety
/// As for [`micro_kernel`]; it is where that has got to.
#[inline(always)]
unsafe fn segment<S: Simd, const MR: usize, const NV: usize, const FIXED: bool>(
    s: S,
    tile: &Strip<'_>,
    at: &mut At<MR, NV>,
    acc: &mut [[S::V; NV]; MR],
) {
    let len = tile.segment.min(at.left);
    at.left -= len;
    // SAFETY: k stays below `tile.k`; up to `k_whole` B is readable in whole vectors, past that in `last_lanes`.
    unsafe {
        // As long as B can be read in whole vectors, or part of a vector costs no more.
        if S::MASKS {
            return steps::<S, MR, NV, FIXED>(s, tile, at, len, tile.place.last_lanes, acc);
        }
        let whole = at.whole.min(len);
        at.whole -= whole;
        steps::<S, MR, NV, FIXED>(s, tile, at, whole, S::LANES, acc);
        for _ in whole..len {
            next::<S, MR, NV, false>(s, tile, at, tile.place.last_lanes, acc);
        }
    }
}

/// The next `count` steps of k.
///
/// # Safety
/// As for [`step`], for each of them.
#[inline(always)]
unsafe fn steps<S: Simd, const MR: usize, const NV: usize, const FIXED: bool>(
    s: S,
    tile: &Strip<'_>,
    at: &mut At<MR, NV>,
    mut count: usize,
    lanes: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    // SAFETY: the caller's promises.
    unsafe {
        // Several steps an iteration: LLVM leaves this loop rolled, and for a small tile its counters would cost as much as
        // the loads. But the widest panels stream from beyond L1, and a processor that learns strides by the instruction's
        // address fetches ahead best if a row's instructions are the next row's too. In WebAssembly the steps of an iteration
        // would be mixed up, all products before all sums, which takes more registers than there are.
        if NV < plan::WIDEST && !cfg!(target_arch = "wasm32") && (FIXED || !const { is_large::<S>(MR, NV) }) {
            while count >= 4 {
                next::<S, MR, NV, FIXED>(s, tile, at, lanes, acc);
                next::<S, MR, NV, FIXED>(s, tile, at, lanes, acc);
                next::<S, MR, NV, FIXED>(s, tile, at, lanes, acc);
                next::<S, MR, NV, false>(s, tile, at, lanes, acc);
                count -= 4;
            }
        }
        if NV < plan::WIDEST && !FIXED && !cfg!(target_arch = "wasm32") && const { is_large::<S>(MR, NV) } {
            while count >= 2 {
                next::<S, MR, NV, false>(s, tile, at, lanes, acc);
                next::<S, MR, NV, false>(s, tile, at, lanes, acc);
                count -= 2;
            }
        }
        while count > 0 {
            next::<S, MR, NV, false>(s, tile, at, lanes, acc);
            count -= 1;
        }
    }
}

/// A step at some k, and on to the next. `LOOSE` leaves it to the compiler how to get there.
///
/// # Safety
/// As for [`step`].
#[inline(always)]
unsafe fn next<S: Simd, const MR: usize, const NV: usize, const LOOSE: bool>(
    s: S,
    tile: &Strip<'_>,
    at: &mut At<MR, NV>,
    lanes: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    // SAFETY: the caller's promises.
    unsafe { step::<S, MR, NV>(s, at.a, at.b, lanes, acc) };
    (at.a, at.b) = (at.a.ahead(tile.a_k), at.b.ahead(tile.b_k));
    if !LOOSE {
        (at.a, at.b) = (at.a.in_registers(s), at.b.in_registers(s));
    }
}

/// Where `N` lines are, equally far apart: rows of A at some k, or panels of B.
#[derive(Clone, Copy)]
pub(super) struct Lines<const N: usize> {
    /// The first of each three, which is as far as an address reaches with the stride and twice the stride.
    thirds: [*const f32; 5],
    stride: usize,
}

impl<const N: usize> Lines<N> {
    #[inline(always)]
    pub(super) fn new(first: *const f32, stride: usize) -> Self {
        let mut thirds = [first; 5];
        for i in 1..N.div_ceil(3) {
            thirds[i] = thirds[i - 1].wrapping_add(3 * stride);
        }
        Self { thirds, stride }
    }

    /// All of them so many numbers further on.
    #[inline(always)]
    pub(super) fn ahead(mut self, numbers: usize) -> Self {
        for i in 0..N.div_ceil(3) {
            self.thirds[i] = self.thirds[i].wrapping_add(numbers);
        }
        self
    }

    /// # Safety
    /// Lines 0 to `i` are in one allocation, and each of them can be read.
    #[inline(always)]
    unsafe fn line(self, i: usize) -> *const f32 {
        // Not `wrapping_add`: WebAssembly's loads take an offset only where an address cannot wrap.
        // SAFETY: the caller's promise: the first of three and this one are in one allocation.
        unsafe { self.thirds[i / 3].add(i % 3 * self.stride) }
    }

    #[inline(always)]
    pub(super) fn in_registers<S: Simd>(mut self, s: S) -> Self {
        for i in 0..N.div_ceil(3) {
            self.thirds[i] = s.in_register(self.thirds[i]);
        }
        self
    }
}

/// One step of k: `MR * NV` multiply-adds.
///
/// # Safety
/// `MR` rows of A, in one allocation, can be read, and `NV` vectors of B, in one too, in panels of sixteen columns, of which the last has `last_lanes`.
#[inline(always)]
pub(super) unsafe fn step<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    a: Lines<MR>,
    b: Lines<NV>,
    last_lanes: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut row = [s.splat(0.0); NV];
        for v in 0..NV {
            let p = b.line(v * S::LANES / PANEL).add(v * S::LANES % PANEL);
            row[v] = if v + 1 < NV { s.load(p) } else { s.load_partial(p, last_lanes) };
        }
        for r in 0..MR {
            let x = s.splat(a.line(r).read());
            for v in 0..NV {
                acc[r][v] = s.mul_add(x, row[v], acc[r][v]);
            }
        }
    }
}
