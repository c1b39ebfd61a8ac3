//! What happens to a tile between the last multiply-add and memory.

#[cfg(not(fusebox_scalar))]
use super::tile::Store;
use super::tile::{Finish, First, Mask};
#[cfg(fusebox_scalar)]
use super::tile::{Place, load_row, next_row, store_tile};
#[cfg(fusebox_scalar)]
use crate::simd::{Simd, is_zero_in_relu};
use crate::{Isa, Mat};

/// What a product starts from and what is done to it before it is stored, while it is still in registers. `c` is
/// overwritten, and its old value never read, by all but [`Epilogue::Accumulate`] and [`Epilogue::AccumulateRelu`].
///
/// ```
/// use fusebox::{Epilogue, Mat, MatMut, gemm};
/// let (a, b) = (Mat::new(&[1.0, 2.0], 1, 2)?, Mat::new(&[3.0, -5.0, 4.0, 1.0], 2, 2)?);
/// let mut c = [f32::NAN; 2];
/// gemm(a, b, MatMut::new(&mut c, 1, 2)?, Epilogue::BiasRelu(&[10.0, -10.0]))?;
/// assert_eq!(c, [21.0, 0.0]);
/// gemm(a, b, MatMut::new(&mut c, 1, 2)?, Epilogue::ReluMask(Mat::new(&[0.5, 0.0], 1, 2)?))?;
/// assert_eq!(c, [11.0, 0.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Epilogue<'a> {
    /// `c = a b`.
    None,
    /// `c = bias + a b`, with one number of `bias` for each column of `c`, the sum starting from it.
    Bias(&'a [f32]),
    /// `c = relu(bias + a b)`. `relu` keeps what is positive or NaN and makes the rest +0.0.
    BiasRelu(&'a [f32]),
    /// `c = c + a b`, the sum starting from the old `c`.
    Accumulate,
    /// `c = relu(c + a b)`, the sum starting from the old `c`.
    AccumulateRelu,
    /// `c = a b` where the given matrix of `c`'s shape is not `<= 0`, else +0.0: the gradient through a ReLU whose
    /// output the matrix is.
    ReluMask(Mat<'a>),
}

/// An epilogue once its shapes are checked: how the micro-kernel finishes a tile.
#[derive(Clone, Copy)]
pub(in crate::kernel) enum Activate {
    Nothing,
    Relu,
    ReluMask(Mask),
}

impl Epilogue<'_> {
    /// What sums start from; its pointer is good for as long as what the epilogue borrows.
    pub(super) fn first(&self) -> First {
        match self {
            Self::None | Self::ReluMask(_) => First::Zero,
            Self::Bias(bias) | Self::BiasRelu(bias) => First::Row(bias.as_ptr()),
            Self::Accumulate | Self::AccumulateRelu => First::Output,
        }
    }

    /// What happens at the end; the pointer in it is good for as long as what the epilogue borrows.
    pub(super) fn activate(&self, isa: Isa) -> Activate {
        match self {
            Self::None | Self::Bias(_) | Self::Accumulate => Activate::Nothing,
            Self::BiasRelu(_) | Self::AccumulateRelu => Activate::Relu,
            // The derivative through a transposed gate is applied after the product, see `gemm_with`.
            Self::ReluMask(gate) if gate.is_transposed() => Activate::Nothing,
            Self::ReluMask(gate) => Activate::masked(isa, gate.data().as_ptr(), gate.row_stride()),
        }
    }
}

impl Activate {
    /// By a mask of C's shape, whose rows are `stride` apart.
    pub(in crate::kernel) fn masked(isa: Isa, gate: *const f32, stride: usize) -> Self {
        // Where there are vectors, the mask holds it.
        #[cfg(fusebox_scalar)]
        let _ = isa;
        Self::ReluMask(Mask {
            gate,
            stride,
            #[cfg(not(fusebox_scalar))]
            isa,
        })
    }

    /// The same for the part of C that begins at `row` and `col`.
    #[cfg(fusebox_scalar)]
    pub(super) fn at(self, row: usize, col: usize) -> Self {
        match self {
            Self::ReluMask(Mask { gate, stride }) => {
                Self::ReluMask(Mask { gate: gate.wrapping_add(row * stride + col), stride })
            }
            other => other,
        }
    }
}

// SAFETY: 1. only C's tile is written, and only the mask's is read. 2. The mask is what parts share, and is only read.
unsafe impl Finish for Activate {
    const READS_OUTPUT: bool = false;

    #[inline(always)]
    fn takes_columns_as_rows(&self) -> bool {
        !matches!(*self, Self::ReluMask(Mask { stride, .. }) if stride != 1)
    }

    #[cfg(not(fusebox_scalar))]
    fn store(&self) -> Store<'_> {
        match self {
            Self::Nothing => Store::Sums,
            Self::Relu => Store::Relu,
            Self::ReluMask(mask) => Store::ReluMask(mask, [0; 2]),
        }
    }

    /// # Safety
    /// See [`Finish::finish`].
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        acc: &mut [[S::V; NV]; MR],
        place: Place,
    ) {
        match *self {
            Self::Nothing => {}
            Self::Relu => {
                for x in acc.as_flattened_mut() {
                    *x = s.relu(*x);
                }
            }
            Self::ReluMask(Mask { gate, stride }) => {
                let mut gate = gate.wrapping_add(place.row * stride + place.col);
                for row in acc.iter_mut() {
                    // SAFETY: the gate has C's shape (1) and can be read (2), as the caller promises.
                    let gates = unsafe { load_row::<S, NV>(s, gate, place.last_lanes) };
                    for (x, gate) in row.iter_mut().zip(gates) {
                        *x = s.relu_mask(gate, *x);
                    }
                    gate = next_row(s, gate, stride);
                }
            }
        }
        // SAFETY: the tile is C's (1) and nobody else's (2), as the caller promises.
        unsafe { store_tile(s, acc, place) }
    }

    #[cfg(fusebox_scalar)]
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// One choice for all of a row, not one for each number.
    ///
    /// # Safety
    /// See [`Finish::finish_row`].
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    unsafe fn finish_row<S: Simd>(&self, s: S, sums: *mut f32, place: Place, len: usize) {
        // Where C is not read, sums are in it.
        debug_assert!(core::ptr::eq(sums, place.c));
        let gate = match *self {
            Self::Nothing => return,
            Self::Relu => sums.cast_const(),
            Self::ReluMask(Mask { gate, stride }) => gate.wrapping_add(place.row * stride + place.col),
        };
        let mut j = 0;
        while j < len {
            // SAFETY: a number of C's row, and of the row of the gate, which has C's shape, as the caller promises; a ReLU's gate
            // are the sums.
            unsafe {
                if is_zero_in_relu(gate.wrapping_add(j).read()) {
                    place.c.wrapping_add(j).write(0.0);
                }
            }
            j = s.number_in_register(j + 1);
        }
    }
}
