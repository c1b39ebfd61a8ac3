//! Makes pictures of 14 x 14 from MNIST's of 28 x 28: each pixel is the mean of two by two, rounded. Writes those to learn from and
//! those held out to two files of rows: 196 pixels and the label.

use flate2::read::GzDecoder;
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::{env, fs};

const DATA: &str = "../data/mnist.bin.gz";
/// A side of MNIST's pictures, and of those made.
const LARGE: usize = 28;
const SIDE: usize = LARGE / 2;
/// A picture and its label.
const ROW: usize = LARGE * LARGE + 1;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DATA}");
    let mut bytes = Vec::new();
    let file = fs::File::open(DATA).map_err(|error| format!("{DATA}: {error}"))?;
    // Checks the CRC-32 at the end.
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    let (rows, rest) = bytes.as_chunks::<ROW>();
    if rows.len() != 10_000 || !rest.is_empty() {
        return Err(format!("{DATA}: {} bytes, not 10,000 rows of {ROW}", bytes.len()).into());
    }
    // The file is sorted by label, so that each part holds as much of every label. `examples/mnist.rs` holds out twice as many, these
    // among them, and learns from twice as many.
    let folder = env::var("OUT_DIR")?;
    for (name, numbers) in [("training.bin", &[0, 2, 5, 7][..]), ("held_out.bin", &[4])] {
        let chosen = rows.iter().enumerate().filter(|(i, _)| numbers.contains(&(i % 10)));
        let small: Vec<u8> = chosen.flat_map(|(_, row)| halved(row)).collect();
        fs::write(Path::new(&folder).join(name), small)?;
    }
    Ok(())
}

fn halved(row: &[u8; ROW]) -> [u8; SIDE * SIDE + 1] {
    let mut small = [row[ROW - 1]; SIDE * SIDE + 1];
    for (i, pixel) in small[..SIDE * SIDE].iter_mut().enumerate() {
        let first = i / SIDE * 2 * LARGE + i % SIDE * 2;
        let four = [first, first + 1, first + LARGE, first + LARGE + 1].map(|at| u16::from(row[at]));
        *pixel = ((four.iter().sum::<u16>() + 2) / 4) as u8;
    }
    small
}
