//! Labels and one-hot rows, up to and past what there is room for.

use fusebox::Error;
use fusebox::data::{Full, Labels, one_hot, one_hot_into};

#[test]
fn one_hot_rows() {
    assert_eq!(one_hot::<1>(0), Ok([1.0]));
    assert_eq!(one_hot::<0>(0), Err(Error::Label { classes: 0, got: 0, row: 0 }));
    assert_eq!(one_hot::<3>(usize::MAX), Err(Error::Label { classes: 3, got: usize::MAX, row: 0 }));
    let mut row = [7.0; 3];
    assert_eq!(one_hot_into(3, &mut row), Err(Error::Label { classes: 3, got: 3, row: 0 }));
    assert_eq!(row, [7.0; 3]);
    for label in 0..3 {
        one_hot_into(label, &mut row).unwrap();
        assert!((0..3).all(|class| row[class] == if class == label { 1.0 } else { 0.0 }));
    }
}

#[test]
fn labels_up_to_the_capacity() {
    let mut labels = Labels::<u32, 256>::new();
    for turn in 0..2 {
        for key in 0..256 {
            assert_eq!(labels.get(1000 - key), (turn == 1).then_some(key as u8));
            assert_eq!(labels.encode(1000 - key), Ok(key as u8));
        }
    }
    let before = labels.clone();
    let full = Full { key: 0, capacity: 256 };
    assert_eq!(labels.encode(0), Err(full));
    assert_eq!(Error::from(full).to_string(), "expected at most 256 different classes, got 257");
    assert_eq!(labels, before);
    assert_eq!((labels.decode(255), labels.decode(256)), (Some(745), None));

    static NONE: Labels<&str, 0> = Labels::new();
    assert_eq!(NONE.clone().encode("cat"), Err(Full { key: "cat", capacity: 0 }));
    assert_eq!((NONE.get("cat"), NONE.keys().len()), (None, 0));
}
