//! From sound to words.

use crate::Decision;
use crate::frontend::{CHANNELS, Frontend, STEP, eight_bits};

/// Frames that a network sees: the last second.
pub const FRAMES: usize = 49;

/// The newest frames, the oldest first, as networks take them.
pub type Frames = [[i8; CHANNELS]; FRAMES];

/// Listens for the words among the `N` classes of a network, and decides on them from `K` scores.
#[derive(Debug)]
pub struct Listener<const N: usize, const K: usize> {
    frontend: Frontend,
    frames: Frames,
    /// Frames from one run of the network to the next.
    every: u8,
    /// Frames until it runs.
    wait: u8,
    decision: Decision<N, K>,
}

impl<const N: usize, const K: usize> Listener<N, K> {
    /// Has heard nothing. The network runs after every so many frames, one or more, as soon as there is a second of them.
    pub const fn new(every: u8) -> Self {
        let wait = match (FRAMES as u8).checked_next_multiple_of(every) {
            Some(frames) => frames,
            None => FRAMES as u8,
        };
        Self {
            frontend: Frontend::new(),
            frames: [[i8::MIN; CHANNELS]; FRAMES],
            every,
            wait,
            decision: Decision::new(every),
        }
    }

    /// The features of the frame that the samples complete; none for the first samples ever.
    pub fn hear(&mut self, samples: &[i16; STEP]) -> Option<[u16; CHANNELS]> {
        let features = self.frontend.frame(samples)?;
        self.frames.copy_within(1.., 0);
        self.frames[FRAMES - 1] = features.map(eight_bits);
        self.wait = self.wait.saturating_sub(1);
        Some(features)
    }

    /// The last second. What was not heard yet is silence.
    pub const fn frames(&self) -> &Frames {
        &self.frames
    }

    /// The frames, every time that the network shall run.
    pub fn due(&mut self) -> Option<&Frames> {
        if self.wait > 0 {
            return None;
        }
        self.wait = self.every;
        Some(&self.frames)
    }

    /// The word that is heard now, as a class, given the network's scores.
    pub fn decide(&mut self, scores: &[i8; N]) -> Option<usize> {
        self.decision.hear(scores)
    }
}
