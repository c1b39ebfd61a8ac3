//! Cleaning: every policy on every kind of number, and the report of it.

use super::reference::count;
use core::num::FpCategory::{Infinite, Nan};
use fusebox::Error;
use fusebox::data::{
    Clean, Findings, Found, MinMax, Missing, Outliers, Report, Standardize, Statistics, check_finite,
};

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
    for x in [1.0, 3.0, 2.0, 2.0, 1.0, 3.0, 2.0, 2.0] {
        assert!(clean.apply_running(&mut [x], &mut statistics));
    }
    assert!(clean.apply_running(&mut row, &mut statistics));
    assert_eq!(row, [2.0]);
    assert_eq!((statistics.rows(), statistics.count()), (10, [8])); // what was filled is not counted
    // The ninth number lies at most sqrt(8) deviations out, the eleventh may lie sqrt(10) out.
    assert!(clean.apply_running(&mut [1e6], &mut statistics));
    let mut statistics = count(&[2.0; 10]);
    assert!(!clean.apply_running(&mut [1e6], &mut statistics));
    assert_eq!((clean.report.rows, clean.report.rejected, clean.report.filled), (12, 2, 1));

    // NaN everywhere: every row is rejected, nothing is counted.
    let mut clean = Clean::new(Missing::Fill, Outliers::Clip(3.0)).unwrap();
    let mut statistics = Statistics::new();
    for _ in 0..5 {
        assert!(!clean.apply_running(&mut [f32::NAN; 2], &mut statistics));
    }
    assert_eq!((clean.report.rows, clean.report.rejected, statistics.count()), (5, 5, [0, 0]));
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
