//! A model of the Cortex-M4's time: what each instruction takes, from a table.
//!
//! QEMU has no pipeline; it tells which instructions ran. Their cycles are those of Arm's "Cortex-M4 Technical Reference
//! Manual" (100166), "Instruction set summary" and "FPU instruction set table", for memory without wait states:
//!
//! | instruction | cycles |
//! |---|---|
//! | VMLA, VMLS, VNMLA, VNMLS, VFMA, VFMS, VFNMA, VFNMS | 3 |
//! | VDIV, VSQRT | 14 |
//! | LDR, STR, VLDR, VSTR of a word or less | 2; 1 behind another of them, for they overlap |
//! | LDRD, STRD | 3 |
//! | LDM, STM, PUSH, POP, VLDM, VSTM, VPUSH, VPOP of n words | 1 + n |
//! | MLA, MLS | 2 |
//! | UDIV, SDIV | 12, which is the most: it depends on the operands |
//! | TBB, TBH | 2 |
//! | whatever branches, if it does | 2 more, to fill the pipeline again: the manual says 1 to 3 |
//! | all others | 1 |
//!
//! An instruction that its condition skips counts as if it were executed.
//!
//! Beside them stalls are counted: "floating-point arithmetic data processing operations [..] take one cycle longer if their
//! result is consumed by the following instruction", as the manual has it. They are not in the cycles, since the table
//! is what others quote; a kernel should have few.

use crate::trace::{Block, Instruction, Trace, Visits};
use std::ops::{Add, AddAssign, Mul, Sub};

/// What some instructions cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) instructions: u64,
    pub(crate) cycles: u64,
    pub(crate) stalls: u64,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            instructions: self.instructions + other.instructions,
            cycles: self.cycles + other.cycles,
            stalls: self.stalls + other.stalls,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(other.instructions),
            cycles: self.cycles.saturating_sub(other.cycles),
            stalls: self.stalls.saturating_sub(other.stalls),
        }
    }
}

impl Mul<u64> for Cost {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self {
            instructions: self.instructions * times,
            cycles: self.cycles * times,
            stalls: self.stalls * times,
        }
    }
}

/// Whether the model is one of this core: the Cortex-M33's FPU is taken to be the Cortex-M4's.
pub(crate) fn is_model_of(core: &str) -> bool {
    ["Cortex-M4F", "Cortex-M33"].contains(&core)
}

/// What the visits cost in all.
pub(crate) fn cost(trace: &Trace, visits: &Visits) -> Cost {
    visits.iter().fold(Cost::default(), |sum, (visit, &times)| {
        let before = visit.before.map(|before| &trace.blocks[before]);
        sum + block(&trace.blocks[visit.block], before, visit.branched) * times
    })
}

/// What one visit of a block costs, `before` being the block before it.
fn block(block: &Block, before: Option<&Block>, branched: bool) -> Cost {
    each(block, before, branched).fold(Cost::default(), |sum, (_, cost)| sum + cost)
}

/// The same for each of its instructions.
pub(crate) fn each<'a>(
    block: &'a Block,
    before: Option<&'a Block>,
    branched: bool,
) -> impl Iterator<Item = (&'a Instruction, Cost)> {
    let first = before.and_then(|before| before.instructions.last());
    let previous = std::iter::once(first).chain(block.instructions.iter().map(Some));
    block.instructions.iter().zip(previous).enumerate().map(move |(i, (instruction, previous))| {
        let refill = if branched && i + 1 == block.instructions.len() { 2 } else { 0 };
        let stalls = u64::from(previous.is_some_and(|previous| stalls(previous, instruction)));
        (instruction, Cost { instructions: 1, cycles: cycles(instruction, previous) + refill, stalls })
    })
}

/// Loads and stores that overlap.
const SINGLE: [&str; 10] = ["ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "str", "strb", "strh", "vldr", "vstr"];

const MULTIPLE: [&str; 15] = [
    "ldm", "ldmia", "ldmdb", "stm", "stmia", "stmdb", "push", "pop", "vldmia", "vldmdb", "vstmia", "vstmdb",
    "vpush", "vpop", "vldm",
];

const MULTIPLY_ADD: [&str; 8] = ["vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms"];

/// Operations whose result takes a cycle more to the instruction behind them.
const ARITHMETIC: [&str; 7] = ["vadd", "vsub", "vmul", "vnmul", "vdiv", "vsqrt", "vcvt"];

fn cycles(instruction: &Instruction, previous: Option<&Instruction>) -> u64 {
    let name = name(instruction);
    let is = |names: &[&str]| names.contains(&name);
    if is(&SINGLE) {
        let overlaps = previous.is_some_and(|previous| SINGLE.contains(&self::name(previous)));
        if overlaps { 1 } else { 2 }
    } else if is(&MULTIPLE) {
        1 + listed(&instruction.operands)
    } else if is(&MULTIPLY_ADD) || is(&["ldrd", "strd"]) {
        3
    } else if is(&["vdiv", "vsqrt"]) {
        14
    } else if is(&["udiv", "sdiv"]) {
        12
    } else if is(&["mla", "mls", "tbb", "tbh"]) {
        2
    } else {
        1
    }
}

const CONDITIONS: [&str; 16] =
    ["eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

/// The mnemonic without width, type and condition, as far as the table has it.
fn name(instruction: &Instruction) -> &str {
    let mnemonic = instruction.mnemonic.split('.').next().unwrap_or_default();
    let known = |name: &str| {
        [&SINGLE[..], &MULTIPLE, &MULTIPLY_ADD, &ARITHMETIC].concat().contains(&name)
            || ["ldrd", "strd", "udiv", "sdiv", "mla", "mls", "tbb", "tbh", "vmov", "vcmp"].contains(&name)
    };
    let without = CONDITIONS.iter().find_map(|condition| mnemonic.strip_suffix(condition));
    without.filter(|without| !known(mnemonic) && known(without)).unwrap_or(mnemonic)
}

/// Words in a list of registers: `{r4, r5, pc}`, `{s0, s1}`, `{d8}`.
fn listed(operands: &str) -> u64 {
    let list = operands.split('{').nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
    list.split(',').map(str::trim).map(|register| if register.starts_with('d') { 2 } else { 1 }).sum()
}

/// Whether `next` waits for the result of `first`.
fn stalls(first: &Instruction, next: &Instruction) -> bool {
    let producer = name(first);
    if !ARITHMETIC.contains(&producer) && !MULTIPLY_ADD.contains(&producer) {
        return false;
    }
    let Some(result) = floats(&first.operands).next() else { return false };
    let consumer = name(next);
    // What it does not read is what it only writes.
    let first_operand = next.operands.split(',').next().unwrap_or_default();
    let written = (ARITHMETIC.contains(&consumer) || ["vldr", "vmov"].contains(&consumer))
        && floats(first_operand).next().is_some();
    floats(&next.operands).skip(usize::from(written)).any(|source| source == result)
}

/// The single-precision registers named, in order.
fn floats(operands: &str) -> impl Iterator<Item = u32> {
    operands
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix('s')?.parse().ok())
}
