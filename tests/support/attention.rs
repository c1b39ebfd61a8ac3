//! Layers of transformers as plain loops over one row, whose numbers are frame after frame.

use super::bounded::Real;
use super::composed::Terms;
use super::reference_net::exponentials;

/// The keys that a query sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sees {
    All,
    /// Those up to its own position.
    Past,
    /// Those that are not zeros together with their values; none, if the query is zeros.
    Present,
}

/// o_i = sum_j p_ij v_j, p_i = softmax(q_i . k_j / sqrt(head)), for each head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) heads: usize,
    pub(crate) head: usize,
    pub(crate) groups: usize,
    /// Whether keys and values are frames of their own, after all queries; else each frame has one of each.
    pub(crate) cross: bool,
    pub(crate) sees: Sees,
}

/// What a head makes of a query.
struct Weights<R> {
    /// Where the query's numbers are.
    query: usize,
    /// Where those of each key and of its value are, if the query sees it, and its weight.
    seen: Vec<([usize; 2], R)>,
    /// Before these weights are divided by their sum: one over that sum.
    reciprocal: R,
}

impl Attention {
    fn stride(&self) -> usize {
        let shared = 2 * self.groups * self.head;
        if self.cross { shared } else { self.heads * self.head + shared }
    }

    /// Where the numbers of a query are.
    fn query(&self, i: usize, head: usize) -> usize {
        let stride = if self.cross { self.heads * self.head } else { self.stride() };
        i * stride + head * self.head
    }

    /// Where those of a key and a value are.
    fn key_and_value(&self, j: usize, head: usize) -> [usize; 2] {
        let before = if self.cross { self.queries } else { 1 } * self.heads * self.head;
        let group = head / (self.heads / self.groups);
        let key = before + j * self.stride() + group * self.head;
        [key, key + self.groups * self.head]
    }

    fn scale<R: Real>(&self) -> R {
        R::exact(1.0) / R::exact(self.head as f32).sqrt()
    }

    fn weights<R: Real>(&self, x: &[R], i: usize, head: usize) -> Weights<R> {
        let query = self.query(i, head);
        let of = |at: usize| &x[at..at + self.head];
        let absent = |at| of(at).iter().all(|x| x.value() == 0.0);
        let seen: Vec<[usize; 2]> = (0..self.keys)
            .filter(|&j| self.sees != Sees::Past || j <= i)
            .map(|j| self.key_and_value(j, head))
            .filter(|&kv| self.sees != Sees::Present || !absent(query) && !kv.into_iter().all(absent))
            .collect();
        if seen.is_empty() {
            return Weights { query, seen: vec![], reciprocal: R::exact(0.0) };
        }
        let score = |&[key, _]: &[usize; 2]| dot(of(query), of(key)) * self.scale();
        let (powers, _, sum) = exponentials(&seen.iter().map(score).collect::<Vec<R>>());
        let seen = std::iter::zip(seen, powers).collect();
        Weights { query, seen, reciprocal: R::exact(1.0) / sum }
    }

    fn output<R: Real>(&self, x: &[R], weights: &Weights<R>) -> Vec<R> {
        let number = |c| R::sum(weights.seen.iter().map(|&([_, value], p)| p * x[value + c]));
        (0..self.head).map(|c| number(c) * weights.reciprocal).collect()
    }

    /// Each query of each head.
    fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        let heads = self.heads;
        (0..self.queries).flat_map(move |i| (0..heads).map(move |head| (i, head)))
    }

    pub(crate) fn forward<R: Real>(&self, x: &[R]) -> Vec<R> {
        self.all().flat_map(|(i, head)| self.output(x, &self.weights(x, i, head))).collect()
    }

    pub(crate) fn backward<R: Real>(&self, x: &[R], dy: &[R]) -> Vec<R> {
        let mut dx: Terms<R> = vec![vec![]; x.len()];
        let of = |at: usize| &x[at..at + self.head];
        for ((i, head), dy) in self.all().zip(dy.chunks(self.head)) {
            let weights = self.weights(x, i, head);
            let of_output = dot(dy, &self.output(x, &weights));
            for &([key, value], power) in &weights.seen {
                let p = power * weights.reciprocal;
                let ds = p * self.scale() * (dot(dy, of(value)) - of_output);
                for c in 0..self.head {
                    dx[value + c].push(p * dy[c]);
                    dx[key + c].push(ds * x[weights.query + c]);
                    dx[weights.query + c].push(ds * x[key + c]);
                }
            }
        }
        dx.into_iter().map(R::sum).collect()
    }
}

fn dot<R: Real>(xs: &[R], ys: &[R]) -> R {
    R::sum(std::iter::zip(xs, ys).map(|(&x, &y)| x * y))
}

/// Pair i of the first `rotated` numbers of each of the first heads of a frame, turned by the angle `t base^(-2 i / rotated)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotary {
    /// Numbers of a frame.
    pub(crate) frame: usize,
    pub(crate) heads: usize,
    pub(crate) head: usize,
    pub(crate) rotated: usize,
    pub(crate) base: u32,
    /// Whether a pair's numbers are beside each other; else half of the rotated numbers apart.
    pub(crate) neighbours: bool,
}

impl Rotary {
    /// With `sign` -1 the opposite rotation, which is the gradient.
    pub(crate) fn turned<R: Real>(&self, x: &[R], sign: f32) -> Vec<R> {
        let mut y = x.to_vec();
        let pairs = self.rotated / 2;
        for (t, frame) in y.chunks_mut(self.frame).enumerate() {
            for (head, i) in (0..self.heads).flat_map(|head| (0..pairs).map(move |i| (head, i))) {
                let (a, b) = if self.neighbours { (2 * i, 2 * i + 1) } else { (i, pairs + i) };
                let [a, b] = [a, b].map(|at| head * self.head + at);
                let angle = t as f64 * f64::from(self.base).powf(-2.0 * i as f64 / self.rotated as f64);
                let (c, s) = (constant::<R>(angle.cos()), constant::<R>(angle.sin()) * R::exact(sign));
                (frame[a], frame[b]) = (frame[a] * c - frame[b] * s, frame[b] * c + frame[a] * s);
            }
        }
        y
    }
}

/// A number that an `f32` holds rounded: a sum of two that are exact.
fn constant<R: Real>(x: f64) -> R {
    let rounded = x as f32;
    R::exact(rounded) + R::exact((x - f64::from(rounded)) as f32)
}

/// Whether a frame is of zeros.
pub(crate) fn absent<R: Real>(frame: &[R]) -> bool {
    frame.iter().all(|x| x.value() == 0.0)
}
