//! Bits, hashed and printed.

use crate::board::Board;

/// The hash FNV-1a, of 64 bits, by G. Fowler, L. C. Noll and K.-P. Vo: RFC 9923.
#[derive(Clone, Copy)]
pub(crate) struct Fnv1a(u64);

impl Fnv1a {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) const fn finish(self) -> u64 {
        self.0
    }

    /// Of some bytes alone.
    pub(crate) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.add(bytes);
        hash.finish()
    }
}

/// Prints parameters in hexadecimal, sixteen in a line.
pub(crate) fn print_words<B: Board>(board: &mut B, bytes: &[u8]) {
    let (words, _) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let end = if number % 16 == 15 || number + 1 == words.len() { "\n" } else { "" };
        board.print(format_args!("{:08x}{end}", u32::from_le_bytes(*word)));
    }
}

/// Prints the outputs of a recipe, a row in a line.
pub(crate) fn print_logits<B: Board, const N: usize>(board: &mut B, recipe: &str, rows: &[[f32; N]]) {
    for (number, logits) in rows.iter().enumerate() {
        board.print(format_args!("{recipe} logits {number}"));
        for logit in logits {
            board.print(format_args!(" {:08x}", logit.to_bits()));
        }
        board.print(format_args!("\n"));
    }
}
