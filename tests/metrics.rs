//! Metrics against scikit-learn, and where they have no value.
//!
//! The numbers that stand here as literals are those of scikit-learn 1.9.1, by the commands in the comments, after
//!
//! ```text
//! pip install scikit-learn==1.9.1
//! python -c 'from sklearn.metrics import *; print(..)'
//! ```
//!
//! Where a metric is one quotient of whole numbers below 2^24, or comes out of `f64`, it has the `f32` nearest to
//! theirs, and the test is `==`.

use core::num::FpCategory;
use fusebox::{
    Confusion, CrossEntropy, EarlyStopping, Error, Isa, Likelihood, Loss, Regression, Rng, RocAuc,
    RocHistogram, Scores,
};

/// `precision_recall_fscore_support(labels, predicted, labels=range(CLASSES), average=None, zero_division=0)` as
/// three rows, the same with `average="macro"`, and `accuracy_score(labels, predicted)`.
fn assert_scores<const CLASSES: usize>(
    labels: &[u8],
    predicted: &[usize],
    [precision, recall, f1]: [[f64; CLASSES]; 3],
    mean: [f64; 3],
    accuracy: f64,
) {
    let mut confusion = Confusion::<CLASSES>::new();
    for (&label, &predicted) in labels.iter().zip(predicted) {
        confusion.add(label, predicted).unwrap();
    }
    assert_eq!(confusion.total(), labels.len() as u64);
    assert_eq!(confusion.accuracy(), accuracy as f32);
    for class in 0..CLASSES {
        let [precision, recall, f1] = [precision, recall, f1].map(|scores| scores[class] as f32);
        let expected = Scores { precision, recall, f1 };
        assert_eq!(confusion.class(class), Ok(expected), "class {class}");
    }
    // CLASSES terms, none negative, each rounded once, CLASSES - 1 sums, a quotient.
    let bound = 1.01 * (CLASSES + 1) as f64 * 2f64.powi(-24);
    let Scores { precision, recall, f1 } = confusion.macro_mean();
    for (got, expected) in [precision, recall, f1].into_iter().zip(mean) {
        assert!((f64::from(got) - expected).abs() <= bound * expected, "{got} instead of {expected}");
    }
}

#[test]
fn confusion_agrees_with_scikit_learn() {
    assert_scores(
        &[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2],
        &[0, 0, 1, 2, 1, 1, 0, 2, 2, 2, 0, 1],
        [[0.5, 0.5, 0.75], [0.5, 0.6666666666666666, 0.6], [0.5, 0.5714285714285714, 0.6666666666666666]],
        [0.5833333333333334, 0.5888888888888889, 0.5793650793650794],
        0.5833333333333334,
    );
    // Class 2 never occurs, class 3 is never predicted, class 4 neither.
    assert_scores(
        &[0, 0, 1, 1, 1, 3],
        &[0, 1, 1, 1, 0, 1],
        [
            [0.5, 0.5, 0.0, 0.0, 0.0],
            [0.5, 0.6666666666666666, 0.0, 0.0, 0.0],
            [0.5, 0.5714285714285714, 0.0, 0.0, 0.0],
        ],
        [0.2, 0.2333333333333333, 0.21428571428571427],
        0.5,
    );
    assert_scores(&[1, 1, 1], &[1, 1, 1], [[0.0, 1.0]; 3], [0.5; 3], 1.0);
    assert_scores(&[0, 1], &[1, 0], [[0.0; 2]; 3], [0.0; 3], 0.0);
}

