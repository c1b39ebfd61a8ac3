//! Characters to be restored: 15 % of a text, of which 80 % are masked, 10 % replaced, 10 % left.
//!
//! Source: J. Devlin and others, "BERT: Pre-training of Deep Bidirectional Transformers", 2019, section 3.1.

use crate::T;
use crate::text::ALPHABET;
use fusebox::Rng;

/// The token that stands for a masked character.
pub(crate) const MASK: u8 = ALPHABET.len() as u8;

/// What the network is shown, and the characters it is to restore.
#[derive(Clone, Copy)]
pub(crate) struct Masked {
    pub(crate) shown: [u8; T],
    pub(crate) hidden: [Option<u8>; T],
}

pub(crate) fn mask(text: &[u8; T], rng: &mut Rng) -> Masked {
    let mut masked = Masked { shown: *text, hidden: [None; T] };
    for ((shown, hidden), &c) in masked.shown.iter_mut().zip(&mut masked.hidden).zip(text) {
        if rng.below(100) < 15 {
            *hidden = Some(c);
            *shown = match rng.below(10) {
                0 => c,
                1 => rng.below(MASK.into()) as u8,
                _ => MASK,
            };
        }
    }
    masked
}
