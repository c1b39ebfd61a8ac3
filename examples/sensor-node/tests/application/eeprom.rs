//! What the EEPROM's driver says on the bus, to the byte.

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use sensor_node::eeprom::{ADDRESS, Eeprom, PAGE};
use sensor_node::{Error, Part};

const NOBODY: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
const PART: Part = Part::Eeprom;

fn with<T>(
    transactions: &[Transaction],
    waits: usize,
    work: impl FnOnce(Eeprom<'_, Mock, CheckedDelay>) -> T,
) -> T {
    let mut i2c = Mock::new(transactions);
    let mut delay = CheckedDelay::new(&vec![Wait::delay_us(500); waits]);
    let result = work(Eeprom::new(&mut i2c, &mut delay));
    i2c.done();
    delay.done();
    result
}

fn write(at: u16, bytes: &[u8]) -> Transaction {
    Transaction::write(ADDRESS, [&at.to_be_bytes(), bytes].concat())
}

fn question() -> Transaction {
    Transaction::read(ADDRESS, vec![0])
}

#[test]
fn reads_anything_at_once() {
    for (at, length) in [(0_u16, 1), (31, 2), (0x0fe0, 32), (0x1234, 100), (0xffff, 1)] {
        let bytes: Vec<u8> = (0..length).collect();
        let transaction = Transaction::write_read(ADDRESS, at.to_be_bytes().to_vec(), bytes.clone());
        let mut read = vec![0xee; bytes.len()];
        let result = with(&[transaction], 0, |mut eeprom| eeprom.read(at.into(), &mut read));
        assert_eq!((result, read), (Ok(()), bytes));
    }
    assert_eq!(with(&[], 0, |mut eeprom| eeprom.read(7, &mut [])), Ok(()));
}

/// For every start in a page and every length up to three pages: whole pieces that end where a page does.
#[test]
fn writes_within_pages() {
    let bytes: Vec<u8> = (0..3 * PAGE as u8).collect();
    for start in 0..PAGE {
        for length in 0..=bytes.len() {
            let at = 0x0100 + start;
            let mut transactions = Vec::new();
            let (mut from, end) = (at, at + length);
            while from < end {
                let to = end.min(from / PAGE * PAGE + PAGE);
                assert!(from / PAGE == (to - 1) / PAGE);
                transactions.extend([write(from as u16, &bytes[from - at..to - at]), question()]);
                from = to;
            }
            let result = with(&transactions, 0, |mut eeprom| eeprom.write(at, &bytes[..length]));
            assert_eq!(result, Ok(()));
        }
    }
}

#[test]
fn asks_until_it_answers() {
    for times in [1, 7, 39] {
        let mut transactions = vec![write(64, &[1, 2, 3])];
        transactions.extend(vec![question().with_error(NOBODY); times]);
        transactions.push(question());
        assert_eq!(with(&transactions, times, |mut eeprom| eeprom.write(64, &[1, 2, 3])), Ok(()));
    }
    let mut transactions = vec![write(64, &[1, 2, 3])];
    transactions.extend(vec![question().with_error(NOBODY); 40]);
    assert_eq!(with(&transactions, 40, |mut eeprom| eeprom.write(64, &[1, 2, 3])), Err(Error::Busy));
}

#[test]
fn failures() {
    let refusals = [
        (NOBODY, Error::Absent { part: PART }),
        (
            ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data),
            Error::Bus { part: PART, kind: ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data) },
        ),
        (ErrorKind::Bus, Error::Bus { part: PART, kind: ErrorKind::Bus }),
    ];
    for (kind, error) in refusals {
        let read = Transaction::write_read(ADDRESS, vec![0, 0], vec![0; 4]).with_error(kind);
        assert_eq!(with(&[read], 0, |mut eeprom| eeprom.read(0, &mut [0; 4])), Err(error));
        let first = write(30, &[1, 2]).with_error(kind);
        assert_eq!(with(&[first], 0, |mut eeprom| eeprom.write(30, &[1, 2, 3])), Err(error));
        // In the second page, the first being written.
        let second = [write(30, &[1, 2]), question(), write(32, &[3]).with_error(kind)];
        assert_eq!(with(&second, 0, |mut eeprom| eeprom.write(30, &[1, 2, 3])), Err(error));
    }
    let kind = ErrorKind::ArbitrationLoss;
    let lost = [write(0, &[1]), question().with_error(kind)];
    assert_eq!(with(&lost, 0, |mut eeprom| eeprom.write(0, &[1])), Err(Error::Bus { part: PART, kind }));
}

#[test]
fn beyond_the_end() {
    for (at, length) in [(0xffff, 2), (0x1_0000, 1), (usize::MAX, 2), (1, 0x1_0000)] {
        let mut bytes = vec![0xee; length];
        let error = Err(Error::Range { at, length });
        assert_eq!(with(&[], 0, |mut eeprom| eeprom.read(at, &mut bytes)), error);
        assert!(bytes.iter().all(|&byte| byte == 0xee));
        assert_eq!(with(&[], 0, |mut eeprom| eeprom.write(at, &bytes)), error);
    }
}
