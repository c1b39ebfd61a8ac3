//! Imported networks of TensorFlow Lite: their outputs on a board are those of TensorFlow Lite for Microcontrollers, byte for byte.

use crate::board::{Board, Failure, say};
use fusebox::layers::arena::{view, view_mut};
use fusebox::{Layer, Plain, Scratch, Zeroed};
use models::{hello_world, micro_speech, sixteen_bits};
#[cfg(not(feature = "small"))]
use models::{keywords, toy_car};
use static_cell::ConstStaticCell;

/// Runs every network that the board has room for.
pub fn goldens<B: Board>(board: &mut B) -> Result<(), Failure> {
    static SINE: ConstStaticCell<Scratch<hello_world::micro::Net, 1>> = ConstStaticCell::new(Scratch::new());
    let golden = Golden { name: "sine", xs: &hello_world::INPUTS, ys: &hello_world::OUTPUTS };
    golden.compare(board, &hello_world::micro::NET, &SINE)?;
    static SPEECH: ConstStaticCell<Scratch<micro_speech::micro::Net, 1>> =
        ConstStaticCell::new(Scratch::new());
    let golden = Golden { name: "two words", xs: &micro_speech::INPUTS, ys: &micro_speech::OUTPUTS };
    golden.compare(board, &micro_speech::micro::NET, &SPEECH)?;

    static SIXTEEN_BITS: ConstStaticCell<Scratch<sixteen_bits::micro::Net, 1>> =
        ConstStaticCell::new(Scratch::new());
    let golden = Golden { name: "sixteen bits", xs: &sixteen_bits::INPUTS, ys: &sixteen_bits::OUTPUTS };
    golden.compare(board, &sixteen_bits::micro::NET, &SIXTEEN_BITS)?;

    #[cfg(not(feature = "small"))]
    {
        static KEYWORDS: ConstStaticCell<Scratch<keywords::micro::Net, 1>> =
            ConstStaticCell::new(Scratch::new());
        let golden = Golden { name: "keywords", xs: &keywords::INPUTS, ys: &keywords::OUTPUTS };
        golden.compare(board, &keywords::micro::NET, &KEYWORDS)?;

        static TOY_CAR: ConstStaticCell<Scratch<toy_car::micro::Net, 1>> =
            ConstStaticCell::new(Scratch::new());
        let golden = Golden { name: "toy car", xs: &toy_car::INPUTS, ys: &toy_car::OUTPUTS };
        golden.compare(board, &toy_car::micro::NET, &TOY_CAR)?;
    }
    Ok(())
}

/// Inputs and outputs as files have them.
struct Golden {
    name: &'static str,
    xs: &'static [i8],
    ys: &'static [i8],
}

impl Golden {
    /// Runs `net` on every input; fails if an output differs.
    fn compare<B: Board, N: Layer<Input: Plain>>(
        &self,
        board: &mut B,
        net: &N,
        scratch: &'static ConstStaticCell<Scratch<N, 1>>,
    ) -> Result<(), Failure> {
        let scratch = scratch.try_take().ok_or(Failure::Restarted)?;
        let bytes = self.ys.len();
        // What is not compared differs.
        let mut differ = bytes;
        let xs = self.xs.chunks_exact(size_of::<N::Input>());
        let expected = self.ys.chunks_exact(size_of::<N::Output>());
        for (bytes, expected) in xs.zip(expected) {
            // A file's bytes are aligned to no number.
            let (mut x, mut y) = ([N::Input::ZEROED], [N::Output::ZEROED]);
            for (to, &from) in view_mut::<_, i8>(&mut x, bytes.len()).iter_mut().zip(bytes) {
                *to = from;
            }
            net.infer(&x, scratch, &mut y)?;
            let y: &[i8] = view(&y, expected.len());
            differ -= y.iter().zip(expected).filter(|(a, b)| a == b).count();
        }
        say!(board, "golden {}: {bytes} bytes, {differ} differ", self.name);
        if differ == 0 { Ok(()) } else { Err(Failure::Golden { name: self.name, differ }) }
    }
}
