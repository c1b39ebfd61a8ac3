//! How far the tensors of two files differ.

use crate::list::shape;
use comfy_table::{CellAlignment, Table, presets};
use fusebox_weights::{File, Tensor};
use std::collections::BTreeMap;

/// A line for each name in either file, and whether both have the same tensors with no difference above `within`.
pub(crate) fn compare(one: &File<'_>, other: &File<'_>, within: f32) -> (String, bool) {
    let mut both: BTreeMap<&str, [Option<&Tensor<'_>>; 2]> = BTreeMap::new();
    for (name, tensor) in one.iter() {
        both.entry(name).or_default()[0] = Some(tensor);
    }
    for (name, tensor) in other.iter() {
        both.entry(name).or_default()[1] = Some(tensor);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "shape", "largest difference"]);
    let mut equal = true;
    for (name, tensors) in both {
        let (shape, difference, close) = match tensors {
            [Some(one), Some(other)] => pair(one, other, within),
            [Some(one), None] => (shape(&one.shape), "only in the first".into(), false),
            [None, Some(other)] => (shape(&other.shape), "only in the second".into(), false),
            [None, None] => continue,
        };
        table.add_row([name, &shape, &difference]);
        equal &= close;
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    (table.trim_fmt(), equal)
}

/// The shape, the difference in words, and whether it is accepted.
fn pair(one: &Tensor<'_>, other: &Tensor<'_>, within: f32) -> (String, String, bool) {
    if one.shape != other.shape {
        return (format!("{}, {}", shape(&one.shape), shape(&other.shape)), "other shapes".into(), false);
    }
    let (difference, close) = match (one.numbers(), other.numbers()) {
        (Some(xs), Some(ys)) => {
            let largest = xs.iter().zip(&ys).map(|(&x, &y)| distance(x, y)).fold(0.0, larger);
            (format!("{largest:e}"), largest <= within)
        }
        // Integers and others: the same bytes or not.
        _ if one == other => ("same bytes".into(), true),
        _ => (format!("other bytes, {} and {}", one.dtype, other.dtype), false),
    };
    (shape(&one.shape), difference, close)
}

/// NaN if only one of them is. Two NaNs, and equal infinities, do not differ.
fn distance(x: f32, y: f32) -> f32 {
    if x == y || x.is_nan() && y.is_nan() { 0.0 } else { (x - y).abs() }
}

/// The larger, or NaN if one of them is.
fn larger(x: f32, y: f32) -> f32 {
    if y > x || y.is_nan() { y } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences() {
        assert_eq!(distance(1.0, 1.5), 0.5);
        assert_eq!(distance(f32::NAN, f32::NAN), 0.0);
        assert_eq!(distance(f32::INFINITY, f32::INFINITY), 0.0);
        assert_eq!(distance(f32::INFINITY, -f32::INFINITY), f32::INFINITY);
        assert!(distance(f32::NAN, 1.0).is_nan());
        assert!([1.0, f32::NAN, 2.0].into_iter().fold(0.0, larger).is_nan());
        assert_eq!([1.0, 3.0, 2.0].into_iter().fold(0.0, larger), 3.0);
    }
}
