//! A text's vector: the tokenizer, then the network.

use crate::Failure;
use crate::load::load;
use crate::net::{D, MiniLm, T};
use fusebox::{Scratch, boxed};
use std::path::Path;
use std::time::{Duration, Instant};
use tokenizers::{Tokenizer, TruncationParams};

/// Positions that all-MiniLM-L6-v2 has weights for.
const POSITIONS: usize = 512;

/// A text as the network takes it.
pub(crate) struct Tokens {
    /// With those that begin and end every text; `u16::MAX` after them.
    pub(crate) ids: [u16; T],
    /// How many of `ids` are tokens.
    pub(crate) count: usize,
    /// Whether the text was longer than `T` tokens, and its end was left out.
    pub(crate) is_cut: bool,
}

impl Tokens {
    /// Of a tokenizer that is [`cutting`]. An error for a text in which it finds nothing.
    pub(crate) fn of(tokenizer: &Tokenizer, text: &str) -> Result<Self, Failure> {
        let encoding = tokenizer.encode(text, true)?;
        let mut ids = [u16::MAX; T];
        for (to, &id) in ids.iter_mut().zip(encoding.get_ids()) {
            // `u16::MAX` is no token.
            let id = u16::try_from(id).ok().filter(|&id| id != u16::MAX);
            *to = id.ok_or_else(|| format!("the tokenizer has more tokens than the network, in {text:?}"))?;
        }
        if encoding.get_special_tokens_mask().iter().all(|&special| special == 1) {
            return Err(format!("there is no word in {text:?}").into());
        }
        Ok(Self { ids, count: encoding.len(), is_cut: !encoding.get_overflowing().is_empty() })
    }
}

/// A tokenizer that cuts at `T` tokens and does not pad: the file's own settings are of another length.
pub(crate) fn cutting(mut tokenizer: Tokenizer) -> Result<Tokenizer, Failure> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams { max_length: T, ..Default::default() }))?;
    Ok(tokenizer)
}

pub(crate) struct Encoder {
    tokenizer: Tokenizer,
    net: Box<MiniLm>,
    scratch: Box<Scratch<MiniLm, 1>>,
}

impl Encoder {
    /// Reads `model.safetensors` and `tokenizer.json` of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let hint = |path: &Path, error: &dyn std::fmt::Display| {
            format!("{}: {error}\n(examples/bert/fetch.py downloads the model)", path.display())
        };
        let path = folder.join("model.safetensors");
        let file = std::fs::read(&path).map_err(|error| hint(&path, &error))?;
        let mut net = boxed::<MiniLm>();
        load(&file, POSITIONS, &mut net).map_err(|error| hint(&path, &error))?;
        let path = folder.join("tokenizer.json");
        let tokenizer = Tokenizer::from_file(&path).map_err(|error| hint(&path, &error))?;
        Ok(Self { tokenizer: cutting(tokenizer)?, net, scratch: Scratch::boxed() })
    }

    pub(crate) fn tokens(&self, text: &str) -> Result<Tokens, Failure> {
        Tokens::of(&self.tokenizer, text)
    }

    /// A vector of length 1, and the time that the network took.
    pub(crate) fn encode(&mut self, tokens: &Tokens) -> Result<([f32; D], Duration), fusebox::Error> {
        let mut ys = [[0.0; D]];
        let start = Instant::now();
        self.net.infer(&[tokens.ids], &mut self.scratch, &mut ys)?;
        Ok((ys[0], start.elapsed()))
    }
}
