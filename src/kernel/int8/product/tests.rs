//! Products on every instruction set, and by every way through it, against three loops.

use super::Product;
use crate::kernel::int8::order::tile;
use crate::kernel::int8::scale::{Clamp, Double, Multiplier, Rounding, Single};
use crate::{Isa, Rng};
use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

/// Overwrites outputs with a product of inputs.
type Run = Box<dyn Fn(&Product<'_>, &[i8], &mut [i8])>;

/// Every way to compute a product here: an instruction set's, and those that another of this processor is preferred to.
fn ways<R: Rounding>() -> Vec<(String, Run)> {
    let isas = Isa::available().map(|isa| -> (String, Run) {
        (isa.to_string(), Box::new(move |product, xs, ys| product.run::<R>(isa, xs, ys)))
    });
    #[cfg(fusebox_vectors_of_bytes)]
    let isas = isas.chain(super::Way::available().map(|way| -> (String, Run) {
        let run = move |product: &Product<'_>, xs: &[i8], ys: &mut [i8]| {
            let rows = product.rows(xs, ys, product.bias.len()).expect("lengths that match");
            // SAFETY: they do.
            if !unsafe { product.run_by::<R>(way, rows, xs, ys) } {
                assert!(product.depth < 4, "{way:?} refuses");
                super::plain::rows::<R>(product, xs, ys);
            }
        };
        (std::format!("{way:?}"), Box::new(run))
    }));
    isas.collect()
}

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

/// A byte: now and then one of the ends, which sums and their halves overflow with, if at all.
fn byte(rng: &mut Rng) -> i8 {
    match rng.next_u32() % 8 {
        0 => -128,
        1 => 127,
        _ => rng.next_u32() as i8,
    }
}

/// A product of random numbers, of each way and both roundings.
fn check(rng: &mut Rng, ways: &[Vec<(String, Run)>; 2], [rows, depth, outputs]: [usize; 3]) {
    let mut bytes = |n: usize| (0..n).map(|_| byte(rng)).collect::<Vec<_>>();
    let (mut xs, mut weight) = (bytes(rows * depth), bytes(outputs * depth));
    if rng.next_u32().is_multiple_of(16) {
        // The largest products there are, all of one sign.
        xs.fill(-128);
        weight.fill([-128, 127][rng.next_u32() as usize % 2]);
    }
    let bias: Vec<_> = (0..outputs).map(|_| rng.next_u32() as i32 >> (rng.next_u32() % 32)).collect();
    let scale: Vec<_> = (0..outputs).map(|_| multiplier(rng)).collect();
    let clamp = match rng.next_u32() % 3 {
        0 => Clamp { zero: byte(rng), least: -128, most: 127 },
        1 => Clamp { zero: -5, least: -5, most: 100 },
        _ => Clamp { zero: byte(rng), least: byte(rng), most: byte(rng) },
    };
    check_product(ways, &Product { depth, weight: &weight, bias: &bias, scale: &scale, clamp }, &xs);
}

/// Mostly one that scales sums to the range of outputs, so that few are clamped; else any, and a few that no [`Multiplier::new`]
/// makes.
fn multiplier(rng: &mut Rng) -> Multiplier {
    let mantissa = (rng.next_u32() >> 2 | 1 << 30) as i32;
    match rng.next_u32() % 16 {
        0 => Multiplier { mantissa, exponent: rng.next_u32() as i32 % 40 },
        1 => Multiplier { mantissa: rng.next_u32() as i32, exponent: rng.next_u32() as i32 },
        _ => Multiplier { mantissa, exponent: rng.next_u32() as i32 % 10 - 12 },
    }
}

/// `product`, whose weights are in rows here, by each way, rounded in both.
fn check_product([double, single]: &[Vec<(String, Run)>; 2], product: &Product<'_>, xs: &[i8]) {
    let (depth, outputs) = (product.depth, product.bias.len());
    let mut tiles = std::vec![0; product.weight.len()];
    tile(product.weight, &mut tiles, outputs);
    let tiled = Product { weight: &tiles, ..*product };
    let expected = [reference::<Double>, reference::<Single>].map(|of| of(product, product.weight, xs));
    for (ways, expected) in [double, single].into_iter().zip(expected) {
        for (way, run) in ways {
            // Bytes before and after that nobody may write.
            let mut ys = std::vec![99; expected.len() + 128];
            run(&tiled, xs, &mut ys[64..64 + expected.len()]);
            let (before, ys) = ys.split_at(64);
            let (ys, after) = ys.split_at(expected.len());
            let shape = [xs.len() / depth, depth, outputs];
            assert_eq!(ys, expected, "{way}: {shape:?}, {:?} {:?}", product.scale, product.clamp);
            assert!(before.iter().chain(after).all(|&y| y == 99), "{way}: {shape:?}");
        }
    }
}

fn both() -> [Vec<(String, Run)>; 2] {
    [ways::<Double>(), ways::<Single>()]
}

