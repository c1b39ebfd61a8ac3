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
//! | 6 x 2 | AVX2 | 12 | 15 of 16 | 0.67 | multiply-adds |
//! | 4 x 2 | SSE2 | 8 | 11 of 16 | 0.75, and as many shuffles as broadcasts | decoding: 4 instructions a product |
//!
//! 4 x 3 on AVX2 would load less, but fills all sixteen registers, and LLVM spills one of the sums: half the speed.
//! `cargo xtask asm` counts all this in the emitted code: 4 * MR * NV multiply-adds in four steps, no spill, no call.
//!
//! What is left, by regime:
//!
//! - *Small tiles* (n below a vector): lanes in vain. 10 x 10 x 10 uses 10 of 16; and one vector wide, each multiply-add
//!   needs a load, so 16 x 16 x 16 cannot pass 94 %, 8 x 8 x 8 not 44 %.
//! - *Short k*: a tile's first values and its stores, one a cycle, which nothing hides if k is a dozen.
//! - *One row*: reading B. At a line a cycle from L2 no more than half of the multiply-adds can be busy.
//! - *Large*: what comes from L3, see [`super::blocks`].
//!
//! Three things keep the compiler from spoiling it. The k loop is unrolled by hand, four steps an iteration, for LLVM
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
use crate::kernel::gemm::tile::{Finish, First, Place, first_values};
use crate::simd::{Pass, Simd};

/// The operands of a strip: tiles of equal height below one another, in one panel of columns.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    /// A's first element for the first tile, and the numbers from one row of A, as it lies in memory, to the next.
    pub(super) a: *const f32,
    pub(super) a_stride: usize,
    /// B's first element for the panel, and the numbers from one k to the next.
    pub(super) b: *const f32,
    pub(super) b_stride: usize,
    /// Where B lies in panels of sixteen columns: numbers from one panel to the next.
    pub(super) panel_stride: usize,
    pub(super) k: usize,
    /// As many k from the first as B can be read in whole vectors, though the panel's last vector may be in part.
    pub(super) k_whole: usize,
    /// Length of a segment of k: all of it, or what [`segments`](crate::kernel::gemm::segments) says.
    pub(super) segment: usize,
    pub(super) first: First,
    /// Where the first tile's results go.
    pub(super) place: Place,
    pub(super) tiles: usize,
    pub(super) ahead: Option<Ahead>,
}

/// What a strip of a large product brings into L1 while it computes: what the next tile takes of A and C, and for each
/// tile `b_rows` rows of the next panel of B. Any address will do: a prefetch changes nothing but time.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    pub(super) b: *const f32,
    pub(super) b_stride: usize,
    pub(super) b_rows: usize,
}

impl Ahead {
    /// As it is `tiles` further down.
    #[inline(always)]
    pub(super) fn after(self, tiles: usize) -> Self {
        Self { b: self.b.wrapping_add(tiles * self.b_rows * self.b_stride), ..self }
    }
}

/// A strip as a pass of its own, so that each size of tile is one function an instruction set.
pub(super) struct MicroKernel<'a, F, const MR: usize, const NV: usize, const TN: bool, const SEGMENTED: bool>
{
    strip: &'a Strip,
    finish: &'a F,
}

impl<'a, F, const MR: usize, const NV: usize, const TN: bool, const SEGMENTED: bool>
    MicroKernel<'a, F, MR, NV, TN, SEGMENTED>
{
    /// # Safety
    /// See [`micro_kernel`].
    #[inline(always)]
    pub(super) unsafe fn new(strip: &'a Strip, finish: &'a F) -> Self {
        Self { strip, finish }
    }
}

impl<F: Finish, const MR: usize, const NV: usize, const TN: bool, const SEGMENTED: bool> Pass
    for MicroKernel<'_, F, MR, NV, TN, SEGMENTED>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { micro_kernel::<S, F, MR, NV, TN, SEGMENTED, false>(s, self.strip, self.finish) }
    }
}

