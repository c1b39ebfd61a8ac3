//! What packing the weights ahead of time brings: the plain product and the packed one, interleaved.

use crate::peers::multiply;
use crate::product::{Conditions, Product, Run, measure};
use crate::random::random;
use crate::shapes::Shape;
use comfy_table::Table;
use fusebox::{Epilogue, Isa, Mat, MatMut, Packed, gemm_packed_with};
use measuring::table::{aligned, percent};
use std::hint::black_box;

/// % of the peak, and how many times as fast packed weights are.
pub(crate) fn table(conditions: Conditions) -> Table {
    let header = ["m x n x k", "plain", "packed", "packed : plain"];
    let mut rows = Vec::new();
    for m in [1, 4, 32] {
        rows.push(row::<128, 10, 1>(conditions, m));
        rows.push(row::<64, 32, 2>(conditions, m));
        rows.push(row::<100, 100, 7>(conditions, m));
        rows.push(row::<784, 128, 8>(conditions, m));
        rows.push(row::<784, 256, 16>(conditions, m));
    }
    aligned(header.map(String::from).into(), rows)
}

fn row<const K: usize, const N: usize, const P: usize>(conditions: Conditions, m: usize) -> Vec<String> {
    let isa = conditions.isa;
    let weights = random(K * N);
    let mut packed = Box::new(Packed::<K, N, P>::zeros());
    packed.pack(weights.as_chunks().0.try_into().expect("K rows"));
    let plain: Run<'_> = Box::new(move |product: &mut Product, times| {
        for _ in 0..times {
            multiply(isa, black_box(product), Epilogue::None);
        }
    });
    let packed: Run<'_> = Box::new(move |product: &mut Product, times| {
        for _ in 0..times {
            multiply_packed(isa, black_box(product), &packed);
        }
    });
    let shape = Shape { m, n: N, k: K, transposed: [false; 2] };
    let parts: Vec<_> =
        measure(conditions, shape, &[Some(plain), Some(packed)]).into_iter().flatten().collect();
    vec![shape.to_string(), percent(parts[0]), percent(parts[1]), format!("{:.2}", parts[1] / parts[0])]
}

fn multiply_packed<const K: usize, const N: usize, const P: usize>(
    isa: Isa,
    product: &mut Product,
    packed: &Packed<K, N, P>,
) {
    let m = product.shape.m;
    let a = Mat::new(&product.a, m, K).expect("m x K numbers");
    let c = MatMut::new(&mut product.c, m, N).expect("m x N numbers");
    gemm_packed_with(isa, a, packed, c, Epilogue::None).expect("shapes that fit");
}
