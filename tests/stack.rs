//! The promised limit on the stack, measured: at most 64 KiB beyond what the caller holds.
//!
//! Each call runs on a stack of our own, painted beforehand; the deepest byte that has lost its paint tells how much the
//! call took, the few dozen bytes of the switch included. The paint stays between the calls of a group, so that the mark is
//! the deepest of all of them, as on a beach. The promise is made for optimised builds and asserted only there:
//! without optimisation every number has a place on the stack, and every function a frame.

// Where stacks can be switched, and the promise of 64 KiB is made.
#![cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Budget, Dense, Epilogue, Isa, Learner, Mat, MatMut, Packed, Relu, Rng, Scratch, Seq, Sgd, Workspace,
    gemm_packed_with, gemm_with, matmul_with,
};
use support::isas::{isas, tell};

const LIMIT: usize = 64 * 1024;

const OPTIMISED: bool = !cfg!(debug_assertions);

const PAGE: usize = 4096;

/// Enough, as there is no guard page: a megabyte, and eight for frames that are not optimised.
const PAGES: usize = if OPTIMISED { 256 } else { 2048 };

/// A byte that neither zeros, small whole numbers, addresses nor `f32`s of moderate size are made of.
const PAINT: u8 = 0xA9;

#[derive(Clone)]
#[repr(align(4096))]
struct Page([u8; PAGE]);

/// Memory to run calls on: stacks grow down from its end.
struct Stack(Vec<Page>);

impl Stack {
    fn painted() -> Self {
        Self(vec![Page([PAINT; PAGE]); PAGES])
    }

    fn run<R>(&mut self, call: impl FnOnce() -> R) -> R {
        // SAFETY: the memory is aligned to pages, a whole number of them, and not used otherwise meanwhile. It is large
        // enough, as `deepest` asserts later. A panic does not unwind past this call, it aborts at the border of the
        // foreign function.
        unsafe { psm::on_stack(self.0.as_mut_ptr().cast(), self.0.len() * PAGE, call) }
    }

    /// Bytes from the first that was used to the deepest, in whole sixteens: that has the colour of paint by chance, at times.
    fn deepest(&self) -> usize {
        let untouched = self.0.iter().take_while(|page| page.0 == [PAINT; PAGE]).count();
        assert!(untouched > 0, "the stack of the test is too small");
        let rest = &self.0[untouched..];
        let paint = rest.first().map_or(0, |page| page.0.iter().take_while(|&&byte| byte == PAINT).count());
        (rest.len() * PAGE - paint).next_multiple_of(16)
    }
}

/// Runs `calls`, which is given a stack for each of its calls, on every instruction set, and prints their mark.
fn measure(what: &str, calls: impl Fn(Isa, &mut Stack)) {
    for isa in isas() {
        let mut stack = Stack::painted();
        calls(isa, &mut stack);
        let deepest = stack.deepest();
        let note = if OPTIMISED { "" } else { " (not optimised: reported, not asserted)" };
        tell(&format!("{deepest:7} bytes of stack on {isa:8} for {what}{note}"));
        assert!(deepest <= LIMIT || !OPTIMISED, "{what} on {isa}: {deepest} bytes of stack");
    }
}

/// m, n, k, and how far apart the rows of B are at least.
type Shape = (usize, usize, usize, usize);

/// All products of the shapes with every epilogue; `transposed` says of A and of B whether they lie so.
fn measure_gemm(what: &str, transposed: (bool, bool), shapes: &[Shape]) {
    let largest = |numbers: fn(&Shape) -> usize| shapes.iter().map(numbers).max().unwrap_or(0);
    let a = vec![1.0; largest(|(m, _, k, _)| m * k)];
    let b = vec![1.0; largest(|(_, n, k, stride)| n.max(k) * stride.max(n).max(k))];
    let gate = vec![1.0; largest(|(m, n, ..)| m * n)];
    let bias = vec![1.0; largest(|(_, n, ..)| *n)];
    measure(what, |isa, stack| {
        let mut c = vec![0.0; gate.len()];
        for &(m, n, k, stride) in shapes {
            let a = if transposed.0 { matrix(&a, k, m, m).t() } else { matrix(&a, m, k, k) };
            let b = if transposed.1 {
                matrix(&b, n, k, stride.max(k)).t()
            } else {
                matrix(&b, k, n, stride.max(n))
            };
            for epilogue in epilogues(&bias[..n], &gate, m, n) {
                let c = MatMut::with_stride(&mut c, m, n, n).expect("a matrix inside its slice");
                stack.run(|| gemm_with(isa, a, b, c, epilogue)).expect("a product of fitting shapes");
            }
        }
    });
}

/// All there are, the mask also transposed.
fn epilogues<'a>(bias: &'a [f32], gate: &'a [f32], m: usize, n: usize) -> [Epilogue<'a>; 6] {
    [
        Epilogue::None,
        Epilogue::Bias(bias),
        Epilogue::BiasRelu(bias),
        Epilogue::Accumulate,
        Epilogue::ReluMask(matrix(gate, m, n, n)),
        Epilogue::ReluMask(matrix(gate, n, m, m).t()),
    ]
}

fn matrix(data: &[f32], rows: usize, cols: usize, stride: usize) -> Mat<'_> {
    Mat::with_stride(data, rows, cols, stride).expect("a matrix inside its slice")
}

/// One, two tiles and more; without optimisation, some of them.
fn heights() -> impl Iterator<Item = usize> {
    (1..=MOST_ROWS).filter(|m| OPTIMISED || m % 14 == 1)
}

const MOST_ROWS: usize = 29;

