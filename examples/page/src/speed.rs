//! What `test/speed.mjs` measures beside TensorFlow.js: a training step, a product, and the limit of multiplications and additions.
//!
//! Compiled with the feature `speed` only; the page has none of it.

use core::arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat};
use core::hint::black_box;
use fusebox::{Dense, Init, Relu, Rng, Seq, Sgd, Workspace, Zeroed, matmul};

type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
const BATCH: usize = 32;

/// Takes some training steps of 64-32-10 on one batch; returns the last loss.
#[unsafe(no_mangle)]
extern "C" fn speed_train(steps: u32) -> f32 {
    let mut rng = Rng::new(1);
    let mut net = Net::ZEROED;
    net.init(Init::He, &mut rng);
    let mut xs = [[0.0; 64]; BATCH];
    xs.as_flattened_mut().iter_mut().for_each(|x| *x = rng.uniform());
    let labels: [u8; BATCH] = core::array::from_fn(|row| (row % 10) as u8);
    let mut workspace = Workspace::<Net, BATCH>::boxed();
    let mut loss = f32::NAN;
    for _ in 0..steps {
        loss = workspace.train_step(&mut net, black_box(&xs), &labels, &Sgd::new(0.05)).unwrap_or(f32::NAN);
    }
    loss
}

/// Multiplies matrices of 64 x 64 some times.
#[unsafe(no_mangle)]
extern "C" fn speed_product(times: u32) -> f32 {
    let (a, b, mut c) = ([[0.5; 64]; 64], [[0.25; 64]; 64], [[0.0; 64]; 64]);
    for _ in 0..times {
        matmul(black_box(&a), black_box(&b), &mut c);
        black_box(&mut c);
    }
    c[0][0]
}

/// Multiplies and adds vectors of four some times, `12 * times` of them, in twelve sums that do not wait for one another.
#[unsafe(no_mangle)]
extern "C" fn speed_limit(times: u32) -> f32 {
    let (factor, term) = (f32x4_splat(black_box(0.999)), f32x4_splat(black_box(0.001)));
    let mut sums = [f32x4(1.0, 2.0, 3.0, 4.0); 12];
    for _ in 0..times {
        for sum in &mut sums {
            *sum = f32x4_add(f32x4_mul(*sum, factor), term);
        }
    }
    let sum = sums.into_iter().fold(term, |all, sum| f32x4_add(all, sum));
    f32x4_extract_lane::<0>(sum)
}
