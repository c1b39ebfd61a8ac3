//! Networks that take one frame at a time give the bits of the whole sequence, on every instruction set.

mod support {
    pub(crate) mod isas;
}

use fusebox::layers::{Causal, Due, GlobalAvgPool, GlobalMaxPool, Same, Stream, Valid, Window};
use fusebox::{
    Activate, AvgPool1d, AvgPool2d, BatchNorm, Concat, ConcatChannels, Conv1d, Conv2d, Dense,
    DepthwiseConv1d, Dropout, Each, Flatten, Frozen, Isa, Layer, LayerNorm, MaxPool1d, MaxPool2d, Parallel,
    Pixels, Plain, Relu, Relu6, Repeat, Residual, Rng, Scratch, Seq, Sigmoid, Softmax, Streaming, Sum, Tanh,
    Tied, View, Zeroed, network,
};
use support::isas::isas;

type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// A value of random numbers.
fn random<V: Plain>(rng: &mut Rng) -> V {
    let bytes: Vec<u8> = (0..size_of::<V>() / 4).flat_map(|_| (rng.uniform() - 0.45).to_le_bytes()).collect();
    V::copy_from_bytes(&bytes).expect("as many bytes as the value has")
}

fn frames<F: Plain>(sequence: &impl Plain) -> Vec<F> {
    let frames = sequence.as_bytes().chunks_exact(size_of::<F>());
    frames.map(|frame| F::copy_from_bytes(frame).expect("a frame's bytes")).collect()
}

fn bits(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}

/// The outputs of a stream of some frames, the numbers of the frames that they came with.
fn stream<N: Stream>(isa: Isa, net: &N, frames: &[N::Frame]) -> (Vec<u32>, Vec<usize>) {
    let (mut stream, mut outputs, mut due) = (Streaming::<N>::new(), Vec::new(), Vec::new());
    for (i, frame) in frames.iter().enumerate() {
        if let Some(out) = stream.push_with(isa, net, frame) {
            outputs.extend(bits(out.as_bytes()));
            due.push(i);
        }
    }
    (outputs, due)
}

/// Compares streams with whole sequences.
fn check_net<N: Stream<Input: Plain, Frame: Plain>>(net: &N, rng: &mut Rng) {
    let xs: N::Input = random(rng);
    for isa in isas() {
        let mut ys = [N::Output::ZEROED];
        net.infer_with(isa, &[xs], &mut Scratch::<N, 1>::new(), &mut ys).expect("a row");
        let frames: Vec<N::Frame> = frames(&xs);
        let (outputs, due) = stream(isa, net, &frames);
        let name = std::any::type_name::<N>();
        assert_eq!(outputs, bits(ys[0].as_bytes()), "{isa}, {name}");
        let expected: Vec<usize> = (N::DUE.first..frames.len()).step_by(N::DUE.every).collect();
        assert_eq!(due, expected, "{isa}, {name}");
    }
}

fn check<N: Stream<Input: Plain, Frame: Plain> + Plain>() {
    let mut rng = Rng::new(size_of::<N>() as u64 + 1);
    check_net(&random::<N>(&mut rng), &mut rng);
}

/// A stream that goes on after the network's length is one of a longer network with the same parameters.
fn check_on<
    N: Stream<Frame: Plain> + Plain,
    Long: Stream<Input: Plain, Frame = N::Frame, Out = N::Out> + Plain,
>() {
    let mut rng = Rng::new(9);
    let (net, xs): (N, Long::Input) = (random(&mut rng), random(&mut rng));
    let long = Long::copy_from_bytes(net.as_bytes()).expect("as many parameters");
    for isa in isas() {
        let mut ys = [Long::Output::ZEROED];
        long.infer_with(isa, &[xs], &mut Scratch::<Long, 1>::new(), &mut ys).expect("a row");
        assert_eq!(stream(isa, &net, &frames(&xs)).0, bits(ys[0].as_bytes()), "{isa}");
    }
}

type Steps<P, const S: usize, const D: usize> = Window<P, S, 1, D, 1>;

