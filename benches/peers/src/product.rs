//! The operands of a product, C = A B, row-major or transposed, on the heap.
//!
//! Where a matrix begins in its cache line decides a tenth and more of a small product's time, and a heap would leave it
//! to chance: so every matrix begins at the same place of a line.

use crate::random::random;
use crate::shapes::Shape;
use fusebox::Isa;
use measuring::timing;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Bytes that processors read from memory at once, or a multiple of them.
const CACHE_LINE: usize = 64;

/// How to measure.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// Whose peak is 1.
    pub(crate) isa: Isa,
    /// For each shape, after which no further round begins.
    pub(crate) time: Duration,
    /// Numbers between the start of a cache line and each matrix.
    pub(crate) offset: usize,
}

/// Something to time: it multiplies, or what else the operands are for, so many times.
pub(crate) type Run<'a> = timing::Run<'a, Product>;

/// The part of the peak that each run reaches.
pub(crate) fn measure(conditions: Conditions, shape: Shape, runs: &[Option<Run<'_>>]) -> Vec<Option<f64>> {
    let Conditions { isa, time, offset } = conditions;
    timing::measure(isa, time, shape.flops(), &mut Product::new(shape, offset), runs).parts
}

pub(crate) struct Product {
    pub(crate) shape: Shape,
    pub(crate) a: Numbers,
    pub(crate) b: Numbers,
    pub(crate) c: Numbers,
}

/// Numbers from one row to the next and from one column to the next.
type Strides = (usize, usize);

impl Product {
    /// With so many numbers between the start of a cache line and each matrix.
    pub(crate) fn new(shape: Shape, offset: usize) -> Self {
        let Shape { m, n, k, .. } = shape;
        let operands = random(m * k + k * n);
        let (a, b) = operands.split_at(m * k);
        let [a, b, c] = [a, b, &vec![0.0; m * n]].map(|numbers| Numbers::new(numbers, offset));
        Self { shape, a, b, c }
    }

    pub(crate) fn a_strides(&self) -> Strides {
        if self.shape.transposed[0] { (1, self.shape.m) } else { (self.shape.k, 1) }
    }

    pub(crate) fn b_strides(&self) -> Strides {
        if self.shape.transposed[1] { (1, self.shape.k) } else { (self.shape.n, 1) }
    }

    /// Where C has one row or column, the operand that is read once and never again: memory is the limit.
    pub(crate) fn read_once(&self) -> Option<&[f32]> {
        match self.shape {
            Shape { m: 1, .. } => Some(&self.b),
            Shape { n: 1, .. } => Some(&self.a),
            _ => None,
        }
    }
}

/// Numbers from a given place of a cache line on.
pub(crate) struct Numbers {
    storage: Vec<f32>,
    first: usize,
    len: usize,
}

impl Numbers {
    fn new(numbers: &[f32], offset: usize) -> Self {
        let mut storage = vec![0.0; numbers.len() + offset + CACHE_LINE / size_of::<f32>()];
        let first = storage.as_ptr().align_offset(CACHE_LINE) + offset;
        storage[first..][..numbers.len()].copy_from_slice(numbers);
        Self { storage, first, len: numbers.len() }
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.storage[self.first..][..self.len]
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.first..][..self.len]
    }
}
