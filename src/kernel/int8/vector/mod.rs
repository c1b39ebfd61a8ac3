//! Products and convolutions on vectors: which instructions an [`Isa`] means here.
//!
//! | way | four products of bytes in a lane | lanes |
//! |---|---|---|
//! | `vnni` | `vpdpbusd`, of weights plus 128 as unsigned bytes | 16 |
//! | `avx_vnni` | the same | 8 |
//! | `avx2` | two `vpmaddwd`, of bytes widened to 16 bits, and two additions | 8 |
//!
//! `vpdpbusd` multiplies unsigned bytes by signed ones. So 128 is added to the weights, by inverting their highest bit, and
//! `128 sum of x` taken off each row's sums. `vpmaddubsw` would widen nothing, but saturates.

mod avx2;
mod avx_vnni;
mod depthwise;
mod rows;
mod vnni;
mod words;

use super::depthwise::Depthwise;
use super::product::{Inputs, Product};
use crate::Isa;
use avx_vnni::AvxVnni;
use avx2::Avx2;
use depthwise::Channels;
use rows::{Rows, WORD};
use vnni::Vnni;
use words::{Words, Work};

/// The instructions of products: a value that can be obtained only by detection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Avx2(Avx2),
    AvxVnni(AvxVnni<false>),
    /// The same instruction, as AVX-512 has it.
    #[cfg(test)]
    AvxVnniOfAvx512(AvxVnni<true>),
    Vnni(Vnni),
}

impl Way {
    /// The fastest of an instruction set; none of the portable one. AVX-512 without VNNI is AVX2 here.
    #[inline]
    pub(crate) fn of(isa: Isa) -> Option<Self> {
        if isa == Isa::portable() {
            return None;
        }
        let vnni = Vnni::new().filter(|_| Some(isa) == Isa::avx512()).map(Kind::Vnni);
        let avx2 = || AvxVnni::<false>::new().map(Kind::AvxVnni).or_else(|| Avx2::new().map(Kind::Avx2));
        vnni.or_else(avx2).map(Self)
    }

    /// All of this processor.
    #[cfg(test)]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        let vectors = [
            Avx2::new().map(Kind::Avx2),
            AvxVnni::<false>::new().map(Kind::AvxVnni),
            AvxVnni::<true>::new().map(Kind::AvxVnniOfAvx512),
            Vnni::new().map(Kind::Vnni),
        ];
        vectors.into_iter().flatten().map(Self)
    }

    fn run(self, work: impl Work) {
        match self.0 {
            Kind::Avx2(words) => words.call(work),
            Kind::AvxVnni(words) => words.call(work),
            #[cfg(test)]
            Kind::AvxVnniOfAvx512(words) => words.call(work),
            Kind::Vnni(words) => words.call(work),
        }
    }

    /// Overwrites `rows` rows of outputs at `ys`, if `depth` is at least a word, and stretches are whole words if there are several.
    /// Returns whether it is so. `twice` is whether sums are rounded as [`Double`](crate::int8::Double) does it.
    ///
    /// # Safety
    /// 1. `product` has a bias and a scale of each output, at least one, and as many times `depth` weights.
    /// 2. `inputs` of `rows` rows can be read at `xs`, and as many rows of outputs be written at `ys`.
    #[must_use]
    pub(crate) unsafe fn rows(
        self,
        product: &Product<'_>,
        twice: bool,
        rows: usize,
        inputs: Inputs,
        xs: *const i8,
        ys: *mut i8,
    ) -> bool {
        let fits = product.depth >= WORD && (inputs.count == 1 || inputs.len.is_multiple_of(WORD));
        if fits {
            // SAFETY: this function's contract, and what was just compared.
            self.run(unsafe { Rows::new(product, twice, rows, inputs, xs, ys) });
        }
        fits
    }

    /// Overwrites the output of one picture, if there are kernels for it. Returns whether there are. `twice` as for `rows`.
    ///
    /// # Safety
    /// All lengths match, of weights, biases, scales, `x` and `y`.
    #[must_use]
    pub(crate) unsafe fn depthwise(
        self,
        depthwise: &Depthwise<'_>,
        twice: bool,
        x: &[i8],
        y: &mut [i8],
    ) -> bool {
        let fits = Channels::fits(depthwise);
        if fits {
            // SAFETY: this function's contract, and what was just asked.
            self.run(unsafe { Channels::new(depthwise, twice, x.as_ptr(), y.as_mut_ptr()) });
        }
        fits
    }
}
