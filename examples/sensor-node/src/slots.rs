//! How a model lies in the memory: in two slots, so that a power cut at any moment of a save leaves one that is whole.
//!
//! ```text
//! slot 0: 0 .. 2048    page 0: header   pages 1..: the model's bytes
//! slot 1: 2048 .. 4096 the same
//!
//! header  0 "fbox"   4 layout   8 sequence   12 slot (2 bytes)   14 length (2 bytes)   16 CRC-32   20 zeros
//! ```
//!
//! Numbers are little-endian. The checksum goes over the header before it and over the model's bytes. A save overwrites the
//! slot that is not the newest whole one: first the model's pages, then the header's. The other slot is not touched, so it
//! is as valid as before whatever becomes of this one; and until the last byte of the new header, the checksum of this one
//! is wrong (one mixture of old and new in 2^32 would pass, if there were so many). Which of two whole slots is the newer
//! the sequence number tells, which may wrap around.
//!
//! A model that was made for another layout counts as free, but after all that is blank or corrupt: of two such the
//! newer is still there after one save, for whoever goes back to the older firmware. A whole model with a number that makes
//! no sense counts as corrupt: loading passes over it, so a save must not keep it in place of one that can be used.

use crate::eeprom::{Eeprom, PAGE};
use crate::error::{Error, Fault};
use crate::model::{Image, Model};
use crc::{CRC_32_ISO_HDLC, Crc, Digest, Table};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

/// Bytes of a slot.
pub const SLOT: usize = 2048;
/// Bytes that the memory must have.
pub const BYTES: usize = 2 * SLOT;
/// Pages that a save writes, the header's the last.
pub const PAGES: usize = 1 + Model::BYTES.div_ceil(PAGE);

const _: () = assert!(PAGES * PAGE <= SLOT, "a slot has room for a model");

const MAGIC: [u8; 4] = *b"fbox";
static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// Where a model lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The slot: 0 or 1.
    pub slot: u16,
    /// Its sequence number.
    pub sequence: u32,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    layout: u32,
    sequence: u32,
    slot: u16,
    length: u16,
    crc: u32,
}

impl Header {
    /// The header of a model with these bytes.
    fn of(Saved { slot, sequence }: Saved, image: &Image) -> Self {
        let length = Model::BYTES as u16;
        let mut header = Self { layout: Model::LAYOUT, sequence, slot, length, crc: 0 };
        let mut digest = header.digest();
        digest.update(image);
        header.crc = digest.finalize();
        header
    }

    /// The checksum's first part.
    fn digest(&self) -> Digest<'static, u32, Table<1>> {
        let mut digest = CRC.digest();
        digest.update(&MAGIC);
        digest.update(&self.layout.to_le_bytes());
        digest.update(&self.sequence.to_le_bytes());
        digest.update(&self.slot.to_le_bytes());
        digest.update(&self.length.to_le_bytes());
        digest
    }

    fn to_page(self) -> [u8; PAGE] {
        let fields = MAGIC.into_iter().chain(self.layout.to_le_bytes()).chain(self.sequence.to_le_bytes());
        let fields = fields.chain(self.slot.to_le_bytes()).chain(self.length.to_le_bytes());
        let mut page = [0; PAGE];
        for (to, from) in page.iter_mut().zip(fields.chain(self.crc.to_le_bytes())) {
            *to = from;
        }
        page
    }

    /// A header, if the page looks like one.
    fn from_page(page: &[u8; PAGE]) -> Option<Self> {
        let (words, _) = page.as_chunks();
        let &[magic, layout, sequence, [s0, s1, l0, l1], crc, ..] = words else { return None };
        (magic == MAGIC).then_some(Self {
            layout: u32::from_le_bytes(layout),
            sequence: u32::from_le_bytes(sequence),
            slot: u16::from_le_bytes([s0, s1]),
            length: u16::from_le_bytes([l0, l1]),
            crc: u32::from_le_bytes(crc),
        })
    }
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// A whole model of this program's layout.
    Ours(u32),
    /// The same, but a number of it makes no sense.
    Senseless(u32),
    /// A whole model of another layout.
    Foreign {
        sequence: u32,
        layout: u32,
    },
    Blank,
    Corrupt,
}