/// The same, with B in panels of sixteen columns (see [`crate::kernel::gemm::packed`]).
pub(super) struct PanelsKernel<'a, F, const MR: usize, const NV: usize, const SEGMENTED: bool> {
    strip: &'a Strip,
    finish: &'a F,
}

impl<'a, F, const MR: usize, const NV: usize, const SEGMENTED: bool> PanelsKernel<'a, F, MR, NV, SEGMENTED> {
    /// # Safety
    /// See [`micro_kernel`].
    #[inline(always)]
    pub(super) unsafe fn new(strip: &'a Strip, finish: &'a F) -> Self {
        Self { strip, finish }
    }
}

impl<F: Finish, const MR: usize, const NV: usize, const SEGMENTED: bool> Pass
    for PanelsKernel<'_, F, MR, NV, SEGMENTED>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { micro_kernel::<S, F, MR, NV, false, SEGMENTED, true>(s, self.strip, self.finish) }
    }
}

/// Tiles of `MR` rows and `NV` vectors. With `TN`, A lies transposed: a step of k goes to the next row in memory.
///
/// # Safety
/// Of the strip's `tiles` tiles, `MR * tiles` rows and `NV` vectors of columns, the last of which has `last_lanes` lanes:
/// 1. `last_lanes` is 1 to `LANES`, `segment` is not zero, and `k_whole` is at most `k`.
/// 2. A can be read: `k` numbers of each row.
/// 3. B can be read: `k` rows of these columns, the first `k_whole` of them in whole vectors; with `PANELS`, which needs a
///    first column that is a multiple of `LANES`, in panels `panel_stride` apart.
/// 4. What `first` points to can be read: a row as wide as the tiles, or a number.
/// 5. C can be read and written from the place on, by nobody else, and is part of the C that `finish` was made for, as the
///    place's row and column say.
#[inline(always)]
pub(super) unsafe fn micro_kernel<
    S: Simd,
    F: Finish,
    const MR: usize,
    const NV: usize,
    const TN: bool,
    const SEGMENTED: bool,
    const PANELS: bool,
>(
    s: S,
    strip: &Strip,
    finish: &F,
) {
    let mut tile = *strip;
    debug_assert!((1..=S::LANES).contains(&tile.place.last_lanes));
    debug_assert!(tile.segment > 0 && tile.k_whole <= tile.k);
    debug_assert!(!tile.a.is_null() && tile.a.is_aligned() && !tile.b.is_null() && tile.b.is_aligned());
    debug_assert!(!tile.place.c.is_null() && tile.place.c.is_aligned());
    debug_assert!(MR * tile.tiles < 2 || (NV - 1) * S::LANES + tile.place.last_lanes <= tile.place.c_stride);
    for _ in 0..strip.tiles {
        // Else a dozen multiples of each would be made ahead of the loop, and kept on the stack.
        tile.a_stride = s.number_in_register(strip.a_stride);
        tile.place.c_stride = s.number_in_register(strip.place.c_stride);
        // SAFETY: the caller's promises, for every pointer below: rows below MR of a tile that is left, vectors below NV
        // of which the last has `last_lanes`, k below `strip.k`.
        unsafe {
            let mut acc = first_values::<S, MR, NV>(s, tile.first, tile.place);
            if SEGMENTED {
                acc = segments::<S, MR, NV, TN, PANELS>(s, &tile, acc);
            } else {
                segment::<S, MR, NV, TN, PANELS>(s, &tile, 0, tile.k, &mut acc);
            }
            finish.finish(s, &mut acc, tile.place);
        }
        tile.a = tile.a.wrapping_add(MR * if TN { 1 } else { tile.a_stride });
        tile.place.c = tile.place.c.wrapping_add(MR * tile.place.c_stride);
        tile.place.row += MR;
        tile.ahead = tile.ahead.map(|ahead| ahead.after(1));
    }
}

