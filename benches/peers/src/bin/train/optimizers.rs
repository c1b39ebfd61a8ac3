//! What other optimisers cost beside plain descent, all on one network in one run.

use crate::contest::run;
use crate::ours::{Batch, Ours};
use comfy_table::Table;
use fusebox::{Adam, AdamW, ClipNorm, Isa, Momentum, Sgd};
use measuring::table::aligned;
use measuring::timing::measure;
use std::hint::black_box;
use std::time::Duration;

const IN: usize = 784;
const HIDDEN: usize = 128;
const OUT: usize = 10;
const BATCH: usize = 32;
/// As in [`crate::contest`].
const RATE: f32 = 1e-6;

struct All {
    batch: Batch<IN, BATCH>,
    sgd: Ours<IN, HIDDEN, OUT, BATCH, Sgd>,
    momentum: Ours<IN, HIDDEN, OUT, BATCH, Momentum>,
    adam: Ours<IN, HIDDEN, OUT, BATCH, Adam>,
    adamw: Ours<IN, HIDDEN, OUT, BATCH, AdamW>,
    clipped: Ours<IN, HIDDEN, OUT, BATCH, ClipNorm<Sgd>>,
}

/// Each optimiser's time by plain descent's.
pub(crate) fn optimizers(time: Duration) -> Table {
    let mut all = All {
        batch: Batch::random(OUT),
        sgd: Ours::new(Sgd::new(RATE)),
        momentum: Ours::new(Momentum::new(RATE, 0.9)),
        adam: Ours::new(Adam::new(RATE)),
        adamw: Ours::new(AdamW::new(RATE, 0.01)),
        clipped: Ours::new(ClipNorm::new(Sgd::new(RATE), 1.0)),
    };
    let names = ["Sgd", "Momentum", "Adam", "AdamW", "ClipNorm<Sgd>"];
    let runs = [
        run(|all: &mut All| _ = black_box(all.sgd.step(&all.batch))),
        run(|all: &mut All| _ = black_box(all.momentum.step(&all.batch))),
        run(|all: &mut All| _ = black_box(all.adam.step(&all.batch))),
        run(|all: &mut All| _ = black_box(all.adamw.step(&all.batch))),
        run(|all: &mut All| _ = black_box(all.clipped.step(&all.batch))),
    ];
    // As many operations for each: what a rule adds is what is asked for.
    let flops = 2 * BATCH as u64 * (2 * IN * HIDDEN + 3 * HIDDEN * OUT) as u64;
    let measured = measure(Isa::detect(), time, flops, &mut all, &runs);
    let parts: Vec<f64> = measured.parts.into_iter().flatten().collect();
    let plain = parts.first().copied().unwrap_or(f64::NAN);
    let floor = 1e6 * flops as f64 / measured.peak;
    let row = |(name, part): (&str, &f64)| {
        vec![name.to_string(), format!("{:.1}", floor / part), format!("{:.2}", plain / part)]
    };
    let header = [format!("step {IN}-{HIDDEN}-{OUT}, batch {BATCH}"), "us".into(), "by Sgd's".into()];
    aligned(header.into(), names.into_iter().zip(&parts).map(row).collect())
}
