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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::listed_in_thumb;

    /// What each instruction of a listing costs, and its stalls.
    fn costs(text: &str, branched: bool) -> Vec<(u64, u64)> {
        let block = listed_in_thumb(text);
        each(&block, None, branched).map(|(_, cost)| (cost.cycles, cost.stalls)).collect()
    }

    #[test]
    fn the_table() {
        let text = "\
0x00000200:  b5b0       push     {r4, r5, r7, lr}
0x00000202:  ed2d 8b04  vpush    {d8, d9}
0x00000206:  edd0 7a00  vldr     s15, [r0]
0x0000020a:  6813       ldr      r3, [r2]
0x0000020c:  bf08       it       eq
0x0000020e:  6812       ldreq    r2, [r2]
0x00000210:  eee7 7a27  vfma.f32 s15, s14, s15
0x00000214:  ee87 7a27  vdiv.f32 s14, s14, s15
0x00000218:  fbb2 f3f3  udiv     r3, r2, r3
0x0000021c:  fb02 3303  mla      r3, r2, r3, r3
0x00000220:  fba2 2303  umull    r2, r3, r2, r3
0x00000224:  e9d0 2300  ldrd     r2, r3, [r0]
0x00000228:  00d2       lsls     r2, r2, #3
0x0000022a:  bdb0       pop      {r4, r5, r7, pc}
";
        let cycles: Vec<_> = costs(text, true).into_iter().map(|(cycles, _)| cycles).collect();
        assert_eq!(cycles, [5, 5, 2, 1, 1, 2, 3, 14, 12, 2, 1, 3, 1, 7]);
    }

    #[test]
    fn a_branch_costs_if_it_is_taken() {
        let text = "0x00000200:  d1fe       bne      #0x200";
        assert_eq!([costs(text, true), costs(text, false)], [[(3, 0)], [(1, 0)]]);
    }

    #[test]
    fn results_that_the_next_instruction_wants() {
        let text = "\
0x00000200:  ee21 0a01  vmul.f32 s0, s2, s2
0x00000204:  ee31 1a00  vadd.f32 s2, s2, s0
0x00000208:  ee21 1a01  vmul.f32 s2, s4, s4
0x0000020c:  ee02 1a22  vmla.f32 s2, s4, s5
0x00000210:  ed80 1a00  vstr     s2, [r0]
0x00000214:  ed90 1a00  vldr     s2, [r0]
0x00000218:  ee31 1a00  vadd.f32 s2, s2, s0
0x0000021c:  ee10 0a10  vmov     r0, s2
";
        // vldr only writes s2, and the second vmul too; vmla adds to it.
        let stalls: Vec<_> = costs(text, false).into_iter().map(|(_, stalls)| stalls).collect();
        assert_eq!(stalls, [0, 1, 0, 1, 1, 0, 0, 1]);
    }
}
