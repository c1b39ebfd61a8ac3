//! Random tokens.
//!
//! ```text
//! w_i = exp((z_i - max z) / temperature)                 from 0 to 1; token i has the probability w_i / sum w
//! top k    keeps the k largest z
//! top p    keeps the largest w until their sum is p of all
//! ```
//!
//! Top p ("nucleus sampling"): A. Holtzman and others, "The Curious Case of Neural Text Degeneration", 2019; top k: A. Fan and
//! others, "Hierarchical Neural Story Generation", 2018.
//!
//! **Exact sums.** Weights are rounded to multiples of 2^-31 and added as integers, so no order of summation can change which
//! tokens are kept, or which one is drawn. A token below 2^-31 of the most likely one is never drawn.
//!
//! **No sorting.** Both limits ask for the largest numbers whose masses (1 for each token, or its weight) reach a sum. The
//! smallest of them, the cut, is found four bits at a time from the highest on: sixteen sums by the next four bits of the
//! numbers that agree with the cut so far tell its next four bits. That is eight passes over the logits. Of the tokens equal to
//! the cut, the first are kept.

use super::{EXACT, largest};
use crate::functions::exp_with;
use crate::optimizers::settings;
use crate::{Error, Rng};

/// Draws the next token at random, by the probabilities of the logits.
///
/// ```
/// use fusebox::decoding::Sampler;
/// let mut sampler = Sampler { temperature: 0.8, top_k: 2, ..Sampler::new(7) };
/// let logits = [1.0, 3.0, 2.0, -1.0];
/// let mut counts = [0; 4];
/// for _ in 0..1000 {
///     counts[sampler.sample(&mut logits.clone())?] += 1;
/// }
/// assert!(counts[0] == 0 && counts[3] == 0); // not among the two most likely
/// assert!(counts[1] > 700 && counts[2] > 150);
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    /// Divides the logits: below 1, likely tokens become more likely; towards 0, [`greedy`](super::greedy). Positive and finite.
    pub temperature: f32,
    /// Keeps only so many tokens, those of the largest logits. At least 1; `usize::MAX` keeps all.
    pub top_k: usize,
    /// Keeps only as many of the most likely tokens, after `top_k`, as together have this part of the probability: the first sum
    /// that reaches it. Above 0, at most 1; 1 keeps all.
    pub top_p: f32,
    /// The generator: one draw for each token.
    pub rng: Rng,
}

/// 1 as a weight.
const ONE: f32 = 2_147_483_648.0; // 2^31

impl Sampler {
    /// A temperature of 1, all tokens, and a generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { temperature: 1.0, top_k: usize::MAX, top_p: 1.0, rng: Rng::new(seed) }
    }

    /// Draws a token. Overwrites `logits` with the weights it was drawn by: multiples of 2^-31 up to 1, zero for tokens that were
    /// not kept.
    ///
    /// Minus infinity excludes a token. Errors, with nothing written and nothing drawn, if a setting is out of range, a logit is
    /// NaN or infinity, or no token is left.
    ///
    /// ```
    /// use fusebox::{Error, decoding::Sampler};
    /// let mut logits = [0.0, 0.0, 0.0, f32::NEG_INFINITY];
    /// let mut sampler = Sampler { top_p: 0.5, ..Sampler::new(1) };
    /// assert!(sampler.sample(&mut logits)? < 2);
    /// assert_eq!(logits, [1.0, 1.0, 0.0, 0.0]);
    ///
    /// sampler.top_p = 0.0;
    /// let error = Error::Setting { name: "top_p", expected: "above 0, at most 1" };
    /// assert_eq!(sampler.sample(&mut logits), Err(error));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sample(&mut self, logits: &mut [f32]) -> Result<usize, Error> {
        settings::positive("temperature", self.temperature)?;
        if self.top_k == 0 {
            return Err(Error::Setting { name: "top_k", expected: "at least 1" });
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::Setting { name: "top_p", expected: "above 0, at most 1" });
        }
        let largest = largest(0, logits)?;
        if self.top_k < logits.len() {
            keep(logits, f32::NEG_INFINITY, order, |_| 1, self.top_k as u64);
        }
        for logit in &mut *logits {
            *logit = (*logit - largest) / self.temperature;
        }
        exp_with(EXACT, logits);
        for w in &mut *logits {
            *w = weight(*w) as f32 / ONE;
        }
        let mut total: u64 = logits.iter().map(|&w| u64::from(weight(w))).sum();
        if self.top_p < 1.0 {
            keep(logits, 0.0, weight, |w| weight(w).into(), share(total, self.top_p));
            total = logits.iter().map(|&w| u64::from(weight(w))).sum();
        }
        // The most likely token is kept, so `total` is above zero.
        let mut left = below(&mut self.rng, total);
        let drawn = logits.iter().position(|&w| match left.checked_sub(weight(w).into()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        drawn.ok_or(Error::Empty)
    }
}

