//! Kernels that treat each number alone.

use crate::simd::{Pass, Simd};

/// `xs` becomes +0.0 wherever `gates`, as long as it, is `<= 0`.
pub(crate) struct ReluMask<'a> {
    pub(crate) gates: &'a [f32],
    pub(crate) xs: &'a mut [f32],
}

impl Pass for ReluMask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        zip_in_place(s, self.gates, self.xs, |gate, x| s.relu_mask(gate, x));
    }
}

/// `xs[i] = f(others[i], xs[i])`, as far as the shorter goes.
#[inline(always)]
pub(super) fn zip_in_place<S: Simd>(s: S, others: &[f32], xs: &mut [f32], f: impl Fn(S::V, S::V) -> S::V) {
    let len = xs.len().min(others.len());
    let mut start = 0;
    while start < len {
        let lanes = (len - start).min(S::LANES);
        let (other, x) = (others.as_ptr().wrapping_add(start), xs.as_mut_ptr().wrapping_add(start));
        // SAFETY: `lanes` numbers from `start` on lie inside both slices.
        unsafe { s.store_partial(x, f(s.load_partial(other, lanes), s.load_partial(x, lanes)), lanes) };
        start += S::LANES;
    }
}
