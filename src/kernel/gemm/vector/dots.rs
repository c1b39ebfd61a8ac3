//! Dot products: a transposed B, whose rows lie along k as A's do, and a k of [`DOTS`] or more.
//!
//! ```text
//! for each block of rows of A that L2 holds, for each few rows of B (which L1 holds), for each few rows of the block:
//!     acc[r][c] = 0                                                     16 virtual lanes each
//!     for each i:  acc[r][c][i % 16] += A[r, i] * B[c, i]
//!     while more than one lane is left:  lower half += upper half       of sixteen sums at once
//! ```
//!
//! Both operands are read as they lie, in whole vectors, by any number of rows, where tiles need columns of B: these would
//! have to be transposed, at the cost of eight rows of multiplying. What this costs instead is reducing vectors, which does
//! not grow with k: 45 instructions for sixteen sums, beside `k` multiply-adds.
//!
//! | tile | set | sums in registers | loads per multiply-add |
//! |---|---|---|---|
//! | 4 x 4, 2 x 8, 1 x 16 | AVX-512 | 16 | 0.5, 0.63, 1.06 |
//! | 2 x 2, 1 x 4 | AVX2 | 8 | 1, 1.25 |
//! | 1 x 2 | four lanes | 8 | 1.5 |

use super::Product;
use crate::kernel::gemm::product::Operands;
use crate::kernel::gemm::segments::{DOT_SEGMENT, VIRTUAL_LANES};
use crate::kernel::gemm::tile::{FinishTile, First, Place, Tile};
use crate::simd::{Cache, Pass, Simd};

/// A product of rows, whose sums are long.
pub(super) struct Dots<'a> {
    product: &'a Product<'a>,
}

impl<'a> Dots<'a> {
    /// # Safety
    /// The product's B lies transposed, and its A does not.
    pub(super) unsafe fn new(product: &'a Product<'a>) -> Self {
        Self { product }
    }
}

impl Pass for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product } = self;
        let Operands { m, k, .. } = **product;
        // A block of A takes half as much as where panels are packed: B streams through, all of it.
        let most = (Cache::second_level().block_of_a() / 2 / k.max(1)).max(8);
        let mut first = 0;
        while first < m {
            let end = m.min(first + most);
            // SAFETY: 1. whoever made this signed for it. 2. So many rows are left.
            unsafe {
                match S::LANES {
                    16 => {
                        let fours = first + (end - first) / 4 * 4;
                        let paired = first + (end - first) / 2 * 2;
                        rows::<S, 4, 4>(s, product, first, fours);
                        rows::<S, 2, 8>(s, product, fours, paired);
                        rows::<S, 1, 16>(s, product, paired, end);
                    }
                    8 => {
                        let paired = first + (end - first) / 2 * 2;
                        rows::<S, 2, 2>(s, product, first, paired);
                        rows::<S, 1, 4>(s, product, paired, end);
                    }
                    _ => rows::<S, 1, 2>(s, product, first, end),
                }
            }
            first = end;
        }
    }
}

/// All columns of the rows from `first` to `end`, in tiles of `MR` rows and `NR` columns.
///
/// # Safety
/// 1. The product's B lies transposed, and its A does not.
/// 2. It has these rows, a multiple of `MR`.
#[inline(always)]
unsafe fn rows<S: Simd, const MR: usize, const NR: usize>(
    s: S,
    product: &Product<'_>,
    first: usize,
    end: usize,
) {
    if const { MR * NR * (VIRTUAL_LANES / S::LANES) > 16 } {
        return;
    }
    let mut col = 0;
    while col < product.n {
        let left = product.n - col;
        let mut row = first;
        while row < end {
            // SAFETY: 1. the caller's promise. 2. So many rows and columns are left.
            unsafe {
                match left >= NR {
                    true => s.call(DotTile::<MR, NR>::new(product, [row, col])),
                    false => s.call(DotTile::<MR, 1>::new(product, [row, col])),
                }
            }
            row += MR;
        }
        col += if left >= NR { NR } else { 1 };
    }
}

/// A tile.
struct DotTile<'a, const MR: usize, const NR: usize> {
    product: &'a Product<'a>,
    at: [usize; 2],
}

impl<'a, const MR: usize, const NR: usize> DotTile<'a, MR, NR> {
    /// # Safety
    /// 1. The product's B lies transposed, and its A does not.
    /// 2. It has `MR` rows and `NR` columns from `at` on.
    #[inline(always)]
    unsafe fn new(product: &'a Product<'a>, at: [usize; 2]) -> Self {
        Self { product, at }
    }
}

