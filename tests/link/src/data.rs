//! Preparation of data.

use crate::{any, hide, keep};
use fusebox::data::{Clean, MinMax, Missing, Outliers, Standardize, Statistics, check_finite};

/// Calls them all.
pub fn all() {
    rows::<3>();
    rows::<0>();
}

fn rows<const N: usize>() {
    let many = any::<[[f32; N]; 4]>();
    keep(check_finite(hide(&many[..])));
    let mut statistics = hide(Statistics::<N>::new());
    keep(statistics.add(&any()));
    statistics.add_finite(&any());
    statistics.merge(&hide(Statistics::new()));
    keep((statistics.mean(), statistics.variance(), statistics.std(), statistics.min(), statistics.max()));

    let mut row = any::<[f32; N]>();
    let ranges = [MinMax::of(&statistics), MinMax::with_range(&statistics, any()..=any())];
    for range in ranges.into_iter().flatten() {
        range.apply(&mut row);
        range.invert(&mut row);
    }
    let Ok(scale) = Standardize::of(&statistics) else { return };
    scale.apply(&mut row);
    scale.invert(&mut row);
    let missing = if any::<u8>() == 0 { Missing::Fill } else { Missing::Reject };
    let outliers = match any::<u8>() {
        0 => Outliers::Keep,
        1 => Outliers::Clip(any()),
        _ => Outliers::Reject(any()),
    };
    if let Ok(mut clean) = Clean::<N>::new(missing, outliers) {
        keep((clean.apply(&mut row, &scale), clean.apply_running(&mut row, &mut statistics)));
    }
    keep(row);
}
