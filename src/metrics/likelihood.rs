//! How likely a model finds a text: perplexity and bits per token or character.
//!
//! ```text
//! L           = sum over the tokens of -ln p(token)
//! perplexity  = exp(L / tokens)
//! bits        = L / ln 2 / tokens, or / characters
//! ```
//!
//! Source: F. Jelinek and others, "Perplexity: a Measure of the Difficulty of Speech Recognition Tasks", 1977.

use crate::{Error, Label};

/// The likelihood of the tokens that were predicted, in sixteen bytes: how many there were, and the sum of their `-ln p`.
///
/// Lower is better. A model that finds all of n tokens equally likely has a perplexity of n and log2(n) bits per token.
///
/// ```
/// use fusebox::Likelihood;
/// let mut text = Likelihood::new(); // const: can be a static
/// // The mean cross-entropy of 40 tokens, as training and validation return it.
/// text.add(4_f32.ln(), 40)?;
/// assert_eq!((text.tokens(), text.perplexity(), text.bits_per_token()), (40, Some(4.0), Some(2.0)));
/// // The tokens were written in 100 characters.
/// assert_eq!(text.bits_per(100), Some(0.8));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    tokens: u64,
    /// Sum of -ln p.
    nats: f64,
}

impl Likelihood {
    /// No tokens yet.
    pub const fn new() -> Self {
        Self { tokens: 0, nats: 0.0 }
    }

    /// Adds one prediction: the logits, and the token that came. Errors, with nothing added, if a logit is NaN or infinite, or
    /// there is no logit for the token.
    ///
    /// ```
    /// use fusebox::{Error, Likelihood};
    /// let mut text = Likelihood::new();
    /// text.observe(&[0.0, 0.0, 0.0, 0.0], 3_u8)?;
    /// assert_eq!(text.perplexity(), Some(4.0));
    /// assert_eq!(text.observe(&[0.0; 4], 4_u8), Err(Error::Label { classes: 4, got: 4, row: 0 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn observe(&mut self, logits: &[f32], token: impl Label) -> Result<(), Error> {
        super::check_finite(logits)?;
        let (got, classes) = (token.class(), logits.len());
        let Some(&logit) = logits.get(got) else { return Err(Error::Label { classes, got, row: 0 }) };
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let distance = |logit: f32| f64::from(logit) - f64::from(largest);
        let sum: f64 = logits.iter().map(|&logit| libm::exp(distance(logit))).sum();
        self.nats += libm::log(sum) - distance(logit);
        self.tokens = self.tokens.saturating_add(1); // not full in a thousand years
        Ok(())
    }

    /// Adds `tokens` predictions by their mean cross-entropy, in nats. Errors, with nothing added, if the mean is NaN or
    /// infinite.
    pub fn add(&mut self, mean: f32, tokens: u64) -> Result<(), Error> {
        super::check_finite(&[mean])?;
        self.nats += f64::from(mean) * tokens as f64;
        self.tokens = self.tokens.saturating_add(tokens);
        Ok(())
    }

    /// The number of tokens.
    pub const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The mean of `-ln p`, the cross-entropy; `None` before the first token.
    ///
    /// ```
    /// let mut text = fusebox::Likelihood::new();
    /// assert_eq!(text.cross_entropy(), None);
    /// text.add(1.0, 1)?;
    /// text.add(2.0, 3)?;
    /// assert_eq!(text.cross_entropy(), Some(1.75));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn cross_entropy(&self) -> Option<f32> {
        self.mean().map(|mean| mean as f32)
    }

    /// e to the mean of `-ln p`: among how many equally likely tokens the model seems to choose. `None` before the first
    /// token.
    pub fn perplexity(&self) -> Option<f32> {
        self.mean().map(|mean| libm::exp(mean) as f32)
    }

    /// The mean of `-log2 p`; `None` before the first token.
    pub fn bits_per_token(&self) -> Option<f32> {
        self.bits_per(self.tokens)
    }

    /// The sum of `-log2 p` divided by `units`: characters or bytes of the text, so that models with different tokens can be
    /// compared. `None` if there are none.
    pub fn bits_per(&self, units: u64) -> Option<f32> {
        (units > 0).then(|| (self.nats * core::f64::consts::LOG2_E / units as f64) as f32)
    }

    fn mean(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.nats / self.tokens as f64)
    }
}

impl Default for Likelihood {
    fn default() -> Self {
        Self::new()
    }
}
