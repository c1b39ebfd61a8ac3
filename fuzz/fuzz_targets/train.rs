//! Training steps on any rows, labels and batch sizes, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run train
//! ```
//!
//! A bad batch, or a rate out of range, is an `Err` and leaves the network as it was. Nothing panics, whatever the numbers.
//! Instruction sets that are alike in fusing give the same losses and the same weights. Behind a guard a row of NaNs changes
//! nothing.

#![no_main]

use arbitrary::Arbitrary;
use fusebox::{
    Accumulate, Adam, AdamW, BinaryCrossEntropy, ClipNorm, ClipValue, Columns, Concat, CrossEntropy, Dense,
    Each, Error, Gelu, Guard, Huber, Init, Isa, LayerNorm, LeakyRelu, Loss, Momentum, Mse, Nesterov,
    Optimizer, Parallel, Plain, Relu, Relu6, Repeat, Residual, RmsProp, Rng, Seq, Sgd, Silu, Tanh, Tied,
    Train, View, WeightDecay, WeightedCrossEntropy, Workspace,
};
use libfuzzer_sys::fuzz_target;

type Net<A = Relu> = Seq![Dense<5, 19, A>, Dense<19, CLASSES>];

/// Layers made of layers.
type Composed = Seq![
    Repeat<2, Residual<Seq![LayerNorm<5>, Dense<5, 5, Gelu>]>>,
    Parallel<Seq![Columns<5, 1, 2>, Dense<2, 4, Silu>], Dense<5, 2, Tanh>, Concat<6>>,
    Tied<6, 3, Residual<Dense<3, 3, Relu>>, Relu6>,
    View<[f32; 6], Each<2, Dense<3, 4, LeakyRelu>>, [f32; 8]>,
    Dense<8, CLASSES>,
];

const BATCH: usize = 7;
const CLASSES: usize = 3;
const STEPS: usize = 3;

#[derive(Arbitrary, Debug)]
struct Case {
    seed: u64,
    /// Which activation, optimiser and loss.
    kind: u8,
    rate: f32,
    xs: Vec<[f32; 5]>,
    labels: Vec<u8>,
    /// Targets of losses that compare numbers.
    numbers: Vec<[f32; CLASSES]>,
    /// Whether targets are brought into range and as many as the rows, so that most steps succeed.
    repaired: bool,
    /// Whether a guard watches, and which row, if it is there, is made of NaNs then.
    guarded: Option<u8>,
    /// Bytes read back as a network, at any address.
    bytes: Vec<u8>,
    offset: u8,
}

fuzz_target!(|case: Case| {
    let Case { seed, kind, rate, mut xs, mut labels, mut numbers, repaired, guarded, bytes, offset } = case;
    if repaired {
        xs.truncate(BATCH);
        labels.resize(xs.len(), 0);
        labels.iter_mut().for_each(|label| *label %= CLASSES as u8);
        numbers.resize(xs.len(), [0.0; CLASSES]);
        // NaN becomes 0 on the way.
        numbers
            .as_flattened_mut()
            .iter_mut()
            .for_each(|x| *x = if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) });
    }
    let poisoned = guarded.and_then(|row| xs.get_mut(usize::from(row))).map(|x| *x = [f32::NAN; 5]).is_some();
    let guarded = guarded.is_some();
    let steps = Steps { seed, xs: &xs, guarded, poisoned };
    match kind % 7 {
        0 => steps.check::<Net<Relu>, _, _>(CrossEntropy, &labels, &Sgd::new(rate)),
        1 => steps.check::<Net<Tanh>, _, _>(CrossEntropy, &labels, &Adam::new(rate)),
        2 => {
            let loss = WeightedCrossEntropy::new([1.0, 2.5, 0.0], 0.1).expect("good settings");
            steps.check::<Net<Gelu>, _, _>(loss, &labels, &Momentum::new(rate, 0.9));
        }
        3 => {
            let optimizer = ClipNorm::new(RmsProp::new(rate), 1.0);
            steps.check::<Net<LeakyRelu>, _, _>(Huber::new(0.5), &numbers, &optimizer);
        }
        4 => {
            let optimizer = Accumulate::new(AdamW::new(rate, 0.1), 2);
            steps.check::<Net<Silu>, _, _>(BinaryCrossEntropy::new(), &numbers, &optimizer);
        }
        5 => steps.check::<Composed, _, _>(CrossEntropy, &labels, &Momentum::new(rate, 0.9)),
        _ => {
            let optimizer = WeightDecay::new(ClipValue::new(Nesterov::new(rate, 0.9), 1.0), 0.1);
            steps.check::<Net<Relu6>, _, _>(Mse, &numbers, &optimizer);
        }
    }

    let bytes = bytes.get(usize::from(offset % 4)..).unwrap_or_default();
    let copy = <Net>::copy_from_bytes(bytes);
    assert_eq!(copy.is_ok(), bytes.len() == size_of::<Net>());
    if let Ok(copy) = copy {
        assert_eq!(copy.as_bytes(), bytes);
        let aligned = bytes.as_ptr().addr() % align_of::<Net>() == 0;
        assert_eq!(<Net>::from_bytes(bytes).is_ok(), aligned);
    }
});

