//! Every path to memory once, at sizes where something ends, with nothing allocated behind the last number: few enough
//! products and steps for Miri, which sees each access, uninitialised number and aliased pointer. What is computed, other
//! tests check.

mod support {
    pub(crate) mod isas;
}

use fusebox::int8::{self, Clamp, Dequantize, Quantization, Quantize, WeightScale};
use fusebox::{
    Accumulate, Activation, Adam, AdamW, BiasOnly, Borrowed, Budget, Chain, ClipNorm, ConcatChannels, Dense,
    Dropout, Epilogue, Error, Frozen, Gelu, GroupNorm, Guard, Identity, Init, InstanceNorm, Layer, LayerNorm,
    LeakyRelu, Learner, LowRank, Mat, MatMut, Momentum, Nesterov, Optimizer, Packed, Parallel, Private, Relu,
    Reservoir, RmsProp, Rng, Scratch, Seq, Sgd, Silu, Softmax, Tanh, Train, View, Workspace, Zeroed,
    functions, gemm_packed_with, gemm_with, matmul_with,
};
use support::isas::isas;

/// Just so many numbers, in an allocation of their own.
fn numbers(rng: &mut Rng, len: usize) -> Box<[f32]> {
    (0..len).map(|_| rng.uniform()).collect()
}

/// Numbers for `rows` of `cols`, `gap` numbers apart, ending with the last row's last.
fn matrix(rng: &mut Rng, rows: usize, cols: usize, gap: usize) -> Box<[f32]> {
    let len = if rows * cols == 0 { 0 } else { (rows - 1) * (cols + gap) + cols };
    numbers(rng, len)
}

#[test]
fn products() -> Result<(), Error> {
    let mut rng = Rng::new(1);
    let shapes = [1, 5].into_iter().flat_map(|m| [1, 4, 7, 17].map(|n| (m, n)));
    for ((m, n), k) in shapes.flat_map(|shape| [0, 1, 6].map(|k| (shape, k))).chain([((5, 33), 17)]) {
        for (index, (a_turned, b_turned)) in
            [(false, false), (false, true), (true, false), (true, true)].into_iter().enumerate()
        {
            let gap = index % 2 * 3;
            let turn = |turned, (rows, cols)| if turned { (cols, rows) } else { (rows, cols) };
            let ((a_rows, a_cols), (b_rows, b_cols)) = (turn(a_turned, (m, k)), turn(b_turned, (k, n)));
            let (a, b) = (matrix(&mut rng, a_rows, a_cols, gap), matrix(&mut rng, b_rows, b_cols, gap));
            let a = Mat::with_stride(&a, a_rows, a_cols, a_cols + gap)?;
            let b = Mat::with_stride(&b, b_rows, b_cols, b_cols + gap)?;
            let (a, b) = (if a_turned { a.t() } else { a }, if b_turned { b.t() } else { b });
            let (bias, gate, mut c) =
                (numbers(&mut rng, n), matrix(&mut rng, m, n, gap), matrix(&mut rng, m, n, gap));
            let gate = Mat::with_stride(&gate, m, n, n + gap)?;
            let epilogues = [
                Epilogue::None,
                Epilogue::Bias(&bias),
                Epilogue::BiasRelu(&bias),
                Epilogue::Accumulate,
                Epilogue::ReluMask(gate),
            ];
            let epilogue = epilogues[(m + n + k + index) % 5];
            for isa in isas() {
                gemm_with(isa, a, b, MatMut::with_stride(&mut c, m, n, n + gap)?, epilogue)?;
            }
        }
    }
    Ok(())
}

/// Products whose shape is a type, and weights packed ahead of time.
fn fixed<const M: usize, const K: usize, const N: usize, const PANELS: usize>() -> Result<(), Error> {
    let mut rng = Rng::new(2);
    let (mut a, mut b, mut c) = (Box::new([[0.0; K]; M]), Box::new([[0.0; N]; K]), Box::new([[0.0; N]; M]));
    a.as_flattened_mut().fill_with(|| rng.uniform());
    b.as_flattened_mut().fill_with(|| rng.uniform());
    let packed = Box::new(Packed::<K, N, PANELS>::new(&b));
    let bias = numbers(&mut rng, N);
    for isa in isas() {
        matmul_with(isa, &a, &b, &mut c);
        let (a, c) = (Mat::new(a.as_flattened(), M, K)?, MatMut::new(c.as_flattened_mut(), M, N)?);
        gemm_packed_with(isa, a, &packed, c, Epilogue::Bias(&bias))?;
    }
    Ok(())
}

#[test]
fn fixed_shapes() -> Result<(), Error> {
    fixed::<1, 1, 1, 1>()?;
    fixed::<5, 7, 3, 1>()?;
    fixed::<9, 18, 33, 3>()
}

