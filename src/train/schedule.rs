//! Learning rate schedules: the learning rate as a function of the step.
//!
//! ```text
//! constant      rate
//! step decay    rate factor^floor(step / every)
//! exponential   rate factor^(step / every)
//! cosine        first w + last (1 - w),  w = (1 + cos(pi step / steps)) / 2;  last from `steps` on
//! warm-up       rate(0) (step + 1) / (warm_up + 1) for `warm_up` steps, then any of these from its step 0
//! ```
//!
//! Cosine annealing: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016,
//! equation 5, without restarts. Warm-up: P. Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2; here the
//! first step already has a rate above zero, and the first step after the warm-up continues with the same slope.

use crate::Error;
use crate::checkpoint::{Part, Reader, Writer};
use crate::memory::layout;
use crate::optimizers::settings;

/// A learning rate for every step: finite, not negative, and never above the largest rate it was created with.
///
/// Set the optimiser's rate from it between steps. Powers and cosines are computed by `libm`: the same bits on every
/// machine.
///
/// ```
/// use fusebox::{Schedule, Sgd};
/// // Checked by the compiler.
/// const RATES: Schedule = match Schedule::cosine(0.1, 0.0, 1000) {
///     Ok(rates) => rates.warm_up(3),
///     Err(_) => panic!("a rate is negative or not finite"),
/// };
/// let mut optimizer = Sgd::new(RATES.rate(0));
/// assert_eq!(optimizer.rate, 0.025);
/// optimizer.rate = RATES.rate(3);
/// assert_eq!(optimizer.rate, 0.1);
/// assert!((RATES.rate(3 + 500) - 0.05).abs() < 1e-7);
/// assert_eq!(RATES.rate(3 + 1000), 0.0);
/// ```
///
/// For transformers: 100 steps of warm-up, then a cosine to a tenth at step 5000, and that from then on.
///
/// ```
/// let rates = fusebox::Schedule::cosine(1e-3, 1e-4, 5000 - 100)?.warm_up(100);
/// assert!((rates.rate(0) - 1e-3 / 101.0).abs() < 1e-9);
/// assert_eq!([100, 5000, 9000].map(|step| rates.rate(step)), [1e-3, 1e-4, 1e-4]);
/// assert!((rates.rate(2550) - 5.5e-4).abs() < 1e-9); // half way
/// # Ok::<(), fusebox::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    curve: Curve,
    warm_up: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    Constant { rate: f32 },
    StepDecay { rate: f32, factor: f32, every: u32 },
    Exponential { rate: f32, factor: f32, every: u32 },
    Cosine { first: f32, last: f32, steps: u32 },
}

impl Schedule {
    /// The same rate for every step. Errors if it is negative or not finite.
    pub const fn constant(rate: f32) -> Result<Self, Error> {
        match settings::not_negative("rate", rate) {
            Ok(()) => Ok(Self::of(Curve::Constant { rate })),
            Err(error) => Err(error),
        }
    }

    /// `rate`, multiplied by `factor` after every `every` steps; an `every` of 0 counts as 1. Errors if the rate is
    /// negative or not finite, or the factor is not between 0 and 1.
    ///
    /// ```
    /// let rates = fusebox::Schedule::step_decay(0.8, 0.5, 100)?;
    /// assert_eq!([0, 99, 100, 250].map(|step| rates.rate(step)), [0.8, 0.8, 0.4, 0.2]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn step_decay(rate: f32, factor: f32, every: u32) -> Result<Self, Error> {
        match check_decay(rate, factor) {
            Ok(()) => Ok(Self::of(Curve::StepDecay { rate, factor, every })),
            Err(error) => Err(error),
        }
    }

    /// Like [`Schedule::step_decay`], but smooth: step `t` has the rate `rate * factor^(t / every)`.
    ///
    /// ```
    /// let rates = fusebox::Schedule::exponential(0.8, 0.25, 100)?;
    /// assert_eq!([0, 50, 100].map(|step| rates.rate(step)), [0.8, 0.4, 0.2]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub const fn exponential(rate: f32, factor: f32, every: u32) -> Result<Self, Error> {
        match check_decay(rate, factor) {
            Ok(()) => Ok(Self::of(Curve::Exponential { rate, factor, every })),
            Err(error) => Err(error),
        }
    }

    /// Half a cosine wave from `first` at step 0 to `last` at step `steps`, and `last` after that; with 0 steps,
    /// always `last`. Errors if a rate is negative or not finite.
    ///
    /// ```
    /// use fusebox::{Error, Schedule};
    /// let rates = Schedule::cosine(0.3, 0.1, 10)?;
    /// assert_eq!([0, 10, 11].map(|step| rates.rate(step)), [0.3, 0.1, 0.1]);
    /// let expected = "finite and not negative";
    /// assert_eq!(Schedule::cosine(0.3, -0.1, 10), Err(Error::Setting { name: "last", expected }));
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn cosine(first: f32, last: f32, steps: u32) -> Result<Self, Error> {
        match (settings::not_negative("first", first), settings::not_negative("last", last)) {
            (Ok(()), Ok(())) => Ok(Self::of(Curve::Cosine { first, last, steps })),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Adds `steps` steps that rise linearly to the first rate, replacing an earlier warm-up. The rest of the
    /// schedule is that many steps later.
    ///
    /// ```
    /// let rates = fusebox::Schedule::constant(0.5)?.warm_up(3);
    /// assert_eq!([0, 1, 2, 3, 4].map(|step| rates.rate(step)), [0.125, 0.25, 0.375, 0.5, 0.5]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    #[must_use]
    pub const fn warm_up(self, steps: u32) -> Self {
        Self { warm_up: steps, ..self }
    }

    const fn of(curve: Curve) -> Self {
        Self { curve, warm_up: 0 }
    }

    /// The rate for step `step`, counted from 0.
    ///
    /// ```
    /// assert_eq!(fusebox::Schedule::constant(0.1)?.rate(u32::MAX), 0.1);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn rate(&self, step: u32) -> f32 {
        match step.checked_sub(self.warm_up) {
            Some(step) => self.curve.rate(step),
            None => self.curve.rate(0) * ((step as f32 + 1.0) / (self.warm_up as f32 + 1.0)),
        }
    }
}

