//! Plots of the loss.

use textplots::{Chart, LabelBuilder, LabelFormat, Plot, Shape};

/// Plots the mean loss of some trainings, a point for `size` of their epochs or steps, of which each has a number. The logarithm
/// shows that a loss still falls where a linear axis shows a flat line.
pub(crate) fn print(trainings: &[&[f32]], size: usize, unit: &'static str) {
    let count = trainings.first().map_or(0, |losses| losses.len() / size);
    if count == 0 {
        return;
    }
    let sum = |at: usize| trainings.iter().flat_map(|losses| &losses[at * size..][..size]).sum::<f32>();
    let mean = |at: usize| sum(at) / (trainings.len() * size) as f32;
    let place = |at: usize| ((at + 1) * size) as f32;
    let points: Vec<_> = (0..count).map(|at| (place(at), mean(at).log10())).collect();
    let of = if trainings.len() > 1 { format!(", mean of {} seeds", trainings.len()) } else { String::new() };
    println!("training loss by {unit}{of}, logarithmic");
    Chart::new(120, 48, place(0), place(count - 1))
        .x_label_format(LabelFormat::Custom(Box::new(move |x| format!("{unit} {x:.0}"))))
        .y_label_format(LabelFormat::Custom(Box::new(|y| format!("{:.3}", 10_f32.powf(y)))))
        .lineplot(&Shape::Lines(&points))
        .nice();
}
