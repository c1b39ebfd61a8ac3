//! Beam search: the best sequences of tokens, several at a time.
//!
//! ```text
//! log p(sequence) = sum over its tokens of ln softmax(z)[token]
//! score           = log p / length^power
//! ```
//!
//! A step extends every live sequence by every token. Extensions by the end token are finished, and the best `WIDTH` of all
//! finished ones are kept by their score. Of the other extensions, the best `WIDTH` by log p live on. If `WIDTH` covers all
//! sequences, the best one is found; with `WIDTH` 1 it is the greedy search.
//!
//! Tokens are kept once, as a tree: each live sequence of a step has its last token and the place of the one that it continues
//! in the step before.

use super::{EXACT, largest};
use crate::functions::exp_with;
use crate::optimizers::settings;
use crate::{Error, Zeroed};

/// A live sequence: the one that it continues, and its last token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extension {
    /// Its place among the live sequences before the step: copy the network's state from there.
    pub parent: usize,
    /// The token that was appended.
    pub token: usize,
    /// The natural logarithm of the sequence's probability.
    pub log_probability: f32,
}

/// A finished sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    /// The number of tokens, the end token included.
    pub len: usize,
    /// Whether it ends in the end token; otherwise it was cut off at `LEN` tokens.
    pub ended: bool,
    /// The natural logarithm of its probability.
    pub log_probability: f32,
    /// `log_probability / len^power`.
    pub score: f32,
    /// The place of its last token: of the end token's parent if it ended.
    last: usize,
}

/// Keeps the best `WIDTH` sequences of up to `LEN` tokens.
///
/// The network's state for each live sequence is the caller's. One step: run the network on the last token of every live
/// sequence, [`advance`](Beam::advance) with the logits, and copy each new sequence's state from its parent's.
///
/// ```
/// use fusebox::{Error, decoding::Beam};
/// // A model without a state: after each token the same two are likely, and 0 ends.
/// let logits = [[0.0, 1.0, 2.0], [1.5, 0.0, 0.5], [0.0, 3.0, 0.0]];
/// let mut beam = Beam::<3, 4>::new(Some(0), 0.0)?;
/// let mut states = [2; 3]; // the last token; the first is made up
/// while !beam.is_done() {
///     let rows = states.map(|token| logits[token]);
///     let before = states;
///     for (state, live) in states.iter_mut().zip(beam.advance(&rows[..beam.live().len()])?) {
///         _ = before[live.parent]; // where a network's state would be copied from
///         *state = live.token;
///     }
/// }
/// let mut tokens = [0; 4];
/// assert_eq!(beam.tokens(0, &mut tokens), Some(&[1, 0][..]));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Beam<const WIDTH: usize, const LEN: usize> {
    /// Parent and token of each live sequence after each step.
    tree: [[(usize, usize); WIDTH]; LEN],
    steps: usize,
    live: heapless::Vec<Extension, WIDTH>,
    /// Best first.
    finished: heapless::Vec<Finished, WIDTH>,
    end: Option<usize>,
    power: f32,
}

impl<const WIDTH: usize, const LEN: usize> Beam<WIDTH, LEN> {
    /// Before the first token: one live sequence, which is empty. `end` is the token that ends a sequence, if there is one.
    /// `power` is that of the length by which log-probabilities are divided: 0 prefers short sequences, 1 is the mean over the
    /// tokens. Errors if it is negative or not finite.
    ///
    /// ```
    /// use fusebox::decoding::Beam;
    /// assert_eq!(Beam::<2, 8>::new(None, 0.0)?.live().len(), 1);
    /// assert!(Beam::<2, 8>::new(None, -1.0).is_err());
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn new(end: Option<usize>, power: f32) -> Result<Self, Error> {
        const { assert!(WIDTH > 0 && LEN > 0, "a Beam has at least one sequence of one token") }
        settings::not_negative("power", power)?;
        let (live, finished) = (heapless::Vec::new(), heapless::Vec::new());
        let mut beam = Self { tree: Zeroed::ZEROED, steps: 0, live, finished, end, power };
        beam.restart();
        Ok(beam)
    }

