//! Any [`Finish`] as a [`FinishRows`].

use super::finish::{FinishRows, Loops};
use super::loops::drive_by_tiles;
use crate::Isa;
use crate::kernel::gemm::tile::{Finish, Place};
use crate::simd::{Pass, Simd};

/// A finish, on an instruction set.
pub(super) struct Finishing<'a, F> {
    pub(super) isa: Isa,
    pub(super) finish: &'a F,
}

impl<F: Finish> FinishRows for Finishing<'_, F> {
    fn is_nothing(&self) -> bool {
        self.finish.is_nothing()
    }

    fn takes_columns_as_rows(&self) -> bool {
        self.finish.takes_columns_as_rows()
    }

    fn factor(&self) -> Option<f32> {
        F::ADDS.then(|| self.finish.factor())
    }

    fn loops(&self) -> Option<Loops> {
        if F::READS_OUTPUT && !F::ADDS { Some(drive_by_tiles) } else { None }
    }

    unsafe fn finish_row(&self, sums: *mut f32, place: Place, len: usize) {
        if !F::ADDS {
            // SAFETY: the caller's promises.
            self.isa.call(unsafe { Row::new(self.finish, sums, place, len) });
        }
    }
}

/// A row to be finished.
struct Row<'a, F> {
    finish: &'a F,
    sums: *mut f32,
    place: Place,
    len: usize,
}

impl<'a, F> Row<'a, F> {
    /// # Safety
    /// See [`Finish::finish_row`].
    unsafe fn new(finish: &'a F, sums: *mut f32, place: Place, len: usize) -> Self {
        debug_assert!(sums.is_aligned() && place.c.is_aligned() && !sums.is_null() && !place.c.is_null());
        Self { finish, sums, place, len }
    }
}

impl<F: Finish> Pass for Row<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { self.finish.finish_row(s, self.sums, self.place, self.len) }
    }
}
