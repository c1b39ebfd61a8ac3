//! Networks of every composition on any parameters, rows, settings and budgets, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run compose
//! ```
//!
//! Outputs, losses, gradients and the squares of samples' norms lie within the bounds of the plain loops that the tests
//! compare with. Instruction sets that are alike in fusing give the same bits; a row alone gives those that it gives in a batch; a
//! step in slices leaves those of the whole step.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::{
    Adam, Budget, ClipNorm, Isa, Learner, Momentum, Optimizer, Private, Rng, Scratch, Sgd, Train, Workspace,
};
use libfuzzer_sys::fuzz_target;
use std::task::Poll;

#[path = "../../tests/support/attention.rs"]
mod attention;
#[path = "../../tests/support/bounded.rs"]
#[expect(dead_code, reason = "the tests look at the reference's difference quotients and at its bounds too")]
mod bounded;
#[path = "../../tests/support/composed.rs"]
#[expect(dead_code, reason = "the tests also take the loss alone, for difference quotients")]
mod composed;
#[path = "../../tests/support/embedding.rs"]
mod embedding;
#[path = "../../tests/support/gpt.rs"]
mod gpt;
#[path = "../../tests/support/menu.rs"]
#[expect(dead_code, reason = "the tests also harm a workspace, and take a part of a batch")]
mod menu;
#[path = "../../tests/support/noting.rs"]
mod noting;
#[path = "../../tests/support/reference_net.rs"]
#[expect(dead_code, reason = "functions that only the tests of losses need")]
mod reference_net;
#[path = "../../tests/support/transformers.rs"]
mod transformers;

use bounded::Bounded;
use menu::{Case, Input, MOST, NETS, Noting, Rows, Visitor, visit};
use noting::{Noted, Notes};

#[derive(Arbitrary, Debug)]
struct Numbers {
    net: u8,
    /// Of the parameters and the rows.
    seed: u64,
    /// Rows of each batch.
    batches: [u8; 2],
    /// Which optimiser takes the steps.
    kind: u8,
    rate: u8,
    /// Units or multiply-adds of each slice.
    budgets: Vec<u16>,
    units: bool,
}

fuzz_target!(|numbers: Numbers| {
    let number = usize::from(numbers.net) % NETS;
    visit(number, &mut Rng::new(numbers.seed), &mut Check(numbers));
});

struct Check(Numbers);

impl Visitor for Check {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let Numbers { seed, batches, kind, rate, .. } = self.0;
        let mut rng = Rng::stream(seed, 1);
        let batches =
            batches.map(|count| Rows::<N::Input, OUT>::random(&mut rng, 1 + usize::from(count) % MOST));
        check(case, &batches[0]);

        let rate = f32::from(rate) / 1024.0;
        match kind % 3 {
            0 => self.slices(case, &batches, Adam::new(rate)),
            1 => self.slices(case, &batches, ClipNorm::new(Momentum::new(rate, 0.9), 0.5)),
            _ => self.private_slices(case, &batches, Private::new(Sgd::new(rate), 0.5, 0.25, seed)),
        }
    }
}

