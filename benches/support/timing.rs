//! Times of the thread on a processor, and rates in such times.

use cpu_time::ThreadTime;

/// Seconds that something takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Operations a second of what returns how many it did.
pub(crate) fn rate(work: impl FnOnce() -> u64) -> f64 {
    let mut done = 0;
    let time = seconds(|| done = work());
    done as f64 / time
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
