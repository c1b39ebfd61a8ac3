//! A layer of a user's own on tokens: each becomes a row of weights.
//!
//! ```text
//! forward    y_t = W_(x_t)
//! backward   nothing: tokens have no gradient
//! update     dW = sum over rows and positions of e_(x_t)^T dy_t, where e_k is 1 at k, else 0
//! ```

use fusebox::{Init, InputGradient, Isa, Layer, Linear, Optimizer, Pace, Product, Rng, Train, plain};

/// `T` tokens below `TOKENS`, each as `WIDTH` numbers. Other tokens are zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Embedding<const T: usize, const TOKENS: usize, const WIDTH: usize> {
    pub(crate) weight: [[f32; WIDTH]; TOKENS],
}

plain!([const T: usize, const TOKENS: usize, const WIDTH: usize] Embedding<T, TOKENS, WIDTH> {
    weight: [[f32; WIDTH]; TOKENS],
});

impl<const T: usize, const TOKENS: usize, const WIDTH: usize> Layer for Embedding<T, TOKENS, WIDTH> {
    type Input = [u16; T];
    type Output = [[f32; WIDTH]; T];
    type Scratch = ();
    type InPlace = ();

    fn run(&self, _: Isa, xs: &[[u16; T]], _scratch: &mut [f32], ys: &mut [[[f32; WIDTH]; T]]) {
        for (x, y) in xs.iter().zip(ys) {
            *y = x.map(|token| self.weight.get(usize::from(token)).copied().unwrap_or([0.0; WIDTH]));
        }
    }
}

impl<const T: usize, const TOKENS: usize, const WIDTH: usize> Train for Embedding<T, TOKENS, WIDTH> {
    /// e_(x_t).
    type Tape = [[f32; TOKENS]; T];
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = O::State<[[f32; WIDTH]; TOKENS]>;
    type End = Linear;

    const PASSES_GRADIENT: bool = false;

    fn init(&mut self, _: Init, rng: &mut Rng) {
        self.weight.as_flattened_mut().fill_with(|| rng.normal());
    }

    fn forward<P: Pace>(
        &self,
        pace: &mut P,
        xs: &[[u16; T]],
        _: Option<&()>,
        tape: &mut [[[f32; TOKENS]; T]],
        ys: &mut [[[f32; WIDTH]; T]],
    ) {
        let rows = pace.take(xs.len(), T * (TOKENS + WIDTH));
        for (x, units) in xs[rows.clone()].iter().zip(&mut tape[rows.clone()]) {
            *units = x.map(|token| std::array::from_fn(|i| f32::from(i == usize::from(token))));
        }
        self.run(pace.isa(), &xs[rows.clone()], &mut [], &mut ys[rows]);
    }

    fn backward<P: Pace>(
        &self,
        pace: &mut P,
        _: &[[u16; T]],
        _: &[[[f32; TOKENS]; T]],
        _: &[[[f32; WIDTH]; T]],
        _: &mut [()],
        dx: InputGradient<'_, [u16; T]>,
    ) {
        dx.write_zeros(pace);
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        pace: &mut P,
        _: &[[u16; T]],
        tape: &[[[f32; TOKENS]; T]],
        dys: &[[[f32; WIDTH]; T]],
        _: &[()],
        sweep: &mut O::Sweep,
        state: &mut Self::State<O>,
    ) {
        let gradient = Product::of(tape.as_flattened(), dys.as_flattened());
        O::step(pace, sweep, gradient, &mut self.weight, state);
    }
}
