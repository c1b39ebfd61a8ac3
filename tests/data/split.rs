//! Splits: every row once, every class its share, at random.

use fusebox::data::{shuffled, split, stratified};
use fusebox::{Error, Rng};

#[test]
fn splits_deal_every_row_once() {
    for rows in [1, 2, 7, 100, 256] {
        for parts in [[rows, 0, 0], [1, rows - 1, 0], [rows / 2, rows / 3, rows - rows / 2 - rows / 3]] {
            let mut order = vec![0_u8; rows];
            let result = split(&mut order, parts, &mut Rng::new(5)).map(|dealt| dealt.map(|part| part.len()));
            match parts.iter().position(|&part| part == 0) {
                Some(part) => assert_eq!(result, Err(Error::EmptyPart { part })),
                None => {
                    assert_eq!(result, Ok(parts));
                    order.sort();
                    assert!(order.iter().map(|&row| usize::from(row)).eq(0..rows));
                }
            }
        }
    }
    let mut order = [7_u8; 257];
    let refused = [
        (split(&mut order, [200, 57], &mut Rng::new(1)).err(), Error::Batch { expected: 256, got: 257 }),
        (split(&mut order, [1, 2], &mut Rng::new(1)).err(), Error::Parts { expected: 257, got: 3 }),
        (
            split(&mut order, [usize::MAX; 2], &mut Rng::new(1)).err(),
            Error::Parts { expected: 257, got: usize::MAX },
        ),
        (split(&mut order, [], &mut Rng::new(1)).err(), Error::Parts { expected: 257, got: 0 }),
    ];
    for (got, expected) in refused {
        assert_eq!(got, Some(expected));
    }
    assert_eq!(order, [7; 257]);
    assert_eq!(shuffled::<u8>(&mut [], &mut Rng::new(1)), Ok(()));
    assert_eq!(split::<0, u8>(&mut [], [], &mut Rng::new(1)).map(|_| ()), Ok(()));

    // The seed decides, the width of the numbers does not.
    let [mut one, mut other] = [[0_u16; 50]; 2];
    let mut wide = [0_usize; 50];
    shuffled(&mut one, &mut Rng::new(1)).unwrap();
    shuffled(&mut other, &mut Rng::new(2)).unwrap();
    shuffled(&mut wide, &mut Rng::new(1)).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.map(usize::from), wide);
}

#[test]
fn stratified_parts_have_their_share_of_every_class() {
    for rows in [1, 2, 5, 60, 1000] {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let labels: Vec<u8> = (0..rows).map(|_| (rng.below(4) * rng.below(2)) as u8).collect();
            let of = |class: usize, rows: &[u16]| {
                rows.iter().filter(|&&row| usize::from(labels[usize::from(row)]) == class).count()
            };
            let mut order = vec![0_u16; rows];
            for first in [1, rows / 3, rows - 1, rows] {
                let (label, parts) = (|row: usize| labels[row], [first, rows - first]);
                let Ok([one, other]) = stratified::<5, _, _>(&mut order, parts, label, &mut rng) else {
                    assert!(first == 0 || first == rows);
                    continue;
                };
                assert_eq!([one.len(), other.len()], parts);
                for class in 0..5 {
                    let (one, other) = (of(class, one), of(class, other));
                    let share = first as f64 * (one + other) as f64 / rows as f64;
                    assert!((one as f64 - share).abs() < 1.0, "{one} of class {class}, its share is {share}");
                }
                order.sort();
                assert!(order.iter().map(|&row| usize::from(row)).eq(0..rows));
            }
        }
    }
    // Three parts, and a class of three rows: two thirds of them in the first, half of the one that is left in each other.
    let label = |row| u8::from(row % 100 == 7);
    let mut order = [0_u16; 300];
    let parts = stratified::<2, _, _>(&mut order, [200, 50, 50], label, &mut Rng::new(1)).unwrap();
    let rare = parts.map(|part| part.iter().filter(|&&row| row % 100 == 7).count());
    assert!(rare == [2, 1, 0] || rare == [2, 0, 1], "{rare:?}");

    let mut order = [9_u8; 4];
    let result = stratified::<2, _, _>(&mut order, [2, 2], |row| row as u8, &mut Rng::new(1)).map(|_| ());
    assert_eq!(result, Err(Error::Label { classes: 2, got: 2, row: 2 }));
    let result = stratified::<0, _, _>(&mut order, [4], |_| 0, &mut Rng::new(1)).map(|_| ());
    assert_eq!(result, Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!(order, [9; 4]);
}

/// Two of three rows of one class are chosen, 3000 times: each of the three pairs should come up a thousand times, give or
/// take five standard deviations of sqrt(3000 * 1/3 * 2/3).
#[test]
fn stratified_parts_are_random() {
    let mut left_out = [0_i32; 3];
    for seed in 0..3000 {
        let mut order = [0_u8; 6];
        let parts = stratified::<2, _, _>(&mut order, [4, 2], |row| (row / 3) as u8, &mut Rng::new(seed));
        let [_, rest] = parts.unwrap();
        assert_eq!(rest.iter().filter(|&&row| row < 3).count(), 1);
        left_out[usize::from(*rest.iter().find(|&&row| row < 3).unwrap())] += 1;
    }
    assert!(left_out.iter().all(|count| (count - 1000).abs() <= 129), "{left_out:?}");
}

/// A closure that changes its mind gets nonsense, and no panic.
#[test]
fn labels_that_change_between_looks() {
    let calls = core::cell::Cell::new(0_u8);
    let label = |_| {
        calls.set(calls.get().wrapping_add(1));
        if calls.get() <= 10 { calls.get() % 3 } else { calls.get() }
    };
    let parts = stratified::<3, _, _>(&mut [0_u8; 10], [5, 5], label, &mut Rng::new(1))
        .map(|parts| parts.map(|part| part.len()));
    assert_eq!(parts, Ok([5, 5]));
}