/// A weight from 0 to 1 in units of 2^-31, rounded down.
fn weight(w: f32) -> u32 {
    (w * ONE) as u32
}

/// Numbers in the order of floats, which are not NaN; both zeros are the same.
fn order(x: f32) -> u32 {
    let bits = (x + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The part `p` of `total`, rounded up, at least 1 of a total that is not 0. `p` is from 0 to 1.
fn share(total: u64, p: f32) -> u64 {
    let p = (p * 4_294_967_296.0) as u64; // in units of 2^-32
    let (high, low) = (total >> 32, total & 0xffff_ffff);
    (high * p + (low * p).div_ceil(1 << 32)).max(1)
}

/// An integer below `bound`, which is not 0: the high half of the product with 64 random bits. One bit in 2^64 / `bound` is
/// not fair.
fn below(rng: &mut Rng, bound: u64) -> u64 {
    let random = u64::from(rng.next_u32()) << 32 | u64::from(rng.next_u32());
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

/// Keeps the numbers with the largest keys, as few as have masses that sum to `wanted`, and overwrites the others with
/// `dropped`. Of those with the smallest key that is kept, the first. All, if their masses sum to less.
fn keep(xs: &mut [f32], dropped: f32, key: fn(f32) -> u32, mass: fn(f32) -> u64, wanted: u64) {
    let (mut cut, mut left) = (0, wanted);
    for shift in (0..32).step_by(4).rev() {
        let mut sums = [0_u64; 16];
        for &x in &*xs {
            let digits = key(x) >> shift;
            if digits >> 4 == cut >> 4 {
                sums[(digits & 15) as usize] += mass(x);
            }
        }
        let mut digit = 15;
        for &sum in sums.iter().skip(1).rev() {
            if sum >= left {
                break;
            }
            left -= sum;
            digit -= 1;
        }
        // `cut` is shifted along: in the next pass it is compared with one digit more.
        cut = (cut | digit) << if shift > 0 { 4 } else { 0 };
    }
    for x in xs {
        let key = key(*x);
        if key > cut {
            continue;
        }
        if key == cut && left > 0 {
            left = left.saturating_sub(mass(*x));
            continue;
        }
        *x = dropped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use std::vec;
    use std::vec::Vec;

    /// Sorts; the rest is the definition.
    fn expected(logits: &[f32], sampler: &Sampler) -> Vec<f32> {
        let by = |xs: &[f32]| {
            let mut order: Vec<usize> = (0..xs.len()).collect();
            order.sort_by(|&a, &b| xs[b].partial_cmp(&xs[a]).expect("no NaN").then(a.cmp(&b)));
            order
        };
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut weights = vec![0.0; logits.len()];
        for &i in by(logits).iter().take(sampler.top_k) {
            let mut w = [(logits[i] - largest) / sampler.temperature];
            exp_with(Isa::portable(), &mut w);
            weights[i] = (f64::from(w[0]) * 2_f64.powi(31)).floor() as f32 / ONE;
        }
        let total: u128 = weights.iter().map(|&w| u128::from(weight(w))).sum();
        let mut sum = 0;
        for i in by(&weights) {
            // sum / total >= p, with the 32 bits of p that are looked at.
            if sum << 32 >= total * u128::from((sampler.top_p * 4_294_967_296.0) as u64) && sum > 0 {
                weights[i] = 0.0;
            }
            sum += u128::from(weight(weights[i]));
        }
        weights
    }

    #[test]
    fn what_is_kept_is_what_sorting_keeps() {
        let mut rng = Rng::new(3);
        for round in 0..3000 {
            let n = 1 + rng.below(40) as usize;
            // Coarse numbers are often equal.
            let coarse = [0.0, 1.0, 0.01][round % 3];
            let mut logits: Vec<f32> = (0..n).map(|_| 3.0 * rng.normal()).collect();
            if coarse > 0.0 {
                logits.iter_mut().for_each(|x| *x = (*x / coarse).round() * coarse);
            }
            for x in logits.iter_mut().skip(1) {
                if rng.below(8) == 0 {
                    *x = [f32::NEG_INFINITY, -0.0, 0.0, f32::MIN][rng.below(4) as usize];
                }
            }
            let top_k = if rng.below(3) == 0 { usize::MAX } else { 1 + rng.below(n as u32 + 2) as usize };
            let top_p = [1.0, 0.9, 0.5, 1e-9, rng.uniform().max(1e-3)][rng.below(5) as usize];
            let temperature = [1.0, 0.1, 5.0, 1e-6][rng.below(4) as usize];
            let mut sampler = Sampler { temperature, top_k, top_p, rng: Rng::new(round as u64) };
            let (expected, mut got) = (expected(&logits, &sampler), logits.clone());
            let token = sampler.sample(&mut got).expect("logits");
            assert_eq!(got, expected, "{logits:?}, {sampler:?}");
            assert!(got[token] > 0.0, "{logits:?}, {sampler:?}: {token}");
        }
    }

    /// Pearson's statistic, of 7 degrees of freedom, is above 24.3 once in a thousand times.
    #[test]
    fn frequencies_are_the_probabilities() {
        let logits = [0.3, -1.0, 2.0, 1.9, 0.0, -0.5, 1.0, -2.0_f32];
        let temperature = 1.5;
        let weights = logits.map(|z| (f64::from(z) / f64::from(temperature)).exp());
        let (sum, draws) = (weights.iter().sum::<f64>(), 100_000);
        let mut sampler = Sampler { temperature, ..Sampler::new(11) };
        let mut counts = [0_u32; 8];
        for _ in 0..draws {
            counts[sampler.sample(&mut logits.clone()).expect("logits")] += 1;
        }
        let statistic: f64 = std::iter::zip(counts, weights)
            .map(|(count, w)| {
                let expected = f64::from(draws) * w / sum;
                (f64::from(count) - expected).powi(2) / expected
            })
            .sum();
        assert!(statistic < 24.3, "{statistic}: {counts:?}");
    }

    #[test]
    fn a_seed_gives_the_same_tokens() {
        let draw = |seed| {
            let mut sampler = Sampler::new(seed);
            [(); 20].map(|()| sampler.sample(&mut [0.0; 100]).expect("logits"))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let settings = [
            ("temperature", Sampler { temperature: 0.0, ..Sampler::new(1) }),
            ("temperature", Sampler { temperature: f32::NAN, ..Sampler::new(1) }),
            ("temperature", Sampler { temperature: f32::INFINITY, ..Sampler::new(1) }),
            ("top_k", Sampler { top_k: 0, ..Sampler::new(1) }),
            ("top_p", Sampler { top_p: 0.0, ..Sampler::new(1) }),
            ("top_p", Sampler { top_p: f32::NAN, ..Sampler::new(1) }),
            ("top_p", Sampler { top_p: 1.1, ..Sampler::new(1) }),
        ];
        for (wrong, mut sampler) in settings {
            let mut logits = [1.0, 2.0];
            let error = sampler.sample(&mut logits);
            assert!(matches!(error, Err(Error::Setting { name, .. }) if name == wrong), "{wrong}: {error:?}");
            assert_eq!(logits, [1.0, 2.0]);
        }
        for bad in [f32::NAN, f32::INFINITY] {
            let mut logits = [1.0, bad, 2.0];
            let error = Sampler::new(1).sample(&mut logits);
            assert!(matches!(error, Err(Error::NotFinite { row: 0, feature: 1, .. })), "{error:?}");
            assert_eq!((logits[0], logits[2]), (1.0, 2.0));
        }
        assert_eq!(Sampler::new(1).sample(&mut []), Err(Error::Empty));
        assert_eq!(Sampler::new(1).sample(&mut [f32::NEG_INFINITY; 3]), Err(Error::Empty));
    }

    /// The smallest temperature divides a distance into infinity, not NaN.
    #[test]
    fn extreme_numbers() {
        let mut sampler = Sampler { temperature: f32::from_bits(1), ..Sampler::new(1) };
        assert_eq!(sampler.sample(&mut [f32::MIN, f32::MAX, f32::NEG_INFINITY]), Ok(1));
        sampler.temperature = f32::MAX;
        assert!(sampler.sample(&mut [f32::MIN, f32::MAX, f32::NEG_INFINITY]).is_ok_and(|token| token < 2));
    }
}
