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
use fusebox::{Epilogue, Error, Isa, Mat, MatMut, gemm_with};
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

/// Runs the product on every instruction set, on elements drawn from `values`; panics if anything is wrong with it.
pub(crate) fn check(case: &Case, values: &mut impl FnMut() -> f32) {
    let &Case { m, n, k, epilogue, .. } = case;
    let off = |this: Mistake| usize::from(case.mistake == Some(this));

    let a = Buffer::filled(case.a, m, k, values);
    let b = Buffer::filled(case.b, k + off(Mistake::InnerDimension), n, values);
    let bias: Vec<f32> = (0..n + off(Mistake::Epilogue)).map(|_| values()).collect();
    let gate = Buffer::filled(case.gate, m, n + off(Mistake::Epilogue), values);
    let (c_rows, c_cols) = (m + off(Mistake::OutputRows), n + off(Mistake::OutputCols));
    let before = match epilogue {
        Kind::Accumulate => Buffer::filled(case.c, c_rows, c_cols, values),
        _ => Buffer::new(case.c, c_rows, c_cols),
    };
    let run = |isa: Isa, a: Mat<'_>, gate: Mat<'_>, c: MatMut<'_>| -> Result<(), Error> {
        let epilogue = match epilogue {
            Kind::None => Epilogue::None,
            Kind::Bias => Epilogue::Bias(&bias),
            Kind::BiasRelu => Epilogue::BiasRelu(&bias),
            Kind::Accumulate => Epilogue::Accumulate,
            Kind::ReluMask => Epilogue::ReluMask(gate),
        };
        gemm_with(isa, a, b.mat(), c, epilogue)
    };

    if let Some(error) = case.error() {
        for isa in isas() {
            let mut c = before.clone();
            let result = run(isa, a.mat(), gate.mat(), c.rows_of_mut(0..c_rows));
            assert_eq!(result, Err(error), "{isa}: {case:?}");
            assert!(c.bits() == before.bits(), "{isa}: refused, yet wrote, {case:?}");
        }
        return;
    }

    let products = products(&a, &b, m, n, k);
    // The first result of each class (fused or not), to compare the others with.
    let mut first: [Option<Buffer>; 2] = [None, None];
    for isa in isas() {
        let what = format!("{isa}, {case:?}");
        let mut c = before.clone();
        run(isa, a.mat(), gate.mat(), c.rows_of_mut(0..m)).expect("a product of fitting shapes");
        c.check_surroundings(&what);
        match &first[usize::from(isa.is_fused())] {
            Some(first) => assert_same(&c, first, 0..m, n, &what),
            None => {
                let operands = Operands { before: &before, bias: &bias, gate: &gate, epilogue };
                operands.check(&c, &products, &what);
            }
        }
        check_rows_alone(&case.rows, &before, &c, (m, n), &what, |rows, c| {
            run(isa, a.rows_of(rows.clone()), gate.rows_of(rows), c)
        });
        first[usize::from(isa.is_fused())].get_or_insert(c);
    }
}

/// Computes some rows of the product alone: their bits must be those they had among all rows, in `all`.
fn check_rows_alone(
    rows: &Range<usize>,
    before: &Buffer,
    all: &Buffer,
    (m, n): (usize, usize),
    what: &str,
    run: impl Fn(Range<usize>, MatMut<'_>) -> Result<(), Error>,
) {
    let mut c = before.clone();
    run(rows.clone(), c.rows_of_mut(rows.clone())).expect("a product of fitting shapes");
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

/// All that an epilogue reads.
struct Operands<'a> {
    before: &'a Buffer,
    bias: &'a [f32],
    gate: &'a Buffer,
    epilogue: Kind,
}

impl Operands<'_> {
    /// Panics unless every element of `c` is within the bound of the reference.
    fn check(&self, c: &Buffer, products: &[Vec<Sum>], what: &str) {
        for (row, products) in products.iter().enumerate() {
            for (col, product) in products.iter().enumerate() {
                let initial = match self.epilogue {
                    Kind::Bias | Kind::BiasRelu => self.bias[col],
                    Kind::Accumulate => self.before.get(row, col),
                    Kind::None | Kind::ReluMask => 0.0,
                };
                let sum = product.plus(initial);
                let got = c.get(row, col);
                let explained = match self.epilogue {
                    Kind::BiasRelu => sum.explains_relu(got),
                    Kind::ReluMask if self.gate.get(row, col) <= 0.0 => got.to_bits() == 0,
                    _ => sum.explains(got),
                };
                assert!(explained, "{got:?} in row {row}, column {col}; expected {sum:?}: {what}");
            }
        }
    }
}
