//! A replay buffer: a uniform sample of all items seen, for continual learning on a device.
//!
//! A network trained only on new data forgets earlier data. Rehearsal mixes new rows with old ones (A. Robins,
//! "Catastrophic Forgetting, Rehearsal and Pseudorehearsal", 1995); a reservoir chooses which old ones to keep when
//! their total number is unknown. Algorithm R (J. Vitter, "Random Sampling with a Reservoir", 1985, which credits A.
//! Waterman):
//!
//! ```text
//! the first N items are kept
//! item number t > N:  j = random below t;  if j < N it replaces item j, else it is refused
//! ```
//!
//! By induction, every set of N of the t items seen is equally likely to be the one kept.

use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::layout;
use crate::{Error, Rng};
use core::fmt;
use heapless::Vec;

/// A uniform sample of at most `N` of all items offered.
///
/// ```
/// use fusebox::{Dense, Reservoir, Rng, Sgd, Workspace, Zeroed};
/// type Net = Dense<2, 2>;
/// let mut rng = Rng::new(1);
/// let mut memory = Reservoir::<([f32; 2], u8), 16>::new(); // const: can be a static
/// let mut net = Net::ZEROED;
/// let mut workspace = Workspace::<Net, 8>::new();
/// for time in 0..100_u8 {
///     let row = ([f32::from(time), 1.0], time / 50); // a sensor whose world changes half-way
///     memory.offer(row, &mut rng);
///     let old = memory.sample(7, &mut rng).copied();
///     workspace.train_step_from(&mut net, old.chain([row]), &Sgd::new(0.001))?;
/// }
/// assert_eq!((memory.items().len(), memory.seen()), (16, 100));
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone)]
pub struct Reservoir<T, const N: usize> {
    items: Vec<T, N>,
    seen: u32,
}

/// The result of offering an item to a [`Reservoir`]; it returns ownership of the item that was not kept.
///
/// ```
/// use fusebox::{Offered, Reservoir, Rng};
/// let (mut rng, mut memory) = (Rng::new(1), Reservoir::<_, 1>::new());
/// assert_eq!(memory.offer("first", &mut rng), Offered::Kept);
/// match memory.offer("second", &mut rng) {
///     Offered::Kept => unreachable!("there was no room"),
///     Offered::Replaced(old) => assert_eq!((old, memory.items()), ("first", &["second"][..])),
///     Offered::Refused(new) => assert_eq!((new, memory.items()), ("second", &["first"][..])),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered<T> {
    /// There was room: the item was kept.
    Kept,
    /// The item was kept and replaced this one.
    Replaced(T),
    /// The item was not selected and is returned.
    Refused(T),
}

impl<T, const N: usize> Reservoir<T, N> {
    /// An empty reservoir.
    pub const fn new() -> Self {
        Self { items: Vec::new(), seen: 0 }
    }

    /// Offers the next item. It is kept with probability N over the number of items seen, including this one.
    ///
    /// The number of items seen saturates at 2^32 - 1, so items after the first 2^32 are kept slightly more often
    /// than they should be.
    pub fn offer(&mut self, item: T, rng: &mut Rng) -> Offered<T> {
        self.seen = self.seen.saturating_add(1);
        let Err(item) = self.items.push(item) else {
            return Offered::Kept;
        };
        match self.items.get_mut(rng.below(self.seen) as usize) {
            Some(place) => Offered::Replaced(core::mem::replace(place, item)),
            None => Offered::Refused(item),
        }
    }

    /// The kept items, in no particular order.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The number of items offered, up to 2^32 - 1.
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// Removes all items and sets the number of items seen to 0.
    pub fn clear(&mut self) {
        self.items.clear();
        self.seen = 0;
    }

    /// A uniformly random kept item; `None` if there are none.
    ///
    /// ```
    /// use fusebox::{Reservoir, Rng};
    /// let (mut rng, mut memory) = (Rng::new(1), Reservoir::<_, 4>::new());
    /// assert_eq!(memory.draw(&mut rng), None);
    /// memory.offer(7, &mut rng);
    /// assert_eq!(memory.draw(&mut rng), Some(&7));
    /// ```
    pub fn draw(&self, rng: &mut Rng) -> Option<&T> {
        // Of more than 2^32 - 1 items, only the first ones can be drawn.
        let count = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.get(rng.below(count) as usize)
    }

