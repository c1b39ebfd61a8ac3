//! Depthwise convolutions: sixteen channels at a time, four taps in a word.
//!
//! ```text
//! for up to 64 channels:                        (their weights in words, their scales in vectors)
//!     for each output:                          (where its taps are)
//!         for sixteen channels at a time:
//!             sums = bias
//!             for four taps at a time:
//!                 x = the taps' inputs, those of a channel side by side
//!                 sums += x times the taps' weights
//!             y = sums, scaled and clamped
//! ```
//!
//! Taps in the padding read bytes that stand for 0. The last channels, if they are less than sixteen, are computed together with
//! some before them once more, to the same bytes.

use super::rows::{LANES, NONE};
use super::words::{Scales, Words, Work, padded};
use crate::kernel::int8::depthwise::Depthwise;
use crate::kernel::int8::patches::place;

/// Groups of four taps: windows of up to 5 x 5.
const GROUPS: usize = 7;
/// Times sixteen channels at once.
const BLOCKS: usize = 4;

/// Where the taps of an output are.
type Taps = [[*const i8; 4]; GROUPS];

/// A depthwise convolution of one picture.
pub(super) struct Channels<'a> {
    depthwise: &'a Depthwise<'a>,
    twice: bool,
    x: *const i8,
    y: *mut i8,
}

impl<'a> Channels<'a> {
    /// Whether there are kernels for it.
    pub(super) fn fits(depthwise: &Depthwise<'_>) -> bool {
        let [rows, cols] = &depthwise.axes;
        let filters = depthwise.bias.len();
        depthwise.channels == filters && filters >= LANES && rows.taps * cols.taps <= 4 * GROUPS
    }

    /// `twice` is whether sums are rounded as [`Double`](crate::int8::Double) does it.
    ///
    /// # Safety
    /// 1. `depthwise` fits; it has a scale of each channel, and a weight at each tap.
    /// 2. Its input can be read at `x`, and its output be written at `y`.
    pub(super) unsafe fn new(depthwise: &'a Depthwise<'a>, twice: bool, x: *const i8, y: *mut i8) -> Self {
        debug_assert!(Self::fits(depthwise) && depthwise.scale.len() == depthwise.bias.len());
        Self { depthwise, twice, x, y }
    }

    /// Overwrites `taps` with where the inputs of an output are, from channel `first` on.
    #[inline(always)]
    fn locate(&self, [down, right]: [usize; 2], first: usize, outside: *const i8, taps: &mut Taps) {
        let [rows, cols] = &self.depthwise.axes;
        let mut all = taps.as_flattened_mut().iter_mut();
        for tap_down in 0..rows.taps {
            let row = place(rows, down, tap_down);
            for (tap_right, tap) in (0..cols.taps).zip(&mut all) {
                *tap = match row.zip(place(cols, right, tap_right)) {
                    Some((row, col)) => {
                        self.x.wrapping_add((row * cols.input + col) * self.depthwise.channels + first)
                    }
                    None => outside,
                };
            }
        }
    }
}

