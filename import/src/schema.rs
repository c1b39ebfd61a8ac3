//! TensorFlow Lite's file format: the tables of its schema that an import reads, with the fields that it needs.
//!
//! Source: `schema.fbs`, version 3, of TensorFlow Lite. A file is checked as a whole, once, by `flatbuffers`' verifier; so
//! reading fields afterwards cannot leave the file. Options of operators are small and many: theirs are read with checks.

use crate::Error;
use flatbuffers::{Follow, ForwardsUOffset, Table, Vector, Verifiable, Verifier, VerifierOptions};

/// A list of numbers.
type Numbers<'a, T> = ForwardsUOffset<Vector<'a, T>>;
/// A list of tables.
type Tables<'a, T> = ForwardsUOffset<Vector<'a, ForwardsUOffset<T>>>;
type Text<'a> = ForwardsUOffset<&'a str>;

/// Where the vtable has the place of field `slot`.
pub(crate) const fn place(slot: u16) -> u16 {
    4 + 2 * slot
}

/// A table: what the verifier checks and what is read are one list, of `slot name: type`.
macro_rules! table {
    ($(#[$doc:meta])* $table:ident { $($slot:literal $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $table<'a>(Table<'a>);

        impl<'a> Follow<'a> for $table<'a> {
            type Inner = Self;

            unsafe fn follow(bytes: &'a [u8], at: usize) -> Self {
                // SAFETY: the caller knows that a table is there.
                Self(unsafe { Table::new(bytes, at) })
            }
        }

        impl<'a> Verifiable for $table<'a> {
            fn run_verifier(verifier: &mut Verifier<'_, '_>, at: usize) -> Result<(), flatbuffers::InvalidFlatbuffer> {
                verifier
                    .visit_table(at)?
                    $(.visit_field::<$type>(stringify!($field), place($slot), false)?)*
                    .finish();
                Ok(())
            }
        }

        impl<'a> $table<'a> {
            $(pub(crate) fn $field(self) -> Option<<$type as Follow<'a>>::Inner> {
                // SAFETY: `Model::read` alone makes tables, and has verified that this field has this type.
                unsafe { self.0.get::<$type>(place($slot), None) }
            })*
        }
    };
}

table! {
    /// A file.
    Model {
        0 version: u32,
        1 codes: Tables<'a, OperatorCode<'a>>,
        2 graphs: Tables<'a, Graph<'a>>,
        4 buffers: Tables<'a, Buffer<'a>>,
        7 signatures: Tables<'a, Signature<'a>>,
    }
}

table! {
    /// What a program calls the inputs and outputs of a graph.
    Signature {
        0 inputs: Tables<'a, Named<'a>>,
        1 outputs: Tables<'a, Named<'a>>,
        4 graph: u32,
    }
}

table! {
    /// A tensor's name in a signature.
    Named {
        0 name: Text<'a>,
        1 tensor: u32,
    }
}

table! {
    /// What an operator is.
    OperatorCode {
        0 old: i8,
        1 custom: Text<'a>,
        3 builtin: i32,
    }
}

table! {
    Graph {
        0 tensors: Tables<'a, Tensor<'a>>,
        1 inputs: Numbers<'a, i32>,
        2 outputs: Numbers<'a, i32>,
        3 operators: Tables<'a, Operator<'a>>,
    }
}

table! {
    Tensor {
        0 shape: Numbers<'a, i32>,
        1 kind: i8,
        2 buffer: u32,
        3 name: Text<'a>,
        4 quantization: ForwardsUOffset<Quantization<'a>>,
        5 is_variable: bool,
        6 sparsity: ForwardsUOffset<Options<'a>>,
        7 signature: Numbers<'a, i32>,
        10 external: u32,
    }
}

table! {
    Quantization {
        2 scale: Numbers<'a, f32>,
        3 zero: Numbers<'a, i64>,
        4 details: u8,
        6 axis: i32,
    }
}

table! {
    Operator {
        0 code: u32,
        1 inputs: Numbers<'a, i32>,
        2 outputs: Numbers<'a, i32>,
        4 options: ForwardsUOffset<Options<'a>>,
    }
}

table! {
    Buffer {
        0 data: Numbers<'a, u8>,
        1 offset: u64,
    }
}

table! {
    /// Options of an operator, or another table of whatever fields.
    Options {}
}

/// Bytes of the longest text of an option: a name.
const LONGEST: usize = 1024;

impl<'a> Options<'a> {
    /// The byte of a field, or `None` if the table leaves it at its default.
    pub(crate) fn byte(self, slot: u16) -> Option<i8> {
        self.field::<1>(slot).map(i8::from_le_bytes)
    }

    pub(crate) fn int(self, slot: u16) -> Option<i32> {
        self.field::<4>(slot).map(i32::from_le_bytes)
    }

    pub(crate) fn real(self, slot: u16) -> Option<f32> {
        self.field::<4>(slot).map(f32::from_le_bytes)
    }

    /// The text of a field, or an empty one; `None` if it is longer than any name.
    pub(crate) fn text(self, slot: u16) -> Option<&'a str> {
        let Some(at) = self.at(slot) else { return Some("") };
        let number = |at: usize| Some(u32::from_le_bytes(*self.0.buf().get(at..)?.first_chunk()?) as usize);
        let start = at.checked_add(number(at)?)?;
        let length = number(start).filter(|&length| length <= LONGEST)?;
        let text = self.0.buf().get(start.checked_add(4)?..)?.get(..length)?;
        std::str::from_utf8(text).ok()
    }

    fn field<const N: usize>(self, slot: u16) -> Option<[u8; N]> {
        self.0.buf().get(self.at(slot)?..)?.first_chunk().copied()
    }

    /// Where a field is in the file.
    fn at(self, slot: u16) -> Option<usize> {
        match self.0.vtable().get(place(slot)) {
            0 => None,
            at => Some(self.0.loc() + usize::from(at)),
        }
    }
}

impl<'a> Model<'a> {
    /// The file in `bytes`, all of whose tables above are inside it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.get(4..8) != Some(b"TFL3") {
            return Err(Error::new("not a TensorFlow Lite file: it has no TFL3 at byte 4"));
        }
        let options = VerifierOptions {
            // Tables may share their parts, but not as often as would take long.
            max_apparent_size: bytes.len().saturating_mul(10),
            ignore_missing_null_terminator: true,
            ..VerifierOptions::default()
        };
        flatbuffers::root_with_opts::<Self>(&options, bytes).map_err(|error| {
            let error = error.to_string().replace(['\n', '\t'], " ");
            Error::new(format!("damaged TensorFlow Lite file: {}", error.trim_end()))
        })
    }
}
