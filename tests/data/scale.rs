//! Scales: exact where they can be, there and back within the bounds they state.

use super::reference::{Reference, U, count, data_sets};
use fusebox::data::{MinMax, Standardize};
use fusebox::{Error, Plain};

#[test]
fn a_constant_is_exact() {
    for x in [0.0, -0.0, 0.1, -1e6, f32::MAX, f32::from_bits(1)] {
        for n in [1, 2, 7, 1000] {
            let statistics = count(&vec![x; n]);
            assert_eq!((statistics.mean(), statistics.variance()), ([x], [0.0]));
            let standardize = Standardize::of(&statistics).unwrap();
            let min_max = MinMax::with_range(&statistics, -2.0..=3.0).unwrap();
            for seen in [x, 0.5, -3.0] {
                let (mut one, mut other) = ([seen], [seen]);
                standardize.apply(&mut one);
                min_max.apply(&mut other);
                assert_eq!((one, other), ([0.0], [-2.0]));
                standardize.invert(&mut one);
                min_max.invert(&mut other);
                assert_eq!((one, other), ([x], [x]));
            }
        }
    }
}

#[test]
fn sizes_that_leave_the_range_of_f32_are_refused() {
    // The variance overflows, underflows; the range overflows.
    for xs in [[-1e30, 1e30], [0.0, 1e-25], [-3e38, 3e38]] {
        assert_eq!(Standardize::of(&count(&xs)), Err(Error::Magnitude { feature: 0 }), "{xs:?}");
    }
    assert_eq!(MinMax::of(&count(&[-3e38, 3e38])), Err(Error::Magnitude { feature: 0 }));
    for xs in [[-1e30, 1e30], [0.0, 1e-25], [0.0, f32::from_bits(1)]] {
        let mut rows = xs.map(|x| [x]);
        let min_max = MinMax::of(&count(&xs)).unwrap();
        for row in &mut rows {
            min_max.apply(row);
        }
        assert_eq!(rows, [[0.0], [1.0]]);
    }
    let refused = |low, high| MinMax::with_range(&count(&[1.0]), low..=high).unwrap_err();
    for (low, high) in
        [(1.0, 1.0), (1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (0.0, f32::INFINITY), (-3e38, 3e38)]
    {
        assert!(matches!(refused(low, high), Error::Setting { .. }), "{low}..={high}");
    }
}

#[test]
fn standardised_numbers_have_mean_0_and_variance_1_and_come_back() {
    for (name, xs) in data_sets(1000) {
        let (statistics, reference) = (count(&xs), Reference::of(&xs));
        let standardize = Standardize::of(&statistics).unwrap();
        let mut ys = xs.clone();
        for (y, &x) in ys.iter_mut().zip(&xs) {
            let mut row = [x];
            standardize.apply(&mut row);
            *y = row[0];
            standardize.invert(&mut row);
            let bound = U * (3.0 * f64::from(x - standardize.mean[0]).abs() + f64::from(x).abs());
            let error = f64::from(row[0]) - f64::from(x);
            assert!(error.abs() <= bound * (1.0 + 4.0 * U), "{name}: {x} came back off by {error:e}");
        }
        // The mean moves by its own error, and by three roundings of each number; the variance by the square of that, by twice
        // the three roundings of a number (one is the square root's), and by the relative error of the variance divided by.
        let std = reference.variance.sqrt();
        let largest = ys.iter().fold(0.0_f64, |largest, &y| largest.max(f64::from(y).abs()));
        let result = Reference::of(&ys);
        let shift = reference.mean_bound() / std + 3.0 * U * largest;
        assert!(result.mean.abs() <= shift, "{name}: {:e} of {shift:e}", result.mean);
        let bound = shift * shift + reference.variance_bound(1000) / reference.variance + 8.0 * U;
        assert!((result.variance - 1.0).abs() <= bound, "{name}: {}", result.variance);
    }
}

#[test]
fn numbers_brought_to_a_range_reach_its_ends_and_come_back() {
    for (name, xs) in data_sets(1000) {
        let statistics = count(&xs);
        let ([min], [max]) = (statistics.min(), statistics.max());
        let magnitude = f64::from(min.abs().max(max.abs()));
        for (low, high) in [(0.0, 1.0), (-1.0, 1.0), (-0.3, 0.7)] {
            let min_max = MinMax::with_range(&statistics, low..=high).unwrap();
            for &x in &xs {
                let mut row = [x];
                min_max.apply(&mut row);
                if x == min || x == max {
                    assert_eq!(row[0], if x == min { low } else { high });
                }
                // Products and sum round in proportion to the larger end.
                let slack = 4.0 * U as f32 * low.abs().max(high);
                assert!((low - slack..=high + slack).contains(&row[0]), "{name}: {x} became {}", row[0]);
                min_max.invert(&mut row);
                if (low, high) == (0.0, 1.0) {
                    let bound = U * (3.0 * f64::from(max - min) + 4.0 * magnitude) * (1.0 + 8.0 * U);
                    let error = f64::from(row[0]) - f64::from(x);
                    assert!(error.abs() <= bound, "{name}: {x} came back off by {error:e}");
                }
            }
        }
    }
}

#[test]
fn scales_keep_what_is_not_finite_visible_and_lie_in_flash() {
    fn plain<T: Plain>(_: &T) {}
    static STANDARDIZE: Standardize<2> = Standardize { mean: [1.0, 2.0], std: [0.0, 4.0] };
    static MIN_MAX: MinMax<2> = MinMax { min: [1.0, 2.0], max: [1.0, 4.0], low: 0.0, high: 1.0 };
    plain(&STANDARDIZE);
    plain(&MIN_MAX);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut one, mut other) = ([bad; 2], [bad; 2]);
        STANDARDIZE.apply(&mut one);
        MIN_MAX.apply(&mut other);
        assert!(one.iter().chain(&other).all(|x| !x.is_finite()), "{one:?} {other:?}");
    }
    let bytes = STANDARDIZE.as_bytes();
    assert_eq!(bytes.len(), 16);
    assert_eq!(Standardize::copy_from_bytes(bytes), Ok(STANDARDIZE));
    assert_eq!(Standardize::<2>::copy_from_bytes(&bytes[1..]), Err(Error::Bytes { expected: 16, got: 15 }));
    assert_eq!(MinMax::copy_from_bytes(MIN_MAX.as_bytes()), Ok(MIN_MAX));
}
