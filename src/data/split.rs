//! Shuffled row indices, divided into training, validation and test.
//!
//! The rows stay in place, for example in flash. Their indices are shuffled in the caller's slice, of any integer
//! type that is wide enough. A part is a slice of it; use `chunks` for batches, and `Rng::shuffle` to reorder a part
//! for the next epoch.

use crate::{Error, Rng};

/// Overwrites `order` with the integers from 0 to its length minus 1, in random order.
///
/// Errors, with nothing written, if `I` cannot represent them, or there are more than 2^32 - 1 rows.
///
/// ```
/// use fusebox::{Error, Rng, data::shuffled};
/// let mut order = [0_u16; 5];
/// shuffled(&mut order, &mut Rng::new(1))?;
/// for batch in order.chunks(2) {
///     // Stage the rows of the batch, and train.
/// }
/// order.sort();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// assert_eq!(shuffled(&mut [0_u8; 300], &mut Rng::new(1)), Err(Error::Batch { expected: 256, got: 300 }));
/// # Ok::<(), Error>(())
/// ```
pub fn shuffled<I: TryFrom<usize>>(order: &mut [I], rng: &mut Rng) -> Result<(), Error> {
    let fits = |row: &usize| I::try_from(*row).is_ok() && u32::try_from(*row).is_ok_and(|row| row < u32::MAX);
    let rows = order.len();
    if rows > 0 && !fits(&(rows - 1)) {
        let expected = (0..rows).find(|row| !fits(row)).unwrap_or(rows);
        return Err(Error::Batch { expected, got: rows });
    }
    for (row, index) in order.iter_mut().enumerate() {
        if let Ok(row) = I::try_from(row) {
            *index = row;
        }
    }
    rng.shuffle(order);
    Ok(())
}

/// [`shuffled`], then divided into parts with the given numbers of rows.
///
/// Errors, with nothing written, also if a part is empty, or the parts do not add up to the length of `order`.
///
/// ```
/// use fusebox::{Error, Rng, data::split};
/// let mut order = [0_u16; 100];
/// let [train, validation, test] = split(&mut order, [70, 15, 15], &mut Rng::new(1))?;
/// assert_eq!((train.len(), validation.len(), test.len()), (70, 15, 15));
/// assert_eq!(split(&mut order, [70, 20], &mut Rng::new(1)), Err(Error::Parts { expected: 100, got: 90 }));
/// assert_eq!(split(&mut order, [100, 0], &mut Rng::new(1)), Err(Error::EmptyPart { part: 1 }));
/// # Ok::<(), Error>(())
/// ```
pub fn split<'a, const PARTS: usize, I: TryFrom<usize>>(
    order: &'a mut [I],
    parts: [usize; PARTS],
    rng: &mut Rng,
) -> Result<[&'a mut [I]; PARTS], Error> {
    check_parts(order.len(), &parts)?;
    shuffled(order, rng)?;
    Ok(cut(order, parts))
}

/// [`split`] with classes in the same proportions in every part; `label` returns the class of a row.
///
/// In the first part, the number of rows of each class differs from its exact share by less than one; in each further
/// part, from its share of the remaining rows. Every set of rows with these numbers is equally likely. Calls `label`
/// on each row once to count, and once per part; uses three `u32` of stack per class.
///
/// Errors, with nothing written, as [`split`] does, and if a label is not below `CLASSES`.
///
/// ```
/// use fusebox::{Rng, data::stratified};
/// let labels = [0, 0, 0, 1, 0, 1, 0, 0, 0]; // seven of one class, two of the other
/// let mut order = [0_u8; 9];
/// let [train, test] = stratified::<2, _, _>(&mut order, [5, 4], |row| labels[row], &mut Rng::new(1))?;
/// assert_eq!(train.iter().filter(|&&row| labels[usize::from(row)] == 1).count(), 1);
/// assert_eq!(test.iter().filter(|&&row| labels[usize::from(row)] == 1).count(), 1);
/// # Ok::<(), fusebox::Error>(())
/// ```
pub fn stratified<'a, const CLASSES: usize, const PARTS: usize, I>(
    order: &'a mut [I],
    parts: [usize; PARTS],
    label: impl Fn(usize) -> u8,
    rng: &mut Rng,
) -> Result<[&'a mut [I]; PARTS], Error>
where
    I: Copy + TryFrom<usize> + TryInto<usize>,
{
    check_parts(order.len(), &parts)?;
    let mut left = [0_u32; CLASSES]; // rows of each class not yet dealt
    for row in 0..order.len() {
        let got = usize::from(label(row));
        let class = left.get_mut(got).ok_or(Error::Label { classes: CLASSES, got, row })?;
        *class = class.saturating_add(1);
    }
    shuffled(order, rng)?;
    let mut rest = &mut order[..];
    for part in parts {
        let mut places = shares(part, &mut left);
        // Move the first rows, in shuffled order, whose class still has places to the front.
        let mut dealt = 0;
        for next in 0..rest.len() {
            let row = rest[next].try_into().unwrap_or(usize::MAX);
            if let Some(places @ 1..) = places.get_mut(usize::from(label(row))) {
                *places -= 1;
                rest.swap(dealt.min(next), next);
                dealt += 1;
            }
        }
        rest = rest.split_at_mut_checked(part).map_or(&mut [], |(_, rest)| rest);
    }
    Ok(cut(order, parts))
}

/// How many of `part` rows each class gets, subtracted from `left`: its share rounded down, plus one of the missing
/// rows if its remainder is among the largest. So the shares add up to `part`, and none is more than the class has
/// left.
fn shares<const CLASSES: usize>(part: usize, left: &mut [u32; CLASSES]) -> [u32; CLASSES] {
    let (part, total) = (part as u64, left.iter().map(|&rows| u64::from(rows)).sum());
    let scaled = |rows: u32| part * u64::from(rows);
    let mut shares = left.map(|rows| scaled(rows).checked_div(total).unwrap_or(0) as u32);
    for _ in shares.iter().map(|&share| u64::from(share)).sum()..part {
        // A class that got an extra row has a negative remainder, `None`, which compares below all others.
        let remainder =
            |(share, rows): &(&mut u32, &u32)| scaled(**rows).checked_sub(u64::from(**share) * total);
        if let Some((share, _)) = shares.iter_mut().zip(&*left).max_by_key(remainder) {
            *share += 1;
        }
    }
    for (left, share) in left.iter_mut().zip(shares) {
        *left -= share;
    }
    shares
}

fn check_parts(rows: usize, parts: &[usize]) -> Result<(), Error> {
    if let Some(part) = parts.iter().position(|&rows| rows == 0) {
        return Err(Error::EmptyPart { part });
    }
    match parts.iter().fold(0, |sum: usize, &part| sum.saturating_add(part)) {
        sum if sum == rows => Ok(()),
        got => Err(Error::Parts { expected: rows, got }),
    }
}

/// Divides `order` into parts that add up to it.
fn cut<const PARTS: usize, I>(mut order: &mut [I], parts: [usize; PARTS]) -> [&mut [I]; PARTS] {
    parts.map(|part| order.split_off_mut(..part).unwrap_or_default())
}
