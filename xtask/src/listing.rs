//! Assembly as LLVM writes it for x86-64, in AT&T's notation: functions, their loops, and what a loop does.
//!
//! ```text
//! name:                                     a function, up to the next name
//! .LBB0_1:                                  a place in it
//!         vbroadcastss    (%rdi), %zmm1     an instruction: where it writes comes last
//!         jne     .LBB0_1                   a loop, for it jumps backwards
//! ```

use rustc_demangle::demangle;
use std::collections::HashMap;

/// A function's instructions, in order.
#[derive(Debug, Default)]
pub(crate) struct Function<'a> {
    /// The name as in the source: without hashes, and its numbers without their types.
    pub(crate) name: String,
    instructions: Vec<&'a str>,
    /// The instruction that each label stands before.
    labels: HashMap<&'a str, usize>,
}

/// What a loop does in one iteration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) multiply_adds: usize,
    /// Vectors loaded.
    pub(crate) loads: usize,
    /// Numbers loaded into all lanes of a vector.
    pub(crate) broadcasts: usize,
    /// Multiply-adds that load an operand themselves.
    pub(crate) from_memory: usize,
    pub(crate) instructions: usize,
    /// Instructions that name the stack, or write to memory, wherever that is: gemm's loops on k only read.
    pub(crate) spills: usize,
    pub(crate) calls: usize,
}

/// All functions of a listing.
pub(crate) fn functions(text: &str) -> Vec<Function<'_>> {
    let mut functions: Vec<Function<'_>> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        match (line.strip_suffix(':'), functions.last_mut()) {
            (Some(label), Some(function)) if label.starts_with('.') => {
                function.labels.insert(label, function.instructions.len());
            }
            (Some(symbol), _) if !symbol.starts_with(['.', '\t', ' ']) => {
                functions.push(Function { name: format!("{:#}", demangle(symbol)), ..Function::default() });
            }
            (None, Some(function)) if line.starts_with('\t') => {
                let text = line.trim_start();
                // The rest is directives and comments.
                if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
                    function.instructions.push(text);
                }
            }
            _ => {}
        }
    }
    functions
}

impl Function<'_> {
    /// Of the loops that contain no other, the one with the most multiply-adds; of several such, the first.
    pub(crate) fn inner_loop(&self) -> Option<&[&str]> {
        let jumps = self.instructions.iter().enumerate().filter_map(|(at, text)| {
            let (mnemonic, target) = text.split_once('\t')?;
            let start = *self.labels.get(target)?;
            (mnemonic.starts_with('j') && start <= at).then_some((start, at))
        });
        let loops: Vec<_> = jumps.collect();
        let contains = |outer: &(usize, usize), inner: &(usize, usize)| {
            outer != inner && outer.0 <= inner.0 && inner.1 <= outer.1
        };
        let inner = loops.iter().filter(|outer| !loops.iter().any(|inner| contains(outer, inner)));
        let texts = inner.map(|&(start, end)| &self.instructions[start..=end]);
        texts.rev().max_by_key(|texts| texts.iter().filter(|text| is_multiply_add(text)).count())
    }

    /// What some instructions of this function do.
    pub(crate) fn count(&self, instructions: &[&str]) -> Counts {
        // Registers that point to the stack: some functions keep a frame in %rbp, for others it is one of many.
        let copies = self.instructions.iter().filter_map(|text| text.strip_prefix("movq\t%rsp, "));
        let stack: Vec<_> = copies.chain(["%rsp"]).collect();
        let mut counts = Counts { instructions: instructions.len(), ..Counts::default() };
        for text in instructions {
            let (mnemonic, operands) = text.split_once('\t').unwrap_or((text, ""));
            let on_stack = stack.iter().any(|register| operands.contains(register));
            let reads = operands.contains('(') && !writes_memory(mnemonic, operands);
            let loads = reads && !on_stack;
            counts.multiply_adds += usize::from(is_multiply_add(text));
            counts.loads += usize::from(loads && mnemonic.starts_with("vmov"));
            counts.broadcasts += usize::from(loads && mnemonic.starts_with("vbroadcast"));
            counts.from_memory += usize::from(loads && is_multiply_add(text));
            counts.spills += usize::from(on_stack || writes_memory(mnemonic, operands));
            counts.calls += usize::from(mnemonic.starts_with("call"));
        }
        counts
    }
}

fn is_multiply_add(text: &str) -> bool {
    text.starts_with("vfmadd")
}

fn writes_memory(mnemonic: &str, operands: &str) -> bool {
    let compares = mnemonic.starts_with("cmp") || mnemonic.starts_with("test");
    // An address ends the operands where it is the last, but for a mask: `(%rax,%rbx,4) {%k1}`.
    let last = operands.split(" {").next().unwrap_or(operands);
    !compares && !mnemonic.starts_with("prefetch") && operands.contains(", ") && last.ends_with(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop over tiles with two loops on k, of which the first is the one that counts.
    const SNIPPET: &str = "
	.type	_RINvC4core3runKj8_E,@function
_RINvC4core3runKj8_E:
	.cfi_startproc
	pushq	%rbp
	movq	%rsp, %rbp
	jmp	.LBB0_3
.LBB0_1:
	vmovups	64(%rsi,%rax), %zmm1 {%k1} {z}
	#APP
	#NO_APP
	vbroadcastss	(%rdi), %zmm2
	vfmadd231ps	%zmm1, %zmm2, %zmm3
	vfmadd231ps	4(%rdi){1to16}, %zmm2, %zmm4
	vmovaps	%zmm4, -64(%rbp)
	vmovups	%zmm4, (%rax) {%k1}
	vfmadd213ps	128(%rsp), %zmm2, %zmm4
	cmpq	$4, (%rdx)
	callq	memcpy@PLT
	jne	.LBB0_1
.LBB0_2:
	vfmadd231ps	%zmm1, %zmm2, %zmm3
	jne	.LBB0_2
.LBB0_3:
	jne	.LBB0_1
	jmpq	*%rax
.Lfunc_end0:
	.size	_RINvC4core3runKj8_E, .Lfunc_end0-_RINvC4core3runKj8_E
other:
	movq	(%rbp), %rax
	retq
";

    #[test]
    fn the_loop_that_counts() {
        let functions = functions(SNIPPET);
        let names: Vec<_> = functions.iter().map(|function| &*function.name).collect();
        assert_eq!(names, ["core::run::<8>", "other"]);
        let inner = functions[0].inner_loop().unwrap();
        assert_eq!(
            (inner[0], inner[inner.len() - 1]),
            ("vmovups\t64(%rsi,%rax), %zmm1 {%k1} {z}", "jne\t.LBB0_1")
        );
        let counts = Counts {
            multiply_adds: 3,
            loads: 1,
            broadcasts: 1,
            from_memory: 1,
            instructions: 10,
            spills: 3,
            calls: 1,
        };
        assert_eq!(functions[0].count(inner), counts);
    }

    #[test]
    fn a_frame_pointer_is_not_always_one() {
        let other = &functions(SNIPPET)[1];
        assert!(other.inner_loop().is_none());
        assert_eq!(other.count(&other.instructions), Counts { instructions: 2, ..Counts::default() });
    }
}
