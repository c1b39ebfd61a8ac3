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
//!
//! The disassembler (capstone, which Debian's QEMU has) knows nothing of Helium or of low-overhead loops, and takes their
//! halfwords one by one. In Thumb a first halfword tells how long its instruction is, so they are joined again.

use anyhow::{Context, Result, bail, ensure};
use rustc_demangle::demangle;
use std::collections::HashMap;
use std::io::BufRead;

/// An instruction, as QEMU's disassembler writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) address: u64,
    pub(crate) bytes: u64,
    /// The encoding, in hexadecimal.
    digits: String,
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

/// How instructions are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Code {
    #[default]
    Thumb,
    RiscV,
}

/// The state of reading: a block counts when the next one is seen.
#[derive(Default)]
struct Reader {
    trace: Trace,
    code: Code,
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
    pub(crate) fn read(mut log: impl BufRead, mark: u64, code: Code) -> Result<Self> {
        let mut reader = Reader { mark, code, ..Reader::default() };
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line)? != 0 {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            reader.line(text).with_context(|| format!("cannot read the line `{text}` of QEMU's log"))?;
            line.clear();
        }
        ensure!(!reader.marked, "the log ends between two marks");
        Ok(reader.trace)
    }
}

impl Reader {
    fn line(&mut self, text: &str) -> Result<()> {
        if let Some(rest) = text.strip_prefix("Trace ") {
            let mut words = rest.split(' ').skip(1);
            let (number, place) = (words.next().context("no number")?, words.next().context("no address")?);
            self.run(number, place)?;
        } else if text.starts_with("Stopped execution") {
            self.running = None;
        } else if let Some(symbol) = text.strip_prefix("IN:") {
            let function = format!("{:#}", demangle(symbol.trim()));
            self.listed = Some(Block { function, ..Block::default() });
        } else if text.starts_with("0x") {
            let block = self.listed.as_mut().context("an instruction outside a block")?;
            block.instructions.push(instruction(text, self.code).context("no instruction")?);
        } else if text.starts_with("OBJD") {
            bail!("this QEMU has no disassembler");
        } else if text.starts_with("cpu_io_recompile") {
            // A device stops a block in its middle. There is none in what is counted.
            ensure!(!self.marked, "a device between two marks");
        }
        // The rest divides.
        Ok(())
    }

    /// A block starts to run; `place` is `[data/address/flags/flags]`.
    fn run(&mut self, number: &str, place: &str) -> Result<()> {
        let address = place.split('/').nth(1).context("no address")?;
        let address = u64::from_str_radix(address, 16)?;
        // What was just listed is what runs now.
        if let Some(mut block) = self.listed.take() {
            if self.code == Code::Thumb {
                block.instructions = joined(block.instructions);
            }
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
fn instruction(text: &str, code: Code) -> Option<Instruction> {
    let (address, rest) = text.strip_prefix("0x")?.split_once(':')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let (digits, mut rest) = word(rest);
    let mut digits = digits.to_string();
    // In Thumb a word of four digits that no mnemonic could be is a second halfword: those are written in other columns.
    if code == Code::Thumb && rest.starts_with(|first: char| first.is_ascii_hexdigit()) {
        let (second, after) = word(rest);
        digits += second;
        rest = after;
    }
    let (mnemonic, operands) = word(rest);
    let bytes = digits.len() as u64 / 2;
    Some(Instruction { address, bytes, digits, mnemonic: mnemonic.into(), operands: operands.trim().into() })
}

/// Instructions whose halfwords were listed apart, or with others', in their true lengths.
fn joined(listed: Vec<Instruction>) -> Vec<Instruction> {
    let Some(start) = listed.first().map(|first| first.address) else { return listed };
    let digits: String = listed.iter().map(|instruction| &*instruction.digits).collect();
    let mut listed: HashMap<u64, Instruction> =
        listed.into_iter().map(|instruction| (instruction.address, instruction)).collect();
    let mut instructions = Vec::new();
    let mut at = 0;
    while let Some(first) = digits.get(at..at + 4) {
        let length = if u16::from_str_radix(first, 16).is_ok_and(|first| first >= 0xe800) { 8 } else { 4 };
        let digits = digits.get(at..at + length).unwrap_or(first);
        let address = start + at as u64 / 2;
        let whole = listed.remove(&address).filter(|instruction| instruction.digits == digits);
        instructions.push(whole.unwrap_or_else(|| Instruction {
            address,
            bytes: digits.len() as u64 / 2,
            digits: digits.into(),
            mnemonic: "(unknown)".into(),
            operands: digits.into(),
        }));
        at += digits.len();
    }
    instructions
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once([' ', '\t']).unwrap_or((text, ""))
}

/// A block of these instructions.
#[cfg(test)]
pub(crate) fn listed_in_thumb(text: &str) -> Block {
    let listed = text.lines().filter_map(|line| instruction(line, Code::Thumb)).collect();
    Block { instructions: joined(listed), ..Block::default() }
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
        let trace = Trace::read(LOG.as_bytes(), 0x100, Code::Thumb).unwrap();
        assert_eq!(trace.blocks[0].function, "board::mark");
        let long = Instruction {
            address: 0x202,
            bytes: 4,
            digits: "f8d32004".into(),
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
        assert!(Trace::read(log.as_bytes(), 0x100, Code::Thumb).is_err());
    }

    #[test]
    fn halfwords_listed_apart() {
        // dls lr, r3; vldrw.u32 q0, [r0]; vfma.f32 q0, q1, r2; le lr, .
        let text = "\
0x00000424:  f043       .byte    0x43, 0xf0
0x00000426:  e001       b        #0x42c
0x00000428:  ed90 1f00  ldc      p15, c1, [r0]
0x0000042c:  ee33       .byte    0x33, 0xee
0x0000042e:  0e42       lsrs     r2, r0, #0x19
0x00000430:  2303       movs     r3, #3
";
        let block = listed_in_thumb(text);
        let short: Vec<_> = block.instructions.iter().map(|i| (i.address, i.bytes, &*i.mnemonic)).collect();
        let unknown = "(unknown)";
        assert_eq!(short, [(0x424, 4, unknown), (0x428, 4, "ldc"), (0x42c, 4, unknown), (0x430, 2, "movs")]);
    }

    #[test]
    fn risc_v() {
        let long = "0x80000004:  02c58593          addi                    a1,a1,44";
        let short = "0x80000008:  e822              add                     a2,a1,a0";
        let read =
            |text| instruction(text, Code::RiscV).map(|i| (i.address, i.bytes, i.mnemonic, i.operands));
        assert_eq!(read(long), Some((0x8000_0004, 4, "addi".into(), "a1,a1,44".into())));
        assert_eq!(read(short), Some((0x8000_0008, 2, "add".into(), "a2,a1,a0".into())));
    }
}
