//! The order of a tensor's numbers in a file, and here.
//!
//! ```text
//! PyTorch             [outputs][inputs][rows][taps]        Linear, Conv1d, Conv2d: as many axes as there are
//! Keras, and here     [rows][taps][inputs][outputs]
//! ```
//!
//! A transposed convolution has inputs and outputs exchanged in both. Where the inputs are a flattened picture, PyTorch's are channel
//! by channel, those of Keras and here pixel by pixel.

use crate::{Error, Tensor};

/// More axes than any weight has: a header may claim millions.
const AXES: usize = 8;

/// For each number of a tensor of a file, in order, its place here: the sum of one number for each axis. Axes of the shapes given to
/// these functions are no longer than the numbers that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    axes: Vec<Vec<usize>>,
}

impl Places {
    /// The same order in the file and here.
    pub(crate) fn in_order(shape: &[usize]) -> Self {
        let mut stride = shape.iter().product::<usize>();
        let axes = shape.iter().map(|&count| {
            stride /= count.max(1);
            axis(count, stride)
        });
        Self { axes: axes.collect() }
    }

    /// PyTorch's weights of a `Linear` or a convolution: outputs, inputs, and the kernel's axes. Of one axis or none, the same
    /// order in the file and here.
    pub(crate) fn pytorch(shape: &[usize]) -> Self {
        let [outputs, inputs, kernel @ ..] = shape else { return Self::in_order(shape) };
        let mut axes = vec![axis(*outputs, 1), axis(*inputs, *outputs)];
        let scaled = |places: Vec<usize>| places.into_iter().map(|place| place * inputs * outputs).collect();
        axes.extend(Self::in_order(kernel).axes.into_iter().map(scaled));
        Self { axes }
    }

    /// PyTorch's weights of a `Linear` whose inputs were a picture with `channels` channels. Errors unless they divide the inputs.
    pub(crate) fn pytorch_flattened(shape: &[usize], channels: usize) -> Result<Self, Error> {
        let [outputs, inputs] = *shape else {
            return Err(Error::new(format!(
                "expected outputs and inputs after a flatten, got shape {shape:?}"
            )));
        };
        if channels == 0 || !inputs.is_multiple_of(channels) {
            return Err(Error::new(format!("{inputs} inputs are no pictures of {channels} channels")));
        }
        let pixels = inputs / channels;
        let places =
            (0..channels).flat_map(|c| (0..pixels).map(move |pixel| (pixel * channels + c) * outputs));
        Ok(Self { axes: vec![axis(outputs, 1), places.collect()] })
    }

    /// The last axis has `gates.len()` gates of equal size, the first of which is gate `gates[0]` here.
    pub(crate) fn gates(shape: &[usize], gates: &[usize]) -> Self {
        let mut places = Self::in_order(shape);
        if let Some(last) = places.axes.last_mut() {
            let size = last.len() / gates.len();
            *last = gates.iter().flat_map(|gate| gate * size..(gate + 1) * size).collect();
        }
        places
    }

    /// The tensor's shape in the file.
    pub(crate) fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(Vec::len).collect()
    }

    /// Calls `visit` with each number's place here, in the file's order.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(usize)) {
        fn walk(axes: &[Vec<usize>], from: usize, visit: &mut dyn FnMut(usize)) {
            match axes.split_first() {
                None => visit(from),
                Some((axis, rest)) => axis.iter().for_each(|place| walk(rest, from + place, visit)),
            }
        }
        walk(&self.axes, 0, visit);
    }
}

fn axis(count: usize, stride: usize) -> Vec<usize> {
    (0..count).map(|i| i * stride).collect()
}

impl Tensor<'_> {
    /// A weight in PyTorch's order, outputs, inputs and the kernel's axes, in Keras's: the kernel's axes, inputs, outputs. A tensor
    /// of one axis or none stays as it is. If the inputs of a matrix are a flattened picture, `channels` is the number of its
    /// channels, which PyTorch has one after the other. Errors if the tensor cannot be such a weight.
    ///
    /// ```
    /// use fusebox_weights::Tensor;
    /// let linear = Tensor::of(vec![2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter()); // two outputs, three inputs
    /// let keras = linear.to_keras(None)?;
    /// assert_eq!((&keras.shape[..], keras.numbers()), (&[3, 2][..], Some(vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0])));
    /// assert_eq!(keras.to_pytorch(None)?, linear);
    /// # Ok::<(), fusebox_weights::Error>(())
    /// ```
    pub fn to_keras(&self, channels: Option<usize>) -> Result<Tensor<'static>, Error> {
        let mut shape = self.shape.clone();
        if let [_, _, ..] = *shape {
            shape.rotate_left(2);
            let inputs = shape.len() - 2;
            shape[inputs..].reverse();
        }
        self.reordered(shape, true, channels)
    }

    /// A weight in Keras's order in PyTorch's: see [`Tensor::to_keras`].
    pub fn to_pytorch(&self, channels: Option<usize>) -> Result<Tensor<'static>, Error> {
        let mut shape = self.shape.clone();
        if let [_, _, ..] = *shape {
            shape.rotate_right(2);
            shape[..2].reverse();
        }
        self.reordered(shape, false, channels)
    }

    /// The same numbers with another shape, in the other order: from PyTorch's, or to it.
    fn reordered(
        &self,
        shape: Vec<usize>,
        from_pytorch: bool,
        channels: Option<usize>,
    ) -> Result<Tensor<'static>, Error> {
        let (dtype, from) = (self.dtype, &self.data);
        if shape.len() > AXES || !dtype.bitsize().is_multiple_of(8) {
            return Err(Error::new(format!("a weight has at most {AXES} axes, and numbers of whole bytes")));
        }
        let size = dtype.bitsize() / 8;
        if self.size() != Some(from.len()) {
            return Err(Error::new(self.without_shape()));
        }
        let mut to = vec![0; from.len()];
        // Where one axis has length zero, another may have any.
        if !from.is_empty() {
            let pytorch = if from_pytorch { &self.shape } else { &shape };
            let places = match channels {
                Some(channels) => Places::pytorch_flattened(pytorch, channels)?,
                None => Places::pytorch(pytorch),
            };
            let mut i = 0;
            places.for_each(&mut |place| {
                let (read, written) = if from_pytorch { (i, place) } else { (place, i) };
                to[written * size..][..size].copy_from_slice(&from[read * size..][..size]);
                i += 1;
            });
        }
        Ok(Tensor { dtype, shape, data: to.into() })
    }
}
