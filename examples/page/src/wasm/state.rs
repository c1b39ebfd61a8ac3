//! All that the page knows, and what can go wrong with it.

use super::mail::Mail;
use crate::bits::Bits;
use crate::handwriting::Reader;
use crate::playground::Playground;
use crate::{Fault, digits};
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use firmware::Row;

/// The page.
pub(crate) struct State {
    pub(crate) playground: Playground,
    pub(crate) reader: Reader,
    pub(crate) bits: Bits,
    digits: Vec<Row>,
    /// Why the last call failed that did.
    pub(crate) fault: &'static str,
    pub(crate) mail: Mail,
}

struct Single(RefCell<Option<State>>);

// SAFETY: this module is compiled for WebAssembly without threads only.
unsafe impl Sync for Single {}

static STATE: Single = Single(RefCell::new(None));

/// The page, which the first call makes.
#[inline(never)]
pub(crate) fn state() -> RefMut<'static, State> {
    let page = STATE.0.borrow_mut();
    RefMut::map(page, |page| page.get_or_insert_with(State::new))
}

/// Runs `work` on the page, the bytes in the inbox, and a number. Returns 0 for success, or 1, with the reason kept.
pub(crate) fn attempt(work: fn(&mut State, &[u8], u32) -> Result<(), Fault>, number: u32) -> u32 {
    let mut state = state();
    let bytes = state.mail.bytes();
    match work(&mut state, &bytes, number) {
        Ok(()) => 0,
        Err(fault) => {
            state.fault = fault.text();
            1
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            playground: Playground::new(),
            reader: Reader::new(),
            bits: Bits::new(),
            digits: Vec::new(),
            fault: "",
            mail: Mail::default(),
        }
    }

    /// Takes packed digits, which handwriting remembers too.
    pub(crate) fn load_digits(&mut self, packed: &[u8]) -> Result<(), Fault> {
        let rows = digits::unpack(packed).ok_or(Fault::Digits)?;
        self.reader.remember(&rows);
        self.digits = rows;
        Ok(())
    }

    /// The mean loss of each epoch of a training from nothing.
    pub(crate) fn train_bits(&mut self) -> Vec<f32> {
        self.bits.train(&self.digits)
    }
}
