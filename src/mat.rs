//! Views of row-major matrices in slices. Dimensions are checked against slice lengths here and nowhere else: every
//! element of a view is inside its slice.

use crate::memory::{count_of, numbers, numbers_mut};
use crate::{Error, Plain};

/// A view of `f32`s as a matrix, optionally transposed, optionally with gaps between its rows.
///
/// ```
/// use fusebox::Mat;
/// let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let a = Mat::new(&data, 2, 3)?;
/// assert_eq!((a.rows(), a.cols()), (2, 3));
/// assert_eq!(a.t().get(2, 1), Some(6.0));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    data: &'a [f32],
    /// The shape in memory, before any transposition.
    shape: Shape,
    transposed: bool,
}

/// A writable view of `f32`s as a matrix.
///
/// ```
/// use fusebox::MatMut;
/// let mut data = [0.0; 6];
/// let mut c = MatMut::new(&mut data, 2, 3)?;
/// c.row_mut(1).unwrap()[2] = 5.0;
/// assert_eq!(data[5], 5.0);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl Shape {
    /// Elements from the start of the first row to the end of the last row: 0 if there are none.
    fn span(rows: usize, cols: usize, row_stride: usize) -> Result<usize, Error> {
        if row_stride < cols {
            return Err(Error::Stride { expected: cols, got: row_stride });
        }
        if rows == 0 || cols == 0 {
            return Ok(0);
        }
        let overflow = Error::Overflow { rows, row_stride };
        (rows - 1).checked_mul(row_stride).and_then(|before| before.checked_add(cols)).ok_or(overflow)
    }

    fn dense(len: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        let expected = rows.checked_mul(cols).ok_or(Error::Overflow { rows, row_stride: cols })?;
        if len != expected {
            return Err(Error::Length { expected, got: len });
        }
        Ok(Self { rows, cols, row_stride: cols })
    }

    fn strided(len: usize, rows: usize, cols: usize, row_stride: usize) -> Result<Self, Error> {
        let expected = Self::span(rows, cols, row_stride)?;
        if len < expected {
            return Err(Error::Length { expected, got: len });
        }
        // With at most one row, or with empty rows, the stride has no effect: use one that cannot overflow.
        let row_stride = if rows <= 1 || cols == 0 { cols } else { row_stride };
        Ok(Self { rows, cols, row_stride })
    }

    /// The range of row `row` in the slice, or `None` if there is no such row.
    fn row(self, row: usize) -> Option<core::ops::Range<usize>> {
        if row >= self.rows {
            return None;
        }
        // An empty row may start anywhere: use the start of the slice.
        let start = if self.cols == 0 { 0 } else { row * self.row_stride };
        Some(start..start + self.cols)
    }
}

impl<'a> Mat<'a> {
    /// `data` as `rows` x `cols`, row after row without gaps. Errors unless `data` has exactly `rows * cols` elements.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        Ok(Self { data, shape: Shape::dense(data.len(), rows, cols)?, transposed: false })
    }

    /// `data` as `rows` x `cols` with `row_stride` elements from the start of one row to the start of the next.
    /// Errors if the stride is below `cols`, or `data` ends before the last row does. Elements after the last row are
    /// ignored.
    ///
    /// ```
    /// use fusebox::Mat;
    /// let image = [1.0, 2.0, 0.0, 3.0, 4.0, 0.0];
    /// let a = Mat::with_stride(&image, 2, 2, 3)?;
    /// assert_eq!(a.get(1, 0), Some(3.0));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn with_stride(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Result<Self, Error> {
        let shape = Shape::strided(data.len(), rows, cols, row_stride)?;
        Ok(Self { data, shape, transposed: false })
    }

    /// A batch of `N`-element rows. It needs no check.
    #[inline]
    pub(crate) fn of_rows<const N: usize>(rows: &'a [[f32; N]]) -> Self {
        let shape = Shape { rows: rows.len(), cols: N, row_stride: N };
        Self { data: rows.as_flattened(), shape, transposed: false }
    }

    /// A batch of rows, each the numbers of a value. It needs no check.
    #[inline]
    pub(crate) fn of_values<R: Plain>(rows: &'a [R]) -> Self {
        let cols = count_of::<R>();
        Self {
            data: numbers(rows),
            shape: Shape { rows: rows.len(), cols, row_stride: cols },
            transposed: false,
        }
    }

    /// The transposed view; no element is moved.
    #[inline]
    #[must_use]
    pub fn t(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows of the view.
    #[inline]
    pub fn rows(&self) -> usize {
        if self.transposed { self.shape.cols } else { self.shape.rows }
    }

    /// Columns of the view.
    #[inline]
    pub fn cols(&self) -> usize {
        if self.transposed { self.shape.rows } else { self.shape.cols }
    }

    /// The element at `row` and `col`, or `None` if it is outside.
    pub fn get(&self, row: usize, col: usize) -> Option<f32> {
        let (row, col) = if self.transposed { (col, row) } else { (row, col) };
        self.data.get(self.shape.row(row)?)?.get(col).copied()
    }

    /// The elements of the view, starting with row 0, column 0.
    #[inline]
    pub(crate) fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Elements from the start of one row in memory to the start of the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        self.shape.row_stride
    }

    /// Whether the view is transposed: its rows are columns in memory.
    #[inline]
    pub(crate) fn is_transposed(&self) -> bool {
        self.transposed
    }
}

