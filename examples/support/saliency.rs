//! Which features a network looks at: how much the loss moves with each, over rows it was not trained on.

use crate::protocol::Net;
use fusebox::{Error, Loss, Sgd, Workspace};

/// Each feature's part of the saliency: the mean of |dloss / dx| over the rows, divided by the sum over the features.
pub(crate) fn saliency<const IN: usize, const OUT: usize, L: Loss<[f32; OUT]>>(
    loss: L,
    net: &Net<IN, OUT>,
    xs: &[[f32; IN]],
    targets: &[L::Target],
) -> Result<[f64; IN], Error> {
    let mut workspace = Workspace::<Net<IN, OUT>, 1, Sgd, L>::with_loss(loss);
    let mut sums = [0.0; IN];
    for (&x, &target) in xs.iter().zip(targets) {
        let mut dx = [[0.0; IN]];
        workspace.input_gradient(net, &[x], &[target], &mut dx)?;
        for (sum, dx) in sums.iter_mut().zip(dx[0]) {
            *sum += f64::from(dx.abs());
        }
    }
    let all: f64 = sums.iter().sum();
    Ok(sums.map(|sum| sum / all))
}

/// Draws the mean over several networks, the largest first.
pub(crate) fn print<const IN: usize>(features: &[String; IN], networks: &[[f64; IN]]) {
    let mean = |i: usize| networks.iter().map(|parts| parts[i]).sum::<f64>() / networks.len() as f64;
    let mut ranked: Vec<_> = features.iter().enumerate().map(|(i, name)| (mean(i), name)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let largest = ranked.first().map_or(0.0, |(part, _)| *part);
    println!("what the networks look at: part of |dloss / dx|, mean of {} seeds", networks.len());
    for (part, name) in ranked.into_iter().take(10) {
        let bar = "█".repeat((50.0 * part / largest).round() as usize);
        println!("{:>30} {:4.1} % {bar}", name.replace('_', " "), 100.0 * part);
    }
}
