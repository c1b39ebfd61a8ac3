//! Ranks sentences by how close their meaning is to a query's, with the weights of all-MiniLM-L6-v2.
//!
//! ```text
//! python3 examples/bert/fetch.py                                  # once: downloads the model, 83 MB
//! cd examples/bert
//! cargo run --release                                             # a query and sentences of its own
//! cargo run --release -- --query "a pet" "A cat sleeps." "It rains."
//! cargo run --release -- --query TEXT --file FILE                 # a sentence on each line
//! cargo run --release -- --model FOLDER                           # model.safetensors and tokenizer.json
//! ```
//!
//! A text longer than 256 tokens is cut there, as the model's authors do, and the table marks it; one without a word is
//! an error. First the vectors of a few sentences are compared with PyTorch's (`reference.py`): a difference above 1e-5
//! is an error.

use comfy_table::{CellAlignment, Table, presets};
use encoder::Encoder;
use fusebox::Isa;
use std::path::PathBuf;

/// What the program ends with if it fails.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

mod encoder;
mod kept;
mod load;
mod net;
#[cfg(test)]
mod tests;

const QUERY: &str = "How can I make my program use less memory?";
const SENTENCES: [&str; 20] = [
    "Reuse buffers instead of allocating new ones.",
    "The heap grows because nothing is ever freed.",
    "Store each number in one byte rather than four.",
    "A profiler shows which function takes the most time.",
    "Our app needs too much RAM on old phones.",
    "Memories of my childhood are fading.",
    "The elephant never forgets.",
    "She bought a larger flat with more space for books.",
    "Compilers translate source code to machine code.",
    "Vectors of four numbers are added in one instruction.",
    "Bake the bread for forty minutes.",
    "Add salt to the water before the pasta.",
    "The train to Hamburg is ten minutes late.",
    "He missed his flight because of the traffic.",
    "A cat sleeps on the warm windowsill.",
    "The dog chased a squirrel up the tree.",
    "It will rain in the mountains tomorrow.",
    "Interest rates rose for the third time this year.",
    "The home team scored in the last minute.",
    "A good night's sleep helps to remember what was learnt.",
];
/// The largest difference from PyTorch's vectors that is accepted.
const ACCEPTED: f32 = 1e-5;

struct Arguments {
    model: PathBuf,
    query: String,
    sentences: Vec<String>,
}

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        let mut given = pico_args::Arguments::from_env();
        let model = given.opt_value_from_str("--model")?;
        let query: Option<String> = given.opt_value_from_str("--query")?;
        let file: Option<PathBuf> = given.opt_value_from_str("--file")?;
        let mut sentences = Vec::new();
        if let Some(path) = file {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            sentences.extend(text.lines().filter(|line| !line.trim().is_empty()).map(String::from));
            if sentences.is_empty() {
                return Err(format!("{}: there is no sentence in it", path.display()).into());
            }
        }
        for argument in given.finish() {
            let sentence = argument.into_string().map_err(|argument| format!("{argument:?} is not UTF-8"))?;
            if sentence.starts_with("--") {
                return Err("usage: bert [--query TEXT] [--file FILE] [--model FOLDER] [SENTENCE..]".into());
            }
            sentences.push(sentence);
        }
        if sentences.is_empty() {
            sentences.extend(SENTENCES.map(String::from));
        }
        Ok(Self {
            model: model.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/model").into()),
            query: query.unwrap_or_else(|| QUERY.into()),
            sentences,
        })
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let mut encoder = Encoder::read(&arguments.model)?;
    let difference = kept::largest_difference(&mut encoder)?;
    println!("largest difference from PyTorch's vectors: {difference:.1e}, on {}\n", Isa::detect());
    if difference.is_nan() || difference > ACCEPTED {
        return Err(format!("the difference is above {ACCEPTED:.0e}").into());
    }
    println!("{}\n{}", arguments.query, rank(&mut encoder, &arguments.query, &arguments.sentences)?);
    Ok(())
}

/// The sentences, the closest first.
fn rank(encoder: &mut Encoder, query: &str, sentences: &[String]) -> Result<Table, Failure> {
    let query = encoder.tokens(query)?;
    let (query, _) = encoder.encode(&query)?;
    let mut rows = Vec::new();
    for sentence in sentences {
        let tokens = encoder.tokens(sentence)?;
        let (vector, time) = encoder.encode(&tokens)?;
        // Of vectors of length 1: the cosine of their angle.
        let similarity: f32 = query.iter().zip(&vector).map(|(x, y)| x * y).sum();
        rows.push((similarity, tokens, time, sentence));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["similarity", "tokens", "ms", "sentence"]);
    for (similarity, tokens, time, sentence) in rows {
        let cut = if tokens.is_cut { ", cut" } else { "" };
        table.add_row([
            format!("{similarity:.3}"),
            format!("{}{cut}", tokens.count),
            format!("{:.1}", 1e3 * time.as_secs_f64()),
            shortened(sentence),
        ]);
    }
    for column in table.column_iter_mut().take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(table)
}

/// The first characters of a long sentence.
fn shortened(sentence: &str) -> String {
    const MOST: usize = 80;
    match sentence.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", &sentence[..end]),
        None => sentence.into(),
    }
}
