//! Saves that are torn, everywhere and in every way; and memories that cannot be used.
//!
//! The power goes while a page is written, after any of its bytes, and the page is left with the rest of its old content,
//! erased, half-way in between, or with anything. Whatever was in the memory before, the model that was the newest is
//! still there, in a slot of which no byte has changed, and a start finds it; or, only if all of it was written, the
//! new one.

use crate::board::{Board, Cut, Memory, Rest};
use crc::{CRC_32_ISO_HDLC, Crc};
use embedded_hal::i2c::ErrorKind;
use fusebox::data::Standardize;
use fusebox::{Init, Rng, Zeroed};
use sensor_node::eeprom::{Eeprom, PAGE};
use sensor_node::model::{Image, Model};
use sensor_node::slots::{BYTES, PAGES, SLOT, Saved, Slots};
use sensor_node::{Error, Fault, Part};

/// Bytes of a header's page that are not filling.
const FIELDS: usize = 20;

/// A model unlike those of other seeds.
fn model(seed: u64) -> Model {
    let mut rng = Rng::new(seed);
    let standardize =
        Standardize { mean: [0; 3].map(|_| 40.0 * rng.normal()), std: [0; 3].map(|_| 0.2 + rng.uniform()) };
    let mut model = Model { standardize, limit: 1.0 + rng.uniform(), ..Model::ZEROED };
    model.net.init(Init::Glorot, &mut rng);
    model
}

/// Runs `work` on the slots of a memory; gives the memory back.
fn on<T>(memory: &Memory, work: impl FnOnce(Slots<'_, Board, Board>) -> T) -> (T, Memory) {
    let (mut bus, mut clock) = (Board::new(memory.clone()), Board::blank());
    let result = work(Slots::new(Eeprom::new(&mut bus, &mut clock)));
    let memory = bus.0.borrow().memory.clone();
    (result, memory)
}

fn load(memory: &Memory) -> Result<(Saved, Model), Error> {
    on(memory, |mut slots| slots.load()).0
}

fn save(memory: &Memory, model: &Model) -> (Result<Saved, Error>, Memory) {
    on(memory, |mut slots| slots.save(model, |_| ()))
}

/// A memory after a save that went well.
fn saved(memory: &Memory, seed: u64) -> Memory {
    let (result, memory) = save(memory, &model(seed));
    result.unwrap();
    memory
}

/// The bytes of a slot as the documentation has them, made without the crate's own code.
fn slot(saved: Saved, layout: u32, payload: &[u8]) -> Vec<u8> {
    let mut header = [&b"fbox"[..], &layout.to_le_bytes(), &saved.sequence.to_le_bytes()].concat();
    header.extend(saved.slot.to_le_bytes());
    header.extend((payload.len() as u16).to_le_bytes());
    let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&[&header, payload].concat());
    header.extend(crc.to_le_bytes());
    header.resize(PAGE, 0);
    [&header, payload].concat()
}

fn image(model: &Model) -> Vec<u8> {
    let mut image: Image = [0; Model::BYTES];
    model.store(&mut image);
    image.to_vec()
}

/// A memory with something in each slot.
fn memory(slots: [Option<Vec<u8>>; 2]) -> Memory {
    let mut memory = Memory::new(BYTES);
    for (place, bytes) in slots.into_iter().enumerate() {
        for (to, from) in memory.bytes[place * SLOT..].iter_mut().zip(bytes.unwrap_or_default()) {
            *to = from;
        }
    }
    memory
}

fn ours(number: u16, sequence: u32, seed: u64) -> Option<Vec<u8>> {
    Some(slot(Saved { slot: number, sequence }, Model::LAYOUT, &image(&model(seed))))
}

/// A whole model with something in it that cannot be.
fn senseless(number: u16, sequence: u32, change: fn(&mut Model)) -> Option<Vec<u8>> {
    let mut model = model(1);
    change(&mut model);
    Some(slot(Saved { slot: number, sequence }, Model::LAYOUT, &image(&model)))
}

fn foreign(number: u16, sequence: u32) -> Option<Vec<u8>> {
    Some(slot(Saved { slot: number, sequence }, 0x1234_5678, b"weights of another network"))
}

