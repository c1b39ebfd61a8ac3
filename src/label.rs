//! The numbers of classes.

/// The number of a class: an unsigned integer of any width, or an `i32`, of which what is negative is no class.
///
/// ```
/// use fusebox::Label;
/// assert_eq!((300_u16.class(), (-1_i32).class()), (300, usize::MAX));
/// ```
pub trait Label: Copy + Default + sealed::Sealed {
    /// Tells labels of different widths apart in a saved state.
    #[doc(hidden)]
    const WIDTH: u64 = size_of::<Self>() as u64;

    /// The class, counted from 0.
    fn class(self) -> usize;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for i32 {}
    impl Sealed for usize {}
}

impl Label for u8 {
    #[inline(always)]
    fn class(self) -> usize {
        self.into()
    }
}

impl Label for u16 {
    #[inline(always)]
    fn class(self) -> usize {
        self.into()
    }
}

impl Label for u32 {
    #[inline(always)]
    fn class(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Label for i32 {
    #[inline(always)]
    fn class(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Label for usize {
    #[inline(always)]
    fn class(self) -> usize {
        self
    }
}
