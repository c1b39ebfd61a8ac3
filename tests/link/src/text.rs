//! Descriptions, and the copies and comparisons that derives write.

use crate::{any, hide, keep};
use core::fmt::{self, Debug, Display, Write};
use core::marker::PhantomData;
use fusebox::data::{
    Clean, Findings, Found, Full, Labels, MinMax, Missing, Outliers, Report, Standardize, Statistics, Windows,
};
use fusebox::decoding::{Beam, Sampler};
use fusebox::layers::{
    Around, Carried, Causal, Due, Entry, Fresh, GruCell, LstmCell, Padding, Resize, RnnCell, Same, Side,
    Stream, Streaming, Summary, Tapes, Valid, Window,
};
use fusebox::optimizers::Batches;
use fusebox::*;

type Layers = Seq![Dense<3, 4, Relu>, Dense<4, 2>];
type Delay = MaxPool2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 1]; 1], 2, 2>;

/// Calls them all, but those [`excepted`].
pub fn all() {
    display(&hide(Error::Empty));
    display(&hide(Isa::portable()));
    display(&hide(Confusion::<3>::new()));
    display(&hide(Report::<3>::new()));
    display(&hide(Workspace::<Layers, 3>::MEMORY));
    display(&hide(Full { key: any::<u8>(), capacity: any() }));
    summaries();
    whole_numbers();
    copies();
    comparisons();
    defaults();
}

fn summaries() {
    display(&hide(Summary::of::<Layers>()));
    let summary = copy(&hide(Summary::of_training::<Layers>()));
    display(&summary);
    summary.for_each(|row| keep(copy(row) == *row));
    keep(summary.total());
    let entry = Entry::parts::<Layers>([None; 2]).with_parameters(any()).times(any(), any());
    keep((copy(&entry), Entry::layer::<Layers>().named(|| "two"), Entry::hidden::<Layers>([None; 2])));
    debug(&copy(&Tapes::new(any(), [None; 2])));
}

/// `Debug` of what holds neither an `f32` nor a text.
fn whole_numbers() {
    debug(&hide(Isa::portable()));
    debug(&hide(Rng::new(any())));
    debug(&hide(Windows::<u16, 3>::new()));
    debug(&hide(Labels::<u8, 3>::new()));
    debug(&hide(Full { key: any::<u8>(), capacity: any() }));
    debug(&hide(Report::<3>::new()));
    debug(&hide(FINDINGS));
    debug(&hide(FINDINGS.nan));
    debug(&hide(Missing::Fill));
    debug(&hide(Confusion::<3>::new()));
    debug(&hide(RocHistogram::<3>::new()));
    debug(&hide(Workspace::<Layers, 3>::MEMORY));
    debug(&hide(Workspace::<Layers, 3>::new()));
    debug(&hide(Workspace::<Layers, 3>::new()).stage());
    debug(&hide(Learner::<Layers, 3>::new(any())));
    debug(&hide(Budget::rows(any())));
    debug(&hide(Whole::on(Isa::portable())));
    debug(&hide(Reservoir::<u8, 3>::new()));
    debug(&hide(Offered::Refused(any::<u8>())));
    debug(&hide(Batches { batches: any() }));
    debug(&hide(Verdict::Stop));
    debug(&any::<Either<f32, [f32; 2]>>());
    debug(&any::<Softmax<3>>());
    debug(&any::<Dropout<3, 20>>());
    debug(&any::<Gated<6, 3, Relu>>());
    debug(&any::<Activate<3, Relu>>());
    debug(&any::<Columns<3, 1, 2>>());
    debug(&any::<Pixels<3>>());
    debug(&any::<GlobalMaxPool<[[[f32; 3]; 2]; 2], 3>>());
    debug(&hide(Side::Front));
    debug(&hide(Due::EACH));
    debug(&hide(Sum));
    debug(&hide(fusebox::layers::Both));
    debug(&any::<fusebox::layers::MeanPresent<3, 2>>());
    debug(&hide(Concat::<3>));
    debug(&hide(ConcatChannels::<3>));
    debug(&hide(Linear));
    debug(&hide(Curved));
    debug(&hide(Init::He));
    debug(&hide(CrossEntropy));
    debug(&hide(Mse));
    debug(&hide(Identity));
    debug(&hide(Valid));
    debug(&hide(Same));
    debug(&hide(GruCell));
    debug(&hide(LstmCell));
    debug(&hide(RnnCell::<Tanh>(PhantomData)));
    debug(&hide(Fresh));
    debug(&hide(Carried));
    debug(&any::<Last<4, 2>>());
    debug(&hide(Causal));
    debug(&hide(Around::<1>));
    debug(&hide(Padding::Around(1)));
    debug(&any::<Window>());
    debug(&any::<Resize<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 0, 0>>());
    debug(&hide(Relu));
    debug(&hide(LeakyRelu::<1>));
    debug(&hide(Relu6));
    debug(&hide(Sigmoid));
    debug(&hide(Tanh));
    debug(&hide(Gelu));
    debug(&hide(GeluTanh));
    debug(&hide(Silu));
}

