//! Everyone who multiplies here: one thread each, row-major, C overwritten.

use anyhow::{Context, Result};
use faer::{Accum, MatMut, MatRef, Par};
use fusebox::{Epilogue, Isa, Mat};
use std::path::Path;

/// The operands of a product, C = A B, m x k by k x n.
pub(crate) struct Product {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    /// Whether A, and B, lie transposed.
    pub(crate) transposed: [bool; 2],
    pub(crate) a: Vec<f32>,
    pub(crate) b: Vec<f32>,
    pub(crate) c: Vec<f32>,
}

/// From one row to the next and from one column to the next.
type Strides = (usize, usize);

impl Product {
    fn a_strides(&self) -> Strides {
        if self.transposed[0] { (1, self.m) } else { (self.k, 1) }
    }

    fn b_strides(&self) -> Strides {
        if self.transposed[1] { (1, self.k) } else { (self.n, 1) }
    }

    fn flat_views(&self) -> (MatRef<'_, f32>, MatRef<'_, f32>) {
        let view = |data, rows, cols, transposed| match transposed {
            false => MatRef::from_row_major_slice(data, rows, cols),
            true => MatRef::from_column_major_slice(data, rows, cols),
        };
        let a = view(&self.a, self.m, self.k, self.transposed[0]);
        (a, view(&self.b, self.k, self.n, self.transposed[1]))
    }
}

/// Someone who multiplies.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Whether the product is one that this peer is made for.
    fn takes(&self, _product: &Product) -> bool {
        true
    }

    fn multiply(&self, product: &mut Product);
}

/// fusebox, the shape known at run time.
pub(crate) struct Fusebox(pub(crate) Isa);

impl Peer for Fusebox {
    fn name(&self) -> &'static str {
        "fusebox"
    }

    fn multiply(&self, product: &mut Product) {
        let Product { m, n, k, transposed, ref a, ref b, ref mut c } = *product;
        let view = |data, rows, cols, transposed| match transposed {
            false => Mat::new(data, rows, cols),
            true => Mat::new(data, cols, rows).map(Mat::t),
        };
        let a = view(a, m, k, transposed[0]).expect("m x k numbers");
        let b = view(b, k, n, transposed[1]).expect("k x n numbers");
        let c = fusebox::MatMut::new(c, m, n).expect("m x n numbers");
        fusebox::gemm_with(self.0, a, b, c, Epilogue::None).expect("shapes that fit");
    }
}

/// fusebox, the shape known to the compiler: those of the list in [`fixed`].
pub(crate) struct Fixed(pub(crate) Isa);

type FixedProduct = fn(Isa, &mut Product);

fn multiply_fixed<const M: usize, const N: usize, const K: usize>(isa: Isa, product: &mut Product) {
    let a: &[[f32; K]; M] = product.a.as_chunks().0.try_into().expect("m rows");
    let b: &[[f32; N]; K] = product.b.as_chunks().0.try_into().expect("k rows");
    let c: &mut [[f32; N]; M] = product.c.as_chunks_mut().0.try_into().expect("m rows");
    fusebox::matmul_with(isa, a, b, c);
}

fn fixed(product: &Product) -> Option<FixedProduct> {
    if product.transposed != [false; 2] {
        return None;
    }
    Some(match (product.m, product.n, product.k) {
        (4, 4, 4) => multiply_fixed::<4, 4, 4>,
        (8, 8, 8) => multiply_fixed::<8, 8, 8>,
        (10, 10, 10) => multiply_fixed::<10, 10, 10>,
        (12, 12, 12) => multiply_fixed::<12, 12, 12>,
        (16, 16, 16) => multiply_fixed::<16, 16, 16>,
        (24, 24, 24) => multiply_fixed::<24, 24, 24>,
        (32, 32, 32) => multiply_fixed::<32, 32, 32>,
        (64, 64, 64) => multiply_fixed::<64, 64, 64>,
        (17, 19, 23) => multiply_fixed::<17, 19, 23>,
        (32, 10, 128) => multiply_fixed::<32, 10, 128>,
        (100, 10, 10) => multiply_fixed::<100, 10, 10>,
        (1, 128, 784) => multiply_fixed::<1, 128, 784>,
        _ => return None,
    })
}

