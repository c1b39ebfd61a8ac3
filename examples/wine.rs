//! Tells the growers of 178 Italian wines by thirteen chemical measurements: 13-16-3, trained once for each of ten seeds,
//! judged by the fifth held out, beside scikit-learn's network and logistic regression on the same rows.
//!
//! ```text
//! cargo run --release --example wine
//! ```
//!
//! Expect about 97 %. Exits with status 1 if the mean accuracy is below 95 %. The data: S. Aeberhard and M. Forina, *Wine*,
//! 1992, CC BY 4.0; its source and the protocol are in `examples/data/README.md`.

#[path = "support/classify.rs"]
mod classify;
#[path = "support/comparison.rs"]
mod comparison;
#[path = "support/curve.rs"]
mod curve;
#[path = "support/protocol.rs"]
mod protocol;
#[path = "support/saliency.rs"]
mod saliency;
#[path = "support/table.rs"]
mod table;

const LEAST_ACCURACY: f64 = 0.95;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = table::Table::<13>::read(include_str!("data/wine.csv"))?;
    let (_, accuracy) = classify::classify::<13, 3>("wine", &table, 200)?;
    if accuracy < LEAST_ACCURACY {
        return Err(format!("the mean accuracy {accuracy:.3} is below {LEAST_ACCURACY}").into());
    }
    Ok(())
}
