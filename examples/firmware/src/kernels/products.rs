//! Products of matrices: every pair of boundary sizes, every layout, every epilogue.
//!
//! Sizes come from a Latin square: m is the i-th size, n the j-th, k the (i + j)-th, cyclically. So each size meets each
//! other in each two of the three places, in as many products as there are pairs. The epilogue changes with every product,
//! and after all of them the gap between the rows of the views, if there is one: so a single column, too, meets each
//! epilogue with and without gaps.
//!
//! The bound of an element is the crate's contract: gamma(k + 2) (|c0| + sum |a b|) + k 2^-149, and what the reference in
//! `f64` may be off by itself.

use super::bounded::Bounded;
use super::ledger::{Guarded, Ledger, What, is_canary};
use crate::board::Failure;
use fusebox::{
    Epilogue, Error, Isa, Kernels, Mat, MatMut, Packed, Pass, Rng, gemm_packed_with, gemm_with, matmul_with,
};

/// Around every tile and vector.
const SIZES: [usize; 15] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33];

/// The widest gap between rows.
const GAP: usize = 2;

/// Numbers in a matrix of `size` squared with its gaps, and guards around it.
pub(super) const fn cells(size: usize) -> usize {
    size * (size + GAP) + 16
}

/// The operands of a product of sizes up to `SIZE`.
#[derive(Debug)]
pub(super) struct Buffers<const SIZE: usize, const CELLS: usize> {
    a: [f32; CELLS],
    b: [f32; CELLS],
    c: Guarded<CELLS>,
    /// What C held before, or the gate.
    old: [f32; CELLS],
    bias: [f32; SIZE],
}

impl<const SIZE: usize, const CELLS: usize> Buffers<SIZE, CELLS> {
    pub(super) const fn new() -> Self {
        const { assert!(CELLS == cells(SIZE)) }
        let zeros = [0.0; CELLS];
        Self { a: zeros, b: zeros, c: Guarded::new(), old: zeros, bias: [0.0; SIZE] }
    }
}

/// Overwrites `numbers` with some between -1 and 1. Not inlined: a Cortex-M55 has 512 KiB for all checks.
#[inline(never)]
pub(super) fn fill(numbers: &mut [f32], rng: &mut Rng) {
    for x in numbers {
        *x = 2.0 * rng.uniform() - 1.0;
    }
}

/// An epilogue without its operands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Nothing,
    Bias,
    BiasRelu,
    Accumulate,
    AccumulateRelu,
    Mask,
}

const ENDS: [End; 6] =
    [End::Nothing, End::Bias, End::BiasRelu, End::Accumulate, End::AccumulateRelu, End::Mask];

/// How a matrix of `rows` x `cols` lies in a slice.
#[derive(Clone, Copy)]
struct Lie {
    rows: usize,
    cols: usize,
    gap: usize,
    transposed: bool,
}

impl Lie {
    fn view(self, data: &[f32]) -> Result<Mat<'_>, Error> {
        let Self { rows, cols, gap, transposed } = self;
        match transposed {
            false => Mat::with_stride(data, rows, cols, cols + gap),
            true => Mat::with_stride(data, cols, rows, rows + gap).map(Mat::t),
        }
    }

    /// From an element to the next in its column, and in its row.
    fn steps(self) -> (usize, usize) {
        match self.transposed {
            false => (self.cols + self.gap, 1),
            true => (1, self.rows + self.gap),
        }
    }

    /// The numbers of a row, and whatever lies after them.
    fn row(self, data: &[f32], row: usize) -> impl Iterator<Item = f32> {
        let (down, across) = self.steps();
        data.get(row * down..).unwrap_or_default().iter().step_by(across.max(1)).copied()
    }

    fn col(self, data: &[f32], col: usize) -> impl Iterator<Item = f32> {
        let (down, across) = self.steps();
        data.get(col * across..).unwrap_or_default().iter().step_by(down.max(1)).copied()
    }
}

/// The sum of `first` and the products of `k` pairs.
fn element(first: f32, k: usize, pairs: impl Iterator<Item = (f32, f32)>) -> Bounded {
    const U: f64 = 1.0 / 16_777_216.0;
    const LEAST: f64 = f32::from_bits(1) as f64;
    let first = f64::from(first);
    let (mut value, mut magnitude) = (first, first.abs());
    for (a, b) in pairs.take(k) {
        // Exact: 24 bits times 24 bits fit the 53 of an f64.
        let product = f64::from(a) * f64::from(b);
        value += product;
        magnitude += product.abs();
    }
    let k = k as f64;
    let gamma = (k + 2.0) * U / (1.0 - (k + 2.0) * U);
    let own = (k + 1.0) * (f64::EPSILON / 2.0);
    Bounded { value, error: (gamma + own) * magnitude + k * LEAST }
}

