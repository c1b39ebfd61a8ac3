//! Products on every instruction set against three loops.

use super::Product;
use crate::kernel::int8::scale::{Clamp, Double, Multiplier, Rounding, Single};
use crate::{Isa, Rng};
use std::vec::Vec;

/// The definition. `weight` has a row for each output.
fn reference<R: Rounding>(product: &Product<'_>, weight: &[i8], xs: &[i8]) -> Vec<i8> {
    let rows = xs.chunks_exact(product.depth);
    rows.flat_map(|x| {
        let outputs = weight.chunks_exact(product.depth).zip(product.bias).zip(product.scale);
        outputs.map(move |((row, &bias), &scale)| {
            let products = x.iter().zip(row).map(|(&x, &w)| i32::from(x) * i32::from(w));
            product.clamp.output(R::scale(products.fold(bias, i32::wrapping_add), scale))
        })
    })
    .collect()
}

/// `rows`, each of `depth` weights, in the order of tiles.
fn tiled(rows: &[i8], outputs: usize, depth: usize) -> Vec<i8> {
    let mut tiles = std::vec![0; rows.len()];
    for output in 0..outputs {
        for input in 0..depth {
            tiles[crate::kernel::int8::order::place(outputs, depth, output, input)] =
                rows[output * depth + input];
        }
    }
    tiles
}

/// A byte: now and then one of the ends, which sums and their halves overflow with, if at all.
fn byte(rng: &mut Rng) -> i8 {
    match rng.next_u32() % 8 {
        0 => -128,
        1 => 127,
        _ => rng.next_u32() as i8,
    }
}

fn check<R: Rounding>(isa: Isa, rng: &mut Rng, [rows, depth, outputs]: [usize; 3]) {
    let mut bytes = |n: usize| (0..n).map(|_| byte(rng)).collect::<Vec<_>>();
    let (xs, weight) = (bytes(rows * depth), bytes(outputs * depth));
    let tiles = tiled(&weight, outputs, depth);
    let bias: Vec<_> = (0..outputs).map(|_| rng.next_u32() as i32 >> (rng.next_u32() % 32)).collect();
    let scale: Vec<_> = (0..outputs)
        .map(|_| Multiplier {
            mantissa: (rng.next_u32() >> 2 | 1 << 30) as i32,
            exponent: rng.next_u32() as i32 % 16 - 12,
        })
        .collect();
    let clamp = match rng.next_u32() % 2 {
        0 => Clamp { zero: byte(rng), least: -128, most: 127 },
        _ => Clamp { zero: -5, least: -5, most: 100 },
    };
    let product = Product { depth, weight: &tiles, bias: &bias, scale: &scale, clamp };
    // Bytes before and after that nobody may write.
    let mut ys = std::vec![99; rows * outputs + 128];
    product.run::<R>(isa, &xs, &mut ys[64..64 + rows * outputs]);
    let (before, ys) = ys.split_at(64);
    let (ys, after) = ys.split_at(rows * outputs);
    assert_eq!(ys, reference::<R>(&product, &weight, &xs), "{isa}: {rows} x {depth} x {outputs}");
    assert!(before.iter().chain(after).all(|&y| y == 99), "{isa}: {rows} x {depth} x {outputs}");
}

#[test]
fn every_instruction_set_gives_the_definition() {
    let mut rng = Rng::new(1);
    let sizes: &[usize] = match cfg!(miri) {
        true => &[1, 7, 17],
        false => &[1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 63, 64, 65, 130],
    };
    for isa in Isa::available() {
        for &depth in sizes {
            for &outputs in sizes {
                for rows in [1, 2, 3, 4, 5, 9] {
                    check::<Double>(isa, &mut rng, [rows, depth, outputs]);
                    check::<Single>(isa, &mut rng, [rows, depth, outputs]);
                }
            }
        }
        check::<Double>(isa, &mut rng, [2, 1 << 16, 3]);
    }
}