/// The sums of all segments, the first of which starts from `acc`, added in order.
///
/// # Safety
/// As for [`micro_kernel`].
#[inline(always)]
unsafe fn segments<S: Simd, const MR: usize, const NV: usize, const TN: bool, const PANELS: bool>(
    s: S,
    tile: &Strip,
    mut acc: [[S::V; NV]; MR],
) -> [[S::V; NV]; MR] {
    let mut done = tile.segment.min(tile.k);
    // SAFETY: the caller's promises; segments end at k or before.
    unsafe {
        segment::<S, MR, NV, TN, PANELS>(s, tile, 0, done, &mut acc);
        while done < tile.k {
            let len = tile.segment.min(tile.k - done);
            let mut next = [[s.splat(0.0); NV]; MR];
            segment::<S, MR, NV, TN, PANELS>(s, tile, done, len, &mut next);
            for (acc, next) in acc.as_flattened_mut().iter_mut().zip(next.as_flattened()) {
                *acc = s.add(*acc, *next);
            }
            done += len;
        }
    }
    acc
}

/// Adds `len` products from `start` on to `acc`.
///
/// # Safety
/// As for [`micro_kernel`]; `start + len` is at most `tile.k`.
#[inline(always)]
unsafe fn segment<S: Simd, const MR: usize, const NV: usize, const TN: bool, const PANELS: bool>(
    s: S,
    tile: &Strip,
    start: usize,
    len: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    let a_k = if TN { tile.a_stride } else { 1 };
    // As long as B can be read in whole vectors, or part of a vector costs no more.
    let (whole, lanes) = match S::MASKS {
        true => (len, tile.place.last_lanes),
        false => (tile.k_whole.saturating_sub(start).min(len), S::LANES),
    };
    // SAFETY: k stays below `tile.k`; up to `k_whole` B is readable in whole vectors, past that in `last_lanes`.
    unsafe {
        let mut a = Rows::<MR, TN>::new(tile.a.add(start * a_k), tile.a_stride);
        let mut b = tile.b.add(start * tile.b_stride);
        // Between what is brought near and its use lie one or two stretches.
        let ahead = tile.ahead.filter(|_| S::PREFETCHES);
        let stretch = if ahead.is_some() { STRETCH } else { whole };
        // Four steps an iteration: LLVM leaves this loop rolled, and its counters would cost as much as the loads. But
        // the widest panels stream from beyond L1, and a processor that learns strides by the instruction's address
        // fetches ahead best if a row's instructions are the next row's too.
        let unroll = const { if NV == plan::WIDEST { 1 } else { 4 } };
        let mut left = whole;
        while left >= unroll {
            if let Some(ahead) = ahead {
                prefetch::<S, MR, NV, TN>(s, tile, ahead, whole - left, a.first());
            }
            for _ in 0..stretch.min(left) / unroll {
                for u in 0..unroll {
                    let b = b.wrapping_add(u * tile.b_stride);
                    step::<S, MR, NV, TN, PANELS>(s, a.ahead(u), b, tile.panel_stride, lanes, acc);
                }
                a = a.ahead(unroll).in_registers(s);
                b = b.wrapping_add(unroll * tile.b_stride);
            }
            left -= stretch.min(left) / unroll * unroll;
        }
        for i in whole - left..len {
            let lanes = if i < whole { lanes } else { tile.place.last_lanes };
            step::<S, MR, NV, TN, PANELS>(s, a, b, tile.panel_stride, lanes, acc);
            a = a.ahead(1).in_registers(s);
            b = b.wrapping_add(tile.b_stride);
        }
    }
}

/// Steps of k between two rounds of prefetches: those in which a row of A moves on by a cache line.
const STRETCH: usize = 16;

/// Where `MR` rows of A are at some k.
#[derive(Clone, Copy)]
pub(super) struct Rows<const MR: usize, const TN: bool> {
    /// The first of each three rows, which is as far as an address reaches with the stride and twice the stride; all
    /// rows of a transposed A are beside the first.
    thirds: [*const f32; 5],
    stride: usize,
}

