//! A rule at the store of the product that forms its gradient does, bit for bit, what it does to the gradient as an array;
//! and touches nothing beside. But plain descent on a single sample multiplies the row of the gradient's outer product by the
//! rate first.

use crate::support::isas::isas;
use fusebox::{
    Adam, AdamW, ClipValue, Epilogue, Formed, Isa, Mat, MatMut, Momentum, Nesterov, Optimizer, Product,
    RmsProp, Rng, Rows, Sgd, WeightDecay, Whole, Zeroed, gemm_with,
};

/// The sum of a column as a bias has it: from sixteen rows on in four chains of as many rows, added in order.
fn sum_of_rows<const OUT: usize>(dys: &[[f32; OUT]], o: usize) -> f32 {
    let chain = if dys.len() < 16 { dys.len() } else { dys.len().div_ceil(4) };
    let sum = |rows: &[[f32; OUT]]| rows.iter().fold(0.0, |sum, dy| sum + dy[o]);
    dys.chunks(chain).map(sum).fold(0.0, |total: f32, part| total + part)
}

/// Three steps, so that what is kept counts, on a batch of `rows`.
fn steps<O: Optimizer, const IN: usize, const OUT: usize>(
    (name, optimizer, rate): (&str, &O, Option<f32>),
    isa: Isa,
    rows: usize,
) {
    let what = format!("{isa}, {name}, {IN} x {OUT}, {rows} rows");
    let mut rng = Rng::new((IN * 64 + OUT) as u64);
    let mut random = || 2.0 * rng.uniform() - 1.0;
    let start: [[f32; OUT]; IN] = std::array::from_fn(|_| std::array::from_fn(|_| random()));
    let first_bias: [f32; OUT] = std::array::from_fn(|_| random());

    // The one in the middle is fused; its neighbours in memory see nothing of it.
    let (mut weights, mut biases) = ([[[f32::NAN; OUT]; IN]; 3], [[f32::NAN; OUT]; 3]);
    let mut states: [O::State<[[f32; OUT]; IN]>; 3] = Zeroed::ZEROED;
    let mut bias_states: [O::State<[f32; OUT]>; 3] = Zeroed::ZEROED;
    let mut progress = O::Progress::ZEROED;
    (weights[1], biases[1]) = (start, first_bias);
    let (mut weight, mut bias) = (start, first_bias);
    let (mut state, mut bias_state) = (O::State::ZEROED, O::State::ZEROED);
    let mut array_progress = O::Progress::ZEROED;

    for step in 0..3 {
        let xs: Vec<[f32; IN]> = (0..rows).map(|_| std::array::from_fn(|_| random())).collect();
        let dys: Vec<[f32; OUT]> = (0..rows).map(|_| std::array::from_fn(|_| random())).collect();
        let pace = &mut Whole::on(isa);
        let sweep = &mut optimizer.begin(&mut progress, rows as f32);
        O::step(pace, sweep, Product::of(&xs, &dys), &mut weights[1], &mut states[1]);
        O::step(pace, sweep, Rows::of(&dys), &mut biases[1], &mut bias_states[1]);

        let mut gradient = [[f32::NAN; OUT]; IN];
        let product = MatMut::new(gradient.as_flattened_mut(), IN, OUT).expect("in x out");
        let x = Mat::new(xs.as_flattened(), rows, IN).expect("rows x in");
        let dy = Mat::new(dys.as_flattened(), rows, OUT).expect("rows x out");
        gemm_with(isa, x.t(), dy, product, Epilogue::None).expect("in x out");
        let sums = std::array::from_fn(|o| sum_of_rows(&dys, o));

        let sweep = &mut optimizer.begin(&mut array_progress, rows as f32);
        if let (Some(rate), [dy]) = (rate, &dys[..]) {
            let row = dy.map(|dy| dy * -rate);
            let row = Mat::new(&row, 1, OUT).expect("1 x out");
            let sum = MatMut::new(weight.as_flattened_mut(), IN, OUT).expect("in x out");
            gemm_with(isa, x.t(), row, sum, Epilogue::Accumulate).expect("in x out");
        } else {
            O::step(pace, sweep, Formed::of(&gradient), &mut weight, &mut state);
        }
        O::step(pace, sweep, Formed::of_offsets(&sums), &mut bias, &mut bias_state);
        assert_eq!((weights[1], biases[1]), (weight, bias), "{what}, step {step}");
    }
    for neighbour in [0, 2] {
        let untouched = [weights[neighbour].as_flattened(), &biases[neighbour]].concat();
        assert!(untouched.iter().all(|x| x.is_nan()), "{what}: wrote beside the parameters");
        // A state that is still zero moves parameters as a fresh one does.
        let first_step = |state: &mut O::State<[[f32; OUT]; IN]>| {
            let mut weight = start;
            let mut progress = O::Progress::ZEROED;
            let sweep = &mut optimizer.begin(&mut progress, 1.0);
            O::step(&mut Whole::on(isa), sweep, Formed::of(&start), &mut weight, state);
            weight
        };
        let mut fresh = Zeroed::ZEROED;
        let expected = first_step(&mut fresh);
        assert_eq!(first_step(&mut states[neighbour]), expected, "{what}: wrote beside the moments");
    }
}

/// Below, at and above the widths of vectors and the heights of tiles, and a column that lies like a row.
fn shapes<O: Optimizer>(name: &str, optimizer: &O, rate: Option<f32>) {
    let rule = (name, optimizer, rate);
    for isa in isas() {
        for rows in [1, 3, 32] {
            steps::<O, 1, 1>(rule, isa, rows);
            steps::<O, 1, 33>(rule, isa, rows);
            steps::<O, 13, 15>(rule, isa, rows);
            steps::<O, 14, 16>(rule, isa, rows);
            steps::<O, 15, 17>(rule, isa, rows);
            steps::<O, 64, 1>(rule, isa, rows);
            steps::<O, 64, 33>(rule, isa, rows);
        }
    }
}

#[test]
fn rules_without_moments() {
    shapes("sgd", &Sgd::new(0.1), Some(0.1));
    shapes("decay of sgd", &WeightDecay::new(Sgd::new(0.1), 0.01), None);
    shapes("clipped sgd", &ClipValue::new(Sgd::new(0.1), 0.5), None);
}

#[test]
fn rules_with_one_moment() {
    shapes("momentum", &Momentum::new(0.1, 0.9), None);
    shapes("nesterov", &Nesterov::new(0.1, 0.9), None);
    shapes("rmsprop", &RmsProp::new(0.01), None);
    let nested = WeightDecay::new(ClipValue::new(Momentum::new(0.1, 0.9), 0.5), 0.01);
    shapes("decay of clipped momentum", &nested, None);
}

#[test]
fn rules_with_two_moments() {
    shapes("adam", &Adam::new(0.01), None);
    shapes("adamw", &AdamW::new(0.01, 0.01), None);
    shapes("clipped decay of adam", &ClipValue::new(WeightDecay::new(Adam::new(0.01), 0.01), 0.5), None);
}
