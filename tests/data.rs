//! Data preparation: statistics against two passes in `f64` within the bounds that `src/data/statistics.rs` derives, round
//! trips, and what happens to data at its worst: NaN first, NaN everywhere, one row, no rows, no features.

use core::num::FpCategory::{Infinite, Nan};
use fusebox::data::{
    Clean, Findings, Found, Full, Labels, MinMax, Missing, Outliers, Report, Standardize, Statistics,
    Windows, check_finite, one_hot, one_hot_into, shuffled, split, stratified,
};
use fusebox::{Error, Plain, Rng};

/// Half a unit in the last place of 1.
const U: f64 = 1.0 / 16_777_216.0;

/// Mean and variance of numbers, and how far off a computation in `f32` may be.
struct Reference {
    mean: f64,
    variance: f64,
    /// E of the derivation.
    shift: f64,
    magnitude: f64,
}

impl Reference {
    fn of(xs: &[f32]) -> Self {
        let n = xs.len() as f64;
        let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = xs.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        let fold = |pick: fn(f64, f64) -> f64| xs.iter().map(|&x| f64::from(x)).reduce(pick).unwrap();
        let (min, max) = (fold(f64::min), fold(f64::max));
        let magnitude = min.abs().max(max.abs());
        let shift = 4.0 * U * (max - min) + 2.0 * (n + 2.0) * U * U * magnitude;
        Self { mean, variance, shift, magnitude }
    }

    fn mean_bound(&self) -> f64 {
        self.shift + U * self.magnitude
    }

    fn variance_bound(&self, n: usize) -> f64 {
        let relative = (11.0 + 2.0 * n as f64 * U) * U;
        2.0 * self.shift * self.variance.sqrt() + self.shift * self.shift + relative * self.variance
    }
}

fn count(xs: &[f32]) -> Statistics<1> {
    let mut statistics = Statistics::new();
    for &x in xs {
        statistics.add(&[x]).unwrap();
    }
    statistics
}

