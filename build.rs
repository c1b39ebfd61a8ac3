//! Chooses between vector and scalar kernels, with threads or without, and on Cortex-M the class of core to build for.
//!
//! Stable Rust does not show a Cortex-M's features to a crate (`cfg(target_feature)` is never set there), so they are
//! derived from the target's name and `-C target-cpu`, or given by a feature of the crate: see "Microcontrollers" in
//! ARCHITECTURE.md.

use std::env;

/// The class of core, which decides what the kernels may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Core {
    /// Not a Cortex-M with floating point: the compiler's code for plain Rust.
    Other,
    /// Cortex-M4F, M33: an FPU where a multiplication and an addition take a cycle each, and a fused one three.
    M4,
    /// Cortex-M7: an FPU that starts a fused multiply-add every cycle.
    M7,
    /// Cortex-M55, M85: vectors of four, fused (Helium, with floating point).
    M55,
}

impl Core {
    fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::M4 => "m4",
            Self::M7 => "m7",
            Self::M55 => "m55",
        }
    }

    /// The features common to all cores of the target.
    fn of_target(target: &str) -> Self {
        match target {
            "thumbv7em-none-eabihf" | "thumbv8m.main-none-eabihf" => Self::M4,
            _ => Self::Other,
        }
    }

    /// The core named by `-C target-cpu`, if it has more features than its target.
    fn of_cpu(cpu: &str) -> Option<Self> {
        match cpu {
            "cortex-m7" => Some(Self::M7),
            "cortex-m55" | "cortex-m85" => Some(Self::M55),
            _ => None,
        }
    }

    /// The core named by a feature of the crate.
    fn of_features() -> Option<Self> {
        let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
        match (has("CORTEX_M7"), has("CORTEX_M55")) {
            (true, true) => {
                println!("cargo::error=the features `cortex-m7` and `cortex-m55` exclude each other");
                None
            }
            (true, false) => Some(Self::M7),
            (false, true) => Some(Self::M55),
            (false, false) => None,
        }
    }
}

/// The last `target-cpu` in the compiler's flags.
fn target_cpu(flags: &str) -> Option<&str> {
    flags
        .split('\u{1f}')
        .filter_map(|flag| {
            flag.trim_start_matches("-C").trim_start_matches("--codegen=").strip_prefix("target-cpu=")
        })
        .next_back()
}

/// Whether products of eight bits use SMLAD and its kin: every core of Armv7E-M has them. On Armv8-M they are an option, so
/// the core must be named; Cortex-M55 has vectors instead.
fn has_dsp(target: &str, core: Core, flags: &str) -> bool {
    let named = env::var_os("CARGO_FEATURE_CORTEX_M33").is_some()
        || matches!(target_cpu(flags), Some("cortex-m33" | "cortex-m35p"));
    target.starts_with("thumbv7em") || target.starts_with("thumbv8m.main") && named && core != Core::M55
}

/// Whether the target has vectors.
fn has_vectors() -> bool {
    let variable = |name| env::var(name).unwrap_or_default();
    match variable("CARGO_CFG_TARGET_ARCH").as_str() {
        "x86_64" | "aarch64" => true,
        "wasm32" => variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "simd128"),
        _ => false,
    }
}

/// Whether to build the scalar kernels: where there are no vectors, and where a test requests them
/// (`FUSEBOX_SCALAR=1 cargo test`).
fn scalar() -> bool {
    println!("cargo::rerun-if-env-changed=FUSEBOX_SCALAR");
    !has_vectors() || env::var_os("FUSEBOX_SCALAR").is_some_and(|value| value == "1")
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(fusebox_core, values(\"other\", \"m4\", \"m7\", \"m55\"))");
    println!("cargo::rustc-check-cfg=cfg(fusebox_scalar)");
    println!("cargo::rustc-check-cfg=cfg(fusebox_threads)");
    println!("cargo::rustc-check-cfg=cfg(fusebox_vectors_of_bytes)");
    if scalar() {
        println!("cargo::rustc-cfg=fusebox_scalar");
    } else {
        if env::var_os("CARGO_FEATURE_RAYON").is_some() {
            println!("cargo::rustc-cfg=fusebox_threads");
        }
        if has_vectors() {
            println!("cargo::rustc-cfg=fusebox_vectors_of_bytes");
        }
    }
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut core = Core::of_target(&target);
    // Only if the target itself has an FPU: kernels pass floating-point values in its registers.
    if core != Core::Other {
        let named = Core::of_features().or_else(|| target_cpu(&flags).and_then(Core::of_cpu));
        core = match named {
            Some(Core::M55) if !target.starts_with("thumbv8m.main") => {
                println!(
                    "cargo::error=a Cortex-M55 is of the target thumbv8m.main-none-eabihf, not {target}"
                );
                core
            }
            Some(Core::M7) if !target.starts_with("thumbv7em") => {
                println!("cargo::error=a Cortex-M7 is of the target thumbv7em-none-eabihf, not {target}");
                core
            }
            Some(named) => named,
            None => core,
        };
    }
    // Whether the kernels fuse multiply and add.
    let reproducible = env::var_os("CARGO_FEATURE_REPRODUCIBLE").is_some();
    println!("cargo::rustc-check-cfg=cfg(fusebox_fused)");
    if matches!(core, Core::M7 | Core::M55) && !reproducible {
        println!("cargo::rustc-cfg=fusebox_fused");
    }
    println!("cargo::rustc-cfg=fusebox_core=\"{}\"", core.name());
    println!("cargo::rustc-check-cfg=cfg(fusebox_dsp)");
    println!("cargo::rustc-check-cfg=cfg(fusebox_armv7m)");
    if has_dsp(&target, core, &flags) {
        println!("cargo::rustc-cfg=fusebox_dsp");
    } else if core != Core::M55 && ["thumbv7m", "thumbv8m.main"].iter().any(|arm| target.starts_with(arm)) {
        // What there is of Armv7-M without the extension: long multiplications, saturation.
        println!("cargo::rustc-cfg=fusebox_armv7m");
    }
}
