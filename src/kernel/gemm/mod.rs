//! Products of matrices: C = A B and what follows from it.
//!
//! A file uses files above it in this table, and those below its own row in no case.
//!
//! | file | what it holds |
//! |---|---|
//! | `segments` | how a sum over k is cut, on every instruction set |
//! | `tile` | what a tile of C starts from, where it is, and what becomes of it |
//! | `product` | what kernels are handed: sizes, pointers and strides |
//! | `epilogue` | what happens at the store |
//! | `shape` | the check of shapes: made at the doors, and nowhere below |
//! | `reference` | the same product as three loops |
//! | `vector/` | kernels for targets with vectors |
//! | `scalar/` | kernels for microcontrollers: small, and assembly where it pays |
//! | `packed` | weights packed once, and their door |
//! | `door` | the doors of all other products |
//!
//! A target has one of the two rooms of kernels, here called `kernels`; both have the same functions.

mod door;
mod epilogue;
mod packed;
mod product;
pub(crate) mod reference;
#[cfg(fusebox_scalar)]
mod scalar;
mod segments;
mod shape;
mod tile;
#[cfg(not(fusebox_scalar))]
mod vector;

#[cfg(fusebox_scalar)]
use scalar as kernels;
#[cfg(not(fusebox_scalar))]
use vector as kernels;

pub(crate) use door::{add_rank_one, biased_product, finish_product, product, row_product};
pub use door::{gemm, gemm_with};
pub(super) use epilogue::Activate;
pub use epilogue::Epilogue;
pub(super) use kernels::fixed_product;
#[cfg(fusebox_scalar)]
pub(super) use kernels::stretches;
#[cfg(not(fusebox_scalar))]
pub(super) use kernels::{chain, chain_by_rows};
pub use packed::{Packed, gemm_packed, gemm_packed_with};
pub(super) use product::Operands;
pub(super) use segments::LONGEST;
pub(super) use tile::First;
#[cfg(not(fusebox_scalar))]
pub(crate) use tile::Store;
pub(crate) use tile::{Finish, TakeTile, Tile};
#[cfg(fusebox_scalar)]
pub(crate) use tile::{Place, load_row, next_row, store_tile};
#[cfg(fusebox_threads)]
pub(super) use vector::PART;
#[cfg(not(fusebox_scalar))]
pub(super) use vector::{PACK_LEN, pack_transposed, panel_width};