    /// Forgets all sequences.
    ///
    /// ```
    /// use fusebox::decoding::Beam;
    /// let mut beam = Beam::<2, 1>::new(None, 0.0)?;
    /// beam.advance(&[[0.0, 1.0]])?;
    /// assert!(beam.is_done());
    /// beam.restart();
    /// assert!(!beam.is_done() && beam.finished().is_empty());
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn restart(&mut self) {
        self.steps = 0;
        self.finished.clear();
        self.live.clear();
        _ = self.live.push(Extension { parent: 0, token: 0, log_probability: 0.0 });
    }

    /// The live sequences, best first. Before the first step, one that is empty, whose `token` is not one of its own.
    pub fn live(&self) -> &[Extension] {
        &self.live
    }

    /// The best finished sequences, best first.
    ///
    /// ```
    /// use fusebox::decoding::Beam;
    /// let mut beam = Beam::<2, 1>::new(Some(1), 0.0)?;
    /// beam.advance(&[[0.0, 0.0]])?;
    /// assert_eq!(beam.finished().iter().map(|sequence| sequence.ended).collect::<Vec<_>>(), [true, false]);
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn finished(&self) -> &[Finished] {
        &self.finished
    }

    /// Whether no further step can change the finished sequences: none lives on, or `WIDTH` are finished and none that
    /// lives can become better than the worst of them.
    pub fn is_done(&self) -> bool {
        let Some(best) = self.live.first() else { return true };
        // Log-probabilities only fall; the longest sequence has the largest divisor.
        let bound = self.score(best.log_probability, LEN);
        self.finished.is_full() && self.finished.last().is_some_and(|worst| worst.score >= bound)
    }

    /// Extends the live sequences by a token, given a row of logits for each in order. Returns those that live now.
    ///
    /// Sequences of `LEN` tokens are finished, and none lives on. Minus infinity excludes a token. Errors, with nothing changed,
    /// if there is another number of rows than of live sequences, a logit is NaN or infinity, or a row has no token left.
    /// Between equal extensions, the one of the earlier sequence is better, then the smaller token.
    pub fn advance<const TOKENS: usize>(&mut self, logits: &[[f32; TOKENS]]) -> Result<&[Extension], Error> {
        let (expected, got) = (self.live.len(), logits.len());
        if expected != got {
            return Err(Error::Rows { expected, got });
        }
        for (row, logits) in logits.iter().enumerate() {
            largest(row, logits)?;
        }
        let mut next = heapless::Vec::new();
        for (parent, logits) in logits.iter().enumerate() {
            self.extend(parent, logits, &mut next);
        }
        let Some(tree) = self.tree.get_mut(self.steps) else { return Ok(&self.live) };
        for (node, live) in tree.iter_mut().zip(&next) {
            *node = (live.parent, live.token);
        }
        self.steps += 1;
        self.live = next;
        if self.steps == LEN {
            for (last, live) in core::mem::take(&mut self.live).iter().enumerate() {
                self.finish(false, last, LEN, live.log_probability);
            }
        }
        Ok(&self.live)
    }

    /// Offers each extension of a live sequence to `next`, or to the finished ones.
    fn extend(&mut self, parent: usize, logits: &[f32], next: &mut heapless::Vec<Extension, WIDTH>) {
        let (Some(live), Ok(largest)) = (self.live.get(parent).copied(), largest(parent, logits)) else {
            return;
        };
        let ln_sum = ln_of_sum(logits, largest);
        for (token, &logit) in logits.iter().enumerate() {
            let log_probability = live.log_probability + ((logit - largest) - ln_sum);
            if log_probability == f32::NEG_INFINITY {
                continue;
            }
            if Some(token) == self.end {
                self.finish(true, parent, self.steps + 1, log_probability);
            } else {
                let extension = Extension { parent, token, log_probability };
                insert(next, extension, |extension| extension.log_probability);
            }
        }
    }