impl Content {
    const fn sequence(self) -> Option<u32> {
        match self {
            Self::Ours(sequence) | Self::Senseless(sequence) | Self::Foreign { sequence, .. } => {
                Some(sequence)
            }
            Self::Blank | Self::Corrupt => None,
        }
    }
}

/// Whether sequence number `a` comes after `b`: by less than half of all numbers, which have no end.
const fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// The two slots of a memory.
#[derive(Debug)]
pub struct Slots<'a, I2C, D> {
    eeprom: Eeprom<'a, I2C, D>,
}

impl<'a, I2C: I2c, D: DelayNs> Slots<'a, I2C, D> {
    /// The slots in `eeprom`.
    pub const fn new(eeprom: Eeprom<'a, I2C, D>) -> Self {
        Self { eeprom }
    }

    /// The newest model that is whole and this program's.
    ///
    /// # Errors
    ///
    /// [`Error::NoModel`] with what is the matter with each slot, [`Error::Short`], and those of reading.
    pub fn load(&mut self) -> Result<(Saved, Model), Error> {
        let mut image = [0; Model::BYTES];
        let mut faults = [Fault::Blank; 2];
        for slot in self.newest_first()? {
            let fault = match self.read(slot, &mut image)? {
                Content::Ours(sequence) => match Model::load(&image) {
                    Ok(model) => return Ok((Saved { slot, sequence }, model)),
                    Err(fault) => fault,
                },
                Content::Senseless(_) => Fault::Senseless,
                Content::Foreign { layout, .. } => Fault::Shape { expected: Model::LAYOUT, got: layout },
                Content::Blank => Fault::Blank,
                Content::Corrupt => Fault::Corrupt,
            };
            if let Some(place) = faults.get_mut(usize::from(slot)) {
                *place = fault;
            }
        }
        Err(Error::NoModel { faults })
    }

    /// Saves a model, and never over the one that [`load`](Self::load) finds; tells `written` the number of each page that is,
    /// from 1 to [`PAGES`].
    ///
    /// # Errors
    ///
    /// [`Error::Short`], [`Error::NotKept`], and those of reading and writing. What `load` finds is kept.
    pub fn save(&mut self, model: &Model, mut written: impl FnMut(usize)) -> Result<Saved, Error> {
        self.check_length()?;
        let mut image = [0; Model::BYTES];
        let saved = next([self.read(0, &mut image)?, self.read(1, &mut image)?]);
        model.store(&mut image);
        let header = Header::of(saved, &image);
        let start = usize::from(saved.slot) * SLOT;
        for (number, page) in (1..).zip(image.chunks(PAGE)) {
            self.eeprom.write(start + number * PAGE, page)?;
            written(number);
        }
        self.eeprom.write(start, &header.to_page())?;
        written(PAGES);
        if self.inspect(saved.slot, |_| ())? != Content::Ours(saved.sequence) {
            return Err(Error::NotKept);
        }
        self.check_length()?;
        Ok(saved)
    }

    /// Erases both headers, the newest last, so that half of it leaves what there was.
    ///
    /// # Errors
    ///
    /// Those of reading and writing, and [`Error::NotKept`].
    pub fn forget(&mut self) -> Result<(), Error> {
        let [newest, other] = self.newest_first()?;
        for slot in [other, newest] {
            self.eeprom.write(usize::from(slot) * SLOT, &[0xff; PAGE])?;
            if self.inspect(slot, |_| ())? != Content::Blank {
                return Err(Error::NotKept);
            }
        }
        Ok(())
    }

