//! Weights packed ahead of time give the bits of the plain product: every instruction set, epilogue and layout of A, at
//! sizes on either side of a panel, a vector and a segment.

mod support {
    pub(crate) mod isas;
}

use fusebox::{
    Epilogue, Error, Isa, Mat, MatMut, Packed, Rng, gemm, gemm_packed, gemm_packed_with, gemm_with,
};
use support::isas::isas;

fn random(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

/// Compares the packed with the plain product, for one to some rows.
fn check<const K: usize, const N: usize, const P: usize>() {
    let b: [[f32; N]; K] = {
        let numbers = random((K * 1000 + N) as u64, K * N);
        std::array::from_fn(|k| std::array::from_fn(|n| numbers[k * N + n]))
    };
    let packed = Packed::<K, N, P>::new(&b);
    let plain = Mat::new(b.as_flattened(), K, N).expect("K x N");
    let bias = random(1, N);
    for m in [0, 1, 2, 3, 4, 5, 9, 15, 33] {
        let (a, gate, before) = (random(2, m * K), random(3, m * N), random(4, m * N));
        let gate = Mat::new(&gate, m, N).expect("m x N");
        let rows = Mat::new(&a, m, K).expect("m x K");
        let columns = Mat::new(&a, K, m).expect("K x m").t();
        for (a, epilogue) in [rows, columns].into_iter().flat_map(|a| {
            let bias = &bias;
            [
                Epilogue::None,
                Epilogue::Bias(bias),
                Epilogue::BiasRelu(bias),
                Epilogue::Accumulate,
                Epilogue::ReluMask(gate),
            ]
            .map(|epilogue| (a, epilogue))
        }) {
            for isa in isas() {
                // Rows of C with a gap, which must stay as it is.
                let stride = N + 3;
                let mut c = vec![f32::NAN; m * stride];
                if let Epilogue::Accumulate = epilogue {
                    for (row, before) in c.chunks_mut(stride).zip(before.chunks(N.max(1))) {
                        row[..N].copy_from_slice(before);
                    }
                }
                let mut expected = c.clone();
                let view = |c| MatMut::with_stride(c, m, N, stride).expect("m x N");
                gemm_packed_with(isa, a, &packed, view(&mut c), epilogue).expect("shapes that fit");
                gemm_with(isa, a, plain, view(&mut expected), epilogue).expect("shapes that fit");
                let same = c.iter().zip(&expected).all(|(x, y)| x.to_bits() == y.to_bits());
                assert!(same, "{isa}: {m} x {N} x {K}, {epilogue:?}, transposed {}", a.cols() == m);
            }
        }
    }
}

#[test]
fn packed_weights_give_the_bits_of_plain_ones() {
    check::<1, 1, 1>();
    check::<3, 1, 1>();
    check::<100, 1, 1>();
    check::<0, 5, 1>();
    check::<5, 0, 0>();
    check::<7, 10, 1>();
    check::<64, 10, 1>();
    check::<128, 15, 1>();
    check::<40, 16, 1>();
    check::<33, 17, 2>();
    check::<64, 32, 2>();
    check::<65, 33, 3>();
    check::<20, 49, 4>();
    check::<19, 64, 4>();
    check::<130, 80, 5>();
    check::<50, 127, 8>();
    check::<31, 128, 8>();
    check::<17, 129, 9>();
    check::<9, 260, 17>();
}

/// By the compiler, into a static.
#[test]
fn the_compiler_packs() {
    static WEIGHTS: [[f32; 20]; 64] = {
        let mut weights = [[0.0; 20]; 64];
        let mut i = 0;
        while i < 64 * 20 {
            weights[i / 20][i % 20] = i as f32;
            i += 1;
        }
        weights
    };
    static PACKED: Packed<64, 20, 2> = Packed::new(&WEIGHTS);
    let a = random(5, 3 * 64);
    let a = Mat::new(&a, 3, 64).expect("3 x 64");
    let (mut c, mut expected) = ([f32::NAN; 60], [f32::NAN; 60]);
    gemm_packed(a, &PACKED, MatMut::new(&mut c, 3, 20).expect("3 x 20"), Epilogue::None)
        .expect("shapes that fit");
    let b = Mat::new(WEIGHTS.as_flattened(), 64, 20).expect("64 x 20");
    gemm(a, b, MatMut::new(&mut expected, 3, 20).expect("3 x 20"), Epilogue::None).expect("shapes that fit");
    assert_eq!(c, expected);
}

#[test]
fn shapes_that_differ_are_errors_and_write_nothing() {
    let packed = Packed::<3, 20, 2>::new(&[[1.0; 20]; 3]);
    let mut c = [7.0; 40];
    let a = [1.0; 8];
    let a_of = |k| Mat::new(&a[..2 * k], 2, k).expect("2 x k");
    let isa = Isa::detect();
    let error =
        gemm_packed_with(isa, a_of(4), &packed, MatMut::new(&mut c, 2, 20).expect("2 x 20"), Epilogue::None);
    assert_eq!(error, Err(Error::Shape { expected: (4, 20), got: (3, 20) }));
    let error =
        gemm_packed_with(isa, a_of(3), &packed, MatMut::new(&mut c, 20, 2).expect("20 x 2"), Epilogue::None);
    assert_eq!(error, Err(Error::Shape { expected: (2, 20), got: (20, 2) }));
    let out = MatMut::new(&mut c, 2, 20).expect("2 x 20");
    let error = gemm_packed_with(isa, a_of(3), &packed, out, Epilogue::Bias(&[0.0; 19]));
    assert_eq!(error, Err(Error::Length { expected: 20, got: 19 }));
    assert_eq!(c, [7.0; 40]);
}