    fn finish(&mut self, ended: bool, last: usize, len: usize, log_probability: f32) {
        let score = self.score(log_probability, len);
        insert(&mut self.finished, Finished { len, ended, log_probability, score, last }, |one| one.score);
    }

    fn score(&self, log_probability: f32, len: usize) -> f32 {
        log_probability / libm::powf(len as f32, self.power)
    }

    /// Overwrites the beginning of `tokens` with those of the finished sequence at `rank`, 0 for the best, and returns them.
    /// `None` if there is no such sequence, or `tokens` is shorter than it.
    pub fn tokens<'a>(&self, rank: usize, tokens: &'a mut [usize]) -> Option<&'a [usize]> {
        let finished = self.finished.get(rank)?;
        let tokens = tokens.get_mut(..finished.len)?;
        let mut rest = &mut *tokens;
        if finished.ended {
            let (last, before) = rest.split_last_mut()?;
            *last = self.end?;
            rest = before;
        }
        self.walk(finished.last, rest);
        Some(tokens)
    }

    /// [`Beam::tokens`] of a live sequence: what it has so far.
    ///
    /// ```
    /// use fusebox::decoding::Beam;
    /// let mut beam = Beam::<1, 4>::new(None, 0.0)?;
    /// beam.advance(&[[0.0, 1.0]])?;
    /// beam.advance(&[[2.0, 1.0]])?;
    /// assert_eq!(beam.live_tokens(0, &mut [9; 4]), Some(&[1, 0][..]));
    /// # Ok::<(), fusebox::Error>(())
    /// ```
    pub fn live_tokens<'a>(&self, rank: usize, tokens: &'a mut [usize]) -> Option<&'a [usize]> {
        self.live.get(rank)?;
        let tokens = tokens.get_mut(..self.steps)?;
        self.walk(rank, tokens);
        Some(tokens)
    }

    /// Overwrites `tokens` with those of the sequence that was at place `last` after so many steps.
    fn walk(&self, mut last: usize, tokens: &mut [usize]) {
        for (token, nodes) in tokens.iter_mut().zip(&self.tree).rev() {
            if let Some(&node) = nodes.get(last) {
                (last, *token) = node;
            }
        }
    }
}

/// Inserts `new` behind those that are not worse; the worst of a full list falls out.
fn insert<T: Copy, const N: usize>(list: &mut heapless::Vec<T, N>, new: T, value: fn(&T) -> f32) {
    if list.is_full() {
        if list.last().is_some_and(|worst| value(worst) >= value(&new)) {
            return;
        }
        _ = list.pop();
    }
    _ = list.push(new);
    let mut rest = list.as_mut_slice();
    while let [before @ .., last] = rest {
        match before.last_mut() {
            Some(worse) if value(worse) < value(last) => core::mem::swap(worse, last),
            _ => break,
        }
        rest = before;
    }
}

