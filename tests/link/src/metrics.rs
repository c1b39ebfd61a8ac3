//! Metrics that compute in `f32`, and what decides by them.

use crate::{any, hide, keep};
use fusebox::{Confusion, EarlyStopping, RocAuc, RocHistogram, Schedule, argmax};

/// Calls them all.
pub fn all() {
    confusion::<3>();
    confusion::<0>();
    keep(argmax(hide(&any::<[f32; 4]>()[..])));
    keep(hide(RocAuc::<4>::new()).observe(any(), hide(true)));
    keep(hide(RocAuc::<0>::new()).observe(any(), hide(true)));
    keep(hide(RocHistogram::<4>::new()).observe(any(), hide(true)));
    if let Ok(mut stopping) = EarlyStopping::new(any(), any()) {
        keep(stopping.observe(any()));
    }
    let made = [
        Schedule::constant(any()),
        Schedule::step_decay(any(), any(), any()),
        Schedule::exponential(any(), any(), any()),
        Schedule::cosine(any(), any(), any()),
    ];
    for schedule in hide(made).into_iter().flatten() {
        keep(schedule.warm_up(any()));
    }
}

fn confusion<const CLASSES: usize>() {
    let mut confusion = hide(Confusion::<CLASSES>::new());
    keep(confusion.observe(&any(), any::<u8>()));
    keep((confusion.accuracy(), confusion.class(any()), confusion.macro_mean()));
}
