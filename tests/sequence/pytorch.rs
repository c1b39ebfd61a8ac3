//! Attention, and a language model's loss and gradients, against PyTorch's: see tests/pytorch. Within so many units in the last place of
//! the largest number there.

use crate::numbers;
use crate::support::isas::isas;
use crate::support::reveal::Reveal;
use crate::support::vectors::Vectors;
use fusebox::layers::{Causal, Derivative, Everything, PresentOnly, Sees};
use fusebox::{
    Attention, CrossEntropy, Dense, Each, EachPosition, Embedding, Gelu, InputGradient, Isa, Layer,
    LayerNorm, Optimizer, Plain, Positions, Residual, Scratch, Seq, Sgd, TiedEmbedding, Train, Whole,
    Workspace, Zeroed,
};

fn vectors() -> Vectors {
    Vectors::read(include_str!("../pytorch/transformers.txt"), 2)
}

fn values<P: Plain>(vectors: &Vectors, name: &str) -> Vec<P> {
    let bytes: Vec<u8> = vectors.f32s(name).iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.chunks(size_of::<P>()).map(|bytes| P::copy_from_bytes(bytes).expect("whole values")).collect()
}

fn assert_close(what: &str, isa: Isa, got: &[f32], expected: &[f64], units: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let bound = largest * units * f64::from(f32::EPSILON);
        assert!((f64::from(*got) - expected).abs() <= bound, "{isa}, {what}, {i}: {got}, not {expected}");
    }
}

fn attention<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
    S: Sees,
>(
    case: &str,
) {
    let (vectors, layer) = (vectors(), Attention::<T, HEADS, HEAD, GROUPS, QKV, OUT, S>::ZEROED);
    let field = |name: &str| vectors.f64s(&format!("{case} {name}"));
    let xs: Vec<[[f32; QKV]; T]> = values(&vectors, &format!("{case} x"));
    let dys: Vec<[[f32; OUT]; T]> = values(&vectors, &format!("{case} dy"));
    for isa in isas() {
        let (mut ys, mut dxs, pace) = (dys.clone(), xs.clone(), &mut Whole::on(isa));
        let mut tape = vec![Zeroed::ZEROED; xs.len()];
        layer.forward(pace, &xs, None, &mut tape, &mut ys);
        assert_close(case, isa, ys.as_flattened().as_flattened(), field("y"), 4.0);
        let dx = InputGradient::into(&mut dxs, Derivative::One);
        layer.backward(pace, &xs, &tape, &dys, &mut vec![(); xs.len()], dx);
        assert_close(case, isa, dxs.as_flattened().as_flattened(), field("dx"), 8.0);
    }
}

#[test]
fn scaled_dot_product_attention() {
    attention::<7, 2, 5, 2, 30, 10, Everything>("attention.full");
    attention::<7, 2, 5, 2, 30, 10, Causal>("attention.causal");
    attention::<7, 4, 3, 2, 24, 12, Causal>("attention.grouped");
    attention::<5, 3, 5, 1, 25, 15, Everything>("attention.one_group");
    attention::<7, 2, 3, 2, 18, 6, PresentOnly>("attention.absent");
    attention::<40, 1, 2, 1, 6, 2, Causal>("attention.long");
}

/// The normalised rows of an embedding, and the gradients of both layers by a step that subtracts them.
#[test]
fn embedding() {
    type Net = Each<3, Seq![Embedding<5, 4>, LayerNorm<4>]>;
    let vectors = vectors();
    let field = |name: &str| vectors.f64s(&format!("embedding {name}"));
    let tokens = field("x").iter().map(|&x| x as u16).collect::<Vec<_>>();
    let xs: &[[u16; 3]] = tokens.as_chunks().0;
    let dys: Vec<[[f32; 4]; 3]> = values(&vectors, "embedding dy");
    let mut net = Net::ZEROED;
    net.layer.first.weight = values(&vectors, "embedding weight")[0];
    net.layer.rest.gain = values(&vectors, "embedding gain")[0];
    net.layer.rest.shift = values(&vectors, "embedding shift")[0];
    for isa in isas() {
        let (pace, mut ys, mut revealed) = (&mut Whole::on(isa), dys.clone(), net);
        let mut tape = vec![Zeroed::ZEROED; 2];
        let mut gradients = vec![Zeroed::ZEROED; 2];
        net.forward(pace, xs, None, &mut tape, &mut ys);
        assert_close("y", isa, ys.as_flattened().as_flattened(), field("y"), 8.0);
        net.backward(pace, xs, &tape, &dys, &mut gradients, InputGradient::unwanted());
        let mut state = Zeroed::ZEROED;
        revealed.update::<Reveal, _>(pace, xs, &tape, &dys, &gradients, &mut (), &mut state);
        let layer = &revealed.layer;
        assert_close("dweight", isa, layer.first.weight.as_flattened(), field("dweight"), 32.0);
        assert_close("dgain", isa, &layer.rest.gain, field("dgain"), 8.0);
        assert_close("dshift", isa, &layer.rest.shift, field("dshift"), 8.0);
        // What a step of gradient descent subtracts is the same.
        let mut moved = net;
        let sweep = &mut Sgd::new(1.0).begin(&mut (), 2.0);
        let mut state = Zeroed::ZEROED;
        moved.update::<Sgd, _>(pace, xs, &tape, &dys, &gradients, sweep, &mut state);
        let steps: Vec<f32> = numbers(&net).iter().zip(numbers(&moved)).map(|(a, b)| a - b).collect();
        assert_close("a step", isa, &steps[..20], field("dweight"), 64.0);
    }
}

/// A model of GPT-2's blocks: the scores, the loss, and the gradients of all parameters.
#[test]
fn language_model() {
    type Block = Seq![
        Residual<
            Seq![Each<6, Seq![LayerNorm<8>, Dense<8, 24>]>, Attention<6, 2, 4, 2, 24, 8>, Each<6, Dense<8, 8>>],
        >,
        Residual<Each<6, Seq![LayerNorm<8>, Dense<8, 32, Gelu>, Dense<32, 8>]>>
    ];
    type Net = TiedEmbedding<6, 7, 8, Seq![Positions<6, 8>, Block, Block, Each<6, LayerNorm<8>>]>;
    let vectors = vectors();
    let field = |name: &str| vectors.f64s(&format!("language_model {name}"));
    let tokens: Vec<u16> = field("x").iter().map(|&x| x as u16).collect();
    let labels: Vec<u8> = field("labels").iter().map(|&x| x as u8).collect();
    let (xs, labels) = (tokens.as_chunks::<6>().0, labels.as_chunks::<6>().0);
    let net: Net = values(&vectors, "language_model parameters")[0];
    for isa in isas() {
        let mut ys = [[[0.0; 7]; 6]; 3];
        net.infer_with(isa, xs, &mut Scratch::<Net, 3>::new(), &mut ys).expect("three rows");
        assert_close("scores", isa, ys.as_flattened().as_flattened(), field("y"), 16.0);
        let mut workspace = Box::new(Workspace::<Net, 3, Reveal, _>::with_loss(EachPosition(CrossEntropy)));
        let mut revealed = net;
        let loss = workspace.train_step_with(isa, &mut revealed, xs, labels, &Reveal).expect("three rows");
        assert_close("loss", isa, &[loss], field("loss"), 8.0);
        assert_close("gradient", isa, &numbers(&revealed), field("gradient"), 16.0);
    }
}