impl Peer for Fixed {
    fn name(&self) -> &'static str {
        "fusebox, fixed"
    }

    fn takes(&self, product: &Product) -> bool {
        fixed(product).is_some()
    }

    fn multiply(&self, product: &mut Product) {
        fixed(product).expect("a shape that it takes")(self.0, product);
    }
}

pub(crate) struct Gemm;

impl Peer for Gemm {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn multiply(&self, product: &mut Product) {
        let ((ar, ac), (br, bc)) = (product.a_strides(), product.b_strides());
        let Product { m, n, k, ref a, ref b, ref mut c, .. } = *product;
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
        let Product { m, n, k, ref a, ref b, ref mut c, .. } = *product;
        let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, ar, ac, b, br, bc, 0.0, c, n as isize, 1) };
    }
}

/// Made for products of at most 64; its plan is made with each product, as ours is. It wants columns: C^T = B^T A^T.
pub(crate) struct NanoGemm;

impl Peer for NanoGemm {
    fn name(&self) -> &'static str {
        "nano-gemm"
    }

    fn takes(&self, product: &Product) -> bool {
        product.m.max(product.n).max(product.k) <= 128
    }

    fn multiply(&self, product: &mut Product) {
        let ((ar, ac), (br, bc)) = (product.a_strides(), product.b_strides());
        let Product { m, n, k, ref a, ref b, ref mut c, .. } = *product;
        let plan = match bc {
            1 => nano_gemm::Plan::new_colmajor_lhs_and_dst_f32(n, m, k),
            _ => nano_gemm::Plan::new_f32(n, m, k),
        };
        let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe {
            plan.execute_unchecked(n, m, k, c, 1, n as isize, b, bc, br, a, ac, ar, 0.0, 1.0, false, false)
        };
    }
}

pub(crate) struct Faer;

impl Peer for Faer {
    fn name(&self) -> &'static str {
        "faer"
    }

    fn multiply(&self, product: &mut Product) {
        let mut c = std::mem::take(&mut product.c);
        let (a, b) = product.flat_views();
        let dst = MatMut::from_row_major_slice_mut(&mut c, product.m, product.n);
        faer::linalg::matmul::matmul(dst, Accum::Replace, a, b, 1.0, Par::Seq);
        product.c = c;
    }
}

type Sgemm = unsafe extern "C" fn(
    i32,
    i32,
    i32,
    i32,
    i32,
    i32,
    f32,
    *const f32,
    i32,
    *const f32,
    i32,
    f32,
    *mut f32,
    i32,
);

/// OpenBLAS, from a shared library of the user's.
pub(crate) struct OpenBlas {
    sgemm: libloading::Symbol<'static, Sgemm>,
}

impl OpenBlas {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        // SAFETY: a library that the user named; loading one runs its constructors.
        let library = unsafe { libloading::Library::new(path) }
            .with_context(|| format!("cannot load {}", path.display()))?;
        // It stays as long as the program runs.
        let library = Box::leak(Box::new(library));
        // SAFETY: OpenBLAS's own declarations.
        unsafe {
            let threads: libloading::Symbol<'_, unsafe extern "C" fn(i32)> =
                library.get(b"openblas_set_num_threads")?;
            threads(1);
            Ok(Self { sgemm: library.get(b"cblas_sgemm")? })
        }
    }
}

impl Peer for OpenBlas {
    fn name(&self) -> &'static str {
        "OpenBLAS"
    }

    fn multiply(&self, product: &mut Product) {
        const ROW_MAJOR: i32 = 101;
        let flag = |transposed| if transposed { 112 } else { 111 };
        let [at, bt] = product.transposed;
        let Product { m, n, k, ref a, ref b, ref mut c, .. } = *product;
        let [m, n, k] = [m, n, k].map(|x| i32::try_from(x).expect("sizes of 31 bits"));
        let (lda, ldb) = (if at { m } else { k }, if bt { k } else { n });
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe { (self.sgemm)(ROW_MAJOR, flag(at), flag(bt), m, n, k, 1.0, a, lda, b, ldb, 0.0, c, n) };
    }
}