fn damaged(slot: Option<Vec<u8>>, at: usize) -> Option<Vec<u8>> {
    slot.map(|mut bytes| {
        bytes[at] ^= 0x10;
        bytes
    })
}

/// Whether all bytes of a slot that mean something are those of another memory.
fn same(one: &Memory, other: &Memory, slot: u16) -> bool {
    let start = usize::from(slot) * SLOT;
    let of = |memory: &Memory| {
        let slot = &memory.bytes[start..][..SLOT];
        [&slot[..FIELDS], &slot[PAGE..PAGE + Model::BYTES]].concat()
    };
    of(one) == of(other)
}

/// Tears the save of a new model everywhere.
fn tear(start: &Memory) {
    let new = model(99);
    let before = load(start);
    let (result, whole) = save(start, &new);
    let expected = result.unwrap();
    assert_eq!(load(&whole), Ok((expected, new)));
    let (mut old, mut made_it, mut tears) = (0, 0, 0);
    for page in 0..PAGES {
        let rests = [Rest::Old, Rest::Erased, Rest::Between, Rest::Random(1)];
        let bytes = (0..=PAGE).flat_map(|new| rests.map(|rest| Cut { new, rest }));
        let all = (2..10).map(|seed| Cut { new: 0, rest: Rest::Random(seed) });
        for cut in bytes.chain(all) {
            let (result, torn) =
                on(&Memory { cut: Some((page, cut)), ..start.clone() }, |mut slots| slots.save(&new, |_| ()));
            assert_eq!(
                result,
                Err(Error::Bus { part: Part::Eeprom, kind: ErrorKind::Other }),
                "{page} {cut:?}"
            );
            // Nothing but the slot that is written has changed.
            let other = usize::from(1 - expected.slot) * SLOT;
            assert!(torn.bytes[other..][..SLOT] == start.bytes[other..][..SLOT], "{page} {cut:?}");

            let torn = torn.restarted();
            match load(&torn) {
                found if found == Ok((expected, new)) => {
                    assert!(same(&torn, &whole, expected.slot), "{page} {cut:?}: new, but not all of it");
                    made_it += 1;
                }
                found @ Ok(_) => {
                    assert_eq!(found, before, "{page} {cut:?}");
                    old += 1;
                }
                Err(error) => {
                    assert!(before.is_err(), "{page} {cut:?}: lost the model, {error}");
                    assert!(matches!(error, Error::NoModel { .. }), "{page} {cut:?}: {error}");
                    old += 1;
                }
            }
            tears += 1;
            // The next save goes where this one failed, and is found.
            if cut.new % 8 == 0 {
                let newer = model(100);
                let (result, after) = save(&torn, &newer);
                let saved = result.unwrap();
                if !same(&torn, &whole, expected.slot) {
                    assert_eq!(saved.slot, expected.slot, "{page} {cut:?}");
                }
                assert_eq!(load(&after), Ok((saved, newer)), "{page} {cut:?}");
            }
        }
    }
    assert_eq!(tears, PAGES * (4 * (PAGE + 1) + 8));
    // The last page is the header's. Whole it is from its fields' last byte on, whatever becomes of its filling, and where
    // the old content or what is left of it happens to be the new.
    assert!((4 * (PAGE + 1 - FIELDS)..=2 * 4 * (PAGE + 1)).contains(&made_it), "{made_it}");
    assert_eq!(old, tears - made_it);
}

#[test]
fn tears_on_a_blank_memory() {
    tear(&Memory::new(BYTES));
}

#[test]
fn tears_on_a_memory_of_zeros() {
    tear(&Memory { bytes: vec![0; BYTES], ..Memory::new(BYTES) });
}

#[test]
fn tears_beside_one_model() {
    tear(&memory([ours(0, 1, 1), None]));
    tear(&memory([None, ours(1, 7, 1)]));
}

#[test]
fn tears_beside_two_models() {
    tear(&memory([ours(0, 1, 1), ours(1, 2, 2)]));
    tear(&memory([ours(0, 3, 1), ours(1, 2, 2)]));
}

#[test]
fn tears_where_the_sequence_wraps() {
    tear(&memory([ours(0, u32::MAX - 1, 1), ours(1, u32::MAX, 2)]));
    tear(&memory([ours(0, 0, 1), ours(1, u32::MAX, 2)]));
}

