//! What the magnetometer's driver says on the bus, to the byte, and what it makes of the answers.

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use sensor_node::magnetometer::{ADDRESS, Axis, Magnetometer, Range};
use sensor_node::{Error, Part};

const NOBODY: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
const NOT_THAT_BYTE: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data);

fn identity(bytes: &[u8; 3]) -> Transaction {
    Transaction::write_read(ADDRESS, vec![0x0a], bytes.to_vec())
}

fn field(bytes: [u8; 6]) -> Transaction {
    Transaction::write_read(ADDRESS, vec![0x03], bytes.to_vec())
}

/// Nothing here waits.
fn with<T>(
    transactions: &[Transaction],
    range: Range,
    work: impl FnOnce(Magnetometer<'_, Mock, CheckedDelay>) -> T,
) -> T {
    waiting(transactions, &[], range, work)
}

fn waiting<T>(
    transactions: &[Transaction],
    waits: &[Wait],
    range: Range,
    work: impl FnOnce(Magnetometer<'_, Mock, CheckedDelay>) -> T,
) -> T {
    let (mut i2c, mut delay) = (Mock::new(transactions), CheckedDelay::new(waits));
    let result = work(Magnetometer::new(&mut i2c, &mut delay, range));
    i2c.done();
    delay.done();
    result
}

#[test]
fn start() {
    let ranges = [Range::G1_3, Range::G1_9, Range::G2_5, Range::G4_0, Range::G4_7, Range::G5_6, Range::G8_1];
    for (gain, range) in (1..).zip(ranges) {
        let transactions = [
            identity(b"H43"),
            Transaction::write(ADDRESS, vec![0x00, 0x1c]),
            Transaction::write(ADDRESS, vec![0x01, gain << 5]),
            Transaction::write(ADDRESS, vec![0x02, 0x00]),
        ];
        // Two periods of 220 measurements a second.
        let waits = [Wait::delay_ms(9)];
        assert_eq!(waiting(&transactions, &waits, range, |mut sensor| sensor.start()), Ok(()));
    }
}

#[test]
fn another_part_is_not_written_to() {
    let result = with(&[identity(b"XY\0")], Range::G1_3, |mut sensor| sensor.start());
    assert_eq!(result, Err(Error::Identity { got: *b"XY\0" }));
    assert_eq!(
        result.unwrap_err().to_string(),
        "no LSM303DLHC: expected the identity 48 34 33, got 58 59 00"
    );
}

#[test]
fn fields() {
    // Big-endian, in the order x, z, y; 1100 counts make a gauss along x and y, 980 along z, and a gauss is 100 µT.
    let bytes = [0x01, 0x13, 0x01, 0xea, 0xff, 0x92];
    let [x, y, z] = with(&[field(bytes)], Range::G1_3, |mut sensor| sensor.field()).unwrap();
    for (got, expected) in [(x, 25.0), (y, -10.0), (z, 50.0)] {
        // Two roundings of a quotient and a product.
        assert!((got - expected).abs() <= 2.0 * f32::EPSILON * expected.abs(), "{got} is not {expected}");
    }
    // Twice the field along z at the coarsest range: 205 counts.
    let bytes = [0x00, 0x00, 0x00, 0xcd, 0x07, 0xff];
    let [x, y, z] = with(&[field(bytes)], Range::G8_1, |mut sensor| sensor.field()).unwrap();
    assert_eq!(x, 0.0);
    assert!((y - 890.0).abs() < 0.01 && (z - 100.0).abs() < 1e-4);
}

#[test]
fn too_strong() {
    for (place, axis) in [(0, Axis::X), (2, Axis::Z), (4, Axis::Y)] {
        let mut bytes = [0x00, 0x01, 0x00, 0x02, 0x00, 0x03];
        bytes[place..place + 2].copy_from_slice(&(-4096_i16).to_be_bytes());
        let result = with(&[field(bytes)], Range::G1_3, |mut sensor| sensor.field());
        assert_eq!(result, Err(Error::Saturated { axis }));
    }
}

#[test]
fn failures() {
    let part = Part::Magnetometer;
    let start = |failing: &[Transaction]| with(failing, Range::G1_3, |mut sensor| sensor.start());
    assert_eq!(start(&[identity(b"H43").with_error(NOBODY)]), Err(Error::Absent { part }));
    let absent = Error::Absent { part };
    assert_eq!(absent.to_string(), "magnetometer does not answer");
    // It went away after each of the writes.
    let writes =
        [[0x00, 0x1c], [0x01, 0x20], [0x02, 0x00]].map(|bytes| Transaction::write(ADDRESS, bytes.into()));
    for failing in 0..3 {
        let mut transactions = vec![identity(b"H43")];
        transactions.extend(writes[..failing].iter().cloned());
        transactions.push(writes[failing].clone().with_error(NOT_THAT_BYTE));
        assert_eq!(start(&transactions), Err(Error::Bus { part, kind: NOT_THAT_BYTE }));
    }
    for (kind, error) in [
        (NOBODY, absent),
        (ErrorKind::ArbitrationLoss, Error::Bus { part, kind: ErrorKind::ArbitrationLoss }),
    ] {
        let result = with(&[field([0; 6]).with_error(kind)], Range::G1_3, |mut sensor| sensor.field());
        assert_eq!(result, Err(error));
    }
}
