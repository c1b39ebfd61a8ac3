//! The node tests of the package onnx, written by nobody here: its convolutions, pools, normalisations, padding,
//! upsampling, activations, softmax, recurrent layers and attention through the public layers, on every instruction
//! set. The README beside this file says what is covered, what is not and why.

#[path = "../support"]
mod support {
    pub(crate) mod isas;
    pub(crate) mod vectors;
}

mod attention;
mod bounds;
mod convolutions;
mod functions;
mod larger;
mod nodes;
mod norms;
mod pools;
mod recurrent;

use nodes::Nodes;
use support::isas::tell;

/// Cases that have run when all have.
const COVERED: usize = 179;

#[test]
fn every_case_of_the_file() {
    let nodes = Nodes::read();
    convolutions::run(&nodes);
    pools::run(&nodes);
    norms::run(&nodes);
    larger::run(&nodes);
    functions::run(&nodes);
    recurrent::run(&nodes);
    attention::run(&nodes);

    let (ran, names) = (nodes.ran(), nodes.names());
    for name in names {
        assert!(ran.contains(name), "{name} has not run");
    }
    assert_eq!(ran.len(), COVERED);
    tell(&format!("onnx: {COVERED} cases ran"));
}
