//! Data preparation: statistics against two passes in `f64` within derived bounds, round trips, and what happens to data at
//! its worst: NaN first, NaN everywhere, one row, no rows, no features.

mod data {
    mod clean;
    mod labels;
    mod reference;
    mod scale;
    mod split;
    mod statistics;
    mod windows;
}
