//! Films of a digit that moves over a field in one of eight directions, or stands still, and turns now and then.

use crate::mnist::Picture;
use fusebox::Rng;
use std::f32::consts::FRAC_PI_4;

/// Rows and columns of a frame.
pub(crate) const SIDE: usize = 16;

/// The field: grey levels, 0 black and 1 white, and noise.
pub(crate) type Frame = [[f32; SIDE]; SIDE];

/// Directions as they are drawn and named; a label is a position here.
pub(crate) const DIRECTIONS: [(&str, &str); 9] = [
    ("→", "right"),
    ("↗", "right and up"),
    ("↑", "up"),
    ("↖", "left and up"),
    ("←", "left"),
    ("↙", "left and down"),
    ("↓", "down"),
    ("↘", "right and down"),
    ("·", "stands still"),
];
const STANDS: u8 = 8;

/// Rows and columns of the digit.
const DIGIT: usize = 10;
/// In pixels a frame.
const SPEEDS: std::ops::Range<f32> = 0.5..1.25;
/// Frames from one turn to the next.
const FRAMES: std::ops::Range<u32> = 10..21;
/// The most that is added to a pixel, or taken from it.
const NOISE: f32 = 0.15;

/// A frame, and what is known about it.
pub(crate) struct Shot {
    pub(crate) frame: Frame,
    /// Where the digit has moved since the frame before.
    pub(crate) direction: u8,
    /// Frames since it turned: 0 in the first that shows the new direction.
    pub(crate) since: usize,
}

/// A film without end. A digit that leaves the field on one side enters on the other.
pub(crate) struct Film<'a> {
    digit: [[f32; DIGIT]; DIGIT],
    /// Its first row and column, and what is added to them with each frame.
    position: [f32; 2],
    velocity: [f32; 2],
    direction: u8,
    /// Frames since it turned, and how many there are until it turns again.
    since: usize,
    until: usize,
    rng: &'a mut Rng,
}

impl<'a> Film<'a> {
    /// A film of a digit, at half its size.
    pub(crate) fn new(picture: &Picture, rng: &'a mut Rng) -> Self {
        // The digit is in the middle 20 x 20 of 28 x 28 pixels: means of 2 x 2 of them.
        let pixel = |y: usize, x: usize| {
            let squares = [(0, 0), (0, 1), (1, 0), (1, 1)];
            squares.map(|(dy, dx)| picture[4 + 2 * y + dy][4 + 2 * x + dx][0]).iter().sum::<f32>() / 4.0
        };
        let digit = std::array::from_fn(|y| std::array::from_fn(|x| pixel(y, x)));
        let position = [(); 2].map(|()| rng.uniform() * SIDE as f32);
        let direction = rng.below(DIRECTIONS.len() as u32) as u8;
        let mut film = Self { digit, position, velocity: [0.0; 2], direction, since: 0, until: 0, rng };
        film.turn();
        film
    }

    /// Another direction, speed and duration.
    fn turn(&mut self) {
        let others = DIRECTIONS.len() as u32 - 1;
        self.direction = (self.direction + 1 + self.rng.below(others) as u8) % DIRECTIONS.len() as u8;
        let speed = match self.direction {
            STANDS => 0.0,
            _ => SPEEDS.start + (SPEEDS.end - SPEEDS.start) * self.rng.uniform(),
        };
        let (sine, cosine) = (f32::from(self.direction) * FRAC_PI_4).sin_cos();
        self.velocity = [-speed * sine, speed * cosine];
        self.since = 0;
        self.until = (FRAMES.start + self.rng.below(FRAMES.end - FRAMES.start)) as usize;
    }

    /// The field. Between pixels, each of the digit's is spread over four of the field's.
    fn frame(&mut self) -> Frame {
        let mut frame = Frame::default();
        let ([top, left], [down, right]) = (self.position.map(|x| x as usize), self.position.map(f32::fract));
        for (y, row) in self.digit.iter().enumerate() {
            for (x, level) in row.iter().enumerate() {
                for (dy, part) in [(0, 1.0 - down), (1, down)] {
                    let row = &mut frame[(top + y + dy) % SIDE];
                    row[(left + x) % SIDE] += level * part * (1.0 - right);
                    row[(left + x + 1) % SIDE] += level * part * right;
                }
            }
        }
        for level in frame.as_flattened_mut() {
            *level += NOISE * (2.0 * self.rng.uniform() - 1.0);
        }
        frame
    }
}

impl Iterator for Film<'_> {
    type Item = Shot;

    fn next(&mut self) -> Option<Shot> {
        if self.since == self.until {
            self.turn();
        }
        for (x, step) in self.position.iter_mut().zip(self.velocity) {
            *x = (*x + step).rem_euclid(SIDE as f32);
        }
        let shot = Shot { frame: self.frame(), direction: self.direction, since: self.since };
        self.since += 1;
        Some(shot)
    }
}
