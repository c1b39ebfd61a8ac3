//! Ten steps of every optimiser against PyTorch.
//!
//! The rules are written once more over [`Real`]: in `f64` they are PyTorch's float64 runs to the last of their thirteen
//! digits, and on bounded numbers they bound what ten steps in `f32` may be off by.

use crate::support::bounded::{Bounded, Real};
use crate::support::isas::{isas, tell};
use crate::support::vectors::Vectors;
use fusebox::{
    Adam, AdamW, ClipNorm, ClipValue, Formed, Isa, Momentum, Nesterov, Optimizer, RmsProp, Sgd, WeightDecay,
    Whole, Zeroed,
};

/// Parameters of PyTorch's runs: a weight and a bias.
const COUNT: usize = 12 + 5;
const STEPS: usize = 10;

/// Ten steps of an optimiser on `isa`, on gradients as arrays; the parameters after each.
fn run<O: Optimizer>(optimizer: &O, isa: Isa, vectors: &Vectors) -> Vec<[f32; COUNT]> {
    let numbers = |name: &str| -> ([[f32; 4]; 3], [f32; 5]) {
        let all = vectors.f32s(name);
        let weight = std::array::from_fn(|row| std::array::from_fn(|col| all[row * 4 + col]));
        (weight, std::array::from_fn(|i| all[12 + i]))
    };
    let (mut weight, mut bias) = numbers("all start 0");
    let (mut weight_state, mut bias_state) = (O::State::ZEROED, O::State::ZEROED);
    let mut progress = O::Progress::ZEROED;
    let after = (1..=STEPS).map(|t| {
        let (d_weight, d_bias) = numbers(&format!("all gradient {t}"));
        let mut sweep = Some(optimizer.begin(&mut progress, 1.0));
        while let Some(mut now) = sweep {
            let pace = &mut Whole::on(isa);
            O::step(pace, &mut now, Formed::of(&d_weight), &mut weight, &mut weight_state);
            O::step(pace, &mut now, Formed::of_offsets(&d_bias), &mut bias, &mut bias_state);
            sweep = optimizer.next(&mut progress, now);
        }
        [weight.as_flattened(), &bias].concat().try_into().expect("all of them")
    });
    after.collect()
}

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

impl Rule {
    /// The gradient of all parameters, before anything else is done with it.
    fn prepared<R: Real>(&self, gradient: Vec<R>) -> Vec<R> {
        let norm = R::sum(gradient.iter().map(|&g| g * g)).sqrt();
        let (longest, limit) = (R::exact(self.norm), R::exact(self.limit));
        let shorten = self.norm != 0.0 && norm.value() > longest.value();
        let prepared = gradient.into_iter().map(|g| match self.limit {
            _ if shorten => g * (longest / norm),
            0.0 => g,
            _ if g.value().abs() <= limit.value() => g,
            _ if g.value() > 0.0 => limit,
            _ => -limit,
        });
        prepared.collect()
    }

    /// A parameter after a step; `kept` is the rule's, `corrections` are 1 - beta^t.
    fn moved<R: Real>(&self, g: R, w: R, [m, v]: &mut [R; 2], [c1, c2]: [R; 2]) -> R {
        let (one, rate) = (R::exact(1.0), R::exact(self.rate));
        let g = if self.penalty == 0.0 { g } else { g + R::exact(self.penalty) * w };
        let w = if self.decay == 0.0 { w } else { w * (one - rate * R::exact(self.decay)) };
        match self.kind {
            Kind::Sgd => w - rate * g,
            Kind::Momentum { ahead } => {
                let momentum = R::exact(0.9);
                *m = momentum * *m + g;
                w - rate * if ahead { g + momentum * *m } else { *m }
            }
            Kind::Adam => {
                *m = *m + R::exact(1.0 - 0.9) * (g - *m);
                *v = *v + R::exact(1.0 - 0.999) * (g * g - *v);
                let size = v.sqrt() * (one / c2.sqrt()) + R::exact(1e-8);
                w - rate / c1 * (*m / size)
            }
            Kind::RmsProp => {
                *v = *v + R::exact(1.0 - 0.99) * (g * g - *v);
                w - rate * (g / (v.sqrt() + R::exact(1e-8)))
            }
        }
    }

    /// All parameters after each of ten steps.
    fn run<R: Real>(&self, vectors: &Vectors) -> Vec<Vec<R>> {
        let over = |name: &str| vectors.f32s(name).into_iter().map(R::exact).collect::<Vec<R>>();
        let mut parameters = over("all start 0");
        let mut kept = [[R::exact(0.0); 2]; COUNT];
        let mut corrections = [R::exact(0.0); 2];
        let after = (1..=STEPS).map(|t| {
            let gradient = self.prepared(over(&format!("all gradient {t}")));
            for (correction, beta) in corrections.iter_mut().zip([0.9, 0.999]) {
                *correction = *correction * R::exact(beta) + R::exact(1.0 - beta);
            }
            for ((w, &g), kept) in parameters.iter_mut().zip(&gradient).zip(&mut kept) {
                *w = self.moved(g, *w, kept, corrections);
            }
            parameters.clone()
        });
        after.collect()
    }
}

