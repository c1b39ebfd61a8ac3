//! Kernels on the threads of a rayon pool.
//!
//! ```text
//! parts = one for each thread of the pool, if each is worth its wake-up
//! units that are in no other unit's sum, in equal parts: so the bits are those of one thread
//! ```
//!
//! There are two doors: [`in_parts`] for kernels with pointers into their operands, and [`Isa::call_in_parts`] for passes over
//! slices, which are cut without unsafe code.

use crate::Isa;
use crate::simd::Pass;
use core::ops::Range;

/// Work in units that do not depend on each other.
#[cfg_attr(not(fusebox_threads), expect(dead_code, reason = "nothing is divided without threads"))]
pub(crate) trait Divide: Send + Sized {
    /// What a part must have to be worth waking a thread, in what [`Divide::size`] counts: a pass over 32768 numbers takes some
    /// ten to thirty microseconds, the waking five to ten.
    const PART: usize = 1 << 15;

    /// The number of units, and what each has of what [`Divide::PART`] counts: of a pass, numbers that it goes over.
    fn size(&self) -> [usize; 2];

    /// Takes so many units off, from the first on.
    fn take_first(&mut self, units: usize) -> Self;
}

/// [`Divide::size`] of a pass over rows of `n` numbers.
pub(crate) fn size_in_rows(numbers: &[f32], n: usize) -> [usize; 2] {
    [numbers.len().checked_div(n).unwrap_or(0), n]
}

/// [`Divide::size`] of a pass over numbers one by one, sixteen to a unit: no part but the last ends inside a vector.
pub(crate) fn size_in_sixteens(numbers: &[f32]) -> [usize; 2] {
    [numbers.len().div_ceil(16), 16]
}

/// Takes the first `n` numbers off a slice, or all.
pub(crate) fn first<'a, T>(from: &mut &'a [T], n: usize) -> &'a [T] {
    from.split_off(..n.min(from.len())).unwrap_or_default()
}

/// [`first`], mutable.
pub(crate) fn first_mut<'a, T>(from: &mut &'a mut [T], n: usize) -> &'a mut [T] {
    from.split_off_mut(..n.min(from.len())).unwrap_or_default()
}

impl Isa {
    /// [`Isa::call`]: with the feature `rayon` on several threads, where there is enough to do.
    #[inline(always)]
    pub(crate) fn call_in_parts<P: Pass<Output = ()> + Divide>(self, pass: P) {
        #[cfg(fusebox_threads)]
        divide(pass, &|part: P| self.call(part));
        #[cfg(not(fusebox_threads))]
        self.call(pass);
    }
}

/// Calls `run` with parts of `units`, of `macs` multiply-adds each: with the feature `rayon` on several threads, where
/// there is enough to do.
///
/// # Safety
/// `run` may run on any threads, and at once with units of which no other call has any.
#[inline(always)]
pub(super) unsafe fn in_parts(units: Range<usize>, macs: usize, run: impl Fn(Range<usize>)) {
    #[cfg(fusebox_threads)]
    {
        let run = Shared(run);
        divide(Units { units, macs }, &|part: Units| run.call(part.units));
    }
    #[cfg(not(fusebox_threads))]
    {
        let _ = macs;
        run(units);
    }
}

/// Units by their numbers, of so many multiply-adds each.
#[cfg(fusebox_threads)]
struct Units {
    units: Range<usize>,
    macs: usize,
}

#[cfg(fusebox_threads)]
impl Divide for Units {
    const PART: usize = super::gemm::PART;

    fn size(&self) -> [usize; 2] {
        [self.units.len(), self.macs]
    }

    fn take_first(&mut self, units: usize) -> Self {
        let first = self.units.start..self.units.start + units;
        self.units.start = first.end;
        Self { units: first, ..*self }
    }
}

/// What may be called from several threads.
#[cfg(fusebox_threads)]
struct Shared<F>(F);

#[cfg(fusebox_threads)]
impl<F: Fn(Range<usize>)> Shared<F> {
    fn call(&self, units: Range<usize>) {
        (self.0)(units);
    }
}

// SAFETY: the promise of whoever called `in_parts`, which alone makes one.
#[cfg(fusebox_threads)]
unsafe impl<F> Sync for Shared<F> {}

/// Calls `run` with parts of the whole, as many as are worth a thread.
#[cfg(fusebox_threads)]
#[inline]
fn divide<T: Divide>(whole: T, run: &(impl Fn(T) + Sync)) {
    let [units, each] = whole.size();
    let worth = units.saturating_mul(each) / T::PART;
    if worth < 2 {
        return run(whole);
    }
    split(whole, rayon::current_num_threads().min(worth).min(units), run);
}

/// Divides the whole into `parts` whose units differ by one at most, if there are as many units.
#[cfg(fusebox_threads)]
fn split<T: Divide>(mut whole: T, parts: usize, run: &(impl Fn(T) + Sync)) {
    if parts < 2 {
        return run(whole);
    }
    let (half, [units, _]) = (parts / 2, whole.size());
    let first = whole.take_first(units / parts * half + units % parts * half / parts);
    rayon::join(|| split(first, half, run), || split(whole, parts - half, run));
}

#[cfg(all(test, fusebox_threads))]
mod tests {
    use super::{Units, split};
    use std::sync::Mutex;
    use std::vec::Vec;

    #[test]
    fn equal_parts() {
        for (units, parts) in (1..40).flat_map(|units| (1..=units).map(move |parts| (units, parts))) {
            let found = Mutex::new(Vec::new());
            let whole = Units { units: 3..3 + units, macs: 1 };
            split(whole, parts, &|part: Units| found.lock().unwrap().push(part.units));
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