impl<const MR: usize, const NR: usize> Pass for DotTile<'_, MR, NR> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, at: [row, col] } = self;
        let Operands { k, a, a_stride, b, b_stride, first, c, c_stride, .. } = **product;
        let place = Place { c: c.wrapping_add(row * c_stride + col), c_stride, row, col, last_lanes: 0 };
        let (mut a, mut b) = (a.wrapping_add(row * a_stride), b.wrapping_add(col * b_stride));
        let mut sums = [0.0; 16];
        let mut starts = None;
        if !matches!(first, First::Zero) {
            let starts = starts.insert([0.0; 16]);
            for (i, start) in starts.iter_mut().enumerate().take(MR * NR) {
                // SAFETY: a number of the bias for each of these columns, or the tile of C.
                *start = unsafe {
                    match first {
                        First::Row(bias) => bias.wrapping_add(col + i % NR).read(),
                        _ => place.c.wrapping_add(i / NR * c_stride + i % NR).read(),
                    }
                };
            }
        }
        let mut left = k;
        while left > 0 {
            let len = left.min(DOT_SEGMENT);
            // SAFETY: so many more k of these rows of A and of B (1, 2).
            let segment =
                unsafe { segment::<S, MR, NR>(s, [a, b], [a_stride, b_stride], len, starts.take()) };
            for (sum, segment) in sums.iter_mut().zip(segment).take(MR * NR) {
                *sum += segment;
            }
            (a, b) = (a.wrapping_add(len), b.wrapping_add(len));
            left -= len;
        }
        let tile = Tile { sums: sums.as_ptr(), stride: NR, rows: MR, cols: NR, place };
        // SAFETY: the tile is the product's (2).
        s.call(unsafe { FinishTile::new(tile, product.finish()) });
    }
}

/// The dot products of `len` numbers of `MR` rows and `NR` rows, whose first lanes start from `starts`.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn segment<S: Simd, const MR: usize, const NR: usize>(
    s: S,
    [mut a, mut b]: [*const f32; 2],
    [a_stride, b_stride]: [usize; 2],
    len: usize,
    starts: Option<[f32; 16]>,
) -> [f32; 16] {
    let registers = const { VIRTUAL_LANES / S::LANES };
    let mut acc = [[[s.splat(0.0); 4]; NR]; MR];
    if let Some(starts) = starts {
        for r in 0..MR {
            for j in 0..NR {
                // SAFETY: one number, for a tile has at most sixteen.
                acc[r][j][0] = unsafe { s.load_partial(starts.as_ptr().wrapping_add(r * NR + j), 1) };
            }
        }
    }
    let (a_stride, b_stride) = (s.number_in_register(a_stride), s.number_in_register(b_stride));
    let mut left = len;
    while left > 0 {
        let numbers = left.min(VIRTUAL_LANES);
        for h in 0..registers {
            let at = h * S::LANES;
            let lanes = numbers.saturating_sub(at).min(S::LANES);
            // SAFETY: so many numbers are left in each row.
            let load = |p: *const f32| unsafe {
                if numbers == VIRTUAL_LANES {
                    s.load(p.wrapping_add(at))
                } else {
                    s.load_partial(p.wrapping_add(at), lanes)
                }
            };
            let mut rows = [s.splat(0.0); MR];
            let mut p = a;
            for x in &mut rows {
                *x = load(p);
                p = p.wrapping_add(a_stride);
            }
            let mut p = b;
            for j in 0..NR {
                let y = load(p);
                p = s.in_register(p.wrapping_add(b_stride));
                for r in 0..MR {
                    acc[r][j][h] = s.mul_add(rows[r], y, acc[r][j][h]);
                }
            }
        }
        (a, b) = (a.wrapping_add(numbers), b.wrapping_add(numbers));
        left -= numbers;
    }
    // The upper registers first: that is the tree.
    let mut lanes = [s.splat(0.0); 16];
    for r in 0..MR {
        for j in 0..NR {
            let x = acc[r][j];
            lanes[(r * NR + j) % 16] = match registers {
                1 => x[0],
                2 => s.add(x[0], x[1]),
                _ => s.add(s.add(x[0], x[2]), s.add(x[1], x[3])),
            };
        }
    }
    s.reduce_add_each(lanes, MR * NR)
}
