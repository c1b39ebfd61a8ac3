//! Views of row-major matrices in slices. The only place where dimensions meet a slice: whoever holds a view may rely
//! on every element of it lying inside.

use crate::Error;

/// A view of `f32`s as a matrix, possibly transposed, possibly with gaps between its rows.
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
    /// Of the matrix as it lies in memory, before any transposition.
    shape: Shape,
    transposed: bool,
}

/// A view of `f32`s as a matrix that may be written.
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
    /// Elements from the first of the first row to the last of the last: 0 if there are none.
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
        // Where there is no second row, or nothing in it, any stride will do: one that multiplies without overflow.
        let row_stride = if rows <= 1 || cols == 0 { cols } else { row_stride };
        Ok(Self { rows, cols, row_stride })
    }

    /// Where row `row` starts and ends in the slice, if there is such a row.
    fn row(self, row: usize) -> Option<core::ops::Range<usize>> {
        if row >= self.rows {
            return None;
        }
        // An empty row has no place in the slice; the start of it is as good as any.
        let start = if self.cols == 0 { 0 } else { row * self.row_stride };
        Some(start..start + self.cols)
    }
}

impl<'a> Mat<'a> {
    /// `data` as `rows` x `cols`, row after row without gaps. Errors unless `data` has just `rows * cols` elements.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        Ok(Self { data, shape: Shape::dense(data.len(), rows, cols)?, transposed: false })
    }

    /// `data` as `rows` x `cols` with `row_stride` elements from the start of one row to the start of the next.
    /// Errors if the stride is below `cols`, or `data` ends before the last row does; elements past that are ignored.
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

    /// A batch of `N`-element rows, which need no check.
    #[inline]
    pub(crate) fn of_rows<const N: usize>(rows: &'a [[f32; N]]) -> Self {
        let shape = Shape { rows: rows.len(), cols: N, row_stride: N };
        Self { data: rows.as_flattened(), shape, transposed: false }
    }

    /// The transposed view: no element moves.
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

    /// The element in `row` and `col`, if both are inside.
    pub fn get(&self, row: usize, col: usize) -> Option<f32> {
        let (row, col) = if self.transposed { (col, row) } else { (row, col) };
        self.data.get(self.shape.row(row)?)?.get(col).copied()
    }

    /// The elements behind the view, from that in row 0 and column 0 on.
    #[inline]
    pub(crate) fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Elements from one row, as it lies in memory, to the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        self.shape.row_stride
    }

    /// Whether the view's rows are columns in memory.
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

    /// `data` as `rows` x `cols` with gaps between the rows; see [`Mat::with_stride`]. The gaps are never written.
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

    /// A batch of `N`-element rows, which need no check.
    #[inline]
    pub(crate) fn of_rows<const N: usize>(rows: &'a mut [[f32; N]]) -> Self {
        let shape = Shape { rows: rows.len(), cols: N, row_stride: N };
        Self { data: rows.as_flattened_mut(), shape }
    }

    /// A view of the same elements that ends sooner, for a callee that wants one of its own.
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

    /// The same elements, to read only.
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

    /// Row `row`, if there is one.
    pub fn row_mut(&mut self, row: usize) -> Option<&mut [f32]> {
        self.data.get_mut(self.shape.row(row)?)
    }

    /// The elements behind the view, from that in row 0 and column 0 on.
    #[inline]
    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        self.data
    }

    /// Elements from one row to the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        self.shape.row_stride
    }
}
