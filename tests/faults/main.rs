//! Inputs at the ends of the range of `f32`, and others that once gave wrong results: each against what mathematics says, or a
//! reference in `f64`, on every instruction set.

#[path = "../support"]
mod support {
    pub(crate) mod isas;
}

mod accumulation;
mod clipping;
mod dropout;
mod evaluation;
mod guard;
mod large;
mod layer_norm;
mod moments;
mod nesting;
mod settings;
mod statistics;
mod weighted_cross_entropy;

use fusebox::Isa;
use support::isas::isas;

/// What `run` gives on each instruction set, which must be the same numbers, to the bit, within a class.
fn on_every_isa(what: &str, run: impl Fn(Isa) -> Vec<f32>) -> Vec<(Isa, Vec<f32>)> {
    let mut of_class: [Option<Vec<u32>>; 2] = [None, None];
    let results = isas().map(|isa| (isa, run(isa)));
    results
        .inspect(|(isa, got)| {
            // NaN is NaN, whatever its bits.
            let bits: Vec<u32> =
                got.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect();
            let alike = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| bits.clone());
            assert!(*alike == bits, "{isa}, {what}: not the bits of its class");
        })
        .collect()
}
