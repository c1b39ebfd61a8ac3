//! Recurrent layers as plain loops over one sequence.
//!
//! Parameters are a row of numbers: weights by input, then by output before, each `[gates][h]`; a bias for each gate;
//! of a GRU a second one. A state is h, and of an LSTM c after it.

use crate::support::bounded::Real;
use crate::support::reference_net::Bend;

#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    Gru,
    Lstm,
    Rnn(Bend),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) cell: Cell,
    pub(super) inputs: usize,
    pub(super) h: usize,
}

/// A position: the state before it, its gates before their functions and after, of a GRU h U_n + c_n, and the state
/// after it.
struct Step<R> {
    before: Vec<R>,
    sums: Vec<R>,
    gates: Vec<R>,
    product: Vec<R>,
    after: Vec<R>,
}

/// For each parameter, what its gradient is the sum of.
pub(super) type Terms<R> = Vec<Vec<R>>;

impl Layer {
    fn gates(&self) -> usize {
        match self.cell {
            Cell::Gru => 3,
            Cell::Lstm => 4,
            Cell::Rnn(_) => 1,
        }
    }

    /// Numbers of a state.
    pub(super) fn state(&self) -> usize {
        if matches!(self.cell, Cell::Lstm) { 2 * self.h } else { self.h }
    }

