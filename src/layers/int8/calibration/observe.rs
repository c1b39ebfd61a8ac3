//! Ranges of activations, and the scale that covers a range.

use crate::layers::int8::quantization::{Quantization, round};
use crate::{Error, Plain, Zeroed, plain};
use core::num::FpCategory;

/// What is recorded of an output, or of the input, in calibration, to choose a range from. Starts as zeros, of a constant size.
pub trait Observer: Plain {
    /// Records the numbers of a batch.
    fn observe(&mut self, xs: &[f32]);

    /// The least and the largest number to be represented. NaN or infinite if such a number was recorded.
    fn range(&self) -> [f32; 2];
}

/// The least and the largest number so far, and 0.
///
/// ```
/// use fusebox::int8::{MinMax, Observer};
/// use fusebox::Zeroed;
/// let mut range = MinMax::ZEROED;
/// range.observe(&[1.0, 3.0]);
/// range.observe(&[2.0, -0.5]);
/// assert_eq!(range.range(), [-0.5, 3.0]);
/// range.observe(&[f32::NAN]);
/// assert!(range.range()[0].is_nan());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct MinMax {
    least: f32,
    most: f32,
}

plain!(MinMax { least: f32, most: f32 });

impl Observer for MinMax {
    fn observe(&mut self, xs: &[f32]) {
        for &x in xs {
            // NaN stays, and replaces what was there.
            self.least = if x >= self.least || self.least.is_nan() { self.least } else { x };
            self.most = if x <= self.most || self.most.is_nan() { self.most } else { x };
        }
    }

    fn range(&self) -> [f32; 2] {
        [self.least, self.most]
    }
}

/// A moving average of each batch's least and largest number (or 0): a batch moves it by `PERCENT` hundredths of the way, the first
/// batch all of the way.
///
/// ```
/// use fusebox::int8::{MovingAverage, Observer};
/// use fusebox::Zeroed;
/// let mut range = MovingAverage::<10>::ZEROED;
/// range.observe(&[1.0, -1.0]);
/// range.observe(&[2.0]);
/// assert_eq!(range.range(), [-0.9, 1.1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct MovingAverage<const PERCENT: u32 = 10> {
    least: f32,
    most: f32,
    /// 0, or 1 after the first batch.
    started: u32,
}

plain!([const PERCENT: u32] MovingAverage<PERCENT> { least: f32, most: f32, started: u32 });

impl<const PERCENT: u32> Observer for MovingAverage<PERCENT> {
    fn observe(&mut self, xs: &[f32]) {
        let mut batch = MinMax::ZEROED;
        batch.observe(xs);
        let part = if self.started == 0 { 1.0 } else { PERCENT as f32 / 100.0 };
        self.started = 1;
        self.least += part * (batch.least - self.least);
        self.most += part * (batch.most - self.most);
    }

    fn range(&self) -> [f32; 2] {
        [self.least, self.most]
    }
}

/// The range without the outermost numbers: at each end at most `TAIL` of a million are left out, and saturate. Of a histogram of
/// `BINS` equal bins (an even number) around 0, whose width doubles when a number lies outside. So the range is rounded outwards to
/// a bin, but never beyond the least and the largest number.
///
/// ```
/// use fusebox::int8::{Observer, Percentile};
/// use fusebox::Zeroed;
/// let mut range = Percentile::<2048, 1000>::ZEROED; // one in a thousand
/// for i in 0..10_000 {
///     range.observe(&[(i % 100) as f32 / 100.0]);
/// }
/// range.observe(&[500.0]);
/// assert_eq!(range.range(), [0.0, 1.0]); // 500 was left out
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Percentile<const BINS: usize = 2048, const TAIL: u32 = 100> {
    /// Numbers in each bin, from -limit to limit.
    counts: [u32; BINS],
    /// A power of two; 0 before the first number.
    limit: f32,
    extremes: MinMax,
}

plain!([const BINS: usize, const TAIL: u32] Percentile<BINS, TAIL> {
    counts: [u32; BINS],
    limit: f32,
    extremes: MinMax,
});

impl<const BINS: usize, const TAIL: u32> Percentile<BINS, TAIL> {
    const HALF: usize = {
        assert!(BINS >= 2 && BINS.is_multiple_of(2), "a Percentile has an even number of bins");
        BINS / 2
    };

    /// The bin of a number: of 0 the one above the middle, of numbers outside the outermost.
    fn bin(&self, x: f32) -> usize {
        // From -1 to 1, exactly: a division by a power of two. Without a limit all numbers were 0.
        let part = if self.limit > 0.0 { x / self.limit } else { 0.0 };
        // Saturates.
        let place = (f64::from(part) + 1.0) * Self::HALF as f64;
        (place as usize).min(BINS - 1)
    }

