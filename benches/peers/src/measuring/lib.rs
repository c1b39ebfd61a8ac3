//! What the programs of this crate share: times in % of the machine's own limit, and tables of them.

#[path = "../../../support/peak.rs"]
mod peak;
pub mod table;
pub mod timing;
