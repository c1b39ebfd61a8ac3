//! Products of any shape, stride, transposition, epilogue and values, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run gemm
//! cargo +nightly fuzz run gemm --features reproducible
//! ```
//!
//! What is checked of each product:
//!
//! - every element lies within the documented bound of a reference in `f64`, and is NaN or infinite where that is;
//! - instruction sets that are alike in fusing give the same bits, and so does any range of rows computed alone;
//! - a view or a product of shapes that do not fit is an `Err`, and leaves `c` as it was;
//! - nothing outside a matrix is read or written: all its surroundings, the gaps between its rows included, are
//!   NaNs with a recognisable payload, and so is `c` itself where it is overwritten.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use fusebox::{Epilogue, Error, Isa, Mat, MatMut, Rng, gemm_with};
use libfuzzer_sys::fuzz_target;
use std::ops::Range;

/// Multiply-accumulates of the largest product tried, so that the fuzzer gets through some thousands a second.
const MOST_WORK: usize = 1 << 18;

/// More than any case takes.
const CASE_BYTES: usize = 256;

#[derive(Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a: Layout,
    b: Layout,
    c: Layout,
    /// Of the matrix whose sign gates the output.
    gate: Layout,
    epilogue: Kind,
    values: Values,
    mistake: Mistake,
    /// Rows of the output that are computed once more, alone.
    rows: Range<usize>,
    view: View,
}

/// How a matrix lies in its buffer.
#[derive(Arbitrary, Debug, Clone, Copy)]
struct Layout {
    transposed: bool,
    /// Decides on the elements between rows.
    gap: u8,
    /// Elements before the matrix, so that rows start anywhere within a vector.
    before: u8,
    /// Whether elements follow the matrix, where stray writes show; if not, a sanitizer sees every stray access.
    followed: bool,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Kind {
    None,
    Bias,
    BiasRelu,
    Accumulate,
    ReluMask,
}

/// One dimension that is off by one.
#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Mistake {
    InnerDimension,
    OutputRows,
    OutputCols,
    /// The length of the bias, or a dimension of the gate.
    Epilogue,
    None,
}

/// Arguments for a view on their own: nearly all of them bad.
#[derive(Arbitrary, Debug, Clone, Copy)]
struct View {
    len: u8,
    rows: usize,
    cols: usize,
    row_stride: usize,
    small: bool,
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        // Mostly small, at times past the blocks that gemm cuts a product into.
        let mut dimension = || -> arbitrary::Result<usize> {
            Ok(match u.int_in_range(0..=31)? {
                0..=20 => u.int_in_range(0..=20)?,
                21..=29 => u.int_in_range(0..=100)?,
                _ => u.int_in_range(0..=1500)?,
            })
        };
        let m = dimension()?;
        let k = dimension()?.min(MOST_WORK / m.max(1));
        let n = dimension()?.min(MOST_WORK / (m.max(1) * k.max(1)));
        let first = u.int_in_range(0..=m)?;
        let last = u.int_in_range(first..=m)?;
        // One in four has a mistake.
        let mistake = if u.ratio(1, 4)? { u.arbitrary()? } else { Mistake::None };
        Ok(Self {
            m,
            n,
            k,
            a: u.arbitrary()?,
            b: u.arbitrary()?,
            c: u.arbitrary()?,
            gate: u.arbitrary()?,
            epilogue: u.arbitrary()?,
            mistake,
            rows: first..last,
            view: u.arbitrary()?,
            values: Values::arbitrary(u)?,
        })
    }
}

/// A stream of matrix elements: random ones of moderate size with, now and then, one of the fuzzer's own.
#[derive(Debug)]
struct Values {
    state: u64,
    /// Numbers at which something ends, and any bit patterns at all.
    special: Vec<f32>,
    /// One element in so many is special.
    every: u64,
}

const EDGES: [f32; 9] = {
    let least = f32::from_bits(1);
    [0.0, -0.0, least, -least, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]
};

impl<'a> Arbitrary<'a> for Values {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let state = u.arbitrary()?;
        let every = u64::from(u.int_in_range(1..=100_u8)?);
        let count = u.int_in_range(0..=16)?;
        let one = |_| if u.arbitrary()? { Ok(*u.choose(&EDGES)?) } else { u.arbitrary() };
        let mut special = (0..count).map(one).collect::<arbitrary::Result<Vec<f32>>>()?;
        // Every other time none that would drown the rest of a sum.
        if u.arbitrary()? {
            special.retain(|x| x.abs() <= 1.0);
        }
        Ok(Self { state, special, every })
    }
}