#[test]
fn convolutions() {
    // Every kernel, stride and dilation of few: 12 frames.
    macro_rules! causal {
        ($($k:literal $d:literal)*) => { $(
            check::<Conv1d<12, 3, 12, $k, 3, 5, Steps<Causal, 1, $d>, Relu>>();
            check::<Conv1d<12, 3, 6, $k, 3, 5, Steps<Causal, 2, $d>>>();
            check::<Conv1d<12, 3, 4, $k, 3, 5, Steps<Causal, 3, $d>, Tanh>>();
            check::<Conv1d<12, 3, 3, $k, 3, 5, Steps<Causal, 5, $d>>>();
        )* };
    }
    causal!(1 1  2 1  3 1  5 1  12 1  13 1  1 2  2 2  3 2  4 2  2 3  3 3  5 3  2 12);
    check::<Conv1d<12, 3, 10, 3, 3, 5, Steps<Valid, 1, 1>>>();
    check::<Conv1d<12, 3, 5, 4, 3, 5, Steps<Valid, 2, 1>>>();
    check::<Conv1d<12, 3, 4, 3, 3, 5, Steps<Valid, 1, 4>>>();
    check::<Conv1d<12, 3, 1, 12, 3, 5, Steps<Valid, 1, 1>>>();
    check::<Conv1d<13, 3, 3, 1, 3, 5, Steps<Valid, 6, 1>>>();
    check::<Conv1d<12, 3, 6, 2, 3, 5, Steps<Same, 2, 1>>>(); // pads nothing
    // Groups, a filter for each channel, wide ones, sums of more than one segment.
    check::<Conv1d<9, 6, 9, 3, 2, 9, Steps<Causal, 1, 2>, Relu6>>();
    check::<DepthwiseConv1d<9, 17, 9, 4, 17, Steps<Causal, 1, 1>, Relu>>();
    check::<DepthwiseConv1d<9, 5, 9, 3, 10, Steps<Causal, 1, 3>>>();
    check::<Conv1d<5, 67, 5, 3, 67, 33, Steps<Causal, 1, 1>, Sigmoid>>();
    check::<Conv1d<3, 1500, 3, 3, 1500, 2, Steps<Causal, 1, 1>>>();
}

/// Rows are time, columns are not.
#[test]
fn pictures() {
    check::<Conv2d<Map<9, 7, 2>, Map<9, 7, 4>, 3, 3, 2, 4, Window<Causal>, Relu>>();
    check::<Conv2d<Map<9, 7, 2>, Map<3, 4, 4>, 4, 3, 2, 4, Window<Causal, 3, 2>, Relu>>();
    check::<Conv2d<Map<9, 7, 2>, Map<7, 5, 4>, 3, 3, 2, 4, Window<Valid>>>();
    check::<Conv2d<Map<9, 7, 4>, Map<9, 7, 4>, 3, 3, 1, 4, Window<Causal>, Relu>>();
    check::<Conv2d<Map<9, 7, 1>, Map<9, 7, 9>, 1, 1, 1, 9, Window<Same>>>();
    check::<MaxPool2d<Map<8, 6, 3>, Map<4, 3, 3>, 2, 2>>();
    check::<AvgPool2d<Map<9, 7, 3>, Map<9, 7, 3>, 3, 3, Window<Causal>>>();
    check::<AvgPool2d<Map<9, 7, 3>, Map<1, 1, 3>, 9, 7>>();
    check::<GlobalAvgPool<Map<9, 7, 3>, 3>>();
    check::<GlobalMaxPool<Map<9, 7, 19>, 19>>();
}

#[test]
fn pools() {
    check::<MaxPool1d<12, 3, 6, 2>>();
    check::<MaxPool1d<12, 17, 12, 3, Window<Causal>>>();
    check::<AvgPool1d<12, 3, 4, 3>>();
    check::<AvgPool1d<40, 3, 40, 20, Window<Causal>>>(); // windows of more taps than four chains need
    check::<AvgPool1d<40, 3, 21, 20, Window<Valid>>>();
    check::<AvgPool1d<40, 3, 1, 40, Window<Valid>>>();
    check::<AvgPool1d<40, 3, 40, 50, Window<Causal>>>();
    check::<AvgPool1d<12, 3, 3, 2, Window<Causal, 5, 1>>>();
}

#[test]
fn compositions() {
    type Block = Residual<
        Seq![
            Conv1d<16, 4, 16, 3, 4, 8, Steps<Causal, 1, 2>, Relu>,
            Each<16, Seq![LayerNorm<8>, Dense<8, 4>]>
        ],
    >;
    type Branches = Parallel<MaxPool1d<16, 4, 8, 2>, Conv1d<16, 4, 8, 2, 4, 4, Window<Valid, 2, 1>>, Sum>;
    type Net = Seq![
        Conv1d<16, 2, 16, 3, 2, 4, Window<Causal>, Tanh>,
        Repeat<3, Block>,
        Branches,
        Each<8, Seq![Activate<4, Sigmoid>, Dropout<4, 50>, Dense<4, 3>, Softmax<3>]>,
    ];
    check::<Net>();
    // A residual sum alone; blocks that are not due with each frame.
    check::<Residual<Conv1d<9, 5, 9, 4, 5, 5, Window<Causal>>>>();
    check::<Repeat<2, Conv1d<9, 5, 9, 4, 5, 5, Window<Causal>, Relu>>>();
    // The last frames as one row.
    type Head = Seq![
        View<[[f32; 4]; 12], GlobalAvgPool<Map<12, 1, 4>, 4>, [f32; 4]>,
        Parallel<Dense<4, 3, Relu>, Dense<4, 2>, Concat<5>>,
        Residual<Dense<5, 5>>,
        Tied<5, 3, LayerNorm<3>, Tanh>,
    ];
    check::<Seq![Conv1d<24, 2, 12, 4, 2, 4, Window<Causal, 2, 1>, Relu>, Head]>();
    assert_eq!(
        <Seq![Conv1d<24, 2, 12, 4, 2, 4, Window<Causal, 2, 1>, Relu>, Head]>::DUE,
        Due { first: 22, every: 2 }
    );
    // One frame.
    check::<Flatten<1, 4, Dense<4, 2>>>();
}