/// The reference against PyTorch, the crate against the reference, and PyTorch's float32 as well.
fn check<O: Optimizer>(name: &str, optimizer: &O, rule: Rule) {
    let vectors = Vectors::read(include_str!("../pytorch/optimizers.txt"), 3);
    let (exact, bounds) = (rule.run::<f64>(&vectors), rule.run::<Bounded>(&vectors));
    // What is allowed is some roundings of the parameter and of its moves, the largest of which is near 30.
    let loosest = bounds.iter().flatten().map(|x| x.error / x.value.abs().max(1.0)).fold(0.0, f64::max);
    tell(&format!("{name}: ten steps within {:.0} units of 2^-24", loosest * 16_777_216.0));
    for (t, exact) in exact.iter().enumerate() {
        let pytorch = vectors.f64s(&format!("{name} float64 {}", t + 1));
        for (i, (&exact, &pytorch)) in exact.iter().zip(pytorch).enumerate() {
            // Its thirteen digits, and in `clip_norm` the 1e-6 beside the norm, which is above 50.
            let off = if name == "clip_norm" { 1e-6 / 50.0 * 100.0 } else { 1e-12 };
            let error = (exact - pytorch).abs();
            assert!(
                error <= off * pytorch.abs().max(1e-3),
                "{name}, step {t}, {i}: {exact}, PyTorch {pytorch}"
            );
        }
    }
    let mut of_class = [None, None];
    for isa in isas() {
        let got = run(optimizer, isa, &vectors);
        for (t, (bounds, got)) in bounds.iter().zip(&got).enumerate() {
            for (i, (&bound, &got)) in bounds.iter().zip(got).enumerate() {
                assert!(bound.explains(got), "{isa}, {name}, step {t}, {i}: {got:?}, not {bound:?}");
            }
        }
        for t in [1, 2, 5, 10] {
            let pytorch = vectors.f32s(&format!("{name} float32 {t}"));
            for (i, (&theirs, &bound)) in pytorch.iter().zip(&bounds[t - 1]).enumerate() {
                let ours = got[t - 1][i];
                // Each of the two is a float32 run; neither is further from the exact one than the bound, and clip_norm's 1e-6.
                let off = if name == "clip_norm" { 2e-8 * bound.value.abs().max(1.0) } else { 0.0 };
                let apart = (f64::from(theirs) - f64::from(ours)).abs();
                assert!(
                    apart <= 2.0 * bound.error + off,
                    "{isa}, {name}, step {t}, {i}: {ours}, PyTorch {theirs}"
                );
            }
        }
        let alike = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| got.clone());
        assert!(*alike == got, "{isa}, {name}: not the bits of its class");
    }
}

#[test]
fn as_in_pytorch() {
    let momentum = Rule { kind: Kind::Momentum { ahead: false }, ..PLAIN };
    let adam = Rule { kind: Kind::Adam, rate: 0.001, ..PLAIN };
    let decayed = |rule| Rule { penalty: 0.01, ..rule };
    check("sgd", &Sgd::new(0.1), PLAIN);
    check("sgd_weight_decay", &WeightDecay::new(Sgd::new(0.1), 0.01), decayed(PLAIN));
    check("momentum", &Momentum::new(0.1, 0.9), momentum);
    let optimizer = WeightDecay::new(Momentum::new(0.1, 0.9), 0.01);
    check("momentum_weight_decay", &optimizer, decayed(momentum));
    check("nesterov", &Nesterov::new(0.1, 0.9), Rule { kind: Kind::Momentum { ahead: true }, ..PLAIN });
    check("adam", &Adam::new(0.001), adam);
    check("adam_weight_decay", &WeightDecay::new(Adam::new(0.001), 0.01), decayed(adam));
    check("adamw", &AdamW::new(0.001, 0.01), Rule { decay: 0.01, ..adam });
    check("rmsprop", &RmsProp::new(0.01), Rule { kind: Kind::RmsProp, rate: 0.01, ..PLAIN });
    check("clip_value", &ClipValue::new(Sgd::new(0.1), 0.5), Rule { limit: 0.5, ..PLAIN });
    check("clip_norm", &ClipNorm::new(Sgd::new(0.1), 50.0), Rule { norm: 50.0, ..PLAIN });
}
