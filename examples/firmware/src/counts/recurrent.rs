//! A gated recurrent unit: a frame of a stream, a whole sequence, a training step.
//!
//! Multiply-accumulates are those of the products with inputs and last outputs. Of a step they are those of forward and
//! backward: there is no gradient of the inputs.

use super::{Bench, Work, fill};
use crate::board::{Board, Failure};
use fusebox::{
    Error, Gru, Init, Isa, Last, Layer, Mse, Rng, Scratch, Seq, Sgd, Streaming, Workspace, Zeroed,
};

const POSITIONS: usize = 28;
const IN: usize = 28;
const OUT: usize = 20;

/// Multiply-accumulates of a position, with its input and with the last output.
const WITH_INPUT: usize = IN * 3 * OUT;
const WITH_LAST: usize = OUT * 3 * OUT;
const FORWARD: usize = POSITIONS * (WITH_INPUT + WITH_LAST);
/// Forward, the gradients of both matrices, and of all outputs but the last.
const STEP: usize = 2 * FORWARD + (POSITIONS - 1) * WITH_LAST;

type Unit = Gru<POSITIONS, IN, OUT>;
type Net = Seq![Unit, Last<POSITIONS, OUT>];

#[derive(Debug)]
pub(super) struct Memory {
    net: Net,
    stream: Streaming<Unit>,
    scratch: Scratch<Unit, 1>,
    workspace: Workspace<Net, 1, Sgd, Mse>,
    xs: [[[f32; IN]; POSITIONS]; 1],
    ys: [[[f32; OUT]; POSITIONS]; 1],
    targets: [[f32; OUT]; 1],
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            net: Net::ZEROED,
            stream: Streaming::new(),
            scratch: Scratch::new(),
            workspace: Workspace::with_loss(Mse),
            xs: Zeroed::ZEROED,
            ys: Zeroed::ZEROED,
            targets: Zeroed::ZEROED,
        }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { net, stream, scratch, workspace, xs, ys, targets } = self;
        net.init(Init::Glorot, &mut rng);
        fill(&mut rng, xs.as_flattened_mut().as_flattened_mut());
        fill(&mut rng, targets.as_flattened_mut());
        // The first frame has no output before it to multiply by; the second is like all others.
        for [frame, ..] in xs.iter() {
            stream.push(&net.first, frame);
        }
        bench.case(
            format_args!("gru {IN}-{OUT}, a frame"),
            Work::Macs(WITH_INPUT + WITH_LAST),
            &mut || {
                let [[frame, ..]] = xs;
                push(stream, &net.first, frame);
                Ok(())
            },
        )?;
        bench.case(
            format_args!("gru {IN}-{OUT}, {POSITIONS} positions"),
            Work::Macs(FORWARD),
            &mut || infer(&net.first, xs, scratch, ys),
        )?;
        bench.case(
            format_args!("step gru {IN}-{OUT} sgd, {POSITIONS} positions"),
            Work::Macs(STEP),
            &mut || workspace.train_step(net, xs, targets, &Sgd::new(0.01)).map(|_loss| ()),
        )
    }
}

#[inline(never)]
fn push(stream: &mut Streaming<Unit>, unit: &Unit, frame: &[f32; IN]) {
    stream.push_with(Isa::detect(), unit, frame);
}

#[inline(never)]
fn infer<L: Layer>(
    net: &L,
    xs: &[L::Input; 1],
    scratch: &mut Scratch<L, 1>,
    ys: &mut [L::Output; 1],
) -> Result<(), Error> {
    net.infer(xs, scratch, ys)
}
