//! Times of the thread on a processor, and the peak in such times.

use super::peak;
use cpu_time::ThreadTime;
use fusebox::Isa;

/// Seconds that something takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Operations a second on registers alone, of at least `flops`.
pub(crate) fn peak_rate(isa: Isa, flops: u64) -> f64 {
    let mut done = 0;
    let time = seconds(|| done = peak::run(isa, flops));
    done as f64 / time
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
