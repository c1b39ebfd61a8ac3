//! A layer of a user's own, in ordinary safe code: every input times a factor of its own, which is learnt.
//!
//! ```text
//! forward    y_i  = factor_i x_i
//! backward   dx_i = factor_i dy_i
//! update     factor_i = rule(factor_i, sum over the batch of dy_i x_i)
//! ```

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Budget, Dense, Each, Flatten, Guard, Init, InputGradient, Isa, Layer, Learner, Linear, Optimizer, Pace,
    Plain, Private, Relu, Repeat, Residual, Rng, Rows, Scratch, Seq, Sgd, Train, Workspace, evaluate, plain,
};
use std::task::Poll;
use support::isas::isas;

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Scale<const N: usize> {
    factor: [f32; N],
}

plain!([const N: usize] Scale<N> { factor: [f32; N] });

impl<const N: usize> Layer for Scale<N> {
    type Input = [f32; N];
    type Output = [f32; N];
    // What passes between layers inside; this one has none.
    type Scratch = ();
    type InPlace = [f32; N];

    fn run(&self, _: Isa, xs: &[[f32; N]], _scratch: &mut [f32], ys: &mut [[f32; N]]) {
        for (x, y) in xs.iter().zip(ys) {
            *y = std::array::from_fn(|i| self.factor[i] * x[i]);
        }
    }
}

impl<const N: usize> Train for Scale<N> {
    type Tape = ();
    /// The row's dy x, which `backward` forms while it has both at hand.
    type Gradients = [f32; N];
    type Memory = ();
    type State<O: Optimizer> = O::State<[f32; N]>;
    type End = Linear;

    fn init(&mut self, _: Init, _: &mut Rng) {
        self.factor = [1.0; N];
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _: Option<&()>,
        _: &mut [()],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), N);
        self.run(pace.isa(), &xs[rows.clone()], &mut [], &mut ys[rows]);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _: &[()],
        dys: &[[f32; N]],
        gradients: &mut [[f32; N]],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(xs.len(), 2 * N);
        for row in rows.clone() {
            gradients[row] = std::array::from_fn(|i| dys[row][i] * xs[row][i]);
        }
        let dys = &dys[rows.clone()];
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for (dx, dy) in dxs.iter_mut().zip(dys) {
                *dx = std::array::from_fn(|i| self.factor[i] * dy[i]);
            }
        });
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _xs: &[[f32; N]],
        _tape: &[()],
        _dys: &[[f32; N]],
        gradients: &[[f32; N]],
        sweep: &mut O::Sweep,
        state: &mut O::State<[f32; N]>,
    ) {
        O::step(pace, sweep, Rows::of(gradients), &mut self.factor, state);
    }
}

type Net = Seq![Scale<2>, Dense<2, 12, Relu>, Scale<12>, Dense<12, 2>];

const XS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
const LABELS: [u8; 4] = [0, 1, 1, 0];

/// First in a chain, and behind a ReLU, whose derivative its input gradient must carry.
#[test]
fn learns_xor_among_other_layers() {
    for isa in isas() {
        let mut net = Net::he(&mut Rng::new(1));
        let mut workspace = Workspace::<Net, 4>::new();
        let mut loss = f32::NAN;
        for _ in 0..400 {
            loss = workspace.train_step_with(isa, &mut net, &XS, &LABELS, &Sgd::new(0.2)).unwrap();
        }
        assert!(loss < 0.02, "{isa}: {loss}");
        assert!(net.rest.rest.first.factor != [1.0; 12], "{isa}: its parameters have not moved");
        let accuracy = evaluate(&net, &XS, &LABELS, &mut Scratch::<_, 4>::new(), &mut [[0.0; 2]; 4]);
        assert_eq!(accuracy, Ok(1.0), "{isa}");
    }
}

/// What the step takes from a parameter, against the difference quotient of the loss.
#[test]
fn its_gradient_is_the_slope_of_the_loss() {
    const STEP: f32 = 1.0 / 256.0;
    let net = Net::he(&mut Rng::new(2));
    // With the rate zero a step changes nothing and tells the loss.
    let loss = |net: &Net| {
        let mut workspace = Workspace::<Net, 4>::new();
        workspace.train_step(&mut net.clone(), &XS, &LABELS, &Sgd::new(0.0)).unwrap()
    };
    let mut stepped = net;
    Workspace::<Net, 4>::new().train_step(&mut stepped, &XS, &LABELS, &Sgd::new(1.0)).unwrap();
    for i in 0..12 {
        let at = |distance: f32| {
            let mut net = net;
            net.rest.rest.first.factor[i] += distance;
            loss(&net)
        };
        let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
        let gradient = net.rest.rest.first.factor[i] - stepped.rest.rest.first.factor[i];
        // The quotient's own error: u of two losses near 0.7 over the step's width, and the third derivative's part.
        assert!((gradient - slope).abs() < 1e-4, "factor {i}: {gradient}, not {slope}");
    }
}

/// In every composition, behind a guard, in private, as bytes.
#[test]
fn it_works_in_every_wrapper() {
    type Block = Seq![Scale<3>, Residual<Seq![Scale<3>, Dense<3, 3, Relu>]>];
    type Nested = Seq![Seq![Each<2, Scale<3>>, Each<2, Repeat<2, Block>>], Flatten<2, 3, Dense<6, 2>>];
    let (xs, labels) = ([[[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]], [[0.1, 0.2, 0.3], [-1.0, 1.0, 1.0]]], [0, 1]);
    for isa in isas() {
        let mut net = Nested::he(&mut Rng::new(4));
        let mut guard = Guard::new();
        let mut workspace = Workspace::<Nested, 2>::new();
        let mut losses = [f32::NAN; 50];
        for loss in &mut losses {
            let step =
                workspace.train_step_guarded_with(isa, &mut net, &xs, &labels, &Sgd::new(0.1), &mut guard);
            *loss = step.expect("a step that does no harm");
        }
        assert!(losses[49] < 0.5 * losses[0], "{isa}: {losses:?}");

        let optimizer = Private::new(Sgd::new(0.1), 1.0, 0.0, 7);
        let mut private = Workspace::<Nested, 2, Private<Sgd>>::new();
        let before = net;
        private.train_step_private_with(isa, &mut net, &xs, &labels, &optimizer).expect("a private step");
        assert!(net != before, "{isa}: nothing was learnt in private");

        assert_eq!(Nested::copy_from_bytes(net.as_bytes()), Ok(net), "{isa}");
        assert_eq!(net.first.first.layer.as_bytes().len(), 12, "{isa}");
    }
}

#[test]
fn a_step_in_slices_is_the_whole_step() {
    for isa in isas() {
        let mut net = Net::he(&mut Rng::new(3));
        let mut learner = Learner::<Net, 4>::new(net);
        let loss = Workspace::<Net, 4>::new().train_step_with(isa, &mut net, &XS, &LABELS, &Sgd::new(0.2));
        for (x, label) in XS.into_iter().zip(LABELS) {
            learner.push(label, |row| *row = x).expect("rows that fit");
        }
        learner.start(Sgd::new(0.2)).expect("a step can start");
        let in_slices = loop {
            if let Poll::Ready(loss) = learner.poll_with(isa, Budget::rows(1)) {
                break loss;
            }
        };
        assert_eq!(in_slices, loss, "{isa}");
        assert_eq!(*learner.net(), net, "{isa}");
    }
}