    /// Doubles the limit: two bins become one, from the middle outwards.
    fn widen(&mut self) {
        // Beyond the outermost are none.
        let count = |counts: &[u32; BINS], bin: usize| counts.get(bin).copied().unwrap_or(0);
        let two = |counts: &[u32; BINS], a, b| count(counts, a).saturating_add(count(counts, b));
        for i in 0..Self::HALF {
            let (above, below) = (Self::HALF + i, Self::HALF - 1 - i);
            let sums = (
                two(&self.counts, above + i, above + i + 1),
                two(&self.counts, below.wrapping_sub(i), below.wrapping_sub(i + 1)),
            );
            if let Ok([above, below]) = self.counts.get_disjoint_mut([above, below]) {
                (*above, *below) = sums;
            }
        }
        self.limit *= 2.0;
    }

    /// How many bins from an end on have at most `tail` numbers.
    fn outside<'a>(counts: impl Iterator<Item = &'a u32>, tail: u64) -> usize {
        let sums = counts.scan(0_u64, |sum, &count| {
            *sum += u64::from(count);
            Some(*sum)
        });
        sums.take_while(|&sum| sum <= tail).count()
    }
}

/// The magnitude of a number rounded down to a power of two; 0 if it is subnormal.
const fn power_below(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & f32::INFINITY.to_bits())
}

impl<const BINS: usize, const TAIL: u32> Observer for Percentile<BINS, TAIL> {
    fn observe(&mut self, xs: &[f32]) {
        const { _ = Self::HALF }
        self.extremes.observe(xs);
        for &x in xs.iter().filter(|x| x.is_finite()) {
            if self.limit == 0.0 && x != 0.0 {
                // The power of two above; the first number is at least in the outer half.
                self.limit = (2.0 * power_below(x)).clamp(f32::MIN_POSITIVE, power_below(f32::MAX));
            }
            while (f32::MIN_POSITIVE..power_below(f32::MAX)).contains(&self.limit) && x.abs() >= self.limit {
                self.widen();
            }
            let bin = self.bin(x);
            if let Some(count) = self.counts.get_mut(bin) {
                *count = count.saturating_add(1);
            }
        }
    }

    fn range(&self) -> [f32; 2] {
        let [least, most] = self.extremes.range();
        if !(least.is_finite() && most.is_finite()) {
            return [least, most];
        }
        let total: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let tail = total * u64::from(TAIL) / 1_000_000;
        // From the middle; the outermost bins have all numbers beyond.
        let edge = |outside: usize| match outside {
            0 => f32::INFINITY,
            _ => self.limit * (1.0 - outside as f32 / Self::HALF as f32),
        };
        let below = -edge(Self::outside(self.counts.iter(), tail));
        let above = edge(Self::outside(self.counts.iter().rev(), tail));
        [least.max(below.min(0.0)), most.min(above.max(0.0))]
    }
}

impl Quantization {
    /// The scale and the zero that cover the numbers from `least` to `most`, and 0: `scale = (most - least) / 255`, and the zero is
    /// the nearest to the number that stands for 0, by whichever end loses less to rounding, as TensorFlow Lite chooses it.
    ///
    /// Errors, as of output 0, unless both are finite, `most` or `least` is not 0, and the scale is a normal number.
    ///
    /// ```
    /// use fusebox::int8::Quantization;
    /// assert_eq!(Quantization::covering(0.0, 5.1)?, Quantization { scale: 0.02, zero: -128 });
    /// assert_eq!(Quantization::covering(-1.0, 1.0)?.zero, 0);
    /// assert_eq!(Quantization::covering(2.0, 25.5)?, Quantization { scale: 0.1, zero: -128 }); // 0 is in it
    /// assert!(Quantization::covering(0.0, 0.0).is_err());
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn covering(least: f32, most: f32) -> Result<Self, Error> {
        let refused = |got| Error::Range { output: 0, got };
        if !(least.is_finite() && most.is_finite()) {
            return Err(refused(if least.is_finite() { most } else { least }.classify()));
        }
        let (least, most) = (least.min(0.0), most.max(0.0));
        let scale = (most - least) / 255.0;
        if scale.classify() != FpCategory::Normal {
            return Err(refused(scale.classify()));
        }
        let ends = [f64::from(least) / f64::from(scale), f64::from(most) / f64::from(scale)];
        let zeros = [-128.0 - ends[0], 127.0 - ends[1]];
        let zero = if 128.0 - ends[0] < 127.0 + ends[1] { zeros[0] } else { zeros[1] };
        Ok(Self { scale, zero: round(zero).clamp(-128, 127) as i8 })
    }
}