impl Curve {
    fn rate(self, step: u32) -> f32 {
        match self {
            Curve::Constant { rate } => rate,
            Curve::StepDecay { rate, factor, every } => {
                rate * libm::powf(factor, (step / every.max(1)) as f32)
            }
            Curve::Exponential { rate, factor, every } => {
                rate * libm::powf(factor, step as f32 / every.max(1) as f32)
            }
            Curve::Cosine { last, steps, .. } if step >= steps => last,
            Curve::Cosine { first, last, steps } => {
                let angle = core::f32::consts::PI * (step as f32 / steps as f32);
                let weight = 0.5 + 0.5 * libm::cosf(angle);
                // Rounding may make the sum larger than both ends.
                (first * weight + last * (1.0 - weight)).min(first.max(last))
            }
        }
    }
}

const fn check_decay(rate: f32, factor: f32) -> Result<(), Error> {
    match settings::share("factor", factor) {
        Ok(()) => settings::not_negative("rate", rate),
        Err(error) => Err(error),
    }
}

/// Saves the kind of curve, its three settings, and the warm-up.
impl Part for Schedule {
    const BYTES: usize = 5 * u32::BYTES;
    const LAYOUT: u64 = layout("Schedule", &[]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        let [kind, first, second, third] = match self.curve {
            Curve::Constant { rate } => [0, rate.to_bits(), 0, 0],
            Curve::StepDecay { rate, factor, every } => [1, rate.to_bits(), factor.to_bits(), every],
            Curve::Exponential { rate, factor, every } => [2, rate.to_bits(), factor.to_bits(), every],
            Curve::Cosine { first, last, steps } => [3, first.to_bits(), last.to_bits(), steps],
        };
        [kind, first, second, third, self.warm_up].write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        Self::parse(from).is_some()
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        if let Some(schedule) = Self::parse(from) {
            *self = schedule;
        }
    }
}

