//! Tells three species of iris by the lengths and widths of sepals and petals, the oldest data set of the field: 4-16-3,
//! trained once for each of ten seeds, judged by the fifth held out, beside scikit-learn's network and logistic regression
//! on the same rows. Draws how the first network divides the plane of the petals.
//!
//! ```text
//! cargo run --release --example iris
//! ```
//!
//! Expect about 97 %. Exits with status 1 if the mean accuracy is below 95 %. The data: R. A. Fisher, *Iris*, 1936,
//! CC BY 4.0; its source and the protocol are in `examples/data/README.md`.

use fusebox::{Rng, argmax};

#[path = "support/classify.rs"]
mod classify;
#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/curve.rs"]
mod curve;
#[path = "support/protocol.rs"]
mod protocol;
#[path = "support/saliency.rs"]
mod saliency;
#[path = "support/table.rs"]
mod table;

use protocol::{Net, outputs};
use table::Table;

const LEAST_ACCURACY: f64 = 0.95;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = Table::read(include_str!("data/iris.csv"))?;
    let (networks, accuracy) = classify::classify("iris", &table, 500)?;
    draw_plane(&table, &networks[0].net)?;
    if accuracy < LEAST_ACCURACY {
        return Err(format!("the mean accuracy {accuracy:.3} is below {LEAST_ACCURACY}").into());
    }
    Ok(())
}

/// Draws what the network of seed 1 takes each petal for, the sepal being average, and the petals it never saw.
fn draw_plane(table: &Table<4>, net: &Net<4, 3>) -> Result<(), Box<dyn std::error::Error>> {
    const ROWS: usize = 27;
    const COLUMNS: usize = 71;
    const LENGTHS: std::ops::RangeInclusive<f32> = 0.5..=7.5;
    const WIDTHS: std::ops::RangeInclusive<f32> = 0.0..=2.6;
    /// Where on a scale of so many steps a number lies, and back.
    fn step(range: &std::ops::RangeInclusive<f32>, steps: usize, x: f32) -> usize {
        ((x - range.start()) / (range.end() - range.start()) * (steps - 1) as f32).round() as usize
    }
    fn number(range: &std::ops::RangeInclusive<f32>, steps: usize, step: usize) -> f32 {
        range.start() + (range.end() - range.start()) * step as f32 / (steps - 1) as f32
    }

    let (_, held_out, standardize) = table.split(&mut Rng::new(1))?;
    let mut plane = Vec::with_capacity(ROWS);
    for row in 0..ROWS {
        let petal = |column| {
            let mut x = standardize.mean;
            x[2] = number(&LENGTHS, COLUMNS, column);
            x[3] = number(&WIDTHS, ROWS, row);
            standardize.apply(&mut x);
            x
        };
        let xs: Vec<_> = (0..COLUMNS).map(petal).collect();
        plane.push(outputs(net, &xs)?.iter().map(|y| ['·', '-', '+'][argmax(y)]).collect::<Vec<_>>());
    }
    for (mut x, &label) in held_out.xs.into_iter().zip(&held_out.labels) {
        standardize.invert(&mut x);
        plane[step(&WIDTHS, ROWS, x[3])][step(&LENGTHS, COLUMNS, x[2])] = ['S', 'C', 'V'][usize::from(label)];
    }
    println!("\nhow the network of seed 1 divides the plane of the petals, sepals being average:");
    println!("· setosa, - versicolor, + virginica; the letters S, C, V are flowers that it never saw\n");
    for (row, line) in plane.iter().enumerate().rev() {
        println!("{:4.1} {}", number(&WIDTHS, ROWS, row), line.iter().collect::<String>());
    }
    println!("     {:<34}{:^3}{:>34}", LENGTHS.start(), 4, LENGTHS.end());
    println!("     width of the petal (upwards) and its length (to the right), in cm");
    Ok(())
}
