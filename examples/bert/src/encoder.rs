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
        let mut tokenizer = Tokenizer::from_file(&path).map_err(|error| hint(&path, &error))?;
        // The file's own settings cut and pad to another length.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(TruncationParams { max_length: T, ..Default::default() }))?;
        Ok(Self { tokenizer, net, scratch: Scratch::boxed() })
    }

    /// An error for a text in which the tokenizer finds nothing.
    pub(crate) fn tokens(&self, text: &str) -> Result<Tokens, Failure> {
        let encoding = self.tokenizer.encode(text, true)?;
        let mut ids = [u16::MAX; T];
        for (to, &id) in ids.iter_mut().zip(encoding.get_ids()) {
            *to = u16::try_from(id)?;
        }
        if encoding.get_special_tokens_mask().iter().all(|&special| special == 1) {
            return Err(format!("there is no word in {text:?}").into());
        }
        Ok(Tokens { ids, count: encoding.len(), is_cut: !encoding.get_overflowing().is_empty() })
    }

    /// A vector of length 1, and the time that the network took.
    pub(crate) fn encode(&mut self, tokens: &Tokens) -> Result<([f32; D], Duration), fusebox::Error> {
        let mut ys = [[0.0; D]];
        let start = Instant::now();
        self.net.infer(&[tokens.ids], &mut self.scratch, &mut ys)?;
        Ok((ys[0], start.elapsed()))
    }
}
