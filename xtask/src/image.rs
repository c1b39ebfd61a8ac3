//! What a firmware image holds: its size by memory, and whether it can panic.

use crate::link::graph::{is_double, is_single};
use anyhow::{Context, Result, ensure};
use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Image {
    /// Bytes of code.
    pub(crate) code: u64,
    /// Bytes of flash: code, constants, and the first values of variables.
    pub(crate) flash: u64,
    /// Bytes of RAM that statics take; the stack is on top.
    pub(crate) ram: u64,
    /// The routines of `core` that panic, as far as the linker kept them.
    pub(crate) panics: Vec<String>,
    /// The routines that stand in for instructions on `f32` and `f64`.
    pub(crate) floats: Vec<String>,
}

impl Image {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(&*bytes).with_context(|| path.display().to_string())?;
        let (mut code, mut flash, mut ram) = (0, 0, 0);
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(SHF_ALLOC) == 0 {
                continue;
            }
            // Where the linker script says that all RAM left over is stack, the program does not use it up.
            if section.name().is_ok_and(|name| [".stack", ".heap"].contains(&name)) {
                continue;
            }
            let variable = sh_flags & u64::from(SHF_WRITE) != 0;
            let zeroed = section.kind() == SectionKind::UninitializedData;
            code += if section.kind() == SectionKind::Text { section.size() } else { 0 };
            flash += if zeroed { 0 } else { section.size() };
            ram += if variable || zeroed { section.size() } else { 0 };
        }
        let names: Vec<&str> = file.symbols().filter_map(|symbol| symbol.name().ok()).collect();
        // Without symbols there would be nothing to find, whatever the image can do.
        ensure!(names.contains(&"main"), "{} has no symbol `main`: stripped?", path.display());
        let those = |wanted: fn(&str) -> bool| {
            names.iter().filter(|name| wanted(name)).map(ToString::to_string).collect()
        };
        let panics = those(|name| name.contains("panicking"));
        let floats = those(|name| is_single(name) || is_double(name));
        Ok(Self { code, flash, ram, panics, floats })
    }
}

/// A function or a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// The name as in the source.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// Bytes of code and of constants, with what they are made of.
#[derive(Debug)]
pub(crate) struct Flash {
    pub(crate) bytes: u64,
    pub(crate) symbols: Vec<Symbol>,
}

impl Flash {
    /// `.text` and `.rodata` of an image.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(&*bytes).with_context(|| path.display().to_string())?;
        let sections: Vec<_> =
            [".text", ".rodata"].into_iter().filter_map(|name| file.section_by_name(name)).collect();
        let inside = |symbol: &object::Symbol<'_, '_>| {
            let index = symbol.section_index();
            symbol.size() > 0 && sections.iter().any(|section| Some(section.index()) == index)
        };
        // A place with several names is counted once.
        let mut places = BTreeMap::new();
        for symbol in file.symbols().filter(inside) {
            places
                .entry(symbol.address())
                .or_insert(Symbol { name: format!("{:#}", demangle(symbol.name()?)), bytes: symbol.size() });
        }
        let bytes = sections.iter().map(|section| section.size()).sum();
        Ok(Self { bytes, symbols: places.into_values().collect() })
    }
}

/// Where the function of this name is.
pub(crate) fn address(path: &Path, name: &str) -> Result<u64> {
    let (_, address) = function(path, |function| function == name)
        .with_context(|| format!("{} has no function `{name}`", path.display()))?;
    Ok(address)
}

/// The whole name of the function whose name ends so.
pub(crate) fn name_ending(path: &Path, end: &str) -> Result<String> {
    let (name, _) = function(path, |function| function.ends_with(end))
        .with_context(|| format!("{} has no function `..{end}`", path.display()))?;
    Ok(name)
}

fn function(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<(String, u64)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| path.display().to_string())?;
    let named = |symbol: object::Symbol<'_, '_>| {
        let name = format!("{:#}", demangle(symbol.name().ok()?));
        // On Arm, the lowest bit says that the code is Thumb.
        let thumb = u64::from(file.architecture() == Architecture::Arm);
        wanted(&name).then_some((name, symbol.address() & !thumb))
    };
    file.symbols().find_map(named).context("not found")
}
