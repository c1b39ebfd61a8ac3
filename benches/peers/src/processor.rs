//! Where something was measured: the processor, its caches, and the day.

use anyhow::{Context, Result, ensure};
use raw_cpuid::{CacheType, CpuId};
use std::fmt::Write;
use std::process::Command;

pub(crate) struct Processor {
    pub(crate) name: String,
    /// Such as `L1d 32 KiB (8 ways), L2 1 MiB (8 ways)`.
    caches: String,
}

impl Processor {
    /// The one that this program runs on, by its own account. A virtual machine's may give a maker's line of products
    /// instead of a name; family and model tell which generation it is.
    pub(crate) fn this() -> Self {
        let cpuid = CpuId::new();
        let brand = cpuid.get_processor_brand_string();
        let brand = brand.as_ref().map_or("unnamed processor", |brand| brand.as_str().trim());
        let mut name = brand.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(feature) = cpuid.get_feature_info() {
            let _ = write!(name, ", family {} model {}", feature.family_id(), feature.model_id());
        }
        Self { name, caches: caches(&cpuid) }
    }

    /// A line for the head of a table.
    pub(crate) fn line(&self) -> Result<String> {
        Ok(format!("{}; {}; {}.", self.name, self.caches, today()?))
    }

    /// The name as that of a file.
    pub(crate) fn file_name(&self) -> String {
        let words =
            self.name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-") + ".md"
    }
}

/// Intel tells all caches in one way, AMD in another with the same words, and older ones of AMD in neither.
fn caches<R: raw_cpuid::CpuIdReader>(cpuid: &CpuId<R>) -> String {
    let size = |bytes: usize| match bytes / 1024 {
        kib if kib >= 1024 => format!("{} MiB", kib / 1024),
        kib => format!("{kib} KiB"),
    };
    let mut told = Vec::new();
    for cache in cpuid.get_cache_parameters().into_iter().flatten() {
        let kind = match cache.cache_type() {
            CacheType::Data => "d",
            CacheType::Unified => "",
            _ => continue,
        };
        let bytes = cache.associativity()
            * cache.physical_line_partitions()
            * cache.coherency_line_size()
            * cache.sets();
        told.push(format!("L{}{kind} {} ({} ways)", cache.level(), size(bytes), cache.associativity()));
    }
    if let (true, Some(l1), Some(l2)) =
        (told.is_empty(), cpuid.get_l1_cache_and_tlb_info(), cpuid.get_l2_l3_cache_and_tlb_info())
    {
        told.push(format!("L1d {} KiB", l1.dcache_size()));
        told.push(format!("L2 {}", size(usize::from(l2.l2cache_size()) * 1024)));
        told.push(format!("L3 {}", size(usize::from(l2.l3cache_size()) * 512 * 1024)));
    }
    if told.is_empty() { "caches unknown".into() } else { told.join(", ") }
}

/// The date.
fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().context("cannot start `date`")?;
    ensure!(output.status.success(), "`date` failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}
