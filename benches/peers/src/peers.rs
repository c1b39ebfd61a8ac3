//! Everyone who multiplies here, but OpenBLAS: one thread each, row-major, C overwritten.

use crate::product::Product;
use crate::shapes::Shape;
use faer::{Accum, MatMut, MatRef, Par};
use fusebox::{Epilogue, Isa, Mat};
use std::hint::black_box;

/// Someone who multiplies.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Whether this peer is made for such products.
    fn takes(&self, _shape: Shape) -> bool {
        true
    }

    /// Whether it learns the shape once, before the products, as fusebox does where the shape is fixed.
    fn learns_before(&self) -> bool {
        false
    }

    fn multiply(&self, product: &mut Product);

    /// Compiled for each peer apart, so that no call through a pointer comes between two products.
    fn repeat(&self, product: &mut Product, times: u64) {
        for _ in 0..times {
            self.multiply(black_box(product));
        }
    }
}

/// fusebox, the shape known at run time.
pub(crate) struct Fusebox(pub(crate) Isa);

impl Peer for Fusebox {
    fn name(&self) -> &'static str {
        "fusebox"
    }

    fn multiply(&self, product: &mut Product) {
        multiply(self.0, product, Epilogue::None);
    }
}

pub(crate) fn multiply(isa: Isa, product: &mut Product, epilogue: Epilogue<'_>) {
    let Product { shape: Shape { m, n, k, transposed }, ref a, ref b, ref mut c } = *product;
    let view = |data, rows, cols, transposed| match transposed {
        false => Mat::new(data, rows, cols),
        true => Mat::new(data, cols, rows).map(Mat::t),
    };
    let a = view(a, m, k, transposed[0]).expect("m x k numbers");
    let b = view(b, k, n, transposed[1]).expect("k x n numbers");
    let c = fusebox::MatMut::new(c, m, n).expect("m x n numbers");
    fusebox::gemm_with(isa, a, b, c, epilogue).expect("shapes that fit");
}

/// fusebox, the shape known to the compiler: those of the list in [`fixed`].
pub(crate) struct Fixed(pub(crate) Isa);

type FixedProducts = fn(Isa, &mut Product, u64);

fn repeat_fixed<const M: usize, const N: usize, const K: usize>(isa: Isa, product: &mut Product, times: u64) {
    let a: &[[f32; K]; M] = product.a.as_chunks().0.try_into().expect("m rows");
    let b: &[[f32; N]; K] = product.b.as_chunks().0.try_into().expect("k rows");
    let c: &mut [[f32; N]; M] = product.c.as_chunks_mut().0.try_into().expect("m rows");
    for _ in 0..times {
        fusebox::matmul_with(isa, black_box(a), black_box(b), black_box(&mut *c));
    }
}

fn fixed(shape: Shape) -> Option<FixedProducts> {
    if shape.transposed != [false; 2] {
        return None;
    }
    Some(match (shape.m, shape.n, shape.k) {
        (4, 4, 4) => repeat_fixed::<4, 4, 4>,
        (8, 8, 8) => repeat_fixed::<8, 8, 8>,
        (10, 10, 10) => repeat_fixed::<10, 10, 10>,
        (12, 12, 12) => repeat_fixed::<12, 12, 12>,
        (16, 16, 16) => repeat_fixed::<16, 16, 16>,
        (24, 24, 24) => repeat_fixed::<24, 24, 24>,
        (32, 32, 32) => repeat_fixed::<32, 32, 32>,
        (48, 48, 48) => repeat_fixed::<48, 48, 48>,
        (64, 64, 64) => repeat_fixed::<64, 64, 64>,
        (96, 96, 96) => repeat_fixed::<96, 96, 96>,
        (128, 128, 128) => repeat_fixed::<128, 128, 128>,
        (192, 192, 192) => repeat_fixed::<192, 192, 192>,
        (256, 256, 256) => repeat_fixed::<256, 256, 256>,
        (384, 384, 384) => repeat_fixed::<384, 384, 384>,
        (512, 512, 512) => repeat_fixed::<512, 512, 512>,
        (17, 19, 23) => repeat_fixed::<17, 19, 23>,
        (32, 10, 128) => repeat_fixed::<32, 10, 128>,
        (100, 10, 10) => repeat_fixed::<100, 10, 10>,
        (1, 128, 784) => repeat_fixed::<1, 128, 784>,
        (32, 128, 784) => repeat_fixed::<32, 128, 784>,
        _ => return None,
    })
}