/// Every height and width of tile, with one chain and with several, and what has a kernel of its own.
fn small_shapes() -> Vec<Shape> {
    let shapes = |m| {
        [1, 8, 16, 17, 32, 40, 48, 49, 64, 97, 130, 260]
            .into_iter()
            .flat_map(move |n| [1, 2, 3, 16, 40, 130].map(|k| (m, n, k, 0)))
    };
    heights().flat_map(shapes).collect()
}

/// So large that B is packed: all k of a panel at once, or in blocks; in rows of C, or on the stack.
fn large_shapes() -> Vec<Shape> {
    let shapes = [
        (3, 50, 300, 0),
        (29, 97, 700, 0),
        (100, 49, 3100, 0),
        (400, 256, 260, 2048),
        (60, 100, 1100, 1100),
        (600, 300, 700, 2048),
        (640, 1000, 1600, 0),
        (40, 50, 5000, 0),
    ];
    shapes[..if OPTIMISED { shapes.len() } else { 2 }].to_vec()
}

#[test]
fn gemm_in_every_layout() {
    let layouts =
        [("NN", (false, false)), ("NT", (false, true)), ("TN", (true, false)), ("TT", (true, true))];
    for (name, transposed) in layouts {
        measure_gemm(&format!("{name}, small"), transposed, &small_shapes());
        measure_gemm(&format!("{name}, large"), transposed, &large_shapes());
    }
}

fn measure_packed<const K: usize, const N: usize, const P: usize>() {
    let packed = Packed::<K, N, P>::new(&[[1.0; N]; K]);
    let (a, bias, gate) = (vec![1.0; MOST_ROWS * K], [1.0; N], vec![1.0; MOST_ROWS * N]);
    measure(&format!("packed weights, {K} x {N}"), |isa, stack| {
        let mut c = vec![0.0; MOST_ROWS * N];
        for m in heights() {
            for a in [matrix(&a, m, K, K), matrix(&a, K, m, m).t()] {
                for epilogue in epilogues(&bias, &gate, m, N) {
                    let c = MatMut::with_stride(&mut c, m, N, N).expect("a matrix inside its slice");
                    let call = || gemm_packed_with(isa, a, &packed, c, epilogue);
                    stack.run(call).expect("a product of fitting shapes");
                }
            }
        }
    });
}

#[test]
fn products_with_packed_weights() {
    measure_packed::<64, 10, 1>();
    measure_packed::<130, 97, 7>();
    measure_packed::<40, 260, 17>();
}

fn measure_matmul<const M: usize, const K: usize, const N: usize>() {
    let (a, b) = (vec![[1.0; K]; M], vec![[1.0; N]; K]);
    let a: &[[f32; K]; M] = a.as_slice().try_into().expect("M rows");
    let b: &[[f32; N]; K] = b.as_slice().try_into().expect("K rows");
    measure(&format!("matmul, {M} x {K} x {N}"), |isa, stack| {
        let mut c = vec![[0.0; N]; M];
        let c: &mut [[f32; N]; M] = c.as_mut_slice().try_into().expect("M rows");
        stack.run(|| matmul_with(isa, a, b, c));
    });
}

#[test]
fn products_of_fixed_shapes() {
    measure_matmul::<1, 64, 32>();
    measure_matmul::<4, 4, 4>();
    measure_matmul::<29, 31, 33>();
    measure_matmul::<32, 64, 32>();
    measure_matmul::<13, 100, 65>();
    measure_matmul::<100, 130, 147>();
}

/// A step on a full batch and on a row, and the same of inference.
fn measure_network<const IN: usize, const HIDDEN: usize, const OUT: usize, const B: usize>() {
    type Net<const IN: usize, const HIDDEN: usize, const OUT: usize> =
        Seq![Dense<IN, HIDDEN, Relu>, Dense<HIDDEN, OUT>];

    let mut rng = Rng::new(1);
    let net = Net::<IN, HIDDEN, OUT>::he(&mut rng);
    let xs = vec![[0.5; IN]; B];
    let labels: Vec<u8> = (0..B).map(|row| (row % OUT) as u8).collect();
    let shape = format!("{IN}-{HIDDEN}-{OUT}, batches of {B} and 1");

    measure(&format!("infer, {shape}"), |isa, stack| {
        let mut scratch = Box::new(Scratch::<Net<IN, HIDDEN, OUT>, B>::new());
        let mut ys = vec![[0.0; OUT]; B];
        for rows in [B, 1] {
            let result = stack.run(|| net.infer_with(isa, &xs[..rows], &mut scratch, &mut ys[..rows]));
            result.expect("a batch that fits");
        }
    });
    measure(&format!("train_step, {shape}"), |isa, stack| {
        let (mut net, mut workspace) = (net, Box::new(Workspace::<_, B>::new()));
        let sgd = Sgd::new(0.1);
        for rows in [B, 1] {
            let (xs, labels) = (&xs[..rows], &labels[..rows]);
            let loss = stack.run(|| workspace.train_step_with(isa, &mut net, xs, labels, &sgd));
            assert!(loss.expect("a batch that fits").is_finite());
        }
    });
    measure(&format!("poll, {shape}"), |isa, stack| {
        let mut learner = Box::new(Learner::<_, B>::new(net));
        for budget in [Budget::macs(10_000), Budget::ALL] {
            for (x, label) in xs.iter().zip(&labels) {
                learner.push(*label, |row| *row = *x).expect("a batch that fits");
            }
            learner.start(Sgd::new(0.1)).expect("a step can start");
            while stack.run(|| learner.poll_with(isa, budget)).is_pending() {}
        }
    });
}

#[test]
fn networks() {
    measure_network::<64, 32, 10, 32>();
    measure_network::<200, 130, 10, 100>();
}