impl<'a> MatMut<'a> {
    /// `data` as `rows` x `cols`; see [`Mat::new`].
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        let shape = Shape::dense(data.len(), rows, cols)?;
        Ok(Self { data, shape })
    }

    /// `data` as `rows` x `cols` with gaps between rows; see [`Mat::with_stride`]. The gaps are never written.
    ///
    /// ```
    /// use fusebox::{Error, MatMut};
    /// let error = MatMut::with_stride(&mut [0.0; 6], 2, 4, 3).unwrap_err();
    /// assert_eq!(error, Error::Stride { expected: 4, got: 3 });
    /// ```
    pub fn with_stride(
        data: &'a mut [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Result<Self, Error> {
        let shape = Shape::strided(data.len(), rows, cols, row_stride)?;
        Ok(Self { data, shape })
    }

    /// A batch of `N`-element rows. It needs no check.
    #[inline]
    pub(crate) fn of_rows<const N: usize>(rows: &'a mut [[f32; N]]) -> Self {
        let shape = Shape { rows: rows.len(), cols: N, row_stride: N };
        Self { data: rows.as_flattened_mut(), shape }
    }

    /// A batch of rows, each the numbers of a value. It needs no check.
    #[inline]
    pub(crate) fn of_values<R: Plain>(rows: &'a mut [R]) -> Self {
        let cols = count_of::<R>();
        let shape = Shape { rows: rows.len(), cols, row_stride: cols };
        Self { data: numbers_mut(rows), shape }
    }

    /// A view of the same elements with a shorter lifetime, to pass to a function.
    ///
    /// ```
    /// # use fusebox::{gemm, Epilogue, Mat, MatMut};
    /// let (a, b) = (Mat::new(&[2.0], 1, 1)?, Mat::new(&[3.0], 1, 1)?);
    /// let mut data = [0.0];
    /// let mut c = MatMut::new(&mut data, 1, 1)?;
    /// gemm(a, b, c.reborrow(), Epilogue::None)?;
    /// gemm(a, b, c, Epilogue::Accumulate)?;
    /// assert_eq!(data, [12.0]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[inline]
    pub fn reborrow(&mut self) -> MatMut<'_> {
        MatMut { data: self.data, shape: self.shape }
    }

    /// A read-only view of the same elements.
    ///
    /// ```
    /// use fusebox::MatMut;
    /// let mut data = [1.0, 2.0];
    /// assert_eq!(MatMut::new(&mut data, 2, 1)?.as_mat().get(1, 0), Some(2.0));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[inline]
    pub fn as_mat(&self) -> Mat<'_> {
        Mat { data: self.data, shape: self.shape, transposed: false }
    }

    /// Rows of the view.
    #[inline]
    pub fn rows(&self) -> usize {
        self.shape.rows
    }

    /// Columns of the view.
    #[inline]
    pub fn cols(&self) -> usize {
        self.shape.cols
    }

    /// Row `row`, or `None` if there is no such row.
    pub fn row_mut(&mut self, row: usize) -> Option<&mut [f32]> {
        self.data.get_mut(self.shape.row(row)?)
    }

    /// The elements of the view, starting with row 0, column 0.
    #[inline]
    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        self.data
    }

    /// Elements from the start of one row to the start of the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        self.shape.row_stride
    }
}
