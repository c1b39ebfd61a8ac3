//! Networks against the outputs in `tests/data`.

use super::files::data;
use fusebox::{Layer, Plain, Scratch, Zeroed};

/// Rows of a file, which has at least one.
fn rows<T: Zeroed + Copy>(name: &str, from: fn(&[u8]) -> T) -> Vec<T> {
    let rows: Vec<T> = data(name).chunks(size_of::<T>()).map(from).collect();
    assert!(rows.len() == 16, "{name} has {} rows", rows.len());
    rows
}

/// Fails unless all outputs for the inputs in `NAME.in.bin` are within `bound` of those in `NAME.out.bin`.
pub(crate) fn check<N: Layer>(name: &str, net: &N, bound: f32)
where
    N::Input: Row,
    N::Output: Plain,
{
    let xs = rows(&format!("{name}.in.bin"), <N::Input as Row>::of);
    let expected =
        rows(&format!("{name}.out.bin"), |bytes| N::Output::copy_from_bytes(bytes).expect("a row"));
    let (mut scratch, mut ys) = (Box::new(Scratch::<N, 16>::new()), expected.clone());
    ys.fill(N::Output::ZEROED);
    net.infer(&xs, &mut scratch, &mut ys).expect("a batch");
    let numbers = |rows: &[N::Output]| -> Vec<f32> {
        rows.iter()
            .flat_map(|row| {
                row.as_bytes().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect::<Vec<_>>()
            })
            .collect()
    };
    let (got, expected) = (numbers(&ys), numbers(&expected));
    let largest = got.iter().zip(&expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    println!("{name}: at most {largest:e}");
    assert!(got.iter().all(|x| x.is_finite()) && largest <= bound, "{name}: a difference of {largest:e}");
    assert!(expected.iter().any(|y| y.abs() > 0.1), "{name}: outputs that say nothing");
}

/// A row of inputs.
pub(crate) trait Row: Zeroed + Copy {
    fn of(bytes: &[u8]) -> Self;
}

impl<const N: usize> Row for [f32; N] {
    fn of(bytes: &[u8]) -> Self {
        Plain::copy_from_bytes(bytes).expect("a row")
    }
}

impl<const N: usize, const T: usize> Row for [[f32; N]; T] {
    fn of(bytes: &[u8]) -> Self {
        Plain::copy_from_bytes(bytes).expect("a row")
    }
}

impl<const N: usize, const T: usize, const S: usize> Row for [[[f32; N]; T]; S] {
    fn of(bytes: &[u8]) -> Self {
        Plain::copy_from_bytes(bytes).expect("a row")
    }
}

impl<const N: usize> Row for [u16; N] {
    fn of(bytes: &[u8]) -> Self {
        let mut tokens = bytes.as_chunks().0.iter().map(|&token| u16::from_le_bytes(token));
        core::array::from_fn(|_| tokens.next().expect("a token"))
    }
}