#[test]
fn functions_of_slices() -> Result<(), Error> {
    let mut rng = Rng::new(3);
    for len in [0, 1, 4, 19] {
        let mut xs = numbers(&mut rng, len);
        for isa in isas() {
            for function in [
                functions::exp_with,
                functions::ln_with,
                functions::tanh_with,
                functions::sigmoid_with,
                functions::softplus_with,
                functions::gelu_with,
            ] {
                function(isa, &mut xs);
            }
            functions::softmax_with(isa, &mut xs, len)?;
        }
    }
    Ok(())
}

const ROWS: usize = 3;

type Net = Seq![Dense<5, 9, Relu>, Dense<9, 3>];

fn batch() -> ([[f32; 5]; ROWS], [u8; ROWS]) {
    let mut rng = Rng::new(4);
    (std::array::from_fn(|_| std::array::from_fn(|_| rng.uniform())), [0, 2, 1])
}

/// A step of a full batch, one of fewer rows that are staged, and the gradient of the inputs.
fn steps<N, O: Optimizer>(net: &mut N, optimizer: &O) -> Result<(), Error>
where
    N: Train<Input = [f32; 5], Output = [f32; 3]>,
{
    let (xs, labels) = batch();
    let mut workspace = Box::new(Workspace::<N, ROWS, O>::new());
    for isa in isas() {
        workspace.train_step_with(isa, net, &xs, &labels, optimizer)?;
        let mut stage = workspace.stage();
        stage.push(1, |x| *x = xs[0])?;
        stage.on(isa).train_step(net, optimizer)?;
        workspace.input_gradient_with(isa, net, &xs, &labels, &mut [[0.0; 5]; ROWS])?;
    }
    Ok(())
}

#[test]
fn every_layer() -> Result<(), Error> {
    type Every = Seq![
        Dense<5, 9, Relu>,
        LayerNorm<9>,
        Dense<9, 7, Gelu>,
        Dropout<7, 50>,
        Dense<7, 6, Tanh>,
        Dense<6, 5, LeakyRelu>,
        Dense<5, 4, Silu>,
        Softmax<4>,
        Dense<4, 3>
    ];
    let mut net = Box::new(Every::he(&mut Rng::new(5)));
    for isa in isas() {
        net.infer_with(isa, &batch().0, &mut Scratch::<_, ROWS>::new(), &mut [[0.0; 3]; ROWS])?;
    }
    steps(&mut *net, &Sgd::new(0.01))
}

/// A picture's pixels of 19 channels, from two branches.
#[test]
fn a_normalised_picture() -> Result<(), Error> {
    type Branch<const C: usize, const N: usize> = View<[f32; 5], Dense<5, N>, [[[f32; C]; 2]; 1]>;
    type Both = Parallel<Branch<18, 36>, Branch<1, 2>, ConcatChannels<19>>;
    type Picture = [[[f32; 19]; 2]; 1];
    type Net = Seq![
        Both,
        GroupNorm<Picture, 19, 1, Gelu>,
        InstanceNorm<Picture, 19, Relu>,
        View<Picture, Dense<38, 3>, [f32; 3]>
    ];
    let mut net = Box::new(Net::he(&mut Rng::new(5)));
    for isa in isas() {
        net.infer_with(isa, &batch().0, &mut Scratch::<_, ROWS>::new(), &mut [[0.0; 3]; ROWS])?;
    }
    steps(&mut *net, &Sgd::new(0.01))
}

#[test]
fn every_optimiser() -> Result<(), Error> {
    let net = &mut Net::he(&mut Rng::new(5));
    steps(net, &Momentum::new(0.01, 0.9))?;
    steps(net, &Nesterov::new(0.01, 0.9))?;
    steps(net, &Adam::new(0.01))?;
    steps(net, &AdamW::new(0.01, 0.01))?;
    steps(net, &RmsProp::new(0.01))?;
    steps(net, &ClipNorm::new(Sgd::new(0.01), 1.0))?;
    steps(net, &Accumulate::new(Sgd::new(0.01), 2))
}

#[test]
fn a_step_that_is_guarded_and_one_that_is_private() -> Result<(), Error> {
    let (xs, labels) = batch();
    let (mut net, mut guard) = (Net::he(&mut Rng::new(5)), Guard::new());
    let optimizer = Sgd::new(0.01);
    let mut workspace = Workspace::<Net, ROWS>::new();
    workspace.train_step_guarded(&mut net, &xs, &labels, &optimizer, &mut guard)?;
    assert!(guard.restore(&mut net));
    let optimizer = Private::new(optimizer, 1.0, 1.0, 6);
    Workspace::<Net, ROWS, _>::new().train_step_private(&mut net, &xs, &labels, &optimizer)?;
    Ok(())
}

