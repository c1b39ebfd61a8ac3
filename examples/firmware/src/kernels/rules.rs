//! Update rules: three steps of each, as arrays, and as they are fused into a product.

use super::bounded::{Bounded, exact, sum};
use super::ledger::{Ledger, What};
use super::products::fill;
use crate::board::Failure;
use fusebox::{
    Adam, AdamW, ClipNorm, ClipValue, Formed, Isa, Momentum, Nesterov, Optimizer, Product, RmsProp, Rng,
    Rows, Sgd, WeightDecay, Whole, Zeroed,
};

/// Parameters: a vector of sixteen and one, in each row.
const WIDTH: usize = 17;
const HEIGHT: usize = 2;
const COUNT: usize = HEIGHT * WIDTH;
const STEPS: u64 = 3;

/// Rows of a batch whose product is the gradient.
const BATCH: usize = 3;

type Weight = [[f32; WIDTH]; HEIGHT];

/// How one parameter moves.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sgd,
    Momentum { ahead: bool },
    Adam,
    RmsProp,
}

/// A rule, and what is done to gradients and parameters before it: nothing where that is zero.
#[derive(Clone, Copy)]
struct Rule {
    kind: Kind,
    rate: f32,
    /// Times the parameter, is added to the gradient.
    penalty: f32,
    /// Times the rate and the parameter, is taken from the parameter.
    decay: f32,
    /// The most that a number of the gradient may be.
    limit: f32,
    /// The most that its norm may be.
    norm: f32,
}

const PLAIN: Rule = Rule { kind: Kind::Sgd, rate: 0.1, penalty: 0.0, decay: 0.0, limit: 0.0, norm: 0.0 };
const ADAM: Rule = Rule { kind: Kind::Adam, rate: 0.01, ..PLAIN };
const MOMENTUM: Rule = Rule { kind: Kind::Momentum { ahead: false }, ..PLAIN };

pub(super) fn check(isa: Isa, ledger: &mut Ledger) -> Result<(), Failure> {
    rule(isa, ledger, "descent", &Sgd::new(0.1), PLAIN)?;
    rule(isa, ledger, "momentum", &Momentum::new(0.1, 0.9), MOMENTUM)?;
    rule(isa, ledger, "Adam", &Adam::new(0.01), ADAM)?;
    rule(isa, ledger, "clipped value", &ClipValue::new(Sgd::new(0.1), 0.5), Rule { limit: 0.5, ..PLAIN })?;
    let ahead = Rule { kind: Kind::Momentum { ahead: true }, ..PLAIN };
    rule(isa, ledger, "Nesterov", &Nesterov::new(0.1, 0.9), ahead)?;
    let penalised = Rule { penalty: 0.01, ..MOMENTUM };
    rule(isa, ledger, "weight decay", &WeightDecay::new(Momentum::new(0.1, 0.9), 0.01), penalised)?;
    rule(isa, ledger, "AdamW", &AdamW::new(0.01, 0.01), Rule { decay: 0.01, ..ADAM })?;
    rule(isa, ledger, "RMSprop", &RmsProp::new(0.01), Rule { kind: Kind::RmsProp, rate: 0.01, ..PLAIN })?;
    rule(isa, ledger, "clipped norm", &ClipNorm::new(Sgd::new(0.1), 0.75), Rule { norm: 0.75, ..PLAIN })
}

/// An optimiser's steps, within the rule's bounds.
fn rule<O: Optimizer>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    optimizer: &O,
    rule: Rule,
) -> Result<(), Failure> {
    arrays(isa, ledger, kernel, optimizer, rule)?;
    product(isa, ledger, kernel, optimizer)?;
    ledger.kernels += 1;
    Ok(())
}

/// Parameters to start from.
fn start() -> Weight {
    let mut start: Weight = Zeroed::ZEROED;
    fill(start.as_flattened_mut(), &mut Rng::new(9));
    start
}

/// Some steps on gradients that are arrays. Not inlined, like the next: a board of 16 KiB has no stack for both frames.
#[inline(never)]
fn arrays<O: Optimizer>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    optimizer: &O,
    rule: Rule,
) -> Result<(), Failure> {
    let what = What { kernel, shape: [HEIGHT, WIDTH, 1] };
    let start = start();
    let (mut weight, mut state, mut progress) = (start, O::State::ZEROED, O::Progress::ZEROED);
    let mut parameters = start.as_flattened().iter();
    let mut reference: [Reference; COUNT] =
        core::array::from_fn(|_| Reference::at(parameters.next().copied().unwrap_or(f32::NAN)));
    let mut corrections = [exact(0.0); 2];
    for step in 1..=STEPS {
        let mut gradient: Weight = Zeroed::ZEROED;
        fill(gradient.as_flattened_mut(), &mut Rng::new(step));
        let mut sweep = Some(optimizer.begin(&mut progress, 1.0));
        while let Some(mut now) = sweep {
            O::step(&mut Whole::on(isa), &mut now, Formed::of(&gradient), &mut weight, &mut state);
            sweep = optimizer.next(&mut progress, now);
        }
        for (correction, beta) in corrections.iter_mut().zip([0.9, 0.999]) {
            *correction = *correction * exact(beta) + exact(1.0 - beta);
        }
        let gradient = gradient.as_flattened();
        let shorten = rule.shorten(gradient);
        for (reference, &g) in reference.iter_mut().zip(gradient) {
            reference.step(&rule, exact(g), shorten, corrections);
        }
        ledger.enter_all(what, weight.as_flattened(), reference.iter().map(|reference| reference.w))?;
    }
    Ok(())
}

