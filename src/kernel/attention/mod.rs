//! Attention: each query's mean of values, weighted by how well the keys match it.
//!
//! ```text
//! s_ij = scale q_i . k_j        p_ij = exp(s_ij - m_i) / l_i        o_i = sum_j p_ij v_j
//! m_i = max_j s_ij              l_i = sum_j exp(s_ij - m_i)
//! ```
//!
//! Source: A. Vaswani and others, "Attention Is All You Need", 2017, section 3.2. Heads are stretches of a frame; several
//! heads can share the keys and values of a group (J. Ainslie and others, "GQA", 2023).
//!
//! # No matrix of scores
//!
//! Scores are computed for [`TILE`] queries and [`KEYS`] keys at a time, on the stack. A block of keys whose maximum is larger
//! than those before multiplies the sums of the earlier blocks by a power of e:
//!
//! ```text
//! for each tile of queries:
//!     m = -inf, l = 0, o = 0
//!     for each block of keys:
//!         S = Q K^T                                            a product of rows by rows
//!         m' = max(m, max S),  P = exp(S - m'),  a = exp(m - m')
//!         l = a l + sum P,  o = a o + P V,  m = m'
//!     o = o / l
//! ```
//!
//! Sources: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018; T. Dao and others,
//! "FlashAttention", 2022. Backward computes P again from m and 1 / l, which forward stores for each query and head:
//!
//! ```text
//! d_i = dO_i . O_i
//! dS = scale P (dO V^T - d)     dV += P^T dO     dQ += dS K     dK += dS^T Q
//! ```
//!
//! # The order of a sum
//!
//! Blocks begin at multiples of [`KEYS`] in the sequence. A score is one chain over the numbers of a head; a query's sum of a
//! block is of sixteen lanes, by position; o is one chain over keys, and so are dQ over keys, and dK and dV over queries
//! (over [`STRIP`] queries for each head of a group in turn). None depends on how many keys a query sees, so one query
//! at a time, against keys from a cache, gives the bits of the whole sequence.
//!
//! A key that a query does not see is not multiplied: NaN in it stays there.
//!
//! | file | contents |
//! |---|---|
//! | `sizes` | sizes, and where queries, keys and values are |
//! | `products` | the products, without segments |
//! | `rows` | what happens to rows of scores between products |
//! | `triangle` | values of the last keys, of which each query sees one more than the query before |
//! | `forward`, `backward` | the two passes |
//! | `weights` | p of one query, to be looked at |

mod backward;
mod forward;
mod products;
mod rows;
mod sizes;
#[cfg(test)]
mod tests;
#[cfg(not(fusebox_scalar))]
mod triangle;
mod weights;

pub(crate) use backward::backward;
pub(crate) use forward::{forward, forward_one};
pub(crate) use sizes::{Frames, Sizes, Visible};
pub(crate) use weights::weights;

/// Keys in a block: it is part of the order of sums, so it is the same everywhere.
pub(crate) const KEYS: usize = 32;

/// Queries in a unit of work. Units begin at multiples of it.
pub(crate) const STRIP: usize = 16;

/// Queries whose scores are on the stack at once.
const TILE: usize = if crate::simd::VECTORS { 64 } else { 4 };

/// Of a query and a head: the largest score, and the reciprocal of the sum of exponentials; 0 if the query sees no key.
pub(crate) type Softmax = [f32; 2];
