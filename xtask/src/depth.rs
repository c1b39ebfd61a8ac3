//! Which functions make the stack as deep as it is: QEMU's log, with the registers before every block
//! (`-d exec,cpu,nochain`).
//!
//! ```text
//! Trace 0: 0x7f40 [00800400/00000750/00000110/ff0] run    a block of `run` starts
//! R12=00000000 R13=20000fe0 R14=00000751 R15=00000750     with the stack pointer there
//! ```
//!
//! What is seen is the stack pointer where a block starts, so a function of a single block hides its own frame. How deep the
//! stack goes in all is told by painting it.

use anyhow::{Context, Result};
use rustc_demangle::demangle;
use std::io::BufRead;

/// A function that waits for another, or is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: String,
    /// Bytes between the stack pointer at its entry and at the entry of the next.
    pub(crate) bytes: u64,
}

/// A function and the stack pointer at its entry.
type Entry = (String, u64);

/// The state of reading.
#[derive(Default)]
struct Reader {
    function: String,
    /// The functions that have not returned.
    chain: Vec<Entry>,
    /// For each call of the root, the deepest stack pointer in what it called, and the functions then.
    deepest: Vec<(u64, Vec<Entry>)>,
}

/// Of each call of the function `root`, the chain of functions that goes deepest.
pub(crate) fn deepest(mut log: impl BufRead, root: &str) -> Result<Vec<Vec<Frame>>> {
    let mut reader = Reader::default();
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? != 0 {
        let text = String::from_utf8_lossy(&line);
        if text.starts_with("Trace ") {
            reader.function =
                format!("{:#}", demangle(text.trim_end().rsplit(' ').next().unwrap_or_default()));
        } else if let Some(pointer) = stack_pointer(&text) {
            let pointer =
                u64::from_str_radix(pointer, 16).with_context(|| format!("cannot read `{text}`"))?;
            reader.step(pointer, root);
        }
        line.clear();
    }
    Ok(reader.deepest.into_iter().map(|(pointer, chain)| frames(pointer, chain)).collect())
}

/// Bytes between the highest and the lowest place of the stack pointer, from `-d cpu`.
pub(crate) fn between_ends(mut log: impl BufRead) -> Result<u64> {
    let (mut least, mut most) = (u64::MAX, 0);
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? != 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some(pointer) = stack_pointer(&text) {
            let pointer =
                u64::from_str_radix(pointer, 16).with_context(|| format!("cannot read `{text}`"))?;
            (least, most) = (least.min(pointer), most.max(pointer));
        }
        line.clear();
    }
    most.checked_sub(least).context("no stack pointer in the log")
}

/// The stack pointer's digits, on Arm or RISC-V.
fn stack_pointer(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("R13=").or_else(|| line.split_once("x2/sp"))?;
    after.split_whitespace().next()
}

impl Reader {
    fn step(&mut self, pointer: u64, root: &str) {
        // What was entered with less stack has returned.
        while self.chain.last().is_some_and(|&(_, entry)| entry < pointer) {
            self.chain.pop();
        }
        match self.chain.iter().rposition(|(function, _)| *function == self.function) {
            // No function here calls itself: who runs again has been returned to.
            Some(place) => self.chain.truncate(place + 1),
            None => {
                self.chain.push((self.function.clone(), pointer));
                if self.function == root {
                    self.deepest.push((u64::MAX, Vec::new()));
                }
            }
        }
        let Some(below) = self.chain.iter().position(|(function, _)| function == root) else { return };
        let chain = &self.chain[below + 1..];
        if let Some((least, deepest)) = self.deepest.last_mut()
            && !chain.is_empty()
            && pointer < *least
        {
            (*least, *deepest) = (pointer, chain.to_vec());
        }
    }
}

fn frames(pointer: u64, chain: Vec<Entry>) -> Vec<Frame> {
    let next: Vec<u64> = chain.iter().skip(1).map(|&(_, entry)| entry).chain([pointer]).collect();
    let frames = chain.into_iter().zip(next);
    frames.map(|((function, entry), next)| Frame { function, bytes: entry - next }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_and_lowest() {
        let log = "R13=20000400 R14=0\nPSR=0\nR13=200003f0 R14=0\nR13=200003f8 R14=0\n";
        assert_eq!(between_ends(log.as_bytes()).unwrap(), 16);
        assert!(between_ends("PSR=0\n".as_bytes()).is_err());
    }

    #[test]
    fn calls_and_returns() {
        let steps = [
            ("main", 1000), // before the root
            ("root", 900),
            ("root", 880),
            ("a", 880),
            ("a", 800),
            ("b", 800),
            ("b", 780),
            ("a", 800), // b has returned
            ("c", 800),
            ("c", 700),
            ("d", 700), // without a frame
            ("root", 880),
            ("main", 1000),
            ("root", 900), // once more
            ("a", 890),
            ("root", 890),
        ];
        let log: String = steps
            .map(|(function, pointer)| format!("Trace 0: 0x1 [0/0/0/0] {function}\nR13={pointer:x} R14=0\n"))
            .concat();
        let frame = |function: &str, bytes| Frame { function: function.into(), bytes };
        assert_eq!(
            deepest(log.as_bytes(), "root").unwrap(),
            [vec![frame("a", 80), frame("c", 100)], vec![frame("a", 0)]]
        );
    }
}