/// Against the plain loops.
fn check<N, const OUT: usize>(case: &Case<'_, N, OUT>, rows: &Rows<N::Input, OUT>)
where
    N: Train<Input: Input, Output = [f32; OUT]> + Copy,
{
    let &Case { name, net, learnt, .. } = case;
    let expected = rows.step::<Bounded>(case.tree, &learnt(&net), None);
    let (gradient, squares) = (expected.gradient(), expected.squares());
    // What the kernel adds for what may underflow: see `check_squares` of the tests.
    let with_underflow = |square: &Bounded| Bounded { error: square.error + 2_f64.powi(-100), ..*square };
    let squares: Vec<Bounded> = squares.iter().map(with_underflow).collect();
    let mut first = [None, None];
    for isa in Isa::available() {
        let mut ys = vec![[f32::NAN; OUT]; rows.xs.len()];
        let mut scratch = Scratch::<N, MOST>::new();
        net.infer_with(isa, &rows.xs, &mut scratch, &mut ys).expect("rows that fit");
        for (x, y) in rows.xs.iter().zip(&ys) {
            let mut alone = [[f32::NAN; OUT]];
            net.infer_with(isa, std::slice::from_ref(x), &mut scratch, &mut alone).expect("a row");
            assert_eq!(bits(alone.as_flattened()), bits(y), "{isa}, {name}: a row alone");
        }

        let mut workspace = Noting::<N>::with_loss(Noted::default());
        let mut dxs = vec![];
        if let Some(input_gradient) = case.input_gradient {
            (_, dxs) = input_gradient(&mut workspace, isa, &net, rows);
            bounded::check_all(&expected.dxs, &dxs, &format!("{isa}, {name}: input gradient"));
        }
        let (notes, mut noted) = (Notes { samples: rows.xs.len(), ..Notes::default() }, net);
        let loss = workspace.train_step_with(isa, &mut noted, &rows.xs, &rows.targets, &notes);
        let (loss, noted, norms) = (loss.expect("rows that fit"), learnt(&noted), notes.squares.take());
        assert_eq!(bits(&workspace.loss.ys.take()), bits(ys.as_flattened()), "{isa}, {name}: forward");
        for (expected, got, what) in [
            (&expected.ys, ys.as_flattened(), "outputs"),
            (&vec![expected.loss], &[loss], "loss"),
            (&gradient, &noted, "gradient"),
            (&squares, &norms, "squares of samples' norms"),
        ] {
            bounded::check_all(expected, got, &format!("{isa}, {name}: {what}"));
        }
        let came = [ys.as_flattened(), &dxs, &[loss], &noted, &norms].map(bits);
        let expected = first[usize::from(isa.is_fused())].get_or_insert_with(|| came.clone());
        assert!(*expected == came, "{isa}, {name}: other bits than elsewhere");
    }
}

fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// The same numbers; the payload of a NaN is free.
fn same(xs: &[f32], ys: &[f32]) -> bool {
    let alike = |(x, y): (&f32, &f32)| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
    xs.len() == ys.len() && xs.iter().zip(ys).all(alike)
}

/// Slices of a step with a learner, and the whole step with a workspace.
macro_rules! compare {
    ($self:expr, $case:expr, $batches:expr, $optimizer:expr, $O:ty, $poll:ident, $step:ident) => {
        for isa in Isa::available() {
            let mut workspace = Workspace::<N, MOST, $O, Noted>::with_loss(Noted::default());
            let mut learner = Learner::<N, MOST, $O, Noted>::with_loss($case.net, Noted::default());
            let (mut net, mut budgets) = ($case.net, $self.budgets());
            for rows in $batches {
                for (x, &target) in rows.xs.iter().zip(&rows.targets) {
                    learner.push(target, |row| *row = *x).expect("rows that fit");
                }
                learner.start($optimizer).expect("good settings");
                let got = loop {
                    if let Poll::Ready(result) = learner.$poll(isa, budgets()) {
                        break result;
                    }
                };
                let whole = workspace.$step(isa, &mut net, &rows.xs, &rows.targets, &$optimizer);
                let name = $case.name;
                match (whole, got) {
                    (Ok(whole), Ok(got)) => assert!(same(&[whole], &[got]), "{isa}, {name}: loss"),
                    (whole, got) => assert_eq!(whole, got, "{isa}, {name}"),
                }
                let (whole, got) = (($case.learnt)(&net), ($case.learnt)(learner.net()));
                assert!(same(&whole, &got), "{isa}, {name}: in slices");
            }
        }
    };
}

impl Check {
    /// The budgets of slice after slice, from the first again after the last.
    fn budgets(&self) -> impl FnMut() -> Budget {
        let Numbers { ref budgets, units, .. } = self.0;
        let mut next = budgets.clone().into_iter().cycle();
        move || match next.next() {
            None => Budget::ALL,
            Some(budget) if units => Budget::rows(budget.into()),
            Some(budget) => Budget::macs(budget.into()),
        }
    }

    fn slices<N, O, const OUT: usize>(
        &self,
        case: &Case<'_, N, OUT>,
        batches: &[Rows<N::Input, OUT>],
        optimizer: O,
    ) where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
        O: Optimizer + Copy,
    {
        compare!(self, case, batches, optimizer, O, poll_with, train_step_with);
    }

    fn private_slices<N, const OUT: usize>(
        &self,
        case: &Case<'_, N, OUT>,
        batches: &[Rows<N::Input, OUT>],
        optimizer: Private<Sgd>,
    ) where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        compare!(self, case, batches, optimizer, Private<Sgd>, poll_private_with, train_step_private_with);
    }
}