/// The branches' frames are joined as the sequences are.
#[test]
fn joined_channels() {
    type Wide = Conv1d<12, 3, 12, 4, 3, 18, Steps<Causal, 1, 2>, Relu>;
    check::<Parallel<Wide, MaxPool1d<12, 3, 12, 3, Window<Causal>>, ConcatChannels<21>>>();
    check::<Parallel<MaxPool1d<12, 3, 12, 3, Window<Causal>>, Wide, ConcatChannels<21>>>();
    type Tall = Conv2d<Map<9, 7, 2>, Map<9, 7, 5>, 3, 3, 2, 5, Window<Causal>, Tanh>;
    check::<Parallel<Tall, AvgPool2d<Map<9, 7, 2>, Map<9, 7, 2>, 2, 3, Window<Causal>>, ConcatChannels<7>>>();
    // As `network!` writes them; the pictures' branches are due with every second frame.
    network!(type Sequence = [12, 3] => [
        Conv1d(4, 3, Causal, Relu),
        Concat[[Conv1d(5, 2, Causal), BatchNorm], [Conv1d(2, 3, dilation 3, Causal), Each[LayerNorm]]],
        Concat[[MaxPool1d(2)], [Conv1d(3, 2, stride 2, Valid)]],
        GlobalAvgPool,
        Concat[[Dense(2)], [Dense(1)]],
    ]);
    check::<Sequence>();
    network!(type Picture = [10, 6, 2] => [
        Concat[[Conv2d(4, 2, stride 2, Valid, Relu)], [MaxPool2d(2), Conv2d(3, [1, 3])]],
        Conv2d(3, 3, Causal),
    ]);
    check::<Picture>();
    assert_eq!(Picture::DUE, Due { first: 1, every: 2 });
}

#[test]
fn normalised() {
    type Norm = View<[[f32; 4]; 9], BatchNorm<Map<9, 1, 4>, 4, Tanh>, [[f32; 4]; 9]>;
    type Net = Seq![Conv1d<9, 3, 9, 3, 3, 4, Window<Causal>>, Norm];
    let mut rng = Rng::new(3);
    let mut net: Net = random(&mut rng);
    net.rest.layer.variance = [0.5, 1.0, 2.0, 0.0];
    check_net(&net, &mut rng);
}

#[test]
fn borrowed() {
    type Body = Conv1d<9, 3, 9, 3, 3, 4, Window<Causal>, Relu>;
    let mut rng = Rng::new(4);
    let body: Body = random(&mut rng);
    let net = Frozen::<Body, Each<9, Dense<4, 2>>>::new(&body, random(&mut rng));
    check_net(&net, &mut rng);
}

/// Frames need not be numbers.
#[test]
fn of_bytes() {
    type Net = Seq![Each<6, Pixels<4>>, Conv1d<6, 4, 6, 2, 4, 3, Window<Causal>>];
    let net = Net::he(&mut Rng::new(1));
    let xs: [[u8; 4]; 6] = std::array::from_fn(|t| std::array::from_fn(|i| (40 * t + 7 * i) as u8));
    for isa in isas() {
        let mut ys = [[[0.0; 3]; 6]];
        net.infer_with(isa, &[xs], &mut Scratch::<_, 1>::new(), &mut ys).expect("a row");
        assert_eq!(stream(isa, &net, &xs).0, bits(ys[0].as_bytes()), "{isa}");
    }
}

#[test]
fn longer_than_the_network() {
    check_on::<
        Conv1d<4, 2, 4, 3, 2, 5, Window<Causal>, Relu>,
        Conv1d<60, 2, 60, 3, 2, 5, Window<Causal>, Relu>,
    >();
    check_on::<
        Seq![Conv1d<4, 2, 2, 3, 2, 5, Window<Causal, 2, 1, 2>, Relu>, AvgPool1d<2, 5, 2, 2, Window<Causal>>],
        Seq![Conv1d<60, 2, 30, 3, 2, 5, Window<Causal, 2, 1, 2>, Relu>, AvgPool1d<30, 5, 30, 2, Window<Causal>>],
    >();
    check_on::<MaxPool1d<3, 2, 1, 3>, MaxPool1d<60, 2, 20, 3>>();
}

