//! Activations after a product: a clamp, or a table.

use super::describe::{Clamping, Operation};
use super::layer::last_scale;
use crate::kernel::int8::Double;
use crate::layers::activate::begin;
use crate::layers::activation::{Form, FormOf};
use crate::layers::int8::quantization::Quantization;
use crate::layers::int8::table::Table;
use crate::layers::int8::tensor::Tensor;
use crate::layers::{
    Activation, Chain, Gelu, GeluTanh, Identity, Layer, LeakyRelu, Relu, Relu6, Sigmoid, Silu, Tanh,
};
use crate::{Error, Isa, Pair, Plain, Zeroed};

/// An activation, of eight bits.
pub trait Fused: Activation {
    /// [`Clamped`] or [`Tabled`].
    type Kind: Kind;

    /// In reports.
    const NAME_SHOWN: &'static str;

    /// The scale of the outputs, if the function's range is known.
    const FIXED: Option<Quantization> = None;

    /// The clamp that it is, if it is one.
    const CLAMPING: Clamping = Clamping::None;

    /// What it is, of so many numbers, if no clamp.
    const OPERATION: fn(usize) -> Operation<'static> = |_| Operation::Other;

    /// The results of all bytes, from the first scale to the second. The same bits on every instruction set, those of the portable
    /// one; of the logistic function, tanh and the leaky ReLU those of TensorFlow Lite. Errors if the scales are too far apart for it.
    fn table([x, y]: [Quantization; 2]) -> Result<Table<()>, Error> {
        let function = |x| {
            let mut value = [0.0];
            begin::<Self>(Isa::portable(), &[x], &mut value);
            FormOf::<Self>::infer(Isa::portable(), &mut value);
            value[0]
        };
        Ok(Table::of(x, y, function))
    }

    /// The scale of its outputs.
    fn scale(x: Quantization, ranges: &[[f32; 2]]) -> Result<Quantization, Error> {
        Self::FIXED.map_or_else(|| last_scale(x, ranges), Ok)
    }
}

/// How a function follows a layer.
pub trait Kind {
    /// The layer and the function.
    type After<L: Layer<Output: Tensor> + Zeroed>: Layer<Input = L::Input, Output = L::Output> + Zeroed;
    /// A `T` for each scale.
    type PerOutput<T: Plain>: Plain;

    /// The scales of the sums and of the outputs.
    fn scales<A: Fused>(x: Quantization, ranges: &[[f32; 2]]) -> Result<[Quantization; 2], Error>;

    /// The layer and the table, if there is one.
    fn parts<L: Layer<Output: Tensor> + Zeroed>(after: &Self::After<L>) -> (&L, Option<&Table<L::Output>>);

    /// [`Kind::parts`], to be overwritten.
    fn parts_mut<L: Layer<Output: Tensor> + Zeroed>(
        after: &mut Self::After<L>,
    ) -> (&mut L, Option<&mut Table<L::Output>>);
}

/// The layer clamps its outputs.
#[derive(Debug)]
pub struct Clamped;

/// A table follows the layer.
#[derive(Debug)]
pub struct Tabled;

impl Kind for Clamped {
    type After<L: Layer<Output: Tensor> + Zeroed> = L;
    type PerOutput<T: Plain> = T;

    fn scales<A: Fused>(x: Quantization, ranges: &[[f32; 2]]) -> Result<[Quantization; 2], Error> {
        A::scale(x, ranges).map(|y| [y; 2])
    }

    fn parts<L: Layer<Output: Tensor> + Zeroed>(after: &L) -> (&L, Option<&Table<L::Output>>) {
        (after, None)
    }

    fn parts_mut<L: Layer<Output: Tensor> + Zeroed>(
        after: &mut L,
    ) -> (&mut L, Option<&mut Table<L::Output>>) {
        (after, None)
    }
}

impl Kind for Tabled {
    type After<L: Layer<Output: Tensor> + Zeroed> = Chain<L, Table<L::Output>>;
    type PerOutput<T: Plain> = Pair<T, T>;

    fn scales<A: Fused>(x: Quantization, ranges: &[[f32; 2]]) -> Result<[Quantization; 2], Error> {
        Ok([last_scale(x, ranges.get(..1).unwrap_or_default())?, A::scale(x, ranges)?])
    }

    fn parts<L: Layer<Output: Tensor> + Zeroed>(
        after: &Chain<L, Table<L::Output>>,
    ) -> (&L, Option<&Table<L::Output>>) {
        (&after.first, Some(&after.rest))
    }

    fn parts_mut<L: Layer<Output: Tensor> + Zeroed>(
        after: &mut Chain<L, Table<L::Output>>,
    ) -> (&mut L, Option<&mut Table<L::Output>>) {
        (&mut after.first, Some(&mut after.rest))
    }
}

impl Fused for Identity {
    type Kind = Clamped;
    const NAME_SHOWN: &'static str = "Identity";
}

impl Fused for Relu {
    type Kind = Clamped;
    const NAME_SHOWN: &'static str = "Relu";
    const CLAMPING: Clamping = Clamping::Relu;
}

impl Fused for Relu6 {
    type Kind = Clamped;
    const NAME_SHOWN: &'static str = "Relu6";
    const CLAMPING: Clamping = Clamping::Relu6;
}

impl<const PERCENT: u32> Fused for LeakyRelu<PERCENT> {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "LeakyRelu";
    const OPERATION: fn(usize) -> Operation<'static> = |numbers| Operation::LeakyRelu(numbers, Self::SLOPE);

    fn table([x, y]: [Quantization; 2]) -> Result<Table<()>, Error> {
        Table::leaky_relu::<Double>(x, y, Self::SLOPE)
    }
}

impl Fused for Sigmoid {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "Sigmoid";
    const FIXED: Option<Quantization> = Some(Quantization { scale: 1.0 / 256.0, zero: -128 });
    const OPERATION: fn(usize) -> Operation<'static> = Operation::Logistic;

    fn table([x, _]: [Quantization; 2]) -> Result<Table<()>, Error> {
        Table::logistic(x)
    }
}

impl Fused for Tanh {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "Tanh";
    const FIXED: Option<Quantization> = Some(Quantization { scale: 1.0 / 128.0, zero: 0 });
    const OPERATION: fn(usize) -> Operation<'static> = Operation::Tanh;

    fn table([x, _]: [Quantization; 2]) -> Result<Table<()>, Error> {
        Table::tanh(x)
    }
}

impl Fused for Gelu {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "Gelu";
}

impl Fused for GeluTanh {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "GeluTanh";
}

impl Fused for Silu {
    type Kind = Tabled;
    const NAME_SHOWN: &'static str = "Silu";
}
