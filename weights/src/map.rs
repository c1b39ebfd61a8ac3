//! Names for a network's layers, to load and save them.

use crate::places::Places;
use crate::{Error, File, Tensor};
use std::collections::{BTreeSet, HashSet};

/// Names for a network's layers, in PyTorch's or Keras's way: a description that [`Map::load`] and [`Map::save`] follow. How it is used
/// is in the [crate's documentation](crate).
///
/// | | PyTorch | Keras |
/// |---|---|---|
/// | [`dense`](Map::dense), convolutions | `NAME.weight`, `NAME.bias` | `NAME/kernel`, `NAME/bias` |
/// | normalisations | `.weight`, `.bias` | `/gamma`, `/beta` |
/// | [`rms_norm`](Self::rms_norm) | `.weight` | `/scale` |
/// | [`batch_norm`](Map::batch_norm), also | `.running_mean`, `.running_var` | `/moving_mean`, `/moving_variance` |
/// | [`embedding`](Map::embedding) | `.weight` | `/embeddings` |
/// | [`gru`](Map::gru), [`lstm`](Map::lstm) | `.weight_ih_l0`, `.weight_hh_l0`, `.bias_ih_l0`, `.bias_hh_l0` | `/kernel`, `/recurrent_kernel`, `/bias` |
///
/// Keras's names are those of its variables' paths.
#[derive(Debug)]
pub struct Map<'a> {
    pub(crate) layout: Layout,
    slots: Vec<Slot<'a>>,
    ignored: HashSet<String>,
    /// The first mistake in the description.
    error: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    PyTorch,
    Keras,
}

/// A tensor of the file, and where its numbers are.
#[derive(Debug)]
struct Slot<'a> {
    /// The numbers here are the sum of these tensors'.
    names: Vec<String>,
    places: Places,
    /// One after the other.
    numbers: Vec<&'a mut [f32]>,
}

impl<'a> Map<'a> {
    /// An empty description in PyTorch's way.
    pub fn pytorch() -> Self {
        Self { layout: Layout::PyTorch, slots: Vec::new(), ignored: HashSet::new(), error: None }
    }

    /// An empty description in Keras's way.
    pub fn keras() -> Self {
        Self { layout: Layout::Keras, ..Self::pytorch() }
    }

    /// The file may hold a tensor of this name, which is not read: any other that no layer has is an error. A
    /// `num_batches_tracked` of a [`batch_norm`](Map::batch_norm) needs no mention.
    pub fn ignore(mut self, name: &str) -> Self {
        self.ignored.insert(name.into());
        self
    }

    /// Numbers of no layer that is known here: a tensor of this full name and shape, in the same order.
    ///
    /// ```
    /// use fusebox_weights::Map;
    /// let mut scale = [[1.0, 2.0], [3.0, 4.0]];
    /// let file = Map::pytorch().tensor("scale", &[2, 2], scale.as_flattened_mut()).save()?;
    /// let mut again = [0.0; 4];
    /// Map::pytorch().tensor("scale", &[2, 2], &mut again).load(&file)?;
    /// assert_eq!(again, [1.0, 2.0, 3.0, 4.0]);
    /// let error = Map::pytorch().tensor("scale", &[4], &mut again).load(&file).unwrap_err();
    /// assert_eq!(error.to_string(), "`scale`: expected shape [4], got [2, 2]");
    /// # Ok::<(), fusebox_weights::Error>(())
    /// ```
    pub fn tensor(self, name: &str, shape: &[usize], numbers: &'a mut [f32]) -> Self {
        let (count, got) =
            (shape.iter().try_fold(1_usize, |all, &axis| all.checked_mul(axis)), numbers.len());
        if count != Some(got) || shape.iter().any(|&axis| axis > got) {
            return self.failed(Error::new(format!("`{name}`: {got} numbers have no shape {shape:?}")));
        }
        self.slot(vec![name.into()], Places::in_order(shape), vec![numbers])
    }

