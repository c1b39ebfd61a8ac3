//! PyTorch's vectors of a few sentences, which `reference.py` wrote.

use crate::Failure;
use crate::encoder::Encoder;
use serde_json::Value;

/// The largest difference from PyTorch's vectors in any number; an error if the tokens differ.
pub(crate) fn largest_difference(encoder: &mut Encoder) -> Result<f32, Failure> {
    let kept: Vec<Value> = serde_json::from_str(include_str!("../reference.json"))?;
    let mut largest = 0.0;
    for kept in &kept {
        let sentence = kept["sentence"].as_str().ok_or("reference.json has no sentence")?;
        let (expected, ids): (Vec<f32>, Vec<u16>) = (
            serde_json::from_value(kept["vector"].clone())?,
            serde_json::from_value(kept["tokens"].clone())?,
        );
        let tokens = encoder.tokens(sentence)?;
        if tokens.ids[..tokens.count] != ids {
            return Err(format!("other tokens than PyTorch was given: {sentence:?}").into());
        }
        let (got, _) = encoder.encode(&tokens)?;
        if got.len() != expected.len() {
            return Err(format!("{} numbers, not {}", expected.len(), got.len()).into());
        }
        for (got, expected) in got.iter().zip(&expected) {
            let difference = (got - expected).abs();
            // NaN stays.
            if difference.is_nan() || difference > largest {
                largest = difference;
            }
        }
    }
    Ok(largest)
}
