//! A picture that is remembered.

use firmware::{PIXELS, Row};
use fusebox::Error;
use fusebox::checkpoint::{Part, Reader, Writer, layout_of};

use super::CLASSES;

/// 64 pixels of 0..=16, and the class.
#[derive(Clone, Copy)]
pub(super) struct Sample(pub(super) Row);

impl Sample {
    /// Of a picture of 0..=1.
    pub(super) fn new(picture: &[f32; PIXELS], class: u8) -> Self {
        let mut row = [class; PIXELS + 1];
        for (pixel, value) in row.iter_mut().zip(picture) {
            *pixel = (value * 16.0 + 0.5) as u8;
        }
        Self(row)
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self([0; PIXELS + 1])
    }
}

/// A forged file could hold a class that there is not.
impl Part for Sample {
    const BYTES: usize = Row::BYTES;
    const LAYOUT: u64 = layout_of("Sample", &[Row::LAYOUT]);

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        self.0.write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        let mut sample = Self::default();
        sample.read(from);
        let Self([pixels @ .., class]) = sample;
        pixels.iter().all(|&pixel| pixel <= 16) && usize::from(class) < CLASSES
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        self.0.read(from);
    }
}
