//! Words spoken by espeak-ng: its English accents, each in many voices.

use crate::Failure;
use fusebox::Rng;
use keywords::frontend::RATE;
use std::process::Command;

/// Words of which the network shall know only that they are others.
const OTHERS: [&str; 20] = [
    "bed", "bird", "cat", "dog", "eight", "five", "four", "happy", "house", "marvin", "nine", "one", "seven",
    "sheila", "six", "three", "tree", "two", "wow", "zero",
];
const ACCENTS: [&str; 6] = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029"];
/// Of espeak-ng.
const ESPEAK_RATE: usize = 22_050;
/// Louder than the silence between words.
const AUDIBLE: u16 = 60;
/// Between words at least.
const PAUSE: usize = ESPEAK_RATE * 3 / 10;

/// A word, at 16 kHz, and its class.
pub(crate) struct Utterance {
    pub(crate) samples: Vec<f32>,
    pub(crate) label: u8,
}

/// The names of espeak-ng's voices that are variants of others: for training, and every fifth for the test.
pub(crate) fn voices() -> Result<[Vec<String>; 2], Failure> {
    let output = Command::new("espeak-ng").arg("--voices=variant").output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut names: Vec<_> =
        text.split_whitespace().filter_map(|word| word.strip_prefix("!v/")).map(str::to_owned).collect();
    names.sort();
    let mut voices = [Vec::new(), Vec::new()];
    for (i, name) in names.into_iter().enumerate() {
        voices[usize::from(i % 5 == 2)].push(name);
    }
    Ok(voices)
}

/// All words by a voice, with an accent, a pitch and a speed by chance. None if they cannot be told apart.
pub(crate) fn speak(voice: &str, rng: &mut Rng) -> Result<Vec<Utterance>, Failure> {
    let words: Vec<_> = keywords::words::CLASSES[2..].iter().chain(&OTHERS).copied().collect();
    let accent = ACCENTS[rng.below(ACCENTS.len() as u32) as usize];
    let output = Command::new("espeak-ng")
        .args(["-m", "--stdout", "-v", &format!("{accent}+{voice}")])
        .args(["-p", &(25 + rng.below(50)).to_string(), "-s", &(115 + rng.below(80)).to_string()])
        .arg(words.join(" <break time='600ms'/> "))
        .output()?;
    // A header of 44 bytes.
    let sound = output.stdout.get(44..).ok_or("espeak-ng wrote no sound")?;
    let samples: Vec<_> = sound.as_chunks().0.iter().map(|&sample| i16::from_le_bytes(sample)).collect();
    let spoken = split(&samples);
    if spoken.len() != words.len() {
        return Ok(Vec::new());
    }
    let label =
        |word: &str| keywords::words::CLASSES.iter().position(|&class| class == word).unwrap_or(1) as u8;
    let utterance =
        |(samples, word): (&&[i16], &&str)| Utterance { samples: resample(samples), label: label(word) };
    Ok(spoken.iter().zip(&words).map(utterance).collect())
}

/// The parts between pauses.
fn split(samples: &[i16]) -> Vec<&[i16]> {
    let mut parts = Vec::new();
    let mut part: Option<[usize; 2]> = None;
    for (i, sample) in samples.iter().enumerate() {
        if sample.unsigned_abs() > AUDIBLE {
            part = Some([part.map_or(i, |[start, _]| start), i + 1]);
        } else if let Some([start, end]) = part
            && i - end > PAUSE
        {
            parts.push(&samples[start..end]);
            part = None;
        }
    }
    parts.extend(part.map(|[start, end]| &samples[start..end]));
    parts
}

/// To 16 kHz: a sinc of 16 zeros to both sides that cuts at 8 kHz, windowed by a raised cosine.
fn resample(samples: &[i16]) -> Vec<f32> {
    use std::f32::consts::PI;
    const REACH: f32 = 16.0 * ESPEAK_RATE as f32 / RATE as f32;
    let size = samples.len() * RATE / ESPEAK_RATE;
    let at = |i: usize| {
        let centre = i as f32 * ESPEAK_RATE as f32 / RATE as f32;
        let (first, last) =
            ((centre - REACH).max(0.0).ceil() as usize, ((centre + REACH) as usize).min(samples.len() - 1));
        let weight = |from: usize| {
            let (x, all) = (
                (from as f32 - centre) * RATE as f32 / ESPEAK_RATE as f32 * PI,
                (from as f32 - centre) / REACH,
            );
            let sinc = if x.abs() < 1e-3 { 1.0 } else { x.sin() / x };
            sinc * (0.5 + 0.5 * (PI * all).cos()) * RATE as f32 / ESPEAK_RATE as f32
        };
        (first..=last).map(|from| f32::from(samples[from]) * weight(from)).sum()
    };
    (0..size).map(at).collect()
}
