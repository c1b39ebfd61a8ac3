//! Networks of eight bits made of trained ones.

use crate::layers::{methods, run};
use crate::text::{debug, display};
use crate::{any, hide, keep};
use fusebox::int8::{
    Aware, Axis, Calibration, Clamping, Described, Fidelity, MinMax, MovingAverage, Noise, Observer,
    Operation, Percentile, Quantization, Ranges, Rows, RowsMut, ToInt8, Windows,
};
use fusebox::layers::Window;
use fusebox::{
    Activate, AvgPool2d, BatchNorm, Conv2d, Dense, DepthwiseConv2d, Dropout, Each, Error, Gelu,
    GlobalAvgPool, GlobalMaxPool, Isa, MaxPool2d, Plain, Relu, Relu6, Residual, Rng, Seq, Sgd, Sigmoid,
    Softmax, View, Workspace, Zeroed,
};

type Image = [[[f32; 2]; 4]; 4];
type Half = [[[f32; 2]; 2]; 2];
type Mixed = Seq![
    Conv2d<Image, Image, 3, 3, 2, 2>,
    BatchNorm<Image, 2, Relu>,
    DepthwiseConv2d<Image, Image, 3, 3, 2, Window, Gelu>,
    MaxPool2d<Image, Half, 2, 2>,
    Residual<Conv2d<Half, Half, 1, 1, 2, 2, Window, Relu6>>,
    GlobalAvgPool<Half, 2>,
    Dropout<2, 50>,
    Dense<2, 6, Sigmoid>,
    View<[f32; 6], Each<3, Dense<2, 2>>, [f32; 6]>,
    Activate<6, Relu>,
    Softmax<6>,
];
type Pooled = Seq![BatchNorm<Image, 2>, AvgPool2d<Image, Half, 2, 2>, GlobalMaxPool<Half, 2>];
type Rounded = Seq![Aware<Dense<3, 4, Relu>>, Aware<Dense<4, 2>>];

/// Calls what makes them.
pub fn all() {
    keep(network::<Mixed, MinMax>());
    keep(network::<Pooled, MovingAverage>());
    keep(network::<Rounded, Percentile<32>>());
    keep(network::<Dense<3, 4, Gelu>, MinMax>());
    keep(Quantization::covering(any(), any()));
    keep(aware());
    observer::<MinMax>();
    observer::<MovingAverage>();
    observer::<Percentile<32>>();
    each::<Activate<6, Relu>>();
    each::<Seq![Dropout<3, 50>, Dense<3, 2>]>();
    each::<Each<3, Dense<2, 2>>>();
    each::<View<[f32; 6], Each<3, Dense<2, 2>>, [f32; 6]>>();
    each::<MaxPool2d<Image, Half, 2, 2>>();
    each::<AvgPool2d<Image, Half, 2, 2>>();
    each::<GlobalMaxPool<Half, 2>>();
    each::<GlobalAvgPool<Half, 2>>();
    each::<Softmax<6>>();
    each::<Residual<Dense<3, 3>>>();
    each::<Aware<Dense<3, 4, Gelu>>>();
    run(Aware::new(any::<Dense<3, 4, Relu>>()));
    methods(Aware::new(any::<Dense<3, 4, Relu>>()));
}

fn each<N: ToInt8 + Plain>() {
    let xs = [any::<N::Input>(), any(), any()];
    let net = any::<N>();
    keep(directly(hide(Isa::portable()), &net, xs.get(..hide(2)).unwrap_or_default()));
}

/// Descriptions, some of which compute in `f64`.
pub fn excepted() {
    type Net = Dense<3, 4, Gelu>;
    let calibration = hide(Calibration::<Net, 2>::new());
    debug(&calibration);
    if let Ok(ranges) = calibration.ranges() {
        debug(&ranges);
    }
    let fidelity = hide(Fidelity::<Net, 2>::new());
    display(&fidelity);
    debug(&fidelity);
    for line in fidelity.lines() {
        debug(&line);
        keep(hide(Clone::clone(&line)) == line);
    }
    let (mut reals, mut bytes) = ([any::<[f32; 3]>()], [any::<[i8; 3]>()]);
    let scale = hide(Quantization { scale: any(), zero: any() });
    debug(&hide(Rows { reals: &reals, bytes: &bytes, scale }).clone());
    debug(&RowsMut { reals: &mut reals, bytes: &mut bytes });
    debug(&hide(Noise::ZEROED).clone());
    let axis =
        Axis { input: any(), output: any(), taps: any(), stride: any(), dilation: any(), before: any() };
    let windows = hide(Windows { axes: [axis; 2], channels: [any(), any()] });
    debug(&Clone::clone(&windows));
    debug(&hide(Clone::clone(&windows.axes[0])));
    debug(&hide(Clone::clone(&hide(Clamping::default()))));
    keep(hide(Clamping::Relu) == hide(Clamping::None));
    if let Ok(ranges) = calibration.ranges() {
        keep(ranges.describe(&any::<Net>(), &mut |described| {
            debug(&described);
            debug(&described.operation);
            if let Operation::Dense(weights) = described.operation {
                debug(&weights);
            }
        }));
    }
    debug(&any::<MinMax>());
    debug(&any::<MovingAverage>());
    debug(&any::<Percentile<32>>());
    debug(&any::<Aware<Dense<3, 4, Relu>>>());
}

