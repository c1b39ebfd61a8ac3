//! Who calls whom in a program, as its relocations tell, and from which line.

use addr2line::Context as Lines;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind};
use std::collections::{BTreeMap, BTreeSet};
use std::{fs, path::Path};

/// A reference of a function to another, by their symbols.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) from: String,
    pub(super) to: String,
    /// Where the instruction is, in the image or in its section.
    pub(super) address: u64,
}

/// A symbol's name without the hash and the types of constants, the same in both manglings.
pub(super) fn demangled(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// The references between the functions of an object or an image, the latter linked with `--emit-relocs`.
pub(super) fn references(bytes: &[u8]) -> Result<Vec<Reference>> {
    let file = object::File::parse(bytes)?;
    // Functions by section and address. Bit 0 of a function's address says that it is Thumb code.
    let mut starts = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
    {
        let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) else { continue };
        // Marks between code and data have no size.
        if symbol.size() > 0 {
            starts.insert((section.0, symbol.address() & !1), name.to_string());
        }
    }
    let at = |section, address| {
        let before = starts.range(..=(section, address)).next_back();
        before.filter(|((other, _), _)| *other == section).map(|(_, name)| name)
    };
    let mut references = Vec::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        for (address, relocation) in section.relocations() {
            let RelocationTarget::Symbol(target) = relocation.target() else { continue };
            let target = file.symbol_by_index(target)?;
            let to = match target.kind() {
                SymbolKind::Section => target
                    .section_index()
                    .and_then(|section| {
                        at(section.0, target.address().wrapping_add_signed(relocation.addend()) & !1)
                    })
                    .cloned(),
                _ => target.name().ok().map(String::from),
            };
            let Some(from) = at(section.index().0, address) else { continue };
            if let Some(to) = to.filter(|to| to != from && !to.is_empty()) {
                references.push(Reference { from: from.clone(), to, address });
            }
        }
    }
    Ok(references)
}

/// Where `end` is reached from: what was called there, by what `told` tells of the reference. Those of which it tells nothing
/// are looked for in turn.
pub(super) fn origins<T: Ord>(
    references: &[Reference],
    end: &str,
    told: impl Fn(&Reference) -> Result<Option<T>>,
) -> Result<BTreeMap<T, String>> {
    let mut callers: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for reference in references {
        callers.entry(&reference.to).or_default().push(reference);
    }
    let mut origins = BTreeMap::new();
    let (mut seen, mut queue) = (BTreeSet::from([end]), vec![end]);
    while let Some(name) = queue.pop() {
        for &reference in callers.get(name).into_iter().flatten() {
            if let Some(place) = told(reference)? {
                origins.entry(place).or_insert_with(|| demangled(&reference.to));
            } else if seen.insert(&reference.from) {
                queue.push(&reference.from);
            }
        }
    }
    Ok(origins)
}

/// Which lines of the source an address came from: the innermost first, then those it was inlined into.
pub(super) struct Source<'a>(Lines<EndianSlice<'a, LittleEndian>>);

impl<'a> Source<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self> {
        let file = object::File::parse(bytes)?;
        let section = |id: SectionId| -> Result<_> {
            let data = file.section_by_name(id.name()).map(|section| section.data()).transpose()?;
            Ok(EndianSlice::new(data.unwrap_or_default(), LittleEndian))
        };
        Ok(Self(Lines::from_dwarf(Dwarf::load(section)?)?))
    }

    pub(super) fn lines(&self, address: u64) -> Result<Vec<String>> {
        let mut frames = self.0.find_frames(address).skip_all_loads()?;
        let mut lines = Vec::new();
        while let Some(frame) = frames.next()? {
            if let Some(location) = frame.location {
                lines.push(format!("{}:{}", location.file.unwrap_or("?"), location.line.unwrap_or(0)));
            }
        }
        Ok(lines)
    }
}

/// The names of all symbols that a file defines or lacks.
pub(super) fn symbols(path: &Path) -> Result<BTreeSet<String>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| path.display().to_string())?;
    let names: BTreeSet<_> =
        file.symbols().filter_map(|symbol| symbol.name().ok()).map(String::from).collect();
    // Without symbols there would be nothing to find, whatever the image holds.
    ensure!(names.contains("_start"), "{} has no symbol `_start`: stripped?", path.display());
    Ok(names)
}

/// Whether a symbol is a routine for `f32`, by the names that Arm's ABI and GCC's library have for them.
pub(crate) fn is_single(symbol: &str) -> bool {
    computes(symbol, 'f', "sf")
}

/// Whether a symbol is a routine for `f64`, or between both.
pub(crate) fn is_double(symbol: &str) -> bool {
    computes(symbol, 'd', "df")
}

fn computes(symbol: &str, arm: char, gcc: &str) -> bool {
    match (symbol.strip_prefix("__aeabi_"), symbol.strip_prefix("__")) {
        (Some(name), _) => {
            name.trim_start_matches('c').starts_with(arm)
                || name.split_once('2').is_some_and(|(_, to)| to.starts_with(arm))
        }
        (None, Some(name)) => name.contains(gcc),
        (None, None) => false,
    }
}

/// Bytes of code in an image.
pub(super) fn code(path: &Path) -> Result<u64> {
    let bytes = fs::read(path)?;
    let file = object::File::parse(&*bytes)?;
    Ok(file
        .sections()
        .filter(|section| section.kind() == SectionKind::Text)
        .map(|section| section.size())
        .sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routines() {
        for name in
            ["__aeabi_fadd", "__aeabi_cfcmple", "__aeabi_ui2f", "__aeabi_f2iz", "__addsf3", "__floatundisf"]
        {
            assert!(is_single(name) && !is_double(name), "{name}");
        }
        for name in
            ["__aeabi_dadd", "__aeabi_cdrcmple", "__aeabi_ul2d", "__aeabi_d2iz", "__adddf3", "__fixdfsi"]
        {
            assert!(is_double(name) && !is_single(name), "{name}");
        }
        for name in ["__aeabi_d2f", "__aeabi_f2d", "__extendsfdf2", "__truncdfsf2"] {
            assert!(is_double(name) && is_single(name), "{name}");
        }
        for name in [
            "__aeabi_memcpy",
            "__aeabi_uidiv",
            "__aeabi_lmul",
            "__udivdi3",
            "__ashldi3",
            "__clzsi2",
            "_start",
        ] {
            assert!(!is_double(name) && !is_single(name), "{name}");
        }
    }

    #[test]
    fn who_reaches_the_end() {
        let reference =
            |from: &str, to: &str, address| Reference { from: from.into(), to: to.into(), address };
        let references = [
            reference("core", "end", 0),
            reference("generic", "core", 0),
            reference("ours", "generic", 1),
            reference("others", "ours", 2),
            reference("core", "generic", 0),
            reference("ours", "elsewhere", 3),
        ];
        let told = |reference: &Reference| Ok((reference.address > 0).then_some(reference.address));
        assert_eq!(origins(&references, "end", told).unwrap(), BTreeMap::from([(1, "generic".to_string())]));
    }
}
