//! The loops around the micro-kernel when the shape is known to the compiler: no packing, and no choice left at
//! run time. Every size is a constant, so a tile becomes straight code or loops of known length.

use super::Product;
use super::column::Column;
use super::micro::{MicroKernel, Strip};
use super::plan::{self, Tiles};
use crate::kernel::gemm::product::{Operands, PANEL};
use crate::kernel::gemm::segments;
use crate::kernel::gemm::tile::{First, Place, Store};
use crate::simd::{Pass, Simd};

/// The operands of a product, K and N being the row strides, what its sums start from, and what becomes of them.
#[derive(Clone, Copy)]
struct Fixed<const M: usize, const K: usize, const N: usize> {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    first: First,
    store: Store<'static>,
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
        let store = if self.relu { Store::Relu } else { Store::Sums };
        // SAFETY: the bias has N numbers, and there is no mask.
        unsafe { finished_product(s, self.a, self.b, self.c, First::Row(self.bias.as_ptr()), store) };
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
    unsafe { finished_product(s, a, b, c, First::Zero, Store::Sums) };
}

/// The same with a bias and an activation.
///
/// # Safety
/// `first` is zero or a row of N numbers that can be read, and `store` has no mask.
#[inline(always)]
unsafe fn finished_product<S: Simd, const M: usize, const K: usize, const N: usize>(
    s: S,
    a: &[[f32; K]; M],
    b: &[[f32; N]; K],
    c: &mut [[f32; N]; M],
    first: First,
    store: Store<'static>,
) {
    if M == 0 || N == 0 {
        return;
    }
    if N == 1 {
        // A single column's sums have an order of their own.
        // SAFETY: 1. see above. 2., 3., 5. Arrays, borrowed until the end of this function. 4., 6. The caller's promise.
        let product = unsafe { Product::new(Operands::of_arrays(a, b, c, first), store) };
        return Column { product: &product }.run(s);
    }
    let (a, b, c) = (a.as_ptr().cast(), b.as_ptr().cast(), c.as_mut_ptr().cast());
    let product = Fixed::<M, K, N> { a, b, c, first, store };
    let mut col = 0;
    // SAFETY: 1. the arrays. 2. These are the panels of all columns, one after the other.
    unsafe {
        if const { panels_of::<S>(M, N, 8) > 0 } {
            for _ in 0..const { panels_of::<S>(M, N, 8) } {
                product.panel::<S, 8>(s, &mut col);
            }
        }
        if const { panels_of::<S>(M, N, 2) > 0 } {
            for _ in 0..const { panels_of::<S>(M, N, 2) } {
                product.panel::<S, 2>(s, &mut col);
            }
        }
        if const { panels_of::<S>(M, N, 3) > 0 } {
            for _ in 0..const { panels_of::<S>(M, N, 3) } {
                product.panel::<S, 3>(s, &mut col);
            }
        }
        if const { panels_of::<S>(M, N, 1) > 0 } {
            for _ in 0..const { panels_of::<S>(M, N, 1) } {
                product.panel::<S, 1>(s, &mut col);
            }
        }
    }
}

/// How many panels of `width` vectors the plan makes of N columns.
const fn panels_of<S: Simd>(m: usize, n: usize, width: usize) -> usize {
    let mut left = n.div_ceil(S::LANES);
    let mut count = 0;
    while left > 0 {
        let vectors = Tiles::of::<S>().panel_vectors(left, m);
        count += (vectors == width) as usize;
        left -= vectors;
    }
    count
}

/// How a panel's rows are cut: see [`plan::row_tiles`].
const fn tiles_of<S: Simd>(m: usize, k: usize, n: usize, vectors: usize) -> (usize, usize, usize) {
    plan::row_tiles(m, Tiles::of::<S>().rows_in_registers(vectors, k, segments::segment_len(n, k)))
}

