//! Products and convolutions on vectors: which instructions an [`Isa`] means here.
//!
//! | way | four products of bytes in a lane | lanes |
//! |---|---|---|
//! | `vnni` | `vpdpbusd`, of weights plus 128 as unsigned bytes | 16 |
//! | `avx_vnni` | the same | 8 |
//! | `neon`, with `dotprod` | `sdot` | four of 4 |
//! | `neon` | two `smull`, three pairwise additions and one more | four of 4 |
//! | `avx2` | two `vpmaddwd`, of bytes widened to 16 bits, and two additions | 8 |
//! | `simd128` | two `i32x4.dot_i16x8_s`, likewise | four of 4 |
//!
//! `vpdpbusd` multiplies unsigned bytes by signed ones. So 128 is added to the weights, by inverting their highest bit, and
//! `128 sum of x` taken off each row's sums. `vpmaddubsw` would widen nothing, but saturates.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx_vnni;
mod depthwise;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pairs;
mod rows;
#[cfg(target_arch = "wasm32")]
mod simd128;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vnni;
mod words;

use super::depthwise::Depthwise;
use super::product::{Inputs, Product};
use super::scale::{Clamp, Multiplier};
use crate::Isa;
#[cfg(target_arch = "x86_64")]
use avx_vnni::AvxVnni;
#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
use depthwise::Channels;
#[cfg(target_arch = "aarch64")]
use neon::Neon;
use pairs::Pairs;
pub(crate) use pairs::{Fixed, Of};
use rows::{Rows, WORD};
#[cfg(target_arch = "wasm32")]
use simd128::Simd128;
#[cfg(target_arch = "x86_64")]
use vnni::Vnni;
use words::{Words, Work};

/// The instructions of products: a value that can be obtained only by detection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way(Kind);

#[derive(Clone, Copy, Debug)]
#[cfg(target_arch = "x86_64")]
enum Kind {
    Avx2(Avx2),
    AvxVnni(AvxVnni<false>),
    /// The same instruction, as AVX-512 has it.
    #[cfg(test)]
    AvxVnniOfAvx512(AvxVnni<true>),
    Vnni(Vnni),
}

#[derive(Clone, Copy, Debug)]
#[cfg(target_arch = "aarch64")]
enum Kind {
    Neon(Neon<false>),
    Dot(Neon<true>),
}

#[derive(Clone, Copy, Debug)]
#[cfg(target_arch = "wasm32")]
enum Kind {
    Simd128(Simd128),
}

#[cfg(target_arch = "x86_64")]
impl Kind {
    /// All of this processor, the fastest first.
    fn available() -> impl Iterator<Item = Self> {
        let all = [
            Vnni::new().map(Kind::Vnni),
            AvxVnni::<false>::new().map(Kind::AvxVnni),
            #[cfg(test)]
            AvxVnni::<true>::new().map(Kind::AvxVnniOfAvx512),
            Avx2::new().map(Kind::Avx2),
        ];
        all.into_iter().flatten()
    }

    /// Whether it is of an instruction set. AVX-512 without VNNI is AVX2 here.
    fn is_of(self, isa: Isa) -> bool {
        isa != Isa::portable() && (!matches!(self, Self::Vnni(_)) || Some(isa) == Isa::avx512())
    }

    #[inline]
    fn run(self, work: impl Work) {
        match self {
            Self::Avx2(words) => words.call(work),
            Self::AvxVnni(words) => words.call(work),
            #[cfg(test)]
            Self::AvxVnniOfAvx512(words) => words.call(work),
            Self::Vnni(words) => words.call(work),
        }
    }
}

#[cfg(target_arch = "aarch64")]
impl Kind {
    /// All of this processor, the fastest first.
    fn available() -> impl Iterator<Item = Self> {
        [Neon::<true>::new().map(Kind::Dot), Neon::<false>::new().map(Kind::Neon)].into_iter().flatten()
    }

    /// Whether it is of an instruction set.
    fn is_of(self, isa: Isa) -> bool {
        Some(isa) == Isa::neon()
    }

    #[inline]
    fn run(self, work: impl Work) {
        match self {
            Self::Neon(words) => words.call(work),
            Self::Dot(words) => words.call(work),
        }
    }
}

#[cfg(target_arch = "wasm32")]
impl Kind {
    /// All of this build, which is one for simd128.
    fn available() -> impl Iterator<Item = Self> {
        [Self::Simd128(Simd128)].into_iter()
    }

    /// Whether it is of an instruction set. The portable one is simd128 here.
    fn is_of(self, isa: Isa) -> bool {
        isa == Isa::portable()
    }

    #[inline]
    fn run(self, work: impl Work) {
        match self {
            Self::Simd128(words) => words.call(work),
        }
    }
}

impl Way {
    /// The fastest of an instruction set; on processors with others none of the portable one.
    #[inline]
    pub(crate) fn of(isa: Isa) -> Option<Self> {
        Kind::available().find(|kind| kind.is_of(isa)).map(Self)
    }

    /// All of this processor.
    #[cfg(test)]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        Kind::available().map(Self)
    }

    fn run(self, work: impl Work) {
        self.0.run(work);
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

    /// Overwrites `ys` with what is made of each pair of `xs`, of which there are at least as many, scaled. `twice` as for `rows`.
    pub(crate) fn pairs(
        self,
        xs: [&[i8]; 2],
        of: Of,
        scale: Multiplier,
        twice: bool,
        clamp: Clamp,
        ys: &mut [i8],
    ) {
        self.run(Pairs { xs, of, scale, twice, clamp, ys });
    }
}

#[cfg(test)]
mod tests;
