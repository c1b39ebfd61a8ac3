//! Memory of networks that a program writes: it moves numbers and computes with none.

use crate::{any, hide, keep};
use core::marker::PhantomData;
use fusebox::int8::{Clamp, Dense, Multiplier, fold, tile};
use fusebox::layers::arena::{check, constant, parts, view, view_mut};

fn dense() -> Dense<3, 2> {
    let scale = any::<[i32; 2]>().map(|mantissa| Multiplier { mantissa, exponent: any() });
    let clamp = Clamp { zero: any(), least: any(), most: any() };
    Dense { bias: any(), scale, clamp, weight: any(), rounding: PhantomData }
}

/// Calls them all.
pub fn all() {
    let mut words = hide([0; 64]);
    let numbers: &mut [f32] = view_mut::<u32, f32>(&mut words, hide(64));
    for part in parts(numbers, hide(2), hide([[0, 3], [5, 9], [10, 30]])) {
        keep(view_mut::<f32, [[i8; 3]; 2]>(part, hide(4)).len());
        keep(view::<f32, [u32; 2]>(part, hide(4)));
    }
    keep(view::<[i8; 6], [i8; 2]>(&hide([[0; 6]; 2]), hide(5)));
    let bytes = hide([0; 40]);
    let bytes = bytes.get(..hide(40)).unwrap_or_default();
    keep(constant::<[i8; 5]>(bytes, hide(3)));
    keep(constant::<[i32; 5]>(bytes, hide(30)));
    check(&dense());
    let (rows, mut tiles, mut bias) = (hide([0; 30]), hide([0; 30]), hide([0; 5]));
    let rows = rows.get(..hide(30)).unwrap_or_default();
    fold(rows, hide(1), bias.get_mut(..hide(5)).unwrap_or_default());
    tile(rows, tiles.get_mut(..hide(30)).unwrap_or_default(), hide(5));
    keep((bias, tiles));
}
