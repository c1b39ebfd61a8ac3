//! The model: a network that draws windows of the field from fewer numbers than they have, and can do so well only for such
//! as it was trained on.
//!
//! A window is a row of samples, oldest first. Each axis is standardised by the mean and deviation of the samples learnt
//! from; the network compresses the window's 24 numbers to 8 and draws them again; the mean squared difference is the
//! window's error. Above the limit, the field is not what it was.

use crate::error::Fault;
use fusebox::data::Standardize;
use fusebox::{Dense, Scratch, Seq, Tanh, Zeroed};

/// Directions of the field.
pub const AXES: usize = 3;
/// Samples of a window.
pub const WINDOW: usize = 8;
/// Numbers of a window.
pub const INPUTS: usize = AXES * WINDOW;
/// Numbers that a window is compressed to.
pub const HIDDEN: usize = 8;

/// A sample: the field along x, y and z, in microtesla.
pub type Sample = [f32; AXES];
/// A window of samples, oldest first.
pub type Window = [Sample; WINDOW];
/// The network.
pub type Net = Seq![Dense<INPUTS, HIDDEN, Tanh>, Dense<HIDDEN, INPUTS>];

/// All that was learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Mean and deviation of a sample.
    pub standardize: Standardize<AXES>,
    /// The autoencoder of standardised windows.
    pub net: Net,
    /// The error above which a window is an anomaly.
    pub limit: f32,
}

/// A model's bytes.
pub type Image = [u8; Model::BYTES];

const SCALE: usize = size_of::<Standardize<AXES>>();
const LIMIT: usize = size_of::<f32>();

impl Zeroed for Model {
    const ZEROED: Self = Self { standardize: Standardize::ZEROED, net: Net::ZEROED, limit: 0.0 };
}

impl Model {
    /// Bytes of a model in the memory.
    pub const BYTES: usize = SCALE + LIMIT + size_of::<Net>();

    /// What a model in the memory must have been made for to be this program's: a hash of all sizes that its type has, and
    /// of the version of this file's meaning.
    pub const LAYOUT: u32 = {
        const VERSION: usize = 1;
        let sizes = [VERSION, AXES, WINDOW, HIDDEN, size_of::<Net>(), Self::BYTES];
        // FNV-1a of 32 bits, over whole numbers: RFC 9923.
        let (mut hash, mut i) = (0x811c_9dc5_u32, 0);
        while i < sizes.len() {
            hash = (hash ^ sizes[i] as u32).wrapping_mul(0x0100_0193);
            i += 1;
        }
        hash
    };

    /// A window as the network sees it.
    pub fn input(&self, window: &Window) -> [f32; INPUTS] {
        let mut window = *window;
        for sample in &mut window {
            self.standardize.apply(sample);
        }
        let mut input = [0.0; INPUTS];
        for (to, &from) in input.iter_mut().zip(window.as_flattened()) {
            *to = from;
        }
        input
    }

    /// How far a window is from what was learnt: the mean squared error of drawing it, in standard deviations.
    ///
    /// # Errors
    ///
    /// None that these shapes can cause.
    pub fn error(&self, window: &Window, scratch: &mut Scratch<Net, 1>) -> Result<f32, fusebox::Error> {
        let x = self.input(window);
        let mut y = [[0.0; INPUTS]];
        self.net.infer(&[x], scratch, &mut y)?;
        let squares = y.as_flattened().iter().zip(&x).map(|(y, x)| (y - x) * (y - x));
        Ok(squares.sum::<f32>() / INPUTS as f32)
    }

    /// Overwrites `image` with the model's bytes: mean and deviation, limit, network, all little-endian `f32`s.
    pub fn store(&self, image: &mut Image) {
        let limit = self.limit.to_le_bytes();
        let bytes = self.standardize.as_bytes().iter().chain(&limit).chain(self.net.as_bytes());
        for (to, &from) in image.iter_mut().zip(bytes) {
            *to = from;
        }
    }

    /// The model whose bytes `image` holds.
    ///
    /// # Errors
    ///
    /// [`Fault::Senseless`] when a number is not finite, or a deviation or the limit is not above zero.
    pub fn load(image: &Image) -> Result<Self, Fault> {
        let model = Self::parse(image).ok_or(Fault::Senseless)?;
        let finite = |bytes: &[u8]| bytes.as_chunks().0.iter().all(|&b| f32::from_le_bytes(b).is_finite());
        let scaled = model.standardize.std.iter().chain([&model.limit]).all(|&x| x > 0.0);
        if finite(image) && scaled { Ok(model) } else { Err(Fault::Senseless) }
    }

    fn parse(image: &Image) -> Option<Self> {
        let (scale, rest) = image.split_first_chunk::<SCALE>()?;
        let (limit, net) = rest.split_first_chunk::<LIMIT>()?;
        Some(Self {
            standardize: Standardize::copy_from_bytes(scale).ok()?,
            net: Net::copy_from_bytes(net).ok()?,
            limit: f32::from_le_bytes(*limit),
        })
    }
}