    /// `count` different kept items, or all of them if there are fewer, in the order of [`Reservoir::items`]; every
    /// set of that size is equally likely. Needs no memory: each item is selected with probability (still needed) /
    /// (still to come).
    ///
    /// Source: D. Knuth, "The Art of Computer Programming", volume 2, section 3.4.2, algorithm S.
    ///
    /// ```
    /// use fusebox::{Reservoir, Rng};
    /// let (mut rng, mut memory) = (Rng::new(1), Reservoir::<_, 8>::new());
    /// for item in 0..8 {
    ///     memory.offer(item, &mut rng);
    /// }
    /// let sum: i32 = memory.sample(3, &mut rng).sum();
    /// assert!((0 + 1 + 2..=5 + 6 + 7).contains(&sum));
    /// assert!(memory.sample(9, &mut rng).eq(&[0, 1, 2, 3, 4, 5, 6, 7]));
    /// ```
    pub fn sample<'a>(&'a self, count: usize, rng: &'a mut Rng) -> impl Iterator<Item = &'a T> {
        let mut to_come = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let mut wanted = u32::try_from(count).unwrap_or(u32::MAX);
        self.items.iter().filter(move |_| {
            let taken = rng.below(to_come) < wanted;
            to_come = to_come.saturating_sub(1);
            wanted -= u32::from(taken);
            taken
        })
    }
}