#[test]
fn confusion_without_predictions_or_classes() {
    let empty = Confusion::<3>::new();
    assert_eq!((empty.total(), empty.accuracy(), empty.macro_mean()), (0, 0.0, Scores::default()));
    assert_eq!(empty.class(0), Ok(Scores::default()));
    let mut none = Confusion::<0>::new();
    assert_eq!(none.observe(&[], 0), Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!((none.accuracy(), none.macro_mean()), (0.0, Scores::default()));
    let table = "\
label \\ as   precision  recall     f1
      mean       0.000   0.000  0.000
accuracy 0.000 of 0
";
    assert_eq!(none.to_string(), table);
}

/// The mean of a hundred ones is one, whatever the rounding.
#[test]
fn a_perfect_classifier_scores_one() {
    let mut confusion = Confusion::<100>::new();
    for class in 0..100_u8 {
        let mut y = [-1.0; 100];
        y[usize::from(class)] = 0.5;
        confusion.observe(&y, class).unwrap();
    }
    assert_eq!(confusion.accuracy(), 1.0);
    assert_eq!(confusion.macro_mean(), Scores { precision: 1.0, recall: 1.0, f1: 1.0 });
}

#[test]
fn confusion_counts_nothing_that_it_refuses() {
    let mut confusion = Confusion::<3>::new();
    let outside = |got| Err(Error::Label { classes: 3, got, row: 0 });
    assert_eq!(confusion.add(3, 0), outside(3));
    assert_eq!(confusion.add(0, 3), outside(3));
    assert_eq!(confusion.add(255, usize::MAX), outside(255));
    assert_eq!(confusion.observe(&[0.0; 3], 3), outside(3));
    assert_eq!(confusion.class(3), Err(Error::Label { classes: 3, got: 3, row: 0 }));
    for (number, got) in [
        (f32::NAN, FpCategory::Nan),
        (f32::INFINITY, FpCategory::Infinite),
        (f32::NEG_INFINITY, FpCategory::Infinite),
    ] {
        for index in 0..3 {
            let mut y = [0.0; 3];
            y[index] = number;
            assert_eq!(confusion.observe(&y, 0), Err(Error::NotFinite { row: 0, feature: index, got }));
        }
    }
    assert_eq!(confusion, Confusion::new());
    confusion.observe(&[0.0, 0.0, -1.0], 2).unwrap(); // of equals the first
    assert_eq!(confusion.counts(), &[[0; 3], [0; 3], [1, 0, 0]]);
}

/// Columns stay below each other when classes have two digits and counts four.
#[test]
fn the_table_is_aligned() {
    let mut confusion = Confusion::<11>::new();
    for _ in 0..1234 {
        confusion.add(10, 3).unwrap();
    }
    let table = confusion.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 1 + 11 + 1 + 1);
    assert!(lines[..13].iter().all(|line| line.len() == lines[0].len()), "{table}");
    assert_eq!(&lines[0][..34], "label \\ as     0     1     2     3");
    assert_eq!(&lines[11][..34], "        10     0     0     0  1234");
    assert_eq!(lines[13], "accuracy 0.000 of 1234");
}

fn exact<const N: usize>(labels: &[u8; N], scores: &[f32; N]) -> Option<f32> {
    let mut roc = RocAuc::<N>::new();
    for (&label, &score) in labels.iter().zip(scores) {
        roc.observe(score, label == 1).unwrap();
    }
    assert_eq!(roc.count(), N);
    assert_eq!(roc.observe(0.0, true), Err(Error::Full { capacity: N }));
    assert_eq!(roc.observe(0.0, false), Err(Error::Full { capacity: N }));
    roc.value()
}

/// Each is `roc_auc_score(labels, scores)`.
#[test]
fn roc_auc_agrees_with_scikit_learn() {
    let labels = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1];
    let scores = [0.9, 0.8, 0.7, 0.6, 0.55, 0.54, 0.53, 0.52, 0.51, 0.505];
    assert_eq!(exact(&labels, &scores), Some(0.6000000000000001_f64 as f32));
    let labels = [1, 0, 1, 0, 1, 0, 0, 1, 1, 0];
    let scores = [0.5, 0.5, 0.5, 0.25, 0.25, 0.75, 0.5, 0.75, 0.75, 0.25];
    assert_eq!(exact(&labels, &scores), Some(0.6400000000000001_f64 as f32));
    assert_eq!(exact(&[1, 0, 1, 0], &[0.5; 4]), Some(0.5));
    assert_eq!(exact(&[0, 0, 1, 1, 1], &[-3.0, -2.0, -1.0, 0.0, 7.0]), Some(1.0));
    assert_eq!(exact(&[1, 1, 0], &[-3.0, -2.0, -1.0]), Some(0.0));
    let labels = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 6.0, 7.0, 8.0, 9.0];
    assert_eq!(exact(&labels, &scores), Some(0.55));
    assert_eq!(exact(&[0, 1], &[-0.0, 0.0]), Some(0.5));
}