#[test]
fn every_way_gives_the_definition() {
    let (mut rng, ways) = (Rng::new(1), both());
    let (sizes, all_rows): (&[usize], &[usize]) = match cfg!(miri) {
        true => (&[1, 7, 17], &[1, 5]),
        false => (&[1, 3, 4, 5, 8, 15, 17, 34, 67], &[1, 3, 5, 8, 9, 17]),
    };
    for &depth in sizes {
        for &outputs in sizes {
            for &rows in all_rows {
                check(&mut rng, &ways, [rows, depth, outputs]);
            }
        }
    }
    if !cfg!(miri) {
        // Blocks of rows, more words of an output in a row than are put into tiles at a time, and the deepest layer.
        for shape in [[64, 5, 17], [65, 9, 6], [150, 16, 4], [3, 300, 7], [2, 1 << 16, 3]] {
            check(&mut rng, &ways, shape);
        }
    }
}

/// Sums without scales, of groups of four outputs and others.
#[test]
fn sums_are_the_definition() {
    let mut rng = Rng::new(3);
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let mut below = |n: u32| 1 + (rng.next_u32() % n) as usize;
        let [rows, depth, outputs] = [below(20), below(80), below(40)];
        let mut bytes = |n: usize| (0..n).map(|_| byte(&mut rng)).collect::<Vec<_>>();
        let (xs, weight) = (bytes(rows * depth), bytes(outputs * depth));
        let bias: Vec<_> = (0..outputs).map(|_| rng.next_u32() as i32).collect();
        let mut tiles = std::vec![0; weight.len()];
        tile(&weight, &mut tiles, outputs);
        let clamp = Clamp { zero: 5, least: 1, most: 2 };
        let product = Product { depth, weight: &tiles, bias: &bias, scale: &[], clamp };
        let expected: Vec<_> = xs
            .chunks_exact(depth)
            .flat_map(|x| {
                weight.chunks_exact(depth).zip(&bias).map(move |(row, &bias)| {
                    let products = x.iter().zip(row).map(|(&x, &w)| i32::from(x) * i32::from(w));
                    products.fold(bias, i32::wrapping_add)
                })
            })
            .collect();
        // Numbers before and after that nobody may write.
        let mut ys = std::vec![99; expected.len() + 32];
        product.sums(&xs, &mut ys[16..16 + expected.len()]);
        assert_eq!(ys[16..16 + expected.len()], expected, "{:?}", [rows, depth, outputs]);
        assert!(ys[..16].iter().chain(&ys[16 + expected.len()..]).all(|&y| y == 99));
    }
}

/// A million of them with `FUSEBOX_EVERYTHING=1`.
#[test]
fn random_products() {
    let (mut rng, ways) = (Rng::new(2), both());
    let count = match std::env::var_os("FUSEBOX_EVERYTHING") {
        _ if cfg!(miri) => 3,
        Some(_) => 1_000_000,
        None => 300,
    };
    for _ in 0..count {
        let mut below = |n: u32| 1 + (rng.next_u32() % n) as usize;
        let shape = [below(20), below(80), below(40)];
        check(&mut rng, &ways, shape);
    }
}

/// Every exponent and a few beyond, where the scaled sums are just at a half, just beside it, at the ends of the range of
/// outputs and of sums: products of zeros, whose biases are the sums.
#[test]
fn ties_and_ends_are_scaled_as_defined() {
    const DEPTH: usize = 4;
    let ways = both();
    let exponents = (-34..=33).chain([i32::MIN, i32::MIN + 1, -64, 64, i32::MAX]);
    for exponent in exponents.step_by(if cfg!(miri) { 17 } else { 1 }) {
        for mantissa in [1 << 30, (1 << 30) + 1, 0x5555_5555, i32::MAX, 0, -1, i32::MIN] {
            let halves = (-260..260).flat_map(|half| {
                let sum = f64::from(half) * 0.5 * libm::ldexp(1.0, 31 - exponent.clamp(-64, 64))
                    / f64::from(mantissa).max(1.0);
                [-1, 0, 1].map(|beside| (sum as i32).saturating_add(beside))
            });
            let ends = [i32::MIN, i32::MIN + 1, i32::MAX - 1, i32::MAX, 1 << 30, -1 << 30];
            let bias: Vec<_> = halves.chain(ends).step_by(if cfg!(miri) { 50 } else { 1 }).collect();
            let scale = std::vec![Multiplier { mantissa, exponent }; bias.len()];
            let weight = std::vec![0; DEPTH * bias.len()];
            let zero = [-128, -3, 0, 127][(exponent ^ mantissa) as usize % 4];
            let clamp = Clamp { zero, least: -128, most: 127 };
            let product = Product { depth: DEPTH, weight: &weight, bias: &bias, scale: &scale, clamp };
            check_product(&ways, &product, &[-128; DEPTH]);
        }
    }
}
