//! What a microphone hears: a second with a word or without, after what came before, over noise.

use crate::voices::Utterance;
use fusebox::Rng;
use keywords::frontend::{CHANNELS, RATE, STEP};
use keywords::words::COUNT;
use keywords::{FRAMES, Listener};

/// As the network takes it.
pub(crate) type Picture = [[[f32; 1]; CHANNELS]; FRAMES];

/// Samples before the second that the network sees: the frontend gets used to the noise, and perhaps another word is said.
const BEFORE: usize = RATE;
const ALL: usize = BEFORE + STEP * (FRAMES + 1);

/// The features of a word over noise, or of noise alone, after one word and before another. The word lies anywhere in the second, up to a
/// fifth of it outside; of the one before, up to a fifth is inside, and of the one after, the first half at most.
pub(crate) fn picture([before, word, after]: [Option<&Utterance>; 3], rng: &mut Rng) -> Picture {
    const SEEN: f32 = BEFORE as f32;
    const END: f32 = ALL as f32;
    let mut sound = noise(rng);
    let mut say = |word: Option<&Utterance>, [first, size]: [f32; 2], [last, part]: [f32; 2]| {
        if let Some(word) = word {
            let all = word.samples.len() as f32;
            let (first, last) = (first - size * all, last - part * all);
            let start = (first + (last - first) * rng.uniform()) as isize;
            add(word, start, 0.15 * 8_f32.powf(rng.uniform()), &mut sound);
        }
    };
    say(before, [-0.3 * SEEN, 0.0], [SEEN, 0.8]);
    say(word, [SEEN, 0.2], [END, 0.8]);
    say(after, [END, 0.5], [END, 0.0]);
    features(&sound)
}

/// Noise, more or less of it and sometimes none, between white and without its high frequencies, and perhaps a hum.
fn noise(rng: &mut Rng) -> Vec<f32> {
    let loudness = if rng.below(8) == 0 { 0.0 } else { 3.0 * 200_f32.powf(rng.uniform()) };
    let smooth = 0.9 * rng.uniform();
    let (hum, pitch) = (loudness * rng.uniform(), 0.02 + 0.1 * rng.uniform());
    let mut last = 0.0;
    let sample = |i| {
        last = smooth * last + (1.0 - smooth) * rng.normal();
        loudness * last + hum * (pitch * i as f32).sin()
    };
    (0..ALL).map(sample).collect()
}

/// Adds an utterance at a place, which may be outside.
fn add(utterance: &Utterance, start: isize, loudness: f32, sound: &mut [f32]) {
    for (place, sample) in (start..).zip(&utterance.samples) {
        if let Some(sum) = usize::try_from(place).ok().and_then(|place| sound.get_mut(place)) {
            *sum += loudness * sample;
        }
    }
}

/// Of the last second.
fn features(sound: &[f32]) -> Picture {
    let mut listener = Listener::<COUNT, 1>::new(1);
    for samples in sound.as_chunks().0 {
        listener.hear(&samples.map(|sample| sample as i16));
    }
    listener.frames().map(|frame| frame.map(|feature| [f32::from(feature) / 128.0]))
}
