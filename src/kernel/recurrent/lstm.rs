//! Long short-term memory.
//!
//! ```text
//! forward    i = sigmoid(x_i + u_i),  f = sigmoid(x_f + u_f),  g = tanh(x_g + u_g),  o = sigmoid(x_o + u_o)
//!            c = f c' + i g,  h = o tanh c                                                 c' the last cell state
//! backward   dc = dc from later + dh o (1 - tanh^2 c)
//!            di = dc g i (1 - i),  df = dc c' f (1 - f),  dg = dc i (1 - g^2),  do = dh tanh c o (1 - o)
//!            dc' = dc f;  dh' is a product
//! ```
//!
//! Sources: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997; with a forget gate F. Gers and others,
//! "Learning to Forget: Continual Prediction with LSTM", 2000.

use super::{Backward, Forward, through_sigmoid, through_tanh};
use crate::kernel::elementwise::vectors;
use crate::kernel::math::{sigmoid, tanh};
use crate::kernel::{rows, rows_mut};
use crate::simd::{Pass, Simd};

/// Gates i, f, g and o; c' and tanh c are kept.
pub(crate) struct LstmForward<'a>(pub(crate) Forward<'a>);

impl Pass for LstmForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { at, gates, products, state, inner, kept } = self.0;
        let h = at.width;
        let mut kept = at.of_mut(kept, 2);
        let states = rows_mut(state, h).zip(rows_mut(inner, h));
        for ((x, u), (state, inner)) in at.of_mut(gates, 4).zip(rows(products, 4 * h)).zip(states) {
            let mut kept = kept.next();
            for (i, lanes) in vectors::<S>(h) {
                let x = [0, h, 2 * h, 3 * h].map(|gate| x.as_mut_ptr().wrapping_add(gate + i));
                let u = [0, h, 2 * h, 3 * h].map(|gate| u.as_ptr().wrapping_add(gate + i));
                let (state, inner) = (state.as_mut_ptr().wrapping_add(i), inner.as_mut_ptr().wrapping_add(i));
                // SAFETY: the `lanes` numbers from `i` on are inside each of the four gates of `x` and `u`, inside
                // `state` and `inner`, and inside both halves of what is kept.
                unsafe {
                    let load = |p: *const f32| s.load_partial(p, lanes);
                    let sum = |gate: usize| s.add(load(x[gate]), load(u[gate]));
                    let input = sigmoid(s, sum(0));
                    let forget = sigmoid(s, sum(1));
                    let new = tanh(s, sum(2));
                    let output = sigmoid(s, sum(3));
                    let last = load(inner);
                    let c = s.mul_add(forget, last, s.mul(input, new));
                    let bent = tanh(s, c);
                    s.store_partial(x[0], input, lanes);
                    s.store_partial(x[1], forget, lanes);
                    s.store_partial(x[2], new, lanes);
                    s.store_partial(x[3], output, lanes);
                    s.store_partial(inner, c, lanes);
                    s.store_partial(state, s.mul(output, bent), lanes);
                    if let Some(kept) = &mut kept {
                        let kept = kept.as_mut_ptr().wrapping_add(i);
                        s.store_partial(kept, last, lanes);
                        s.store_partial(kept.wrapping_add(h), bent, lanes);
                    }
                }
            }
        }
    }
}

/// [`LstmForward`]'s gradient; that with respect to x is that with respect to u.
pub(crate) struct LstmBackward<'a>(pub(crate) Backward<'a>);

impl Pass for LstmBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { at, gates, kept, dys, dstate, dinner, dgates, .. } = self.0;
        let h = at.width;
        let tape = at.of(gates, 4).zip(at.of(kept, 2)).zip(at.of(dys, 1));
        let gradients = at.of_mut(dgates, 4).zip(rows_mut(dstate, h)).zip(rows_mut(dinner, h));
        for (((y, kept), dy), ((dx, dstate), dinner)) in tape.zip(gradients) {
            for (i, lanes) in vectors::<S>(h) {
                let y = [0, h, 2 * h, 3 * h].map(|gate| y.as_ptr().wrapping_add(gate + i));
                let dx = [0, h, 2 * h, 3 * h].map(|gate| dx.as_mut_ptr().wrapping_add(gate + i));
                let kept = kept.as_ptr().wrapping_add(i);
                let (dstate, dinner) =
                    (dstate.as_mut_ptr().wrapping_add(i), dinner.as_mut_ptr().wrapping_add(i));
                // SAFETY: the `lanes` numbers from `i` on are inside each row, inside each of the four gates of `y` and
                // `dx`, and inside both halves of what is kept.
                unsafe {
                    let load = |p: *const f32| s.load_partial(p, lanes);
                    let (input, forget, new, output) = (load(y[0]), load(y[1]), load(y[2]), load(y[3]));
                    let (last, bent) = (load(kept), load(kept.wrapping_add(h)));
                    let dh = s.add(load(dy.as_ptr().wrapping_add(i)), load(dstate));
                    let dc = s.add(through_tanh(s, bent, s.mul(dh, output)), load(dinner));
                    s.store_partial(dx[0], through_sigmoid(s, input, s.mul(dc, new)), lanes);
                    s.store_partial(dx[1], through_sigmoid(s, forget, s.mul(dc, last)), lanes);
                    s.store_partial(dx[2], through_tanh(s, new, s.mul(dc, input)), lanes);
                    s.store_partial(dx[3], through_sigmoid(s, output, s.mul(dh, bent)), lanes);
                    s.store_partial(dinner, s.mul(dc, forget), lanes);
                    s.store_partial(dstate, s.splat(0.0), lanes);
                }
            }
        }
    }
}
