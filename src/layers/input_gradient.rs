//! The destination of the gradient with respect to a layer's input.

use super::Derivative;
use crate::memory::{count_of, numbers_mut, part_mut, values_mut};
use crate::pace::Pace;
use crate::{Isa, Plain, Zeroed};
use core::ops::Range;

/// The destination of the gradient with respect to a layer's input, and the derivative it must be multiplied by.
///
/// Inputs that are not four-byte numbers (pixels, tokens) have no gradient and no destination.
#[derive(Debug)]
pub struct InputGradient<'a, Input> {
    target: Option<(&'a mut [Input], Derivative<'a>)>,
}

impl<'a, Input> InputGradient<'a, Input> {
    /// No destination: for the first layer, whose input gradient is not needed.
    pub const fn unwanted() -> Self {
        Self { target: None }
    }

    /// `count`, or 0 if there is no destination.
    pub fn wanted(&self, count: usize) -> usize {
        if self.target.is_some() { count } else { 0 }
    }

    /// The same destination with a shorter lifetime, to pass on while it is still needed.
    pub fn reborrow(&mut self) -> InputGradient<'_, Input> {
        InputGradient { target: self.target.as_mut().map(|(dxs, derivative)| (&mut **dxs, *derivative)) }
    }

    /// Overwrites the destination with zeros, at the given pace: no gradient passes.
    pub fn write_zeros<P: Pace>(self, pace: &mut P)
    where
        Input: Zeroed + Copy,
    {
        if let Some((dxs, _)) = self.target
            && pace.take_whole(dxs.len().saturating_mul(count_of::<Input>()))
        {
            dxs.fill(Zeroed::ZEROED);
        }
    }
}

impl<'a, Input: Plain> InputGradient<'a, Input> {
    /// Writes to `dxs`, multiplied by `derivative`.
    pub const fn into(dxs: &'a mut [Input], derivative: Derivative<'a>) -> Self {
        Self { target: Some((dxs, derivative)) }
    }

    /// The destination's rows in `rows`.
    #[must_use]
    pub fn rows(self, rows: &Range<usize>) -> Self {
        let width = count_of::<Input>();
        let target = self.target.map(|(dxs, derivative)| {
            (part_mut(dxs, rows), derivative.part(&(rows.start * width..rows.end * width)))
        });
        Self { target }
    }

    /// The destination rows and the derivative, or `None` if there is no destination: for layers made of layers that
    /// compute the gradient in several steps.
    pub fn target(self) -> Option<(&'a mut [Input], Derivative<'a>)> {
        self.target
    }

    /// The same numbers as rows of another type of the same size.
    pub(crate) fn viewed<T: Plain>(self) -> InputGradient<'a, T> {
        let target = self.target.map(|(dxs, derivative)| {
            let count = dxs.len();
            (values_mut(numbers_mut(dxs), count), derivative)
        });
        InputGradient { target }
    }

    /// Lets `gradient` overwrite the destination, one row per input, if there is one, then multiplies it by the
    /// derivative.
    pub fn write(self, isa: Isa, gradient: impl FnOnce(&mut [Input])) {
        self.write_through(|dxs, derivative| {
            gradient(dxs);
            derivative.apply(isa, dxs);
        });
    }

    /// Like `write`, for a kernel that multiplies by the derivative when it stores.
    pub(crate) fn write_through(self, gradient: impl FnOnce(&mut [Input], Derivative<'_>)) {
        if let Some((dxs, derivative)) = self.target {
            gradient(dxs, derivative);
        }
    }
}

impl<'a, T, const N: usize> InputGradient<'a, [T; N]> {
    /// The destination as the `[T]` rows that each row consists of.
    pub(crate) fn flattened(self) -> InputGradient<'a, T> {
        InputGradient { target: self.target.map(|(dxs, derivative)| (dxs.as_flattened_mut(), derivative)) }
    }
}
