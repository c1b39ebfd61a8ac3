//! Products of any shape, stride, transposition, epilogue and values, on every instruction set:
//!
//! ```text
//! cargo +nightly fuzz run gemm
//! cargo +nightly fuzz run gemm --features reproducible
//! ```
//!
//! What is checked of each product is what the tests check of theirs, in `tests/support/product.rs`. This file makes
//! the cases; and it tries views of any dimensions, which exist exactly where they lie inside their slice.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use fusebox::{Mat, MatMut, Rng};
use libfuzzer_sys::fuzz_target;
use support::canaries::Layout;
use support::product::{self, Case, Kind, Mistake};

#[path = "../../tests/support"]
mod support {
    pub(crate) mod canaries;
    pub(crate) mod isas;
    pub(crate) mod product;
    pub(crate) mod sum;
}

/// Multiply-accumulates of the largest product tried, so that the fuzzer gets through some thousands a second.
const MOST_WORK: usize = 1 << 18;

/// More than any case takes.
const CASE_BYTES: usize = 256;

/// An input of the fuzzer, understood.
#[derive(Debug)]
struct Input {
    case: Case,
    values: Values,
    view: View,
}

/// Arguments for a view on their own: nearly all of them bad.
#[derive(Arbitrary, Debug, Clone, Copy)]
struct View {
    len: u8,
    rows: usize,
    cols: usize,
    row_stride: usize,
    small: bool,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        // Mostly small, at times past the blocks that gemm cuts a product into.
        let mut dimension = || -> arbitrary::Result<usize> {
            Ok(match u.int_in_range(0..=31)? {
                0..=20 => u.int_in_range(0..=20)?,
                21..=29 => u.int_in_range(0..=100)?,
                _ => u.int_in_range(0..=1500)?,
            })
        };
        let m = dimension()?;
        let k = dimension()?.min(MOST_WORK / m.max(1));
        let n = dimension()?.min(MOST_WORK / (m.max(1) * k.max(1)));
        let first = u.int_in_range(0..=m)?;
        let last = u.int_in_range(first..=m)?;
        // One in four has a mistake.
        let mistake = if u.ratio(1, 4)? { Some(*u.choose(&Mistake::ALL)?) } else { None };
        let mut case = Case {
            m,
            n,
            k,
            a: layout(u)?,
            b: layout(u)?,
            // An output cannot be transposed.
            c: Layout { transposed: false, ..layout(u)? },
            gate: layout(u)?,
            epilogue: *u.choose(&Kind::ALL)?,
            mistake,
            rows: first..last,
        };
        // At times rows of B so far apart, and a power of two, that they crowd into few sets of a cache.
        if u.ratio(1, 16)? {
            case.b.gap = 4096 - if case.b.transposed { k } else { n };
        }
        Ok(Self { case, view: u.arbitrary()?, values: Values::arbitrary(u)? })
    }
}

fn layout(u: &mut Unstructured<'_>) -> arbitrary::Result<Layout> {
    // Mostly small gaps, at times so large that each row is a page of its own, which gemm treats apart.
    let gap = if u.ratio(1, 8)? { u.int_in_range(1000..=1300)? } else { u.int_in_range(0..=40)? };
    Ok(Layout {
        transposed: u.arbitrary()?,
        gap,
        before: u.int_in_range(0..=40)?,
        after: if u.arbitrary()? { 40 } else { 0 },
    })
}

/// A stream of matrix elements: random ones of moderate size with, now and then, one of the fuzzer's own.
#[derive(Debug)]
struct Values {
    state: u64,
    /// Numbers at which something ends, and any bit patterns at all.
    special: Vec<f32>,
    /// One element in so many is special.
    every: u64,
}

const EDGES: [f32; 9] = {
    let least = f32::from_bits(1);
    [0.0, -0.0, least, -least, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]
};

impl<'a> Arbitrary<'a> for Values {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let state = u.arbitrary()?;
        let every = u64::from(u.int_in_range(1..=100_u8)?);
        let count = u.int_in_range(0..=16)?;
        let one = |_| if u.arbitrary()? { Ok(*u.choose(&EDGES)?) } else { u.arbitrary() };
        let mut special = (0..count).map(one).collect::<arbitrary::Result<Vec<f32>>>()?;
        // Every other time none that would drown the rest of a sum.
        if u.arbitrary()? {
            special.retain(|x| x.abs() <= 1.0);
        }
        Ok(Self { state, special, every })
    }
}

impl Values {
    fn next(&mut self) -> f32 {
        // SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        if !self.special.is_empty() && (z >> 32).is_multiple_of(self.every) {
            return self.special[z as usize % self.special.len()];
        }
        (z >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

fuzz_target!(|bytes: &[u8]| {
    // The first bytes also seed what stands in for bytes that are missing: an input of a few bytes, which is what a
    // fuzzer starts from, is a whole case already, not one of zeros.
    let mut seed = [0; 8];
    for (seed, byte) in seed.iter_mut().zip(bytes) {
        *seed = *byte;
    }
    let mut rng = Rng::new(u64::from_le_bytes(seed));
    let mut bytes = bytes.to_vec();
    while bytes.len() < CASE_BYTES {
        bytes.extend(rng.next_u32().to_le_bytes());
    }
    // Refused only for want of bytes, of which there are enough.
    let input = Input::arbitrary(&mut Unstructured::new(&bytes)).expect("enough bytes for a case");
    let Input { case, mut values, view } = input;
    check_view(view);
    product::check(&case, &mut || values.next());
});

/// A view exists exactly where its last element lies inside the slice.
fn check_view(view: View) {
    let View { len, mut rows, mut cols, mut row_stride, small } = view;
    if small {
        (rows, cols, row_stride) = (rows % 20, cols % 20, row_stride % 40);
    }
    let mut data = vec![0.0; usize::from(len)];
    let len = u128::from(len);
    let [wide_rows, wide_cols, wide_stride] = [rows, cols, row_stride].map(|x| x as u128);

    let dense = wide_rows * wide_cols == len;
    assert_eq!(Mat::new(&data, rows, cols).is_ok(), dense);
    assert_eq!(MatMut::new(&mut data, rows, cols).is_ok(), dense);

    let empty = rows == 0 || cols == 0;
    let fits = empty || (wide_rows - 1) * wide_stride + wide_cols <= len;
    let strided = cols <= row_stride && fits;
    assert_eq!(Mat::with_stride(&data, rows, cols, row_stride).is_ok(), strided);
    assert_eq!(MatMut::with_stride(&mut data, rows, cols, row_stride).is_ok(), strided);
    if let Ok(mat) = Mat::with_stride(&data, rows, cols, row_stride) {
        assert_eq!((mat.t().rows(), mat.t().cols()), (cols, rows));
        assert!(empty || mat.get(rows - 1, cols - 1).is_some());
        assert!(mat.get(rows, 0).is_none() && mat.get(0, cols).is_none());
    }
}