impl Values {
    fn next(&mut self) -> f32 {
        // SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        if !self.special.is_empty() && (z >> 32).is_multiple_of(self.every) {
            return self.special[z as usize % self.special.len()];
        }
        (z >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }
}

/// A signalling NaN whose payload no arithmetic makes: an operation would at least set the quiet bit.
const CANARY: u32 = 0x7F8C_A9A2 & !(1 << 22);

fn canary() -> f32 {
    f32::from_bits(CANARY)
}

/// A matrix in the middle of canaries.
#[derive(Clone)]
struct Buffer {
    data: Vec<f32>,
    inside: Range<usize>,
    /// Of the matrix as it lies in memory.
    rows: usize,
    cols: usize,
    row_stride: usize,
    transposed: bool,
}

impl Buffer {
    /// A `rows` x `cols` matrix, seen after any transposition, of canaries.
    fn new(layout: Layout, rows: usize, cols: usize) -> Self {
        let (rows, cols) = if layout.transposed { (cols, rows) } else { (rows, cols) };
        // Mostly few, at times so many that each row is a page of its own, which gemm treats apart.
        let gap = if layout.gap < 224 { layout.gap % 40 } else { layout.gap };
        let row_stride = cols + usize::from(gap) * if layout.gap < 224 { 1 } else { 5 };
        let span = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        let before = usize::from(layout.before % 40);
        let after = if layout.followed { 40 } else { 0 };
        let data = vec![canary(); before + span + after];
        Self { data, inside: before..before + span, rows, cols, row_stride, transposed: layout.transposed }
    }

    fn filled(layout: Layout, rows: usize, cols: usize, values: &mut Values) -> Self {
        let mut buffer = Self::new(layout, rows, cols);
        buffer.fill(values);
        buffer
    }

    fn fill(&mut self, values: &mut Values) {
        for row in self.data[self.inside.clone()].chunks_mut(self.row_stride.max(1)) {
            row[..self.cols].fill_with(|| values.next());
        }
    }

    fn index(&self, row: usize, col: usize) -> usize {
        let (row, col) = if self.transposed { (col, row) } else { (row, col) };
        self.inside.start + row * self.row_stride + col
    }

    fn get(&self, row: usize, col: usize) -> f32 {
        self.data[self.index(row, col)]
    }

    fn mat(&self) -> Mat<'_> {
        let data = &self.data[self.inside.clone()];
        let mat = Mat::with_stride(data, self.rows, self.cols, self.row_stride)
            .expect("a view of the whole matrix");
        if self.transposed { mat.t() } else { mat }
    }

    /// Rows `range` of the matrix, seen after any transposition.
    fn rows_of(&self, range: Range<usize>) -> Mat<'_> {
        let data = &self.data[self.inside.clone()];
        let count = range.len();
        if self.transposed {
            let data = &data[range.start.min(data.len())..];
            let mat =
                Mat::with_stride(data, self.rows, count, self.row_stride).expect("a view of some columns");
            mat.t()
        } else {
            let data = &data[(range.start * self.row_stride).min(data.len())..];
            Mat::with_stride(data, count, self.cols, self.row_stride).expect("a view of some rows")
        }
    }

    fn mat_mut(&mut self) -> MatMut<'_> {
        let data = &mut self.data[self.inside.clone()];
        MatMut::with_stride(data, self.rows, self.cols, self.row_stride).expect("a view of the whole matrix")
    }

    fn bits(&self) -> Vec<u32> {
        self.data.iter().map(|x| x.to_bits()).collect()
    }

    /// Panics if anything but the matrix itself has been written.
    fn check_surroundings(&self, what: &str) {
        let untouched = |gap: &[f32]| gap.iter().all(|x| x.to_bits() == CANARY);
        let mut gaps =
            self.data[self.inside.clone()].chunks(self.row_stride.max(1)).map(|row| &row[self.cols..]);
        assert!(gaps.all(untouched), "{what}: wrote between the rows");
        assert!(untouched(&self.data[..self.inside.start]), "{what}: wrote before the matrix");
        assert!(untouched(&self.data[self.inside.end..]), "{what}: wrote after the matrix");
    }
}

