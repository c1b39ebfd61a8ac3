//! Instruction sets as values that only detection can make.

#[cfg(not(fusebox_scalar))]
use super::portable::Portable;
#[cfg(fusebox_scalar)]
use super::scalar::Scalar;
use super::{FUSE, Pass, Simd};
use core::fmt;

/// An instruction set that this processor has.
///
/// Every kernel has a twin `*_with(isa, ..)` that runs on the set given; the plain form runs on [`Isa::detect`].
///
/// ```
/// use fusebox::Isa;
/// let isa = Isa::detect();
/// assert!(Isa::available().any(|other| other == isa));
/// println!("{isa}");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
    Avx2(super::avx2::Avx2),
    #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
    Avx512(super::avx512::Avx512),
    #[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
    Neon(super::neon::Neon),
    #[cfg(fusebox_fused)]
    Fused(Scalar<true>),
}

impl Isa {
    /// The fastest instruction set of this processor. Looked up once, without `std`; in a build whose target-cpu
    /// settles it, not at all.
    #[inline]
    pub fn detect() -> Self {
        #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
        if let Some(isa) = Self::avx512().or_else(Self::avx2) {
            return isa;
        }
        #[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
        if let Some(isa) = Self::neon() {
            return isa;
        }
        #[cfg(fusebox_fused)]
        return Self(Kind::Fused(Scalar::FUSED));
        #[cfg(not(fusebox_fused))]
        Self::portable()
    }

    /// What every processor of the target has: the `wide` crate's vectors (SSE2 on x86-64, simd128 on wasm where
    /// it is enabled, scalar code on a microcontroller). Never fused.
    ///
    /// ```
    /// assert!(!fusebox::Isa::portable().is_fused());
    /// ```
    #[inline]
    pub const fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// AVX2 with FMA, if this is an x86-64 processor that has both.
    ///
    /// ```
    /// if let Some(isa) = fusebox::Isa::avx2() {
    ///     assert_eq!(isa.name(), "avx2");
    /// }
    /// ```
    #[inline]
    pub fn avx2() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
        return super::avx2::Avx2::new().map(|token| Self(Kind::Avx2(token)));
        #[cfg(not(all(target_arch = "x86_64", not(fusebox_scalar))))]
        None
    }

    /// AVX-512 (its foundation, AVX-512F), if this is an x86-64 processor that has it.
    ///
    /// ```
    /// if let Some(isa) = fusebox::Isa::avx512() {
    ///     assert_eq!(isa.name(), "avx512");
    /// }
    /// ```
    #[inline]
    pub fn avx512() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
        return super::avx512::Avx512::new().map(|token| Self(Kind::Avx512(token)));
        #[cfg(not(all(target_arch = "x86_64", not(fusebox_scalar))))]
        None
    }

    /// NEON, which every 64-bit Arm processor has. (Not under Miri, which runs the portable set alone.)
    ///
    /// ```
    /// assert_eq!(fusebox::Isa::neon().is_some(), cfg!(all(target_arch = "aarch64", not(miri))));
    /// ```
    #[inline]
    pub fn neon() -> Option<Self> {
        #[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
        return (!cfg!(miri)).then(|| Self(Kind::Neon(super::neon::Neon::new())));
        #[cfg(not(all(target_arch = "aarch64", not(fusebox_scalar))))]
        None
    }

    /// The fused multiply-add of a Cortex-M7's floating-point unit, in a build for that (see the feature `cortex-m7`), unless
    /// it is `reproducible`.
    ///
    /// ```
    /// assert!(fusebox::Isa::vfma().is_none_or(|isa| isa.is_fused()));
    /// ```
    #[inline]
    pub fn vfma() -> Option<Self> {
        #[cfg(all(fusebox_fused, fusebox_core = "m7"))]
        return Some(Self(Kind::Fused(Scalar::FUSED)));
        #[cfg(not(all(fusebox_fused, fusebox_core = "m7")))]
        None
    }

    /// Helium, a Cortex-M55's vectors of four, in a build for that (see the feature `cortex-m55`), unless it is
    /// `reproducible`: products take them, the rest the core's floating-point unit, fused as well. Helium takes subnormal
    /// numbers for zero, the floating-point unit does not: where a product meets some, its bits are those of no other
    /// instruction set, nor a row's in a batch those of the row alone.
    ///
    /// ```
    /// assert!(fusebox::Isa::helium().is_none_or(|isa| isa.is_fused()));
    /// ```
    #[inline]
    pub fn helium() -> Option<Self> {
        #[cfg(all(fusebox_fused, fusebox_core = "m55"))]
        return Some(Self(Kind::Fused(Scalar::FUSED)));
        #[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
        None
    }

    /// A scalar instruction set as a value.
    #[cfg(fusebox_scalar)]
    #[inline(always)]
    pub(super) fn of_scalar(_fused: bool) -> Self {
        #[cfg(fusebox_fused)]
        if _fused {
            return Self(Kind::Fused(Scalar::FUSED));
        }
        Self::portable()
    }

    /// Every instruction set of this processor that a kernel can run on, [`Isa::portable`] first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Some(Self::portable()), Self::neon(), Self::avx2(), Self::avx512(), Self::vfma(), Self::helium()]
            .into_iter()
            .flatten()
    }

    /// Whether a multiplication and the addition after it are rounded once. Instruction sets that agree in this give
    /// the same bits; with the feature `reproducible` none is fused, and all agree. (Helium, only where no number is
    /// subnormal.)
    #[inline]
    pub const fn is_fused(self) -> bool {
        !matches!(self.0, Kind::Portable) && FUSE
    }

    /// The name in lower case: `portable`, `avx2`, `avx512`, `neon`, `vfma` or `helium`.
    ///
    /// ```
    /// assert_eq!(fusebox::Isa::portable().name(), "portable");
    /// ```
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
            Kind::Avx2(_) => "avx2",
            #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
            Kind::Avx512(_) => "avx512",
            #[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
            Kind::Neon(_) => "neon",
            #[cfg(fusebox_fused)]
            Kind::Fused(_) if cfg!(fusebox_core = "m55") => "helium",
            #[cfg(fusebox_fused)]
            Kind::Fused(_) => "vfma",
        }
    }

    /// Runs `pass` compiled for this instruction set: the one place where the choice becomes a branch. In a build for a
    /// processor that has the instructions there is neither branch nor call.
    #[inline(always)]
    pub(crate) fn call<P: Pass>(self, pass: P) -> P::Output {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
            Kind::Avx512(simd) => match cfg!(all(target_feature = "avx512f", target_feature = "fma")) {
                true => pass.run(simd),
                false => simd.call(pass),
            },
            #[cfg(all(target_arch = "x86_64", not(fusebox_scalar)))]
            Kind::Avx2(simd) => match cfg!(all(target_feature = "avx2", target_feature = "fma")) {
                true => pass.run(simd),
                false => simd.call(pass),
            },
            #[cfg(all(target_arch = "aarch64", not(fusebox_scalar)))]
            Kind::Neon(simd) => simd.call(pass),
            #[cfg(fusebox_fused)]
            Kind::Fused(simd) => simd.call(pass),
            #[cfg(fusebox_scalar)]
            Kind::Portable => Scalar::PORTABLE.call(pass),
            #[cfg(not(fusebox_scalar))]
            Kind::Portable => Portable.call(pass),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