#[test]
fn a_step_in_slices() -> Result<(), Error> {
    let (xs, labels) = batch();
    for isa in isas() {
        let mut learner = Box::new(Learner::<_, ROWS, Adam>::new(Net::he(&mut Rng::new(5))));
        for (x, label) in xs.iter().zip(labels) {
            learner.push(label, |row| *row = *x)?;
        }
        learner.start(Adam::new(0.01))?;
        while learner.poll_with(isa, Budget::macs(20)).is_pending() {}
        assert!(!learner.is_busy());
    }
    Ok(())
}

fn dense<const IN: usize, const OUT: usize, A: Activation + Copy>(rng: &mut Rng) -> Dense<IN, OUT, A> {
    let mut layer = Dense::ZEROED;
    layer.init(Init::He, rng);
    layer
}

#[test]
fn weights_that_stay() -> Result<(), Error> {
    type Head<'a> = Seq![LowRank<'a, 9, 7, 2, Gelu>, Borrowed<'a, LayerNorm<7>>, BiasOnly<'a, 7, 3>];
    let (xs, labels) = batch();
    let mut rng = Rng::new(7);
    let body = dense::<5, 9, Relu>(&mut rng);
    let (lower, upper) = (dense::<9, 7, Gelu>(&mut rng), dense::<7, 3, Identity>(&mut rng));
    let norm = LayerNorm { gain: [1.5; 7], shift: [0.5; 7] };
    let rest = Chain { first: Borrowed::new(&norm), rest: BiasOnly::new(&upper) };
    let head: Head<'_> = Chain { first: LowRank::new(&lower), rest };
    let mut net = Frozen::new(&body, head);
    for isa in isas() {
        let mut workspace = Workspace::<_, ROWS, Sgd>::new();
        workspace.train_step_with(isa, &mut net, &xs, &labels, &Sgd::new(0.1))?;
        net.infer_with(isa, &xs, &mut Scratch::<_, ROWS>::new(), &mut [[0.0; 3]; ROWS])?;
    }
    Ok(())
}

/// Rows of bytes between rows of numbers, whose sizes are no multiples of four.
#[test]
fn bytes_among_numbers() -> Result<(), Error> {
    type Net = Seq![Quantize<[i8; 5]>, int8::Dense<5, 3>, Dequantize<[i8; 3]>, Dense<3, 2>, Dense<2, 1>];
    let (rng, x) = (&mut Rng::new(6), Quantization { scale: 0.02, zero: 3 });
    let weight = [(); 3].map(|()| [(); 5].map(|()| rng.below(255) as i8));
    let bytes = int8::Dense::<5, 3>::new(&weight, &[5, 6, 7], x, WeightScale::Tensor(0.01), x, Clamp::of(x))?;
    let numbers = Chain { first: dense::<3, 2, Identity>(rng), rest: dense::<2, 1, Identity>(rng) };
    let rest = Chain { first: bytes, rest: Chain { first: Dequantize::new(x), rest: numbers } };
    let net: Net = Chain { first: Quantize::new(x)?, rest };
    let (xs, _) = batch();
    let mut ys = [[f32::NAN]; ROWS];
    net.infer(&xs, &mut Scratch::<Net, ROWS>::new(), &mut ys)?;
    for (x, y) in xs.iter().zip(ys) {
        let (mut quantized, mut sums, mut reals, mut alone) = ([[0; 5]], [[0; 3]], [[0.0; 3]], [[0.0]]);
        net.first.infer(&[*x], &mut Scratch::<_, 1>::new(), &mut quantized)?;
        bytes.infer(&quantized, &mut Scratch::<_, 1>::new(), &mut sums)?;
        net.rest.rest.first.infer(&sums, &mut Scratch::<_, 1>::new(), &mut reals)?;
        numbers.infer(&reals, &mut Scratch::<_, 1>::new(), &mut alone)?;
        assert_eq!([y], alone);
    }
    Ok(())
}

#[test]
fn parameters_as_bytes_and_items_that_are_owned() -> Result<(), Error> {
    let layer = dense::<5, 3, Identity>(&mut Rng::new(8));
    let bytes: Box<[u8]> = layer.as_bytes().into();
    assert_eq!(Dense::<5, 3>::copy_from_bytes(&bytes)?, layer);
    assert_eq!(Dense::<5, 3>::from_bytes(layer.as_bytes())?, &layer);
    let (mut reservoir, mut rng) = (Reservoir::<Box<u8>, 3>::new(), Rng::new(9));
    for item in 0..20 {
        reservoir.offer(Box::new(item), &mut rng);
    }
    assert_eq!(reservoir.sample(2, &mut rng).count(), 2);
    Ok(())
}
