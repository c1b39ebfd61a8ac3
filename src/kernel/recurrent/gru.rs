//! The gated recurrent unit, with the reset gate after the product.
//!
//! ```text
//! forward    r = sigmoid(x_r + u_r),  z = sigmoid(x_z + u_z),  n = tanh(x_n + r u_n)
//!            h = n + z (h' - n)                                                            h' the last output
//! backward   dn = dh (1 - z) (1 - n^2),  dr = dn u_n r (1 - r),  dz = dh (h' - n) z (1 - z)
//!            dx = dr, dz, dn;  du = dr, dz, r dn;  dh' = z dh, and du U^T by a product
//! ```
//!
//! Sources: K. Cho and others, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
//! Translation", 2014; this variant, as in cuDNN, makes of h' one product for all gates.

#[cfg(not(fusebox_core = "other"))]
use super::gru_vfp::numbers;
use super::{Backward, Forward, one_minus, through_sigmoid, through_tanh};
use crate::kernel::elementwise::vectors;
use crate::kernel::math::{sigmoid, tanh};
use crate::kernel::rows_mut;
use crate::simd::{Pass, Simd};

/// Gates r, z and n; u_n is kept.
pub(crate) struct GruForward<'a>(pub(crate) Forward<'a>);

impl Pass for GruForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { at, gates, products, state, kept, .. } = self.0;
        let h = at.width;
        let mut kept = at.of_mut(kept, 1);
        for ((x, u), state) in at.of_mut(gates, 3).zip(rows_mut(products, 3 * h)).zip(rows_mut(state, h)) {
            let [x, u] = [x, u].map(|row| [0, h, 2 * h].map(|gate| row.as_mut_ptr().wrapping_add(gate)));
            let kept = kept.next().map_or(u[2], <[f32]>::as_mut_ptr);
            let places = Places { x, u, state: state.as_mut_ptr(), kept };
            // SAFETY: there are `h` numbers at each of the places: three gates of x and u, the state, and what is kept.
            unsafe { places.numbers(s, h) };
        }
    }
}

/// Where numbers are that the same number of a state is made of.
#[repr(C)]
pub(super) struct Places {
    /// x of gates r, z and n, overwritten with the gates' values.
    x: [*mut f32; 3],
    u: [*mut f32; 3],
    state: *mut f32,
    /// Overwritten with u_n, which may be there.
    kept: *mut f32,
}

impl Places {
    /// The same, some numbers later.
    #[inline(always)]
    fn at(&self, i: usize) -> Self {
        let [x, u] = [self.x, self.u].map(|gates| gates.map(|gate| gate.wrapping_add(i)));
        Self { x, u, state: self.state.wrapping_add(i), kept: self.kept.wrapping_add(i) }
    }

    /// # Safety
    /// There are `count` numbers at each of the places, which nobody else uses.
    #[cfg(fusebox_core = "other")]
    #[inline(always)]
    unsafe fn numbers<S: Simd>(&self, s: S, count: usize) {
        for (i, lanes) in vectors::<S>(count) {
            // SAFETY: the `lanes` numbers from `i` on are among them.
            unsafe { self.at(i).vector(s, lanes) };
        }
    }

    /// # Safety
    /// There are `count` numbers at each of the places, which nobody else uses.
    #[cfg(not(fusebox_core = "other"))]
    #[inline(always)]
    unsafe fn numbers<S: Simd>(&self, s: S, count: usize) {
        let is_assembled = s.isa().is_assembled();
        let mut left = count;
        while left > 0 {
            if is_assembled {
                // SAFETY: `left` numbers from here on are among them.
                left = unsafe { numbers(&self.at(count - left), left) };
            }
            if left > 0 {
                // SAFETY: the same.
                unsafe { self.at(count - left).vector(s, 1) };
                left -= 1;
            }
        }
    }

    /// # Safety
    /// There are `lanes` numbers at each of the places, which nobody else uses.
    #[inline(always)]
    unsafe fn vector<S: Simd>(&self, s: S, lanes: usize) {
        let Self { x, u, state, kept } = *self;
        // SAFETY: the caller's promise.
        let ([x_r, x_z, x_n], [u_r, u_z, u_n], last) = unsafe {
            let load = |p: *mut f32| s.load_partial(p, lanes);
            (x.map(load), u.map(load), load(state))
        };
        let r = sigmoid(s, s.add(x_r, u_r));
        let z = sigmoid(s, s.add(x_z, u_z));
        let n = tanh(s, s.mul_add(r, u_n, x_n));
        let next = s.mul_add(z, s.sub(last, n), n);
        // SAFETY: the caller's promise.
        unsafe {
            s.store_partial(x[0], r, lanes);
            s.store_partial(x[1], z, lanes);
            s.store_partial(x[2], n, lanes);
            s.store_partial(state, next, lanes);
            s.store_partial(kept, u_n, lanes);
        }
    }
}

/// [`GruForward`]'s gradient.
pub(crate) struct GruBackward<'a>(pub(crate) Backward<'a>);

impl Pass for GruBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { at, gates, kept, previous, dys, dstate, dgates, dproducts, .. } = self.0;
        let h = at.width;
        let tape = at.of(gates, 3).zip(at.of(kept, 1)).zip(at.of(previous, 1));
        let gradients = at.of_mut(dgates, 3).zip(at.of_mut(dproducts, 3)).zip(rows_mut(dstate, h));
        for ((((y, u_n), last), dy), ((dx, du), dstate)) in tape.zip(at.of(dys, 1)).zip(gradients) {
            for (i, lanes) in vectors::<S>(h) {
                let y = [0, h, 2 * h].map(|gate| y.as_ptr().wrapping_add(gate + i));
                let dx = [0, h, 2 * h].map(|gate| dx.as_mut_ptr().wrapping_add(gate + i));
                let du = [0, h, 2 * h].map(|gate| du.as_mut_ptr().wrapping_add(gate + i));
                let dstate = dstate.as_mut_ptr().wrapping_add(i);
                // SAFETY: the `lanes` numbers from `i` on are inside each row, and inside each of the three gates of
                // `y`, `dx` and `du`.
                unsafe {
                    let load = |p: *const f32| s.load_partial(p, lanes);
                    let at = |row: &[f32]| load(row.as_ptr().wrapping_add(i));
                    let (r, z, n) = (load(y[0]), load(y[1]), load(y[2]));
                    let dh = s.add(at(dy), load(dstate));
                    let dn = through_tanh(s, n, s.mul(dh, one_minus(s, z)));
                    let dz = through_sigmoid(s, z, s.mul(dh, s.sub(at(last), n)));
                    let dr = through_sigmoid(s, r, s.mul(dn, at(u_n)));
                    s.store_partial(dx[0], dr, lanes);
                    s.store_partial(dx[1], dz, lanes);
                    s.store_partial(dx[2], dn, lanes);
                    s.store_partial(du[0], dr, lanes);
                    s.store_partial(du[1], dz, lanes);
                    s.store_partial(du[2], s.mul(dn, r), lanes);
                    s.store_partial(dstate, s.mul(dh, z), lanes);
                }
            }
        }
    }
}
