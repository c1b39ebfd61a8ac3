//! Statistics within the bounds that `src/data/statistics.rs` derives.

use super::reference::{COUNTS, Reference, U, count, data_sets};
use core::num::FpCategory::{Infinite, Nan};
use fusebox::Error;
use fusebox::data::{MinMax, Standardize, Statistics, check_finite};

#[test]
fn statistics_agree_with_two_passes_in_f64() {
    for n in COUNTS {
        for (name, xs) in data_sets(n) {
            let (statistics, reference) = (count(&xs), Reference::of(&xs));
            let [mean, variance] = [statistics.mean(), statistics.variance()].map(|[x]| f64::from(x));
            let error = (mean - reference.mean).abs();
            assert!(error <= reference.mean_bound(), "{name}, {n}: mean off by {error:e}");
            let (error, bound) = ((variance - reference.variance).abs(), reference.variance_bound(n));
            assert!(error <= bound, "{name}, {n}: variance off by {error:e}, allowed {bound:e}");
            assert_eq!(statistics.std(), [(variance as f32).sqrt()]);
            assert_eq!(statistics.min(), [xs.iter().copied().fold(f32::INFINITY, f32::min)]);
            assert_eq!(statistics.max(), [xs.iter().copied().fold(f32::NEG_INFINITY, f32::max)]);
            assert_eq!((statistics.rows(), statistics.count()), (n as u32, [n as u32]));
        }
    }
}

/// A merge adds to each half's errors: of the distance of the means (3 u R + u^2 M), of its part (5 u), of storing (2 u^2 M),
/// which are less than a second E of the whole; the halves' own are less than one E, whose n is larger. A merged square is
/// rounded 13 times, and holds 2 n_a n_b / n |d| (3 E) <= 3 n E s of the means' errors.
#[test]
fn halves_merge_to_the_whole() {
    for n in COUNTS {
        for (name, xs) in data_sets(n) {
            for at in [0, 1, n / 3, n - 1, n] {
                let (mut one, other) = (count(&xs[..at]), count(&xs[at..]));
                one.merge(&other);
                let reference = Reference::of(&xs);
                let [mean, variance] = [one.mean(), one.variance()].map(|[x]| f64::from(x));
                let error = (mean - reference.mean).abs();
                let shift = 3.0 * reference.shift;
                assert!(
                    error <= shift + U * reference.magnitude,
                    "{name}, {at} of {n}: mean off by {error:e}"
                );
                let error = (variance - reference.variance).abs();
                let bound = reference.variance_bound(n)
                    + shift * reference.variance.sqrt()
                    + shift * shift
                    + 13.0 * U * reference.variance;
                assert!(error <= bound, "{name}, {at} of {n}: variance off by {error:e}, allowed {bound:e}");
                let whole = count(&xs);
                assert_eq!((one.min(), one.max()), (whole.min(), whole.max()));
                assert_eq!((one.rows(), one.count()), (n as u32, [n as u32]));
            }
        }
    }
}

#[test]
fn nothing_that_is_not_finite_is_counted() {
    let mut statistics = Statistics::<3>::new();
    statistics.add(&[1.0, 2.0, 3.0]).unwrap();
    let before = statistics;
    for (bad, got) in [(f32::NAN, Nan), (f32::INFINITY, Infinite), (f32::NEG_INFINITY, Infinite)] {
        for feature in 0..3 {
            let mut row = [4.0; 3];
            row[feature] = bad;
            assert_eq!(statistics.add(&row), Err(Error::NotFinite { row: 1, feature, got }));
            assert_eq!(statistics, before);
            assert_eq!(
                check_finite(&[[0.0; 3], [0.0; 3], row, row]),
                Err(Error::NotFinite { row: 2, feature, got })
            );
        }
    }
    statistics.add_finite(&[f32::NAN, f32::INFINITY, 5.0]);
    assert_eq!((statistics.rows(), statistics.count()), (2, [1, 1, 2]));
    assert_eq!((statistics.mean(), statistics.max()), ([1.0, 2.0, 4.0], [1.0, 2.0, 5.0]));
}

#[test]
fn statistics_of_nothing() {
    let mut empty = Statistics::<2>::new();
    for numbers in [empty.mean(), empty.variance(), empty.std(), empty.min(), empty.max()] {
        assert!(numbers.iter().all(|x| x.is_nan()));
    }
    assert_eq!(empty, Statistics::default());
    assert_eq!(Standardize::of(&empty), Err(Error::Empty));
    assert_eq!(MinMax::of(&empty), Err(Error::Empty));
    empty.merge(&Statistics::new());
    assert_eq!(empty, Statistics::new());
    for _ in 0..3 {
        empty.add_finite(&[1.0, f32::NAN]);
    }
    assert_eq!(Standardize::of(&empty), Err(Error::NoNumbers { feature: 1 }));
    assert_eq!(MinMax::of(&empty), Err(Error::NoNumbers { feature: 1 }));
}
