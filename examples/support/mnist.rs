//! The 10,000 handwritten digits of `mnist.bin.gz`.

use flate2::read::GzDecoder;
use std::error::Error;
use std::fs::File;
use std::io::Read;

pub(crate) const SIDE: usize = 28;
pub(crate) const COUNT: usize = 10_000;

/// A picture, grey levels scaled to 0..=1.
pub(crate) type Picture = [[[f32; 1]; SIDE]; SIDE];

/// Pictures, and what they show.
#[derive(Default)]
pub(crate) struct Images {
    pub(crate) pictures: Vec<Picture>,
    pub(crate) labels: Vec<u8>,
}

impl Images {
    /// All of them, in the order of the file: sorted by label.
    pub(crate) fn load() -> Result<Self, Box<dyn Error>> {
        const ROW: usize = SIDE * SIDE + 1;
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist.bin.gz");
        let hint =
            "it is in fusebox's repository, not in the published crate; make_mnist.py beside it makes it";
        let file = File::open(path).map_err(|error| format!("{path}: {error} ({hint})"))?;
        let mut bytes = Vec::with_capacity(COUNT * ROW);
        // Checks the CRC-32 at the end.
        GzDecoder::new(file).read_to_end(&mut bytes).map_err(|error| format!("{path}: {error}"))?;
        let (rows, rest) = bytes.as_chunks::<ROW>();
        if rows.len() != COUNT || !rest.is_empty() {
            return Err(format!("{path}: {} bytes, not {COUNT} rows of {ROW}", bytes.len()).into());
        }
        // Row after row from the top left, each 0..=255, and a label.
        let mut images = Self::default();
        for row in rows {
            let pixel = |y: usize, x: usize| [f32::from(row[y * SIDE + x]) / 255.0];
            images.pictures.push(std::array::from_fn(|y| std::array::from_fn(|x| pixel(y, x))));
            images.labels.push(row[ROW - 1]);
        }
        Ok(images)
    }

    /// 8000 for training and 2000 held out: each fifth of the file, beginning with the fifth. Since the file is sorted by label,
    /// a fifth of each label is held out, but for one.
    pub(crate) fn split(self) -> (Self, Self) {
        let (mut training, mut held_out) = (Self::default(), Self::default());
        for (i, (picture, label)) in self.pictures.into_iter().zip(self.labels).enumerate() {
            let part = if i % 5 == 4 { &mut held_out } else { &mut training };
            part.pictures.push(picture);
            part.labels.push(label);
        }
        (training, held_out)
    }
}
