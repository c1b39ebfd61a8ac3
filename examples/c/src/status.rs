//! Why a call failed.

use core::ffi::{CStr, c_char};
use fusebox::Error;

/// The result of a call. Errors are negative; a call that returns one has changed nothing.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The training step is not finished: call `fusebox_poll` again.
    Pending = 1,
    /// A pointer is null.
    Null = -1,
    /// A pointer is not aligned for its type.
    Misaligned = -2,
    /// Memory that the call writes overlaps other memory that it was given.
    Overlap = -3,
    /// The header was written for another library: write both again.
    Sizes = -4,
    /// The memory is too small.
    Memory = -5,
    /// The memory was not initialised, or by the library of another network.
    Uninitialized = -6,
    /// There are no rows, or more than FUSEBOX_BATCH.
    Rows = -7,
    /// A target is not valid: a label that is not below the number of classes, or a number that is not finite.
    Target = -8,
    /// The learning rate is out of range.
    LearningRate = -9,
    /// A training step is in progress, or rows are staged for one.
    Busy = -10,
    /// No training step is in progress.
    Idle = -11,
    /// Saved bytes are incomplete, or there are too many; or there is too little room for them.
    Length = -12,
    /// The bytes are not those of a saved network or training.
    NotSaved = -13,
    /// The bytes were saved by another version of fusebox.
    Version = -14,
    /// The bytes were saved from another network or optimiser; or they are weights where a training is expected, or the
    /// other way round.
    Network = -15,
    /// The bytes were changed after they were saved.
    Damaged = -16,
    /// The network refuses the input or the setting for another reason.
    Refused = -17,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Empty | Error::FewRows { .. } | Error::Batch { .. } => Self::Rows,
            Error::Label { .. } | Error::Target { .. } => Self::Target,
            Error::Setting { name: "rate", .. } => Self::LearningRate,
            Error::Busy => Self::Busy,
            Error::Idle => Self::Idle,
            Error::Bytes { .. } => Self::Length,
            Error::Alignment { .. } => Self::Misaligned,
            Error::Checkpoint { expected: "a checkpoint" } => Self::NotSaved,
            Error::Checkpoint { expected: "this version of the format" } => Self::Version,
            Error::Checkpoint { expected: "undamaged bytes" } => Self::Damaged,
            Error::Checkpoint { .. } => Self::Network,
            _ => Self::Refused,
        }
    }
}

impl Status {
    /// The status that C gets.
    pub(crate) fn of(result: Result<(), Self>) -> Self {
        result.err().unwrap_or(Self::Ok)
    }
}

/// A sentence about a status, in English, that ends with a zero. It is never null, and need not be freed.
#[unsafe(no_mangle)]
pub extern "C" fn fusebox_text(status: i32) -> *const c_char {
    const TEXTS: [(Status, &CStr); 19] = [
        (Status::Ok, c"done"),
        (Status::Pending, c"the training step is not finished: poll again"),
        (Status::Null, c"a pointer is null"),
        (Status::Misaligned, c"a pointer is not aligned for its type"),
        (Status::Overlap, c"memory to be written overlaps other memory that the call was given"),
        (Status::Sizes, c"the header was written for another library: write both again"),
        (Status::Memory, c"the memory is too small"),
        (Status::Uninitialized, c"the memory was not initialised, or by the library of another network"),
        (Status::Rows, c"there are no rows, or more than FUSEBOX_BATCH"),
        (Status::Target, c"a target is not a class of the network, or not a finite number"),
        (Status::LearningRate, c"the learning rate is out of range"),
        (Status::Busy, c"a training step is in progress, or rows are staged for one"),
        (Status::Idle, c"no training step is in progress"),
        (Status::Length, c"saved bytes are incomplete or too many, or there is too little room for them"),
        (Status::NotSaved, c"the bytes are not those of a saved network or training"),
        (Status::Version, c"the bytes were saved by another version of fusebox"),
        (
            Status::Network,
            c"the bytes were saved from another network or optimiser, or are of the other kind",
        ),
        (Status::Damaged, c"the bytes were changed after they were saved"),
        (Status::Refused, c"the network refuses the input or the setting"),
    ];
    let text = TEXTS.iter().find(|&&(known, _)| known as i32 == status);
    text.map_or(c"not a status of fusebox", |&(_, text)| text).as_ptr()
}