/// A thousand scores with many ties:
///
/// ```text
/// s = [i * 7919 % 1009 // 16 for i in range(1000)]; roc_auc_score([s[i] + i * 31 % 97 > 70 for i in range(1000)], s)
/// ```
#[test]
fn roc_auc_of_a_thousand_scores_agrees_with_scikit_learn() {
    let scores: [u32; 1000] = std::array::from_fn(|i| (i as u32 * 7919) % 1009 / 16);
    let labels = std::array::from_fn(|i| u8::from(scores[i] + i as u32 * 31 % 97 > 70));
    assert_eq!(exact(&labels, &scores.map(|score| score as f32)), Some(0.7151982260393266_f64 as f32));
}

#[test]
fn roc_auc_needs_both_classes_and_numbers() {
    assert_eq!(exact(&[], &[]), None);
    assert_eq!(exact(&[1, 1], &[0.1, 0.2]), None);
    assert_eq!(exact(&[0, 0], &[0.1, 0.2]), None);
    let (mut roc, mut histogram) = (RocAuc::<4>::new(), RocHistogram::<4>::new());
    for (score, got) in [(f32::NAN, FpCategory::Nan), (f32::NEG_INFINITY, FpCategory::Infinite)] {
        let error = Err(Error::NotFinite { row: 0, feature: 0, got });
        assert_eq!(roc.observe(score, true), error);
        assert_eq!(histogram.observe(score, false), error);
    }
    assert_eq!(roc.count(), 0);
    roc.observe(0.5, true).unwrap();
    histogram.observe(0.5, true).unwrap();
    assert_eq!((roc.value(), histogram.value(), histogram.bound()), (None, None, None));
    roc.observe(0.0, false).unwrap();
    histogram.observe(0.0, false).unwrap();
    assert_eq!((roc.value(), histogram.value(), histogram.bound()), (Some(1.0), Some(1.0), Some(0.0)));
}

/// Scores of all sizes, some outside of the bins: the histogram is off by no more than it says, and by nothing
/// where it has a bin for every score.
#[test]
fn the_histogram_is_as_close_as_it_says() {
    fn check<const BINS: usize>(exact_scores: bool) {
        let mut rng = Rng::new(BINS as u64);
        let (mut roc, mut histogram) = (RocAuc::<500>::new(), RocHistogram::<BINS>::new());
        for _ in 0..500 {
            let positive = rng.below(3) == 0;
            let score = match exact_scores {
                true => (rng.below(BINS as u32) as f32 + 0.5) / BINS as f32,
                false => rng.uniform() * 1.5 - 0.25 + if positive { 0.1 } else { 0.0 },
            };
            roc.observe(score, positive).unwrap();
            histogram.observe(score, positive).unwrap();
        }
        let (exact, value) = (roc.value().unwrap(), histogram.value().unwrap());
        let bound = histogram.bound().unwrap();
        // All three are rounded to f32.
        assert!((exact - value).abs() <= bound + 1.5 * f32::EPSILON, "{value} is not {exact} within {bound}");
        if exact_scores {
            assert_eq!(value, exact);
        } else {
            assert!(BINS < 100 || bound < 0.1, "{BINS} bins are off by {bound}");
        }
    }
    check::<1>(false);
    check::<2>(false);
    check::<10>(false);
    check::<100>(false);
    check::<1000>(false);
    check::<1>(true);
    check::<7>(true);
    check::<64>(true);
}

#[test]
fn scores_outside_of_the_bins_fall_into_the_last() {
    let mut histogram = RocHistogram::<4>::new();
    for score in [f32::MIN, -1.0, -0.0, 0.0, 0.249] {
        histogram.observe(score, false).unwrap();
    }
    for score in [0.75, 1.0, 1e10, f32::MAX] {
        histogram.observe(score, true).unwrap();
    }
    assert_eq!((histogram.value(), histogram.bound()), (Some(1.0), Some(0.0)));
}