/// The window of a global pool goes along with the stream.
#[test]
fn the_last_frames() {
    type Last = GlobalAvgPool<Map<20, 1, 2>, 2>;
    let xs: [[[f32; 2]; 1]; 50] = random(&mut Rng::new(5));
    for isa in isas() {
        let (outputs, due) = stream(isa, &Last::ZEROED, &xs);
        assert_eq!(due, Vec::from_iter(19..50));
        for (output, window) in outputs.chunks_exact(2).zip(xs.windows(20)) {
            let mut ys = [[f32::NAN; 2]];
            Last::ZEROED.run(isa, &[window.try_into().expect("twenty")], &mut [], &mut ys);
            assert_eq!(output, ys[0].map(f32::to_bits), "{isa}");
        }
    }
}

/// Weights of taps before the start take no part, whatever they are.
#[test]
fn nothing_before_the_start() {
    let mut net = Conv1d::<3, 1, 3, 2, 1, 1, Window<Causal>>::ZEROED;
    net.layer.weight = [[[[f32::NAN]]], [[[1.0]]]];
    let mut stream = Streaming::new();
    assert_eq!(stream.push(&net, &[2.0]), Some(&[2.0]));
    assert!(stream.push(&net, &[2.0]).expect("due")[0].is_nan());
    stream.restart();
    assert_eq!(stream.push(&net, &[3.0]), Some(&[3.0]));
}

/// What a layer remembers is plain numbers, which may be any: outputs mean nothing then, but nothing else is touched.
#[test]
fn counters_of_any_value() {
    fn check<N: Stream<Frame: Plain> + Plain>() {
        let mut rng = Rng::new(3);
        let (net, frame): (N, N::Frame) = (random(&mut rng), random(&mut rng));
        let counters = (0..10).chain([1 << 16, 1 << 30, u32::MAX / 4, u32::MAX - 1, u32::MAX]);
        for (at, len) in counters.clone().flat_map(|at| counters.clone().map(move |len| (at, len))) {
            let mut bytes = vec![0; size_of::<N::Past>()];
            bytes[..4].copy_from_slice(&at.to_le_bytes());
            bytes[4..8].copy_from_slice(&len.to_le_bytes());
            for isa in isas() {
                let mut past = N::Past::copy_from_bytes(&bytes).expect("as many bytes as are remembered");
                let mut out = N::Out::ZEROED;
                for _ in 0..12 {
                    net.step(isa, &mut past, &frame, &mut out);
                }
            }
        }
    }
    check::<Conv2d<Map<6, 3, 2>, Map<6, 3, 2>, 3, 3, 2, 2, Window<Causal, 1, 1, 2, 1>>>();
    check::<Conv2d<Map<6, 3, 2>, Map<3, 3, 2>, 2, 3, 1, 2, Window<Causal, 2, 1, 3, 1>>>();
    check::<Conv2d<Map<6, 1, 2>, Map<3, 1, 2>, 2, 1, 2, 2, Window<Causal, 2, 1, 3, 1>>>();
    check::<MaxPool2d<Map<8, 3, 3>, Map<4, 3, 3>, 2, 1, Window<Valid, 2>>>();
    check::<AvgPool2d<Map<8, 3, 3>, Map<1, 1, 3>, 8, 3>>();
    check::<AvgPool2d<Map<1, 3, 3>, Map<1, 3, 3>, 1, 1, Window<Same, { usize::MAX }>>>();
    check::<GlobalAvgPool<Map<5, 3, 2>, 2>>();
    check::<GlobalMaxPool<Map<5, 3, 2>, 2>>();
}

/// A NaN frame is in the outputs that see it, and no others.
#[test]
fn nan_passes() {
    let mut net = Conv1d::<9, 1, 9, 3, 1, 1, Window<Causal>>::ZEROED;
    net.layer.weight = [[[[1.0]]]; 3];
    let mut stream = Streaming::new();
    let seen: Vec<bool> = (0..6)
        .map(|t| stream.push(&net, &[if t == 1 { f32::NAN } else { 1.0 }]).expect("due")[0].is_nan())
        .collect();
    assert_eq!(seen, [false, true, true, true, false, false]);
}

/// Nothing but a window's frames, two counters, and the output.
#[test]
fn memory() {
    type Net = Conv1d<1000, 8, 1000, 5, 8, 4, Window<Causal, 1, 1, 3>>;
    assert_eq!(size_of::<<Net as Stream>::Past>(), 8 + 4 * 5 * 3 * 8);
    const { assert!(Streaming::<Net>::BYTES <= 8 + 4 * 5 * 3 * 8 + 16 + 3 * 64) }
}
