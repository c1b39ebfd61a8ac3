//! Class labels.

/// A class label: an unsigned integer of any width, or an `i32`, whose negative values are not valid classes.
///
/// ```
/// use fusebox::Label;
/// assert_eq!((300_u16.class(), (-1_i32).class()), (300, usize::MAX));
/// ```
pub trait Label: Copy + Default + TryFrom<usize> + TryInto<usize> + sealed::Sealed {
    /// The largest class that fits in the type.
    #[doc(hidden)]
    const MOST: usize;

    /// The class, counted from 0; `usize::MAX` for a negative label.
    #[inline(always)]
    fn class(self) -> usize {
        self.try_into().unwrap_or(usize::MAX)
    }
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
    const MOST: usize = Self::MAX as usize;
}

impl Label for u16 {
    const MOST: usize = Self::MAX as usize;
}

impl Label for u32 {
    const MOST: usize = Self::MAX as usize;
}

impl Label for i32 {
    const MOST: usize = Self::MAX as usize;
}

impl Label for usize {
    const MOST: usize = Self::MAX;
}
