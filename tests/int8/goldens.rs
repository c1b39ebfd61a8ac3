//! The folder of goldens, and how a layer is held to one.

use crate::support::isas::isas;
use fusebox::int8::{Join, Quantization, Tensor, WeightScale};
use fusebox::{Isa, Layer, Plain, Scratch};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// A picture of `H` rows of `W` pixels of `C` numbers.
pub(crate) type Map<const H: usize, const W: usize, const C: usize> = [[[i8; C]; W]; H];

/// Rows at a time.
const ROWS: usize = 7;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operators");

/// Whose outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// TensorFlow Lite for Microcontrollers.
    Micro,
    /// LiteRT's reference kernels.
    Reference,
}

pub(crate) struct Goldens {
    /// By case, operator and end: `conv_1x1 0.c1`.
    parameters: HashMap<String, Vec<f64>>,
    names: BTreeSet<String>,
    ran: RefCell<BTreeSet<String>>,
}

impl Goldens {
    pub(crate) fn read() -> Self {
        let file = std::fs::read_to_string(format!("{FOLDER}/operators.txt")).expect("operators.txt");
        let titles = file.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(": "));
        // Networks of real numbers have other tests.
        let names = titles.map(|(name, _)| name.into()).filter(|name: &String| !name.starts_with("float_"));
        let names = names.collect();
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        let parameters = lines.map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let numbers = words[2..].iter().map(|word| word.parse().expect("a number")).collect();
            (words[..2].join(" "), numbers)
        });
        Self { parameters: parameters.collect(), names, ran: RefCell::default() }
    }

    /// The cases of the folder.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The cases that a layer was compared with on every instruction set.
    pub(crate) fn ran(&self) -> BTreeSet<String> {
        self.ran.borrow().clone()
    }

    fn get(&self, of: &Parameter<'_>) -> Option<&[f64]> {
        self.parameters.get(&format!("{} {}.{}", of.case, of.operator, of.field)).map(Vec::as_slice)
    }

    fn numbers(&self, of: &Parameter<'_>) -> &[f64] {
        self.get(of).unwrap_or_else(|| panic!("{of:?} is not in the file"))
    }

    /// A constant of bytes, in arrays.
    pub(crate) fn bytes<T: Tensor>(&self, of: &Parameter<'_>) -> T {
        let bytes: Vec<u8> = self.numbers(of).iter().map(|&x| x as i8 as u8).collect();
        T::copy_from_bytes(&bytes).unwrap_or_else(|error| panic!("{of:?}: {error}"))
    }

    /// Biases; zeros if the operator has none.
    pub(crate) fn sums<const N: usize>(&self, of: &Parameter<'_>) -> [i32; N] {
        let Some(numbers) = self.get(of) else { return [0; N] };
        let sums: Vec<i32> = numbers.iter().map(|&x| x as i32).collect();
        sums.try_into().unwrap_or_else(|_| panic!("{of:?}: not {N} sums"))
    }

    pub(crate) fn weight_scale<const N: usize>(&self, of: &Parameter<'_>) -> WeightScale<N> {
        let scales: Vec<f32> = self.numbers(of).iter().map(|&x| x as f32).collect();
        match scales[..] {
            [scale] => WeightScale::Tensor(scale),
            _ => WeightScale::Outputs(scales.try_into().unwrap_or_else(|_| panic!("{of:?}: not {N} scales"))),
        }
    }

    pub(crate) fn quantization(&self, of: &Parameter<'_>) -> Quantization {
        match *self.numbers(of) {
            [scale, zero] => Quantization { scale: scale as f32, zero: zero as i8 },
            _ => panic!("{of:?}: no scale and zero"),
        }
    }

    /// Runs a layer on every instruction set; its outputs are the golden ones.
    pub(crate) fn check<L: Layer<Input: Plain, Output: Plain>>(&self, name: &str, of: Of, layer: &L) {
        self.hold(name, of, |isa, inputs, outputs| {
            for (xs, ys) in inputs
                .chunks(ROWS * size_of::<L::Input>())
                .zip(outputs.chunks_mut(ROWS * size_of::<L::Output>()))
            {
                let mut rows = typed::<L::Output>(ys);
                layer
                    .infer_with(isa, &typed(xs), &mut Scratch::<L, ROWS>::new(), &mut rows)
                    .expect("rows that fit");
                ys.copy_from_slice(&untyped(&rows));
            }
        });
    }

    /// Joins both inputs on every instruction set; the outputs are the golden ones.
    pub(crate) fn check_join<A: Tensor, B: Tensor>(&self, name: &str, of: Of, join: &impl Join<A, B>) {
        self.hold(name, of, |isa, inputs, outputs| {
            let samples = inputs.chunks_exact(size_of::<A>() + size_of::<B>());
            let (a, b): (Vec<_>, Vec<_>) = samples.map(|sample| sample.split_at(size_of::<A>())).unzip();
            let mut ys = typed(outputs);
            join.join(isa, &typed(&a.concat()), &typed(&b.concat()), &mut ys);
            outputs.copy_from_slice(&untyped(&ys));
        });
    }

    /// Compares what `run` makes of the inputs, on every instruction set, and counts the case.
    fn hold(&self, name: &str, of: Of, mut run: impl FnMut(Isa, &[u8], &mut [u8])) {
        let read = |kind| {
            std::fs::read(format!("{FOLDER}/{name}.{kind}.bin")).unwrap_or_else(|_| panic!("no {name}"))
        };
        let golden = read(match of {
            Of::Micro => "tflm",
            Of::Reference => "ref",
        });
        let inputs = read("in");
        for isa in isas() {
            // No output is right before it is written.
            let mut outputs: Vec<u8> = golden.iter().map(|y| !y).collect();
            run(isa, &inputs, &mut outputs);
            let differences = outputs.iter().zip(&golden).filter(|(a, b)| a != b).count();
            let first = outputs.iter().zip(&golden).position(|(a, b)| a != b);
            assert_eq!(
                differences,
                0,
                "{name}, {of:?}, {isa}: of {} bytes; the first at {first:?}: {:?} instead of {:?}",
                golden.len(),
                first.map(|i| outputs[i] as i8),
                first.map(|i| golden[i] as i8),
            );
        }
        self.ran.borrow_mut().insert(name.into());
    }
}

/// A constant, or the scale and zero, at an end of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) case: &'a str,
    pub(crate) operator: usize,
    /// `x0` and `x1` are inputs, `y0` an output; `c1` a constant at the place of `x1`, and `s1` its scales.
    pub(crate) field: &'a str,
}

/// An operator of a model, whose parameters are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Operator<'a> {
    pub(crate) goldens: &'a Goldens,
    pub(crate) case: &'a str,
    pub(crate) index: usize,
}

impl<'a> Operator<'a> {
    /// The only operator of a case, or the first.
    pub(crate) fn first(goldens: &'a Goldens, case: &'a str) -> Self {
        Self { goldens, case, index: 0 }
    }

    pub(crate) fn parameter(&self, field: &'a str) -> Parameter<'a> {
        Parameter { case: self.case, operator: self.index, field }
    }

    /// Of an input or output: `x0`, `x1`, `y0`.
    pub(crate) fn quantization(&self, field: &'a str) -> Quantization {
        self.goldens.quantization(&self.parameter(field))
    }
}

fn typed<T: Plain>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks(size_of::<T>()).map(|row| T::copy_from_bytes(row).expect("whole rows")).collect()
}

fn untyped<T: Plain>(rows: &[T]) -> Vec<u8> {
    rows.iter().flat_map(|row| row.as_bytes().to_vec()).collect()
}
