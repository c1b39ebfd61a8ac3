//! A simulated accelerometer on a hand that makes one gesture after another.
//!
//! ```text
//! still            a = g + e
//! shaken, lifted   a = g + A sin(p) along x, or z, + e
//! circles          a = g + A (sin p, 0, cos p) + e, and the other way round with -sin p
//! ```
//!
//! g is gravity, tilted by some degrees, e noise. Each gesture has its own amplitude A, a period of 8 to 16 frames,
//! from which p advances, a phase and a length of 12 to 28 frames. Which way a circle turns, no single frame tells.

use fusebox::Rng;

/// A frame: accelerations along x, y and z, in units of gravity.
pub(crate) type Frame = [f32; 3];

/// Still, shaken, lifted, circles in either direction.
pub(crate) const GESTURES: usize = 5;

const NOISE: f32 = 0.2;
/// The standard deviation of gravity's direction, in radians.
const TILT: f32 = 0.2;

/// The stream of a seed, without an end.
pub(crate) struct Accelerometer {
    rng: Rng,
    gesture: u8,
    /// Frames until the gesture ends.
    left: u32,
    amplitude: f32,
    gravity: Frame,
    /// Cosine and sine of p, and of its advance in a frame.
    at: [f32; 2],
    advance: [f32; 2],
}

impl Accelerometer {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            gesture: 0,
            left: 0,
            amplitude: 0.0,
            gravity: [0.0; 3],
            at: [0.0; 2],
            advance: [0.0; 2],
        }
    }

    /// The next frame, and which gesture ended with it, if one did.
    pub(crate) fn read(&mut self) -> (Frame, Option<u8>) {
        if self.left == 0 {
            self.begin();
        }
        let Self { gesture, amplitude, gravity: [x, y, z], at: [cos, sin], advance, .. } = *self;
        let (along_x, along_z) = match gesture {
            0 => (0.0, 0.0),
            1 => (sin, 0.0),
            2 => (0.0, sin),
            3 => (sin, cos),
            _ => (-sin, cos),
        };
        let frame = [x + amplitude * along_x, y, z + amplitude * along_z];
        // Turned by the advance: sums of products, which are the same on every machine.
        self.at = [cos * advance[0] - sin * advance[1], sin * advance[0] + cos * advance[1]];
        self.left -= 1;
        (frame.map(|x| x + NOISE * self.rng.normal()), (self.left == 0).then_some(gesture))
    }

    /// Another gesture.
    fn begin(&mut self) {
        let rng = &mut self.rng;
        let angle = |angle| [libm::cosf(angle), libm::sinf(angle)];
        self.gesture = rng.below(GESTURES as u32) as u8;
        self.left = 12 + rng.below(17);
        self.amplitude = 0.4 + 0.6 * rng.uniform();
        self.gravity = [TILT * rng.normal(), 1.0, TILT * rng.normal()];
        self.at = angle(core::f32::consts::TAU * rng.uniform());
        self.advance = angle(core::f32::consts::TAU / (8.0 + 8.0 * rng.uniform()));
    }
}
