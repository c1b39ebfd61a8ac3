//! A file of safetensors: eight bytes, the length of a header; the header, JSON with names, types, shapes and places; the numbers.
//!
//! Source: the format's description in <https://github.com/huggingface/safetensors>. Its crate parses the header and checks that the
//! tensors follow one another and have the sizes of their shapes. That they fill the file is checked here: a header may say that
//! they end near 2^64, where the crate's own sum overflows.

use crate::Error;
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, serialize};
use std::collections::BTreeMap;

/// The tensors of a safetensors file, which stay in its bytes.
///
/// ```
/// use fusebox::{Dense, Zeroed};
/// use fusebox_weights::{File, Map};
/// let bytes = Map::pytorch().dense("fc", &mut Dense::<3, 2>::ZEROED).save()?;
/// let file = File::read(&bytes)?;
/// let shapes: Vec<_> = file.iter().map(|(name, tensor)| (name, tensor.shape.clone())).collect();
/// assert_eq!(shapes, [("fc.bias", vec![2]), ("fc.weight", vec![2, 3])]);
/// # Ok::<(), fusebox_weights::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct File<'a> {
    tensors: BTreeMap<String, Tensor<'a>>,
}

/// A tensor: its type, its shape, and its numbers, little-endian, the last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// The type of its numbers.
    pub dtype: Dtype,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// As many bytes as the type and the shape say, in files that were read.
    pub data: std::borrow::Cow<'a, [u8]>,
}

/// The length of the header's length.
const LENGTH: usize = 8;

impl<'a> File<'a> {
    /// Reads the header. Errors unless the whole file is what the format says. The memory that it takes is a small multiple of the
    /// header's.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.starts_with(b"fusebox\0") {
            return Err(refused("it is a fusebox checkpoint, which has no names"));
        }
        let (length, rest) =
            bytes.split_first_chunk::<LENGTH>().ok_or_else(|| refused("it has less than 8 bytes"))?;
        let length = u64::from_le_bytes(*length);
        let (header, data) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| refused(format!("its header would have {length} bytes, more than the file")))?;
        let header =
            str::from_utf8(header).map_err(|error| refused(format!("its header is no text: {error}")))?;
        let metadata: Metadata =
            serde_json::from_str(header).map_err(|error| refused(format!("its header: {error}")))?;
        let mut tensors = BTreeMap::new();
        let mut end = 0;
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let data = data.get(from..to).ok_or_else(|| {
                Error::new(format!(
                    "`{name}`: the file ends before it: a part of the file is missing, or its header is wrong"
                ))
            })?;
            end = end.max(to);
            tensors.insert(name, Tensor { dtype: info.dtype, shape: info.shape.clone(), data: data.into() });
        }
        if end != data.len() {
            return Err(refused(format!("its last tensor ends {} bytes before the file", data.len() - end)));
        }
        Ok(Self { tensors })
    }

    /// The bytes of a file with these tensors. Errors if a tensor's data are not as long as its type and shape say.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let views = self.tensors.iter().map(|(name, tensor)| {
            // Before the crate's own check, which overflows where the size of a shape does.
            if tensor.size() != Some(tensor.data.len()) {
                return Err(Error::new(format!("`{name}`: {}", tensor.without_shape())));
            }
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data);
            view.map(|view| (name, view)).map_err(|error| Error::new(format!("`{name}`: {error}")))
        });
        let views = views.collect::<Result<Vec<_>, _>>()?;
        serialize(views, None).map_err(|error| Error::new(error.to_string()))
    }

    /// Adds a tensor. Errors if there is one of this name.
    pub fn insert(&mut self, name: &str, tensor: Tensor<'a>) -> Result<(), Error> {
        match self.tensors.insert(name.into(), tensor) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("two tensors have the name `{name}`"))),
        }
    }

    /// The tensor of this name. Errors, and lists those there are, if there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor<'a>, Error> {
        const LISTED: usize = 12;
        self.tensors.get(name).ok_or_else(|| {
            let mut names: Vec<_> =
                self.tensors.keys().take(LISTED).map(|name| format!("`{name}`")).collect();
            if self.tensors.len() > LISTED {
                names.push("..".into());
            }
            Error::new(format!(
                "`{name}`: there is no such tensor in the file, which has {}",
                names.join(", ")
            ))
        })
    }

    /// Names and tensors, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<'a>)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(format!("not a safetensors file: {why}"))
}

impl Tensor<'_> {
    /// How many bytes its type and its shape say; `None` if that is no whole number, or one that overflows.
    pub(crate) fn size(&self) -> Option<usize> {
        let count = self.shape.iter().try_fold(1_usize, |all, &axis| all.checked_mul(axis))?;
        let bits = count.checked_mul(self.dtype.bitsize())?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// That they are not as many as it has.
    pub(crate) fn without_shape(&self) -> String {
        format!("{} bytes have no shape {:?} of {}", self.data.len(), self.shape, self.dtype)
    }

    /// A tensor of `f32`s, in order.
    pub fn of(shape: Vec<usize>, numbers: impl Iterator<Item = f32>) -> Tensor<'static> {
        let data: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
        Tensor { dtype: Dtype::F32, shape, data: data.into() }
    }

    /// The numbers, in order. `F16` and `BF16` become the same numbers in `f32`; `None` for other types.
    pub fn numbers(&self) -> Option<Vec<f32>> {
        let halves = || self.data.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
        Some(match self.dtype {
            Dtype::F32 => self.data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            Dtype::F16 => halves().map(half).collect(),
            Dtype::BF16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            _ => return None,
        })
    }
}

/// A number of IEEE 754's binary16: a sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let rest = u32::from(bits & 0x7FFF);
    let magnitude = match rest >> 10 {
        // Subnormal: a multiple of 2^-24.
        0 => (rest as f32 / 16_777_216.0).to_bits(),
        // Infinity and NaN.
        31 => 0x7F80_0000 | rest << 13,
        _ => (rest << 13) + (112 << 23),
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::half;

    /// Every finite number, against its definition.
    #[test]
    fn halves() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
            let magnitude = match exponent {
                0 => 2_f64.powi(-14) * fraction,
                31 if fraction > 0.0 => f64::NAN,
                31 => f64::INFINITY,
                _ => 2_f64.powi(exponent - 15) * (1.0 + fraction),
            };
            let expected = if bits >> 15 == 1 { -magnitude } else { magnitude };
            let got = f64::from(half(bits));
            if expected.is_nan() {
                assert!(got.is_nan(), "{bits:#06x}");
            } else {
                assert_eq!(got.to_bits(), expected.to_bits(), "{bits:#06x}");
            }
        }
    }
}
