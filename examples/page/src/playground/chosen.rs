//! What is chosen at run time, where fusebox's own is chosen by a type: an optimiser, and an activation. A program with all
//! combinations of types compiled in would be three times as large.

use fusebox::{
    Adam, Error, Gradient, Init, InputGradient, Isa, Layer, Linear, Momentum, Optimizer, Pace, Plain, Rng,
    Sgd, Train, functions, plain,
};

/// An optimiser, chosen at run time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chosen {
    Sgd(Sgd),
    Momentum(Momentum),
    Adam(Adam),
}

impl Chosen {
    /// The one of this number, or the first.
    pub(super) fn of(number: u32, rate: f32) -> Self {
        match number {
            1 => Self::Momentum(Momentum::new(rate, 0.9)),
            2 => Self::Adam(Adam::new(rate)),
            _ => Self::Sgd(Sgd::new(rate)),
        }
    }
}

/// The sweep of the one that was chosen.
pub(super) enum Sweep {
    Sgd(<Sgd as Optimizer>::Sweep),
    Momentum(<Momentum as Optimizer>::Sweep),
    Adam(<Adam as Optimizer>::Sweep),
}

/// None of them needs a second sweep.
impl Optimizer for Chosen {
    type State<P: Plain> = [P; 2];
    type Progress = <Adam as Optimizer>::Progress;
    type Sweep = Sweep;

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Sgd(sgd) => sgd.check(),
            Self::Momentum(momentum) => momentum.check(),
            Self::Adam(adam) => adam.check(),
        }
    }

    fn begin(&self, progress: &mut Self::Progress, weight: f32) -> Sweep {
        match self {
            Self::Sgd(sgd) => Sweep::Sgd(sgd.begin(&mut (), weight)),
            Self::Momentum(momentum) => Sweep::Momentum(momentum.begin(&mut (), weight)),
            Self::Adam(adam) => Sweep::Adam(adam.begin(progress, weight)),
        }
    }

    fn next(&self, _: &mut Self::Progress, _: Sweep) -> Option<Sweep> {
        None
    }

    fn step<P: Plain, G: Gradient<P>, Q: Pace>(
        pace: &mut Q,
        sweep: &mut Sweep,
        gradient: G,
        parameters: &mut P,
        state: &mut [P; 2],
    ) {
        match sweep {
            Sweep::Sgd(sweep) => Sgd::step(pace, sweep, gradient, parameters, &mut ()),
            Sweep::Momentum(sweep) => Momentum::step(pace, sweep, gradient, parameters, &mut state[0]),
            Sweep::Adam(sweep) => Adam::step(pace, sweep, gradient, parameters, state),
        }
    }
}

/// An activation, chosen at run time: ReLU, tanh or sigmoid.
///
/// ```text
/// forward    y = A(x)
/// backward   dx = A'(x) dy, of which the tape keeps A'(x)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(super) struct Curve<const N: usize> {
    /// 0, 1 or 2. A number among the parameters, which no step changes.
    pub(super) number: f32,
}

plain!([const N: usize] Curve<N> { number: f32 });

impl<const N: usize> Curve<N> {
    fn apply(&self, isa: Isa, ys: &mut [f32]) {
        match self.number {
            1.0 => functions::tanh_with(isa, ys),
            2.0 => functions::sigmoid_with(isa, ys),
            _ => ys.iter_mut().for_each(|y| *y = y.max(0.0)),
        }
    }

    /// In terms of the output.
    fn slope(&self, y: f32) -> f32 {
        match self.number {
            1.0 => 1.0 - y * y,
            2.0 => y * (1.0 - y),
            _ => f32::from(u8::from(y > 0.0)),
        }
    }
}

impl<const N: usize> Layer for Curve<N> {
    type Input = [f32; N];
    type Output = [f32; N];
    type Scratch = ();
    type InPlace = [f32; N];

    fn run(&self, isa: Isa, xs: &[[f32; N]], _: &mut [f32], ys: &mut [[f32; N]]) {
        if xs.len() == ys.len() {
            ys.copy_from_slice(xs);
            self.apply(isa, ys.as_flattened_mut());
        }
    }
}

impl<const N: usize> Train for Curve<N> {
    type Tape = [f32; N];
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        _: Option<&()>,
        tape: &mut [[f32; N]],
        ys: &mut [[f32; N]],
    ) {
        let rows = pace.take(xs.len(), N);
        let (slopes, ys) = (tape[rows.clone()].as_flattened_mut(), &mut ys[rows.clone()]);
        self.run(pace.isa(), &xs[rows], &mut [], ys);
        for (slope, y) in slopes.iter_mut().zip(ys.as_flattened()) {
            *slope = self.slope(*y);
        }
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[f32; N]],
        tape: &[[f32; N]],
        dys: &[[f32; N]],
        _: &mut [()],
        dx: InputGradient<'_, [f32; N]>,
    ) {
        let rows = pace.take(xs.len(), N);
        let (slopes, dys) = (tape[rows.clone()].as_flattened(), dys[rows.clone()].as_flattened());
        dx.rows(&rows).write(pace.isa(), |dxs| {
            for ((dx, slope), dy) in dxs.as_flattened_mut().iter_mut().zip(slopes).zip(dys) {
                *dx = slope * dy;
            }
        });
    }
}