fn network<N: ToInt8 + Plain, O: Observer>() -> Result<(), Error> {
    let (net, isa) = (any::<N>(), hide(Isa::portable()));
    let xs = [any::<N::Input>(), any(), any()];
    let xs = xs.get(..hide(2)).unwrap_or_default();
    let mut calibration = hide(Calibration::<N, 2, O>::new());
    calibration.observe(&net, xs)?;
    calibration.observe_with(isa, &net, xs)?;
    keep(Calibration::<N, 2, O>::default());
    let ranges: Ranges<N> = hide(calibration.ranges()?);
    let mut int8 = ranges.clone().quantize(&net)?;
    ranges.quantize_into(&net, &mut int8)?;
    ranges.iter().for_each(keep);
    ranges.describe(&net, &mut described)?;
    let mut fidelity = Fidelity::<N, 2>::default();
    fidelity.observe(&ranges, &net, &int8, xs)?;
    fidelity.observe_with(isa, &ranges, &net, &int8, xs)?;
    fidelity.lines().for_each(keep);
    keep(fidelity.agreement());
    keep(hide(fidelity));
    directly(isa, &net, xs)
}

/// The methods of a layer, with lengths that may not fit.
fn directly<N: ToInt8>(isa: Isa, net: &N, xs: &[N::Input]) -> Result<(), Error> {
    let (mut int8, mut ys, mut memory) = (N::Int8::ZEROED, [any(), any()], any::<[f32; 16]>());
    let (mut others, bytes) = ([any(), any()], [any(), any()]);
    let scale = hide(Quantization { scale: any(), zero: any() });
    let (ranges, mut noise) = (any::<[[f32; 2]; 3]>(), [Noise::ZEROED; 3]);
    let (ranges, noise) = (ranges.get(..hide(1)).unwrap_or_default(), hide(&mut noise[..]));
    net.observe(isa, xs, &mut memory, &mut |output, ys| keep((output, ys.len())), &mut ys);
    keep(net.convert(scale, ranges, Some(&mut int8))?);
    keep(net.describe(scale, ranges, &mut described)?);
    let xs = Rows { reals: xs, bytes: &bytes, scale };
    let mut ys = RowsMut { reals: &mut ys, bytes: &mut others };
    net.compare(&int8, isa, xs, &mut memory, ranges, noise, ys.reborrow())?;
    keep(ys.read(scale).bytes.len());
    keep(N::name(any()));
    Ok(())
}

/// What a program that writes a file does.
fn described(described: Described<'_>) {
    keep((described.name, described.rows, described.x, described.y));
    match described.operation {
        Operation::Dense(weights)
        | Operation::Conv2d(_, weights)
        | Operation::DepthwiseConv2d(_, weights) => {
            keep((weights.outputs(), weights.depth(), weights.clamping));
            keep(weights.row(any(), hide(&mut any::<[i8; 4]>()[..])));
        }
        operation => keep(core::mem::discriminant(&operation)),
    }
}

fn aware() -> Result<(), Error> {
    let mut net = hide(Rounded::he(&mut Rng::new(any())));
    let mut workspace = Workspace::<Rounded, 2>::new();
    workspace.train_step(&mut net, &[any(), any()], &[any(), any()], &Sgd::new(any()))?;
    keep(Aware::new(*net.first.layer()).range());
    keep(hide(Clone::clone(&net.first)) == net.first);
    Ok(())
}

fn observer<O: Observer + PartialEq>() {
    let (mut observer, xs) = (any::<O>(), any::<[f32; 5]>());
    observer.observe(xs.get(..hide(4)).unwrap_or_default());
    keep(observer.range());
    keep(hide(Clone::clone(&observer)) == observer);
}