    /// The slots in the order in which to try them.
    fn newest_first(&mut self) -> Result<[u16; 2], Error> {
        let sequences =
            self.check_length()?.map(|page| Header::from_page(&page).map(|header| header.sequence));
        Ok(match sequences {
            [None, Some(_)] => [1, 0],
            [Some(zero), Some(one)] if after(one, zero) => [1, 0],
            _ => [0, 1],
        })
    }

    /// Both headers, unless the memory is so short that one shows the other.
    fn check_length(&mut self) -> Result<[[u8; PAGE]; 2], Error> {
        let headers = [self.page(0)?, self.page(SLOT)?];
        let [zero, one] = &headers;
        if zero == one && Header::from_page(zero).is_some() {
            return Err(Error::Short { expected: BYTES });
        }
        Ok(headers)
    }

    /// Finds out what a slot holds, and whether it makes sense; overwrites `image` with the bytes of a model of ours.
    fn read(&mut self, slot: u16, image: &mut Image) -> Result<Content, Error> {
        let mut rest = image.iter_mut();
        let content = self.inspect(slot, |bytes| {
            for (&from, to) in bytes.iter().zip(rest.by_ref()) {
                *to = from;
            }
        })?;
        Ok(match content {
            Content::Ours(sequence) if Model::load(image).is_err() => Content::Senseless(sequence),
            content => content,
        })
    }

    /// Finds out what a slot holds, [`Content::Senseless`] taken for [`Content::Ours`]; shows `sink` the model's bytes as far
    /// as the header gives reason to read them.
    fn inspect(&mut self, slot: u16, mut sink: impl FnMut(&[u8])) -> Result<Content, Error> {
        let start = usize::from(slot) * SLOT;
        let page = self.page(start)?;
        let Some(header) = Header::from_page(&page) else {
            let blank = page == [0xff; PAGE] || page == [0; PAGE];
            return Ok(if blank { Content::Blank } else { Content::Corrupt });
        };
        let ours = header.layout == Model::LAYOUT && usize::from(header.length) == Model::BYTES;
        let mut left = usize::from(header.length);
        if header.slot != slot || left > SLOT - PAGE {
            return Ok(Content::Corrupt);
        }
        let mut digest = header.digest();
        for number in 1..SLOT / PAGE {
            let page = self.page(start + number * PAGE)?;
            let bytes = page.get(..left).unwrap_or(&page);
            digest.update(bytes);
            sink(bytes);
            left = left.saturating_sub(PAGE);
            if left == 0 {
                break;
            }
        }
        let Header { layout, sequence, .. } = header;
        Ok(match digest.finalize() == header.crc {
            true if ours => Content::Ours(sequence),
            true => Content::Foreign { sequence, layout },
            false => Content::Corrupt,
        })
    }

    fn page(&mut self, at: usize) -> Result<[u8; PAGE], Error> {
        let mut page = [0; PAGE];
        self.eeprom.read(at, &mut page)?;
        Ok(page)
    }
}

/// Where the next model goes, given what there is.
fn next(contents: [Content; 2]) -> Saved {
    let older = |zero, one| if after(one, zero) { 0 } else { 1 };
    let slot = match contents {
        [Content::Ours(zero), Content::Ours(one)] => older(zero, one),
        [Content::Ours(_), _] => 1,
        [_, Content::Ours(_)] => 0,
        [Content::Foreign { sequence: zero, .. }, Content::Foreign { sequence: one, .. }] => older(zero, one),
        [Content::Foreign { .. }, _] => 1,
        _ => 0,
    };
    let sequence = match contents.map(Content::sequence) {
        [Some(zero), Some(one)] => (if after(one, zero) { one } else { zero }).wrapping_add(1),
        [Some(sequence), None] | [None, Some(sequence)] => sequence.wrapping_add(1),
        [None, None] => 1,
    };
    Saved { slot, sequence }
}
