//! Several batches as one, where the loss weighs its rows.

use crate::on_every_isa;
use fusebox::{
    Accumulate, CrossEntropy, Dense, Isa, Loss, Sgd, Weighted, WeightedCrossEntropy, Workspace, Zeroed,
};

type Net = Dense<2, 2>;

/// A step's weights and biases, from batches that end at the rows given.
fn step<L: Loss<[f32; 2]>>(isa: Isa, loss: L, targets: &[L::Target], ends: &[usize]) -> Vec<f32> {
    let mut net = Net::ZEROED;
    let mut workspace = Workspace::<Net, 7, Accumulate<Sgd>, _>::with_loss(loss);
    let optimizer = Accumulate::new(Sgd::new(1.0), ends.len() as u32);
    let xs: Vec<[f32; 2]> = (0..targets.len()).map(|i| [i as f32 - 3.0, 1.0 - 0.5 * i as f32]).collect();
    let mut start = 0;
    for &end in ends {
        workspace
            .train_step_with(isa, &mut net, &xs[start..end], &targets[start..end], &optimizer)
            .expect("a batch that fits");
        start = end;
    }
    [net.weight.as_flattened(), &net.bias].concat()
}

fn compare<L: Loss<[f32; 2]> + Clone>(what: &str, loss: L, targets: &[L::Target]) {
    let whole = on_every_isa(what, |isa| step(isa, loss.clone(), targets, &[7]));
    for ends in [&[3, 6, 7][..], &[1, 7], &[1, 2, 3, 4, 5, 6, 7]] {
        let parts = on_every_isa(what, |isa| step(isa, loss.clone(), targets, ends));
        for ((isa, whole), (_, parts)) in whole.iter().zip(parts) {
            for (whole, part) in whole.iter().zip(parts) {
                // Each is a sum of seven rows, of products of at most 3 and 10, divided by at most 16.
                let bound = 16.0 * f32::EPSILON * 10.0;
                assert!((whole - part).abs() <= bound, "{isa}, {what}, {ends:?}: {part}, not {whole}");
            }
            assert!(whole.iter().any(|w| w.abs() > 0.1), "{isa}: nothing moved");
        }
    }
}

#[test]
fn parts_of_a_batch_are_the_batch() {
    let labels = [0, 1, 1, 1, 1, 1, 1];
    compare("cross-entropy", CrossEntropy, &labels);
    for smoothing in [0.0, 0.1] {
        let loss = WeightedCrossEntropy::new([10.0, 1.0], smoothing).expect("settings in range");
        compare("class weights", loss, &labels);
        let targets = labels.map(|label| (label, 0.5 + f32::from(label)));
        compare("class and sample weights", Weighted(loss), &targets);
    }
    let targets = [0, 1, 2, 3, 4, 5, 6].map(|i| (labels[i], i as f32));
    compare("sample weights", Weighted(CrossEntropy), &targets);
}

#[test]
fn batches_of_no_weight_move_nothing() {
    for (isa, got) in
        on_every_isa("no weight", |isa| step(isa, Weighted(CrossEntropy), &[(0_u8, 0.0); 7], &[3, 7]))
    {
        assert_eq!(got, [0.0; 6], "{isa}");
    }
}
