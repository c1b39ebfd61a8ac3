//! Linear least squares, for examples to compare with.
//!
//! ```text
//! W minimises |A W - Y|^2 + r |W|^2:  (A^T A + r I) W = A^T Y,  A^T A + r I = L L^T,  L V = A^T Y,  L^T W = V
//! ```
//!
//! The last column of A is ones. r is so small that it decides only what the rows leave open, where columns depend on
//! each other. L is Cholesky's factor (G. Golub and C. Van Loan, "Matrix Computations", 2013, section 4.2).

/// Linear functions of `inputs` numbers, fitted to rows.
pub(crate) struct LeastSquares<const OUT: usize> {
    /// Row by row: one for each input, then the constants.
    weights: Vec<[f64; OUT]>,
}

impl<const OUT: usize> LeastSquares<OUT> {
    /// Fits rows of equally many inputs.
    pub(crate) fn fit<'a>(rows: impl Iterator<Item = (&'a [f32], [f32; OUT])>, inputs: usize) -> Self {
        let n = inputs + 1;
        let (mut square, mut w) = (vec![vec![0.0; n]; n], vec![[0.0; OUT]; n]);
        let mut count = 0.0;
        for (x, y) in rows {
            let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).chain([1.0]).collect();
            for ((i, sums), w) in square.iter_mut().enumerate().zip(&mut w) {
                for (sum, other) in sums[..=i].iter_mut().zip(&x) {
                    *sum += x[i] * other;
                }
                for (w, y) in w.iter_mut().zip(y) {
                    *w += x[i] * f64::from(y);
                }
            }
            count += 1.0;
        }
        // L in the place of the lower half, row by row; V in that of A^T Y.
        for i in 0..n {
            square[i][i] += 1e-6 * count;
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| square[i][k] * square[j][k]).sum();
                let rest = square[i][j] - sum;
                square[i][j] = if i == j { rest.sqrt() } else { rest / square[j][j] };
            }
            let sums: [f64; OUT] = std::array::from_fn(|o| (0..i).map(|k| square[i][k] * w[k][o]).sum());
            for (w, sum) in w[i].iter_mut().zip(sums) {
                *w = (*w - sum) / square[i][i];
            }
        }
        for i in (0..n).rev() {
            let sums: [f64; OUT] = std::array::from_fn(|o| (i + 1..n).map(|k| square[k][i] * w[k][o]).sum());
            for (w, sum) in w[i].iter_mut().zip(sums) {
                *w = (*w - sum) / square[i][i];
            }
        }
        Self { weights: w }
    }

    /// The functions of a row.
    pub(crate) fn of(&self, x: &[f32]) -> [f32; OUT] {
        let x = || x.iter().map(|&x| f64::from(x)).chain([1.0]);
        std::array::from_fn(|o| x().zip(&self.weights).map(|(x, w)| x * w[o]).sum::<f64>() as f32)
    }
}
