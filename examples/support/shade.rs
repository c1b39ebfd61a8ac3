//! Weights as grey characters.

/// Darker for a larger weight, of those from 0 to 1.
pub(crate) fn shade(weight: f32) -> char {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    SHADES[((weight * 5.0) as usize).min(4)]
}
