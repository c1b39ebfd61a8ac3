//! How far two computations of a formula may lie apart, both in `f32`, neither in an order that the other knows.
//!
//! u = 2^-24 is the rounding of one operation. Each side has an error of its own, hence the factor 2 in what follows.
//! n, the length of a sum, is the number of its roundings at most, in every order: n - 1 additions, and a division.

pub(crate) const U: f64 = 1.0 / 16_777_216.0;

/// Of results that both sides must have without an error: maxima, moved numbers, and sums of products of whole numbers
/// below 2^24.
pub(crate) fn exact(_: usize) -> f64 {
    0.0
}

/// Of the mean of n numbers up to `largest`: 2 gamma(n) largest, gamma(n) = n u / (1 - n u).
pub(crate) fn mean(n: usize, largest: f64) -> impl Fn(usize) -> f64 {
    let nu = n as f64 * U;
    move |_| 2.0 * nu / (1.0 - nu) * largest
}

/// Of `y = gain (x - mean) / deviation + shift`, whose statistics are sums of n numbers (0 if they are given), up to
/// `largest`: to first order
///
/// ```text
/// x - mean          off by (n + 2) u largest
/// deviation         off by (n / 2 + 4 + 2 largest / deviation) u of itself: the mean's error cancels, those of
///                   the distances do not
/// the rest          four operations
/// ```
///
/// which 2 (n + 8) u ((largest / deviation + 1) (|y - shift| + |gain|) + |shift|) exceeds.
pub(crate) fn normalised(n: usize, largest: f64, deviation: f64, [gain, shift]: [f32; 2], y: f32) -> f64 {
    let [gain, shift, y] = [gain, shift, y].map(f64::from);
    2.0 * (n as f64 + 8.0)
        * U
        * ((largest / deviation + 1.0) * ((y - shift).abs() + gain.abs()) + shift.abs())
}

/// Of a mean `y` of n values, none of them negative, weighted by the softmax of scores that are sums of `terms`
/// products, whose magnitudes add up to `size` at most: to first order
///
/// ```text
/// score          off by (terms + 6) u size: with a mask, and with a scale that either side applies to both factors
/// exponential    off by 2 u size for the difference from the largest, and by 5.2 u (NumPy: 2.6 ulp)
/// weights        these twice, above and below; a sum of n, and a quotient
/// mean           a sum of n products
/// ```
pub(crate) fn attended(n: usize, terms: usize, size: f64, y: f32) -> f64 {
    let weight = 2.0 * ((terms as f64 + 8.0) * size + 5.2) + n as f64 + 2.0;
    2.0 * (weight + n as f64 + 1.0) * U * f64::from(y)
}
