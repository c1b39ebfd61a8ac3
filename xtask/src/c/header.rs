//! The two headers.

use super::objects;
use anyhow::{Context, Result, ensure};
use cbindgen::{Builder, Config, DocumentationStyle, ItemType, Language, RenameRule, Style};
use object::{Object, ObjectSection, ObjectSymbol};
use std::fmt::Write;
use std::path::Path;

/// Modules of the crate, in the order of the header.
const MODULES: [&str; 6] = ["network", "status", "sizes", "training", "saving", "inference"];

/// Types by their names in Rust and in C.
const TYPES: [(&str, &str); 5] = [
    ("Fusebox", "fusebox"),
    ("Inference", "fusebox_inference"),
    ("Sizes", "fusebox_sizes"),
    ("Status", "fusebox_status"),
    ("Target", "fusebox_target"),
];

/// Other types in `network.rs`, which C does not see.
const PRIVATE: [&str; 3] = ["Net", "Loss", "Rule"];

const BEFORE: &str = "\
/* fusebox: a network that learns and infers in memory of the caller. Written by `cargo xtask c`; do not edit.
 *
 *     static fusebox network;
 *     fusebox_status status = fusebox_init(&network, sizeof network, &FUSEBOX_SIZES);
 *
 * The sizes are in fusebox_sizes.h, which is included at the end and is of one target and one network.
 *
 * Every function but fusebox_text returns a status, which is negative if it is an error: then nothing was changed. Null and
 * misaligned pointers, wrong numbers, memory that was not initialised, and memory that overlaps are errors. What cannot be
 * checked, the caller answers for:
 *
 * 1. A pointer points to as many elements as the function's description says.
 * 2. While a call runs, nobody else uses what it was given, other than to read what it only reads: calls on the same memory
 *    do not overlap, also not from an interrupt.
 * 3. Only these functions write to a `fusebox` or a `fusebox_inference` after it was initialised. (It may be moved.)
 * 4. The weights of a `fusebox_inference` stay where they are, unchanged, as long as it is used.
 *
 * No function allocates, waits, or keeps a pointer, but for the weights of a `fusebox_inference`. Rows follow one another
 * without gaps. */";