/// Products of all sizes up to `SIZE`, in every layout.
pub(super) fn layouts<const SIZE: usize, const CELLS: usize>(
    isa: Isa,
    ledger: &mut Ledger,
    buffers: &mut Buffers<SIZE, CELLS>,
) -> Result<(), Failure> {
    for (kernel, transposed) in [
        ("gemm NN", [false, false]),
        ("gemm NT", [false, true]),
        ("gemm TN", [true, false]),
        ("gemm TT", [true, true]),
    ] {
        let mut number = 0;
        let sizes = || SIZES.into_iter().filter(|&size| size <= SIZE);
        for (i, m) in sizes().enumerate() {
            for (n, k) in sizes().zip(sizes().cycle().skip(i)) {
                let what = What { kernel, shape: [m, n, k] };
                product(isa, ledger, buffers, what, transposed, number)?;
                number += 1;
            }
        }
        ledger.kernels += 1;
    }
    Ok(())
}

/// Products of few rows by few rows whose sums are so long that they are dot products, and the longest that are not.
pub(super) fn long_rows<const SIZE: usize, const CELLS: usize>(
    isa: Isa,
    ledger: &mut Ledger,
    buffers: &mut Buffers<SIZE, CELLS>,
) -> Result<(), Failure> {
    for k in [511, 512, 519, 560] {
        for (number, (m, n)) in [(1, 2), (2, 1), (2, 2)].into_iter().flat_map(|size| [size; 6]).enumerate() {
            let what = What { kernel: "gemm NT, long rows", shape: [m, n, k] };
            product(isa, ledger, buffers, what, [false, true], number)?;
        }
    }
    ledger.kernels += 1;
    Ok(())
}

/// The `number`-th product in a layout.
fn product<const SIZE: usize, const CELLS: usize>(
    isa: Isa,
    ledger: &mut Ledger,
    buffers: &mut Buffers<SIZE, CELLS>,
    what: What,
    [a_transposed, b_transposed]: [bool; 2],
    number: usize,
) -> Result<(), Failure> {
    let What { shape: [m, n, k], .. } = what;
    let end = ENDS.get(number % ENDS.len()).copied().unwrap_or(End::Nothing);
    let gap = number / ENDS.len() % (GAP + 1);
    let Buffers { a, b, c, old, bias } = buffers;
    let mut rng = Rng::new(number as u64);
    fill(a, &mut rng);
    fill(b, &mut rng);
    fill(old, &mut rng);
    fill(bias, &mut rng);

    let a_lie = Lie { rows: m, cols: k, gap, transposed: a_transposed };
    let b_lie = Lie { rows: k, cols: n, gap, transposed: b_transposed };
    let c_lie = Lie { rows: m, cols: n, gap, transposed: false };
    let bias = bias.get(..n).unwrap_or_default();
    let (stride, len) = (n + gap, m * (n + gap));

    let out = c.clear(len);
    if matches!(end, End::Accumulate | End::AccumulateRelu) {
        for start in (0..m).map(|row| row * stride) {
            let rows =
                out.get_mut(start..).unwrap_or_default().iter_mut().zip(old.get(start..).unwrap_or_default());
            rows.take(n).for_each(|(out, &old)| *out = old);
        }
    }
    let epilogue = match end {
        End::Nothing => Epilogue::None,
        End::Bias => Epilogue::Bias(bias),
        End::BiasRelu => Epilogue::BiasRelu(bias),
        End::Accumulate => Epilogue::Accumulate,
        End::AccumulateRelu => Epilogue::AccumulateRelu,
        End::Mask => Epilogue::ReluMask(c_lie.view(old)?),
    };
    gemm_with(isa, a_lie.view(a)?, b_lie.view(b)?, MatMut::with_stride(out, m, n, stride)?, epilogue)?;

    let written = c.inside(len).ok_or(what.stray())?;
    let gaps = (0..m).map(|row| written.get(row * stride + n..(row + 1) * stride).unwrap_or_default());
    if !gaps.flatten().all(|&x| is_canary(x)) {
        return Err(what.stray());
    }
    let numbers = (0..m).flat_map(|row| {
        let (a, b, old) = (&*a, &*b, &*old);
        c_lie.row(written, row).zip(c_lie.row(old, row)).zip(0..n).map(move |((got, old), col)| {
            let first = match end {
                End::Nothing | End::Mask => 0.0,
                End::Bias | End::BiasRelu => bias.get(col).copied().unwrap_or(f32::NAN),
                End::Accumulate | End::AccumulateRelu => old,
            };
            let sum = element(first, k, a_lie.row(a, row).zip(b_lie.col(b, col)));
            let expected = match end {
                End::BiasRelu | End::AccumulateRelu => positive(sum, got),
                End::Mask if old <= 0.0 => zero(got),
                _ => sum,
            };
            (got, expected)
        })
    });
    ledger.enter(what, m * n, numbers)
}

