//! Which word was said: the network sees a word for about a second, and its scores come and go.

/// The least mean score of a word that is heard, of 255.
const LEAST: usize = 200;

/// Frames in which nothing is heard after a word, for the network still sees it: 1.3 s.
const PAUSE: u8 = 66;

/// The first classes are no words: silence, and any other word.
const OTHERS: usize = 2;

/// Decides on a word from the last `K` scores of `N` classes. The beginning of a word may be another word, "down" almost "go", but not for
/// so long.
#[derive(Debug)]
pub struct Decision<const N: usize, const K: usize> {
    /// The last scores, in no order.
    scores: [[u8; N]; K],
    next: usize,
    /// Frames from scores to scores.
    every: u8,
    /// Frames in which nothing is heard.
    pause: u8,
}

impl<const N: usize, const K: usize> Decision<N, K> {
    /// Has heard nothing. There are scores after every so many frames, one or more.
    pub const fn new(every: u8) -> Self {
        const { assert!(K > 0, "a decision is made from one score at least") };
        Self { scores: [[0; N]; K], next: 0, every, pause: 0 }
    }

    /// The class of the word that is heard now, given the outputs of one more run of the network.
    pub fn hear(&mut self, outputs: &[i8; N]) -> Option<usize> {
        *self.scores.get_mut(self.next)? = outputs.map(|score| score as u8 ^ 0x80);
        self.next = (self.next + 1) % K;
        self.pause = self.pause.saturating_sub(self.every);
        if self.pause > 0 {
            return None;
        }
        let sum = |class: usize| self.scores.iter().map(|scores| usize::from(scores[class])).sum::<usize>();
        let word = (OTHERS..N).find(|&class| sum(class) >= LEAST * K)?;
        self.pause = PAUSE;
        Some(word)
    }
}