impl<const MR: usize, const TN: bool> Rows<MR, TN> {
    #[inline(always)]
    pub(super) fn new(first: *const f32, stride: usize) -> Self {
        let third = |i| if TN || 3 * i >= MR { first } else { first.wrapping_add(3 * i * stride) };
        Self { thirds: core::array::from_fn(third), stride }
    }

    #[inline(always)]
    fn first(self) -> *const f32 {
        self.thirds[0]
    }

    /// `steps` of k further on.
    #[inline(always)]
    pub(super) fn ahead(self, steps: usize) -> Self {
        let numbers = if TN { steps * self.stride } else { steps };
        Self { thirds: self.thirds.map(|p| p.wrapping_add(numbers)), ..self }
    }

    #[inline(always)]
    fn row(self, row: usize) -> *const f32 {
        if TN {
            self.thirds[0].wrapping_add(row)
        } else {
            self.thirds[row / 3].wrapping_add(row % 3 * self.stride)
        }
    }

    #[inline(always)]
    pub(super) fn in_registers<S: Simd>(mut self, s: S) -> Self {
        if !TN && MR > 3 {
            for p in self.thirds.iter_mut().take(MR.div_ceil(3)) {
                *p = s.in_register(*p);
            }
        }
        self
    }
}

/// What is due in the stretch of k from `start` of the segment on, whose rows of A begin at `a`.
#[inline(always)]
fn prefetch<S: Simd, const MR: usize, const NV: usize, const TN: bool>(
    s: S,
    tile: &Strip,
    ahead: Ahead,
    start: usize,
    a: *const f32,
) {
    /// Numbers in a cache line.
    const LINE: usize = 16;
    // The next tile's A where this tile's is now: a transposed A has a line for each k, and of rows along k the
    // processor itself fetches what follows their first two lines.
    if TN || start < 2 * STRETCH {
        let mut a = a.wrapping_add(MR * if TN { 1 } else { tile.a_stride });
        for _ in 0..const { if TN { STRETCH } else { MR } } {
            s.prefetch(a);
            a = s.in_register(a.wrapping_add(tile.a_stride));
        }
    }
    // Two rows of C, or then of B, in each stretch.
    for row in 2 * (start / STRETCH)..2 * (start / STRETCH) + 2 {
        let row = match row.checked_sub(MR) {
            None => tile.place.c.wrapping_add((MR + row) * tile.place.c_stride).cast_const(),
            Some(row) => ahead.b.wrapping_add(row.min(ahead.b_rows) * ahead.b_stride),
        };
        for col in (0..NV * S::LANES).step_by(LINE) {
            s.prefetch(row.wrapping_add(col));
        }
        // Rows seldom begin with a line.
        s.prefetch(row.wrapping_add(NV * S::LANES - 1));
    }
}

/// One step of k: `MR * NV` multiply-adds.
///
/// # Safety
/// `MR` rows of A can be read, and `NV` vectors at `b`, or with `PANELS` beside each other in panels, of which the last has
/// `last_lanes`.
#[inline(always)]
pub(super) unsafe fn step<S: Simd, const MR: usize, const NV: usize, const TN: bool, const PANELS: bool>(
    s: S,
    a: Rows<MR, TN>,
    b: *const f32,
    panel_stride: usize,
    last_lanes: usize,
    acc: &mut [[S::V; NV]; MR],
) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut row = [s.splat(0.0); NV];
        for (v, x) in row.iter_mut().enumerate() {
            let p = b.wrapping_add(match PANELS {
                true => v * S::LANES / PANEL * panel_stride + v * S::LANES % PANEL,
                false => v * S::LANES,
            });
            *x = if v + 1 < NV { s.load(p) } else { s.load_partial(p, last_lanes) };
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            let x = s.splat(a.row(r).read());
            for (acc, &row) in acc.iter_mut().zip(&row) {
                *acc = s.mul_add(x, row, *acc);
            }
        }
    }
}