fuzz_target!(|bytes: &[u8]| {
    // The first bytes also seed what stands in for bytes that are missing: an input of a few bytes, which is what a
    // fuzzer starts from, is a whole case already, not one of zeros.
    let mut seed = [0; 8];
    for (seed, byte) in seed.iter_mut().zip(bytes) {
        *seed = *byte;
    }
    let mut rng = Rng::new(u64::from_le_bytes(seed));
    let mut bytes = bytes.to_vec();
    while bytes.len() < CASE_BYTES {
        bytes.extend(rng.next_u32().to_le_bytes());
    }
    // Refused only for want of bytes, of which there are enough.
    let case = Case::arbitrary(&mut Unstructured::new(&bytes)).expect("enough bytes for a case");
    check_view(case.view);
    check_product(case);
});

/// A view exists exactly where its last element lies inside the slice.
fn check_view(view: View) {
    let View { len, mut rows, mut cols, mut row_stride, small } = view;
    if small {
        (rows, cols, row_stride) = (rows % 20, cols % 20, row_stride % 40);
    }
    let mut data = vec![0.0; usize::from(len)];
    let len = u128::from(len);
    let [wide_rows, wide_cols, wide_stride] = [rows, cols, row_stride].map(|x| x as u128);

    let dense = wide_rows * wide_cols == len;
    assert_eq!(Mat::new(&data, rows, cols).is_ok(), dense);
    assert_eq!(MatMut::new(&mut data, rows, cols).is_ok(), dense);

    let empty = rows == 0 || cols == 0;
    let fits = empty || (wide_rows - 1) * wide_stride + wide_cols <= len;
    let strided = cols <= row_stride && fits;
    assert_eq!(Mat::with_stride(&data, rows, cols, row_stride).is_ok(), strided);
    assert_eq!(MatMut::with_stride(&mut data, rows, cols, row_stride).is_ok(), strided);
    if let Ok(mat) = Mat::with_stride(&data, rows, cols, row_stride) {
        assert_eq!((mat.t().rows(), mat.t().cols()), (cols, rows));
        assert!(empty || mat.get(rows - 1, cols - 1).is_some());
        assert!(mat.get(rows, 0).is_none() && mat.get(0, cols).is_none());
    }
}