#[test]
fn tears_beside_damage() {
    // In the header of the newest, in its model's bytes, and anything at all.
    tear(&memory([ours(0, 1, 1), damaged(ours(1, 2, 2), 9)]));
    tear(&memory([damaged(ours(0, 5, 1), 700), ours(1, 4, 2)]));
    let mut rng = Rng::new(5);
    let noise = (0..SLOT).map(|_| rng.next_u32() as u8).collect();
    tear(&memory([Some(noise), ours(1, 4, 2)]));
}

/// Newer, but of no use: it must not be what is kept.
#[test]
fn tears_beside_a_model_that_makes_no_sense() {
    let nan = |number, sequence| senseless(number, sequence, |m| m.net.rest.bias[3] = f32::NAN);
    tear(&memory([nan(0, 9), ours(1, 4, 2)]));
    tear(&memory([ours(0, 4, 2), nan(1, 9)]));
    tear(&memory([nan(0, 9), nan(1, 8)]));
    tear(&memory([foreign(0, 4), nan(1, 9)]));
}

#[test]
fn tears_beside_another_program() {
    tear(&memory([foreign(0, 5), ours(1, 4, 2)]));
    tear(&memory([ours(0, 4, 2), foreign(1, 5)]));
    tear(&memory([foreign(0, 5), foreign(1, 4)]));
}

/// A save that was torn, and then the next one too.
#[test]
fn tears_of_what_was_torn() {
    let start = saved(&saved(&Memory::new(BYTES), 1), 2);
    for page in [0, 20, PAGES - 1] {
        let cut = Some((page, Cut { new: 11, rest: Rest::Random(3) }));
        let (_, torn) = save(&Memory { cut, ..start.clone() }, &model(3));
        tear(&torn.restarted());
    }
}

/// A save is what the documentation says, in the slot that the rules say.
#[test]
fn which_slot() {
    let nan = |number, sequence| senseless(number, sequence, |m| m.limit = f32::NAN);
    let cases = [
        ([None, None], 0, 1),
        ([ours(0, 1, 1), None], 1, 2),
        ([None, ours(1, 1, 1)], 0, 2),
        ([ours(0, 1, 1), ours(1, 2, 2)], 0, 3),
        ([ours(0, 9, 1), ours(1, 8, 2)], 1, 10),
        ([ours(0, u32::MAX, 1), ours(1, u32::MAX - 1, 2)], 1, 0),
        ([ours(0, u32::MAX, 1), ours(1, 0, 2)], 0, 1),
        ([ours(0, 5, 1), damaged(ours(1, 6, 2), 40)], 1, 6),
        ([ours(0, 5, 1), foreign(1, 9)], 1, 10),
        ([foreign(0, 9), ours(1, 5, 1)], 0, 10),
        // A blank slot before one with another program's model; of two such, the older.
        ([foreign(0, 9), None], 1, 10),
        ([None, foreign(1, 9)], 0, 10),
        ([foreign(0, 9), foreign(1, 8)], 1, 10),
        ([foreign(0, 8), foreign(1, 9)], 0, 10),
        // One that makes no sense, whatever its number, before one to be used or another program's.
        ([nan(0, 9), ours(1, 4, 1)], 0, 10),
        ([nan(0, 3), ours(1, 4, 1)], 0, 5),
        ([ours(0, 4, 1), nan(1, 9)], 1, 10),
        ([foreign(0, 4), nan(1, 9)], 1, 10),
        ([nan(0, 8), nan(1, 9)], 0, 10),
        // Two of the same number cannot come about; whatever it is, it is decided.
        ([ours(0, 5, 1), ours(1, 5, 2)], 1, 6),
    ];
    for (contents, number, sequence) in cases {
        let start = memory(contents);
        let expected = Saved { slot: number, sequence };
        let mut pages = Vec::new();
        let (result, after) = on(&start, |mut slots| slots.save(&model(3), |page| pages.push(page)));
        assert_eq!(result, Ok(expected));
        assert_eq!(pages, Vec::from_iter(1..=PAGES));
        let bytes = slot(expected, Model::LAYOUT, &image(&model(3)));
        assert_eq!(after.bytes[usize::from(number) * SLOT..][..bytes.len()], bytes);
        assert_eq!(load(&after), Ok((expected, model(3))));
    }
}

