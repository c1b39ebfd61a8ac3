//! What becomes of sums, for loops that are compiled once for whatever it is.

use super::sums::Kernel;
use crate::kernel::gemm::product::Product;
use crate::kernel::gemm::tile::Place;

/// See [`super::loops::drive_by_tiles`].
pub(super) type Loops = unsafe fn(Kernel, &Product<'_, &dyn FinishRows>);

/// A finish, for loops that are compiled once for all of them.
pub(super) trait FinishRows {
    /// The loops for a finish that the old C counts for, unless sums are only added to it.
    fn loops(&self) -> Option<Loops>;

    /// Whether sums are results as they are.
    fn is_nothing(&self) -> bool;

    /// Whether a column of C may be finished as a row.
    fn takes_columns_as_rows(&self) -> bool;

    /// The factor of sums that are added to C, if that is all.
    fn factor(&self) -> Option<f32>;

    /// Turns the `len` numbers at `sums` into what is stored at `place` and after it, and stores it.
    ///
    /// # Safety
    /// See [`Finish::finish_row`](crate::kernel::gemm::tile::Finish::finish_row).
    unsafe fn finish_row(&self, sums: *mut f32, place: Place, len: usize);
}
