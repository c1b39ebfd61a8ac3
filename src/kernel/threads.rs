//! Kernels on the threads of a rayon pool.
//!
//! ```text
//! parts = one for each thread of the pool, if each is worth its wake-up
//! units that are in no other unit's sum, in equal parts: so the bits are those of one thread
//! ```

use core::ops::Range;

/// Calls `run` with parts of `units`, of `macs` multiply-adds each: with the feature `rayon` on several threads, where
/// there is enough to do.
///
/// # Safety
/// `run` may run on any threads, and at once with units of which no other call has any.
#[inline(always)]
pub(super) unsafe fn in_parts(units: Range<usize>, macs: usize, run: impl Fn(Range<usize>)) {
    #[cfg(all(feature = "rayon", not(fusebox_scalar)))]
    {
        use crate::kernel::gemm::PART;
        let worth = units.len().saturating_mul(macs) / PART;
        if worth >= 2 {
            let parts = rayon::current_num_threads().min(worth).min(units.len());
            return split(units, parts, &Shared(run));
        }
    }
    #[cfg(not(all(feature = "rayon", not(fusebox_scalar))))]
    let _ = macs;
    run(units);
}

/// What may be called from several threads.
#[cfg(all(feature = "rayon", not(fusebox_scalar)))]
struct Shared<F>(F);

// SAFETY: the promise of whoever called `in_parts`, which alone makes one.
#[cfg(all(feature = "rayon", not(fusebox_scalar)))]
unsafe impl<F> Sync for Shared<F> {}

/// Divides `units` into `parts` whose lengths differ by one at most, if there are as many units.
#[cfg(all(feature = "rayon", not(fusebox_scalar)))]
fn split<F: Fn(Range<usize>)>(units: Range<usize>, parts: usize, run: &Shared<F>) {
    if parts < 2 {
        return (run.0)(units);
    }
    let half = parts / 2;
    let cut = units.start + units.len() / parts * half + units.len() % parts * half / parts;
    let halves = (units.start..cut, cut..units.end);
    rayon::join(|| split(halves.0, half, run), || split(halves.1, parts - half, run));
}

#[cfg(all(test, feature = "rayon", not(fusebox_scalar)))]
mod tests {
    use super::{Shared, split};
    use std::sync::Mutex;
    use std::vec::Vec;

    #[test]
    fn equal_parts() {
        for (units, parts) in (1..40).flat_map(|units| (1..=units).map(move |parts| (units, parts))) {
            let found = Mutex::new(Vec::new());
            split(3..3 + units, parts, &Shared(|part| found.lock().unwrap().push(part)));
            let mut found = found.into_inner().unwrap();
            found.sort_by_key(|part| part.start);
            assert_eq!(found.len(), parts);
            assert!(
                found.iter().all(|part| part.len() == units / parts || part.len() == units.div_ceil(parts))
            );
            assert!(found.iter().flat_map(Clone::clone).eq(3..3 + units), "{units} in {parts}: {found:?}");
        }
    }
}
