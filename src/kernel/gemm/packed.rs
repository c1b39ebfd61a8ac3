//! Weights packed once: B in panels of sixteen columns, for inference.
//!
//! ```text
//! panel p:  B[0][16 p .. 16 p + 16], B[1][16 p .. 16 p + 16], ..        (K rows of a cache line, zeros past column N)
//! ```
//!
//! Every load of B is then a whole line, where plain rows of an odd length straddle two; a single row of A reads eight
//! panels side by side, each from end to end, whatever N is. Packing is a `const fn`: weights known when the program is
//! compiled can be packed by the compiler, and lie in flash.

use super::epilogue::Epilogue;
use super::kernels;
use super::product::{Operands, PANEL, PackedProduct};
use super::reference;
use super::shape::check;
use crate::{Error, Isa, Mat, MatMut};

/// A matrix B of `K` x `N` packed for products A B: `P` panels of sixteen columns, `P` being `N / 16` rounded up (a
/// mistake there is an error when the program is compiled). Takes `64 * K * P` bytes.
///
/// ```
/// use fusebox::{Epilogue, Mat, MatMut, Packed, gemm_packed};
/// static WEIGHTS: [[f32; 2]; 3] = [[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]];
/// static PACKED: Packed<3, 2, 1> = Packed::new(&WEIGHTS);          // by the compiler
/// let mut y = [0.0; 2];
/// gemm_packed(Mat::new(&[1.0, 2.0, 3.0], 1, 3)?, &PACKED, MatMut::new(&mut y, 1, 2)?, Epilogue::None)?;
/// assert_eq!(y, [7.0, 11.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Packed<const K: usize, const N: usize, const P: usize> {
    panels: [[[f32; PANEL]; K]; P],
}

impl<const K: usize, const N: usize, const P: usize> Packed<K, N, P> {
    /// `b`, packed.
    pub const fn new(b: &[[f32; N]; K]) -> Self {
        let mut packed = Self::zeros();
        packed.pack(b);
        packed
    }

    /// A matrix of zeros: to be [packed](Packed::pack) later, in a `static` perhaps.
    ///
    /// ```
    /// use fusebox::Packed;
    /// assert_eq!(Packed::<1, 20, 2>::zeros(), Packed::new(&[[0.0; 20]]));
    /// ```
    pub const fn zeros() -> Self {
        const { assert!(P == N.div_ceil(PANEL), "Packed<K, N, P>: P must be N / 16, rounded up") };
        Self { panels: [[[0.0; PANEL]; K]; P] }
    }

    /// Overwrites the matrix with `b`: for weights that have changed.
    ///
    /// ```
    /// use fusebox::Packed;
    /// let mut packed = Packed::<2, 1, 1>::zeros();
    /// packed.pack(&[[1.0], [2.0]]);
    /// assert_eq!(packed, Packed::new(&[[1.0], [2.0]]));
    /// ```
    pub const fn pack(&mut self, b: &[[f32; N]; K]) {
        // Loops that a `const fn` may have, with bounds that the compiler sees are kept.
        let mut p = 0;
        while p < P {
            let mut k = 0;
            while k < K {
                let mut lane = 0;
                while lane < PANEL && lane < N.saturating_sub(p * PANEL) {
                    self.panels[p][k][lane] = b[k][p * PANEL + lane];
                    lane += 1;
                }
                k += 1;
            }
            p += 1;
        }
    }
}

/// The product of `a` (m x `K`) and the packed matrix into `c` (m x `N`), finished by `epilogue`: the bits that
/// [`gemm`](crate::gemm) gives with the matrix as it was, faster where m is small.
///
/// Errors as [`gemm`](crate::gemm), with nothing written. `a` may be a transposed view, which is slow.
#[inline]
pub fn gemm_packed<const K: usize, const N: usize, const P: usize>(
    a: Mat<'_>,
    b: &Packed<K, N, P>,
    c: MatMut<'_>,
    epilogue: Epilogue<'_>,
) -> Result<(), Error> {
    gemm_packed_with(Isa::detect(), a, b, c, epilogue)
}

/// [`gemm_packed`] on the instruction set given.
///
/// ```
/// use fusebox::{Epilogue, Error, Isa, Mat, MatMut, Packed, gemm_packed_with};
/// let packed = Packed::<2, 1, 1>::new(&[[1.0], [2.0]]);
/// let (a, mut c) = (Mat::new(&[0.0; 3], 1, 3)?, [0.0]);
/// let c = MatMut::new(&mut c, 1, 1)?;
/// let error = gemm_packed_with(Isa::portable(), a, &packed, c, Epilogue::None);
/// assert_eq!(error, Err(Error::Shape { expected: (3, 1), got: (2, 1) }));
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn gemm_packed_with<const K: usize, const N: usize, const P: usize>(
    isa: Isa,
    a: Mat<'_>,
    b: &Packed<K, N, P>,
    c: MatMut<'_>,
    epilogue: Epilogue<'_>,
) -> Result<(), Error> {
    const { assert!(P == N.div_ceil(PANEL), "Packed<K, N, P>: P must be N / 16, rounded up") };
    // SAFETY: that is what the type is.
    unsafe { run(isa, a, b.panels.as_flattened().as_flattened(), [K, N], c, epilogue) }
}

/// The same for panels of a shape that is not in their type, so that one body serves all.
///
/// # Safety
/// `panels` holds a panel for each sixteen columns of `n`, the last in part, of `k` rows of sixteen numbers.
unsafe fn run(
    isa: Isa,
    a: Mat<'_>,
    panels: &[f32],
    [k, n]: [usize; 2],
    mut c: MatMut<'_>,
    epilogue: Epilogue<'_>,
) -> Result<(), Error> {
    check(&a, (k, n), &c, &epilogue)?;
    if c.rows() == 0 || n == 0 {
        return Ok(());
    }
    let operands = Operands {
        m: a.rows(),
        n,
        k,
        a: a.data().as_ptr(),
        a_stride: a.row_stride(),
        a_transposed: a.is_transposed(),
        b: panels.as_ptr(),
        b_len: panels.len(),
        b_stride: PANEL,
        b_transposed: false,
        whole_n: if a.is_transposed() { usize::MAX } else { n },
        first: epilogue.first(),
        c_stride: c.row_stride(),
        c: c.data_mut().as_mut_ptr(),
    };
    // SAFETY: 1. neither is zero. 2., 4. to 6. The shapes have been checked, and all is borrowed until the end of this
    // function. 3. The caller's promise.
    let product = unsafe { PackedProduct::new(operands, epilogue.activate(isa)) };
    kernels::run_panels(isa, &product);
    if let Epilogue::ReluMask(gate) = epilogue
        && gate.is_transposed()
    {
        reference::relu_mask(&mut c, gate);
    }
    Ok(())
}