/// Some steps on the same rows.
struct Steps<'a> {
    seed: u64,
    xs: &'a [[f32; 5]],
    guarded: bool,
    /// Whether a row holds NaNs.
    poisoned: bool,
}

impl Steps<'_> {
    /// On every instruction set, with what must hold of them.
    fn check<N, O, L>(&self, loss: L, targets: &[L::Target], optimizer: &O)
    where
        N: Train<Input = [f32; 5], Output = [f32; CLASSES]> + Plain,
        O: Optimizer,
        L: Loss<[f32; CLASSES]> + Copy,
    {
        let good = optimizer.check().is_ok()
            && !self.xs.is_empty()
            && self.xs.len() <= BATCH
            && self.xs.len() == targets.len()
            && targets.iter().enumerate().all(|(row, target)| loss.check(target, row).is_ok());

        let mut initial = N::ZEROED;
        initial.init(Init::He, &mut Rng::new(self.seed));
        // What the first instruction set of each class came to: the losses, then the weights.
        let mut first: [Option<Vec<f32>>; 2] = [None, None];
        for isa in Isa::available() {
            let mut net = initial;
            let mut workspace = Workspace::<N, BATCH, O, L>::with_loss(loss);
            let mut guard = Guard::new();
            let mut came = Vec::new();
            // The later steps find what the first left in the workspace.
            for _ in 0..STEPS {
                let before = net;
                let result = match self.guarded {
                    true => workspace
                        .train_step_guarded_with(isa, &mut net, self.xs, targets, optimizer, &mut guard),
                    false => workspace.train_step_with(isa, &mut net, self.xs, targets, optimizer),
                };
                match result {
                    Ok(loss) => {
                        assert!(good, "{isa}: accepted a bad batch");
                        assert!(
                            !self.poisoned && (!self.guarded || loss.is_finite()),
                            "{isa}: past the guard"
                        );
                        came.push(loss);
                    }
                    Err(error) => {
                        let harm =
                            matches!(error, Error::Loss { .. } | Error::Gradient { .. } | Error::Leap { .. });
                        assert!(if good { self.guarded && harm } else { !harm }, "{isa}: {error}");
                        assert_eq!(net.as_bytes(), before.as_bytes(), "{isa}: refused, yet wrote");
                    }
                }
            }
            came.extend(net.as_bytes().as_chunks().0.iter().map(|&bytes| f32::from_ne_bytes(bytes)));
            let expected = first[usize::from(isa.is_fused())].get_or_insert_with(|| came.clone());
            assert!(same(&came, expected), "{isa}: other losses or weights than elsewhere");
        }
    }
}

/// Whether all bits are the same; the payload of a NaN is free.
fn same(xs: &[f32], ys: &[f32]) -> bool {
    let alike = |x: f32, y: f32| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
    xs.len() == ys.len() && xs.iter().zip(ys).all(|(&x, &y)| alike(x, y))
}
