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
//! 64 channels are read at once, and may lie in another order in their four registers.
//!
//! Taps in the padding read bytes that stand for 0. The last channels, if they are less than sixteen, are computed together with
//! some before them once more, to the same bytes.

use super::rows::{LANES, NONE};
use super::words::{Scales, Words, Work};
use crate::kernel::int8::depthwise::Depthwise;
use crate::kernel::int8::patches::place;
use crate::kernel::int8::scale::Multiplier;
use core::hint::select_unpredictable;

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
        let Depthwise { axes: [rows, cols], channels, .. } = *self.depthwise;
        let mut all = taps.as_flattened_mut().iter_mut();
        for tap_down in 0..rows.taps {
            let row = place(&rows, down, tap_down);
            let start = self.x.wrapping_add(row.unwrap_or(0) * cols.input * channels + first);
            for (tap_right, tap) in (0..cols.taps).zip(&mut all) {
                let col = (right * cols.stride + tap_right * cols.dilation).wrapping_sub(cols.before);
                let inside = row.is_some() & (col < cols.input);
                // A branch would be mispredicted at every edge.
                *tap = select_unpredictable(inside, start.wrapping_add(col.wrapping_mul(channels)), outside);
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
            let mut scales = [[NONE; LANES]; BLOCKS];
            // SAFETY: channels up to `first + 16 blocks` are there.
            let filters = unsafe { Filters::new(words, &self, first, blocks, &mut scales) };
            let mut taps: Taps = [[outside.as_ptr(); 4]; GROUPS];
            let mut y = self.y.wrapping_add(first);
            for down in 0..rows.output {
                for right in 0..cols.output {
                    self.locate([down, right], first, outside.as_ptr(), &mut taps);
                    // SAFETY: each tap is in the picture or in `outside`, where inputs of all blocks can be read, and so many
                    // outputs can be written at `y`.
                    unsafe {
                        if blocks == BLOCKS {
                            words.output_all(filters.all(words, &taps, groups), clamp, y);
                        } else {
                            for block in 0..blocks {
                                let halves = filters.block(words, &taps, groups, block);
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

/// The filters of up to four times sixteen channels.
struct Filters<'a, W: Words> {
    weights: [[W::Taps; BLOCKS]; GROUPS],
    bias: [W::Sums; BLOCKS],
    scales: [Scales<'a, W>; BLOCKS],
}

impl<'a, W: Words> Filters<'a, W> {
    /// Of `blocks` times sixteen channels from `first` on. If those are four, in the order of [`Words::taps_of_all`]. `scale` is
    /// overwritten.
    ///
    /// # Safety
    /// There are so many channels from there on.
    #[inline(always)]
    unsafe fn new(
        words: W,
        channels: &Channels<'_>,
        first: usize,
        blocks: usize,
        scale: &'a mut [[Multiplier; LANES]; BLOCKS],
    ) -> Self {
        let Depthwise { axes: [rows, cols], weight, bias, .. } = *channels.depthwise;
        let (taps, filters) = (rows.taps * cols.taps, bias.len());
        let no_weights = [0_i8; BLOCKS * LANES];
        let mut sums = [[0; LANES]; BLOCKS];
        // SAFETY: zeros of all blocks can be read, and weights of so many channels from `first` on at each tap.
        unsafe {
            let nothing = words.taps([no_weights.as_ptr(); 4]);
            let mut weights = [[nothing; BLOCKS]; GROUPS];
            let mut of_nothing = [words.load(&[0; LANES]); BLOCKS];
            for group in 0..taps.div_ceil(4).min(GROUPS) {
                let mut places = [no_weights.as_ptr(); 4];
                for tap in 0..(taps - 4 * group).min(4) {
                    places[tap] = weight.as_ptr().add((4 * group + tap) * filters + first);
                }
                if blocks == BLOCKS {
                    weights[group] = words.taps_of_all(places);
                } else {
                    for block in 0..blocks {
                        weights[group][block] = words.taps(after(places, block * LANES));
                    }
                }
                for block in 0..BLOCKS {
                    of_nothing[block] = words.add_taps(of_nothing[block], nothing, weights[group][block]);
                }
            }
            for block in 0..BLOCKS {
                words.store(of_nothing[block], &mut sums[block]);
            }
            let channel = if blocks == BLOCKS { W::channel } else { |block, lane| block * LANES + lane };
            arrange(channels.depthwise, first, blocks, channel, &mut sums, scale);
            let ([a, b, c, d], twice) = (&*scale, channels.twice);
            Self {
                weights,
                bias: [
                    words.load(&sums[0]),
                    words.load(&sums[1]),
                    words.load(&sums[2]),
                    words.load(&sums[3]),
                ],
                scales: [
                    Scales::new(words, a, twice),
                    Scales::new(words, b, twice),
                    Scales::new(words, c, twice),
                    Scales::new(words, d, twice),
                ],
            }
        }
    }

    /// The halves of all four times sixteen channels of an output.
    ///
    /// # Safety
    /// 64 bytes can be read at each tap of the first `groups`.
    #[inline(always)]
    unsafe fn all(&self, words: W, taps: &Taps, groups: usize) -> [W::Sums; BLOCKS] {
        let mut sums = self.bias;
        for (&taps, weights) in taps.iter().zip(&self.weights).take(groups) {
            // SAFETY: this function's contract.
            let x = unsafe { words.taps_of_all(taps) };
            for block in 0..BLOCKS {
                sums[block] = words.add_taps(sums[block], x[block], weights[block]);
            }
        }
        for block in 0..BLOCKS {
            let [halves] = self.scales[block].halves(words, [sums[block]]);
            sums[block] = halves;
        }
        sums
    }

    /// The halves of sixteen channels of an output.
    ///
    /// # Safety
    /// Bytes of the channels of `block` can be read at each tap of the first `groups`; it is one of those that there are.
    #[inline(always)]
    unsafe fn block(&self, words: W, taps: &Taps, groups: usize, block: usize) -> W::Sums {
        let (mut sums, at) = (self.bias[block % BLOCKS], block * LANES);
        for group in 0..groups.min(GROUPS) {
            // SAFETY: this function's contract.
            let x = unsafe { words.taps(after(taps[group], at)) };
            sums = words.add_taps(sums, x, self.weights[group][block % BLOCKS]);
        }
        let [halves] = self.scales[block % BLOCKS].halves(words, [sums]);
        halves
    }
}

/// Overwrites sums of products with inputs of 0, of which there are some if something is added to inputs, with the bias less those; and
/// `scale`: for each block and lane, of the channel there.
fn arrange(
    depthwise: &Depthwise<'_>,
    first: usize,
    blocks: usize,
    channel: fn(usize, usize) -> usize,
    sums: &mut [[i32; LANES]; BLOCKS],
    scale: &mut [[Multiplier; LANES]; BLOCKS],
) {
    for (block, (sums, scale)) in sums.iter_mut().zip(scale).enumerate().take(blocks) {
        for (lane, (sum, scale)) in sums.iter_mut().zip(scale).enumerate() {
            let channel = first + channel(block, lane);
            *sum = depthwise.bias.get(channel).copied().unwrap_or_default().wrapping_sub(*sum);
            *scale = depthwise.scale.get(channel).copied().unwrap_or(NONE);
        }
    }
}

/// Each place, `count` bytes later.
#[inline(always)]
fn after([a, b, c, d]: [*const i8; 4], count: usize) -> [*const i8; 4] {
    [a.wrapping_add(count), b.wrapping_add(count), c.wrapping_add(count), d.wrapping_add(count)]
}
