//! The simple recurrence.
//!
//! ```text
//! forward    h = f(x + u)                x + u here, f by the layer
//! backward   dx = du = dh f'             f' was kept;  dh' is a product
//! ```

use super::{Backward, Position};
use crate::kernel::elementwise::{vectors, zip_in_place};
use crate::kernel::rows_mut;
use crate::simd::{Pass, Simd};

/// Adds x to u, in place.
pub(crate) struct SimpleForward<'a> {
    pub(crate) at: Position,
    /// Sequences of x.
    pub(crate) gates: &'a [f32],
    /// A row of u for each sequence.
    pub(crate) products: &'a mut [f32],
}

impl Pass for SimpleForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { at, gates, products } = self;
        for (x, u) in at.of(gates, 1).zip(rows_mut(products, at.width)) {
            zip_in_place(s, x, u, |x, u| s.add(x, u));
        }
    }
}

/// [`SimpleForward`]'s gradient.
pub(crate) struct SimpleBackward<'a>(pub(crate) Backward<'a>);

impl Pass for SimpleBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { at, kept, dys, dstate, dgates, .. } = self.0;
        let h = at.width;
        let rows = at.of(kept, 1).zip(at.of(dys, 1)).zip(at.of_mut(dgates, 1)).zip(rows_mut(dstate, h));
        for (((slope, dy), dx), dstate) in rows {
            for (i, lanes) in vectors::<S>(h) {
                let dstate = dstate.as_mut_ptr().wrapping_add(i);
                // SAFETY: the `lanes` numbers from `i` on are inside each row.
                unsafe {
                    let at = |row: &[f32]| s.load_partial(row.as_ptr().wrapping_add(i), lanes);
                    let dh = s.add(at(dy), s.load_partial(dstate, lanes));
                    s.store_partial(dx.as_mut_ptr().wrapping_add(i), s.mul(dh, at(slope)), lanes);
                    s.store_partial(dstate, s.splat(0.0), lanes);
                }
            }
        }
    }
}
