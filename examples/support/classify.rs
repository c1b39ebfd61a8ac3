//! A table's classes, told apart by a network for each of ten seeds: what `wine` and `iris` share.

use crate::comparison::Comparison;
use crate::protocol::{Net, Trained, outputs, seeds, train};
use crate::saliency::saliency;
use crate::table::Table;
use crate::{curve, saliency};
use fusebox::{Confusion, CrossEntropy, Isa, Rng};

/// The networks, and their mean accuracy on held-out rows.
pub(crate) type Outcome<const IN: usize, const CLASSES: usize> = (Vec<Trained<Net<IN, CLASSES>>>, f64);

/// Trains with each seed, reports, and returns what came of it.
pub(crate) fn classify<const IN: usize, const CLASSES: usize>(
    task: &'static str,
    table: &Table<IN>,
    epochs: usize,
) -> Result<Outcome<IN, CLASSES>, Box<dyn std::error::Error>> {
    println!("{task}: {IN}-16-{CLASSES}, {epochs} epochs, {}\n", Isa::detect());
    let (mut networks, mut accuracies, mut saliencies) = (Vec::new(), Vec::new(), Vec::new());
    let mut all = Confusion::<CLASSES>::new();
    for seed in seeds() {
        let mut rng = Rng::new(seed);
        let (training, held_out, _) = table.split(&mut rng)?;
        let trained = train(CrossEntropy, &training.xs, &training.labels, epochs, &mut rng)?;
        let mut confusion = Confusion::<CLASSES>::new();
        for (y, &label) in outputs(&trained.net, &held_out.xs)?.iter().zip(&held_out.labels) {
            confusion.observe(y, label)?;
            all.observe(y, label)?;
        }
        accuracies.push(f64::from(confusion.accuracy()));
        saliencies.push(saliency(CrossEntropy, &trained.net, &held_out.xs, &held_out.labels)?);
        networks.push(trained);
    }

    curve::print(&networks.iter().map(|trained| &*trained.losses).collect::<Vec<_>>(), 1, "epoch");
    saliency::print(&table.features, &saliencies);
    println!("\nheld-out rows of all seeds: what they are, what they were taken for\n{all}");
    let mut comparison = Comparison::new(task, &["mlp", "logistic_regression"]);
    let mean = comparison.add("accuracy", accuracies)?;
    comparison.add("seconds", networks.iter().map(|trained| trained.seconds))?;
    println!("{comparison}");
    Ok((networks, mean))
}