    /// The weights of inputs, those of outputs, the bias, and a GRU's other bias.
    fn parts<'a, R>(&self, p: &'a [R]) -> [&'a [R]; 4] {
        let width = self.gates() * self.h;
        let (input, rest) = p.split_at(self.inputs * width);
        let (recurrent, rest) = rest.split_at(self.h * width);
        let (bias, other) = rest.split_at(width);
        [input, recurrent, bias, other]
    }

    /// The sum of x times a column of weights, from a bias on.
    fn column<R: Real>(&self, bias: Option<&R>, x: &[R], weights: &[R], col: usize) -> R {
        let width = self.gates() * self.h;
        let products = x.iter().enumerate().map(|(i, &x)| x * weights[i * width + col]);
        R::sum(bias.copied().into_iter().chain(products))
    }

    fn step<R: Real>(&self, p: &[R], x: &[R], before: &[R]) -> Step<R> {
        let [input, recurrent, bias, other] = self.parts(p);
        let (h, width) = (self.h, self.gates() * self.h);
        let last = &before[..h];
        let of_input: Vec<R> = (0..width).map(|col| self.column(bias.get(col), x, input, col)).collect();
        let product: Vec<R> =
            (0..width).map(|col| self.column(other.get(col), last, recurrent, col)).collect();
        let sums: Vec<R> = std::iter::zip(&of_input, &product).map(|(&x, &u)| x + u).collect();
        let (tanh, sigmoid) = (Bend::Tanh, Bend::Sigmoid);
        let mut step = Step { before: before.to_vec(), sums: vec![], gates: vec![], product, after: vec![] };
        match self.cell {
            Cell::Gru => {
                step.sums = sums[..2 * h].to_vec();
                step.gates = step.sums.iter().map(|&z| sigmoid.value(z)).collect();
                for j in 0..h {
                    step.sums.push(of_input[2 * h + j] + step.gates[j] * step.product[2 * h + j]);
                    step.gates.push(tanh.value(step.sums[2 * h + j]));
                }
                let next = |j: usize| {
                    let (z, n) = (step.gates[h + j], step.gates[2 * h + j]);
                    n + z * (last[j] - n)
                };
                step.after = (0..h).map(next).collect();
            }
            Cell::Lstm => {
                step.sums = sums;
                let bend = |col: usize| if col / h == 2 { tanh } else { sigmoid };
                step.gates = (0..width).map(|col| bend(col).value(step.sums[col])).collect();
                let c = |j: usize| {
                    let [i, f, g] = [0, h, 2 * h].map(|gate| step.gates[gate + j]);
                    f * before[h + j] + i * g
                };
                let c: Vec<R> = (0..h).map(c).collect();
                step.after = (0..h).map(|j| step.gates[3 * h + j] * tanh.value(c[j])).collect();
                step.after.extend(c);
            }
            Cell::Rnn(bend) => {
                step.sums = sums;
                step.gates = step.sums.iter().map(|&z| bend.value(z)).collect();
                step.after = step.gates.clone();
            }
        }
        step
    }

    fn steps<R: Real>(&self, p: &[R], xs: &[R], start: &[R]) -> Vec<Step<R>> {
        let mut state = start.to_vec();
        let step = |x: &[R]| {
            let step = self.step(p, x, &state);
            state = step.after.clone();
            step
        };
        xs.chunks(self.inputs).map(step).collect()
    }

    /// The outputs of a sequence, and the last state.
    pub(super) fn forward<R: Real>(&self, p: &[R], xs: &[R], start: &[R]) -> (Vec<R>, Vec<R>) {
        let steps = self.steps(p, xs, start);
        let ys = steps.iter().flat_map(|step| step.after[..self.h].to_vec()).collect();
        (ys, steps.last().map_or(start.to_vec(), |step| step.after.clone()))
    }

    /// The gradient with respect to a sequence, and the terms of that with respect to the parameters.
    pub(super) fn backward<R: Real>(&self, p: &[R], xs: &[R], start: &[R], dys: &[R]) -> (Vec<R>, Terms<R>) {
        let [input, recurrent, ..] = self.parts(p);
        let (h, width, zero, one) = (self.h, self.gates() * self.h, R::exact(0.0), R::exact(1.0));
        let steps = self.steps(p, xs, start);
        let mut terms: Terms<R> = vec![vec![]; p.len()];
        let mut dxs = vec![zero; xs.len()];
        let (mut dh_later, mut dc_later) = (vec![zero; h], vec![zero; h]);
        for (t, step) in steps.iter().enumerate().rev() {
            let dh: Vec<R> = (0..h).map(|j| dys[t * h + j] + dh_later[j]).collect();
            let gate = |gate: usize, j: usize| step.gates[gate * h + j];
            // Through the functions of the gates, and the way past them.
            let (mut dx, mut du, mut dlast) = (vec![zero; width], vec![], vec![zero; h]);
            match self.cell {
                Cell::Gru => {
                    for j in 0..h {
                        let (r, z, n) = (gate(0, j), gate(1, j), gate(2, j));
                        let dn = dh[j] * (one - z) * (one - n * n);
                        dx[j] = dn * step.product[2 * h + j] * (r * (one - r));
                        dx[h + j] = dh[j] * (step.before[j] - n) * (z * (one - z));
                        dx[2 * h + j] = dn;
                        dlast[j] = dh[j] * z;
                    }
                    du = dx.clone();
                    (0..h).for_each(|j| du[2 * h + j] = dx[2 * h + j] * gate(0, j));
                }
                Cell::Lstm => {
                    for j in 0..h {
                        let (i, f, g, o) = (gate(0, j), gate(1, j), gate(2, j), gate(3, j));
                        let bent = Bend::Tanh.value(step.after[h + j]);
                        let dc = dh[j] * o * (one - bent * bent) + dc_later[j];
                        dx[j] = dc * g * (i * (one - i));
                        dx[h + j] = dc * step.before[h + j] * (f * (one - f));
                        dx[2 * h + j] = dc * i * (one - g * g);
                        dx[3 * h + j] = dh[j] * bent * (o * (one - o));
                        dc_later[j] = dc * f;
                    }
                }
                Cell::Rnn(bend) => (0..h).for_each(|j| dx[j] = dh[j] * bend.slope(step.sums[j])),
            }
            let du = if du.is_empty() { dx.clone() } else { du };
            let back = |weights: &[R], row: usize, d: &[R]| -> R {
                R::sum((0..width).map(|col| d[col] * weights[row * width + col]))
            };
            for i in 0..self.inputs {
                dxs[t * self.inputs + i] = back(input, i, &dx);
            }
            dh_later = (0..h).map(|k| dlast[k] + back(recurrent, k, &du)).collect();

            let x = &xs[t * self.inputs..][..self.inputs];
            let products = x.iter().flat_map(|&x| dx.iter().map(move |&d| x * d));
            let products =
                products.chain(step.before[..h].iter().flat_map(|&k| du.iter().map(move |&d| k * d)));
            let all = products.chain(dx.iter().copied()).chain(du.iter().copied());
            for (terms, term) in terms.iter_mut().zip(all) {
                terms.push(term);
            }
        }
        (dxs, terms)
    }
}
