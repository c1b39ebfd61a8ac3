//! The choice of the next token.

use crate::{any, hide, keep};
use fusebox::decoding::{Beam, Sampler, greedy};

/// Calls them all.
pub fn all() {
    let mut logits = hide(any::<[f32; 5]>());
    keep(greedy(hide(&logits[..])));
    let mut sampler = hide(Sampler::new(any()));
    (sampler.temperature, sampler.top_k, sampler.top_p) = (any(), any(), any());
    keep(hide(sampler.clone()).sample(hide(&mut logits[..])));
    beam::<1, 1>();
    beam::<3, 4>();
}

fn beam<const WIDTH: usize, const LEN: usize>() {
    let Ok(mut beam) = hide(Beam::<WIDTH, LEN>::new(hide(Some(any())), any())) else { return };
    let rows = any::<[[f32; 5]; 3]>();
    keep(hide(&mut beam).advance(hide(&rows[..])).map(|live| live.iter().map(|live| keep(*live)).count()));
    keep((hide(&beam).live().len(), hide(&beam).finished().len(), hide(&beam).is_done()));
    let mut tokens = any::<[usize; 4]>();
    keep(hide(&beam).tokens(any(), hide(&mut tokens[..])));
    keep(hide(&beam).live_tokens(any(), hide(&mut tokens[..])));
    hide(&mut beam).restart();
}
