//! What can go wrong, in words for the person in front of the page.

use fusebox::Error;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The data are not the digits.
    Digits,
    /// A drawing without a stroke.
    Drawing,
    /// There is no such sign.
    Sign,
    /// A file that was refused.
    File(Error),
    /// A file whose network has weights that are not finite.
    Weights,
}

impl Fault {
    /// As text. Not by `Display`: what formats numbers would be a tenth of the program.
    pub fn text(self) -> &'static str {
        match self {
            Self::Digits => "The digits could not be read: the data file is damaged.",
            Self::Drawing => "There is nothing drawn yet.",
            Self::Sign => "There is no such sign.",
            Self::File(Error::Bytes { .. }) => {
                "This file was cut off or has bytes too many. Nothing was changed."
            }
            Self::File(Error::Checkpoint { expected: "undamaged bytes" }) => {
                "This file is damaged. Nothing was changed."
            }
            Self::File(Error::Checkpoint { expected: "a checkpoint" }) => {
                "This is not a file of this page. Nothing was changed."
            }
            Self::File(Error::Checkpoint { expected: "this version of the format" }) => {
                "This file is of another version of this page. Nothing was changed."
            }
            Self::File(_) => "This file holds another network. Nothing was changed.",
            Self::Weights => {
                "This file's network is broken: some of its weights are no numbers. Nothing was changed."
            }
        }
    }
}
