//! Times in % of the machine's own limit, everyone in turn.
//!
//! ```text
//! for each round
//!     the loop of multiply-adds on registers
//!     for each run
//!         the run once, which brings the matrices into the cache
//!         the run, some tenths of a millisecond or one product
//!         the loop of multiply-adds on registers
//!         its part of the peak: its rate by the mean of the loop's before and after
//! ```
//!
//! What the clock or another process does to one, it does to all; what it does to few, the median forgets.

use crate::peak;
use crate::product::Product;
use crate::shapes::Shape;
use fusebox::Isa;
use std::time::{Duration, Instant};

/// Something to time: it multiplies, or what else the operands are for, so many times.
pub(crate) type Run<'a> = Box<dyn Fn(&mut Product, u64) + 'a>;

/// Operations of a batch of products, and of a loop on registers, at least.
const FLOPS: u64 = 30_000_000;
/// Products in a batch, at most: the smallest, which take nanoseconds, are slower by the operation.
const PRODUCTS: u64 = 20_000;
/// Rounds that even the largest product gets.
const ROUNDS: usize = 5;

/// How to measure.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// Whose peak is 1.
    pub(crate) isa: Isa,
    /// For each shape, after which no further round begins.
    pub(crate) time: Duration,
    /// Numbers between the start of a cache line and each matrix.
    pub(crate) offset: usize,
}

/// The part of the peak that each run reaches: medians of as many rounds as the time given allows.
pub(crate) fn measure(conditions: Conditions, shape: Shape, runs: &[Option<Run<'_>>]) -> Vec<Option<f64>> {
    let Conditions { isa, time, offset } = conditions;
    let mut product = Product::new(shape, offset);
    let times = FLOPS.div_ceil(shape.flops()).min(PRODUCTS);
    let peak_flops = FLOPS.max(shape.flops() / 8);
    let mut parts = vec![Vec::new(); runs.len()];
    let start = Instant::now();
    for round in 0.. {
        if round >= ROUNDS && start.elapsed() >= time {
            break;
        }
        let mut before = peak_rate(isa, peak_flops);
        for (run, parts) in runs.iter().zip(&mut parts) {
            let Some(run) = run else { continue };
            run(&mut product, 1);
            let rate = rate(|| {
                run(&mut product, times);
                times * shape.flops()
            });
            let after = peak_rate(isa, peak_flops);
            parts.push(2.0 * rate / (before + after));
            before = after;
        }
    }
    parts.into_iter().map(median).collect()
}

fn peak_rate(isa: Isa, flops: u64) -> f64 {
    rate(|| peak::run(isa, flops))
}

/// Operations a second of something that returns how many it did.
fn rate(work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let flops = work();
    flops as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
