//! A text as numbers of characters.

use crate::T;
use flate2::read::GzDecoder;
use fusebox::Rng;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The characters there are. Others in a text are left out.
pub(crate) const ALPHABET: &str = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(crate) fn encode(text: &str) -> Vec<u8> {
    text.chars().filter_map(|c| ALPHABET.find(c)).map(|i| i as u8).collect()
}

pub(crate) fn decode(tokens: &[u8]) -> String {
    tokens.iter().filter_map(|&token| ALPHABET.chars().nth(usize::from(token))).collect()
}

/// A sequence, and the character after each of its characters.
pub(crate) type Window = ([u8; T], [u8; T]);

pub(crate) struct Text {
    training: Vec<u8>,
    held_out: Vec<u8>,
}

impl Text {
    /// Of a file, or Shakespeare. The last tenth is held out.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/shakespeare.txt.gz");
        let hint = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let text = match path {
            Some(path) => std::fs::read_to_string(path).map_err(|error| hint(path, error))?,
            None => {
                let (path, mut text) = (Path::new(own), String::new());
                let file = File::open(path).map_err(|error| hint(path, error))?;
                GzDecoder::new(file).read_to_string(&mut text).map_err(|error| hint(path, error))?;
                text
            }
        };
        let mut training = encode(&text);
        let held_out = training.split_off(training.len() / 10 * 9);
        match training.len().min(held_out.len()) {
            0..=T => Err(format!("a text needs more than {} characters", 10 * (T + 1)).into()),
            _ => Ok(Self { training, held_out }),
        }
    }

    /// From anywhere in the text that trains.
    pub(crate) fn window(&self, rng: &mut Rng) -> Window {
        let start = rng.below((self.training.len() - T) as u32) as usize;
        window_at(&self.training, start)
    }

    /// The held-out text in windows, one after the other.
    pub(crate) fn held_out(&self) -> (Vec<[u8; T]>, Vec<[u8; T]>) {
        (0..self.held_out.len() - T).step_by(T).map(|start| window_at(&self.held_out, start)).unzip()
    }

    /// Bits a character, if each is predicted by how often it occurs in the text that trains.
    pub(crate) fn entropy(&self) -> f64 {
        let mut counts = [1.0_f64; ALPHABET.len()];
        self.training.iter().for_each(|&c| counts[usize::from(c)] += 1.0);
        let total: f64 = counts.iter().sum();
        let bits = |&c: &u8| -(counts[usize::from(c)] / total).log2();
        self.held_out.iter().map(bits).sum::<f64>() / self.held_out.len() as f64
    }
}

fn window_at(text: &[u8], start: usize) -> Window {
    let at = |first: usize| std::array::from_fn(|i| text[first + i]);
    (at(start), at(start + 1))
}
