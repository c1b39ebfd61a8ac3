//! Matrices in the middle of numbers that nothing may read or write.

use fusebox::{Mat, MatMut};
use std::ops::Range;

/// A signalling NaN whose payload no arithmetic makes: an operation would at least set the quiet bit.
const CANARY: u32 = 0x7F8C_A9A2 & !(1 << 22);

/// How a matrix lies in its buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) transposed: bool,
    /// Elements between one row and the next.
    pub(crate) gap: usize,
    /// Elements before the matrix, so that rows start anywhere within a vector.
    pub(crate) before: usize,
    /// Elements after it, where stray writes show; with none, a sanitizer sees every stray access.
    pub(crate) after: usize,
}

/// A matrix in the middle of canaries.
#[derive(Clone)]
pub(crate) struct Buffer {
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
    pub(crate) fn new(layout: Layout, rows: usize, cols: usize) -> Self {
        let Layout { transposed, gap, before, after } = layout;
        let (rows, cols) = if transposed { (cols, rows) } else { (rows, cols) };
        let row_stride = cols + gap;
        let span = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        let data = vec![f32::from_bits(CANARY); before + span + after];
        Self { data, inside: before..before + span, rows, cols, row_stride, transposed }
    }

    /// The same with elements from `values`, as they lie in memory.
    pub(crate) fn filled(layout: Layout, rows: usize, cols: usize, values: &mut impl FnMut() -> f32) -> Self {
        let mut buffer = Self::new(layout, rows, cols);
        for row in buffer.data[buffer.inside.clone()].chunks_mut(buffer.row_stride.max(1)) {
            row[..buffer.cols].fill_with(&mut *values);
        }
        buffer
    }

    pub(crate) fn get(&self, row: usize, col: usize) -> f32 {
        let (row, col) = if self.transposed { (col, row) } else { (row, col) };
        self.data[self.inside.start + row * self.row_stride + col]
    }

    pub(crate) fn mat(&self) -> Mat<'_> {
        self.rows_of(0..if self.transposed { self.cols } else { self.rows })
    }

    /// Rows `range` of the matrix, seen after any transposition.
    pub(crate) fn rows_of(&self, range: Range<usize>) -> Mat<'_> {
        let data = &self.data[self.inside.clone()];
        let count = range.len();
        let (start, rows, cols) = if self.transposed {
            (range.start, self.rows, count)
        } else {
            (range.start * self.row_stride, count, self.cols)
        };
        let mat = Mat::with_stride(&data[start.min(data.len())..], rows, cols, self.row_stride);
        let mat = mat.expect("a view inside the matrix");
        if self.transposed { mat.t() } else { mat }
    }

    /// Rows `range`, to be written, of a matrix that does not lie transposed.
    pub(crate) fn rows_of_mut(&mut self, range: Range<usize>) -> MatMut<'_> {
        assert!(!self.transposed, "an output cannot be transposed");
        let data = self.start_of(range.start)..self.inside.end;
        let mat = MatMut::with_stride(&mut self.data[data], range.len(), self.cols, self.row_stride);
        mat.expect("a view inside the matrix")
    }

    /// Where row `row`, as it lies in memory, starts in [`Buffer::bits`].
    pub(crate) fn start_of(&self, row: usize) -> usize {
        (self.inside.start + row * self.row_stride).min(self.inside.end)
    }

    /// The bits of everything, surroundings included.
    pub(crate) fn bits(&self) -> Vec<u32> {
        self.data.iter().map(|x| x.to_bits()).collect()
    }

    /// Panics if anything but the matrix itself has been written.
    pub(crate) fn check_surroundings(&self, what: &str) {
        let untouched = |gap: &[f32]| gap.iter().all(|x| x.to_bits() == CANARY);
        let mut gaps =
            self.data[self.inside.clone()].chunks(self.row_stride.max(1)).map(|row| &row[self.cols..]);
        assert!(gaps.all(untouched), "{what}: wrote between the rows");
        assert!(untouched(&self.data[..self.inside.start]), "{what}: wrote before the matrix");
        assert!(untouched(&self.data[self.inside.end..]), "{what}: wrote after the matrix");
    }
}
