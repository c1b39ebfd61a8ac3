//! Sums over very many k: a product's, and a gradient's that a rule takes at the store.
//!
//! One accumulator of ones stops at 2^24, and its error on numbers at random grows as the root of k does; so long sums are
//! cut into segments, whatever lies transposed, and whatever becomes of them.

mod support {
    pub(crate) mod isas;
}

use fusebox::{Adam, Epilogue, Isa, Mat, MatMut, Optimizer, Product, Rng, Sgd, Whole, Zeroed, gemm_with};
use support::isas::isas;

const OPTIMISED: bool = !cfg!(debug_assertions);

/// How A and B lie, by name.
const LAYOUTS: [(&str, bool, bool); 4] =
    [("NN", false, false), ("NT", false, true), ("TN", true, false), ("TT", true, true)];

/// `data` as `rows` x `cols`, or as it would lie if it were transposed.
fn view(data: &[f32], rows: usize, cols: usize, transposed: bool) -> Mat<'_> {
    if transposed {
        Mat::new(data, cols, rows).expect("a matrix").t()
    } else {
        Mat::new(data, rows, cols).expect("a matrix")
    }
}

/// The product of an m x k and a k x n matrix that lie as they say.
fn product(isa: Isa, a: Mat<'_>, b: Mat<'_>, epilogue: Epilogue<'_>, before: f32) -> Vec<f32> {
    let mut c = vec![before; a.rows() * b.cols()];
    gemm_with(isa, a, b, MatMut::new(&mut c, a.rows(), b.cols()).expect("m x n"), epilogue).expect("shapes");
    c
}

/// A product of `number` with ones: every sum is `k` times `number`, which is an `f32`.
fn check_equal_terms(number: f32, k: usize, shapes: &[(usize, usize)]) {
    for &(m, n) in shapes {
        let (a, b) = (vec![number; m * k], vec![1.0; k * n]);
        for (name, a_transposed, b_transposed) in LAYOUTS {
            let (a, b) = (view(&a, m, k, a_transposed), view(&b, k, n, b_transposed));
            for isa in isas() {
                let c = product(isa, a, b, Epilogue::None, f32::NAN);
                assert_eq!(c, vec![k as f32 * number; m * n], "{isa}: {name}, {m} x {n} x {k}");
            }
        }
    }
}

/// One accumulator has no more than 2^24 of them.
#[test]
fn ones() {
    if OPTIMISED {
        check_equal_terms(1.0, 1 << 25, &[(1, 1), (1, 3), (3, 2), (5, 3)]);
    }
}

/// The same with fewer terms: from 2^24 on an accumulator takes 4097 for 4096 or 4098.
#[test]
fn thousands() {
    let all: Vec<_> = [1, 2, 5].iter().flat_map(|&m| [1, 3, 16, 17, 64, 300].map(|n| (m, n))).collect();
    if OPTIMISED {
        check_equal_terms(4097.0, 1 << 18, &all);
    } else {
        check_equal_terms(4097.0, 1 << 16, &[(1, 1), (1, 3), (5, 2)]);
    }
}

/// Uniform in 0 to 1: the sums grow, and so do their steps.
fn random(rng: &mut Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.uniform()).collect()
}

/// The transpose of `rows` rows.
fn transposed(data: &[f32], rows: usize) -> Vec<f32> {
    let cols = data.len() / rows;
    (0..cols).flat_map(|col| data.iter().skip(col).step_by(cols)).copied().collect()
}

