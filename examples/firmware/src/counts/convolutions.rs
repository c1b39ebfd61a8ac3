//! Convolutions, pass by pass, and networks of them.
//!
//! Multiply-accumulates are those of all taps, as they are usually counted: those in the padding too, which the kernels leave
//! out. Of a step they are those of forward and backward.

#[cfg(feature = "large")]
#[expect(dead_code, reason = "the network before folding, which is what training and tests need")]
#[path = "../../../../tests/support/resnet8.rs"]
mod resnet8;

use super::{Bench, FPU, Work, fill};
use crate::board::{Board, Failure};
use crate::picture_net::{BATCH, CLASSES, FORWARD_MACS, Net, PIXELS, STEP_MACS};
use core::hint::black_box;
use core::slice::{from_mut, from_ref};
#[cfg(feature = "large")]
use fusebox::layers::Summary;
use fusebox::layers::{Conv2d, DepthwiseConv2d, Same, Window};
use fusebox::{
    Derivative, Error, Init, InputGradient, Isa, Layer, Momentum, Optimizer, Pair, Rng, Scratch, Sgd, Train,
    Whole, Workspace, Zeroed,
};

/// A picture of `N` x `N` pixels of `C` numbers.
type Square<const N: usize, const C: usize> = [[[f32; C]; N]; N];

/// A kernel of `K` x `K`, from `N` x `N` pixels of `C` channels to `M` x `M` pixels of `F`.
type Conv<
    const K: usize,
    const N: usize,
    const C: usize,
    const M: usize,
    const F: usize,
    const S: usize = 1,
> = Conv2d<Square<N, C>, Square<M, F>, K, K, C, F, Window<Same, S, S>>;

/// A layer and its memory. Outputs become their gradients, inputs too.
#[derive(Debug)]
struct Single<L: Layer> {
    layer: L,
    x: L::Input,
    y: L::Output,
}

impl<L, const N: usize, const C: usize, const M: usize, const F: usize> Single<L>
where
    L: Zeroed + Train<Input = Square<N, C>, Output = Square<M, F>, Gradients = (), State<Sgd> = Pair<(), ()>>,
    L::Tape: Zeroed,
{
    const fn new() -> Self {
        Self { layer: L::ZEROED, x: Zeroed::ZEROED, y: Zeroed::ZEROED }
    }

    fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>, name: &str) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { layer, x, y } = self;
        let pace = &mut Whole::on(Isa::detect());
        layer.init(Init::He, &mut rng);
        fill(&mut rng, x.as_flattened_mut().as_flattened_mut());
        let work = Work::Macs(L::MACS as usize);
        bench.case(format_args!("{name} forward"), work, &mut || {
            forward(layer, x, y);
            Ok(())
        })?;
        fill(&mut rng, y.as_flattened_mut().as_flattened_mut());
        let tape = [Zeroed::ZEROED];
        bench.case(format_args!("{name} weights"), work, &mut || {
            let sweep = &mut Sgd::new(0.01).begin(&mut (), 1.0);
            layer.update::<Sgd, _>(pace, from_ref(x), &tape, from_ref(y), &[()], sweep, &mut Pair((), ()));
            Ok(())
        })?;
        bench.case(format_args!("{name} inputs"), work, &mut || {
            let dx = InputGradient::into(from_mut(x), Derivative::One);
            layer.backward(pace, &[], &tape, from_ref(y), &mut [()], dx);
            Ok(())
        })
    }
}

#[inline(never)]
fn forward<L: Layer>(layer: &L, x: &L::Input, y: &mut L::Output) {
    layer.run(Isa::detect(), from_ref(x), &mut [], from_mut(y));
}

