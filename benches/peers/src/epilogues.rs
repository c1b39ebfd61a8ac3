//! What it costs to add a bias, and so on, while C is written: the same product with every epilogue.

use crate::peers::multiply;
use crate::product::{Conditions, Product, Run, measure};
use crate::random::random;
use crate::shapes::Shape;
use comfy_table::Table;
use fusebox::{Epilogue, Isa, Mat};
use measuring::table::{aligned, percent};
use std::hint::black_box;

/// % of the peak, and in brackets the ratio to a product without epilogue.
pub(crate) fn table(conditions: Conditions) -> Table {
    let header = ["m x n x k", "None", "Bias", "BiasRelu", "Accumulate", "ReluMask"];
    let rows = [64, 256, 512].map(|n| row(conditions, n));
    aligned(header.map(String::from).into(), rows.into())
}

fn row(conditions: Conditions, n: usize) -> Vec<String> {
    let (bias, gate) = (random(n), random(n * n));
    let gate = Mat::new(&gate, n, n).expect("n x n numbers");
    let epilogues = [
        Epilogue::None,
        Epilogue::Bias(&bias),
        Epilogue::BiasRelu(&bias),
        Epilogue::Accumulate,
        Epilogue::ReluMask(gate),
    ];
    let runs = epilogues.map(|epilogue| Some(run(conditions.isa, epilogue)));
    let shape = Shape::square(n);
    let parts: Vec<_> = measure(conditions, shape, &runs).into_iter().flatten().collect();
    let cells = parts.iter().map(|part| format!("{} ({:.2})", percent(*part), part / parts[0]));
    [shape.to_string()].into_iter().chain(cells).collect()
}

fn run(isa: Isa, epilogue: Epilogue<'_>) -> Run<'_> {
    Box::new(move |product: &mut Product, times| {
        for _ in 0..times {
            multiply(isa, black_box(product), epilogue);
        }
    })
}