fn regression(ys: &[f32], targets: &[f32]) -> [Option<f32>; 3] {
    let mut metrics = Regression::new();
    for (&y, &target) in ys.iter().zip(targets) {
        metrics.observe(y, target).unwrap();
    }
    assert_eq!(metrics.count(), targets.len() as u64);
    [metrics.mae(), metrics.rmse(), metrics.r2()]
}

fn nearest(number: f64) -> Option<f32> {
    Some(number as f32)
}

/// `mean_absolute_error(targets, ys), root_mean_squared_error(targets, ys), r2_score(targets, ys)` each.
#[test]
fn regression_agrees_with_scikit_learn() {
    assert_eq!(
        regression(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]),
        [0.5, 0.6123724356957945, 0.9486081370449679].map(nearest)
    );
    assert_eq!(regression(&[3.0, 2.0, -1.0], &[1.0, 2.0, 3.0]), [2.0, 2.581988897471611, -9.0].map(nearest));
    // The targets' mean is large beside their spread.
    assert_eq!(
        regression(
            &[100000.5, 100001.0, 100002.0, 99999.0, 100001.5],
            &[100000.0, 100001.0, 100002.5, 99999.25, 100000.5]
        ),
        [0.45, 0.5590169943749475, 0.7373949579831933].map(nearest)
    );
    assert_eq!(regression(&[1.5, 1.5], &[1.0, 2.0]), [0.5, 0.5, 0.0].map(nearest));
    // The last is 1 and 0 there, by convention; with force_finite=False it is NaN and minus infinity.
    assert_eq!(regression(&[2.0; 3], &[2.0; 3]), [Some(0.0), Some(0.0), None]);
    assert_eq!(
        regression(&[2.0, 2.0, 3.0], &[2.0; 3]),
        [nearest(0.3333333333333333), nearest(0.5773502691896257), None]
    );
}

#[test]
fn regression_of_none_and_of_one() {
    assert_eq!(regression(&[], &[]), [None; 3]);
    assert_eq!(regression(&[3.0], &[1.0]), [Some(2.0), Some(2.0), None]);
}

/// A constant that no `f32` sum of it would keep exact has no spread all the same.
#[test]
fn constant_targets_have_no_r2() {
    assert_eq!(regression(&[0.0; 1000], &[0.1; 1000])[2], None);
    assert_eq!(regression(&[0.0; 1000], &[f32::MAX; 1000])[2], None);
    let two = f32::from_bits(1); // the least spread there is
    assert_eq!(regression(&[0.0, two], &[0.0, two]), [Some(0.0), Some(0.0), Some(1.0)]);
}

#[test]
fn regression_of_the_largest_and_smallest_numbers() {
    let [mae, rmse, r2] = regression(&[f32::MAX, 0.0], &[0.0, f32::MAX]);
    assert_eq!((mae, rmse), (Some(f32::MAX), Some(f32::MAX)));
    assert_eq!(r2, Some(-3.0)); // squares 2 m^2, spread m^2 / 2
    let least = f32::from_bits(1);
    assert_eq!(regression(&[least], &[0.0]), [Some(least), Some(least), None]);
}

#[test]
fn regression_adds_nothing_that_it_refuses() {
    let mut metrics = Regression::new();
    metrics.observe(1.0, 2.0).unwrap();
    let before = metrics.clone();
    for (number, got) in [(f32::NAN, FpCategory::Nan), (f32::INFINITY, FpCategory::Infinite)] {
        assert_eq!(metrics.observe(number, 0.0), Err(Error::NotFinite { row: 0, feature: 0, got }));
        assert_eq!(metrics.observe(0.0, number), Err(Error::NotFinite { row: 0, feature: 1, got }));
    }
    assert_eq!(metrics, before);
}

