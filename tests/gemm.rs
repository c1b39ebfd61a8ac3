//! The product on every instruction set: every layout and epilogue, at every size where something ends.
//!
//! What is checked of each product stands in `support/product.rs`; these tests choose the products.

mod support {
    pub(crate) mod canaries;
    pub(crate) mod isas;
    pub(crate) mod product;
    pub(crate) mod sum;
    pub(crate) mod values;
}

use fusebox::{Epilogue, Error, Isa, Mat, MatMut, Rng, gemm_with, matmul_with, reference};
use support::canaries::Layout;
use support::isas::isas;
use support::product::{Case, Kind, Mistake, check};
use support::values::{random, with_edges};

/// Tiles have at most 14, 13, 12, 10, 8, 6 or 4 rows.
const ROWS: [usize; 11] = [0, 1, 3, 4, 5, 8, 13, 14, 15, 27, 29];
/// Vectors have 4, 8 or 16 lanes, panels up to three vectors; sums are split where n is at most 16, 32 or 64.
const COLUMNS: [usize; 14] = [0, 1, 3, 4, 5, 9, 15, 16, 17, 31, 32, 33, 49, 65];
/// A segment of a sum is at least 16 long.
const DEPTHS: [usize; 8] = [0, 1, 2, 5, 15, 16, 17, 67];

/// Which of `a` and `b` lie transposed: NN, NT, TN, TT.
const TRANSPOSED: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

/// A product without a mistake, its matrices lying anywhere; some rows in its middle are computed again, alone.
fn case(rng: &mut Rng, (m, n, k): (usize, usize, usize), (a, b): (bool, bool), epilogue: Kind) -> Case {
    let mut layout = |transposed| Layout {
        transposed,
        gap: rng.below(3) as usize * 7,
        before: rng.below(17) as usize,
        after: rng.below(2) as usize * 40,
    };
    let (a, b, c, gate) = (layout(a), layout(b), layout(false), layout(false));
    let gate = Layout { transposed: rng.below(4) == 0, ..gate };
    let first = rng.below(m as u32) as usize;
    let rows = first..m.min(first + 1 + rng.below(3) as usize);
    Case { m, n, k, a, b, c, gate, epilogue, mistake: None, rows }
}

fn check_all(shapes: impl IntoIterator<Item = (usize, usize, usize)>) {
    let (mut rng, mut values) = (Rng::new(1), random(2));
    for shape in shapes {
        for transposed in TRANSPOSED {
            for epilogue in Kind::ALL {
                check(&case(&mut rng, shape, transposed, epilogue), &mut values);
            }
        }
    }
}

#[test]
fn boundaries_of_tiles_vectors_and_segments() {
    let shapes = |m| COLUMNS.into_iter().flat_map(move |n| DEPTHS.map(|k| (m, n, k)));
    check_all(ROWS.into_iter().flat_map(shapes));
}

/// One dimension at a time, past two tiles, past four panels, past four segments.
#[test]
fn every_size_along_each_dimension() {
    let (mut rng, mut values) = (Rng::new(3), random(4));
    let rows = (0..=43).map(|m| (m, 17, 19));
    let columns = (0..=131).map(|n| (5, n, 19));
    let depths = (0..=137).flat_map(|k| [1, 17, 40].map(|n| (5, n, k)));
    for (index, shape) in rows.chain(columns).chain(depths).enumerate() {
        let epilogue = Kind::ALL[index % Kind::ALL.len()];
        for transposed in TRANSPOSED {
            check(&case(&mut rng, shape, transposed, epilogue), &mut values);
        }
    }
}

/// A transposed B is packed in blocks of 3072 / vectors numbers of k: 256 at the least, 3072 at the most.
#[test]
fn boundaries_of_packed_blocks() {
    let (mut rng, mut values) = (Rng::new(5), random(6));
    for block in [256, 384, 512, 768, 1536, 3072] {
        for k in [block - 1, block, block + 1, 2 * block + 1] {
            for (n, epilogue) in
                [(8, Kind::Bias), (16, Kind::Accumulate), (24, Kind::None), (33, Kind::BiasRelu)]
            {
                for a in [false, true] {
                    check(&case(&mut rng, (3, n, k), (a, true), epilogue), &mut values);
                }
            }
        }
    }
}