/// ln sum exp(x - largest), in sixteen lanes and a fixed tree.
fn ln_of_sum(xs: &[f32], largest: f32) -> f32 {
    let mut sums = [0.0_f32; 16];
    let mut rest = xs;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(16));
        let mut powers = [f32::NEG_INFINITY; 16];
        for (power, x) in powers.iter_mut().zip(part) {
            *power = x - largest;
        }
        exp_with(EXACT, &mut powers);
        for (sum, power) in sums.iter_mut().zip(powers) {
            *sum += power;
        }
        rest = after;
    }
    let [mut eights, others] =
        [sums.first_chunk::<8>(), sums.last_chunk::<8>()].map(|half| half.copied().unwrap_or_default());
    for (sum, other) in eights.iter_mut().zip(others) {
        *sum += other;
    }
    let [a, b, c, d, e, f, g, h] = eights;
    libm::logf(((a + e) + (c + g)) + ((b + f) + (d + h)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use std::vec;
    use std::vec::Vec;

    const TOKENS: usize = 3;
    const END: usize = 2;
    const LEN: usize = 4;
    /// No more sequences of four tokens of two kinds live.
    const ALL: usize = 16;

    /// A model whose state is the last two tokens.
    type Model = [[[f32; TOKENS]; TOKENS]; TOKENS];

    fn model(rng: &mut Rng) -> Model {
        let mut model = [[[0.0; TOKENS]; TOKENS]; TOKENS];
        model.as_flattened_mut().as_flattened_mut().fill_with(|| 2.0 * rng.normal());
        model
    }

    /// Every finished sequence and its log-probability.
    fn all(model: &Model, start: &[usize], log_probability: f32, found: &mut Vec<(Vec<usize>, f32)>) {
        let at = |back: usize| start.len().checked_sub(back).map_or(0, |i| start[i]);
        let row = &model[at(2)][at(1)];
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for token in 0..TOKENS {
            let sequence = [start, &[token]].concat();
            let log_probability = log_probability + ((row[token] - largest) - ln_of_sum(row, largest));
            if token == END || sequence.len() == LEN {
                found.push((sequence, log_probability));
            } else {
                all(model, &sequence, log_probability, found);
            }
        }
    }

    /// What the beam of a width finds: tokens, log-probability and score. States are copied as its documentation says.
    fn search<const WIDTH: usize>(model: &Model, power: f32) -> Vec<(Vec<usize>, f32, f32)> {
        let mut beam = Beam::<WIDTH, LEN>::new(Some(END), power).expect("a power");
        let mut states = vec![[0, 0]];
        while !beam.is_done() {
            let rows: Vec<[f32; TOKENS]> = states.iter().map(|&[first, last]| model[first][last]).collect();
            let live = beam.advance(&rows).expect("rows");
            states = live.iter().map(|live| [states[live.parent][1], live.token]).collect();
            for (rank, state) in states.iter().enumerate() {
                let mut tokens = [9; LEN];
                let tokens = beam.live_tokens(rank, &mut tokens).expect("a live sequence");
                assert!([&[0, 0], tokens].concat().ends_with(state), "{tokens:?}, {state:?}");
            }
        }
        let of = |(rank, one): (usize, &Finished)| {
            let mut tokens = [9; LEN];
            let tokens = beam.tokens(rank, &mut tokens).expect("a finished sequence");
            assert_eq!((tokens.len(), tokens.last() == Some(&END)), (one.len, one.ended));
            (tokens.to_vec(), one.log_probability, one.score)
        };
        beam.finished().iter().enumerate().map(of).collect()
    }

    /// With room for all, the best sixteen of all 31 sequences, to the bit.
    #[test]
    fn a_wide_beam_finds_the_best_of_all() {
        let mut rng = Rng::new(5);
        for _ in 0..300 {
            let model = model(&mut rng);
            for power in [0.0, 0.7, 1.0] {
                let mut found = Vec::new();
                all(&model, &[], 0.0, &mut found);
                assert_eq!(found.len(), 31);
                let score = |(tokens, p): (Vec<usize>, f32)| {
                    let score = p / libm::powf(tokens.len() as f32, power);
                    (tokens, p, score)
                };
                let mut best: Vec<_> = found.into_iter().map(score).collect();
                best.sort_by(|a, b| b.2.total_cmp(&a.2));
                let got = search::<ALL>(&model, power);
                // Two sequences may have the same score.
                assert!(
                    got.iter().map(|one| one.2).eq(best[..ALL].iter().map(|one| one.2)),
                    "{got:?}, {best:?}"
                );
                for (i, one) in got.iter().enumerate() {
                    assert!(best.contains(one) && !got[..i].contains(one), "{one:?}, {best:?}");
                }
            }
        }
    }

    /// A narrow beam finds no better, and a beam of one the greedy sequence unless an end was better.
    #[test]
    fn narrow_beams() {
        let mut rng = Rng::new(6);
        for _ in 0..300 {
            let model = model(&mut rng);
            let best = search::<ALL>(&model, 0.0)[0].2;
            let [one, two] = [search::<1>(&model, 0.0), search::<2>(&model, 0.0)].map(|found| found[0].2);
            assert!(one <= best && two <= best, "{one}, {two}, {best}");
            let (mut found, mut state, mut greedy) = (Vec::new(), [0, 0], 0.0);
            for len in 1..=LEN {
                let row = &model[state[0]][state[1]];
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let after = |token: usize| greedy + ((row[token] - largest) - ln_of_sum(row, largest));
                found.push(after(END));
                let token = usize::from(row[1] > row[0]);
                (state, greedy) = ([state[1], token], after(token));
                if len == LEN {
                    found.push(greedy);
                }
            }
            assert_eq!(one, found.into_iter().fold(f32::NEG_INFINITY, f32::max));
        }
    }

    #[test]
    fn the_sum_is_within_its_roundings() {
        let mut rng = Rng::new(7);
        for n in (1..70).chain([1000]) {
            let xs: Vec<f32> = (0..n).map(|_| 3.0 * rng.normal()).collect();
            let largest = xs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exact = xs.iter().map(|&x| (f64::from(x) - f64::from(largest)).exp()).sum::<f64>().ln();
            let error = (f64::from(ln_of_sum(&xs, largest)) - exact).abs();
            // A distance of up to 30 is off by 30 u, a power by 2 u, each lane's sum by n / 16 u, the logarithm by an ulp.
            let bound = (40.0 + n as f64 / 16.0 + 2.0 * exact) * f64::from(f32::EPSILON) / 2.0;
            assert!(error <= bound, "{n}: {error:e}, {bound:e}");
        }
    }

    #[test]
    fn ties_and_exclusions() {
        let mut beam = Beam::<3, 2>::new(None, 0.0).expect("a power");
        let live = beam.advance(&[[0.0, f32::NEG_INFINITY, 0.0]]).expect("a row").to_vec();
        assert_eq!(live.iter().map(|live| live.token).collect::<Vec<_>>(), [0, 2]);
        beam.advance(&[[0.0; 3], [0.0; 3]]).expect("two rows");
        let mut tokens = [[9; 2]; 3];
        for (rank, tokens) in tokens.iter_mut().enumerate() {
            beam.tokens(rank, tokens).expect("a sequence");
        }
        assert_eq!(tokens, [[0, 0], [0, 1], [0, 2]]);
        assert!(beam.is_done() && beam.live().is_empty());
        assert_eq!(beam.advance::<3>(&[]).map(<[_]>::len), Ok(0));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut beam = Beam::<2, 3>::new(Some(0), 1.0).expect("a power");
        beam.advance(&[[0.0, 1.0, 2.0]]).expect("a row");
        let (live, finished) = (beam.live().to_vec(), beam.finished().to_vec());
        assert_eq!(beam.advance(&[[0.0; 3]]), Err(Error::Rows { expected: 2, got: 1 }));
        let error = beam.advance(&[[0.0; 3], [0.0, 1.0, f32::NAN]]);
        assert!(matches!(error, Err(Error::NotFinite { row: 1, feature: 2, .. })), "{error:?}");
        assert_eq!(beam.advance(&[[0.0; 3], [f32::NEG_INFINITY; 3]]), Err(Error::Empty));
        assert_eq!((beam.live(), beam.finished()), (&live[..], &finished[..]));
        assert_eq!((beam.tokens(5, &mut [0; 3]), beam.live_tokens(0, &mut [])), (None, None));
        for power in [-1.0, f32::NAN, f32::INFINITY] {
            assert!(matches!(Beam::<1, 1>::new(None, power), Err(Error::Setting { name: "power", .. })));
        }
    }
}
