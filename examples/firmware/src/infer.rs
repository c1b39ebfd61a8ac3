//! Runs a network that was trained on the desktop and lies in flash.

use crate::board::{Board, Counter, Decimal, Failure, Percent, say};
use crate::data::{COUNT, Order, Reader, split};
use crate::recipe::{Digits, FORWARD_MACS, SEED};
use fusebox::Rng;
use static_cell::ConstStaticCell;

/// Held-out accuracy, in thousandths, below which something is broken.
const LEAST_ACCURACY: u32 = 940;

/// The weights, constants in flash that are used where they lie. Bytes of the wrong length would not compile.
pub(crate) static NET: Digits = match Digits::copy_from_bytes(include_bytes!("../../data/digits.weights.bin"))
{
    Ok(net) => net,
    Err(_) => panic!("digits.weights.bin is no network of this type"),
};

static ORDER: ConstStaticCell<Order> = ConstStaticCell::new([0; COUNT]);
static READER: ConstStaticCell<Reader<1>> = ConstStaticCell::new(Reader::new());

/// Reads the images that were held out when the desktop trained, one at a time; prints accuracy and instructions.
pub fn infer<B: Board>(board: &mut B) -> Result<(), Failure> {
    let order = ORDER.try_take().ok_or(Failure::Restarted)?;
    let reader = READER.try_take().ok_or(Failure::Restarted)?;
    let counter = Counter::calibrated(board)?;

    let (held_out, _) = split(order, &mut Rng::new(SEED));
    let accuracy = reader.accuracy(&NET, held_out)?;
    say!(board, "held-out accuracy {} of {} images", Percent(accuracy), held_out.len());
    say!(board, "flash parameters {} B", size_of::<Digits>());
    say!(board, "RAM inference {} B", size_of::<Reader<1>>());

    let instructions = counter.instructions(board, || reader.infer(&NET, 1))?;
    say!(
        board,
        "instructions inference {instructions} ({} per forward MAC)",
        Decimal(instructions as f32 / FORWARD_MACS as f32)
    );
    if accuracy < LEAST_ACCURACY { Err(Failure::Accuracy(accuracy)) } else { Ok(()) }
}
