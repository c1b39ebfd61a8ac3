//! all-MiniLM-L6-v2 on a text of 32 tokens, one thread, beside what the machine allows, measured in this one run:
//!
//! ```text
//! cargo bench --bench bert
//! ```
//!
//! ```text
//! floor    flops / (flops a second of multiply-adds on registers alone)
//!          + bytes of the blocks' weights / (bytes a second of reading as many)
//! flops    2 (MACs of the blocks' products for the tokens there are)
//! ```
//!
//! With `--tsv`, milliseconds: the median, and that of the floors. The weights are random numbers: no time depends on
//! them.

mod support {
    pub(crate) mod peak;
    pub(crate) mod timing;
}
#[path = "../examples/bert/src/net.rs"]
mod net;

use fusebox::{Init, Isa, Rng, Scratch, boxed};
use net::{D, MiniLm, T};
use std::hint::black_box;
use support::peak;
use support::timing::{median, rate, seconds};

const TOKENS: usize = 32;
const BLOCKS: usize = 6;

/// Seconds to read all numbers.
fn read(numbers: &[f32]) -> f64 {
    seconds(|| {
        let mut bits = [0; 64];
        for chunk in numbers.as_chunks::<64>().0 {
            bits.iter_mut().zip(chunk).for_each(|(bits, x)| *bits |= x.to_bits());
        }
        black_box(bits);
    })
}

fn main() {
    let isa = Isa::detect();
    let quick = std::env::args().any(|argument| argument == "--test");
    let tsv = std::env::args().any(|argument| argument == "--tsv");
    let rounds = if quick { 1 } else { 41 };

    let mut net = boxed::<MiniLm>();
    net.init(Init::Gpt, &mut Rng::new(1));
    let mut scratch = Scratch::<MiniLm, 1>::boxed();
    let (mut tokens, mut ys) = ([u16::MAX; T], [[0.0; D]]);
    tokens[..TOKENS].iter_mut().enumerate().for_each(|(i, token)| *token = 1000 + i as u16);

    let weights = BLOCKS * 12 * D * D;
    let flops = (2 * (weights * TOKENS + BLOCKS * 2 * TOKENS * TOKENS * D)) as f64;
    let numbers = vec![0.5; weights];
    let (mut times, mut floors) = (vec![], vec![]);
    for _ in 0..rounds {
        floors.push(flops / rate(|| peak::run(isa, 100_000_000)) + read(&numbers));
        times.push(seconds(|| {
            net.infer_with(isa, &[tokens], &mut scratch, &mut ys).expect("tokens in the vocabulary")
        }));
    }
    let (time, floor) = (1e3 * median(times), 1e3 * median(floors));
    if tsv {
        println!("{time}\t{floor}");
    } else {
        println!(
            "{isa}: {:.1} Mflop, {time:.2} ms, floor {floor:.2} ms, {:.1} %",
            1e-6 * flops,
            100.0 * floor / time
        );
    }
}