/// One prediction at a time, by their mean, and in `f64` by the definition.
#[test]
fn likelihoods_agree() {
    let mut rng = Rng::new(8);
    let logits: [[f32; 7]; 50] = std::array::from_fn(|_| std::array::from_fn(|_| 3.0 * rng.normal()));
    let tokens: [u8; 50] = std::array::from_fn(|_| rng.below(7) as u8);
    let (mut one, mut all) = (Likelihood::new(), Likelihood::new());
    let mut nats = 0.0;
    for (logits, &token) in logits.iter().zip(&tokens) {
        one.observe(logits, token).unwrap();
        let powers = logits.map(|z| f64::from(z).exp());
        nats -= (powers[usize::from(token)] / powers.iter().sum::<f64>()).ln();
    }
    let mean = CrossEntropy.gradient(Isa::portable(), &logits, &tokens, &mut [[0.0; 7]; 50]);
    all.add(mean, 50).unwrap();
    let exact = [nats / 50.0, (nats / 50.0).exp(), nats / 50.0 / 2_f64.ln(), nats / 2_f64.ln() / 120.0];
    for (metrics, bound) in [(one, 1e-7), (all, 1e-6)] {
        let got =
            [metrics.cross_entropy(), metrics.perplexity(), metrics.bits_per_token(), metrics.bits_per(120)];
        for (got, exact) in got.into_iter().zip(exact) {
            let error = (f64::from(got.unwrap()) - exact).abs();
            assert!(error <= bound * (1.0 + nats / 50.0) * exact, "{got:?}, not {exact}");
        }
    }
}

#[test]
fn likelihoods_of_none_and_of_wrong_logits() {
    let mut metrics = Likelihood::new();
    let none = [metrics.cross_entropy(), metrics.perplexity(), metrics.bits_per_token(), metrics.bits_per(0)];
    assert_eq!(none, [None; 4]);
    metrics.observe(&[1e38, -1e38], 1_u8).unwrap(); // an `f32` holds the sum, no `exp` the perplexity
    assert_eq!((metrics.cross_entropy(), metrics.perplexity()), (Some(2e38), Some(f32::INFINITY)));
    let before = metrics.clone();
    let error = |feature, got| Err(Error::NotFinite { row: 0, feature, got });
    assert_eq!(metrics.observe(&[0.0, f32::NAN], 0_u8), error(1, FpCategory::Nan));
    assert_eq!(
        metrics.observe(&[0.0, 1.0], -1_i32),
        Err(Error::Label { classes: 2, got: usize::MAX, row: 0 })
    );
    assert_eq!(metrics.observe(&[], 0_u8), Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!(metrics.add(f32::INFINITY, 3), error(0, FpCategory::Infinite));
    assert_eq!(metrics, before);
}

/// All of them are constants, and so can be statics, which lie in `.bss` when all of their bytes are zero.
#[test]
fn metrics_are_statics_of_zeros() {
    use std::sync::Mutex;
    static CONFUSION: Mutex<Confusion<2>> = Mutex::new(Confusion::new());
    static ROC: Mutex<RocAuc<2>> = Mutex::new(RocAuc::new());
    static HISTOGRAM: Mutex<RocHistogram<2>> = Mutex::new(RocHistogram::new());
    static REGRESSION: Mutex<Regression> = Mutex::new(Regression::new());
    CONFUSION.lock().unwrap().add(0, 0).unwrap();
    ROC.lock().unwrap().observe(0.5, true).unwrap();
    HISTOGRAM.lock().unwrap().observe(0.5, true).unwrap();
    REGRESSION.lock().unwrap().observe(0.5, 0.5).unwrap();
    assert_eq!(CONFUSION.lock().unwrap().total(), 1);
    assert_eq!(size_of::<Confusion<10>>(), 400);
    assert_eq!(size_of::<RocHistogram<100>>(), 800);
    assert_eq!(size_of::<Regression>(), 40);
    assert!(size_of::<RocAuc<100>>() <= 424);
}

#[test]
fn errors_say_what_was_expected_and_what_came() {
    let says = |error: Error, text: &str| assert_eq!(error.to_string(), text);
    says(RocAuc::<0>::new().observe(0.0, true).unwrap_err(), "expected at most 0 observations, got one more");
    says(
        RocAuc::<1>::new().observe(f32::NAN, true).unwrap_err(),
        "expected finite numbers, got NaN in row 0, feature 0",
    );
    says(
        EarlyStopping::new(1, -1.0).unwrap_err(),
        "expected `min_delta` to be finite and not negative, got something else",
    );
}
