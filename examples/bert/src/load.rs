//! Weights by name, from a file of `safetensors` as Hugging Face's BERT has them.
//!
//! Everything is checked, then everything is written: a file that is refused leaves the network as it was.

use crate::net::{Bert, Norm};
use fusebox::{Dense, layers::Activation};
use safetensors::{Dtype, SafeTensors};
use std::fmt;

/// Why a file was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The file is not what `safetensors` writes, or not all of it.
    File(String),
    Missing(String),
    Type {
        name: String,
        got: Dtype,
    },
    Shape {
        name: String,
        expected: Vec<usize>,
        got: Vec<usize>,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "no file of weights: {error}"),
            Self::Missing(name) => write!(f, "{name}: there is no such tensor"),
            Self::Type { name, got } => write!(f, "{name}: expected numbers of type F32, got {got:?}"),
            Self::Shape { name, expected, got } => {
                write!(f, "{name}: expected shape {expected:?}, got {got:?}")
            }
        }
    }
}

impl std::error::Error for Refused {}

/// A tensor whose type and shape are right: little-endian `f32`s.
#[derive(Clone, Copy)]
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn iter(&self) -> impl Iterator<Item = f32> {
        self.0.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))
    }

    /// Overwrites `to`.
    fn copy_to(self, to: &mut [f32]) {
        to.iter_mut().zip(self.iter()).for_each(|(to, from)| *to = from);
    }

    /// `[rows][columns]` here, as columns of `to` from `first` on.
    fn transpose_to<const ROWS: usize, const COLUMNS: usize>(
        self,
        to: &mut [[f32; COLUMNS]; ROWS],
        first: usize,
    ) {
        for (i, row) in self.0.chunks_exact(size_of::<f32>() * ROWS).enumerate() {
            for (to, from) in to.iter_mut().zip(Numbers(row).iter()) {
                to[first + i] = from;
            }
        }
    }
}

/// A `Linear`, or a normalisation: its weight and bias.
#[derive(Clone, Copy)]
struct Pair<'a> {
    weight: Numbers<'a>,
    bias: Numbers<'a>,
}

impl Pair<'_> {
    fn norm<const D: usize>(self, to: &mut Norm<D>) {
        self.weight.copy_to(&mut to.gain);
        self.bias.copy_to(&mut to.shift);
    }

    /// PyTorch has `[outputs][inputs]`; a part of the outputs, from `first` on.
    fn dense<const IN: usize, const OUT: usize, A: Activation>(
        self,
        to: &mut Dense<IN, OUT, A>,
        first: usize,
    ) {
        self.weight.transpose_to(&mut to.weight, first);
        self.bias.copy_to(&mut to.bias[first..]);
    }
}

/// One block's tensors.
struct BlockOf<'a> {
    query: Pair<'a>,
    key: Pair<'a>,
    value: Pair<'a>,
    mixed: Pair<'a>,
    mixed_norm: Pair<'a>,
    up: Pair<'a>,
    down: Pair<'a>,
    down_norm: Pair<'a>,
}

/// Finds tensors and checks them.
struct Source<'a>(SafeTensors<'a>);

impl<'a> Source<'a> {
    fn numbers(&self, name: &str, expected: &[usize]) -> Result<Numbers<'a>, Refused> {
        let tensor = self.0.tensor(name).map_err(|_| Refused::Missing(name.into()))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(Refused::Type { name: name.into(), got: tensor.dtype() });
        }
        if tensor.shape() != expected {
            let (expected, got) = (expected.to_vec(), tensor.shape().to_vec());
            return Err(Refused::Shape { name: name.into(), expected, got });
        }
        Ok(Numbers(tensor.data()))
    }

    fn pair(&self, name: &str, weight: &[usize]) -> Result<Pair<'a>, Refused> {
        Ok(Pair {
            weight: self.numbers(&format!("{name}.weight"), weight)?,
            bias: self.numbers(&format!("{name}.bias"), &weight[..1])?,
        })
    }

    fn block(&self, i: usize, d: usize, wide: usize) -> Result<BlockOf<'a>, Refused> {
        let pair = |name: &str, weight: &[usize]| self.pair(&format!("encoder.layer.{i}.{name}"), weight);
        Ok(BlockOf {
            query: pair("attention.self.query", &[d, d])?,
            key: pair("attention.self.key", &[d, d])?,
            value: pair("attention.self.value", &[d, d])?,
            mixed: pair("attention.output.dense", &[d, d])?,
            mixed_norm: pair("attention.output.LayerNorm", &[d])?,
            up: pair("intermediate.dense", &[wide, d])?,
            down: pair("output.dense", &[d, wide])?,
            down_norm: pair("output.LayerNorm", &[d])?,
        })
    }
}

/// Overwrites the network with the weights of a file that was trained for `positions` positions, of which the first `T`
/// are used.
///
/// Each token is of the first type: its row is added to those of the positions.
pub(crate) fn load<
    const V: usize,
    const T: usize,
    const D: usize,
    const HEADS: usize,
    const HEAD: usize,
    const QKV: usize,
    const WIDE: usize,
    const BLOCKS: usize,
>(
    file: &[u8],
    positions: usize,
    net: &mut Bert<V, T, D, HEADS, HEAD, QKV, WIDE, BLOCKS>,
) -> Result<(), Refused> {
    const { assert!(QKV == 3 * D, "queries, keys and values are D numbers each") }
    assert!(T <= positions, "weights for each position");
    let source = Source(SafeTensors::deserialize(file).map_err(|error| Refused::File(error.to_string()))?);
    let tokens = source.numbers("embeddings.word_embeddings.weight", &[V, D])?;
    let places = source.numbers("embeddings.position_embeddings.weight", &[positions, D])?;
    let types = source.numbers("embeddings.token_type_embeddings.weight", &[2, D])?;
    let norm = source.pair("embeddings.LayerNorm", &[D])?;
    let blocks = (0..BLOCKS).map(|i| source.block(i, D, WIDE)).collect::<Result<Vec<_>, _>>()?;

    let fusebox::Chain { first: embedding, rest } = net;
    tokens.copy_to(embedding.layer.weight.as_flattened_mut());
    places.copy_to(rest.first.weight.as_flattened_mut());
    for row in &mut rest.first.weight {
        row.iter_mut().zip(types.iter()).for_each(|(x, of_type)| *x += of_type);
    }
    let rest = &mut rest.rest;
    norm.norm(&mut rest.first.layer.layer);
    let rest = &mut rest.rest;
    for (from, to) in blocks.iter().zip(&mut rest.first.blocks) {
        let attention = &mut to.first.layer;
        let qkv = &mut attention.first.layer.layer;
        from.query.dense(qkv, 0);
        from.key.dense(qkv, D);
        from.value.dense(qkv, 2 * D);
        from.mixed.dense(&mut attention.rest.rest.layer.layer, 0);
        from.mixed_norm.norm(&mut to.rest.first.layer.layer);
        let mlp = &mut to.rest.rest.first.layer.layer.layer;
        from.up.dense(&mut mlp.first, 0);
        from.down.dense(&mut mlp.rest, 0);
        from.down_norm.norm(&mut to.rest.rest.rest.layer.layer);
    }
    rest.rest.rest.gain = [1.0 / (D as f32).sqrt(); D];
    Ok(())
}