fn check_product(case: Case) {
    let Case { m, n, k, epilogue, mistake, mut values, .. } = case;
    let off = |this: Mistake| usize::from(mistake == this);
    // An output cannot be transposed.
    let c_layout = Layout { transposed: false, ..case.c };

    let a = Buffer::filled(case.a, m, k, &mut values);
    let b = Buffer::filled(case.b, k + off(Mistake::InnerDimension), n, &mut values);
    let bias = values.vector(n + off(Mistake::Epilogue));
    let gate = Buffer::filled(case.gate, m, n + off(Mistake::Epilogue), &mut values);
    let mut before = Buffer::new(c_layout, m + off(Mistake::OutputRows), n + off(Mistake::OutputCols));
    if epilogue == Kind::Accumulate {
        before.fill(&mut values);
    }
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
    let has_operand = matches!(epilogue, Kind::Bias | Kind::BiasRelu | Kind::ReluMask);
    let wrong = mistake != Mistake::None && (mistake != Mistake::Epilogue || has_operand);

    let products = if wrong { Vec::new() } else { products(&a, &b, m, n, k) };
    // The first result of each class (fused or not), to compare the others with.
    let mut first: [Option<Buffer>; 2] = [None, None];
    for isa in Isa::available() {
        let mut c = before.clone();
        let result = run(isa, a.mat(), gate.mat(), c.mat_mut());
        assert_eq!(result.is_err(), wrong, "{isa}: {result:?}");
        c.check_surroundings(isa.name());
        if wrong {
            assert_eq!(c.bits(), before.bits(), "{isa}: refused, yet wrote");
            continue;
        }
        match &first[usize::from(isa.is_fused())] {
            Some(first) => assert_same(&c, first, 0..m, n, isa),
            None => {
                let operands = Operands { before: &before, bias: &bias, gate: &gate, epilogue };
                operands.check(&c, &products, isa);
            }
        }
        check_rows_alone(&case.rows, &before, &c, n, isa, |rows, c| {
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
    n: usize,
    isa: Isa,
    run: impl Fn(Range<usize>, MatMut<'_>) -> Result<(), Error>,
) {
    let mut c = before.clone();
    let inside = &mut c.data[before.inside.clone()];
    let start = (rows.start * before.row_stride).min(inside.len());
    let view = MatMut::with_stride(&mut inside[start..], rows.len(), n, before.row_stride);
    run(rows.clone(), view.expect("a view of some rows")).expect("a product of fitting shapes");
    c.check_surroundings(isa.name());
    assert_same(&c, all, rows.clone(), n, isa);
    for row in (0..before.rows).filter(|row| !rows.contains(row)) {
        for col in 0..n {
            let untouched = c.get(row, col).to_bits() == before.get(row, col).to_bits();
            assert!(untouched, "{isa}: wrote row {row}, outside of {rows:?}");
        }
    }
}

/// Panics unless rows `rows` hold the same bits; the payload of a NaN is free.
fn assert_same(c: &Buffer, expected: &Buffer, rows: Range<usize>, n: usize, isa: Isa) {
    for row in rows {
        for col in 0..n {
            let (got, expected) = (c.get(row, col), expected.get(row, col));
            let same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
            assert!(same, "{isa}: {got:?} in row {row}, column {col}; elsewhere {expected:?}");
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
    fn check(&self, c: &Buffer, products: &[Vec<Sum>], isa: Isa) {
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
                assert!(explained, "{isa}: {got:?} in row {row}, column {col}; expected {sum:?}");
            }
        }
    }
}

/// The reference: one element's sum in `f64`, and how far an `f32` may be from it.
#[derive(Debug, Clone, Copy)]
struct Sum {
    value: f64,
    /// The sum of the magnitudes of all finite terms.
    magnitude: f64,
    k: f64,
}

impl Sum {
    /// The sum of `row[p] * column[p]`.
    fn of(row: &[f32], column: &[f32]) -> Self {
        let empty = Self { value: 0.0, magnitude: 0.0, k: row.len() as f64 };
        // Exact: 24 bits times 24 bits fit the 53 of an f64, and its exponents the product's.
        let terms = || std::iter::zip(row, column).map(|(&a, &b)| f64::from(a) * f64::from(b));
        // Without a comparison for each term, each of which the fuzzer would take note of.
        let (value, magnitude) =
            terms().fold((0.0, 0.0), |(sum, magnitude), x| (sum + x, magnitude + x.abs()));
        if magnitude.is_finite() {
            Self { value, magnitude, ..empty }
        } else {
            terms().fold(empty, Self::and)
        }
    }

    /// With what the sum starts from: the bias, or the old c.
    fn plus(self, initial: f32) -> Self {
        self.and(f64::from(initial))
    }

    fn and(self, term: f64) -> Self {
        let magnitude = if term.is_finite() { term.abs() } else { 0.0 };
        Self { value: self.value + term, magnitude: self.magnitude + magnitude, k: self.k }
    }

    /// gamma(k + 2) magnitude + k 2^-149, and what the reference's own additions may be off by.
    fn bound(&self) -> f64 {
        let Self { magnitude, k, .. } = *self;
        let u = 2_f64.powi(-24);
        let gamma = (k + 2.0) * u / (1.0 - (k + 2.0) * u);
        gamma * magnitude + k * 2_f64.powi(-149) + (k + 1.0) * 2_f64.powi(-53) * magnitude
    }

    /// Near 2^128 an order of summation may overflow where another does not: only a NaN is sure.
    fn may_overflow(&self) -> bool {
        self.magnitude >= 2_f64.powi(127)
    }

    fn explains(&self, got: f32) -> bool {
        if self.value.is_nan() {
            got.is_nan()
        } else if self.may_overflow() {
            true
        } else if self.value.is_infinite() {
            f64::from(got) == self.value
        } else {
            (f64::from(got) - self.value).abs() <= self.bound()
        }
    }

    /// The same after ReLU, which brings no two numbers further apart, keeps NaN, and gives no -0.0.
    fn explains_relu(&self, got: f32) -> bool {
        if got.is_nan() || self.value.is_nan() {
            return self.explains(got);
        }
        let relu = Self { value: self.value.max(0.0), ..*self };
        got.is_sign_positive() && relu.explains(got)
    }
}