#[cfg(test)]
mod tests {
    use super::{MinMax, Observer, Percentile};
    use crate::int8::Quantization;
    use crate::{Rng, Zeroed};
    use std::vec::Vec;

    /// Counts are those of a histogram whose limit was known from the start.
    #[test]
    fn a_histogram_that_widened_is_one_that_was_wide() {
        let mut rng = Rng::new(1);
        let xs: Vec<f32> =
            (0..5000).map(|i| (rng.uniform() - 0.5) * libm::exp2f((i / 500) as f32 - 5.0)).collect();
        let mut grown = Percentile::<64, 0>::ZEROED;
        xs.iter().for_each(|&x| grown.observe(&[x]));
        let mut wide = Percentile::<64, 0>::ZEROED;
        wide.limit = grown.limit;
        wide.observe(&xs);
        assert_eq!(grown, wide);
        assert_eq!(grown.counts.iter().sum::<u32>(), 5000);
    }

    /// Against the sorted numbers: at most the tail is outside, and no more than a bin is too much.
    #[test]
    fn percentiles_leave_out_the_tail() {
        const BINS: usize = 256;
        let mut rng = Rng::new(2);
        for skew in [0.0, 0.5, 0.9, 1.0] {
            let mut xs: Vec<f32> = (0..20_000).map(|_| (rng.uniform() - skew) * rng.uniform()).collect();
            let mut range = Percentile::<BINS, 10_000>::ZEROED;
            range.observe(&xs);
            let [least, most] = range.range();
            xs.sort_by(f32::total_cmp);
            let width = 2.0 * range.limit / BINS as f32;
            assert!(xs.iter().filter(|&&x| x < least).count() <= 200, "{skew}");
            assert!(xs.iter().filter(|&&x| x > most).count() <= 200, "{skew}");
            assert!(least >= xs[200].min(0.0) - width - 1e-6, "{skew}: {least} {}", xs[200]);
            assert!(most <= xs[xs.len() - 201].max(0.0) + width + 1e-6, "{skew}: {most}");
        }
    }

    /// Also an odd number of bins on each side, of which the outermost has no neighbour.
    #[test]
    fn no_number_is_lost_to_widening() {
        fn counted<const BINS: usize>() -> u32 {
            let mut range = Percentile::<BINS, 0>::ZEROED;
            range.observe(&[0.9, -0.9, 0.5, -0.1, 3.0, -100.0]);
            range.counts.iter().sum()
        }
        assert_eq!([counted::<2>(), counted::<4>(), counted::<6>(), counted::<10>()], [6; 4]);
    }

    /// Zeros at the start are in the middle, as they are later.
    #[test]
    fn zeros_first_or_last() {
        let (zeros, xs) = ([0.0; 50], [-1.0, -0.1, 0.1, 0.2]);
        let mut first = Percentile::<64, 300_000>::ZEROED;
        first.observe(&zeros);
        first.observe(&xs);
        let mut last = Percentile::<64, 300_000>::ZEROED;
        last.observe(&xs);
        last.observe(&zeros);
        assert_eq!(first, last);
        assert_eq!(first.range(), [0.0, 0.0625]);
    }

    #[test]
    fn extreme_numbers_end() {
        let mut range = Percentile::<8, 0>::ZEROED;
        range.observe(&[0.0, 1e-45, -1e-38, 1.0, f32::MAX, f32::MIN]);
        assert_eq!(range.range(), [f32::MIN, f32::MAX]);
        range.observe(&[f32::INFINITY]);
        assert_eq!(range.range()[1], f32::INFINITY);
        let mut range = Percentile::<8, 0>::ZEROED;
        range.observe(&[f32::MIN, f32::MAX]);
        assert_eq!(range.range(), [f32::MIN, f32::MAX]);
        let mut range = MinMax::ZEROED;
        range.observe(&[f32::NAN, 1.0, -1.0]);
        assert!(range.range().iter().all(|end| end.is_nan()));
    }

    /// 0 is exact, and numbers of the range are within half a step, or a whole one where the zero was rounded.
    #[test]
    fn ranges_are_covered() {
        let mut rng = Rng::new(3);
        for _ in 0..10_000 {
            let ends = [rng.uniform() * 8.0 - 4.0, rng.uniform() * 8.0 - 4.0];
            let (least, most) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            let q = Quantization::covering(least, most).expect("a range");
            assert_eq!(q.real(q.quantize(0.0)), 0.0);
            for i in 0..=20 {
                let x = least + (most - least) * i as f32 / 20.0;
                assert!((q.real(q.quantize(x)) - x).abs() <= 1.001 * q.scale, "{least} {most} {x}");
            }
        }
    }
}