/// Of two whole models the newer is loaded; of a damaged one and an older one, the older.
#[test]
fn which_model() {
    let of = |slot, sequence, seed| Ok((Saved { slot, sequence }, model(seed)));
    let cases = [
        ([ours(0, 1, 1), ours(1, 2, 2)], of(1, 2, 2)),
        ([ours(0, 3, 1), ours(1, 2, 2)], of(0, 3, 1)),
        ([ours(0, 0, 1), ours(1, u32::MAX, 2)], of(0, 0, 1)),
        ([ours(0, 0x8000_0000, 1), ours(1, 0x7fff_ffff, 2)], of(0, 0x8000_0000, 1)),
        ([ours(0, 1, 1), foreign(1, 2)], of(0, 1, 1)),
    ];
    for (contents, expected) in cases {
        assert_eq!(load(&memory(contents)), expected);
    }
    // Every single byte of the newer one.
    for at in (0..FIELDS).chain(PAGE..PAGE + Model::BYTES) {
        assert_eq!(load(&memory([ours(0, 1, 1), damaged(ours(1, 2, 2), at)])), of(0, 1, 1), "byte {at}");
    }
}

/// What cannot be used is named, and nothing is written.
#[test]
fn bad_models() {
    let no_model = |zero, one| Err(Error::NoModel { faults: [zero, one] });
    let shape = Fault::Shape { expected: Model::LAYOUT, got: 0x1234_5678 };
    // Of the right layout, but not of the right length; longer than a slot; in the other one's place.
    let short = Some(slot(Saved { slot: 0, sequence: 1 }, Model::LAYOUT, &[0; 100]));
    let long = Some(slot(Saved { slot: 0, sequence: 1 }, 1, &[0; SLOT - PAGE + 1]));
    let long = long.map(|bytes| bytes[..SLOT].to_vec());
    let cases = [
        ([None, None], no_model(Fault::Blank, Fault::Blank)),
        ([Some(vec![0; SLOT]), None], no_model(Fault::Blank, Fault::Blank)),
        ([Some(vec![0x55; SLOT]), None], no_model(Fault::Corrupt, Fault::Blank)),
        ([damaged(ours(0, 1, 1), 50), Some(vec![1])], no_model(Fault::Corrupt, Fault::Corrupt)),
        ([foreign(0, 1), None], no_model(shape, Fault::Blank)),
        ([short, None], no_model(Fault::Shape { expected: Model::LAYOUT, got: Model::LAYOUT }, Fault::Blank)),
        ([long, None], no_model(Fault::Corrupt, Fault::Blank)),
        ([None, ours(0, 1, 1)], no_model(Fault::Blank, Fault::Corrupt)),
        (
            [senseless(0, 1, |m| m.net.rest.bias[3] = f32::NAN), None],
            no_model(Fault::Senseless, Fault::Blank),
        ),
        (
            [senseless(0, 1, |m| m.net.first.weight[3][2] = f32::INFINITY), None],
            no_model(Fault::Senseless, Fault::Blank),
        ),
        ([senseless(0, 1, |m| m.limit = f32::NAN), None], no_model(Fault::Senseless, Fault::Blank)),
        ([senseless(0, 1, |m| m.limit = 0.0), None], no_model(Fault::Senseless, Fault::Blank)),
        ([senseless(0, 1, |m| m.standardize.std[1] = -1.0), None], no_model(Fault::Senseless, Fault::Blank)),
        (
            [senseless(0, 1, |m| m.standardize.mean[2] = f32::NEG_INFINITY), None],
            no_model(Fault::Senseless, Fault::Blank),
        ),
    ];
    for (contents, expected) in cases {
        let start = memory(contents);
        let (result, after) = on(&start, |mut slots| slots.load());
        assert_eq!(result, expected);
        assert_eq!(after.bytes, start.bytes);
    }
    // A model that makes no sense does not hide an older one that does.
    let start = memory([senseless(0, 9, |m| m.limit = f32::NAN), ours(1, 4, 2)]);
    assert_eq!(load(&start), Ok((Saved { slot: 1, sequence: 4 }, model(2))));
}

