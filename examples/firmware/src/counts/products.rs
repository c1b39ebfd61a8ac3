//! Products of matrices, and beside each the same product as three plain loops.

use super::{Bench, FPU, Work, fill};
use crate::board::{Board, Failure};
use core::fmt;
use core::hint::black_box;
use fusebox::{Epilogue, Error, Mat, MatMut, Rng, gemm};

/// m, n and k of C (m x n) = A (m x k) B (k x n).
#[derive(Clone, Copy, Debug)]
struct Shape(usize, usize, usize);

impl Shape {
    const fn macs(self) -> usize {
        self.0 * self.1 * self.2
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.0, self.1, self.2)
    }
}

/// Squares, something that fits nothing, and the layers of small networks: of a batch and of one row.
const SHAPES: [Shape; 8] = [
    Shape(8, 8, 8),
    Shape(16, 16, 16),
    Shape(32, 32, 32),
    Shape(17, 19, 23),
    Shape(32, 10, 32),
    Shape(1, 32, 64),
    Shape(1, 10, 32),
    Shape(1, 64, 128),
];

/// Multiply-accumulates of the largest product on a processor without floating point.
const MOST_WITHOUT_FPU: usize = 512;

/// Room for the largest matrix.
const ROOM: usize = 64 * 128;

#[derive(Debug)]
pub(super) struct Memory {
    a: [f32; ROOM],
    b: [f32; ROOM],
    bias: [f32; ROOM],
    c: [f32; ROOM],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { a: [0.0; ROOM], b: [0.0; ROOM], bias: [0.0; ROOM], c: [0.0; ROOM] }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        for numbers in [&mut self.a, &mut self.b, &mut self.bias] {
            fill(&mut rng, numbers);
        }
        for shape in SHAPES {
            if FPU || shape.macs() <= MOST_WITHOUT_FPU {
                self.run_shape(bench, black_box(shape))?;
            }
        }
        Ok(())
    }

    fn run_shape<B: Board>(&mut self, bench: &mut Bench<'_, B>, shape: Shape) -> Result<(), Failure> {
        let Shape(m, n, k) = shape;
        let a = self.a.get(..m * k).unwrap_or_default();
        let b = self.b.get(..k * n).unwrap_or_default();
        let bias = self.bias.get(..n).unwrap_or_default();
        let c = self.c.get_mut(..m * n).unwrap_or_default();
        let work = Work::Macs(shape.macs());

        let epilogues = [
            ("NN", Epilogue::None),
            ("NN bias", Epilogue::Bias(bias)),
            ("NN bias relu", Epilogue::BiasRelu(bias)),
            ("NN accumulate", Epilogue::Accumulate),
        ];
        for (name, epilogue) in epilogues {
            bench.case(format_args!("gemm {name} {shape}"), work, &mut || {
                product(Mat::new(a, m, k)?, Mat::new(b, k, n)?, c, epilogue)
            })?;
        }
        bench.case(format_args!("gemm NT {shape}"), work, &mut || {
            product(Mat::new(a, m, k)?, Mat::new(b, n, k)?.t(), c, Epilogue::None)
        })?;
        bench.case(format_args!("gemm TN {shape}"), work, &mut || {
            product(Mat::new(a, k, m)?.t(), Mat::new(b, k, n)?, c, Epilogue::None)
        })?;

        type Loops = fn(Shape, &[f32], &[f32], &mut [f32]);
        let loops: [(&str, Loops); 3] = [("NN", loops_nn), ("NT", loops_nt), ("TN", loops_tn)];
        for (name, loops) in loops {
            bench.case(format_args!("loops {name} {shape}"), work, &mut || {
                loops(shape, a, b, c);
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The call a user makes, in one place for all cases.
#[inline(never)]
fn product(a: Mat<'_>, b: Mat<'_>, c: &mut [f32], epilogue: Epilogue<'_>) -> Result<(), Error> {
    let c = MatMut::new(c, a.rows(), b.cols())?;
    gemm(a, b, c, epilogue)
}

// Three loops, as one writes them without a thought of the machine, but for the bounds: iterators check none.

/// `c[i][j] = a[i][p] b[p][j]`.
#[inline(never)]
fn loops_nn(Shape(_, n, k): Shape, a: &[f32], b: &[f32], c: &mut [f32]) {
    for (row, a) in c.chunks_exact_mut(n.max(1)).zip(a.chunks_exact(k.max(1))) {
        for (j, c) in row.iter_mut().enumerate() {
            let column = b.chunks_exact(n.max(1)).map(|b| b.get(j).unwrap_or(&0.0));
            *c = a.iter().zip(column).map(|(a, b)| a * b).sum();
        }
    }
}

/// `c[i][j] = a[i][p] b[j][p]`.
#[inline(never)]
fn loops_nt(Shape(_, n, k): Shape, a: &[f32], b: &[f32], c: &mut [f32]) {
    for (row, a) in c.chunks_exact_mut(n.max(1)).zip(a.chunks_exact(k.max(1))) {
        for (c, b) in row.iter_mut().zip(b.chunks_exact(k.max(1))) {
            *c = a.iter().zip(b).map(|(a, b)| a * b).sum();
        }
    }
}

/// `c[i][j] = a[p][i] b[p][j]`.
#[inline(never)]
fn loops_tn(Shape(m, n, _): Shape, a: &[f32], b: &[f32], c: &mut [f32]) {
    for (i, row) in c.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, c) in row.iter_mut().enumerate() {
            let left = a.chunks_exact(m.max(1)).map(|a| a.get(i).unwrap_or(&0.0));
            let right = b.chunks_exact(n.max(1)).map(|b| b.get(j).unwrap_or(&0.0));
            *c = left.zip(right).map(|(a, b)| a * b).sum();
        }
    }
}
