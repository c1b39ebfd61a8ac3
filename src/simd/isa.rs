//! Instruction sets as values that can be obtained only by detection.

#[cfg(not(fusebox_scalar))]
use super::portable::Portable;
#[cfg(fusebox_scalar)]
use super::scalar::Scalar;
use super::{FUSE, Pass, Simd};
use core::fmt;

/// An instruction set that this processor has.
///
/// Every kernel has a variant `*_with(isa, ..)` that runs on the given set; the plain form runs on [`Isa::detect`].
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
    /// The fastest instruction set of this processor. Detected once, without `std`; if target-cpu determines it,
    /// known at compile time.
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

    /// The instructions that every processor of the target has: the `wide` crate's vectors (SSE2 on x86-64, simd128
    /// on wasm if enabled, scalar code on microcontrollers). Never fused.
    ///
    /// ```
    /// assert!(!fusebox::Isa::portable().is_fused());
    /// ```
    #[inline]
    pub const fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// AVX2 with FMA, if this is an x86-64 processor with both.
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

    /// AVX-512 (its foundation, AVX-512F), if this is an x86-64 processor with it.
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

    /// The fused multiply-add of a Cortex-M7's floating-point unit, in a build for that core (see the feature
    /// `cortex-m7`) without `reproducible`.
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

    /// Helium, the four-lane vectors of a Cortex-M55, in a build for that core (see the feature `cortex-m55`) without
    /// `reproducible`. Products use Helium; everything else uses the core's floating-point unit, also fused. Helium
    /// treats subnormal numbers as zero, the floating-point unit does not. If a product has subnormal numbers, its
    /// bits therefore differ from those of every other instruction set, and a row's bits in a batch may differ from
    /// those of the row alone.
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

    /// Every instruction set of this processor that kernels can use, [`Isa::portable`] first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Some(Self::portable()), Self::neon(), Self::avx2(), Self::avx512(), Self::vfma(), Self::helium()]
            .into_iter()
            .flatten()
    }

    /// Whether a multiplication and the following addition are rounded once. Instruction sets for which this is equal
    /// give the same bits; with the feature `reproducible` none is fused, and all agree. (Helium only if no number is
    /// subnormal.)
    #[inline]
    pub const fn is_fused(self) -> bool {
        !matches!(self.0, Kind::Portable) && FUSE
    }

    /// Whether assembly is for this instruction set: of those that fuse and those that do not, a build has one.
    #[cfg(not(fusebox_core = "other"))]
    #[inline(always)]
    pub(crate) const fn is_assembled(self) -> bool {
        self.is_fused() == cfg!(fusebox_fused)
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

    /// Runs `pass` as part of the caller, compiled for no instruction set: for what depends on one, and uses none of its
    /// instructions.
    #[cfg(not(fusebox_scalar))]
    #[inline(always)]
    pub(crate) fn choose<P: Pass>(self, pass: P) -> P::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(simd) => pass.run(simd),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(simd) => pass.run(simd),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => pass.run(simd),
            Kind::Portable => pass.run(Portable),
        }
    }

    /// Runs `pass` compiled for this instruction set: the only place that branches on it. In a build for a processor
    /// that has the instructions there is neither branch nor call.
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
