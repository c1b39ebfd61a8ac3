//! Layers of transformers: attention, and what goes with it, on sequences `[[f32; D]; T]`.
//!
//! | file | layers |
//! |---|---|
//! | `attention` | `Attention`, `CrossAttention` |
//! | `embedding` | `Embedding` of tokens |
//! | `tied_embedding` | `TiedEmbedding`, whose weights are also those of the output |
//! | `positions` | `Positions`, learnt |
//! | `mean` | `MeanPresent`, of the frames that are there |
//! | `rotary` | `Rotary` positions |
//! | `present` | `Present`: frames of zeros stay zeros |
//!
//! A frame of zeros is absent: [`Embedding`] writes one where there is no token, [`Present`] keeps it, and
//! [`Attention`] with [`PresentOnly`] attends to no such frame. So sequences of different lengths can be rows of one batch.

mod attention;
mod embedding;
mod mean;
mod positions;
mod present;
mod rotary;
mod tied_embedding;

pub use attention::{Attention, CrossAttention, Everything, PresentOnly, Sees};
pub use embedding::Embedding;
pub use mean::MeanPresent;
pub use positions::Positions;
pub use present::Present;
pub use rotary::{Halves, Neighbours, Pairs, Rotary};
pub use tied_embedding::TiedEmbedding;
