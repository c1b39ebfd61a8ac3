//! Products on x86-64: which instructions an [`Isa`] means here.
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
mod vnni;

use super::sixteen::{Outputs, Rows, WORD, Words};
use super::{Product, plain};
use crate::Isa;
use crate::kernel::int8::scale::Rounding;
use avx_vnni::AvxVnni;
use avx2::Avx2;
use vnni::Vnni;

/// How a product is computed: a value that can be obtained only by detection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Avx2(Avx2),
    AvxVnni(AvxVnni<false>),
    /// The same instruction, as AVX-512 has it.
    #[cfg(test)]
    AvxVnniOfAvx512(AvxVnni<true>),
    Vnni(Vnni),
}

impl Way {
    /// The fastest of an instruction set. AVX-512 without VNNI is AVX2 here.
    #[inline]
    pub(super) fn of(isa: Isa) -> Self {
        let vnni = || Vnni::new().filter(|_| Some(isa) == Isa::avx512()).map(Kind::Vnni);
        let avx2 = || AvxVnni::<false>::new().map(Kind::AvxVnni).or_else(|| Avx2::new().map(Kind::Avx2));
        Self(match isa == Isa::portable() {
            true => Kind::Plain,
            false => vnni().or_else(avx2).unwrap_or(Kind::Plain),
        })
    }

    /// All of this processor.
    #[cfg(test)]
    pub(super) fn available() -> impl Iterator<Item = Self> {
        let vectors = [
            Avx2::new().map(Kind::Avx2),
            AvxVnni::<false>::new().map(Kind::AvxVnni),
            AvxVnni::<true>::new().map(Kind::AvxVnniOfAvx512),
            Vnni::new().map(Kind::Vnni),
        ];
        [Kind::Plain].into_iter().chain(vectors.into_iter().flatten()).map(Self)
    }

    /// Overwrites `ys`.
    ///
    /// # Safety
    /// All lengths match: there is at least one output, and each has `depth` weights, at least one, a bias and a scale; `xs`
    /// and `ys` are `rows` rows of inputs and outputs.
    pub(super) unsafe fn run<R: Rounding>(
        self,
        product: &Product<'_>,
        rows: usize,
        xs: &[i8],
        ys: &mut [i8],
    ) {
        if product.depth < WORD || matches!(self.0, Kind::Plain) {
            return plain::rows::<R>(product, xs, ys);
        }
        // SAFETY: this function's contract, and the depth is at least a word.
        self.work(unsafe { Rows::new(product, R::TWICE, rows, xs, Outputs::Bytes(ys)) });
    }

    /// Overwrites `ys` with the sums.
    ///
    /// # Safety
    /// As for [`Way::run`], but there is no scale.
    pub(super) unsafe fn sums(self, product: &Product<'_>, rows: usize, xs: &[i8], ys: &mut [i32]) {
        if product.depth < WORD || matches!(self.0, Kind::Plain) {
            return plain::sums(product, xs, ys);
        }
        // SAFETY: this function's contract, and the depth is at least a word.
        self.work(unsafe { Rows::new(product, true, rows, xs, Outputs::Sums(ys)) });
    }

    /// Nothing happens on a processor without vectors.
    fn work(self, work: Rows<'_>) {
        match self.0 {
            Kind::Plain => {}
            Kind::Avx2(words) => words.call(work),
            Kind::AvxVnni(words) => words.call(work),
            #[cfg(test)]
            Kind::AvxVnniOfAvx512(words) => words.call(work),
            Kind::Vnni(words) => words.call(work),
        }
    }
}