/// From 512 k on, rows by rows are dot products in sixteen lanes; tiles have 1 or 2 rows and 16, 8, 4 or 2 columns, and rows
/// are taken in blocks of 64 Ki numbers.
#[test]
fn boundaries_of_dot_products() {
    let (mut rng, mut values) = (Rng::new(15), random(16));
    for k in [511, 512, 513, 519, 520, 527, 528, 529] {
        for m in [1, 2, 3, 5] {
            for n in [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 35] {
                for epilogue in Kind::ALL {
                    check(&case(&mut rng, (m, n, k), (false, true), epilogue), &mut values);
                }
            }
        }
    }
    for (m, n, k) in [(129, 3, 515), (17, 9, 4099), (2, 2, 65_535), (3, 17, 65_537), (1, 3, 131_080)] {
        for epilogue in Kind::ALL {
            check(&case(&mut rng, (m, n, k), (false, true), epilogue), &mut values);
        }
    }
}

/// A B whose rows are pages apart is packed as well, where there are many rows of C.
#[test]
fn rows_of_b_far_apart() {
    let (mut rng, mut values) = (Rng::new(7), random(8));
    for (m, n, k) in [(70, 33, 300), (57, 97, 391), (70, 100, 5), (3, 100, 200)] {
        for transposed in TRANSPOSED {
            for epilogue in Kind::ALL {
                for gap in [1023 - n, 1024 - n] {
                    let mut case = case(&mut rng, (m, n, k), transposed, epilogue);
                    case.b.gap = gap;
                    check(&case, &mut values);
                }
            }
        }
    }
}

/// Zeros of both signs, subnormal, huge, infinite numbers and NaN, among ordinary ones.
#[test]
fn numbers_at_the_ends() {
    let mut rng = Rng::new(9);
    for rarity in [3, 20, 200] {
        let mut values = with_edges(10, rarity);
        for shape in [(5, 7, 3), (1, 16, 40), (15, 33, 17), (29, 50, 64)] {
            for transposed in TRANSPOSED {
                for epilogue in Kind::ALL {
                    check(&case(&mut rng, shape, transposed, epilogue), &mut values);
                }
            }
        }
    }
}

#[test]
fn a_dimension_off_by_one_is_an_error_that_says_which() {
    let (mut rng, mut values) = (Rng::new(12), random(13));
    for shape in [(0, 0, 0), (1, 1, 1), (3, 20, 0), (0, 2, 5), (15, 33, 17)] {
        for transposed in TRANSPOSED {
            for epilogue in Kind::ALL {
                for mistake in Mistake::ALL {
                    let case = case(&mut rng, shape, transposed, epilogue);
                    check(&Case { mistake: Some(mistake), ..case }, &mut values);
                }
            }
        }
    }
}

#[test]
fn views_outside_their_slice_are_errors() {
    let (data, huge) = ([0.0; 12], usize::MAX / 2);
    let error = |view: Result<Mat<'_>, Error>| view.expect_err("a view that does not fit");
    assert_eq!(error(Mat::new(&data, 3, 5)), Error::Length { expected: 15, got: 12 });
    assert_eq!(error(Mat::new(&data, 2, 5)), Error::Length { expected: 10, got: 12 });
    assert_eq!(error(Mat::new(&data, huge, 3)), Error::Overflow { rows: huge, row_stride: 3 });
    assert_eq!(error(Mat::with_stride(&data, 2, 5, 4)), Error::Stride { expected: 5, got: 4 });
    assert_eq!(error(Mat::with_stride(&data, 3, 3, 5)), Error::Length { expected: 13, got: 12 });
    let overflow = Error::Overflow { rows: 4, row_stride: huge };
    assert_eq!(error(Mat::with_stride(&data, 4, 1, huge)), overflow);

    // An empty matrix lies in any slice, however far apart its rows would be.
    for (rows, cols) in [(0, 5), (5, 0), (0, 0), (usize::MAX, 0)] {
        let empty = Mat::with_stride(&data, rows, cols, usize::MAX).expect("an empty matrix");
        assert_eq!((empty.t().rows(), empty.t().cols()), (cols, rows));
        assert_eq!(empty.get(0, 0), None);
    }

    let mut data = data;
    let error = |view: Result<MatMut<'_>, Error>| view.expect_err("a view that does not fit");
    assert_eq!(error(MatMut::new(&mut data, 3, 5)), Error::Length { expected: 15, got: 12 });
    assert_eq!(error(MatMut::new(&mut data, huge, 3)), Error::Overflow { rows: huge, row_stride: 3 });
    assert_eq!(error(MatMut::with_stride(&mut data, 2, 5, 4)), Error::Stride { expected: 5, got: 4 });
}

