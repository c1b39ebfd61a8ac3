//! What counts, moves or compares bits, and computes nothing in floating point.

use crate::{any, hide, keep};
use fusebox::data::{
    Labels, Report, Statistics, Windows, one_hot, one_hot_into, shuffled, split, stratified,
};
use fusebox::{
    Accumulate, Adam, AdamW, BiasOnly, BinaryCrossEntropy, Borrowed, Budget, ClipNorm, ClipValue, Confusion,
    Dense, EarlyStopping, Error, Frozen, Guard, Huber, Isa, Label, LayerNorm, Learner, LowRank, Mat, MatMut,
    Momentum, Mse, Nesterov, Packed, Plain, Private, Regression, Relu, Reservoir, RmsProp, Rng, RocAuc,
    RocHistogram, Scratch, Seq, Sgd, WeightDecay, Workspace, Zeroed, data,
};

type Net = Seq![Dense<3, 4, Relu>, Dense<4, 2>];

/// Calls them all.
pub fn all() {
    random();
    orders();
    signals();
    counts();
    views();
    instruction_sets();
    bytes();
    settings();
    memory();
    learner();
}

fn random() -> Rng {
    let mut rng = Rng::stream(any(), any());
    rng = if any::<u8>() == 0 { rng } else { Rng::new(any()) };
    keep((rng.next_u32(), rng.below(any())));
    rng.shuffle(hide(&mut any::<[u16; 9]>()[..]));
    keep(Rng::clone(&rng) == rng);
    rng
}

fn orders() {
    let (mut wide, mut narrow, mut rng) = (any::<[usize; 9]>(), any::<[u8; 9]>(), random());
    let (wide, narrow) = (hide(&mut wide[..]), hide(&mut narrow[..]));
    keep((shuffled(wide, &mut rng), shuffled(narrow, &mut rng)));
    keep(split(wide, any::<[usize; 3]>(), &mut rng));
    keep(split(narrow, [], &mut rng));
    let labels = any::<[u8; 9]>();
    let labels = hide(&labels[..]);
    let label = |row| labels.get(row).copied().unwrap_or(0);
    keep(stratified::<3, 2, _>(wide, any(), label, &mut rng));
    keep(stratified::<0, 2, _>(narrow, any(), label, &mut rng));
    keep(stratified::<3, 0, _>(narrow, any(), label, &mut rng));
}

fn signals() {
    let mut overlapping = hide(Windows::<u16, 5, 2>::new());
    keep(overlapping.push(any()));
    overlapping.clear();
    let mut apart = hide(Windows::<[f32; 2], 2, 5>::default());
    keep(apart.push(any()));

    let mut labels = hide(Labels::<i32, 3>::new());
    match labels.encode(any()) {
        Ok(label) => keep(label),
        Err(full) => keep(Error::from(full)),
    }
    keep((labels.get(any()), labels.decode(any()), labels.keys()));
    keep(Labels::<i32, 0>::default().encode(any()));
    keep(Labels::<i32, 9, u16>::of_any_width().encode(any()));
    keep(labels.clone() == hide(labels));

    keep((any::<u8>().class(), any::<u16>().class(), any::<u32>().class()));
    keep((any::<i32>().class(), any::<usize>().class()));
    keep(one_hot::<4>(any()));
    keep(one_hot::<0>(any()));
    keep(one_hot_into(any(), hide(&mut any::<[f32; 4]>()[..])));

    let mut memories = hide(Reservoir::<(u16, u8), 4>::new());
    let mut rng = random();
    keep(memories.offer(any(), &mut rng));
    keep((memories.seen(), memories.draw(&mut rng)));
    for &item in memories.sample(any(), &mut rng) {
        keep(item);
    }
    keep(memories.items());
    memories.clear();
    keep(memories.clone());
    keep(Reservoir::<u8, 0>::default().offer(any(), &mut rng));
}

fn counts() {
    let mut confusion = hide(Confusion::<3>::new());
    keep(confusion.add(any::<u8>(), any()));
    keep((confusion.counts(), confusion.total()));
    keep(hide(Confusion::<0>::default()).add(any::<u8>(), any()));
    keep(confusion.clone() == hide(confusion));

    keep((hide(RocAuc::<4>::new()).count(), RocAuc::<4>::default()));
    keep((RocHistogram::<4>::new(), RocHistogram::<4>::default()));
    keep((hide(Regression::new()).count(), Regression::default()));
    let report = (Report::<3>::new(), Report::<3>::default());
    keep(report.0 == hide(report.1));
    let statistics = hide(Statistics::<3>::new());
    keep((statistics.rows(), statistics.count(), Statistics::<3>::default()));
    if let Ok(stopping) = hide(EarlyStopping::new(any(), 0.0)) {
        keep((stopping.epochs(), stopping.best()));
    }
}

