//! Safe code that breaks a trait's word: nothing is written outside of what it was given, nothing panics.

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Dense, Derivative, Init, InputGradient, Isa, Layer, Optimizer, Relu, Rng, Seq, Sgd, Train, Workspace,
    Zeroed,
};
use support::isas::isas;

#[test]
fn a_layer_run_on_more_rows_than_it_has_outputs_writes_nothing() {
    let mut layer = Dense::<4, 4, Relu>::ZEROED;
    layer.bias = [1.0; 4];
    for isa in isas() {
        let mut ys = [[7.0; 4]; 3];
        layer.run(isa, &[[1.0; 4]; 64], [&mut [], &mut []], &mut ys[1..2]);
        layer.forward::<1>(isa, &[[1.0; 4]; 64], &mut (), &mut ys[1..2]);
        layer.run_in_place(isa, [&mut [], &mut []], &mut ys);
        assert_eq!(ys, [[7.0; 4]; 3], "{isa}");
    }
}

#[test]
fn optimizers_do_nothing_with_rows_that_differ_in_number() {
    for isa in isas() {
        let mut weights = [[[7.0; 2]; 3]; 3];
        let sweep = &mut Sgd::new(1.0).begin(&mut (), 9);
        Sgd::step_product(sweep, isa, &[[1.0; 3]; 9], &[[1.0; 2]; 8], &mut weights[1], &mut ());
        assert_eq!(weights, [[[7.0; 2]; 3]; 3], "{isa}");
        let mut bias = [7.0; 2];
        Sgd::step_rows(sweep, isa, &[], &mut bias, &mut ());
        assert_eq!(bias, [7.0; 2], "{isa}");
    }
}

#[test]
fn parameters_without_numbers() {
    for isa in isas() {
        Sgd::step(&mut Sgd::new(1.0).begin(&mut (), 1), isa, &(), &mut (), &mut ());
        Derivative::Relu(&[1.0]).apply::<()>(isa, &mut [(), ()]);
    }
}

/// A layer that names a derivative of the wrong length.
struct Liar;

impl Zeroed for Liar {
    const ZEROED: Self = Self;
}

impl Layer for Liar {
    type Input = [f32; 40];
    type Output = [f32; 40];
    type Even<const B: usize> = ();
    type Odd<const B: usize> = ();

    fn run(&self, _: Isa, xs: &[[f32; 40]], _: [&mut [f32]; 2], ys: &mut [[f32; 40]]) {
        ys.copy_from_slice(xs);
    }
}

impl Train for Liar {
    type Tape<const B: usize> = ();
    type Gradients<const B: usize> = ();
    type State<O: Optimizer> = ();

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<const B: usize>(&self, isa: Isa, xs: &[[f32; 40]], _: &mut (), ys: &mut [[f32; 40]]) {
        self.run(isa, xs, [&mut [], &mut []], ys);
    }

    fn derivative<'a, const B: usize>(_: &'a (), _: &'a [[f32; 40]]) -> Derivative<'a> {
        Derivative::Relu(&[])
    }

    fn backward<const B: usize>(
        &self,
        isa: Isa,
        _: &[[f32; 40]],
        _: &(),
        dys: &[[f32; 40]],
        _: &mut (),
        dx: InputGradient<'_, [f32; 40]>,
    ) {
        dx.write(isa, |dxs| dxs.copy_from_slice(dys));
    }

    fn update<O: Optimizer, const B: usize>(
        &mut self,
        _: Isa,
        _: &[[f32; 40]],
        _: &(),
        _: &[[f32; 40]],
        _: &(),
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

#[test]
fn a_derivative_of_the_wrong_length_is_not_read_past_its_end() {
    type Net = Seq![Liar, Dense<40, 4, Relu>, Dense<4, 2>];
    for isa in isas() {
        let mut net = Net::he(&mut Rng::new(1));
        let mut workspace = Workspace::<Net, 8>::new();
        for _ in 0..3 {
            let loss = workspace.train_step_with(isa, &mut net, &[[1.0; 40]; 8], &[1; 8], &Sgd::new(0.1));
            assert!(loss.is_ok_and(f32::is_finite), "{isa}");
        }
    }
}
