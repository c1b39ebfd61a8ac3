//! Statistics of numbers so large that sums of squares, or differences, leave the range of `f32`.

use fusebox::data::{Standardize, Statistics};
use fusebox::{Error, Rng};

fn count(xs: &[f32]) -> Statistics<1> {
    let mut statistics = Statistics::new();
    for &x in xs {
        statistics.add(&[x]).expect("finite");
    }
    statistics
}

/// Mean and variance by two passes in `f64`.
fn reference(xs: &[f32]) -> (f64, f64) {
    let n = xs.len() as f64;
    let mean = xs.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    (mean, xs.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n)
}

fn check(what: &str, statistics: &Statistics<1>, xs: &[f32]) {
    let (mean, variance) = reference(xs);
    let largest = xs.iter().fold(0.0, |largest: f64, &x| largest.max(f64::from(x).abs()));
    let [got] = statistics.mean().map(f64::from);
    assert!((got - mean).abs() <= 1e-6 * largest, "{what}: mean {got:e}, not {mean:e}");
    let [got] = statistics.variance();
    if variance > f64::from(f32::MAX) {
        assert_eq!(got, f32::INFINITY, "{what}: variance, which is {variance:e}");
        assert_eq!(Standardize::of(statistics), Err(Error::Magnitude { feature: 0 }), "{what}");
    } else {
        let error = (f64::from(got) - variance).abs();
        assert!(error <= 1e-5 * variance, "{what}: variance {got:e}, not {variance:e}");
    }
    let [got] = statistics.std().map(f64::from);
    assert!((got - variance.sqrt()).abs() <= 1e-5 * variance.sqrt(), "{what}: deviation {got:e}");
}

#[test]
fn squares_whose_sum_overflows() {
    let mut rng = Rng::new(1);
    for std in [1e-15, 1.0, 1e13, 1e14, 1e16, 1e18, 1e19, 1e20, 1e30, 1e37] {
        for mean in [0.0, 1.0, -100.0] {
            if std * mean < -1e38 {
                continue;
            }
            let mut xs: Vec<f32> = (0..3000).map(|_| std * (mean + rng.normal())).collect();
            let what = format!("mean {mean}, deviation {std:e}");
            check(&what, &count(&xs), &xs);
            // Small numbers first, so that the sum is scaled on the way.
            xs[..1000].iter_mut().for_each(|x| *x *= 1e-10);
            check(&format!("{what}, growing"), &count(&xs), &xs);
            for at in [1, 999, 1000, 1001, 2999] {
                let mut one = count(&xs[..at]);
                one.merge(&count(&xs[at..]));
                check(&format!("{what}, merged at {at}"), &one, &xs);
            }
        }
    }
    let xs: Vec<f32> = (0..1000).map(|i| if i % 2 == 0 { 1e18 } else { -1e18 }).collect();
    let scale = Standardize::of(&count(&xs)).expect("a variance of 1e36");
    assert!(scale.std == [1e18] && scale.mean[0].abs() < 1e11, "{scale:?}");
}

/// One square overflows, the variance does not.
#[test]
fn an_outlier_whose_square_overflows() {
    let mut rng = Rng::new(2);
    for (n, outlier) in [(1000, 1e20), (100_000, -1e21), (1000, 3e38)] {
        for place in [0, n / 2, n - 1] {
            let mut xs: Vec<f32> = (0..n).map(|_| rng.normal()).collect();
            xs[place] = outlier;
            let what = format!("{outlier:e} at {place} of {n}");
            check(&what, &count(&xs), &xs);
            let mut one = count(&xs[..n / 3]);
            one.merge(&count(&xs[n / 3..]));
            check(&what, &one, &xs);
        }
    }
}

/// The distance to the mean overflows: the mean is a number all the same.
#[test]
fn numbers_at_both_ends() {
    for n in [2, 3, 10, 1000] {
        for every in [2, 3, 7] {
            let xs: Vec<f32> = (0..n).map(|i| if i % every == 0 { f32::MAX } else { f32::MIN }).collect();
            check(&format!("{n}, every {every}"), &count(&xs), &xs);
            for at in [1, n / 2, n - 1] {
                let mut one = count(&xs[..at]);
                one.merge(&count(&xs[at..]));
                check(&format!("{n}, every {every}, merged at {at}"), &one, &xs);
            }
        }
    }
    let mut one = count(&[f32::MAX]);
    one.merge(&count(&[f32::MIN; 1000]));
    assert!((one.mean()[0] / f32::MIN - 0.998).abs() < 1e-5);
}
