//! As little firmware as there can be, for `cargo xtask size`: what an image grows by is what the calls in it take.
//!
//! Nothing is printed, inputs come from memory that the compiler knows nothing about, and results go back there.

use crate::infer::NET;
use crate::recipe::{BATCH, CLASSES, Digits, PIXELS};
use core::hint::black_box;
use fusebox::int8::{Clamp, Dense, Quantization, WeightScale};
use fusebox::{Chain, Scratch, Seq, Sgd, Workspace, Zeroed};
use static_cell::ConstStaticCell;

/// What inference works on.
struct Running {
    scratch: Scratch<Digits, 1>,
    x: [[f32; PIXELS]; 1],
    y: [[f32; CLASSES]; 1],
}

static RUNNING: ConstStaticCell<Running> =
    ConstStaticCell::new(Running { scratch: Scratch::new(), x: [[0.0; PIXELS]; 1], y: [[0.0; CLASSES]; 1] });

/// What training works on.
struct Training {
    net: Digits,
    workspace: Workspace<Digits, BATCH>,
    xs: [[f32; PIXELS]; BATCH],
    labels: [u8; BATCH],
}

static TRAINING: ConstStaticCell<Training> = ConstStaticCell::new(Training {
    net: Digits::ZEROED,
    workspace: Workspace::new(),
    xs: [[0.0; PIXELS]; BATCH],
    labels: [0; BATCH],
});

/// A network of eight bits that has the shape of TensorFlow Lite Micro's example `hello_world`; its weights are all one.
type Sine = Seq![Dense<1, 16>, Dense<16, 16>, Dense<16, 1>];

pub(crate) static SINE: Sine = Chain {
    first: layer(Clamp::relu(UNIT)),
    rest: Chain { first: layer(Clamp::relu(UNIT)), rest: layer(Clamp::of(UNIT)) },
};

const UNIT: Quantization = Quantization { scale: 0.03, zero: -128 };

const fn layer<const IN: usize, const OUT: usize>(clamp: Clamp) -> Dense<IN, OUT> {
    match Dense::new(&[[1; IN]; OUT], &[0; OUT], UNIT, WeightScale::Tensor(0.02), UNIT, clamp) {
        Ok(layer) => layer,
        Err(_) => panic!("a scale is wrong"),
    }
}

/// What it works on.
struct Waving {
    scratch: Scratch<Sine, 1>,
    x: [[i8; 1]; 1],
    y: [[i8; 1]; 1],
}

static WAVING: ConstStaticCell<Waving> =
    ConstStaticCell::new(Waving { scratch: Scratch::new(), x: [[0]], y: [[0]] });

/// Runs nothing.
pub fn bare_nothing() -> ! {
    rest(&mut 0)
}

/// Runs the network that lies in flash on one row.
pub fn bare_inference() -> ! {
    let Some(Running { scratch, x, y }) = black_box(RUNNING.try_take()) else { rest(&mut 0) };
    let done = NET.infer(x, scratch, y);
    rest(&mut (done, y))
}

/// Runs a network of eight bits that lies in flash on one row.
pub fn bare_int8() -> ! {
    let Some(Waving { scratch, x, y }) = black_box(WAVING.try_take()) else { rest(&mut 0) };
    let done = SINE.infer(x, scratch, y);
    rest(&mut (done, y))
}

/// Trains a network on a batch, and runs it on one row.
pub fn bare_training() -> ! {
    let Some(Running { scratch, x, y }) = black_box(RUNNING.try_take()) else { rest(&mut 0) };
    let Some(Training { net, workspace, xs, labels }) = black_box(TRAINING.try_take()) else { rest(&mut 0) };
    let rows = black_box(BATCH);
    let (xs, labels) = (xs.get(..rows).unwrap_or_default(), labels.get(..rows).unwrap_or_default());
    let loss = workspace.train_step(net, xs, labels, &Sgd::new(0.1));
    let done = net.infer(x, scratch, y);
    rest(&mut (loss, done, net, y))
}

/// Keeps what was computed, and stops.
fn rest<T>(result: &mut T) -> ! {
    loop {
        black_box(&mut *result);
    }
}
