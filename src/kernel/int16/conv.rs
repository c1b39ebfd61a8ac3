//! Convolutions: the inputs of a window are a row of a product.

use super::product::Product;
use super::scale::Sum;
use crate::Isa;
use crate::kernel::int8::patches::Patches;
use crate::kernel::rows_mut;
use crate::memory::view_mut;

/// A convolution of pictures.
pub(crate) struct Convolution<'a> {
    /// On the bytes of a picture.
    pub patches: Patches,
    /// Of a window with the filters.
    pub product: Product<'a>,
}

impl Convolution<'_> {
    /// Overwrites `y`, one picture. `patch` is memory for a window.
    pub(crate) fn run<S: Sum>(&self, isa: Isa, x: &[i16], patch: &mut [i16], y: &mut [i16]) {
        let [rows, cols] = &self.patches.axes;
        if self.patches.is_pointwise() {
            return self.product.run::<S>(isa, x, y);
        }
        let places = (0..rows.output).flat_map(|down| (0..cols.output).map(move |right| [down, right]));
        for (place, y) in places.zip(rows_mut(y, self.product.bias.len())) {
            let bytes = 2 * patch.len();
            self.patches.gather(bytes_of(x), place, view_mut(patch, bytes));
            self.product.run::<S>(isa, patch, y);
        }
    }
}

/// The bytes of numbers.
#[inline]
fn bytes_of(x: &[i16]) -> &[i8] {
    crate::memory::view(x, 2 * x.len())
}
