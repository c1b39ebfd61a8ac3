//! The kernels: each written once over [`Simd`](crate::simd::Simd).
//!
//! The reference of gemm, three loops, stands beside it; the others are tested against plain loops or `f64`.
//!
//! Sizes are checked by the functions that take views or slices; past those doors everything is in bounds.

pub(crate) mod cross_entropy;
pub(crate) mod elementwise;
pub(crate) mod exp;
pub(crate) mod math {
    pub(crate) fn softplus<S: Simd>(s: S, x: S::V) -> S::V {
        x
    }
    pub(crate) use super::exp::exp;
    use crate::simd::Simd;
    pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
        let o = s.splat(1.0);
        s.div(o, s.add(o, exp(s, s.sub(s.splat(0.0), x))))
    }
    pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
        let o = s.splat(1.0);
        let g = sigmoid(s, s.add(x, x));
        s.sub(s.add(g, g), o)
    }
    pub(crate) fn normal_cdf<S: Simd>(s: S, x: S::V) -> S::V {
        sigmoid(s, x)
    }
}
pub(crate) mod gemm;
pub(crate) mod loss;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod pass;
pub(crate) mod update;
