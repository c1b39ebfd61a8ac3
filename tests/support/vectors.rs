//! The files of `tests/pytorch/` and `tests/onnx/`, whose READMEs describe them.

use std::collections::HashMap;

/// Numbers by the words before them, joined by spaces.
pub(crate) struct Vectors(HashMap<String, Vec<f64>>);

impl Vectors {
    /// Of a file whose lines begin with `words` words.
    pub(crate) fn read(file: &str, words: usize) -> Self {
        let lines = file.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let all: Vec<&str> = line.split(' ').collect();
            let numbers = all[words..].iter().map(|word| word.parse().expect("a number")).collect();
            (all[..words].join(" "), numbers)
        });
        Self(lines.collect())
    }

    pub(crate) fn f64s(&self, name: &str) -> &[f64] {
        self.get(name).unwrap_or_else(|| panic!("no {name} in the file"))
    }

    /// `None` if the file has no such numbers.
    pub(crate) fn get(&self, name: &str) -> Option<&[f64]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Numbers that an `f32` holds.
    pub(crate) fn f32s(&self, name: &str) -> Vec<f32> {
        self.f64s(name).iter().map(|&x| x as f32).collect()
    }
}
