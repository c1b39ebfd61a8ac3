//! Strokes, and the picture that a network sees of them.
//!
//! The data's pictures were made from bitmaps of 32 x 32, which the writing fills from top to bottom: a pixel is the number of
//! dots in a square of 4 x 4. A drawing is made into a picture in the same way.

use alloc::vec::Vec;
use firmware::PIXELS;
use fusebox::Rng;

/// Pixels in a row of a picture.
pub const SIDE: usize = 8;
/// Dots in a row of the bitmap.
const DOTS: usize = 32;
/// Half the width of a line, in dots.
const PEN: f32 = 2.6;
/// The most points that a drawing keeps.
const MOST: usize = 4096;

/// Lines from point to point.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Each with at least one point.
    strokes: Vec<Vec<[f32; 2]>>,
}

impl Drawing {
    /// A drawing in numbers: x and y of each point, rightwards and downwards, in any unit; two numbers that are not finite lift
    /// the pen. `None` without a point.
    pub fn parse(numbers: &[f32]) -> Option<Self> {
        let (points, _) = numbers.as_chunks::<2>();
        let points = &points[..points.len().min(MOST)];
        let lifted = |point: &[f32; 2]| !point.iter().all(|number| number.abs() < 1e6);
        let strokes: Vec<_> =
            points.split(lifted).filter(|stroke| !stroke.is_empty()).map(<[_]>::to_vec).collect();
        (!strokes.is_empty()).then_some(Self { strokes })
    }

    /// The drawing, changed by `warp`.
    pub fn changed(&self, warp: &Warp) -> Self {
        let mut changed = self.clone();
        for point in changed.strokes.iter_mut().flatten() {
            *point = warp.apply(*point);
        }
        changed
    }

    /// 8 x 8 numbers of 0..=1.
    pub fn picture(&self) -> [f32; PIXELS] {
        let strokes = self.fitted();
        let mut picture = [0.0; PIXELS];
        for row in 0..DOTS {
            for column in 0..DOTS {
                let dot = [column as f32 + 0.5, row as f32 + 0.5];
                if strokes.iter().any(|stroke| near(stroke, dot)) {
                    picture[row / 4 * SIDE + column / 4] += 1.0 / 16.0;
                }
            }
        }
        picture
    }

    /// Fills the bitmap from top to bottom, or from left to right where that is longer, in the middle.
    fn fitted(&self) -> Vec<Vec<[f32; 2]>> {
        let points = || self.strokes.iter().flatten();
        let bounds = [0, 1].map(|axis| {
            let along = points().map(|point| point[axis]);
            along.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        });
        let longest = bounds.iter().map(|(low, high)| high - low).fold(0.0, f32::max);
        let room = DOTS as f32 - 2.0 * PEN;
        let scale = if longest > 0.0 { room / longest } else { 0.0 };
        let fit = |point: &[f32; 2]| {
            [0, 1].map(|axis| {
                let (low, high) = bounds[axis];
                (point[axis] - (low + high) / 2.0) * scale + DOTS as f32 / 2.0
            })
        };
        self.strokes.iter().map(|stroke| stroke.iter().map(fit).collect()).collect()
    }
}

/// Whether the pen that follows a stroke covers a dot.
fn near(stroke: &[[f32; 2]], dot: [f32; 2]) -> bool {
    let single = stroke.first().map(|&point| (point, point));
    let lines = stroke.array_windows().map(|[a, b]| (*a, *b));
    single.into_iter().chain(lines).any(|(a, b)| {
        let [along, to] = [[b[0] - a[0], b[1] - a[1]], [dot[0] - a[0], dot[1] - a[1]]];
        let length = along[0] * along[0] + along[1] * along[1];
        let part =
            if length > 0.0 { ((to[0] * along[0] + to[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
        let [dx, dy] = [to[0] - part * along[0], to[1] - part * along[1]];
        dx * dx + dy * dy < PEN * PEN
    })
}

/// A small change of a drawing: sheared both ways, which turns it when they are opposite, and stretched.
#[derive(Clone, Copy, Debug)]
pub struct Warp([[f32; 2]; 2]);

impl Warp {
    /// No change.
    pub const NONE: Self = Self([[1.0, 0.0], [0.0, 1.0]]);

    /// Up to a fifth of the height or width.
    pub fn random(rng: &mut Rng) -> Self {
        let mut between = |most: f32| most * (2.0 * rng.uniform() - 1.0);
        Self([[1.0 + between(0.16), between(0.2)], [between(0.2), 1.0 + between(0.16)]])
    }

    fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        self.0.map(|[a, b]| a * x + b * y)
    }
}
