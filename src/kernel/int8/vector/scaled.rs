//! Sums that are in memory, scaled by one multiplier.

use super::rows::LANES;
use super::words::{Scales, Words, Work, padded};
use crate::kernel::int8::scale::{Clamp, Multiplier};

/// `y = clamp(round(sum scale) + zero)`, for each of as many sums as outputs.
pub(super) struct Scaled<'a> {
    pub(super) sums: &'a [i32],
    pub(super) scale: Multiplier,
    pub(super) twice: bool,
    pub(super) clamp: Clamp,
    pub(super) ys: &'a mut [i8],
}

impl Work for Scaled<'_> {
    #[inline(always)]
    fn run<W: Words>(self, words: W) {
        let (scale, mut space) = ([self.scale; LANES], [0; LANES]);
        let scales = Scales::new(words, &scale, self.twice);
        for (sums, y) in self.sums.chunks(LANES).zip(self.ys.chunks_mut(LANES)) {
            let [halves] = scales.halves(words, [words.load(padded(sums, 0, &mut space))]);
            // SAFETY: so many bytes can be written, at most sixteen.
            unsafe { words.output(halves, self.clamp, y.as_mut_ptr(), y.len()) };
        }
    }
}
