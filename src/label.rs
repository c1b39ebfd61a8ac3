//! Class labels.

/// A class label: an unsigned integer of any width, or an `i32`, whose negative values are not valid classes.
///
/// ```
/// use fusebox::Label;
/// assert_eq!((300_u16.class(), (-1_i32).class()), (300, usize::MAX));
/// ```
pub trait Label: Copy + Default + sealed::Sealed {
    /// The largest class that fits in the type.
    #[doc(hidden)]
    const MOST: usize;

    /// The label of `class`, which must be at most `MOST`.
    #[doc(hidden)]
    fn of(class: usize) -> Self;

    /// The class, counted from 0; `usize::MAX` for a negative label.
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
    const MOST: usize = u8::MAX as usize;

    #[inline(always)]
    fn of(class: usize) -> Self {
        class as Self
    }

    #[inline(always)]
    fn class(self) -> usize {
        self.into()
    }
}

impl Label for u16 {
    const MOST: usize = u16::MAX as usize;

    #[inline(always)]
    fn of(class: usize) -> Self {
        class as Self
    }

    #[inline(always)]
    fn class(self) -> usize {
        self.into()
    }
}

impl Label for u32 {
    const MOST: usize = u32::MAX as usize;

    #[inline(always)]
    fn of(class: usize) -> Self {
        class as Self
    }

    #[inline(always)]
    fn class(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Label for i32 {
    const MOST: usize = i32::MAX as usize;

    #[inline(always)]
    fn of(class: usize) -> Self {
        class as Self
    }

    #[inline(always)]
    fn class(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Label for usize {
    const MOST: usize = usize::MAX;

    #[inline(always)]
    fn of(class: usize) -> Self {
        class
    }

    #[inline(always)]
    fn class(self) -> usize {
        self
    }
}
