//! What `main.c` does, in Rust: losses, accuracy and weights must have the same bits.

use fusebox::{Rng, Scratch, Workspace, Zeroed, argmax};

#[path = "../network.rs"]
#[expect(dead_code, reason = "the library uses all of it")]
mod network;

use network::{BATCH, INIT, LOSS, Loss, Net, Rule, SEED, rule};

const EPOCHS: u8 = 5;
const ROWS: usize = 1797;

fn main() -> Result<(), fusebox::Error> {
    // A row is 64 pixels of 0..=16 and the label.
    let (digits, _) = include_bytes!("../../../data/digits.bin").as_chunks::<65>();
    let pixels = |row: usize| core::array::from_fn(|i| f32::from(digits[row][i]) / 16.0);
    // Every fifth row is held out; the others follow one another in steps of 1009, which has no divisor in common with 1797.
    let (held_out, training): (Vec<_>, Vec<_>) =
        (0..ROWS).map(|i| i * 1009 % ROWS).partition(|row| row % 5 == 4);

    let mut net = Net::ZEROED;
    net.init(INIT, &mut Rng::new(SEED));
    let mut workspace = Workspace::<Net, BATCH, Rule, Loss>::with_loss(LOSS);
    for epoch in 0..EPOCHS {
        let rate = 0.5 * f32::from(EPOCHS - epoch) / f32::from(EPOCHS);
        let mut loss = 0.0;
        for batch in training.chunks(BATCH) {
            let xs: Vec<_> = batch.iter().map(|&row| pixels(row)).collect();
            let labels: Vec<_> = batch.iter().map(|&row| digits[row][64]).collect();
            loss = workspace.train_step(&mut net, &xs, &labels, &rule(rate))?;
        }
        println!("epoch {}: loss of the last batch {:08x}", epoch + 1, loss.to_bits());
    }

    let mut scratch = Scratch::<Net, 1>::new();
    let mut right = 0;
    for &row in &held_out {
        let mut logits = [[0.0; 10]];
        net.infer(&[pixels(row)], &mut scratch, &mut logits)?;
        right += usize::from(argmax(&logits[0]) == usize::from(digits[row][64]));
    }
    println!("{right} of {} held-out digits read", held_out.len());

    let fnv = |hash: u32, &byte: &u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    println!("FNV-1a of all weights {:08x}", net.as_bytes().iter().fold(0x811c_9dc5, fnv));
    Ok(())
}
