//! The product as three loops: what it means, and what the fast one is tested and measured against.

use super::epilogue::Epilogue;
use super::shape::check;
use crate::{Error, Mat, MatMut};

/// [`crate::gemm`] as three loops, one multiplication and one addition at a time, k ascending: slow, plain, and the
/// measure of what blocking and vectors bring. Errors in the same cases.
///
/// ```
/// use fusebox::{Epilogue, Mat, MatMut, reference};
/// let mut c = [f32::NAN];
/// let (a, b) = (Mat::new(&[1.0, 2.0], 1, 2)?, Mat::new(&[3.0, 4.0], 2, 1)?);
/// reference::gemm(a, b, MatMut::new(&mut c, 1, 1)?, Epilogue::None)?;
/// assert_eq!(c, [11.0]);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn gemm(a: Mat<'_>, b: Mat<'_>, mut c: MatMut<'_>, epilogue: Epilogue<'_>) -> Result<(), Error> {
    check(&a, (b.rows(), b.cols()), &c, &epilogue)?;
    for row in 0..c.rows() {
        for (col, c) in c.row_mut(row).into_iter().flatten().enumerate() {
            let mut sum = match epilogue {
                Epilogue::None | Epilogue::ReluMask(_) => 0.0,
                Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) => bias.get(col).copied().unwrap_or(0.0),
                Epilogue::Accumulate | Epilogue::AccumulateRelu => *c,
            };
            for k in 0..a.cols() {
                sum += a.get(row, k).unwrap_or(0.0) * b.get(k, col).unwrap_or(0.0);
            }
            *c = match epilogue {
                Epilogue::BiasRelu(_) | Epilogue::AccumulateRelu if sum <= 0.0 => 0.0,
                _ => sum,
            };
        }
    }
    if let Epilogue::ReluMask(gate) = epilogue {
        relu_mask(&mut c, gate);
    }
    Ok(())
}

/// +0.0 in `c` wherever `gate`, of the same shape, is `<= 0`.
pub(super) fn relu_mask(c: &mut MatMut<'_>, gate: Mat<'_>) {
    for row in 0..c.rows() {
        for (col, c) in c.row_mut(row).into_iter().flatten().enumerate() {
            if gate.get(row, col).is_some_and(|gate| gate <= 0.0) {
                *c = 0.0;
            }
        }
    }
}
