//! Training steps and inference of small networks (dense, ReLU, dense) beside candle's, and the classic exercise beside
//! NumPy's.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin train
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin train -- --numpy python3
//! ```
//!
//! A step is forward, softmax cross-entropy, backward, and the update of stochastic gradient descent. Both start from the
//! same weights and learn from the same batch, on one thread, and their losses are compared before they are timed.
//! `--numpy` takes the path of a Python that can import NumPy.

mod candle;
mod contest;
mod exercise;
mod optimizers;
mod ours;
#[path = "../../../../support/random.rs"]
mod random;

use anyhow::{Result, ensure};
use clap::Parser;
use contest::{Contest, Task, table};
use exercise::exercise;
use fusebox::Isa;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    /// Compare the classic exercise with this Python's NumPy too
    #[arg(long)]
    numpy: Option<PathBuf>,
    /// Seconds for each line of the table
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.seconds >= 0.0, "a time below zero");
    let time = Duration::try_from_secs_f64(arguments.seconds)?;
    // SAFETY: nothing has started a thread yet, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };

    keep_freed_memory();

    println!("One thread, {}; floor and % of the multiply-add peak in the same run.\n", Isa::detect());
    let mut rows = Vec::new();
    for task in [Task::Step, Task::Inference] {
        rows.push(Contest::<784, 128, 10, 32>::measure(task, time)?);
        rows.push(Contest::<64, 32, 10, 32>::measure(task, time)?);
        rows.push(Contest::<64, 32, 10, 1>::measure(task, time)?);
        rows.push(Contest::<10, 10, 2, 100>::measure(task, time)?);
    }
    println!("{}", table(&rows));
    println!("\n{}", optimizers::optimizers(2 * time));
    if let Some(python) = &arguments.numpy {
        println!("\n{}", exercise(python)?);
    }
    Ok(())
}

/// Has the allocator keep what is freed. Left to itself, glibc hands megabytes back to the system and asks for them again
/// step by step, and candle's larger steps then take up to five times as long, or not, by chance.
fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no other thread allocates meanwhile.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 25);
    }
}
