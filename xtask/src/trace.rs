//! QEMU's log of what it executes, one block after another (`-d in_asm,exec,nochain`).
//!
//! ```text
//! IN: main                                               a block, when QEMU first meets it
//! 0x00000750:  b580       push     {r7, lr}
//! 0x00000752:  e7fe       b        #0x752
//!
//! Trace 0: 0x7f40 [00800400/00000750/00000110/ff0] main   a block runs: QEMU's number for it, and its address
//! Stopped execution of TB chain before 0x7f40 [00000750]  it did not run after all
//! ```
//!
//! A block runs from its first instruction to its last. So the instructions executed are known one by one, and from the
//! next block's address whether a branch was taken.

use anyhow::{Context, Result, bail};
use rustc_demangle::demangle;
use std::collections::HashMap;
use std::io::BufRead;

/// An instruction, as QEMU's disassembler writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) address: u64,
    pub(crate) bytes: u64,
    pub(crate) mnemonic: String,
    pub(crate) operands: String,
}

/// Instructions that QEMU translates, and so executes, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// The function's name as in the source.
    pub(crate) function: String,
    pub(crate) instructions: Vec<Instruction>,
}

impl Block {
    fn start(&self) -> Option<u64> {
        self.instructions.first().map(|first| first.address)
    }

    /// The address behind it.
    fn end(&self) -> Option<u64> {
        self.instructions.last().map(|last| last.address + last.bytes)
    }
}

/// One way of executing a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Visit {
    pub(crate) block: usize,
    /// The block executed before it.
    pub(crate) before: Option<usize>,
    /// Whether it ended by a branch that was taken.
    pub(crate) branched: bool,
}

/// How often blocks were executed between two marks.
pub(crate) type Visits = HashMap<Visit, u64>;

/// What a log says.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) blocks: Vec<Block>,
    /// What was executed between the first mark and the second, the third and the fourth, and so on; the marks themselves
    /// are left out.
    pub(crate) spans: Vec<Visits>,
}

/// The state of reading: a block counts when the next one is seen.
#[derive(Default)]
struct Reader {
    trace: Trace,
    /// A block that is being listed.
    listed: Option<Block>,
    /// Blocks by QEMU's number, which may come to mean another.
    numbers: HashMap<String, usize>,
    before: Option<usize>,
    running: Option<usize>,
    /// Where the marks' function is.
    mark: u64,
    marked: bool,
}

impl Trace {
    /// Reads a log, in which a call of the function at `mark` is a mark.
    pub(crate) fn read(mut log: impl BufRead, mark: u64) -> Result<Self> {
        let mut reader = Reader { mark, ..Reader::default() };
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line)? != 0 {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            reader.line(text).with_context(|| format!("cannot read the line `{text}` of QEMU's log"))?;
            line.clear();
        }
        if reader.marked {
            bail!("the log ends between two marks");
        }
        Ok(reader.trace)
    }
}

impl Reader {
    fn line(&mut self, text: &str) -> Result<()> {
        if let Some(rest) = text.strip_prefix("Trace ") {
            let mut words = rest.split(' ').skip(1);
            let (number, place) = (words.next().context("no number")?, words.next().context("no address")?);
            self.run(number, place)
        } else if text.starts_with("Stopped execution") {
            self.running = None;
            Ok(())
        } else if let Some(symbol) = text.strip_prefix("IN:") {
            let function = format!("{:#}", demangle(symbol.trim()));
            self.listed = Some(Block { function, ..Block::default() });
            Ok(())
        } else if text.starts_with("OBJD") {
            bail!("this QEMU has no disassembler")
        } else if text.starts_with("0x") {
            let block = self.listed.as_mut().context("an instruction outside a block")?;
            block.instructions.push(instruction(text).context("no instruction")?);
            Ok(())
        } else {
            // Lines that divide, and what the machine has to say of its devices.
            Ok(())
        }
    }

    /// A block starts to run; `place` is `[data/address/flags/flags]`.
    fn run(&mut self, number: &str, place: &str) -> Result<()> {
        let address = place.split('/').nth(1).context("no address")?;
        let address = u64::from_str_radix(address, 16)?;
        // What was just listed is what runs now.
        if let Some(block) = self.listed.take() {
            self.numbers.insert(number.into(), self.trace.blocks.len());
            self.trace.blocks.push(block);
        }
        self.count(address);
        let block = *self.numbers.get(number).context("a block that was never listed")?;
        if self.trace.blocks[block].start() != Some(address) {
            bail!("the block was listed elsewhere");
        }
        self.running = Some(block);
        Ok(())
    }