/// `Debug` of what holds an `f32` or a text: `core` prints both by routines that can panic.
pub fn excepted() {
    let summary = hide(Summary::of_training::<Layers>());
    debug(&summary);
    debug(&summary.total());
    debug(&Layers::SUMMARY);
    debug(&hide(Error::Empty));
    debug(&hide(Outliers::Keep));
    debug(&any::<Standardize<3>>());
    debug(&any::<MinMax<3>>());
    debug(&hide(Statistics::<3>::new()));
    if let Ok(clean) = hide(Clean::<3>::new(Missing::Fill, Outliers::Keep)) {
        debug(&clean);
    }
    debug(&any::<Aligned<f32>>());
    debug(&any::<Pair<f32, f32>>());
    let numbers = any::<[f32; 4]>();
    let mut others = any::<[f32; 4]>();
    if let (Ok(mat), Ok(mat_mut)) = (Mat::new(&numbers, any(), any()), MatMut::new(&mut others, any(), any()))
    {
        debug(&mat);
        debug(&mat_mut);
        debug(&hide(Epilogue::ReluMask(mat)));
    }
    debug(&hide(Packed::<3, 4, 1>::zeros()));
    debug(&copy(&any::<Streaming<Delay>>()));
    debug(&any::<<Delay as Stream>::Past>());
    debug(&any::<Conv2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    debug(&any::<ConvTranspose2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    let (net, dense) = (any::<Layers>(), any::<Dense<3, 2>>());
    debug(&net);
    debug(&dense);
    debug(&any::<LayerNorm<3>>());
    debug(&any::<RmsNorm<3>>());
    debug(&hide(Likelihood::new()));
    debug(&hide(Ignoring(CrossEntropy)));
    debug(&hide(Sampler::new(any())));
    if let Ok(beam) = Beam::<2, 3>::new(None, any()) {
        debug(&beam);
        if let (Some(live), Some(finished)) = (hide(beam.live()).first(), hide(beam.finished()).first()) {
            debug(live);
            debug(finished);
        }
    }
    debug(&any::<Gru<2, 1, 3>>());
    debug(&any::<Reversed<2, Gru<2, 1, 3>>>());
    debug(&any::<BatchNorm<[[[f32; 3]; 2]; 2], 3, Relu>>());
    debug(&any::<GroupNorm<[[[f32; 4]; 2]; 2], 4, 2, Relu>>());
    debug(&any::<Residual<Dense<3, 3>>>());
    debug(&any::<Repeat<2, Dense<3, 3>>>());
    debug(&any::<Each<2, Dense<3, 3>>>());
    debug(&any::<Parallel<Dense<3, 2>, Dense<3, 2>>>());
    debug(&any::<Tied<3, 2, Dropout<2, 20>>>());
    debug(&any::<fusebox::Attention<1, 1, 1, 1, 3, 1>>());
    debug(&any::<fusebox::CrossAttention<1, 1, 1, 1, 1, 2, 1>>());
    debug(&any::<fusebox::Embedding<3, 2>>());
    debug(&any::<fusebox::Positions<2, 3>>());
    debug(&any::<fusebox::Rotary<2, 2, 1, 2>>());
    debug(&any::<fusebox::Present<Dense<3, 3>>>());
    debug(&any::<fusebox::TiedEmbedding<2, 3, 2, fusebox::Positions<2, 2>>>());
    debug(&hide(fusebox::layers::Everything));
    debug(&hide(fusebox::layers::PresentOnly));
    debug(&hide(fusebox::layers::Halves));
    debug(&hide(fusebox::layers::Neighbours));
    debug(&any::<Flatten<2, 3, Dense<6, 2>>>());
    debug(&Frozen::new(&net, any::<Dense<2, 2>>()));
    debug(&InputGradient::into(&mut [any::<[f32; 3]>()], Derivative::One));
    let (xs, dys) = ([any::<[f32; 3]>()], [any::<[f32; 2]>()]);
    debug(&Product::of(&xs, &dys));
    debug(&Rows::of(&xs));
    debug(&fusebox::optimizers::Picked::of(&[any::<u8>()], &dys).and_product(&xs, &dys));
    debug(&Formed::of(&xs));
    debug(&BiasOnly::new(&dense));
    debug(&Borrowed::new(&dense));
    debug(&LowRank::<3, 2, 1>::new(&dense));
    debug(&Scratch::<Layers, 3>::new());
    let derivative = <Dense<3, 2, Tanh> as Train>::derivative(&[], &[[0.0; 2]; 3]);
    debug(&derivative);
    if let Derivative::Curve(slopes) = derivative {
        debug(&slopes);
    }
    debug(&hide(Scores::default()));
    debug(&hide(Regression::new()));
    debug(&hide(RocAuc::<3>::new()));
    if let Ok(loss) = WeightedCrossEntropy::<3>::new(any(), any()) {
        debug(&loss);
    }
    debug(&hide(Huber::new(any())));
    debug(&hide(Weighted(Huber::new(any()))));
    debug(&hide(EachPosition(CrossEntropy)));
    debug(&hide(BinaryCrossEntropy::new()));
    let sgd = hide(Sgd::new(any()));
    debug(&sgd);
    debug(&hide(Momentum::new(any(), any())));
    debug(&hide(Nesterov::new(any(), any())));
    debug(&hide(Adam::new(any())));
    debug(&hide(AdamW::new(any(), any())));
    debug(&hide(RmsProp::new(any())));
    debug(&hide(WeightDecay::new(sgd, any())));
    debug(&hide(ClipValue::new(sgd, any())));
    let clipped = hide(ClipNorm::new(sgd, any()));
    debug(&clipped);
    debug(&clipped.gather);
    debug(&hide(Private::new(sgd, any(), any(), any()).gather));
    debug(&hide(Guard::<Layers>::new()));
    debug(&hide(Limits::DEFAULT));
    if let Ok(schedule) = Schedule::constant(any()) {
        debug(&schedule);
    }
    if let Ok(stopping) = EarlyStopping::new(any(), any()) {
        debug(&stopping);
    }
}

const NOTHING: Found = Found { count: 0, first: 0 };
const FINDINGS: Findings = Findings { nan: NOTHING, infinity: NOTHING, outlier: NOTHING };

/// A copy of each.
fn copies() {
    copy(&hide(Isa::portable()));
    copy(&hide(Rng::new(any())));
    copy(&hide(Windows::<u16, 3>::new()));
    copy(&hide(RocAuc::<3>::new()));
    copy(&hide(RocHistogram::<3>::new()));
    copy(&hide(Reservoir::<u8, 3>::new()));
    copy(&hide(Guard::<Layers>::new()));
    copy(&any::<Either<f32, [f32; 2]>>());
    copy(&hide(Whole::on(Isa::portable())));
    copy(&hide(Valid));
    copy(&hide(Same));
    copy(&hide(GruCell));
    copy(&hide(LstmCell));
    copy(&hide(RnnCell::<Tanh>(PhantomData)));
    copy(&hide(Fresh));
    copy(&hide(Carried));
    copy(&any::<Last<4, 2>>());
    copy(&any::<Gru<2, 1, 3>>());
    copy(&any::<Reversed<2, Gru<2, 1, 3>>>());
    copy(&hide(Causal));
    copy(&hide(Due::EACH));
    copy(&any::<<Delay as Stream>::Past>());
    copy(&hide(Around::<1>));
    copy(&hide(Padding::Around(1)));
    copy(&any::<Window>());
    copy(&any::<Resize<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 0, 0>>());
    copy(&any::<Conv2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    copy(&any::<ConvTranspose2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    copy(&any::<GlobalMaxPool<[[[f32; 3]; 2]; 2], 3>>());
    copy(&hide(Sum));
    copy(&hide(fusebox::layers::Both));
    copy(&any::<fusebox::layers::MeanPresent<3, 2>>());
    let (tokens, dys) = (any::<[u8; 2]>(), any::<[[f32; 3]; 2]>());
    copy(&hide(fusebox::optimizers::Picked::<u8, 4, 3>::of(&tokens, &dys)));
    copy(&hide(Concat::<3>));
    copy(&hide(ConcatChannels::<3>));
    copy(&hide(Linear));
    copy(&hide(Curved));
    let (xs, dys) = ([any::<[f32; 3]>()], [any::<[f32; 2]>()]);
    copy(&Product::of(&xs, &dys));
    copy(&Rows::of(&xs));
    copy(&Formed::of(&xs));
    let numbers = any::<[f32; 4]>();
    if let Ok(mat) = Mat::new(&numbers, any(), any()) {
        copy(&mat);
        copy(&hide(Epilogue::ReluMask(mat)));
    }
    let derivative = <Dense<3, 2, Tanh> as Train>::derivative(&[], &[[0.0; 2]; 3]);
    copy(&derivative);
    if let Derivative::Curve(slopes) = derivative {
        copy(&slopes);
    }
}

/// A comparison of each with its copy.
fn comparisons() {
    compare(&hide(Error::Empty));
    compare(&any::<GlobalMaxPool<[[[f32; 3]; 2]; 2], 3>>());
    compare(&hide(Isa::portable()));
    compare(&hide(Rng::new(any())));
    compare(&hide(Labels::<u8, 3>::new()));
    compare(&hide(Full { key: any::<u8>(), capacity: any() }));
    compare(&hide(Report::<3>::new()));
    compare(&hide(FINDINGS));
    compare(&hide(NOTHING));
    compare(&hide(Missing::Fill));
    compare(&hide(Outliers::Keep));
    compare(&any::<Standardize<3>>());
    compare(&any::<MinMax<3>>());
    compare(&hide(Statistics::<3>::new()));
    if let Ok(clean) = hide(Clean::<3>::new(Missing::Fill, Outliers::Keep)) {
        compare(&clean);
    }
    compare(&any::<Aligned<f32>>());
    compare(&any::<Pair<f32, f32>>());
    compare(&hide(Packed::<3, 4, 1>::zeros()));
    let (net, dense) = (any::<Layers>(), any::<Dense<3, 2>>());
    compare(&net);
    compare(&dense);
    compare(&any::<LayerNorm<3>>());
    compare(&any::<RmsNorm<3>>());
    compare(&any::<Gated<6, 3, Relu>>());
    compare(&any::<fusebox::layers::MeanPresent<3, 2>>());
    compare(&hide(Likelihood::new()));
    compare(&hide(Ignoring(CrossEntropy)));
    compare(&any::<Gru<2, 1, 3>>());
    compare(&any::<Reversed<2, Gru<2, 1, 3>>>());
    compare(&any::<Last<4, 2>>());
    compare(&hide(GruCell));
    compare(&hide(LstmCell));
    compare(&hide(RnnCell::<Tanh>(PhantomData)));
    compare(&hide(Fresh));
    compare(&hide(Carried));
    if let Ok(beam) = Beam::<2, 3>::new(None, any())
        && let (Some(live), Some(finished)) = (hide(beam.live()).first(), hide(beam.finished()).first())
    {
        compare(live);
        compare(finished);
    }
    compare(&any::<BatchNorm<[[[f32; 3]; 2]; 2], 3, Relu>>());
    compare(&any::<GroupNorm<[[[f32; 4]; 2]; 2], 4, 2, Relu>>());
    compare(&any::<Softmax<3>>());
    compare(&any::<Dropout<3, 20>>());
    compare(&any::<Activate<3, Relu>>());
    compare(&any::<Columns<3, 1, 2>>());
    compare(&any::<Pixels<3>>());
    compare(&any::<Residual<Dense<3, 3>>>());
    compare(&any::<Repeat<2, Dense<3, 3>>>());
    compare(&any::<Each<2, Dense<3, 3>>>());
    compare(&any::<Parallel<Dense<3, 2>, Dense<3, 2>>>());
    compare(&any::<Tied<3, 2, Dropout<2, 20>>>());
    compare(&any::<fusebox::Attention<1, 1, 1, 1, 3, 1>>());
    compare(&any::<fusebox::CrossAttention<1, 1, 1, 1, 1, 2, 1>>());
    compare(&any::<fusebox::Embedding<3, 2>>());
    compare(&any::<fusebox::Positions<2, 3>>());
    compare(&any::<fusebox::Rotary<2, 2, 1, 2>>());
    compare(&any::<fusebox::Present<Dense<3, 3>>>());
    compare(&any::<fusebox::TiedEmbedding<2, 3, 2, fusebox::Positions<2, 2>>>());
    compare(&hide(fusebox::layers::Everything));
    compare(&hide(fusebox::layers::PresentOnly));
    compare(&hide(fusebox::layers::Halves));
    compare(&hide(fusebox::layers::Neighbours));
    compare(&any::<Flatten<2, 3, Dense<6, 2>>>());
    compare(&hide(Side::Front));
    compare(&hide(Due::EACH));
    compare(&Frozen::new(&net, any::<Dense<2, 2>>()));
    compare(&BiasOnly::new(&dense));
    compare(&Borrowed::new(&dense));
    compare(&LowRank::<3, 2, 1>::new(&dense));
    compare(&hide(Init::He));
    compare(&hide(Identity));
    compare(&hide(Valid));
    compare(&hide(Same));
    compare(&hide(Causal));
    compare(&hide(Around::<1>));
    compare(&hide(Padding::Around(1)));
    compare(&any::<Window>());
    compare(&any::<Resize<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 0, 0>>());
    compare(&any::<Conv2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    compare(&any::<ConvTranspose2d<[[[f32; 1]; 2]; 2], [[[f32; 1]; 2]; 2], 1, 1, 1, 1>>());
    compare(&hide(Relu));
    compare(&hide(LeakyRelu::<1>));
    compare(&hide(Relu6));
    compare(&hide(Sigmoid));
    compare(&hide(Tanh));
    compare(&hide(Gelu));
    compare(&hide(GeluTanh));
    compare(&hide(Silu));
    compare(&hide(Confusion::<3>::new()));
    compare(&hide(Scores::default()));
    compare(&hide(Regression::new()));
    compare(&hide(CrossEntropy));
    compare(&hide(Mse));
    if let Ok(loss) = WeightedCrossEntropy::<3>::new(any(), any()) {
        compare(&loss);
    }
    compare(&hide(Huber::new(any())));
    compare(&hide(Weighted(Huber::new(any()))));
    compare(&hide(EachPosition(CrossEntropy)));
    compare(&hide(BinaryCrossEntropy::new()));
    let sgd = hide(Sgd::new(any()));
    compare(&sgd);
    compare(&hide(Momentum::new(any(), any())));
    compare(&hide(Nesterov::new(any(), any())));
    compare(&hide(Adam::new(any())));
    compare(&hide(AdamW::new(any(), any())));
    compare(&hide(RmsProp::new(any())));
    compare(&hide(WeightDecay::new(sgd, any())));
    compare(&hide(ClipValue::new(sgd, any())));
    let clipped = hide(ClipNorm::new(sgd, any()));
    compare(&clipped);
    compare(&clipped.gather);
    compare(&hide(Batches { batches: any() }));
    compare(&hide(Private::new(sgd, any(), any(), any()).gather));
    compare(&hide(Limits::DEFAULT));
    compare(&hide(Workspace::<Layers, 3>::MEMORY));
    compare(&hide(Budget::rows(any())));
    compare(&hide(Offered::Refused(any::<u8>())));
    compare(&hide(Verdict::Stop));
    if let Ok(schedule) = Schedule::constant(any()) {
        compare(&schedule);
    }
    if let Ok(stopping) = EarlyStopping::new(any(), any()) {
        compare(&stopping);
    }
}

/// What has no other constructor that derives write.
fn defaults() {
    default::<CrossEntropy>();
    default::<Mse>();
    default::<Weighted<Mse>>();
    default::<Ignoring<Mse>>();
    default::<Likelihood>();
    default::<EachPosition<Mse>>();
    default::<Scores>();
}

/// A place for text.
struct Sink;

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        keep(text.len());
        if any::<u8>() == 0 { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Calls the value's own `Display` and `Debug` from here.
struct Shown<'a, T>(&'a T);

impl<T: Display> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)
    }
}

impl<T: Debug> Debug for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.0, f)
    }
}

pub(crate) fn display<T: Display>(value: &T) {
    keep(write!(Sink, "{}", Shown(value)));
}

pub(crate) fn debug<T: Debug>(value: &T) {
    keep(write!(Sink, "{:?}", Shown(value)));
}

fn copy<T: Clone>(value: &T) -> T {
    hide(value.clone())
}

fn default<T: Default>() {
    keep(T::default());
}

fn compare<T: Clone + PartialEq>(value: &T) {
    keep(copy(value) == *value);
}
