//! The 1797 handwritten digits of `digits.bin`.

pub(crate) const PIXELS: usize = 64;

/// The images, pixels scaled to 0..=1, row after row from the top left, and what they show.
pub(crate) struct Images {
    pub(crate) pixels: Vec<[f32; PIXELS]>,
    pub(crate) labels: Vec<u8>,
}

impl Images {
    pub(crate) fn load() -> Self {
        // Rows of 64 pixels, each 0..=16, and a label.
        let (rows, rest) = include_bytes!("../data/digits.bin").as_chunks::<{ PIXELS + 1 }>();
        assert!(rest.is_empty(), "digits.bin ends within a row");
        let pixels = rows.iter().map(|row| std::array::from_fn(|i| f32::from(row[i]) / 16.0)).collect();
        let labels = rows.iter().map(|row| row[PIXELS]).collect();
        Self { pixels, labels }
    }
}