/// After a ReLU, which brings no two numbers further apart and gives no -0.0.
fn positive(sum: Bounded, got: f32) -> Bounded {
    match got.is_sign_positive() {
        true => Bounded { value: sum.value.max(0.0), ..sum },
        false => Bounded { value: 0.0, error: f64::NAN },
    }
}

/// +0.0 and nothing else.
fn zero(got: f32) -> Bounded {
    Bounded { value: 0.0, error: if got.is_sign_positive() { 0.0 } else { f64::NAN } }
}

/// Products whose shape is a type, and those of packed weights: the bits of `gemm`.
pub(super) fn fixed(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    shape::<1, 7, 1, 1>(isa, ledger)?;
    shape::<4, 4, 4, 1>(isa, ledger)?;
    shape::<5, 9, 7, 1>(isa, ledger)?;
    shape::<1, 8, 10, 1>(isa, ledger)?;
    shape::<3, 5, 17, 2>(isa, ledger)?;
    ledger.kernels += 3;
    Ok(())
}

/// One shape: `matmul` alone and in a pass, and a product by packed weights. Never inlined, like others here: a board of
/// 16 KiB has no stack for the frames of all at once.
#[inline(never)]
fn shape<const M: usize, const K: usize, const N: usize, const P: usize>(
    isa: Isa,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let mut a = [[0.0; K]; M];
    fill(a.as_flattened_mut(), &mut Rng::new((M + K + N) as u64));
    let b = const { &matrix::<K, N>() };
    let packed = const { &Packed::<K, N, P>::new(&matrix()) };
    let (rows, cols) = (Mat::new(a.as_flattened(), M, K)?, Mat::new(b.as_flattened(), K, N)?);
    let mut expected = [[f32::NAN; N]; M];
    gemm_with(isa, rows, cols, MatMut::new(expected.as_flattened_mut(), M, N)?, Epilogue::None)?;

    let mut enter = |kernel, got: &[[f32; N]; M]| {
        let what = What { kernel, shape: [M, N, K] };
        let expected = expected.as_flattened().iter().map(|&x| super::bounded::exact(x));
        ledger.enter_all(what, got.as_flattened(), expected)
    };
    let mut c = [[f32::NAN; N]; M];
    matmul_with(isa, &a, b, &mut c);
    enter("matmul", &c)?;
    c = [[f32::NAN; N]; M];
    isa.run(Alone { a: &a, b, c: &mut c });
    enter("matmul in a pass", &c)?;
    c = [[f32::NAN; N]; M];
    gemm_packed_with(isa, rows, packed, MatMut::new(c.as_flattened_mut(), M, N)?, Epilogue::None)?;
    enter("gemm packed", &c)
}

/// Numbers between -1 and 1, by the compiler: packed weights, then, are too, and lie in flash.
const fn matrix<const K: usize, const N: usize>() -> [[f32; N]; K] {
    let mut matrix = [[0.0; N]; K];
    let mut rng = Rng::new((K + N) as u64);
    let (mut row, mut col) = (0, 0);
    while row < K {
        while col < N {
            matrix[row][col] = 2.0 * rng.uniform() - 1.0;
            col += 1;
        }
        (row, col) = (row + 1, 0);
    }
    matrix
}

/// A pass of one product.
struct Alone<'a, const M: usize, const K: usize, const N: usize> {
    a: &'a [[f32; K]; M],
    b: &'a [[f32; N]; K],
    c: &'a mut [[f32; N]; M],
}

impl<const M: usize, const K: usize, const N: usize> Pass for Alone<'_, M, K, N> {
    type Output = ();

    #[inline(always)]
    fn run<R: Kernels>(self, kernels: R) {
        kernels.matmul(self.a, self.b, self.c);
    }
}
