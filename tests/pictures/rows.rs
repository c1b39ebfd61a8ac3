//! Rows of data as numbers and back, and training steps on them in slices.

use fusebox::{Budget, Isa, Layer, Learner, Momentum, Plain, Rng, Train, Workspace};
use std::task::Poll;

/// Numbers as rows.
pub(crate) fn typed<T: Plain>(numbers: &[f32]) -> Vec<T> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.chunks(size_of::<T>()).map(|row| T::copy_from_bytes(row).expect("whole rows")).collect()
}

/// Rows as numbers.
pub(crate) fn numbers<T: Plain>(rows: &[T]) -> Vec<f32> {
    let words = rows.iter().flat_map(|row| row.as_bytes().chunks_exact(4));
    words.map(|word| f32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}

/// So many rows of normal numbers.
pub(crate) fn random<T: Plain>(rng: &mut Rng, count: usize) -> Vec<T> {
    typed(&(0..count * size_of::<T>() / 4).map(|_| rng.normal()).collect::<Vec<f32>>())
}

/// Three steps, whole and in slices of every budget, which have the same bits; returns their losses.
pub(crate) fn steps_in_slices<N>(
    isa: Isa,
    start: &N,
    xs: &[N::Input],
    momentum: Momentum,
    budgets: &[Budget],
) -> [f32; 3]
where
    N: Train + Layer<Input: Plain, Output = [f32; 3]> + Plain,
{
    let labels = [0, 1, 2, 1];
    let (mut net, mut workspace) = (*start, Workspace::<N, 4, Momentum>::new());
    let losses =
        [(); 3].map(|()| workspace.train_step_with(isa, &mut net, xs, &labels, &momentum).expect("a step"));
    for &budget in budgets {
        let mut learner = Learner::<N, 4, Momentum>::new(*start);
        for loss in &losses {
            for (x, &label) in xs.iter().zip(&labels) {
                learner.push(label, |row| *row = *x).expect("room");
            }
            learner.start(momentum).expect("rows");
            let ready = loop {
                if let Poll::Ready(loss) = learner.poll_with(isa, budget) {
                    break loss.expect("a step");
                }
            };
            assert_eq!(ready.to_bits(), loss.to_bits(), "{isa}, {budget:?}");
        }
        assert_eq!(learner.net().as_bytes(), net.as_bytes(), "{isa}, {budget:?}");
    }
    losses
}
