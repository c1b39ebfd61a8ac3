//! The same weights in another order.

use crate::Failure;
use fusebox_weights::{File, Tensor};
use pico_args::Arguments;
use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq)]
enum Order {
    PyTorch,
    Keras,
    /// Keras's, without names.
    Fusebox,
}

/// What the command line says about a conversion.
pub(crate) struct Options {
    from: Order,
    to: Order,
    keep: Vec<String>,
    flattened: HashMap<String, usize>,
    rename: HashMap<String, String>,
}

impl Options {
    /// Takes the options from the arguments.
    pub(crate) fn parse(args: &mut Arguments) -> Result<Self, Failure> {
        let from = args.value_from_fn("--from", order)?;
        if from == Order::Fusebox {
            return Err(
                "--from fusebox: its bytes have no names; fusebox_weights::Map::save writes a network's"
                    .into(),
            );
        }
        Ok(Self {
            from,
            to: args.value_from_fn("--to", order)?,
            keep: args.values_from_str("--keep")?,
            flattened: args
                .values_from_fn("--flattened", |arg| {
                    let (name, channels) = pair(arg)?;
                    let channels =
                        channels.parse().map_err(|_| format!("{channels} is no number of channels"))?;
                    Ok::<_, String>((name, channels))
                })?
                .into_iter()
                .collect(),
            rename: args.values_from_fn("--rename", pair)?.into_iter().collect(),
        })
    }

    /// The bytes of the file that `names` of `file` become, or all.
    pub(crate) fn convert(&self, file: &[u8], names: &[String]) -> Result<Vec<u8>, Failure> {
        let file = File::read(file)?;
        let mentioned = self.keep.iter().chain(self.flattened.keys()).chain(self.rename.keys()).chain(names);
        for name in mentioned {
            file.tensor(name)?;
        }
        if self.to == Order::Fusebox {
            return self.flat(&file, names);
        }
        let mut converted = File::default();
        for (name, tensor) in
            file.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
        {
            let new = self.rename.get(name).map_or(name, String::as_str);
            converted.insert(new, self.tensor(name, tensor)?)?;
        }
        Ok(converted.write()?)
    }

    /// The numbers alone.
    fn flat(&self, file: &File<'_>, names: &[String]) -> Result<Vec<u8>, Failure> {
        if names.is_empty() {
            let all: Vec<_> = file.iter().map(|(name, _)| name).collect();
            return Err(format!(
                "--to fusebox: name the tensors in the network's order, of {}",
                all.join(" ")
            )
            .into());
        }
        if !self.rename.is_empty() {
            return Err("--to fusebox: there are no names in it to --rename".into());
        }
        let mut bytes = Vec::new();
        for name in names {
            let tensor = self.tensor(name, file.tensor(name)?)?;
            let numbers = tensor
                .numbers()
                .ok_or_else(|| format!("`{name}`: expected F32, F16 or BF16, got {}", tensor.dtype))?;
            bytes.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        }
        Ok(bytes)
    }

    fn tensor<'a>(&self, name: &str, tensor: &Tensor<'a>) -> Result<Tensor<'a>, Failure> {
        let channels = self.flattened.get(name);
        let same = self.from == self.to || self.from != Order::PyTorch && self.to != Order::PyTorch;
        if same || tensor.shape.len() < 2 || self.keep.iter().any(|kept| kept == name) {
            return match channels {
                Some(_) => Err(format!("`{name}`: --flattened, and its order stays").into()),
                None => Ok(tensor.clone()),
            };
        }
        let other = if self.from == Order::PyTorch {
            tensor.to_keras(channels.copied())
        } else {
            tensor.to_pytorch(channels.copied())
        };
        other.map_err(|error| format!("`{name}`: {error}").into())
    }
}

fn order(arg: &str) -> Result<Order, String> {
    match arg {
        "pytorch" => Ok(Order::PyTorch),
        "keras" => Ok(Order::Keras),
        "fusebox" => Ok(Order::Fusebox),
        _ => Err(format!("`{arg}` is no order: pytorch, keras or fusebox")),
    }
}

/// `NAME=VALUE`.
fn pair(arg: &str) -> Result<(String, String), String> {
    let (name, value) = arg.split_once('=').ok_or_else(|| format!("`{arg}` is not NAME=VALUE"))?;
    Ok((name.into(), value.into()))
}
