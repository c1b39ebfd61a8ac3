//! Everyone at one shape: first whether they agree, then how fast they are.

use crate::peers::{Gemm, Peer};
use crate::product::{Conditions, Product, Run, measure};
use crate::read::read;
use crate::report::Row;
use crate::shapes::Shape;
use anyhow::{Result, ensure};
use std::hint::black_box;

/// So many come first, before the peers: fusebox with the shape known at run time, and known before.
pub(crate) const OURS: usize = 2;

/// Measures everyone, ours first.
pub(crate) fn compare(conditions: Conditions, everyone: &[&dyn Peer], shape: Shape) -> Result<Row> {
    agree(everyone, shape, conditions.offset)?;
    let mut runs: Vec<Option<Run<'_>>> = Vec::new();
    for &peer in everyone {
        let run = move |product: &mut Product, times: u64| peer.repeat(product, times);
        runs.push(peer.takes(shape).then(|| Box::new(run) as Run<'_>));
    }
    let read = move |product: &mut Product, times: u64| {
        for _ in 0..times {
            read(conditions.isa, black_box(product.read_once().expect("one row or column")));
        }
    };
    runs.push((shape.m == 1 || shape.n == 1).then(|| Box::new(read) as Run<'_>));

    let mut parts = measure(conditions, shape, &runs).into_iter();
    let mut next = || parts.next().flatten();
    let (runtime, fixed) = (next(), next());
    let others = &everyone[OURS..];
    let peers: Vec<_> = others.iter().map(|_| next()).collect();
    let best = |before: bool| {
        let level = others.iter().zip(&peers).filter(|(peer, _)| before || !peer.learns_before());
        level.filter_map(|(_, part)| *part).reduce(f64::max)
    };
    let (best_runtime, best) = (best(false), best(true));
    Ok(Row { shape, runtime, fixed, peers, best_runtime, best, read: next() })
}

/// An error unless everyone finds what the crate `gemm` finds.
fn agree(everyone: &[&dyn Peer], shape: Shape, offset: usize) -> Result<()> {
    let mut product = Product::new(shape, offset);
    Gemm.multiply(&mut product);
    let expected = product.c.to_vec();
    let bound = 1e-6 * shape.k as f32;
    for peer in everyone.iter().filter(|peer| peer.takes(shape)) {
        product.c.fill(f32::NAN);
        peer.multiply(&mut product);
        let near = expected.iter().zip(product.c.iter()).all(|(x, y)| (x - y).abs() <= bound);
        ensure!(near, "{} finds another {shape} than gemm", peer.name());
    }
    Ok(())
}
