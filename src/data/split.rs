//! Row numbers, shuffled and dealt to training, validation and test.
//!
//! Rows stay where they are, in flash; their numbers are shuffled in a slice of the caller's, of whatever whole numbers are
//! wide enough. A part is a slice of it, its batches are `chunks`, and `Rng::shuffle` gives a part another order for
//! the next epoch.

use crate::{Error, Rng};

/// Overwrites `order` with the numbers from 0 to its length less one, in random order.
///
/// Errors, with nothing written, when `I` cannot count that far, or the rows are more than 2^32 - 1.
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

/// [`shuffled`], and cut into parts of the numbers of rows given.
///
/// Errors, with nothing written, also when a part is empty, or the parts do not add up to the length of `order`.
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

/// [`split`] in which every part has its share of every class, `label` giving the class of a row.
///
/// In the first part each class has its share within less than one row; in each further part its share of what the earlier
/// ones left. Each set of rows that gives these numbers is as likely as the others. Rows are looked at once to count them
/// and once for each part; three `u32` of stack a class.
///
/// Errors, with nothing written, as [`split`] does, and when a label is not below `CLASSES`.
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
        // Whoever comes first in the shuffled order and whose class has a place left moves to the front.
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

/// How many of `part` rows each class gets, taken from those `left`: its share rounded down, and one of the rows that are
/// then still missing if its remainder is among the largest. So the shares add up, and none is more than the class has.
fn shares<const CLASSES: usize>(part: usize, left: &mut [u32; CLASSES]) -> [u32; CLASSES] {
    let (part, total) = (part as u64, left.iter().map(|&rows| u64::from(rows)).sum());
    let scaled = |rows: u32| part * u64::from(rows);
    let mut shares = left.map(|rows| scaled(rows).checked_div(total).unwrap_or(0) as u32);
    for _ in shares.iter().map(|&share| u64::from(share)).sum()..part {
        // A class that got one has a remainder below zero, `None`, which is less than any other.
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

/// `order` in parts that add up to it.
fn cut<const PARTS: usize, I>(mut order: &mut [I], parts: [usize; PARTS]) -> [&mut [I]; PARTS] {
    parts.map(|part| order.split_off_mut(..part).unwrap_or_default())
}
