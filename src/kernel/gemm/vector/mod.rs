//! Products on cores with vectors: which kernel takes which, and the kernels.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan` | how rows, columns and k are cut: arithmetic on sizes |
//! | `micro` | the micro-kernel: one tile in registers; why it is fast |
//! | `strips` | from a strip of tiles to the micro-kernel compiled for their size |
//! | `panel` | one panel of columns whose B is packed first |
//! | `join` | how a segment's sum joins those before |
//! | `column`, `long_row`, `transposed_row`, `dots`, `thin` | products with too little of something for a tile |
//! | `long_panels` | packed panels for sums of several segments |
//! | `blocks` | the loops over blocks and panels |
//! | `threads` | large products on several threads |
//! | `fixed`, `prepacked` | products whose shape is a type, or whose B was packed ahead of time |
//! | `driver` | where products come into this room, and who takes which |

mod blocks;
mod column;
mod dots;
mod driver;
mod fixed;
mod join;
mod long_panels;
mod long_row;
mod micro;
mod panel;
mod plan;
mod prepacked;
mod strips;
mod thin;
#[cfg(fusebox_threads)]
mod threads;
mod transposed_row;

pub(in crate::kernel) use driver::{chain, chain_by_rows, pack_transposed, panel_width};
pub(super) use driver::{row_product, run};
pub(in crate::kernel) use fixed::fixed_product;
pub(in crate::kernel) use panel::PACK_LEN;
pub(super) use prepacked::run_panels;
pub(super) use thin::add_rank_one;
#[cfg(fusebox_threads)]
pub(in crate::kernel) use threads::PART;

/// A product whose sums become what a [`Store`](super::tile::Store) says.
type Product<'a> = super::product::Product<'a, super::tile::Store<'a>>;
