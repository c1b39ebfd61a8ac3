//! Products as a textbook has them: three loops, no thought of the machine. What the compiler makes of them is what a
//! user has without this crate.

/// A matrix in a slice: its element in row `i` and column `j` is `data[i * row_step + j * col_step]`, which can say
/// transposed too.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row_step: usize,
    pub(crate) col_step: usize,
}

impl<'a> Strided<'a> {
    pub(crate) fn new(data: &'a [f32], cols: usize) -> Self {
        Self { data, row_step: cols, col_step: 1 }
    }

    pub(crate) fn t(self) -> Self {
        Self { row_step: self.col_step, col_step: self.row_step, ..self }
    }
}

/// `c[m][n] = a[m][k] b[k][n]`.
pub(crate) fn naive_gemm(m: usize, n: usize, k: usize, a: Strided<'_>, b: Strided<'_>, c: &mut [f32]) {
    for i in 0..m {
        for j in 0..n {
            let mut sum = 0.0;
            for p in 0..k {
                sum += a.data[i * a.row_step + p * a.col_step] * b.data[p * b.row_step + j * b.col_step];
            }
            c[i * n + j] = sum;
        }
    }
}