/// Numbers of several kinds, `n` of them each.
fn data_sets(n: usize) -> [(&'static str, Vec<f32>); 8] {
    let mut rng = Rng::new(n as u64);
    let mut some = |f: &mut dyn FnMut(usize, &mut Rng) -> f32| (0..n).map(|i| f(i, &mut rng)).collect();
    [
        ("uniform", some(&mut |_, rng| rng.uniform())),
        ("normal", some(&mut |_, rng| rng.normal())),
        ("around a million", some(&mut |_, rng| 1e6 + rng.normal())),
        ("around minus a million", some(&mut |_, rng| -1e6 + 0.1 * rng.normal())),
        ("growing", some(&mut |i, _| i as f32)),
        ("an outlier first", some(&mut |i, rng| if i == 0 { 1e6 } else { rng.normal() })),
        ("alternating", some(&mut |i, _| if i % 2 == 0 { 1e6 } else { -1e6 })),
        ("two levels, late", some(&mut |i, _| if i < n / 2 { 1e6 } else { 1e6 + 1.0 })),
    ]
}

const COUNTS: [usize; 7] = [1, 2, 3, 10, 33, 1000, 100_000];

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

#[test]
fn rows_without_features() {
    let mut statistics = Statistics::<0>::new();
    assert_eq!(Standardize::of(&statistics), Err(Error::Empty));
    statistics.add(&[]).unwrap();
    assert_eq!(statistics.rows(), 1);
    let standardize = Standardize::of(&statistics).unwrap();
    standardize.apply(&mut []);
    MinMax::of(&statistics).unwrap().apply(&mut []);
    let mut clean = Clean::new(Missing::Fill, Outliers::Clip(1.0)).unwrap();
    assert!(clean.apply(&mut [], &standardize));
    assert_eq!(clean.report.to_string(), "1 rows, rejected 0; numbers filled 0, clipped 0\n");
    assert_eq!(check_finite(&[[0.0; 0]; 3]), Ok(()));
    assert_eq!(check_finite::<2>(&[]), Ok(()));
    assert_eq!(standardize.as_bytes(), []);
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

const REFERENCE: Standardize<3> = Standardize { mean: [10.0, 0.0, 5.0], std: [2.0, 1.0, 0.0] };
const NONE: Found = Found { count: 0, first: 0 };

#[test]
fn every_policy_on_every_kind_of_number() {
    let good = [11.0, 0.5, 5.0];
    // A number in feature 0; what it becomes by filling and clipping.
    let cases =
        [(f32::NAN, 10.0), (f32::INFINITY, 10.0), (f32::NEG_INFINITY, 10.0), (99.0, 16.0), (-99.0, 4.0)];
    for missing in [Missing::Reject, Missing::Fill] {
        for outliers in [Outliers::Keep, Outliers::Clip(3.0), Outliers::Reject(3.0)] {
            for (bad, replaced) in cases {
                let mut clean = Clean::new(missing, outliers).unwrap();
                let mut row = good;
                assert!(clean.apply(&mut row, &REFERENCE));
                assert_eq!(row, good);
                row[0] = bad;
                let kept = clean.apply(&mut row, &REFERENCE);
                let expected = match (bad.is_finite(), missing, outliers) {
                    (true, _, Outliers::Keep) => Some(bad),
                    (true, _, Outliers::Clip(_)) | (false, Missing::Fill, _) => Some(replaced),
                    _ => None,
                };
                assert_eq!(kept, expected.is_some(), "{bad} {clean:?}");
                // A rejected row is as it was.
                assert_eq!(row[0].to_bits(), expected.unwrap_or(bad).to_bits());
                assert_eq!(row[1..], good[1..]);

                let mut report = Report::new();
                report.rows = 2;
                let found = Found { count: 1, first: 1 };
                let findings = &mut report.features[0];
                match (bad.classify(), outliers) {
                    (Nan, _) => findings.nan = found,
                    (Infinite, _) => findings.infinity = found,
                    (_, Outliers::Keep) => {}
                    _ => findings.outlier = found,
                }
                report.rejected = u32::from(!kept);
                report.filled = u32::from(kept && !bad.is_finite());
                report.clipped = u32::from(kept && bad.is_finite() && row[0] != bad);
                assert_eq!(clean.report, report, "{bad} {missing:?} {outliers:?}");
            }
        }
    }
}

#[test]
fn findings_are_counted_also_in_rejected_rows() {
    let mut clean = Clean::new(Missing::Fill, Outliers::Reject(2.0)).unwrap();
    let rows = [
        [10.0, 0.0, 5.0],
        [f32::NAN, f32::INFINITY, 5.0],
        [f32::NAN, 3.0, 5.0], // one number could be filled, the other is an outlier
        [14.0, -2.0, 5.0],    // just not an outlier
        [14.000_001, 0.0, 5.5],
    ];
    let kept = rows.map(|mut row| clean.apply(&mut row, &REFERENCE));
    assert_eq!(kept, [true, true, false, true, false]);
    let outlier = |first| Found { count: 1, first };
    assert_eq!(
        clean.report.features,
        [
            Findings { nan: Found { count: 2, first: 1 }, infinity: NONE, outlier: outlier(4) },
            Findings { nan: NONE, infinity: outlier(1), outlier: outlier(2) },
            Findings { nan: NONE, infinity: NONE, outlier: outlier(4) },
        ]
    );
    assert_eq!(
        clean.report.to_string(),
        "5 rows, rejected 2; numbers filled 2, clipped 0\n\
         feature 0: NaN 2, first in row 1; outlier 1, first in row 4\n\
         feature 1: infinity 1, first in row 1; outlier 1, first in row 2\n\
         feature 2: outlier 1, first in row 4\n"
    );
}

#[test]
fn a_kept_row_is_finite_whatever_the_reference() {
    let odd = [0.0, -0.0, 1.0, -1.0, 1e-45, f32::MAX, -f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for missing in [Missing::Reject, Missing::Fill] {
        for outliers in [Outliers::Keep, Outliers::Clip(3.0), Outliers::Reject(3.0), Outliers::Clip(f32::MAX)]
        {
            let mut clean = Clean::new(missing, outliers).unwrap();
            for x in odd {
                for (mean, std) in odd.into_iter().flat_map(|mean| odd.map(|std| (mean, std))) {
                    let mut row = [x];
                    let kept = clean.apply(&mut row, &Standardize { mean: [mean], std: [std] });
                    assert!(!kept || row[0].is_finite(), "{x} by {mean} and {std}: {row:?}");
                    assert!(kept || row[0].to_bits() == x.to_bits());
                }
            }
        }
    }
    for z in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        for outliers in [Outliers::Clip(z), Outliers::Reject(z)] {
            assert!(matches!(Clean::<1>::new(Missing::Fill, outliers), Err(Error::Setting { .. })));
        }
    }
}

#[test]
fn running_statistics_fill_with_the_mean_so_far() {
    let mut statistics = Statistics::new();
    let mut clean = Clean::new(Missing::Fill, Outliers::Reject(3.0)).unwrap();
    // NaN first: nothing to fill with.
    let mut row = [f32::NAN];
    assert!(!clean.apply_running(&mut row, &mut statistics));
    for x in [1.0, 3.0, 2.0, 2.0, 1.0, 3.0, 2.0, 2.0, 2.0] {
        assert!(clean.apply_running(&mut [x], &mut statistics));
    }
    assert!(clean.apply_running(&mut row, &mut statistics));
    assert_eq!(row, [2.0]);
    assert_eq!((statistics.rows(), statistics.count()), (11, [9])); // what was filled is not counted
    // The tenth number cannot lie three deviations out, the eleventh can.
    assert!(clean.apply_running(&mut [1e6], &mut statistics));
    let mut statistics = count(&[2.0; 10]);
    assert!(!clean.apply_running(&mut [1e6], &mut statistics));
    assert_eq!((clean.report.rows, clean.report.rejected, clean.report.filled), (13, 2, 1));

    // NaN everywhere: every row is rejected, nothing is counted.
    let mut clean = Clean::new(Missing::Fill, Outliers::Clip(3.0)).unwrap();
    let mut statistics = Statistics::new();
    for _ in 0..5 {
        assert!(!clean.apply_running(&mut [f32::NAN; 2], &mut statistics));
    }
    assert_eq!((clean.report.rows, clean.report.rejected, statistics.count()), (5, 5, [0, 0]));
}

#[test]
fn one_hot_rows() {
    assert_eq!(one_hot::<1>(0), Ok([1.0]));
    assert_eq!(one_hot::<0>(0), Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!(one_hot::<3>(usize::MAX), Err(Error::Label { classes: 3, got: usize::MAX, row: 0 }));
    let mut row = [7.0; 3];
    assert_eq!(one_hot_into(3, &mut row), Err(Error::Label { classes: 3, got: 3, row: 0 }));
    assert_eq!(row, [7.0; 3]);
    for label in 0..3 {
        one_hot_into(label, &mut row).unwrap();
        assert!((0..3).all(|class| row[class] == if class == label { 1.0 } else { 0.0 }));
    }
}

#[test]
fn labels_up_to_the_capacity() {
    let mut labels = Labels::<u32, 256>::new();
    for turn in 0..2 {
        for key in 0..256 {
            assert_eq!(labels.get(1000 - key), (turn == 1).then_some(key as u8));
            assert_eq!(labels.encode(1000 - key), Ok(key as u8));
        }
    }
    let before = labels.clone();
    let full = Full { key: 0, capacity: 256 };
    assert_eq!(labels.encode(0), Err(full));
    assert_eq!(Error::from(full).to_string(), "expected at most 256 different classes, got 257");
    assert_eq!(labels, before);
    assert_eq!((labels.decode(255), labels.decode(256)), (Some(745), None));

    static NONE: Labels<&str, 0> = Labels::new();
    assert_eq!(NONE.clone().encode("cat"), Err(Full { key: "cat", capacity: 0 }));
    assert_eq!((NONE.get("cat"), NONE.keys().len()), (None, 0));
}

#[test]
fn splits_deal_every_row_once() {
    for rows in [1, 2, 7, 100, 256] {
        for parts in [[rows, 0, 0], [1, rows - 1, 0], [rows / 2, rows / 3, rows - rows / 2 - rows / 3]] {
            let mut order = vec![0_u8; rows];
            let result = split(&mut order, parts, &mut Rng::new(5)).map(|dealt| dealt.map(|part| part.len()));
            match parts.iter().position(|&part| part == 0) {
                Some(part) => assert_eq!(result, Err(Error::EmptyPart { part })),
                None => {
                    assert_eq!(result, Ok(parts));
                    order.sort();
                    assert!(order.iter().map(|&row| usize::from(row)).eq(0..rows));
                }
            }
        }
    }
    let mut order = [7_u8; 257];
    let refused = [
        (split(&mut order, [200, 57], &mut Rng::new(1)).err(), Error::Batch { expected: 256, got: 257 }),
        (split(&mut order, [1, 2], &mut Rng::new(1)).err(), Error::Parts { expected: 257, got: 3 }),
        (
            split(&mut order, [usize::MAX; 2], &mut Rng::new(1)).err(),
            Error::Parts { expected: 257, got: usize::MAX },
        ),
        (split(&mut order, [], &mut Rng::new(1)).err(), Error::Parts { expected: 257, got: 0 }),
    ];
    for (got, expected) in refused {
        assert_eq!(got, Some(expected));
    }
    assert_eq!(order, [7; 257]);
    assert_eq!(shuffled::<u8>(&mut [], &mut Rng::new(1)), Ok(()));
    assert_eq!(split::<0, u8>(&mut [], [], &mut Rng::new(1)).map(|_| ()), Ok(()));

    // The seed decides, the width of the numbers does not.
    let [mut one, mut other] = [[0_u16; 50]; 2];
    let mut wide = [0_usize; 50];
    shuffled(&mut one, &mut Rng::new(1)).unwrap();
    shuffled(&mut other, &mut Rng::new(2)).unwrap();
    shuffled(&mut wide, &mut Rng::new(1)).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.map(usize::from), wide);
}

#[test]
fn stratified_parts_have_their_share_of_every_class() {
    for rows in [1, 2, 5, 60, 1000] {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let labels: Vec<u8> = (0..rows).map(|_| (rng.below(4) * rng.below(2)) as u8).collect();
            let of = |class: usize, rows: &[u16]| {
                rows.iter().filter(|&&row| usize::from(labels[usize::from(row)]) == class).count()
            };
            let mut order = vec![0_u16; rows];
            for first in [1, rows / 3, rows - 1, rows] {
                let (label, parts) = (|row: usize| labels[row], [first, rows - first]);
                let Ok([one, other]) = stratified::<5, _, _>(&mut order, parts, label, &mut rng) else {
                    assert!(first == 0 || first == rows);
                    continue;
                };
                assert_eq!([one.len(), other.len()], parts);
                for class in 0..5 {
                    let (one, other) = (of(class, one), of(class, other));
                    let share = first as f64 * (one + other) as f64 / rows as f64;
                    assert!((one as f64 - share).abs() < 1.0, "{one} of class {class}, its share is {share}");
                }
                order.sort();
                assert!(order.iter().map(|&row| usize::from(row)).eq(0..rows));
            }
        }
    }
    let mut order = [9_u8; 4];
    let result = stratified::<2, _, _>(&mut order, [2, 2], |row| row as u8, &mut Rng::new(1)).map(|_| ());
    assert_eq!(result, Err(Error::Label { classes: 2, got: 2, row: 2 }));
    let result = stratified::<0, _, _>(&mut order, [4], |_| 0, &mut Rng::new(1)).map(|_| ());
    assert_eq!(result, Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!(order, [9; 4]);
}

/// Two of three rows of one class are chosen, 3000 times: each of the three pairs should come up a thousand times, give or
/// take five standard deviations of sqrt(3000 * 1/3 * 2/3).
#[test]
fn stratified_parts_are_random() {
    let mut left_out = [0_i32; 3];
    for seed in 0..3000 {
        let mut order = [0_u8; 6];
        let parts = stratified::<2, _, _>(&mut order, [4, 2], |row| (row / 3) as u8, &mut Rng::new(seed));
        let [_, rest] = parts.unwrap();
        assert_eq!(rest.iter().filter(|&&row| row < 3).count(), 1);
        left_out[usize::from(*rest.iter().find(|&&row| row < 3).unwrap())] += 1;
    }
    assert!(left_out.iter().all(|count| (count - 1000).abs() <= 129), "{left_out:?}");
}

/// A closure that changes its mind gets nonsense, and no panic.
#[test]
fn labels_that_change_between_looks() {
    let calls = core::cell::Cell::new(0_u8);
    let label = |_| {
        calls.set(calls.get().wrapping_add(1));
        if calls.get() <= 10 { calls.get() % 3 } else { calls.get() }
    };
    let parts = stratified::<3, _, _>(&mut [0_u8; 10], [5, 5], label, &mut Rng::new(1))
        .map(|parts| parts.map(|part| part.len()));
    assert_eq!(parts, Ok([5, 5]));
}

/// Windows pushed one by one are those of the slice.
fn windows_equal_those_of_the_slice<const W: usize, const HOP: usize>() {
    let signal: Vec<f32> = (0..40).map(|i| i as f32).collect();
    for length in [0, W - 1, W, W + 1, W + HOP, 40].map(|length| length.min(40)) {
        let mut windows = Windows::<f32, W, HOP>::new();
        let pushed: Vec<[f32; W]> =
            signal[..length].iter().filter_map(|&x| windows.push(x).copied()).collect();
        let sliced: Vec<[f32; W]> = signal[..length].array_windows::<W>().step_by(HOP).copied().collect();
        assert_eq!(pushed, sliced, "{W}, {HOP}, {length}");
    }
}

#[test]
fn windows_at_every_hop() {
    windows_equal_those_of_the_slice::<1, 1>();
    windows_equal_those_of_the_slice::<1, 2>();
    windows_equal_those_of_the_slice::<4, 1>();
    windows_equal_those_of_the_slice::<4, 3>();
    windows_equal_those_of_the_slice::<4, 4>();
    windows_equal_those_of_the_slice::<4, 5>();
    windows_equal_those_of_the_slice::<4, 9>();
    windows_equal_those_of_the_slice::<7, 2>();
    windows_equal_those_of_the_slice::<16, 5>();
}

#[test]
fn cleared_windows_begin_anew() {
    let mut windows = Windows::<[f32; 2], 2, 5>::new();
    for values in 0..8 {
        windows.clear();
        for _ in 0..values {
            windows.push([9.0; 2]);
        }
        windows.clear();
        assert_eq!(windows.push([1.0, 2.0]), None);
        assert_eq!(windows.push([3.0, 4.0]), Some(&[[1.0, 2.0], [3.0, 4.0]]));
    }
}
