//! Whether the shapes of a product agree.

use super::epilogue::Epilogue;
use crate::{Error, Mat, MatMut};

/// An error unless A (m x k), B of `k` x `n`, C (m x n) and what the epilogue names fit together.
pub(super) fn check(
    a: &Mat<'_>,
    (k, n): (usize, usize),
    c: &MatMut<'_>,
    epilogue: &Epilogue<'_>,
) -> Result<(), Error> {
    let shape = |expected, got| if expected == got { Ok(()) } else { Err(Error::Shape { expected, got }) };
    shape((a.cols(), n), (k, n))?;
    shape((a.rows(), n), (c.rows(), c.cols()))?;
    match epilogue {
        Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) if bias.len() != c.cols() => {
            Err(Error::Length { expected: c.cols(), got: bias.len() })
        }
        Epilogue::ReluMask(gate) => shape((c.rows(), c.cols()), (gate.rows(), gate.cols())),
        _ => Ok(()),
    }
}
