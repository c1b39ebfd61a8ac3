//! Plots of the loss.

use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

/// Plots the loss by epoch, mean of several trainings. The logarithm shows that a loss still falls where a linear axis shows
/// a flat line.
pub(crate) fn print(trainings: &[&[f32]]) {
    let epochs = trainings.first().map_or(0, |losses| losses.len());
    let mean =
        |epoch: usize| trainings.iter().map(|losses| losses[epoch]).sum::<f32>() / trainings.len() as f32;
    let points: Vec<_> = (0..epochs).map(|epoch| (epoch as f32 + 1.0, mean(epoch).log10())).collect();
    println!("training loss by epoch, mean of {} seeds, logarithmic", trainings.len());
    Chart::new(120, 48, 1.0, epochs as f32)
        .x_label_format(LabelFormat::Custom(Box::new(|x| format!("epoch {x:.0}"))))
        .y_label_format(LabelFormat::Custom(Box::new(|y| format!("{:.3}", 10_f32.powf(y)))))
        .lineplot(&Shape::Lines(&points))
        .nice();
}
