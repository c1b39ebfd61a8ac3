//! The table, and what it comes to.

use crate::shapes::{SMALL, Shape};
use comfy_table::Table;
use measuring::table::{aligned, percent};

/// A ratio to the best peer from which on fusebox is not behind: the rest is noise.
const NOISE: f64 = 0.98;

/// What was measured at a shape, in parts of the peak; none where somebody does not take part.
pub(crate) struct Row {
    pub(crate) shape: Shape,
    pub(crate) runtime: Option<f64>,
    pub(crate) fixed: Option<f64>,
    pub(crate) peers: Vec<Option<f64>>,
    /// The best peer of those that learn the shape with each product.
    pub(crate) best_runtime: Option<f64>,
    /// The best of all peers.
    pub(crate) best: Option<f64>,
    /// The part that a plain read of the weights would allow.
    pub(crate) read: Option<f64>,
}

impl Row {
    fn runtime_to_best(&self) -> Option<f64> {
        Some(self.runtime? / self.best_runtime?)
    }

    fn fixed_to_best(&self) -> Option<f64> {
        Some(self.fixed? / self.best?)
    }

    fn cells(&self) -> Vec<String> {
        let parts = [self.runtime, self.fixed].into_iter().chain(self.peers.iter().copied());
        let parts = parts.map(|part| part.map_or(String::new(), percent));
        let to_read = |part: Option<f64>| Some(part? / self.read?);
        let ratios =
            [self.runtime_to_best(), self.fixed_to_best(), to_read(self.runtime), to_read(self.fixed)];
        let ratios = ratios.map(|ratio| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")));
        [self.shape.to_string()].into_iter().chain(parts).chain(ratios).collect()
    }
}

/// A column for each of us and of the peers, in % of the peak, and the ratios of both of us to the best peer, of those
/// that learn the shape as early, and to a plain read.
pub(crate) fn table(names: &[&str], rows: &[Row]) -> Table {
    let ratios = ["runtime : best peer", "fixed : best peer", "runtime : read", "fixed : read"];
    let header = ["m x n x k"].iter().chain(names).chain(&ratios).map(|text| text.to_string());
    aligned(header.collect(), rows.iter().map(Row::cells).collect())
}

/// Where fusebox is behind, the shape known at run time.
pub(crate) fn behind(rows: &[Row]) -> String {
    let behind = rows.iter().filter_map(|row| Some((row.shape, row.runtime_to_best()?)));
    let behind = behind.filter(|&(_, ratio)| ratio < NOISE);
    let behind: Vec<_> = behind.map(|(shape, ratio)| format!("{shape} ({ratio:.3})")).collect();
    let list = if behind.is_empty() { "none".into() } else { behind.join(", ") };
    format!("runtime below {NOISE} of the best peer: {list}")
}

/// The geometric means of fixed : best peer at [`SMALL`], if all of those were measured.
pub(crate) fn small_fixed(rows: &[Row]) -> Option<String> {
    let small: Vec<&Row> =
        SMALL.iter().map(|shape| rows.iter().find(|row| row.shape == *shape)).collect::<Option<_>>()?;
    let mean = |best: fn(&Row) -> Option<f64>| {
        let logarithms: Option<Vec<f64>> =
            small.iter().map(|row| Some((row.fixed? / best(row)?).ln())).collect();
        Some((logarithms?.iter().sum::<f64>() / SMALL.len() as f64).exp())
    };
    Some(format!(
        "fixed : best peer, geometric mean over {{8, 10, 12, 16, 24, 32, 64}}^3, 17 x 19 x 23, 32 x 10 x 128, \
         100 x 10 x 10: {:.2} (of those that learn the shape with each product: {:.2})",
        mean(|row| row.best)?,
        mean(|row| row.best_runtime)?,
    ))
}
