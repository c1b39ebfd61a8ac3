//! Forecasts next year's number of sunspots from the twelve years before: 12-16-1, trained on 1700 to 1947 once for each of
//! ten seeds, judged on 1948 to 2008, beside scikit-learn's network, least squares, and persistence (next year will be as
//! this one).
//!
//! ```text
//! cargo run --release --example sunspots
//! ```
//!
//! Expect a root mean squared error of about 20 sunspots; least squares does as well, for so short a record. Exits with
//! status 1 if the mean is above 23. The data: *Yearly sunspots data 1700-2008*, National Geophysical Data Center, public
//! domain; its source and the protocol are in `examples/data/README.md`.

use fusebox::data::{Standardize, Statistics, Windows};
use fusebox::{Isa, Mse, Regression, Rng};
use std::error::Error;
use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/protocol.rs"]
mod protocol;

use comparison::Comparison;
use protocol::{outputs, seeds, train};

/// Years that a forecast looks back: about one solar cycle.
const YEARS: usize = 12;
const EPOCHS: usize = 200;
const MOST_ERROR: f64 = 23.0;

fn main() -> Result<(), Box<dyn Error>> {
    let record = read()?;
    let count = record.len();
    let (known, to_come) = record.split_at(count - count / 5);
    let mut statistics = Statistics::new();
    for (_, spots) in known {
        statistics.add(&[*spots])?;
    }
    let scale = Standardize::of(&statistics)?;

    // A window is what the network sees, and the year that it is to say.
    let mut windows = Windows::<f32, { YEARS + 1 }>::new();
    let (mut xs, mut targets) = (Vec::new(), Vec::new());
    for &(_, spots) in &record {
        let mut number = [spots];
        scale.apply(&mut number);
        if let Some(&[ref before @ .., next]) = windows.push(number[0]) {
            xs.push(*before);
            targets.push([next]);
        }
    }
    let (xs, unseen) = xs.split_at(known.len() - YEARS);
    let targets = &targets[..xs.len()];
    println!(
        "sunspots: {YEARS}-16-1, {EPOCHS} epochs, {} windows to {}, {} years from {} to forecast, {}\n",
        xs.len(),
        known[known.len() - 1].0,
        to_come.len(),
        to_come[0].0,
        Isa::detect()
    );

    let (mut errors, mut seconds, mut known_errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut forecasts = vec![0.0; to_come.len()];
    for seed in seeds() {
        let trained = train(Mse, xs, targets, EPOCHS, &mut Rng::new(seed))?;
        let mut error = Regression::new();
        let ys = outputs(&trained.net, unseen)?;
        for ((mut y, (_, spots)), mean) in ys.into_iter().zip(to_come).zip(&mut forecasts) {
            scale.invert(&mut y);
            error.observe(y[0], *spots)?;
            *mean += y[0] / 10.0;
        }
        errors.push(f64::from(error.rmse().ok_or("nothing to forecast")?));
        seconds.push(trained.seconds);
        known_errors.push(scale.std[0] * trained.losses[EPOCHS - 1].sqrt());
    }

    plot(to_come, &forecasts);
    let known_error = known_errors.iter().sum::<f32>() / known_errors.len() as f32;
    println!("RMSE in the last epoch of training: {known_error:.1}");
    let mut together = Regression::new();
    for (&y, (_, spots)) in forecasts.iter().zip(to_come) {
        together.observe(y, *spots)?;
    }
    println!("RMSE of the mean of the ten forecasts: {:.1}\n", together.rmse().unwrap_or(f32::NAN));
    let mut comparison = Comparison::new("sunspots", &["mlp", "least_squares", "persistence"]);
    let error = comparison.add("rmse", errors)?;
    comparison.add("seconds", seconds)?;
    println!("{comparison}");
    if error > MOST_ERROR {
        return Err(format!("the mean RMSE {error:.1} is above {MOST_ERROR}").into());
    }
    Ok(())
}

/// The years and their mean numbers of sunspots.
fn read() -> Result<Vec<(u16, f32)>, csv::Error> {
    csv::Reader::from_reader(include_bytes!("data/sunspots.csv").as_slice()).deserialize().collect()
}

/// Plots what came as a line, and what was forecast as points.
fn plot(truth: &[(u16, f32)], forecasts: &[f32]) {
    let line: Vec<_> = truth.iter().map(|&(year, spots)| (f32::from(year), spots)).collect();
    let points: Vec<_> = line.iter().zip(forecasts).map(|((year, _), forecast)| (*year, *forecast)).collect();
    println!("sunspots of a year: line, what came; points, the mean of ten forecasts a year ahead");
    Chart::new(160, 60, line[0].0, line[line.len() - 1].0)
        .x_label_format(LabelFormat::Custom(Box::new(|year| format!("{year:.0}"))))
        .y_label_format(LabelFormat::Custom(Box::new(|spots| format!("{spots:.0}"))))
        .lineplot(&Shape::Lines(&line))
        .lineplot(&Shape::Points(&points))
        .nice();
}
