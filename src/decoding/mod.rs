//! Picking the next token from the logits of a language model: the most likely one, a random one, or the best sequences.
//!
//! | | takes | memory |
//! |---|---|---|
//! | [`greedy`] | the most likely token | none |
//! | [`Sampler`] | a random token, of the `top_k` most likely, of those that together have the probability `top_p` | a generator |
//! | [`Beam`] | the best sequences | `LEN WIDTH` pairs of numbers |
//!
//! Nothing here runs a network: it is given logits, one row for each sequence, and says which token follows. With the same
//! logits, results are the same on every machine. No function sorts or copies the logits.

mod beam;
mod sampler;

pub use beam::{Beam, Extension, Finished};
pub use sampler::Sampler;

use crate::{Error, Isa};

/// The token with the largest logit, the first if there are several.
///
/// Minus infinity excludes a token. Errors if a logit is NaN or infinity, or if no token is left.
///
/// ```
/// use fusebox::{Error, decoding::greedy};
/// assert_eq!(greedy(&[0.5, 2.0, 2.0, f32::NEG_INFINITY]), Ok(1));
/// assert_eq!(greedy(&[f32::NEG_INFINITY]), Err(Error::Empty));
/// assert!(matches!(greedy(&[0.5, f32::NAN]), Err(Error::NotFinite { feature: 1, .. })));
/// ```
pub fn greedy(logits: &[f32]) -> Result<usize, Error> {
    largest(0, logits)?;
    Ok(crate::argmax(logits))
}

/// The largest logit of row `row`. Errors if one is NaN or infinity, or all are minus infinity.
fn largest(row: usize, logits: &[f32]) -> Result<f32, Error> {
    let mut largest = f32::NEG_INFINITY;
    for (feature, &logit) in logits.iter().enumerate() {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(Error::NotFinite { row, feature, got: logit.classify() });
        }
        largest = largest.max(logit);
    }
    if largest == f32::NEG_INFINITY { Err(Error::Empty) } else { Ok(largest) }
}

/// The instruction set for exponentials: the one whose bits do not depend on whether a processor fuses multiply and add.
const EXACT: Isa = Isa::portable();
