//! The weights of one query, to be looked at: `p_ij` of the module's formulas, which the two passes never store.

use super::sizes::{Frames, Sizes, Visible};
use crate::Isa;
use crate::kernel::elementwise::are_zeros;
use crate::kernel::softmax::SoftmaxPass;

/// Overwrites `weights`, one number for each key, with those of a query and head of a sample `x`; zeros for keys that
/// it does not see. If a length or a number does not match `sizes`, writes nothing.
pub(crate) fn weights(isa: Isa, sizes: &Sizes, [query, head]: [usize; 2], x: &[f32], weights: &mut [f32]) {
    let fits = sizes.are_sound() && x.len() == sizes.sample && weights.len() == sizes.keys;
    if !fits || query >= sizes.queries || head >= sizes.heads {
        return;
    }
    let at = |frames: Frames, i: usize| {
        let first = frames.first + i * frames.stride;
        x.get(first..first + sizes.head).unwrap_or_default()
    };
    let [q, k, v] = sizes.of_head(head);
    let q = at(q, query);
    for (key, weight) in weights.iter_mut().enumerate() {
        let (k, v) = (at(k, key), at(v, key));
        let seen = match sizes.visible {
            Visible::All => true,
            Visible::Past => key <= query,
            Visible::Present => !(are_zeros(q) || are_zeros(k) && are_zeros(v)),
        };
        let score: f32 = q.iter().zip(k).map(|(q, k)| q * k).sum();
        *weight = if seen { sizes.scale() * score } else { f32::NEG_INFINITY };
    }
    if weights.iter().all(|&weight| weight == f32::NEG_INFINITY) {
        return weights.fill(0.0);
    }
    let classes = weights.len();
    isa.call(SoftmaxPass { rows: weights, classes });
}
