//! What must hold of every product, whatever its shape:
//!
//! - every element lies within the documented bound of a reference in `f64`, and is NaN or infinite where that is;
//! - instruction sets that are alike in fusing give the same bits, and so does any range of rows computed alone;
//! - a product of shapes that do not fit is an `Err` that says which, and leaves `c` as it was;
//! - nothing outside a matrix is written, or read into a result: all its surroundings, the gaps between its rows included, are
//!   NaNs with a recognisable payload, and so is `c` itself where it is overwritten.

use super::canaries::{Buffer, Layout};
use super::isas::isas;
use super::sum::Sum;
use fusebox::{Epilogue, Error, Isa, MatMut, gemm_with};
use std::ops::Range;

/// A product to be tried.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a: Layout,
    pub(crate) b: Layout,
    pub(crate) c: Layout,
    /// Of the matrix whose sign gates the output.
    pub(crate) gate: Layout,
    pub(crate) epilogue: Kind,
    pub(crate) mistake: Option<Mistake>,
    /// Rows of the output that are computed once more, alone.
    pub(crate) rows: Range<usize>,
}

/// Which [`Epilogue`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    None,
    Bias,
    BiasRelu,
    Accumulate,
    ReluMask,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::None, Self::Bias, Self::BiasRelu, Self::Accumulate, Self::ReluMask];
}

/// One dimension that is off by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    InnerDimension,
    OutputRows,
    OutputCols,
    /// The length of the bias, or a dimension of the gate.
    Epilogue,
}

impl Mistake {
    pub(crate) const ALL: [Self; 4] =
        [Self::InnerDimension, Self::OutputRows, Self::OutputCols, Self::Epilogue];
}

impl Case {
    /// The error that the case deserves.
    fn error(&self) -> Option<Error> {
        let Self { m, n, k, .. } = *self;
        match (self.mistake?, self.epilogue) {
            (Mistake::InnerDimension, _) => Some(Error::Shape { expected: (k, n), got: (k + 1, n) }),
            (Mistake::OutputRows, _) => Some(Error::Shape { expected: (m, n), got: (m + 1, n) }),
            (Mistake::OutputCols, _) => Some(Error::Shape { expected: (m, n), got: (m, n + 1) }),
            (Mistake::Epilogue, Kind::Bias | Kind::BiasRelu) => {
                Some(Error::Length { expected: n, got: n + 1 })
            }
            (Mistake::Epilogue, Kind::ReluMask) => Some(Error::Shape { expected: (m, n), got: (m, n + 1) }),
            (Mistake::Epilogue, Kind::None | Kind::Accumulate) => None,
        }
    }
}

/// All that a product reads.
pub(crate) struct Operands {
    pub(crate) a: Buffer,
    pub(crate) b: Buffer,
    pub(crate) bias: Vec<f32>,
    /// Of C's shape; its sign gates the output.
    pub(crate) gate: Buffer,
    /// C as it is before: canaries, unless its old value counts.
    pub(crate) before: Buffer,
    pub(crate) epilogue: Kind,
}

impl Operands {
    /// Operands of `case`, on elements drawn from `values`; one dimension is off by one if the case has a mistake.
    pub(crate) fn new(case: &Case, values: &mut impl FnMut() -> f32) -> Self {
        let &Case { m, n, k, epilogue, .. } = case;
        let off = |this: Mistake| usize::from(case.mistake == Some(this));
        let a = Buffer::filled(case.a, m, k, values);
        let b = Buffer::filled(case.b, k + off(Mistake::InnerDimension), n, values);
        let bias = (0..n + off(Mistake::Epilogue)).map(|_| values()).collect();
        let gate = Buffer::filled(case.gate, m, n + off(Mistake::Epilogue), values);
        let (c_rows, c_cols) = (m + off(Mistake::OutputRows), n + off(Mistake::OutputCols));
        let before = match epilogue {
            Kind::Accumulate => Buffer::filled(case.c, c_rows, c_cols, values),
            _ => Buffer::new(case.c, c_rows, c_cols),
        };
        Self { a, b, bias, gate, before, epilogue }
    }

    /// Computes rows `rows` of the product into `c`, which has those rows alone.
    fn run(&self, isa: Isa, rows: Range<usize>, c: MatMut<'_>) -> Result<(), Error> {
        let epilogue = match self.epilogue {
            Kind::None => Epilogue::None,
            Kind::Bias => Epilogue::Bias(&self.bias),
            Kind::BiasRelu => Epilogue::BiasRelu(&self.bias),
            Kind::Accumulate => Epilogue::Accumulate,
            Kind::ReluMask => Epilogue::ReluMask(self.gate.rows_of(rows.clone())),
        };
        gemm_with(isa, self.a.rows_of(rows), self.b.mat(), c, epilogue)
    }