impl Schedule {
    fn parse(from: &mut Reader<'_>) -> Option<Self> {
        let mut numbers = [0; 5];
        numbers.read(from);
        let [kind, first, second, third, warm_up] = numbers;
        let (first, second) = (f32::from_bits(first), f32::from_bits(second));
        let schedule = match kind {
            0 => Self::constant(first),
            1 => Self::step_decay(first, second, third),
            2 => Self::exponential(first, second, third),
            3 => Self::cosine(first, second, third),
            _ => return None,
        };
        Some(schedule.ok()?.warm_up(warm_up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const U: f64 = 1.0 / 16_777_216.0; // 2^-24
    const STEPS: [u32; 12] = [0, 1, 2, 3, 9, 10, 11, 99, 1000, 16_777_217, u32::MAX - 1, u32::MAX];
    const RATES: [f32; 6] = [0.0, f32::from_bits(1), 0.003, 0.1, 1.0, f32::MAX];

    /// Calls `check` for every kind of schedule with various rates and lengths.
    fn for_each(mut check: impl FnMut(Schedule, f32)) {
        for rate in RATES {
            check(Schedule::constant(rate).unwrap(), rate);
            for length in STEPS {
                for factor in [0.0, f32::from_bits(1), 0.1, 0.5, 0.999, 1.0 - f32::EPSILON / 2.0, 1.0] {
                    check(Schedule::step_decay(rate, factor, length).unwrap(), rate);
                    check(Schedule::exponential(rate, factor, length).unwrap(), rate);
                }
                for last in RATES {
                    check(Schedule::cosine(rate, last, length).unwrap(), rate.max(last));
                }
            }
        }
    }

    #[test]
    fn no_rate_is_negative_or_above_the_largest_or_nan() {
        for_each(|schedule, largest| {
            for warm_up in STEPS {
                let schedule = schedule.warm_up(warm_up);
                for step in STEPS {
                    let rate = schedule.rate(step);
                    assert!((0.0..=largest).contains(&rate), "{schedule:?} gives {rate} at {step}");
                }
            }
        });
    }

    #[test]
    fn warm_up_rises_to_the_first_rate_and_then_delays() {
        for_each(|schedule, _| {
            for warm_up in [0, 1, 2, 10, 1000] {
                let late = schedule.warm_up(warm_up);
                for step in STEPS {
                    if let Some(later) = step.checked_add(warm_up) {
                        assert_eq!(late.rate(later), schedule.rate(step));
                    }
                }
                let rates = || (0..=warm_up).map(|step| late.rate(step));
                assert!(rates().zip(rates().skip(1)).all(|(rate, next)| rate <= next));
            }
        });
        let rates = Schedule::constant(1.0).unwrap().warm_up(7).warm_up(3);
        assert_eq!([0, 1, 2, 3].map(|step| rates.rate(step)), [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn ends() {
        for_each(|schedule, _| {
            let (first, far) = (schedule.rate(0), schedule.rate(u32::MAX));
            match schedule.curve {
                Curve::Constant { rate } => assert_eq!((first, far), (rate, rate)),
                Curve::StepDecay { rate, .. } | Curve::Exponential { rate, .. } => assert_eq!(first, rate),
                Curve::Cosine { first: a, last, steps } => {
                    assert_eq!(first, if steps == 0 { last } else { a });
                    assert_eq!((schedule.rate(steps), far), (last, last));
                }
            }
        });
    }

    /// The quotient, the angle and `PI` itself have a relative error of at most 5 u (two conversions, a division, a
    /// product, the constant), so the angle an error of 5 pi u < 16 u, and so has its cosine, plus 2 u of rounding.
    /// Half of it has an error of 9 u, its sum with a half one more u. The result has that error times |first -
    /// last|; two products and a sum add rounding: 12 u of the larger rate in total.
    #[test]
    fn cosine_is_as_close_as_its_roundings() {
        for (first, last) in [(0.1_f32, 0.001_f32), (0.0, 1.0), (0.3, 0.3), (1e-30, 1e-32)] {
            for steps in [1, 2, 3, 7, 100, 12_345, 16_777_217, u32::MAX] {
                let schedule = Schedule::cosine(first, last, steps).unwrap();
                for part in 0..=64_u64 {
                    let step = (u64::from(steps) * part / 64) as u32;
                    let angle = core::f64::consts::PI * f64::from(step) / f64::from(steps);
                    let weight = 0.5 + 0.5 * libm::cos(angle);
                    let exact = f64::from(first) * weight + f64::from(last) * (1.0 - weight);
                    let error = (f64::from(schedule.rate(step)) - exact).abs();
                    assert!(
                        error <= 12.0 * U * f64::from(first.max(last)),
                        "{schedule:?} at {step}: {error}"
                    );
                }
            }
        }
    }

    /// A relative error of 3 u in the exponent (two conversions, a division) changes a power by |ln of it| 3 u,
    /// `powf` by one ulp (2 u), the product by u; below 2^-126, each of the last two by at most 2^-149.
    #[test]
    fn decays_are_as_close_as_their_roundings() {
        let rate = 0.1_f32;
        for factor in [0.1_f32, 0.5, 0.9, 0.999, 1.0 - f32::EPSILON / 2.0, 1.0] {
            for every in [1_u32, 2, 3, 100, 12_345] {
                for step in STEPS {
                    let check = |schedule: Schedule, exponent: f64| {
                        let log = exponent * libm::log(factor.into());
                        let exact = f64::from(rate) * libm::exp(log);
                        let error = (f64::from(schedule.rate(step)) - exact).abs();
                        let relative = 1.01 * (3.0 * log.abs() + 3.0) * U; // products of errors, and those of f64
                        let bound = relative * exact + 2.0 * libm::exp2(-149.0);
                        assert!(error <= bound, "{schedule:?} at {step}: {error} > {bound}");
                    };
                    let exponent = f64::from(step) / f64::from(every);
                    check(Schedule::exponential(rate, factor, every).unwrap(), exponent);
                    check(Schedule::step_decay(rate, factor, every).unwrap(), (step / every).into());
                }
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let refuses = |result: Result<Schedule, Error>, wrong: &str| {
            assert!(matches!(result, Err(Error::Setting { name, .. }) if name == wrong), "{result:?}");
        };
        for rate in [f32::NAN, -1e-30, f32::INFINITY, f32::NEG_INFINITY] {
            refuses(Schedule::constant(rate), "rate");
            refuses(Schedule::step_decay(rate, 0.5, 1), "rate");
            refuses(Schedule::exponential(rate, 0.5, 1), "rate");
            refuses(Schedule::cosine(rate, 0.0, 1), "first");
            refuses(Schedule::cosine(0.0, rate, 1), "last");
        }
        for factor in [f32::NAN, -0.1, 1.0 + f32::EPSILON, f32::INFINITY] {
            refuses(Schedule::step_decay(0.1, factor, 1), "factor");
            refuses(Schedule::exponential(0.1, factor, 1), "factor");
        }
    }
}
