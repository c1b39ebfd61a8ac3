//! Times in % of the machine's own limit, everyone in turn.
//!
//! ```text
//! for each run
//!     how often it must be done to take about as long as the loop on registers
//! for each round
//!     the loop of multiply-adds on registers
//!     for each run
//!         the run once, which brings its memory into the cache
//!         the run, some tenths of a millisecond or once
//!         the loop of multiply-adds on registers
//!         its part of the peak: its rate by the mean of the loop's before and after
//! ```
//!
//! What the clock or another process does to one, it does to all; what it does to few, the median forgets.

use crate::peak;
use fusebox::Isa;
use std::time::{Duration, Instant};

/// Something to time: what it does with a subject of type `T`, so many times.
pub type Run<'a, T> = Box<dyn Fn(&mut T, u64) + 'a>;

/// Operations of a loop on registers, at least.
const FLOPS: u64 = 30_000_000;
/// What a batch of runs takes, at least.
const BATCH: Duration = Duration::from_micros(250);
/// Tries of a batch while its size is sought, the fastest of which counts.
const TRIES: usize = 3;
/// Rounds that even the slowest run gets.
const ROUNDS: usize = 5;

/// Medians over all rounds.
pub struct Measured {
    /// The part of the peak that each run reaches.
    pub parts: Vec<Option<f64>>,
    /// The peak, in operations a second.
    pub peak: f64,
}

/// Times `runs`, each of `flops` operations on `subject`, in as many rounds as fit into `time`. The peak is that of `isa`.
pub fn measure<T>(
    isa: Isa,
    time: Duration,
    flops: u64,
    subject: &mut T,
    runs: &[Option<Run<'_, T>>],
) -> Measured {
    let batches: Vec<u64> =
        runs.iter().map(|run| run.as_ref().map_or(0, |run| batch(subject, run))).collect();
    let peak_flops = FLOPS.max(flops / 8);
    let (mut parts, mut peaks) = (vec![Vec::new(); runs.len()], Vec::new());
    let start = Instant::now();
    for round in 0.. {
        if round >= ROUNDS && start.elapsed() >= time {
            break;
        }
        let mut before = peak_rate(isa, peak_flops);
        for ((run, &times), parts) in runs.iter().zip(&batches).zip(&mut parts) {
            let Some(run) = run else { continue };
            run(subject, 1);
            let rate = rate(|| {
                run(subject, times);
                times * flops
            });
            let after = peak_rate(isa, peak_flops);
            parts.push(2.0 * rate / (before + after));
            peaks.push(before);
            before = after;
        }
    }
    Measured { parts: parts.into_iter().map(median).collect(), peak: median(peaks).unwrap_or(f64::NAN) }
}

/// How often to do a run for a batch of it, a power of two.
fn batch<T>(subject: &mut T, run: &Run<'_, T>) -> u64 {
    let mut times = 1;
    loop {
        let fastest = (0..TRIES).map(|_| {
            let start = Instant::now();
            run(subject, times);
            start.elapsed()
        });
        if fastest.min() >= Some(BATCH) {
            return times;
        }
        times *= 2;
    }
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

/// The number that half of the others do not reach, if there is any.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