/// Where there is nothing to step over, a stride may be anything.
/// A row of A in a matrix of its own, whose numbers lie side by side however it is viewed.
#[test]
fn a_row_alone_has_the_bits_it_has_among_others() {
    const M: usize = 5;
    let mut values = random(15);
    let shapes =
        [1, 2, 3, 4, 5, 16, 17, 33].into_iter().flat_map(|n| [0, 1, 16, 17, 64, 130].map(|k| (n, k)));
    for (n, k) in shapes {
        let [a, b, bias] =
            [M * k, k * n, n].map(|count| -> Vec<f32> { (0..count).map(|_| values()).collect() });
        for (isa, (a_transposed, b_transposed)) in
            isas().flat_map(|isa| TRANSPOSED.map(|layout| (isa, layout)))
        {
            let product = |a: &[f32], m| {
                let view = |data, rows, cols, transposed| match transposed {
                    false => Mat::new(data, rows, cols).expect("rows x cols"),
                    true => Mat::new(data, cols, rows).expect("cols x rows").t(),
                };
                let (a, b) = (view(a, m, k, a_transposed), view(&b, k, n, b_transposed));
                let mut c = vec![f32::NAN; m * n];
                let out = MatMut::new(&mut c, m, n).expect("m x n");
                gemm_with(isa, a, b, out, Epilogue::Bias(&bias)).expect("shapes that fit");
                c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let together = product(&a, M);
            for row in 0..M {
                let number = |i| if a_transposed { a[i * M + row] } else { a[row * k + i] };
                let alone = product(&(0..k).map(number).collect::<Vec<_>>(), 1);
                let what = format!("{isa}: {n} columns, {k} deep, {a_transposed}, {b_transposed}, row {row}");
                assert_eq!(alone, together[row * n..][..n], "{what}");
            }
        }
    }
}

/// Where there is nothing to step over, a stride may be anything.
#[test]
fn empty_sums_of_far_strides_are_the_epilogue_of_zero() {
    for isa in isas() {
        for (m, n) in [(20, 100), (1, 1), (100, 20)] {
            let mut c = vec![f32::NAN; m * n];
            let bias = vec![2.0; n];
            let empty = |rows, cols| Mat::with_stride(&[], rows, cols, usize::MAX).expect("an empty matrix");
            let out = MatMut::new(&mut c, m, n).expect("m x n");
            gemm_with(isa, empty(m, 0), empty(0, n), out, Epilogue::Bias(&bias)).expect("shapes that fit");
            assert!(c.iter().all(|&x| x == 2.0), "{isa}: {m} x {n}");
            let out = MatMut::new(&mut c, m, n).expect("m x n");
            gemm_with(isa, empty(0, m).t(), empty(n, 0).t(), out, Epilogue::None).expect("shapes that fit");
            assert!(c.iter().all(|&x| x.to_bits() == 0), "{isa}: {m} x {n}, transposed");
        }
        // One row, whose stride is never used.
        let (a, mut c) = ([3.0, 4.0], [f32::NAN]);
        let a = Mat::with_stride(&a, 1, 2, usize::MAX).expect("1 x 2");
        let out = MatMut::with_stride(&mut c, 1, 1, usize::MAX).expect("1 x 1");
        gemm_with(isa, a, a.t(), out, Epilogue::None).expect("shapes that fit");
        assert_eq!(c, [25.0], "{isa}");
    }
}

#[test]
fn the_reference_is_refused_and_sums_alike() {
    let (mut values, mut c, mut expected) = (random(14), [f32::NAN; 6], [f32::NAN; 6]);
    // Whole numbers, which every order sums to the same.
    let [a, b] = [(); 2].map(|()| -> [f32; 6] { std::array::from_fn(|_| (8.0 * values()).round()) });
    let a = Mat::new(&a, 3, 2).expect("3 x 2");
    let b = Mat::new(&b, 2, 3).expect("2 x 3");
    let mask = Mat::new(&[1.0, 0.0, -1.0, f32::NAN], 2, 2).expect("2 x 2");
    let epilogues = [Epilogue::None, Epilogue::Bias(&[1.0, -9.0]), Epilogue::BiasRelu(&[1.0, -9.0])];
    for epilogue in epilogues.into_iter().chain([Epilogue::ReluMask(mask), Epilogue::ReluMask(mask.t())]) {
        for isa in isas() {
            let out = MatMut::new(&mut c[..4], 2, 2).expect("2 x 2");
            gemm_with(isa, a.t(), b.t(), out, epilogue).expect("shapes that fit");
            let out = MatMut::new(&mut expected[..4], 2, 2).expect("2 x 2");
            reference::gemm(a.t(), b.t(), out, epilogue).expect("shapes that fit");
            assert_eq!(c[..4].to_vec(), expected[..4].to_vec(), "{isa}, {epilogue:?}");
        }
    }
    let out = MatMut::new(&mut expected, 2, 3).expect("2 x 3");
    let error = reference::gemm(a, b, out, Epilogue::None).expect_err("a 3 x 3 product");
    assert_eq!(error, Error::Shape { expected: (3, 3), got: (2, 3) });
}

/// A product whose shape is a type has the bits of the same product at run time.
fn check_fixed<const M: usize, const K: usize, const N: usize>() {
    let mut values = random((M * 10_000 + K * 100 + N) as u64);
    let a: [[f32; K]; M] = std::array::from_fn(|_| std::array::from_fn(|_| values()));
    let b: [[f32; N]; K] = std::array::from_fn(|_| std::array::from_fn(|_| values()));
    for isa in isas() {
        // Guards on either side.
        let mut c = [[[f32::NAN; N]; M], [[f32::NAN; N]; M], [[f32::NAN; N]; M]];
        matmul_with(isa, &a, &b, &mut c[1]);
        let mut expected = [[f32::NAN; N]; M];
        let view = |x, rows, cols| Mat::new(x, rows, cols).expect("a dense matrix");
        let out = MatMut::new(expected.as_flattened_mut(), M, N).expect("a dense matrix");
        let (a, b) = (view(a.as_flattened(), M, K), view(b.as_flattened(), K, N));
        gemm_with(isa, a, b, out, Epilogue::None).expect("shapes that fit");
        assert!(c[1] == expected, "{isa}: {M} x {K} x {N}");
        assert!([c[0], c[2]].as_flattened().as_flattened().iter().all(|x| x.is_nan()), "{isa}: guards");
    }
}

#[test]
fn fixed_shapes_give_the_bits_of_runtime_shapes() {
    check_fixed::<0, 3, 3>();
    check_fixed::<3, 0, 3>();
    check_fixed::<3, 3, 0>();
    check_fixed::<1, 1, 1>();
    check_fixed::<2, 3, 4>();
    check_fixed::<3, 5, 7>();
    check_fixed::<4, 4, 4>();
    check_fixed::<8, 8, 8>();
    check_fixed::<1, 64, 32>();
    check_fixed::<1, 100, 10>();
    check_fixed::<7, 33, 9>();
    check_fixed::<13, 17, 15>();
    check_fixed::<14, 16, 16>();
    check_fixed::<15, 15, 17>();
    check_fixed::<16, 16, 16>();
    check_fixed::<29, 31, 33>();
    check_fixed::<32, 10, 32>();
    check_fixed::<32, 32, 10>();
    check_fixed::<32, 64, 32>();
    check_fixed::<5, 70, 49>();
    check_fixed::<27, 9, 65>();
    check_fixed::<9, 20, 100>();
    check_fixed::<1, 7, 1>();
    check_fixed::<9, 64, 1>();
    check_fixed::<5, 200, 1>();
    check_fixed::<1, 40, 300>();
    check_fixed::<20, 3, 50>();
}

/// The portable set is never fused, the others are, unless bits must be the same everywhere.
#[test]
fn classes_of_instruction_sets() {
    for isa in isas() {
        let fused = isa != Isa::portable() && !cfg!(feature = "reproducible");
        assert_eq!(isa.is_fused(), fused, "{isa}");
        // (1 + u)(1 - u) - 1 is -u^2 if rounded once, 0 if rounded twice, for u = 2^-23.
        let u = f32::EPSILON;
        let mut c = [-1.0];
        let (a, b) = ([1.0 + u], [1.0 - u]);
        let view = |x| Mat::new(x, 1, 1).expect("1 x 1");
        let out = MatMut::new(&mut c, 1, 1).expect("1 x 1");
        gemm_with(isa, view(&a), view(&b), out, Epilogue::Accumulate).expect("shapes that fit");
        assert_eq!(c, [if fused { -u * u } else { 0.0 }], "{isa}");
    }
}