impl Work for Channels<'_> {
    #[inline(always)]
    fn run<W: Words>(self, words: W) {
        let Depthwise { axes: [rows, cols], channels, zero, clamp, .. } = *self.depthwise;
        let outside = [zero; BLOCKS * LANES];
        let groups = (rows.taps * cols.taps).div_ceil(4);
        let mut first = 0;
        while first < channels {
            first = first.min(channels - LANES);
            let blocks = BLOCKS.min((channels - first) / LANES);
            // SAFETY: channels up to `first + 16 blocks` are there, and of blocks that are not, the last one is taken.
            let filters = unsafe {
                [
                    Filters::new(words, &self, first),
                    Filters::new(words, &self, first + 1_usize.min(blocks - 1) * LANES),
                    Filters::new(words, &self, first + 2_usize.min(blocks - 1) * LANES),
                    Filters::new(words, &self, first + 3_usize.min(blocks - 1) * LANES),
                ]
            };
            let mut taps: Taps = [[outside.as_ptr(); 4]; GROUPS];
            let mut y = self.y.wrapping_add(first);
            for down in 0..rows.output {
                for right in 0..cols.output {
                    self.locate([down, right], first, outside.as_ptr(), &mut taps);
                    // SAFETY: each tap is in the picture or in `outside`, where inputs of all blocks can be read, and so many
                    // outputs can be written at `y`.
                    unsafe {
                        if blocks == BLOCKS {
                            let a = filters[0].halves(words, &taps, groups, 0);
                            let b = filters[1].halves(words, &taps, groups, LANES);
                            let c = filters[2].halves(words, &taps, groups, 2 * LANES);
                            let d = filters[3].halves(words, &taps, groups, 3 * LANES);
                            words.outputs([a, b, c, d], clamp, y, LANES);
                        } else {
                            for (block, filters) in filters.iter().enumerate().take(blocks) {
                                let halves = filters.halves(words, &taps, groups, block * LANES);
                                words.output(halves, clamp, y.add(block * LANES), LANES);
                            }
                        }
                    }
                    y = y.wrapping_add(channels);
                }
            }
            first += blocks * LANES;
        }
    }
}

/// Sixteen filters.
struct Filters<'a, W: Words> {
    weights: [W::Taps; GROUPS],
    bias: W::Sums,
    scales: Scales<'a, W>,
}

impl<'a, W: Words> Filters<'a, W> {
    /// From `first` on.
    ///
    /// # Safety
    /// There are sixteen filters from there on.
    #[inline(always)]
    unsafe fn new(words: W, channels: &Channels<'a>, first: usize) -> Self {
        let Depthwise { axes: [rows, cols], weight, bias, scale, .. } = *channels.depthwise;
        let (taps, all) = (rows.taps * cols.taps, bias.len());
        let no_weights = [0_i8; LANES];
        // SAFETY: sixteen zeros can be read, and sixteen weights from `first` on at each tap.
        unsafe {
            let nothing = words.taps([no_weights.as_ptr(); 4]);
            let (mut weights, mut of_nothing) = ([nothing; GROUPS], words.load(&[0; LANES]));
            for (group, weights) in weights.iter_mut().enumerate().take(taps.div_ceil(4)) {
                let mut places = [no_weights.as_ptr(); 4];
                for (tap, place) in (4 * group..taps).zip(&mut places) {
                    *place = weight.as_ptr().add(tap * all + first);
                }
                *weights = words.taps(places);
                of_nothing = words.add_taps(of_nothing, nothing, *weights);
            }
            // Inputs of 0 give what is added to inputs, times the weights: from the bias it is taken off.
            let (mut sums, mut space) = ([0; LANES], [0; LANES]);
            words.store(of_nothing, &mut sums);
            let bias = padded(bias.get(first..).unwrap_or_default(), 0, &mut space);
            for (sum, &bias) in sums.iter_mut().zip(bias) {
                *sum = bias.wrapping_sub(*sum);
            }
            const { assert!(NONE.mantissa == 0) };
            let scale = scale.get(first..).and_then(|scale| scale.first_chunk()).unwrap_or(&[NONE; LANES]);
            Self { weights, bias: words.load(&sums), scales: Scales::new(words, scale, channels.twice) }
        }
    }

    /// The halves of an output, whose inputs are `at` bytes after `taps`.
    ///
    /// # Safety
    /// Sixteen bytes can be read there at each tap of the first `groups`, which are at most `GROUPS`.
    #[inline(always)]
    unsafe fn halves(&self, words: W, taps: &Taps, groups: usize, at: usize) -> W::Sums {
        let mut sums = self.bias;
        for (&[a, b, c, d], &weights) in taps.iter().zip(&self.weights).take(groups) {
            // SAFETY: this function's contract.
            let x = unsafe { words.taps([a.add(at), b.add(at), c.add(at), d.add(at)]) };
            sums = words.add_taps(sums, x, weights);
        }
        let [halves] = self.scales.halves(words, [sums]);
        halves
    }
}