impl<const M: usize, const K: usize, const N: usize> Fixed<M, K, N> {
    /// The `NV` vectors of columns from `col` on, which moves past them.
    ///
    /// # Safety
    /// 1. A can be read, M x K, and B, K x N; C can be read and written by nobody else, M x N; `first` is zero or a row of N
    ///    numbers that can be read, and `store` has no mask.
    /// 2. The panel is one that [`panels_of`] counts; its vectors lie inside C, the last perhaps in part.
    #[inline(always)]
    unsafe fn panel<S: Simd, const NV: usize>(self, s: S, col: &mut usize) {
        let last_lanes = Tiles::of::<S>().last_lanes(N - *col, NV);
        let end = *col + NV * S::LANES;
        let mut strip = Strip {
            a: self.a,
            a_row: K,
            a_k: 1,
            b: self.b.wrapping_add(*col),
            b_k: N,
            b_panel: PANEL,
            k: K,
            k_whole: if last_lanes == S::LANES { K } else { plan::whole_rows(K, K * N, N, end) },
            segment: const { segments::segment_len(N, K) },
            first: self.first.at_col(*col),
            place: Place { c: self.c.wrapping_add(*col), c_stride: N, row: 0, col: *col, last_lanes },
            store: &self.store,
            tiles: 0,
            far: false,
        };
        let (tiles, _, tall) = const { tiles_of::<S>(M, K, N, NV) };
        if const { tiles_of::<S>(M, K, N, NV).2 > 0 } {
            strip.tiles = tall;
            // SAFETY: the first rows of the panel's columns, in tiles as `plan` made them.
            unsafe { Self::strip::<S, NV, true>(s, &mut strip) };
        }
        strip.tiles = tiles - tall;
        // SAFETY: the rows that are left.
        unsafe { Self::strip::<S, NV, false>(s, &mut strip) };
        *col = end;
    }

    /// The strip of the taller tiles or of the others, by the micro-kernel for their height, which is the only one that is
    /// compiled.
    ///
    /// # Safety
    /// The strip is as [`micro_kernel`](super::micro::micro_kernel) needs it.
    #[inline(always)]
    unsafe fn strip<S: Simd, const NV: usize, const TALL: bool>(s: S, strip: &mut Strip<'_>) {
        // SAFETY: the caller's promise, for the one call that is left.
        unsafe {
            Self::if_height::<S, 1, NV, TALL>(s, strip);
            Self::if_height::<S, 2, NV, TALL>(s, strip);
            Self::if_height::<S, 3, NV, TALL>(s, strip);
            Self::if_height::<S, 4, NV, TALL>(s, strip);
            Self::if_height::<S, 5, NV, TALL>(s, strip);
            Self::if_height::<S, 6, NV, TALL>(s, strip);
            Self::if_height::<S, 7, NV, TALL>(s, strip);
            Self::if_height::<S, 8, NV, TALL>(s, strip);
            Self::if_height::<S, 9, NV, TALL>(s, strip);
            Self::if_height::<S, 10, NV, TALL>(s, strip);
            Self::if_height::<S, 11, NV, TALL>(s, strip);
            Self::if_height::<S, 12, NV, TALL>(s, strip);
            Self::if_height::<S, 13, NV, TALL>(s, strip);
            Self::if_height::<S, { plan::TALLEST }, NV, TALL>(s, strip);
        }
    }

    /// # Safety
    /// As for [`Fixed::strip`], if the tiles are `MR` rows high.
    #[inline(always)]
    unsafe fn if_height<S: Simd, const MR: usize, const NV: usize, const TALL: bool>(
        s: S,
        strip: &mut Strip<'_>,
    ) {
        if const { tiles_of::<S>(M, K, N, NV).1 + TALL as usize == MR } {
            // SAFETY: the caller's promise.
            let kernel = unsafe { MicroKernel::<MR, NV, true>::new(strip) };
            // As part of the caller; but as a function where nothing is optimised, for the frame would hold all of them.
            if cfg!(debug_assertions) { s.call(kernel) } else { kernel.run(s) }
        }
    }
}