    /// Counts the block that ran until now, `next` being the address of what runs then.
    fn count(&mut self, next: u64) {
        let Some(block) = self.running.take() else { return };
        if self.trace.blocks[block].start() == Some(self.mark) {
            self.marked = !self.marked;
            if self.marked {
                self.trace.spans.push(Visits::new());
            }
        } else if self.marked
            && let Some(visits) = self.trace.spans.last_mut()
        {
            let branched = self.trace.blocks[block].end() != Some(next);
            *visits.entry(Visit { block, before: self.before, branched }).or_default() += 1;
        }
        self.before = Some(block);
    }
}

/// `0x00000750:  f8d3 2004  ldr.w    r2, [r3, #4]`: address, bytes, mnemonic, operands.
fn instruction(text: &str) -> Option<Instruction> {
    let (address, rest) = text.strip_prefix("0x")?.split_once(':')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let (digits, mut rest) = word(rest);
    let mut bytes = digits.len() as u64 / 2;
    // Thumb's long instructions are two halfwords, apart.
    if digits.len() == 4 && u16::from_str_radix(digits, 16).ok()? >= 0xe800 {
        let (second, after) = word(rest);
        bytes += second.len() as u64 / 2;
        rest = after;
    }
    let (mnemonic, operands) = word(rest);
    Some(Instruction { address, bytes, mnemonic: mnemonic.into(), operands: operands.trim().into() })
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once([' ', '\t']).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
----------------
IN: _ZN5board4mark17h0123456789abcdefE
0x00000100:  4770       bx       lr

Trace 0: 0x7f00 [00800400/00000100/00000110/ff] mark
----------------
IN: main
0x00000200:  3801       subs     r0, #1
0x00000202:  f8d3 2004  ldr.w    r2, [r3, #4]
0x00000206:  d1fb       bne      #0x200

Trace 0: 0x7f80 [00800400/00000200/00000110/ff] main
Trace 0: 0x7f80 [00800400/00000200/00000110/ff] main
Trace 0: 0x7f80 [00800400/00000200/00000110/ff] main
Stopped execution of TB chain before 0x7f80 [00000200] main
Trace 0: 0x7f80 [00800400/00000200/00000110/ff] main
----------------
IN: main
0x00000208:  f7ff ff7a  bl       #0x100

Trace 0: 0x7fc0 [00800400/00000208/00000110/ff] main
Trace 0: 0x7f00 [00800400/00000100/00000110/ff] mark
Trace 0: 0x7f80 [00800400/00000200/00000110/ff] main
";

    #[test]
    fn a_loop_between_marks() {
        let trace = Trace::read(LOG.as_bytes(), 0x100).unwrap();
        assert_eq!(trace.blocks[0].function, "board::mark");
        let long = Instruction {
            address: 0x202,
            bytes: 4,
            mnemonic: "ldr.w".into(),
            operands: "r2, [r3, #4]".into(),
        };
        assert_eq!(trace.blocks[1].instructions[1], long);
        let visits = [
            (Visit { block: 1, before: Some(0), branched: true }, 1),
            (Visit { block: 1, before: Some(1), branched: true }, 1),
            (Visit { block: 1, before: Some(1), branched: false }, 1),
            (Visit { block: 2, before: Some(1), branched: true }, 1),
        ];
        assert_eq!(trace.spans, [Visits::from(visits)]);
    }

    #[test]
    fn a_mark_without_its_other() {
        let log = &LOG[..LOG.find("Trace 0: 0x7fc0").unwrap()];
        assert!(Trace::read(log.as_bytes(), 0x100).is_err());
    }

    #[test]
    fn risc_v() {
        let text = "0x80000004:  02c58593          addi                    a1,a1,44";
        let expected = Instruction {
            address: 0x8000_0004,
            bytes: 4,
            mnemonic: "addi".into(),
            operands: "a1,a1,44".into(),
        };
        assert_eq!(instruction(text), Some(expected));
    }
}
