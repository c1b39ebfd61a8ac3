//! Where the gradient with respect to a layer's input goes.

use super::Derivative;
use crate::memory::{count_of, numbers_mut, part_mut, values_mut};
use crate::pace::Pace;
use crate::{Isa, Plain, Zeroed};
use core::ops::Range;

/// Where the gradient with respect to a layer's input goes, and what it must be multiplied by on its way.
///
/// Inputs that are no numbers of four bytes (pixels, tokens) have none: it is never wanted.
#[derive(Debug)]
pub struct InputGradient<'a, Input> {
    target: Option<(&'a mut [Input], Derivative<'a>)>,
}

impl<'a, Input> InputGradient<'a, Input> {
    /// For the first layer: nobody wants it.
    pub const fn unwanted() -> Self {
        Self { target: None }
    }

    /// `count`, or 0 if nobody wants it.
    pub fn wanted(&self, count: usize) -> usize {
        if self.target.is_some() { count } else { 0 }
    }

    /// The same, to be handed on while it is still needed here.
    pub fn reborrow(&mut self) -> InputGradient<'_, Input> {
        InputGradient { target: self.target.as_mut().map(|(dxs, derivative)| (&mut **dxs, *derivative)) }
    }

    /// Writes zeros, at the pace given: no gradient passes.
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
    /// To `dxs`, multiplied by `derivative`.
    pub const fn into(dxs: &'a mut [Input], derivative: Derivative<'a>) -> Self {
        Self { target: Some((dxs, derivative)) }
    }

    /// Some of the rows.
    #[must_use]
    pub fn rows(self, rows: &Range<usize>) -> Self {
        let width = count_of::<Input>();
        let target = self.target.map(|(dxs, derivative)| {
            (part_mut(dxs, rows), derivative.part(&(rows.start * width..rows.end * width)))
        });
        Self { target }
    }

    /// Where the rows lie and what they are multiplied by, if anybody wants them: for a layer of layers that forms them in
    /// several steps.
    pub fn target(self) -> Option<(&'a mut [Input], Derivative<'a>)> {
        self.target
    }

    /// To the same numbers as rows of another type, which have as many.
    pub(crate) fn viewed<T: Plain>(self) -> InputGradient<'a, T> {
        let target = self.target.map(|(dxs, derivative)| {
            let count = dxs.len();
            (values_mut(numbers_mut(dxs), count), derivative)
        });
        InputGradient { target }
    }

    /// Lets `gradient` overwrite the rows it is given, one for each input, if anybody wants them, and multiplies them.
    pub fn write(self, isa: Isa, gradient: impl FnOnce(&mut [Input])) {
        self.write_through(|dxs, derivative| {
            gradient(dxs);
            derivative.apply(isa, dxs);
        });
    }

    /// For a kernel that multiplies by the derivative as it stores.
    pub(crate) fn write_through(self, gradient: impl FnOnce(&mut [Input], Derivative<'_>)) {
        if let Some((dxs, derivative)) = self.target {
            gradient(dxs, derivative);
        }
    }
}

impl<'a, T, const N: usize> InputGradient<'a, [T; N]> {
    /// To the rows that each row is made of.
    pub(crate) fn flattened(self) -> InputGradient<'a, T> {
        InputGradient { target: self.target.map(|(dxs, derivative)| (dxs.as_flattened_mut(), derivative)) }
    }
}