    /// Adds a tensor, or several that are summed.
    pub(crate) fn slot(mut self, names: Vec<String>, places: Places, numbers: Vec<&'a mut [f32]>) -> Self {
        self.slots.push(Slot { names, places, numbers });
        self
    }

    pub(crate) fn failed(mut self, error: Error) -> Self {
        self.error.get_or_insert(error);
        self
    }

    /// Overwrites the layers with the tensors of a safetensors file, of type `F32`, or `F16` or `BF16`, which are the same numbers
    /// in `f32`.
    ///
    /// Errors, with nothing written, if the file is damaged, a tensor is missing or has another type or shape, or the file has one
    /// that no layer has: it is another network's.
    pub fn load(&mut self, file: &[u8]) -> Result<(), Error> {
        self.check()?;
        let file = File::read(file)?;
        let mut unused: BTreeSet<&str> = file.iter().map(|(name, _)| name).collect();
        unused.retain(|&name| !self.ignored.contains(name));
        let mut loaded = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            for name in &slot.names {
                unused.remove(name.as_str());
            }
            loaded.push(slot.gather(&file)?);
        }
        if let Some(name) = unused.first() {
            return Err(Error::new(format!(
                "`{name}`: the file has this tensor, the network has no place for it"
            )));
        }
        for (slot, numbers) in self.slots.iter_mut().zip(loaded) {
            let mut rest = numbers.as_slice();
            for part in &mut slot.numbers {
                if let Some(from) = rest.split_off(..part.len()) {
                    part.copy_from_slice(from);
                }
            }
        }
        Ok(())
    }

    /// The layers as the bytes of a safetensors file, of type `F32`. Of an LSTM in PyTorch's way, all of the bias is in
    /// `bias_ih_l0`. Errors if the description is wrong.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut file = File::default();
        for slot in &self.slots {
            let numbers: Vec<f32> = slot.numbers.iter().flat_map(|part| part.iter().copied()).collect();
            for (i, name) in slot.names.iter().enumerate() {
                let mut ordered = Vec::with_capacity(numbers.len());
                slot.places.for_each(&mut |place| ordered.push(if i == 0 { numbers[place] } else { 0.0 }));
                file.insert(name, Tensor::of(slot.places.shape(), ordered.into_iter()))?;
            }
        }
        file.write()
    }

    /// Errors if the description is wrong.
    fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let mut names = HashSet::new();
        match self.slots.iter().flat_map(|slot| &slot.names).find(|&name| !names.insert(name)) {
            Some(name) => Err(Error::new(format!("two layers have the tensor `{name}`"))),
            None => Ok(()),
        }
    }
}

impl Slot<'_> {
    /// The file's numbers in the order they have here.
    fn gather(&self, file: &File<'_>) -> Result<Vec<f32>, Error> {
        let expected = self.places.shape();
        let mut sums = vec![0.0; expected.iter().product()];
        for (i, name) in self.names.iter().enumerate() {
            let Tensor { dtype, shape, .. } = file.tensor(name)?;
            let numbers = file.tensor(name)?.numbers().ok_or_else(|| {
                Error::new(format!("`{name}`: expected numbers of type F32, F16 or BF16, got {dtype}"))
            })?;
            if *shape != expected {
                let hint = if sorted(shape) == sorted(&expected) {
                    ": is it the other framework's order?"
                } else {
                    ""
                };
                return Err(Error::new(format!(
                    "`{name}`: expected shape {expected:?}, got {shape:?}{hint}"
                )));
            }
            let mut from = numbers.into_iter();
            self.places.for_each(&mut |place| {
                // The shape says how many there are. The first is not added to zero, which -0.0 and a NaN's bits would not survive.
                let number = from.next().unwrap_or_default();
                sums[place] = if i == 0 { number } else { sums[place] + number };
            });
        }
        Ok(sums)
    }
}

fn sorted(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape.sort_unstable();
    shape
}