fn views() {
    let (numbers, mut more) = (any::<[f32; 12]>(), any::<[f32; 12]>());
    keep(Mat::new(hide(&numbers), any(), any()));
    if let Ok(mat) = Mat::with_stride(hide(&numbers), any(), any(), any()) {
        keep((mat.rows(), mat.cols(), mat.get(any(), any())));
        let mat = mat.t();
        keep((mat.rows(), mat.cols(), mat.get(any(), any())));
    }
    if let Ok(mut mat) = MatMut::new(hide(&mut more), any(), any()) {
        keep((mat.rows(), mat.cols()));
        keep(mat.reborrow().row_mut(any()).map(|row| row.len()));
    }
    if let Ok(mut mat) = MatMut::with_stride(hide(&mut more), any(), any(), any()) {
        keep(mat.row_mut(any()).map(|row| row.len()));
        keep(mat.as_mat());
    }
    let mut packed = hide(Packed::<7, 20, 2>::zeros());
    packed.pack(&any());
    keep(packed);
    keep(Packed::<7, 20, 2>::new(&any()));
    keep(Packed::<3, 0, 0>::new(&any()).clone());
}

fn instruction_sets() {
    let isa = hide(Isa::detect());
    keep((isa.is_fused(), isa.name(), isa == Isa::portable()));
    keep((Isa::avx2(), Isa::avx512(), Isa::neon(), Isa::vfma(), Isa::helium()));
    for isa in Isa::available() {
        keep(isa);
    }
}

fn bytes() {
    let bytes = any::<[u8; 128]>();
    let bytes = hide(&bytes[..]);
    keep(Net::from_bytes(bytes));
    keep(Net::copy_from_bytes(bytes).map(|net| keep(net.as_bytes())));
    keep(LayerNorm::<3>::from_bytes(bytes));
    keep(LayerNorm::<3>::copy_from_bytes(bytes).map(|layer| keep(layer.as_bytes())));
    keep(Dense::<3, 2>::from_bytes(bytes));
    keep(Dense::<3, 2>::copy_from_bytes(bytes).map(|layer| keep(layer.as_bytes())));
    keep(data::MinMax::<3>::copy_from_bytes(bytes).map(|scale| keep(scale.as_bytes())));
    keep(data::Standardize::<3>::copy_from_bytes(bytes).map(|scale| keep(scale.as_bytes())));
}

fn settings() {
    keep((Sgd::new(any()), Momentum::new(any(), any()), Nesterov::new(any(), any())));
    keep((Adam::new(any()), AdamW::new(any(), any()), RmsProp::new(any())));
    keep((WeightDecay::new(Sgd::new(any()), any()), ClipValue::new(Sgd::new(any()), any())));
    keep((ClipNorm::new(Sgd::new(any()), any()), Accumulate::new(Sgd::new(any()), any())));
    keep(Private::new(Sgd::new(any()), any(), any(), any()));
    keep((Huber::new(any()), BinaryCrossEntropy::new(), BinaryCrossEntropy::default(), Mse));
}

fn memory() {
    let (net, layer) = (any::<Net>(), any::<Dense<4, 2>>());
    keep((
        BiasOnly::new(&layer),
        Borrowed::new(&layer),
        LowRank::<4, 2, 1>::new(&layer),
        Frozen::new(&net, Dense::<2, 2>::ZEROED),
    ));
    keep((Scratch::<Net, 3>::new(), Scratch::<Net, 3>::default()));
    let mut workspace = hide(Workspace::<Net, 3, Adam>::new());
    keep(hide(Workspace::<Net, 3, Adam>::MEMORY).total());
    keep((Workspace::<Net, 3>::default(), Workspace::<Net, 3, Sgd, Mse>::with_loss(Mse)));
    workspace.reset_optimizer();
    let mut stage = workspace.stage();
    keep(stage.push(any(), |row| *row = any()));
    keep(stage.rows());
    let guard = hide(Guard::<Net>::new());
    keep(guard.restore(&mut any()));
    keep(Guard::<Net>::default());
}

/// All of a learner but its steps.
fn learner() {
    keep((Budget::rows(any()), Budget::macs(any())));
    keep(Learner::<Net, 3, Sgd, Mse>::with_loss(any(), Mse));
    let mut learner = hide(Learner::<Net, 3, Adam>::new(any()));
    keep(hide(Learner::<Net, 3, Adam>::MEMORY).total());
    keep(learner.net_mut().map(|net| *net = any()));
    keep(learner.push(any(), |row| *row = any()));
    keep((learner.rows(), learner.start(Adam::new(any())), learner.is_busy()));
    keep((learner.cancel(), learner.reset_optimizer()));
    keep(learner.net());
}