    /// Computes rows `rows` of the product in their place in `c`, a copy of `before`.
    pub(crate) fn compute(&self, isa: Isa, rows: Range<usize>, c: &mut Buffer) {
        self.run(isa, rows.clone(), c.rows_of_mut(rows)).expect("a product of fitting shapes");
    }

    /// Panics unless `got`, in `row` and `col` of the output, is within the bound of the reference, whose sum before
    /// any epilogue is `product`.
    pub(crate) fn check(&self, product: Sum, (row, col): (usize, usize), got: f32, what: &str) {
        let initial = match self.epilogue {
            Kind::Bias | Kind::BiasRelu => self.bias[col],
            Kind::Accumulate => self.before.get(row, col),
            Kind::None | Kind::ReluMask => 0.0,
        };
        let sum = product.plus(initial);
        let explained = match self.epilogue {
            Kind::BiasRelu => sum.explains_relu(got),
            Kind::ReluMask if self.gate.get(row, col) <= 0.0 => got.to_bits() == 0,
            _ => sum.explains(got),
        };
        assert!(explained, "{got:?} in row {row}, column {col}; expected {sum:?}: {what}");
    }
}

/// Runs the product on every instruction set, on elements drawn from `values`; panics if anything is wrong with it.
pub(crate) fn check(case: &Case, values: &mut impl FnMut() -> f32) {
    let &Case { m, n, k, .. } = case;
    let operands = Operands::new(case, values);
    let Operands { a, b, before, .. } = &operands;

    if let Some(error) = case.error() {
        let c_rows = m + usize::from(case.mistake == Some(Mistake::OutputRows));
        for isa in isas() {
            let mut c = before.clone();
            let result = operands.run(isa, 0..m, c.rows_of_mut(0..c_rows));
            assert_eq!(result, Err(error), "{isa}: {case:?}");
            assert!(c.bits() == before.bits(), "{isa}: refused, yet wrote, {case:?}");
        }
        return;
    }

    let products = products(a, b, m, n, k);
    // The first result of each class (fused or not), to compare the others with.
    let mut first: [Option<Buffer>; 2] = [None, None];
    for isa in isas() {
        let what = format!("{isa}, {case:?}");
        let mut c = before.clone();
        operands.compute(isa, 0..m, &mut c);
        c.check_surroundings(&what);
        match &first[usize::from(isa.is_fused())] {
            Some(first) => assert_same(&c, first, 0..m, n, &what),
            None => {
                for (row, products) in products.iter().enumerate() {
                    for (col, &product) in products.iter().enumerate() {
                        operands.check(product, (row, col), c.get(row, col), &what);
                    }
                }
            }
        }
        check_rows_alone(&operands, isa, &case.rows, &c, (m, n), &what);
        first[usize::from(isa.is_fused())].get_or_insert(c);
    }
}

/// Computes some rows of the product alone: their bits must be those they had among all rows, in `all`.
fn check_rows_alone(
    operands: &Operands,
    isa: Isa,
    rows: &Range<usize>,
    all: &Buffer,
    (m, n): (usize, usize),
    what: &str,
) {
    let before = &operands.before;
    let mut c = before.clone();
    operands.compute(isa, rows.clone(), &mut c);
    c.check_surroundings(what);
    assert_same(&c, all, rows.clone(), n, what);
    for row in (0..m).filter(|row| !rows.contains(row)) {
        for col in 0..n {
            let untouched = c.get(row, col).to_bits() == before.get(row, col).to_bits();
            assert!(untouched, "wrote row {row}, outside of {rows:?}: {what}");
        }
    }
}

/// Panics unless rows `rows` hold the same bits; the payload of a NaN is free.
fn assert_same(c: &Buffer, expected: &Buffer, rows: Range<usize>, n: usize, what: &str) {
    for row in rows {
        for col in 0..n {
            let (got, expected) = (c.get(row, col), expected.get(row, col));
            let same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
            assert!(same, "{got:?} in row {row}, column {col}; elsewhere {expected:?}: {what}");
        }
    }
}

/// The reference for every element of a product, row after row, before any epilogue.
fn products(a: &Buffer, b: &Buffer, m: usize, n: usize, k: usize) -> Vec<Vec<Sum>> {
    let columns: Vec<Vec<f32>> = (0..n).map(|col| (0..k).map(|p| b.get(p, col)).collect()).collect();
    let row = |row: usize| {
        let row: Vec<f32> = (0..k).map(|p| a.get(row, p)).collect();
        columns.iter().map(|column| Sum::of(&row, column)).collect()
    };
    (0..m).map(row).collect()
}
