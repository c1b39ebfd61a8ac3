//! Features and scores against TensorFlow Lite Micro's, and the words in the recordings.

use fusebox::{Error, Layer, Scratch};
use keywords::frontend::{CHANNELS, Frontend, STEP};
use keywords::{Frames, Listener, linear, words, yes_no};

const YES_NO: &[u8] = include_bytes!("../data/yes-no.ulaw");
const TEN_WORDS: &[u8] = include_bytes!("../data/ten-words.ulaw");

/// Whether the features of samples are those in a file.
fn are_features(samples: impl Iterator<Item = i16>, expected: &[u8]) -> bool {
    let samples: Vec<_> = samples.collect();
    let mut frontend = Frontend::new();
    let features: Vec<_> =
        samples.as_chunks::<STEP>().0.iter().filter_map(|samples| frontend.frame(samples)).collect();
    let expected: Vec<_> =
        expected.as_chunks().0.iter().map(|&feature| u16::from_le_bytes(feature)).collect();
    features.as_flattened().len() == features.len() * CHANNELS && features.as_flattened() == expected
}

#[test]
fn features_of_speech_are_tensorflows() {
    let linear = |&byte: &u8| linear(byte);
    assert!(are_features(YES_NO.iter().map(linear), include_bytes!("../data/yes-no.features")));
    assert!(are_features(TEN_WORDS.iter().map(linear), include_bytes!("../data/ten-words.features")));
}

/// Noise from 1 to full scale, square waves and constants of full scale, where the transform wraps: as `make.py` makes them.
#[test]
fn features_of_sounds_are_tensorflows() {
    const HALF_A_SECOND: usize = 8000;
    let mut state = 1_u32;
    let noise = (0..16 * HALF_A_SECOND).map(|i| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (((state >> 16) as i32 - (1 << 15)) >> (15 - i / HALF_A_SECOND)) as i16
    });
    let squares = [1, 2, 3, 5, 8, 16, 40, 100].into_iter().flat_map(|half| {
        (0..HALF_A_SECOND).map(move |i| if (i / half).is_multiple_of(2) { i16::MIN } else { i16::MAX })
    });
    let constants =
        [i16::MIN, i16::MAX].into_iter().flat_map(|sample| std::iter::repeat_n(sample, HALF_A_SECOND));
    assert!(are_features(noise.chain(squares).chain(constants), include_bytes!("../data/sounds.features")));
}

/// All scores, and the words that are heard.
fn hear<const N: usize, const K: usize>(
    mut listener: Listener<N, K>,
    sound: &[u8],
    classes: [&'static str; N],
    mut infer: impl FnMut(&Frames) -> Result<[i8; N], Error>,
) -> Result<(Vec<[i8; N]>, Vec<&'static str>), Error> {
    let (mut scores, mut heard) = (Vec::new(), Vec::new());
    for samples in sound.as_chunks::<STEP>().0 {
        listener.hear(&samples.map(linear));
        if let Some(frames) = listener.due() {
            scores.push(infer(frames)?);
            heard
                .extend(scores.last().and_then(|scores| listener.decide(scores)).map(|class| classes[class]));
        }
    }
    Ok((scores, heard))
}

#[test]
fn yes_and_no_are_heard_with_tensorflows_scores() -> Result<(), Error> {
    let mut scratch = Scratch::<yes_no::Net, 1>::new();
    let (scores, heard) = hear(Listener::<4, 4>::new(2), YES_NO, yes_no::CLASSES, |frames| {
        let mut y = [[0; _]];
        yes_no::NET.infer(frames.as_flattened().as_chunks().0, &mut scratch, &mut y)?;
        Ok(y[0])
    })?;
    let scores: Vec<_> = scores.as_flattened().iter().map(|&score| score as u8).collect();
    assert_eq!(scores, include_bytes!("../data/yes-no.scores"));
    let said = include_str!("../data/yes-no.txt").lines().filter(|word| yes_no::CLASSES.contains(word));
    assert_eq!(heard, said.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn ten_words_are_heard() -> Result<(), Error> {
    let mut scratch = Scratch::<words::Net, 1>::new();
    let (_, heard) = hear(Listener::<12, 3>::new(8), TEN_WORDS, words::CLASSES, |frames| {
        let mut y = [[0; _]];
        let x = frames.as_flattened().as_chunks::<1>().0.as_chunks().0.as_chunks().0;
        words::NET.infer(x, &mut scratch, &mut y)?;
        Ok(y[0])
    })?;
    let said = include_str!("../data/ten-words.txt").lines().filter(|word| words::CLASSES.contains(word));
    assert_eq!(heard, said.collect::<Vec<_>>());
    Ok(())
}
