//! What is longer than a number, on its way between JavaScript and here.

use alloc::vec::Vec;

/// Arguments and results.
#[derive(Default)]
pub(crate) struct Mail {
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Mail {
    /// Zeros for the next arguments, and where they are; null if there is no room for them.
    pub(crate) fn inbox(&mut self, bytes: usize) -> *mut u8 {
        self.inbox.clear();
        if self.inbox.try_reserve_exact(bytes).is_err() {
            return core::ptr::null_mut();
        }
        self.inbox.resize(bytes, 0);
        self.inbox.as_mut_ptr()
    }

    /// The arguments as bytes.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.inbox)
    }

    /// The arguments as numbers.
    pub(crate) fn numbers(&mut self) -> Vec<f32> {
        numbers(&self.bytes())
    }

    /// Where the last result is.
    pub(crate) fn outbox(&self) -> *const u8 {
        self.outbox.as_ptr()
    }

    /// Leaves bytes for JavaScript, and returns how many.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> usize {
        self.outbox.clear();
        self.outbox.extend_from_slice(bytes);
        bytes.len()
    }

    /// Leaves numbers for JavaScript, and returns how many.
    pub(crate) fn send_numbers(&mut self, numbers: &[f32]) -> usize {
        self.outbox.clear();
        for number in numbers {
            self.outbox.extend_from_slice(&number.to_le_bytes());
        }
        numbers.len()
    }
}

/// Bytes as numbers; those that are no whole number are left out.
pub(crate) fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}