impl Peer for Fixed {
    fn name(&self) -> &'static str {
        "fusebox, fixed"
    }

    fn takes(&self, shape: Shape) -> bool {
        fixed(shape).is_some()
    }

    fn multiply(&self, product: &mut Product) {
        self.repeat(product, 1);
    }

    fn repeat(&self, product: &mut Product, times: u64) {
        fixed(product.shape).expect("a shape that it takes")(self.0, product, times);
    }
}

pub(crate) struct Gemm;

impl Peer for Gemm {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn multiply(&self, product: &mut Product) {
        let ((ar, ac), (br, bc)) = (product.a_strides(), product.b_strides());
        let Product { shape: Shape { m, n, k, .. }, ref a, ref b, ref mut c } = *product;
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                c.as_mut_ptr(),
                1,
                n as isize,
                false,
                a.as_ptr(),
                ac as isize,
                ar as isize,
                b.as_ptr(),
                bc as isize,
                br as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

pub(crate) struct MatrixMultiply;

impl Peer for MatrixMultiply {
    fn name(&self) -> &'static str {
        "matrixmultiply"
    }

    fn multiply(&self, product: &mut Product) {
        let ((ar, ac), (br, bc)) = (product.a_strides(), product.b_strides());
        let Product { shape: Shape { m, n, k, .. }, ref a, ref b, ref mut c } = *product;
        let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, ar, ac, b, br, bc, 0.0, c, n as isize, 1) };
    }
}

/// Made for small products. A plan is made with each, as whoever learns the shape with the operands must.
pub(crate) struct NanoGemm;

impl Peer for NanoGemm {
    fn name(&self) -> &'static str {
        "nano-gemm"
    }

    fn takes(&self, shape: Shape) -> bool {
        shape.m.max(shape.n).max(shape.k) <= 128
    }

    fn multiply(&self, product: &mut Product) {
        multiply_planned(&plan(product), product);
    }
}

/// The same with one plan for all products of a shape.
pub(crate) struct PlannedNanoGemm;

impl Peer for PlannedNanoGemm {
    fn name(&self) -> &'static str {
        "nano-gemm, planned"
    }

    fn takes(&self, shape: Shape) -> bool {
        NanoGemm.takes(shape)
    }

    fn learns_before(&self) -> bool {
        true
    }

    fn multiply(&self, product: &mut Product) {
        self.repeat(product, 1);
    }

    fn repeat(&self, product: &mut Product, times: u64) {
        let plan = plan(product);
        for _ in 0..times {
            multiply_planned(&plan, black_box(product));
        }
    }
}

/// nano-gemm wants columns: C^T = B^T A^T.
fn plan(product: &Product) -> nano_gemm::Plan<f32> {
    let Shape { m, n, k, .. } = product.shape;
    match product.b_strides() {
        (_, 1) => nano_gemm::Plan::new_colmajor_lhs_and_dst_f32(n, m, k),
        _ => nano_gemm::Plan::new_f32(n, m, k),
    }
}

fn multiply_planned(plan: &nano_gemm::Plan<f32>, product: &mut Product) {
    let ((ar, ac), (br, bc)) = (product.a_strides(), product.b_strides());
    let Product { shape: Shape { m, n, k, .. }, ref a, ref b, ref mut c } = *product;
    let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    // SAFETY: the slices hold matrices of these sizes and strides, for which the plan was made.
    unsafe {
        plan.execute_unchecked(n, m, k, c, 1, n as isize, b, bc, br, a, ac, ar, 0.0, 1.0, false, false)
    };
}

pub(crate) struct Faer;

impl Peer for Faer {
    fn name(&self) -> &'static str {
        "faer"
    }

    fn multiply(&self, product: &mut Product) {
        let Product { shape: Shape { m, n, k, transposed }, ref a, ref b, ref mut c } = *product;
        let view = |data, rows, cols, transposed| match transposed {
            false => MatRef::from_row_major_slice(data, rows, cols),
            true => MatRef::from_column_major_slice(data, rows, cols),
        };
        let (a, b) = (view(a, m, k, transposed[0]), view(b, k, n, transposed[1]));
        let c = MatMut::from_row_major_slice_mut(c, m, n);
        faer::linalg::matmul::matmul(c, Accum::Replace, a, b, 1.0, Par::Seq);
    }
}
