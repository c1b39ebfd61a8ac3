//! Products and functions of slices, of any shape.

use crate::{any, hide, keep};
use fusebox::{
    Epilogue, Isa, Kernels, Mat, MatMut, Packed, Pass, functions, gemm, gemm_packed, gemm_packed_with,
    gemm_with, matmul, matmul_with, reference,
};

/// Calls them all.
pub fn all() {
    shapes();
    fixed::<1, 1, 1>();
    fixed::<5, 3, 17>();
    fixed::<33, 40, 50>();
    fixed::<1, 100, 32>();
    fixed::<20, 64, 1>();
    fixed::<4, 0, 3>();
    packed::<7, 20, 2>();
    packed::<40, 48, 3>();
    packed::<3, 1, 1>();
    packed::<2, 0, 0>();
    slices();
    keep(hide(Isa::portable()).run(Products));
}

fn mat<'a>(data: &'a [f32]) -> Option<Mat<'a>> {
    Mat::with_stride(hide(data), any(), any(), any()).ok()
}

/// Matrices that may fit each other, and every epilogue.
fn shapes() {
    let (a, b, gate, mut c) =
        (any::<[f32; 12]>(), any::<[f32; 12]>(), any::<[f32; 12]>(), any::<[f32; 12]>());
    let (Some(a), Some(b), Some(gate)) = (mat(&a), mat(&b), mat(&gate)) else { return };
    let Ok(mut c) = MatMut::with_stride(hide(&mut c), any(), any(), any()) else { return };
    let (a, b) = (if any::<u8>() == 0 { a } else { a.t() }, if any::<u8>() == 0 { b } else { b.t() });
    let bias = any::<[f32; 4]>();
    let bias = hide(&bias[..]);
    let epilogue = match any::<u8>() {
        0 => Epilogue::Bias(bias),
        1 => Epilogue::BiasRelu(bias),
        2 => Epilogue::Accumulate,
        3 => Epilogue::AccumulateRelu,
        4 => Epilogue::ReluMask(gate),
        5 => Epilogue::ReluMask(gate.t()),
        _ => Epilogue::None,
    };
    keep(gemm(a, b, c.reborrow(), epilogue));
    keep(gemm_with(hide(Isa::detect()), a, b, c.reborrow(), epilogue));
    keep(reference::gemm(a, b, c.reborrow(), epilogue));
}

fn fixed<const M: usize, const K: usize, const N: usize>() {
    let (a, b, mut c) = (any::<[[f32; K]; M]>(), any::<[[f32; N]; K]>(), any::<[[f32; N]; M]>());
    matmul(&a, &b, hide(&mut c));
    matmul_with(hide(Isa::portable()), &a, &b, hide(&mut c));
    keep(c);
}

fn packed<const K: usize, const N: usize, const P: usize>() {
    let weights = any::<[[f32; N]; K]>();
    let packed = hide(Packed::<K, N, P>::new(&weights));
    let (a, mut c) = (any::<[f32; 12]>(), any::<[f32; 12]>());
    let Some(a) = mat(&a) else { return };
    let Ok(mut c) = MatMut::new(hide(&mut c), any(), any()) else { return };
    let gate = any::<[f32; 12]>();
    let epilogue = match mat(&gate) {
        Some(gate) => Epilogue::ReluMask(gate),
        None => Epilogue::Accumulate,
    };
    keep(gemm_packed(a, &packed, c.reborrow(), epilogue));
    keep(gemm_packed_with(hide(Isa::portable()), a, &packed, c.reborrow(), epilogue));
}

fn slices() {
    let mut numbers = any::<[f32; 16]>();
    let xs = hide(&mut numbers[..]);
    let isa = hide(Isa::portable());
    functions::exp(xs);
    functions::exp_with(isa, xs);
    functions::ln(xs);
    functions::ln_with(isa, xs);
    functions::gelu_tanh(xs);
    functions::gelu_tanh_with(isa, xs);
    functions::tanh(xs);
    functions::tanh_with(isa, xs);
    functions::sigmoid(xs);
    functions::sigmoid_with(isa, xs);
    functions::softplus(xs);
    functions::softplus_with(isa, xs);
    functions::gelu(xs);
    functions::gelu_with(isa, xs);
    keep(functions::softmax(xs, any()));
    keep(functions::softmax_with(isa, xs, any()));
}

/// Several products inside of one look-up of the instruction set.
struct Products;

impl Pass for Products {
    type Output = [[f32; 5]; 3];

    fn run<K: Kernels>(self, kernels: K) -> Self::Output {
        let (a, b, mut c) = (any::<[[f32; 2]; 3]>(), any::<[[f32; 5]; 2]>(), any::<[[f32; 5]; 3]>());
        kernels.matmul(&a, &b, &mut c);
        let (x, mut y) = (any::<[f32; 12]>(), any::<[f32; 12]>());
        if let (Some(x), Ok(y)) = (mat(&x), MatMut::new(hide(&mut y), any(), any())) {
            keep(kernels.gemm(x, x.t(), y, Epilogue::None));
        }
        c
    }
}
