//! The reference for one element of a product: its sum in `f64`, and how far an `f32` may be from it.

/// A sum of products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    value: f64,
    /// The sum of the magnitudes of all finite terms.
    magnitude: f64,
    k: f64,
}

impl Sum {
    /// The sum of `row[p] * column[p]`.
    pub(crate) fn of(row: &[f32], column: &[f32]) -> Self {
        let empty = Self { value: 0.0, magnitude: 0.0, k: row.len() as f64 };
        // Exact: 24 bits times 24 bits fit the 53 of an f64, and its exponents the product's.
        let terms = || std::iter::zip(row, column).map(|(&a, &b)| f64::from(a) * f64::from(b));
        // Without a comparison for each term, each of which a fuzzer would take note of.
        let (value, magnitude) =
            terms().fold((0.0, 0.0), |(sum, magnitude), x| (sum + x, magnitude + x.abs()));
        if magnitude.is_finite() {
            Self { value, magnitude, ..empty }
        } else {
            terms().fold(empty, Self::and)
        }
    }

    /// With what the sum starts from: the bias, or the old c.
    pub(crate) fn plus(self, initial: f32) -> Self {
        self.and(f64::from(initial))
    }

    fn and(self, term: f64) -> Self {
        let magnitude = if term.is_finite() { term.abs() } else { 0.0 };
        Self { value: self.value + term, magnitude: self.magnitude + magnitude, k: self.k }
    }

    /// gamma(k + 2) magnitude + k 2^-149, and what the reference's own additions may be off by.
    fn bound(&self) -> f64 {
        let Self { magnitude, k, .. } = *self;
        let u = 2_f64.powi(-24);
        let gamma = (k + 2.0) * u / (1.0 - (k + 2.0) * u);
        gamma * magnitude + k * 2_f64.powi(-149) + (k + 1.0) * 2_f64.powi(-53) * magnitude
    }

    /// Near 2^128 an order of summation may overflow where another does not: only a NaN is sure.
    fn may_overflow(&self) -> bool {
        self.magnitude >= 2_f64.powi(127)
    }

    /// Whether `got` is an f32 sum of the same terms, within the bound; NaN or infinite where the sum is.
    pub(crate) fn explains(&self, got: f32) -> bool {
        if self.value.is_nan() {
            got.is_nan()
        } else if self.may_overflow() {
            true
        } else if self.value.is_infinite() {
            f64::from(got) == self.value
        } else {
            (f64::from(got) - self.value).abs() <= self.bound()
        }
    }

    /// The same after ReLU, which brings no two numbers further apart, keeps NaN, and gives no -0.0.
    pub(crate) fn explains_relu(&self, got: f32) -> bool {
        if got.is_nan() || self.value.is_nan() {
            return self.explains(got);
        }
        let relu = Self { value: self.value.max(0.0), ..*self };
        got.is_sign_positive() && relu.explains(got)
    }
}