#[derive(Debug)]
pub(super) struct Memory {
    first: Single<Conv<3, 16, 3, 16, 16>>,
    square: Single<Conv<3, 16, 16, 16, 16>>,
    #[cfg(feature = "large")]
    deep: Single<Conv<3, 8, 32, 8, 32>>,
    strided: Single<Conv<3, 16, 16, 8, 32, 2>>,
    mixing: Single<Conv<1, 8, 16, 8, 32>>,
    depthwise: Single<Depthwise>,
    net: Net,
    workspace: Workspace<Net, BATCH, Momentum>,
    scratch: Scratch<Net, 1>,
    xs: [[u8; PIXELS]; BATCH],
    logits: [[f32; CLASSES]; 1],
    #[cfg(feature = "large")]
    resnet: ResNet,
}

type Depthwise = DepthwiseConv2d<Square<16, 16>, Square<16, 16>, 3, 3, 16>;

impl Memory {
    pub(super) const fn new() -> Self {
        Self {
            first: Single::new(),
            square: Single::new(),
            #[cfg(feature = "large")]
            deep: Single::new(),
            strided: Single::new(),
            mixing: Single::new(),
            depthwise: Single::new(),
            net: Net::ZEROED,
            workspace: Workspace::new(),
            scratch: Scratch::new(),
            xs: [[0; PIXELS]; BATCH],
            logits: [[0.0; CLASSES]],
            #[cfg(feature = "large")]
            resnet: ResNet::new(),
        }
    }

    pub(super) fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        if !FPU {
            return Ok(());
        }
        self.first.run(bench, "conv 3x3 3-16, 16x16")?;
        self.square.run(bench, "conv 3x3 16-16, 16x16")?;
        #[cfg(feature = "large")]
        self.deep.run(bench, "conv 3x3 32-32, 8x8")?;
        self.strided.run(bench, "conv 3x3 16-32, 16x16 to 8x8")?;
        self.mixing.run(bench, "conv 1x1 16-32, 8x8")?;
        self.depthwise.run(bench, "depthwise 3x3 16, 16x16")?;
        self.run_net(bench)?;
        #[cfg(feature = "large")]
        self.resnet.run(bench)?;
        Ok(())
    }

    /// The digits of 14 x 14.
    fn run_net<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { net, workspace, scratch, xs, logits, .. } = self;
        net.init(Init::He, &mut rng);
        for x in xs.as_flattened_mut() {
            *x = rng.below(256) as u8;
        }
        let work = Work::Macs(FORWARD_MACS as usize);
        bench.case(format_args!("inference 14x14, rows 1"), work, &mut || {
            infer(net, xs.first_chunk().unwrap_or(&[[0; PIXELS]]), scratch, logits)
        })?;
        for rows in [BATCH, 1] {
            let xs = xs.get(..black_box(rows)).unwrap_or_default();
            let labels = [1_u8, 2, 3];
            let labels = labels.get(..xs.len()).unwrap_or_default();
            let work = Work::Macs(STEP_MACS as usize * rows);
            bench.case(format_args!("step 14x14 momentum, rows {rows}"), work, &mut || {
                workspace.train_step(net, xs, labels, &Momentum::new(0.01, 0.9)).map(|_loss| ())
            })?;
        }
        Ok(())
    }
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

/// A ResNet-8, for inference.
#[cfg(feature = "large")]
#[derive(Debug)]
struct ResNet {
    net: resnet8::Folded,
    scratch: Scratch<resnet8::Folded, 1>,
    x: [resnet8::Picture; 1],
    logits: [[f32; 10]; 1],
}

#[cfg(feature = "large")]
impl ResNet {
    const fn new() -> Self {
        Self { net: Zeroed::ZEROED, scratch: Scratch::new(), x: Zeroed::ZEROED, logits: Zeroed::ZEROED }
    }

    fn run<B: Board>(&mut self, bench: &mut Bench<'_, B>) -> Result<(), Failure> {
        let mut rng = Rng::new(1);
        let Self { net, scratch, x, logits } = self;
        net.init(Init::He, &mut rng);
        fill(&mut rng, x.as_flattened_mut().as_flattened_mut().as_flattened_mut());
        let work = Work::Macs(Summary::of::<resnet8::Folded>().total().macs as usize);
        bench.case(format_args!("inference ResNet-8, rows 1"), work, &mut || infer(net, x, scratch, logits))
    }
}