/// Free places are saved as zeros.
impl<T: Part + Default, const N: usize> Part for Reservoir<T, N> {
    const BYTES: usize = 2 * u32::BYTES + N * T::BYTES;
    const LAYOUT: u64 = layout("Reservoir", &[N as u64, T::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        [self.seen, self.items.len() as u32].write(to)?;
        self.items.iter().try_for_each(|item| item.write(to))?;
        let free = T::BYTES * (N - self.items.len());
        (0..free).for_each(|_| to.put(&[0]));
        Ok(())
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        let mut counts = [0; 2];
        counts.read(from);
        let [seen, count] = counts;
        // Until the reservoir is full, all offered items are kept.
        let fits = count as usize == N.min(seen as usize);
        (0..N).fold(fits, |all, i| {
            if i < count as usize {
                T::accepts(from) && all
            } else {
                from.skip(T::BYTES);
                all
            }
        })
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        let mut counts = [0; 2];
        counts.read(from);
        let [seen, count] = counts;
        self.clear();
        self.seen = seen;
        for i in 0..N {
            if i < count as usize {
                let mut item = T::default();
                item.read(from);
                // At most `N` items are pushed.
                let _room = self.items.push(item).is_ok();
            } else {
                from.skip(T::BYTES);
            }
        }
    }
}

impl<T, const N: usize> Default for Reservoir<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Reservoir<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservoir")
            .field("items", &self.items.len())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The subset of 0..32 that `items` form, as bits; fails if an item occurs twice.
    fn subset<'a>(items: impl IntoIterator<Item = &'a u32>) -> u32 {
        items.into_iter().fold(0, |bits, item| {
            assert_eq!(bits >> item & 1, 0, "{item} came twice");
            bits | 1 << item
        })
    }

    /// Draws `trials` times, counts how often each outcome occurs, and compares the counts with `outcomes` equally
    /// likely outcomes.
    ///
    /// Pearson's statistic then has approximately the chi-squared distribution with k = outcomes - 1 degrees of
    /// freedom. It is outside k - 2 sqrt(k x) and k + 2 sqrt(k x) + 2 x with a probability of at most e^-x on either
    /// side (B. Laurent and P. Massart, "Adaptive Estimation of a Quadratic Functional by Model Selection", 2000,
    /// lemma 1): with x = 9, for one in four thousand seeds. The seed is fixed, so the test always passes or always
    /// fails.
    fn assert_uniform(outcomes: u32, trials: u32, mut draw: impl FnMut() -> u32) {
        let mut counts = BTreeMap::<u32, u32>::new();
        for _ in 0..trials {
            *counts.entry(draw()).or_default() += 1;
        }
        assert_eq!(counts.len(), outcomes as usize, "every outcome occurs, and no other");
        let expected = f64::from(trials) / f64::from(outcomes);
        let chi2: f64 = counts.values().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        let (k, x) = (f64::from(outcomes - 1), 9.0);
        let spread = 2.0 * (k * x).sqrt();
        let range = k - spread..k + spread + 2.0 * x;
        assert!(range.contains(&chi2), "chi squared is {chi2}, not in {range:?}");
    }

    /// Of 9 items, each of the 84 sets of 3 is equally likely to be kept. This is stronger than equally likely items.
    #[test]
    fn every_set_of_items_is_as_likely_to_be_kept() {
        let mut rng = Rng::new(1);
        assert_uniform(84, 84_000, || {
            let mut memory = Reservoir::<u32, 3>::new();
            for item in 0..9 {
                memory.offer(item, &mut rng);
            }
            subset(memory.items())
        });
    }

    #[test]
    fn every_sample_is_as_likely() {
        let mut rng = Rng::new(2);
        let mut memory = Reservoir::<u32, 9>::new();
        for item in 0..9 {
            memory.offer(item, &mut rng);
        }
        assert_uniform(84, 84_000, || subset(memory.sample(3, &mut rng)));
        assert_uniform(9, 9_000, || *memory.draw(&mut rng).unwrap());
    }

    /// Every offered item is kept or returned, and the first N are kept.
    #[test]
    fn every_item_is_kept_or_comes_back() {
        fn check<const N: usize>() {
            let mut rng = Rng::new(3);
            let mut memory = Reservoir::<u32, N>::new();
            let mut back = std::vec::Vec::new();
            for item in 0..32 {
                match memory.offer(item, &mut rng) {
                    Offered::Kept => assert!((item as usize) < N),
                    Offered::Replaced(old) => {
                        assert!(memory.items().contains(&item) && old < item);
                        back.push(old);
                    }
                    Offered::Refused(new) => {
                        assert_eq!(new, item);
                        back.push(new);
                    }
                }
                assert_eq!(memory.items().len(), (item as usize + 1).min(N));
                assert_eq!(memory.seen(), item + 1);
            }
            assert_eq!(subset(memory.items().iter().chain(&back)), u32::MAX);
        }
        check::<0>();
        check::<1>();
        check::<2>();
        check::<31>();
        check::<32>();
        check::<33>();
    }

    #[test]
    fn samples_of_any_size() {
        let mut rng = Rng::new(4);
        let mut memory = Reservoir::<u32, 5>::new();
        for items in 0..=5 {
            for count in [0, 1, 2, 5, 6, usize::MAX] {
                let sample = subset(memory.sample(count, &mut rng));
                assert_eq!(sample.count_ones() as usize, count.min(items));
            }
            memory.offer(items as u32, &mut rng);
        }
        memory.clear();
        assert_eq!((memory.items().len(), memory.seen()), (0, 0));
        assert_eq!(memory.draw(&mut rng), None);
        assert_eq!(memory.sample(3, &mut rng).count(), 0);
    }

    /// The counter saturates, and further offers work.
    #[test]
    fn more_items_than_can_be_counted() {
        let mut rng = Rng::new(5);
        let mut memory = Reservoir::<u32, 2> { items: Vec::from_array([0, 1]), seen: u32::MAX - 1 };
        for item in 2..9 {
            let offered = memory.offer(item, &mut rng);
            assert!(matches!(offered, Offered::Refused(_) | Offered::Replaced(_)));
            assert_eq!(memory.seen(), u32::MAX);
        }
    }

    /// Items that are not `Copy` are dropped once each.
    #[test]
    fn items_are_owned() {
        use std::rc::Rc;
        let (mut rng, token) = (Rng::new(6), Rc::new(()));
        let mut memory = Reservoir::<Rc<()>, 3>::new();
        for _ in 0..20 {
            drop(memory.offer(Rc::clone(&token), &mut rng));
        }
        assert_eq!(Rc::strong_count(&token), 1 + 3);
        drop(memory);
        assert_eq!(Rc::strong_count(&token), 1);
    }
}