#[test]
fn numbers_at_random() {
    let k = if OPTIMISED { 1_000_000 } else { 50_000 };
    let mut rng = Rng::new(1);
    for (m, n) in [(1, 1), (1, 3), (2, 1), (2, 16), (5, 17), (1, 64), (5, 64)] {
        if !OPTIMISED && m * n > 6 {
            continue;
        }
        // Rows of A and columns of B, and both as they lie otherwise.
        let (a, b) = (random(&mut rng, m * k), random(&mut rng, n * k));
        let [a, b] = [(a, m), (b, n)].map(|(rows, number)| [transposed(&rows, number), rows]);
        let dot = |row: &[f32], col: &[f32]| -> f64 {
            std::iter::zip(row, col).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let sums: Vec<f64> =
            a[1].chunks(k).flat_map(|row| b[1].chunks(k).map(move |col| dot(row, col))).collect();
        for (name, a_transposed, b_transposed) in LAYOUTS {
            let a = view(&a[usize::from(!a_transposed)], m, k, a_transposed);
            let b = view(&b[usize::from(b_transposed)], k, n, b_transposed);
            for isa in isas() {
                for (c, sum) in std::iter::zip(product(isa, a, b, Epilogue::None, f32::NAN), &sums) {
                    let error = (f64::from(c) - sum).abs() / sum;
                    assert!(error < 1e-6, "{isa}: {name}, {m} x {n} x {k}: {c}, not {sum}: {error:.1e}");
                }
            }
        }
    }
}

/// Just above and below where sums become long, and where blocks of them end: the same bits on all instruction sets of a
/// class and in every number of rows, in each layout, with every epilogue.
#[test]
fn the_order_does_not_depend_on_rows_or_instruction_sets() {
    let mut rng = Rng::new(2);
    let ks: &[usize] = if OPTIMISED { &[4095, 4096, 4097, 4352, 4353, 6000, 8191] } else { &[4097] };
    let ns: &[usize] = if OPTIMISED { &[1, 3, 16, 17, 40, 64, 65, 130, 300] } else { &[1, 17] };
    for (&k, &n) in ks.iter().flat_map(|k| ns.iter().map(move |n| (k, n))) {
        let heights: &[usize] = if OPTIMISED { &[30, 1, 2, 3, 5, 13] } else { &[5, 1] };
        let most = heights[0];
        let (a, b) = (random(&mut rng, most * k), random(&mut rng, k * n));
        let (bias, gate) = (random(&mut rng, n), random(&mut rng, most * n));
        for (name, a_transposed, b_transposed) in LAYOUTS {
            let b = view(&b, k, n, b_transposed);
            let mut first: [Option<Vec<f32>>; 2] = [None, None];
            for isa in isas() {
                for &m in heights {
                    let rows: Vec<f32> = match a_transposed {
                        true => a.chunks(most).flat_map(|column| &column[..m]).copied().collect(),
                        false => a[..m * k].to_vec(),
                    };
                    let a = view(&rows, m, k, a_transposed);
                    let gate = Mat::new(&gate[..m * n], m, n).expect("m x n");
                    let epilogues = [
                        Epilogue::None,
                        Epilogue::Bias(&bias),
                        Epilogue::BiasRelu(&bias),
                        Epilogue::Accumulate,
                        Epilogue::ReluMask(gate),
                    ];
                    let c: Vec<f32> = epilogues
                        .into_iter()
                        .flat_map(|epilogue| {
                            let mut c = product(isa, a, b, epilogue, 0.5);
                            c.resize(most * n, 0.0);
                            c
                        })
                        .collect();
                    let first = first[usize::from(isa.is_fused())].get_or_insert_with(|| c.clone());
                    for (c, first) in c.chunks(most * n).zip(first.chunks(most * n)) {
                        let same = c[..m * n] == first[..m * n];
                        assert!(same, "{isa}: {name}, {m} x {n} x {k}, not the bits of {most} rows");
                    }
                }
            }
        }
    }
}

/// A step of `optimizer` on weights whose gradient is the product of `xs`, transposed, and `dys`.
fn step<O: Optimizer, const IN: usize, const OUT: usize>(
    optimizer: &O,
    isa: Isa,
    xs: &[[f32; IN]],
    dys: &[[f32; OUT]],
    weight: &mut [[f32; OUT]; IN],
) {
    let (mut progress, mut state) = (Zeroed::ZEROED, Zeroed::ZEROED);
    let mut sweep = optimizer.begin(&mut progress, xs.len() as f32);
    O::step(&mut Whole::on(isa), &mut sweep, Product::of(xs, dys), weight, &mut state);
}

/// A gradient is whole before a rule takes it: moved by ones, weights have moved by as many times the rate as there are rows,
/// or by the rate where only the sign counts; and by numbers at random as the product on its own says.
#[test]
fn a_rule_at_the_store() {
    const IN: usize = 2;
    const OUT: usize = 3;
    let rows = if OPTIMISED { 1 << 25 } else { 1 << 13 };
    let (xs, dys) = (vec![[1.0; IN]; rows], vec![[1.0; OUT]; rows]);
    for isa in isas() {
        let mut weight = [[0.0; OUT]; IN];
        let sgd = Sgd::new(0.5);
        step(&sgd, isa, &xs, &dys, &mut weight);
        assert_eq!(weight, [[-0.5 * rows as f32; OUT]; IN], "{isa}: Sgd");
        let mut weight = [[0.0; OUT]; IN];
        step(&Adam::new(0.5), isa, &xs, &dys, &mut weight);
        for weight in weight.as_flattened() {
            assert!((weight + 0.5).abs() < 1e-4, "{isa}: Adam moves by the rate first, not by {weight}");
        }
    }
    let mut rng = Rng::new(3);
    let rows = 10_000;
    let xs: Vec<[f32; IN]> = (0..rows).map(|_| [0; IN].map(|_| rng.uniform())).collect();
    let dys: Vec<[f32; OUT]> = (0..rows).map(|_| [0; OUT].map(|_| rng.uniform())).collect();
    for isa in isas() {
        let xs_t = Mat::new(xs.as_flattened(), rows, IN).expect("rows x IN").t();
        let gradient = product(
            isa,
            xs_t,
            Mat::new(dys.as_flattened(), rows, OUT).expect("rows x OUT"),
            Epilogue::None,
            0.0,
        );
        let mut weight = [[0.0; OUT]; IN];
        step(&Sgd::new(1.0), isa, &xs, &dys, &mut weight);
        let moved: Vec<f32> = weight.as_flattened().iter().map(|weight| -weight).collect();
        assert_eq!(moved, gradient, "{isa}");
    }
}