/// `fusebox.h`, for the crate in `folder`.
pub(super) fn functions(folder: &Path) -> Result<String> {
    let mut config = Config {
        language: Language::C,
        header: Some(BEFORE.into()),
        include_guard: Some("FUSEBOX_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        trailer: Some("#include \"fusebox_sizes.h\"".into()),
        cpp_compat: true,
        style: Style::Both,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::Doxy,
        ..Config::default()
    };
    config.export.item_types = vec![
        ItemType::Enums,
        ItemType::Structs,
        ItemType::OpaqueItems,
        ItemType::Functions,
        ItemType::Typedefs,
    ];
    config.export.exclude = PRIVATE.map(String::from).into();
    config.export.rename = TYPES.map(|(rust, c)| (rust.into(), c.into())).into();
    config.enumeration.rename_variants = RenameRule::QualifiedScreamingSnakeCase;
    let sources = MODULES.iter().map(|module| folder.join("src").join(module).with_extension("rs"));
    let builder = sources.fold(Builder::new().with_config(config), Builder::with_src);
    let mut text = Vec::new();
    builder.generate().context("cbindgen")?.write(&mut text);
    Ok(String::from_utf8(text)?)
}

/// The fields of `Sizes` in `sizes.rs`, in order: what they are called in the header, and what they mean.
const SIZES: [(&str, &str); 14] = [
    ("INTERFACE", "the version of the functions"),
    ("MEMORY_BYTES", "bytes of a network that learns"),
    ("MEMORY_ALIGN", "and its alignment"),
    ("INFERENCE_BYTES", "bytes of a network that only infers"),
    ("INFERENCE_ALIGN", "and its alignment"),
    ("INPUTS", "numbers of a row of inputs"),
    ("OUTPUTS", "numbers of a row of outputs"),
    ("BATCH", "the most rows of a call"),
    ("TARGET_BYTES", "bytes of a fusebox_target"),
    ("SAVE_BYTES", "bytes that fusebox_save writes"),
    ("WEIGHTS_BYTES", "bytes that fusebox_save_weights writes"),
    ("WEIGHTS_OFFSET", "where in these the weights themselves begin"),
    ("PARAMETERS", "how many these are"),
    ("NETWORK", "a hash of the network and its optimiser"),
];

/// What the library says of itself.
#[derive(Debug)]
pub(super) struct Sizes([u32; SIZES.len()]);

impl Sizes {
    /// Reads the constant that the library exports.
    pub(super) fn read(library: &[u8]) -> Result<Self> {
        const NAME: &str = "FUSEBOX_LIBRARY_SIZES";
        let objects = objects(library)?;
        let data = objects.iter().find_map(|object| {
            let symbol =
                object.symbols().find(|symbol| symbol.name() == Ok(NAME) && symbol.is_definition())?;
            let section = object.section_by_index(symbol.section_index()?).ok()?;
            section.data_range(symbol.address(), symbol.size()).ok()?
        });
        let data = data.with_context(|| format!("the library has no {NAME}"))?;
        let (words, rest) = data.as_chunks();
        let words: Vec<_> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        ensure!(rest.is_empty(), "{NAME} ends within a number");
        let count = words.len();
        let words = words.try_into().ok().with_context(|| format!("{NAME} is of {count} numbers"))?;
        Ok(Self(words))
    }

    fn get(&self, name: &str) -> u32 {
        SIZES.iter().zip(self.0).find_map(|(size, value)| (size.0 == name).then_some(value)).unwrap_or(0)
    }

    /// Bytes of a network that learns.
    pub(super) fn memory(&self) -> u32 {
        self.get("MEMORY_BYTES")
    }

    /// Bytes of a network that only infers.
    pub(super) fn inference(&self) -> u32 {
        self.get("INFERENCE_BYTES")
    }

    /// `fusebox_sizes.h`.
    pub(super) fn header(&self, target: &str) -> String {
        let mut text = format!(
            "/* Sizes of fusebox on {target}. Written by `cargo xtask c`; include fusebox.h instead. */\n\
             #ifndef FUSEBOX_SIZES_H\n#define FUSEBOX_SIZES_H\n\n"
        );
        for ((name, meaning), value) in SIZES.iter().zip(self.0) {
            let _infallible = writeln!(text, "#define FUSEBOX_{name} {value}u /* {meaning} */");
        }
        let names = SIZES.map(|(name, _)| format!("    FUSEBOX_{name},\n")).concat();
        text + "\n\
            #ifdef __cplusplus\n\
            #define FUSEBOX_ALIGN(bytes) alignas(bytes)\n\
            #define FUSEBOX_ASSERT static_assert\n\
            #else\n\
            #define FUSEBOX_ALIGN(bytes) _Alignas(bytes)\n\
            #define FUSEBOX_ASSERT _Static_assert\n\
            #endif\n\n\
            struct fusebox {\n    \
                FUSEBOX_ALIGN(FUSEBOX_MEMORY_ALIGN) uint8_t memory[FUSEBOX_MEMORY_BYTES];\n\
            };\n\n\
            struct fusebox_inference {\n    \
                FUSEBOX_ALIGN(FUSEBOX_INFERENCE_ALIGN) uint8_t memory[FUSEBOX_INFERENCE_BYTES];\n\
            };\n\n\
            FUSEBOX_ASSERT(sizeof(fusebox_target) == FUSEBOX_TARGET_BYTES, \"fusebox.h is of another network\");\n\n\
            /* For fusebox_init, which compares them with the library's. */\n\
            static const fusebox_sizes FUSEBOX_SIZES = {\n"
            + &names
            + "};\n\n#endif\n"
    }
}