/// A step on the gradient X^T dY, as the layers take it, from the registers; and on that of a bias. Their bits are
/// those of the same step on the gradient as an array.
#[inline(never)]
fn product<O: Optimizer>(
    isa: Isa,
    ledger: &mut Ledger,
    kernel: &'static str,
    optimizer: &O,
) -> Result<(), Failure> {
    let (mut xs, mut dys) = ([[0.0; HEIGHT]; BATCH], [[0.0; WIDTH]; BATCH]);
    // Whole numbers, whose products every order sums exactly.
    let mut rng = Rng::new(5);
    xs.as_flattened_mut()
        .iter_mut()
        .chain(dys.as_flattened_mut())
        .for_each(|x| *x = rng.below(9) as f32 - 4.0);
    let (mut gradient, mut rows): (Weight, [f32; WIDTH]) = (Zeroed::ZEROED, Zeroed::ZEROED);
    for (x, dy) in xs.iter().zip(&dys) {
        for (gradient, x) in gradient.iter_mut().zip(x) {
            gradient.iter_mut().zip(dy).for_each(|(gradient, dy)| *gradient += x * dy);
        }
        rows.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
    }
    let (start, bias) = (start(), [0.5; WIDTH]);
    let (mut fused, mut fused_bias, mut plain, mut plain_bias) = (start, bias, start, bias);

    let pace = &mut Whole::on(isa);
    let (mut state, mut bias_state, mut progress) = (O::State::ZEROED, O::State::ZEROED, O::Progress::ZEROED);
    let mut sweep = Some(optimizer.begin(&mut progress, BATCH as f32));
    while let Some(mut now) = sweep {
        O::step(pace, &mut now, Product::of(&xs, &dys), &mut fused, &mut state);
        O::step(pace, &mut now, Rows::of(&dys), &mut fused_bias, &mut bias_state);
        sweep = optimizer.next(&mut progress, now);
    }
    let (mut state, mut bias_state, mut progress) = (O::State::ZEROED, O::State::ZEROED, O::Progress::ZEROED);
    let mut sweep = Some(optimizer.begin(&mut progress, BATCH as f32));
    while let Some(mut now) = sweep {
        O::step(pace, &mut now, Formed::of(&gradient), &mut plain, &mut state);
        O::step(pace, &mut now, Formed::of_offsets(&rows), &mut plain_bias, &mut bias_state);
        sweep = optimizer.next(&mut progress, now);
    }
    let what = What { kernel, shape: [HEIGHT, WIDTH, BATCH] };
    ledger.enter_all(what, fused.as_flattened(), plain.as_flattened().iter().map(|&w| exact(w)))?;
    let what = What { kernel, shape: [1, WIDTH, BATCH] };
    ledger.enter_all(what, &fused_bias, plain_bias.iter().map(|&b| exact(b)))
}

/// A parameter, and what its rule keeps for it.
#[derive(Clone, Copy)]
struct Reference {
    w: Bounded,
    m: Bounded,
    v: Bounded,
}

impl Rule {
    /// By what each number of the gradient is multiplied, if its norm is too large.
    fn shorten(&self, gradient: &[f32]) -> Option<Bounded> {
        let norm = sum(gradient.iter().map(|&g| exact(g) * exact(g))).sqrt();
        (self.norm != 0.0 && norm.value > f64::from(self.norm)).then(|| exact(self.norm) / norm)
    }
}

impl Reference {
    fn at(w: f32) -> Self {
        Self { w: exact(w), m: exact(0.0), v: exact(0.0) }
    }

    /// A step of the rule; `corrections` are 1 - beta^t.
    fn step(&mut self, rule: &Rule, g: Bounded, shorten: Option<Bounded>, [c1, c2]: [Bounded; 2]) {
        let (one, rate, least) = (exact(1.0), exact(rule.rate), exact(1e-8));
        let Self { w, m, v } = self;
        let g = shorten.map_or(g, |factor| g * factor);
        let g = match exact(rule.limit) {
            limit if rule.limit != 0.0 && g.value > limit.value => limit,
            limit if rule.limit != 0.0 && g.value < -limit.value => -limit,
            _ => g,
        };
        let g = if rule.penalty == 0.0 { g } else { g + exact(rule.penalty) * *w };
        let old = if rule.decay == 0.0 { *w } else { *w * (one - rate * exact(rule.decay)) };
        *w = match rule.kind {
            Kind::Sgd => old - rate * g,
            Kind::Momentum { ahead } => {
                let momentum = exact(0.9);
                *m = momentum * *m + g;
                old - rate * if ahead { g + momentum * *m } else { *m }
            }
            Kind::Adam => {
                *m = *m + exact(1.0 - 0.9) * (g - *m);
                *v = *v + exact(1.0 - 0.999) * (g * g - *v);
                let size = v.sqrt() * (one / c2.sqrt()) + least;
                old - rate / c1 * (*m / size)
            }
            Kind::RmsProp => {
                *v = *v + exact(1.0 - 0.99) * (g * g - *v);
                old - rate * (g / (v.sqrt() + least))
            }
        };
    }
}
