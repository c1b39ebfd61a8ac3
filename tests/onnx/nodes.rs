//! The file of cases, and how a layer is held to one.

use crate::support::isas::isas;
use crate::support::vectors::Vectors;
use fusebox::{Isa, Layer, Plain, Scratch};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A picture of `H` rows of `W` pixels of `C` numbers.
pub(crate) type Map<const H: usize, const W: usize, const C: usize> = [[[f32; C]; W]; H];

/// Rows of the largest batch: those of 3 numbers along an axis of `[2][3][4][5]`.
const ROWS: usize = 24;

const FILE: &str = include_str!("nodes.txt");

pub(crate) struct Nodes {
    numbers: Vectors,
    ran: RefCell<BTreeSet<String>>,
}

impl Nodes {
    pub(crate) fn read() -> Self {
        Self { numbers: Vectors::read(FILE, 2), ran: RefCell::default() }
    }

    /// The cases of the file.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        let lines = FILE.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split(' ').next())
            .filter(|name| !name.starts_with("picture_") && !name.starts_with("array_"))
            .collect()
    }

    /// The cases that a layer was compared with on every instruction set.
    pub(crate) fn ran(&self) -> BTreeSet<String> {
        self.ran.borrow().clone()
    }

    pub(crate) fn numbers(&self, case: &str, field: &str) -> Vec<f32> {
        self.numbers.f32s(&format!("{case} {field}"))
    }

    pub(crate) fn optional(&self, case: &str, field: &str) -> Option<Vec<f32>> {
        let numbers = self.numbers.get(&format!("{case} {field}"))?;
        Some(numbers.iter().map(|&x| x as f32).collect())
    }

    /// A field as a parameter of a layer.
    pub(crate) fn parameter<P: Plain>(&self, case: &str, field: &str) -> P {
        let values = typed::<P>(&self.numbers(case, field));
        assert_eq!(values.len(), 1, "{case} {field}: another shape");
        values[0]
    }

    pub(crate) fn epsilon(&self, case: &str) -> f64 {
        f64::from(self.parameter::<f32>(case, "epsilon"))
    }

    pub(crate) fn case(&self, name: &'static str) -> Case {
        let shape = |field| self.numbers(name, field).iter().map(|&x| x as usize).collect::<Vec<_>>();
        let (input, output, y) = (shape("input"), shape("output"), self.numbers(name, "y"));
        let x = match input[..] {
            // A large picture, which several cases have.
            [1, 28 | 32, width, _] => self.numbers(&format!("picture_{width}"), "x"),
            _ => self.numbers(name, "x"),
        };
        assert_eq!(x.len(), input.iter().product::<usize>(), "{name}: x");
        assert_eq!(y.len(), output.iter().product::<usize>(), "{name}: y");
        Case { input, x, ..Case::of_outputs(name, output, y) }
    }

    /// Runs a layer on every instruction set; each of its numbers is within its bound of onnx's.
    pub(crate) fn check<L: Layer<Input: Plain>>(&self, case: &Case, layer: &L, bound: impl Fn(usize) -> f64) {
        let xs = typed::<L::Input>(&case.x);
        for isa in isas() {
            let mut ys =
                typed::<L::Output>(&vec![f32::NAN; xs.len() * size_of::<L::Output>() / size_of::<f32>()]);
            layer.infer_with(isa, &xs, &mut Scratch::<L, ROWS>::new(), &mut ys).expect("rows that fit");
            case.compare(isa, &numbers(&ys), &bound);
        }
        self.note(case);
    }

    /// Counts a case.
    pub(crate) fn note(&self, case: &Case) {
        assert!(self.ran.borrow_mut().insert(case.name.into()), "{} has run already", case.name);
    }
}

/// A node's input and output: `[n][height][width][channels]`, or rows.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) input: Vec<usize>,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<f32>,
    output: Vec<usize>,
    /// The shape of what the layer makes, and where in it `y` is.
    made: Vec<usize>,
    places: Vec<usize>,
}

impl Case {
    /// Of a layer that makes just these numbers; without an input.
    pub(crate) fn of_outputs(name: &'static str, output: Vec<usize>, y: Vec<f32>) -> Self {
        let places = (0..y.len()).collect();
        Self { name, input: Vec::new(), x: Vec::new(), y, made: output.clone(), places, output }
    }

    /// With the first rows and columns of the input only: the others are under no window.
    pub(crate) fn cropped(mut self, height: usize, width: usize) -> Self {
        let places = places(&self.input, [0, 0], [height, width]);
        self.x = places.into_iter().map(|place| self.x[place]).collect();
        [self.input[1], self.input[2]] = [height, width];
        self
    }

    /// For a layer that makes a larger picture, `made`, in which this one's output begins at `at`.
    pub(crate) fn inside(mut self, made: [usize; 2], at: [usize; 2]) -> Self {
        [self.made[1], self.made[2]] = made;
        self.places = places(&self.made, at, [self.output[1], self.output[2]]);
        self
    }

    /// The largest magnitude of the input.
    pub(crate) fn largest(&self) -> f64 {
        self.x.iter().fold(0.0, |largest, x| f64::max(largest, x.abs().into()))
    }

    /// Each of a layer's outputs is within its bound of this one's.
    pub(crate) fn compare(&self, isa: Isa, got: &[f32], bound: impl Fn(usize) -> f64) {
        let name = self.name;
        assert_eq!(got.len(), self.made.iter().product::<usize>(), "{name}: another shape");
        let mut most = 0.0_f64;
        for (i, (&place, &y)) in self.places.iter().zip(&self.y).enumerate() {
            let (got, bound) = (got[place], bound(i));
            let error = (f64::from(got) - f64::from(y)).abs();
            assert!(error <= bound, "{name}, {isa}: number {i} is {got}, not {y}; the bound is {bound:e}");
            if bound > 0.0 {
                most = most.max(error / bound);
            }
        }
        println!("{name}, {isa}: {} numbers, errors up to {most:.3} of the bound", self.y.len());
    }
}

/// Where the part `[height, width]` from `at` on is, in pictures of a shape.
fn places(of: &[usize], at: [usize; 2], part: [usize; 2]) -> Vec<usize> {
    let &[pictures, height, width, channels] = of else { panic!("no pictures") };
    assert!(at[0] + part[0] <= height && at[1] + part[1] <= width, "a part outside of a picture");
    let rows = (0..pictures).flat_map(|n| (at[0]..at[0] + part[0]).map(move |row| n * height + row));
    let pixels = rows.flat_map(|row| (at[1]..at[1] + part[1]).map(move |col| row * width + col));
    pixels.flat_map(|pixel| pixel * channels..(pixel + 1) * channels).collect()
}

pub(crate) fn typed<T: Plain>(numbers: &[f32]) -> Vec<T> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.chunks(size_of::<T>()).map(|row| T::copy_from_bytes(row).expect("whole rows")).collect()
}

pub(crate) fn numbers<T: Plain>(rows: &[T]) -> Vec<f32> {
    let words = rows.iter().flat_map(|row| row.as_bytes().chunks(4));
    words.map(|x| f32::from_le_bytes(x.try_into().expect("four bytes"))).collect()
}
