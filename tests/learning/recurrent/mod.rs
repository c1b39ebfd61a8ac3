//! Recurrent layers: against a reference, against PyTorch, and against themselves in other company.

mod alike;
mod carried;
mod gradients;
mod pytorch;
mod reference;

use crate::support::probes::Reveal;
use fusebox::{Derivative, InputGradient, Isa, Optimizer, Plain, Rng, Train, Whole, Zeroed};

/// Numbers as rows.
fn typed<T: Plain>(numbers: &[f32]) -> Vec<T> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.chunks(size_of::<T>()).map(|row| T::copy_from_bytes(row).expect("whole rows")).collect()
}

/// Rows as numbers.
fn numbers<T: Plain>(rows: &[T]) -> Vec<f32> {
    let words = rows.iter().flat_map(|row| row.as_bytes().chunks_exact(4));
    words.map(|word| f32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}

/// So many rows of numbers between -`most` and `most`.
fn random<T: Plain>(rng: &mut Rng, count: usize, most: f32) -> Vec<T> {
    let mut number = || (2.0 * rng.uniform() - 1.0) * most;
    if size_of::<T>() == 0 {
        return vec![T::ZEROED; count];
    }
    typed(&(0..count * size_of::<T>() / 4).map(|_| number()).collect::<Vec<f32>>())
}

/// A layer with parameters of about the size that keeps signals.
fn some<N: Plain>(seed: u64) -> N {
    random(&mut Rng::new(seed), 1, 0.6)[0]
}

/// What a layer makes of rows and gradients: outputs, the inputs' gradient, the parameters' gradient, and what it
/// remembers.
struct Passed<M> {
    ys: Vec<f32>,
    dxs: Vec<f32>,
    gradient: Vec<f32>,
    memory: M,
}

/// All passes of a step. Everything that is to be overwritten is NaN before.
fn pass<N: Train<Input: Plain> + Plain>(
    isa: Isa,
    net: &N,
    xs: &[N::Input],
    dys: &[N::Output],
    memory: &N::Memory,
) -> Passed<N::Memory> {
    fn unset<T: Plain>(count: usize) -> Vec<T> {
        match size_of::<T>() {
            0 => vec![T::ZEROED; count],
            size => typed(&vec![f32::NAN; count * size / 4]),
        }
    }
    let pace = &mut Whole::on(isa);
    let (mut ys, mut dxs) = (unset(xs.len()), unset(xs.len()));
    let (mut tape, mut gradients) = (unset::<N::Tape>(xs.len()), unset::<N::Gradients>(xs.len()));
    net.forward(pace, xs, Some(memory), &mut tape, &mut ys);
    net.backward(pace, xs, &tape, dys, &mut gradients, InputGradient::into(&mut dxs, Derivative::One));
    let (mut revealed, mut state, mut memory) = (*net, Zeroed::ZEROED, *memory);
    Reveal.begin(&mut (), 1.0);
    revealed.update::<Reveal, _>(pace, xs, &tape, dys, &gradients, &mut (), &mut state);
    let gradient = numbers(&[revealed]);
    revealed.remember(pace, xs, &tape, &mut memory);
    Passed { ys: numbers(&ys), dxs: numbers(&dxs), gradient, memory }
}
