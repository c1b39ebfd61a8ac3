//! Every operator of eight bits against TensorFlow Lite for Microcontrollers and LiteRT's reference kernels, on every instruction
//! set, without a difference: the layers on the inputs, weights, scales and outputs of `tests/operators`.

#[path = "../support"]
mod support {
    pub(crate) mod isas;
}

mod functions;
mod goldens;
mod joins;
mod networks;
mod pools;
mod products;
mod recurrent;
mod regions;

use goldens::Goldens;
use std::collections::BTreeSet;
use support::isas::tell;

#[test]
fn every_case_of_the_folder() {
    let goldens = Goldens::read();
    products::run(&goldens);
    pools::run(&goldens);
    joins::run(&goldens);
    regions::run(&goldens);
    functions::run(&goldens);
    networks::run(&goldens);
    recurrent::run(&goldens);

    let ran = goldens.ran();
    tell(&format!("int8: {} operators and networks ran", ran.len()));
    let not_run: BTreeSet<_> = goldens.names().difference(&ran).cloned().collect();
    assert_eq!(not_run, BTreeSet::new(), "not run");
    assert_eq!(ran.len(), goldens.names().len());
}
