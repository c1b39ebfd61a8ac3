//! The loops around the micro-kernel when the shape is known to the compiler: no packing, and no choice left at
//! run time. Every size is a constant, so a tile becomes straight code or loops of known length.

use super::column::Column;
use super::micro::Strip;
use super::plan;
use super::strips::strip_of_height;
use crate::kernel::gemm::epilogue::Activate;
use crate::kernel::gemm::product::{Operands, Product};
use crate::kernel::gemm::segments;
use crate::kernel::gemm::tile::{First, Place};
use crate::simd::{Pass, Simd};

/// The operands of a product, K and N being the row strides, what its sums start from, and what becomes of them.
#[derive(Clone, Copy)]
struct Fixed<const M: usize, const K: usize, const N: usize> {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    first: First,
    finish: Activate,
}

/// `c = a b + bias`, and a ReLU if asked for.
pub(crate) struct FixedProduct<'a, const M: usize, const K: usize, const N: usize> {
    pub(crate) a: &'a [[f32; K]; M],
    pub(crate) b: &'a [[f32; N]; K],
    pub(crate) c: &'a mut [[f32; N]; M],
    pub(crate) bias: &'a [f32; N],
    pub(crate) relu: bool,
}

impl<const M: usize, const K: usize, const N: usize> Pass for FixedProduct<'_, M, K, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let finish = if self.relu { Activate::Relu } else { Activate::Nothing };
        // SAFETY: the bias has N numbers, and there is no mask.
        unsafe { finished_product(s, self.a, self.b, self.c, First::Row(self.bias.as_ptr()), finish) };
    }
}

/// `c = a b`.
#[inline(always)]
pub(crate) fn fixed_product<S: Simd, const M: usize, const K: usize, const N: usize>(
    s: S,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
) {
    // SAFETY: there is no bias, and no mask.
    unsafe { finished_product(s, a, b, c, First::Zero, Activate::Nothing) };
}

/// The same with a bias and an activation.
///
/// # Safety
/// `first` is zero or a row of N numbers that can be read, and `finish` has no mask.
#[inline(always)]
unsafe fn finished_product<S: Simd, const M: usize, const K: usize, const N: usize>(
    s: S,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
    first: First,
    finish: Activate,
) {
    const { plan::check::<S>() };
    if M == 0 || N == 0 {
        return;
    }
    if N == 1 {
        // A single column's sums have an order of their own.
        // SAFETY: 1. see above. 2., 3., 5. Arrays, borrowed until the end of this function. 4., 6. The caller's promise.
        let product = unsafe { Product::new(Operands::of_arrays(a, b, c, first), finish) };
        return Column { product: &product }.run(s);
    }
    let (a, b, c) = (a.as_ptr().cast(), b.as_ptr().cast(), c.as_mut_ptr().cast());
    let product = Fixed::<M, K, N> { a, b, c, first, finish };
    let mut col = 0;
    // SAFETY: 1. the arrays. 2. These are the panels of all columns, one after the other.
    unsafe {
        for _ in 0..const { panels_of::<S>(M, N, 8) } {
            product.panel::<S, 8>(s, &mut col);
        }
        for _ in 0..const { panels_of::<S>(M, N, 2) } {
            product.panel::<S, 2>(s, &mut col);
        }
        for _ in 0..const { panels_of::<S>(M, N, 3) } {
            product.panel::<S, 3>(s, &mut col);
        }
        for _ in 0..const { panels_of::<S>(M, N, 1) } {
            product.panel::<S, 1>(s, &mut col);
        }
    }
}

/// How many panels of `width` vectors the plan makes of N columns.
const fn panels_of<S: Simd>(m: usize, n: usize, width: usize) -> usize {
    let mut left = n.div_ceil(S::LANES);
    let mut count = 0;
    while left > 0 {
        let vectors = plan::panel_vectors::<S>(left, m);
        count += (vectors == width) as usize;
        left -= vectors;
    }
    count
}

/// How a panel's rows are cut: see [`plan::row_tiles`].
const fn tiles_of<S: Simd>(m: usize, k: usize, n: usize, vectors: usize) -> (usize, usize, usize) {
    plan::row_tiles(m, plan::tile_rows_for::<S>(vectors, k, segments::segment_len(n, k)))
}

impl<const M: usize, const K: usize, const N: usize> Fixed<M, K, N> {
    /// The `NV` vectors of columns from `col` on, which moves past them.
    ///
    /// # Safety
    /// 1. A can be read, M x K, and B, K x N; C can be read and written by nobody else, M x N; `first` is zero or a row of N
    ///    numbers that can be read, and `finish` has no mask.
    /// 2. The panel is one that [`panels_of`] counts; its vectors lie inside C, the last perhaps in part.
    #[inline(always)]
    unsafe fn panel<S: Simd, const NV: usize>(self, s: S, col: &mut usize) {
        let last_lanes = plan::last_lanes::<S>(N - *col, NV);
        let end = *col + NV * S::LANES;
        let mut strip = Strip {
            a: self.a,
            a_stride: K,
            b: self.b.wrapping_add(*col),
            b_stride: N,
            panel_stride: 0,
            k: K,
            k_whole: if last_lanes == S::LANES { K } else { plan::whole_rows(K, K * N, N, end) },
            segment: const { segments::segment_len(N, K) },
            first: self.first.at_col(*col),
            place: Place { c: self.c.wrapping_add(*col), c_stride: N, row: 0, col: *col, last_lanes },
            tiles: 0,
            ahead: None,
        };
        let (tiles, short, tall) = const { tiles_of::<S>(M, K, N, NV) };
        if tall > 0 {
            let height = const { tiles_of::<S>(M, K, N, NV).1 + 1 };
            strip.tiles = tall;
            // SAFETY: 1. the first rows of the panel's columns. 2. As `plan` made it.
            unsafe { strip_of_height::<S, _, NV, false, false, true>(s, &strip, height, &self.finish) };
            strip.a = strip.a.wrapping_add(tall * height * K);
            strip.place.c = strip.place.c.wrapping_add(tall * height * N);
        }
        if tiles > tall {
            strip.tiles = tiles - tall;
            // SAFETY: 1. the rows that are left. 2. As `plan` made it.
            unsafe { strip_of_height::<S, _, NV, false, false, true>(s, &strip, short, &self.finish) };
        }
        *col = end;
    }
}