/// The messages of what `bad_models` finds.
#[test]
fn messages() {
    let message = |contents| load(&memory(contents)).unwrap_err().to_string();
    assert_eq!(message([None, Some(vec![1])]), "no model: slot 0 is blank, slot 1 is corrupt");
    let layout = Model::LAYOUT;
    assert_eq!(
        message([None, foreign(1, 1)]),
        format!(
            "no model: slot 0 is blank, slot 1 has another shape (expected layout {layout:08x}, got 12345678)"
        )
    );
}

/// Memories that do not do what a memory should.
#[test]
fn bad_memories() {
    let part = Part::Eeprom;
    let good = memory([ours(0, 1, 1), ours(1, 2, 2)]);

    let absent = Memory { present: false, ..good.clone() };
    assert_eq!(load(&absent), Err(Error::Absent { part }));
    let (result, after) = save(&absent, &model(3));
    assert_eq!(result, Err(Error::Absent { part }));
    assert_eq!(after.bytes, good.bytes);

    let protected = Memory { writable: false, ..good.clone() };
    let (result, after) = save(&protected, &model(3));
    assert_eq!(result, Err(Error::NotKept));
    assert_eq!(after.bytes, good.bytes);
    assert_eq!(on(&protected, |mut slots| slots.forget()).0, Err(Error::NotKept));

    let stuck = Memory { busy_for: u32::MAX, ..good.clone() };
    let (result, after) = save(&stuck, &model(3));
    assert_eq!(result, Err(Error::Busy));
    assert_eq!(load(&after.restarted()), load(&good));

    // A shorter one begins over at its end, so that the second slot shows the first. It is found out when that is not
    // blank any more; from then on it is left as it is.
    let short = Memory::new(SLOT);
    assert_eq!(load(&short), Err(Error::NoModel { faults: [Fault::Blank; 2] }));
    let (result, short) = save(&short, &model(1));
    assert_eq!(result, Err(Error::Short { expected: BYTES }));
    assert_eq!(load(&short), Err(Error::Short { expected: BYTES }));
    let (result, after) = save(&short, &model(2));
    assert_eq!(result, Err(Error::Short { expected: BYTES }));
    assert_eq!(after.bytes, short.bytes);
    assert_eq!(Error::Short { expected: BYTES }.to_string(), "EEPROM is too short: expected 4096 bytes");
    // Shorter than a model.
    let (result, after) = save(&Memory::new(256), &model(1));
    assert_eq!(result, Err(Error::NotKept));
    assert!(load(&after).is_err());
}

/// The bus fails during a save: the model before it is still the newest.
#[test]
fn a_bus_that_fails() {
    let start = memory([ours(0, 1, 1), ours(1, 2, 2)]);
    for failing in 1..PAGES {
        let (mut bus, mut clock) = (Board::new(start.clone()), Board::blank());
        let world = bus.0.clone();
        let result = Slots::new(Eeprom::new(&mut bus, &mut clock)).save(&model(3), |page| {
            if page == failing {
                world.borrow_mut().broken = Some(ErrorKind::ArbitrationLoss);
            }
        });
        assert_eq!(result, Err(Error::Bus { part: Part::Eeprom, kind: ErrorKind::ArbitrationLoss }));
        let memory = world.borrow().memory.clone();
        assert_eq!(load(&memory), Ok((Saved { slot: 1, sequence: 2 }, model(2))), "page {failing}");
    }
}

/// Forgetting, and every power cut while it does: never is an older model found than before.
#[test]
fn forgets() {
    let starts = [
        memory([ours(0, 1, 1), ours(1, 2, 2)]),
        memory([ours(0, 3, 1), ours(1, 2, 2)]),
        memory([None, None]),
    ];
    for start in starts {
        let before = load(&start);
        let (result, after) = on(&start, |mut slots| slots.forget());
        assert_eq!(result, Ok(()));
        assert_eq!(load(&after), Err(Error::NoModel { faults: [Fault::Blank; 2] }));
        for (page, new) in [0, 1].into_iter().flat_map(|page| (0..=PAGE).map(move |new| (page, new))) {
            let cut = Some((page, Cut { new, rest: Rest::Old }));
            let (_, torn) = on(&Memory { cut, ..start.clone() }, |mut slots| slots.forget());
            let found = load(&torn.restarted());
            assert!(found == before || matches!(found, Err(Error::NoModel { .. })), "{page} {new}");
            assert!(page == 1 || found == before, "{page} {new}");
        }
    }
}
