//! How a sum is cut into segments. This alone settles the bits of a product, on every instruction set.
//!
//! A segment is a stretch of k with an accumulator of its own, in which k ascends; the segments' sums are added in order. The
//! first one starts from what the sum starts from (a bias, the old C), the others from zero.

/// The shortest segment worth its extra addition.
pub(super) const SHORTEST: usize = 16;

/// The longest segment. One accumulator loses what is small beside it: of 2^25 ones it holds no more than 2^24, and its
/// relative error on numbers at random grows as the root of k does.
pub(in crate::kernel) const LONGEST: usize = 4096;

/// From so many k on, products of rows by rows (A as it lies, B transposed) are dot products in [`VIRTUAL_LANES`], for any
/// number of rows. Below, reducing a vector for each sum would cost more than the sum.
pub(super) const DOTS: usize = 512;

/// Lanes of such a sum, on every instruction set: k falls to lane k mod 16, and the upper half of the lanes is added to the
/// lower until one is left. (A single column has more; see `column`.)
pub(super) const VIRTUAL_LANES: usize = 16;

/// Longest sum of such lanes, none of which may be longer than [`LONGEST`].
pub(super) const DOT_SEGMENT: usize = VIRTUAL_LANES * LONGEST;

/// Length of the segments of a sum over `k`, of a product with `n` columns; `n` is `usize::MAX` where up to
/// [`LONGEST`] k are one segment.
///
/// A multiply-add takes four cycles and two can start in each, so eight independent sums keep a wide machine busy. A
/// row of `n` outputs has `n / 16` vectors of them; where those are fewer than eight, even a single row gets its
/// eight from splitting k, as long as a segment is worth its extra addition. The rule knows `n` and `k` alone (and of n is
/// asked for NN products only): a sample gets the same bits alone and in a batch, on sixteen lanes and on one. A single
/// column has an order of its own (see `column`).
pub(crate) const fn segment_len(n: usize, k: usize) -> usize {
    // A power of two of segments, whose logarithm divides faster: a product can be shorter than a division takes.
    let log_segments = match n {
        0..=16 => 3,
        17..=32 => 2,
        33..=64 => 1,
        _ => 0,
    };
    let whole = k >> log_segments;
    let segment = if whole << log_segments == k { whole } else { whole + 1 };
    if segment < SHORTEST {
        SHORTEST
    } else if segment > LONGEST {
        LONGEST
    } else {
        segment
    }
}
