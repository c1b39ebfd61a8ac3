//! Compositions of layers as plain loops over one row: what they mean.
//!
//! A network is a tree. Its parameters are a row of numbers, in the order in which the crate's types hold them. A gradient is
//! returned as the terms that it is the sum of, which are summed last, over positions, places and rows together: whatever
//! the order in which a kernel sums them, the bound of that sum holds.

use super::attention::{self, absent};
use super::bounded::Real;
use super::reference_net::{self as plain, Bend, Layer};
use fusebox::Rng;

/// A network.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A layer that is made of no others.
    Leaf(Layer),
    /// y = x.
    Same,
    /// y = x_start, .., x_(start + len - 1).
    Columns {
        start: usize,
        len: usize,
    },
    /// y = x / max, of whole numbers, which have no gradient.
    Pixels {
        max: u32,
    },
    /// y = the rows of the weights that the tokens x name, zeros where there is none; parameters the weights, row after row.
    Embedding {
        tokens: usize,
        width: usize,
    },
    /// y_t = x_t + w_t, zeros where x_t is; parameters w.
    Positions {
        frames: usize,
        width: usize,
    },
    Rotary(attention::Rotary),
    Attention(attention::Attention),
    /// y = the mean of so many frames.
    Mean {
        frames: usize,
    },
    /// y = f(x), zeros where x is.
    Present(Box<Tree>),
    /// y_t = W middle(x)_t, x being rows of W; parameters W, those of the middle.
    TiedEmbedding {
        tokens: usize,
        width: usize,
        middle: Box<Tree>,
    },
    /// One after the other.
    Chain(Vec<Tree>),
    /// y = x + f(x).
    Residual(Box<Tree>),
    /// So many in a row, each with parameters of its own.
    Repeat(usize, Box<Tree>),
    /// The same at each of so many positions.
    Each(usize, Box<Tree>),
    /// y = a(x) + b(x).
    Sum(Box<Tree>, Box<Tree>),
    /// y = a(x), b(x).
    Concat(Box<Tree>, Box<Tree>),
    /// y = middle(f(x W + b)) W^T + c; parameters W, b, those of the middle, c.
    Tied {
        inputs: usize,
        hidden: usize,
        bend: Bend,
        middle: Box<Tree>,
    },
    /// y = head(body(x)); the body's parameters stay, the head's are the parameters.
    Frozen {
        body: Box<Tree>,
        stays: Vec<f32>,
        head: Box<Tree>,
    },
}

pub(crate) fn dense(inputs: usize, outputs: usize, bend: Bend) -> Tree {
    Tree::Leaf(Layer::Dense { inputs, outputs, bend })
}

pub(crate) fn norm(n: usize) -> Tree {
    Tree::Leaf(Layer::Norm(n))
}

pub(crate) fn chain<const N: usize>(layers: [Tree; N]) -> Tree {
    Tree::Chain(layers.into())
}

pub(crate) fn residual(layer: Tree) -> Tree {
    Tree::Residual(layer.into())
}

pub(crate) fn repeat(n: usize, block: Tree) -> Tree {
    Tree::Repeat(n, block.into())
}

pub(crate) fn each(positions: usize, layer: Tree) -> Tree {
    Tree::Each(positions, layer.into())
}

pub(crate) fn sum(first: Tree, second: Tree) -> Tree {
    Tree::Sum(first.into(), second.into())
}

pub(crate) fn concat(first: Tree, second: Tree) -> Tree {
    Tree::Concat(first.into(), second.into())
}

pub(crate) fn tied(inputs: usize, hidden: usize, bend: Bend, middle: Tree) -> Tree {
    Tree::Tied { inputs, hidden, bend, middle: middle.into() }
}

/// For each parameter, what its gradient is the sum of.
pub(crate) type Terms<R> = Vec<Vec<R>>;

/// One term for each.
fn single<R>(gradient: Vec<R>) -> Terms<R> {
    gradient.into_iter().map(|x| vec![x]).collect()
}

/// The terms of all, parameter by parameter.
fn together<R>(all: impl IntoIterator<Item = Terms<R>>) -> Terms<R> {
    let mut all = all.into_iter();
    let mut terms = all.next().unwrap_or_default();
    for more in all {
        assert_eq!(terms.len(), more.len(), "gradients of the same parameters");
        for (terms, more) in terms.iter_mut().zip(more) {
            terms.extend(more);
        }
    }
    terms
}

/// The gradient whose terms are given.
pub(crate) fn summed<R: Real>(terms: &Terms<R>) -> Vec<R> {
    terms.iter().map(|terms| R::sum(terms.iter().copied())).collect()
}

fn added<R: Real>(xs: Vec<R>, ys: &[R]) -> Vec<R> {
    assert_eq!(xs.len(), ys.len(), "outputs that are alike");
    std::iter::zip(xs, ys).map(|(x, &y)| x + y).collect()
}

fn dot<R: Real>(xs: &[R], ys: &[R]) -> R {
    R::sum(std::iter::zip(xs, ys).map(|(&x, &y)| x * y))
}

/// The row of a token; zeros if there is none.
fn row_of<R: Real>(weight: &[R], width: usize, token: &R) -> Vec<R> {
    let row = weight.chunks(width).nth(token.value() as usize);
    row.map_or_else(|| vec![R::exact(0.0); width], <[R]>::to_vec)
}

/// The rows of IN numbers of a matrix.
fn transposed_product<R: Real>(matrix: &[R], cols: usize, xs: &[R]) -> Vec<R> {
    (0..cols).map(|j| R::sum(xs.iter().enumerate().map(|(i, &x)| x * matrix[i * cols + j]))).collect()
}

impl Tree {
    /// How many numbers it learns.
    pub(crate) fn parameters(&self) -> usize {
        match self {
            Self::Leaf(layer) => layer.parameters(),
            Self::Same | Self::Columns { .. } | Self::Pixels { .. } => 0,
            Self::Rotary(_) | Self::Attention(_) | Self::Mean { .. } => 0,
            Self::Embedding { tokens, width } => tokens * width,
            Self::Positions { frames, width } => frames * width,
            Self::TiedEmbedding { tokens, width, middle } => tokens * width + middle.parameters(),
            Self::Chain(layers) => layers.iter().map(Self::parameters).sum(),
            Self::Residual(layer) | Self::Each(_, layer) | Self::Present(layer) => layer.parameters(),
            Self::Repeat(n, block) => n * block.parameters(),
            Self::Sum(first, second) | Self::Concat(first, second) => {
                first.parameters() + second.parameters()
            }
            Self::Tied { inputs, hidden, middle, .. } => (inputs + 1) * hidden + middle.parameters() + inputs,
            Self::Frozen { head, .. } => head.parameters(),
        }
    }

    /// Parameters with which signals keep about their size.
    pub(crate) fn random(&self, rng: &mut Rng) -> Vec<f32> {
        let mut within = |count: usize, least: f32, most: f32| -> Vec<f32> {
            (0..count).map(|_| least + (most - least) * rng.uniform()).collect()
        };
        let mut matrix = |inputs: usize, outputs: usize| {
            let most = 1.5 / (inputs.max(1) as f32).sqrt();
            within(inputs * outputs, -most, most)
        };
        match self {
            Self::Leaf(Layer::Dense { inputs, outputs, .. }) => {
                [matrix(*inputs, *outputs), within(*outputs, -1.0, 1.0)].concat()
            }
            Self::Leaf(Layer::Norm(n)) => [within(*n, 0.5, 1.5), within(*n, -1.0, 1.0)].concat(),
            Self::Leaf(layer) => within(layer.parameters(), -1.0, 1.0),
            Self::Same | Self::Columns { .. } | Self::Pixels { .. } => vec![],
            Self::Rotary(_) | Self::Attention(_) | Self::Mean { .. } => vec![],
            Self::Embedding { tokens, width } => within(tokens * width, -1.5, 1.5),
            Self::Positions { frames, width } => within(frames * width, -0.5, 0.5),
            Self::TiedEmbedding { tokens, width, middle } => {
                [within(tokens * width, -1.5, 1.5), middle.random(rng)].concat()
            }
            Self::Chain(layers) => layers.iter().flat_map(|layer| layer.random(rng)).collect(),
            Self::Residual(layer) | Self::Each(_, layer) | Self::Present(layer) => layer.random(rng),
            Self::Repeat(n, block) => (0..*n).flat_map(|_| block.random(rng)).collect(),
            Self::Sum(first, second) | Self::Concat(first, second) => {
                [first.random(rng), second.random(rng)].concat()
            }
            Self::Tied { inputs, hidden, middle, .. } => {
                let start = [matrix(*inputs, *hidden), within(*hidden, -1.0, 1.0)].concat();
                let out_bias = within(*inputs, -1.0, 1.0);
                [start, middle.random(rng), out_bias].concat()
            }
            Self::Frozen { head, .. } => head.random(rng),
        }
    }

    /// The output for a row.
    pub(crate) fn forward<R: Real>(&self, p: &[R], x: &[R]) -> Vec<R> {
        match self {
            Self::Leaf(layer) => plain::forward(std::slice::from_ref(layer), p, x),
            Self::Same => x.to_vec(),
            Self::Columns { start, len } => x[*start..start + len].to_vec(),
            Self::Pixels { max } => x.iter().map(|&x| x / R::exact(*max as f32)).collect(),
            Self::Embedding { width, .. } => x.iter().flat_map(|token| row_of(p, *width, token)).collect(),
            Self::Positions { width, .. } => {
                let frames = std::iter::zip(x.chunks(*width), p.chunks(*width));
                frames.flat_map(|(x, w)| if absent(x) { x.to_vec() } else { added(x.to_vec(), w) }).collect()
            }
            Self::Rotary(rotary) => rotary.turned(x, 1.0),
            Self::Attention(attention) => attention.forward(x),
            Self::Mean { frames } => {
                let (width, count) = (x.len() / frames, R::exact(*frames as f32));
                let column = |c| x.iter().skip(c).step_by(width).copied();
                (0..width).map(|c| R::sum(column(c)) * (R::exact(1.0) / count)).collect()
            }
            Self::Present(layer) => {
                let y = layer.forward(p, x);
                if absent(x) { vec![R::exact(0.0); y.len()] } else { y }
            }
            Self::TiedEmbedding { middle, width, .. } => {
                let (embedding, weight, own) = self.of_tied_embedding(p);
                let m = middle.forward(own, &embedding.forward(weight, x));
                let rows = |m: &[R]| -> Vec<R> { weight.chunks(*width).map(|w| dot(m, w)).collect() };
                m.chunks(*width).flat_map(rows).collect()
            }
            Self::Chain(layers) => {
                let (mut p, mut x) = (p, x.to_vec());
                for layer in layers {
                    let (own, rest) = p.split_at(layer.parameters());
                    (p, x) = (rest, layer.forward(own, &x));
                }
                x
            }
            Self::Residual(layer) => added(layer.forward(p, x), x),
            Self::Repeat(n, block) => self.blocks(*n, block).forward(p, x),
            Self::Each(positions, layer) => {
                x.chunks(x.len() / positions).flat_map(|x| layer.forward(p, x)).collect()
            }
            Self::Sum(first, second) => {
                let (a, b) = p.split_at(first.parameters());
                added(first.forward(a, x), &second.forward(b, x))
            }
            Self::Concat(first, second) => {
                let (a, b) = p.split_at(first.parameters());
                [first.forward(a, x), second.forward(b, x)].concat()
            }
            Self::Tied { inputs, hidden, bend, middle } => {
                let (into, own, out_bias) = self.of_tied(p);
                let h = dense(*inputs, *hidden, *bend).forward(into, x);
                let m = middle.forward(own, &h);
                let row = |(i, &c): (usize, &R)| {
                    let products = std::iter::zip(&into[i * hidden..], &m).map(|(&w, &m)| w * m);
                    R::sum(std::iter::once(c).chain(products))
                };
                out_bias.iter().enumerate().map(row).collect()
            }
            Self::Frozen { body, stays, head } => head.forward(p, &body.forward(&exact::<R>(stays), x)),
        }
    }

    /// The gradient with respect to a row, and the terms of that with respect to the parameters, given that with respect to
    /// the output.
    pub(crate) fn backward<R: Real>(&self, p: &[R], x: &[R], dy: &[R]) -> (Vec<R>, Terms<R>) {
        let none = || vec![R::exact(0.0); x.len()];
        match self {
            Self::Leaf(layer) => {
                let (dx, dp) = plain::backward(std::slice::from_ref(layer), p, x, dy);
                (dx, single(dp))
            }
            Self::Same => (dy.to_vec(), vec![]),
            Self::Columns { start, len } => {
                let mut dx = none();
                dx[*start..start + len].copy_from_slice(dy);
                (dx, vec![])
            }
            Self::Pixels { .. } => (none(), vec![]),
            Self::Embedding { width, .. } => {
                let mut terms = vec![vec![]; p.len()];
                for (token, dy) in x.iter().zip(dy.chunks(*width)) {
                    for (terms, &dy) in terms.iter_mut().skip(token.value() as usize * width).zip(dy) {
                        terms.push(dy);
                    }
                }
                (none(), terms)
            }
            Self::Positions { width, .. } => {
                let kept =
                    |(x, dy): (&[R], &[R])| if absent(x) { vec![R::exact(0.0); *width] } else { dy.to_vec() };
                let dx: Vec<R> = std::iter::zip(x.chunks(*width), dy.chunks(*width)).flat_map(kept).collect();
                (dx.clone(), single(dx))
            }
            Self::Rotary(rotary) => (rotary.turned(dy, -1.0), vec![]),
            Self::Attention(attention) => (attention.backward(x, dy), vec![]),
            Self::Mean { frames } => {
                let share = R::exact(1.0) / R::exact(*frames as f32);
                (vec![dy.iter().map(|&dy| dy * share).collect::<Vec<R>>(); *frames].concat(), vec![])
            }
            Self::Present(layer) => {
                let dy = if absent(x) { vec![R::exact(0.0); dy.len()] } else { dy.to_vec() };
                layer.backward(p, x, &dy)
            }
            Self::TiedEmbedding { tokens, width, middle } => {
                let (embedding, weight, own) = self.of_tied_embedding(p);
                let e = embedding.forward(weight, x);
                let m = middle.forward(own, &e);
                let dm: Vec<R> =
                    dy.chunks(*tokens).flat_map(|dy| transposed_product(weight, *width, dy)).collect();
                let (de, d_middle) = middle.backward(own, &e, &dm);
                let (_, mut terms) = embedding.backward(weight, x, &de);
                for (m, dy) in std::iter::zip(m.chunks(*width), dy.chunks(*tokens)) {
                    let products = dy.iter().flat_map(|&dy| m.iter().map(move |&m| dy * m));
                    for (terms, product) in terms.iter_mut().zip(products) {
                        terms.push(product);
                    }
                }
                (none(), [terms, d_middle].concat())
            }
            Self::Chain(layers) => chain_back(layers, p, x, dy),
            Self::Residual(layer) => {
                let (dx, terms) = layer.backward(p, x, dy);
                (added(dx, dy), terms)
            }
            Self::Repeat(n, block) => self.blocks(*n, block).backward(p, x, dy),
            Self::Each(positions, layer) => {
                let (xs, dys) = (x.chunks(x.len() / positions), dy.chunks(dy.len() / positions));
                let (dxs, terms): (Vec<_>, Vec<_>) =
                    std::iter::zip(xs, dys).map(|(x, dy)| layer.backward(p, x, dy)).unzip();
                (dxs.concat(), together(terms))
            }
            Self::Sum(first, second) => {
                let (a, b) = p.split_at(first.parameters());
                let ((dx, da), (other, db)) = (first.backward(a, x, dy), second.backward(b, x, dy));
                (added(dx, &other), [da, db].concat())
            }
            Self::Concat(first, second) => {
                let (a, b) = p.split_at(first.parameters());
                let (dy_a, dy_b) = dy.split_at(first.forward(a, x).len());
                let ((dx, da), (other, db)) = (first.backward(a, x, dy_a), second.backward(b, x, dy_b));
                (added(dx, &other), [da, db].concat())
            }
            Self::Tied { inputs, hidden, bend, middle } => {
                let (into, own, _) = self.of_tied(p);
                let narrow = dense(*inputs, *hidden, *bend);
                let h = narrow.forward(into, x);
                let m = middle.forward(own, &h);
                let dm = transposed_product(into, *hidden, dy);
                let (dh, d_middle) = middle.backward(own, &h, &dm);
                let (dx, mut terms) = narrow.backward(into, x, &dh);
                let back = dy.iter().flat_map(|&dy| m.iter().map(move |&m| dy * m));
                for (terms, product) in terms.iter_mut().zip(back) {
                    terms.push(product);
                }
                (dx, [terms, d_middle, single(dy.to_vec())].concat())
            }
            Self::Frozen { body, stays, head } => {
                let (_, terms) = head.backward(p, &body.forward(&exact::<R>(stays), x), dy);
                (none(), terms)
            }
        }
    }

    /// The embedding, its weights, and the middle's parameters.
    fn of_tied_embedding<'a, R>(&self, p: &'a [R]) -> (Self, &'a [R], &'a [R]) {
        let &Self::TiedEmbedding { tokens, width, .. } = self else {
            unreachable!("asked of such a tree only")
        };
        let (weight, middle) = p.split_at(tokens * width);
        (Self::Embedding { tokens, width }, weight, middle)
    }

    fn blocks(&self, n: usize, block: &Self) -> Self {
        Self::Chain(vec![block.clone(); n])
    }

    /// The parameters of the way into the middle, of the middle, and the bias of the way out.
    fn of_tied<'a, R>(&self, p: &'a [R]) -> (&'a [R], &'a [R], &'a [R]) {
        let Self::Tied { inputs, hidden, middle, .. } = self else { unreachable!("asked of a Tied only") };
        let (into, rest) = p.split_at((inputs + 1) * hidden);
        let (middle, out_bias) = rest.split_at(middle.parameters());
        (into, middle, out_bias)
    }
}

fn chain_back<R: Real>(layers: &[Tree], p: &[R], x: &[R], dy: &[R]) -> (Vec<R>, Terms<R>) {
    let Some((first, rest)) = layers.split_first() else { return (dy.to_vec(), vec![]) };
    let (of_first, of_rest) = p.split_at(first.parameters());
    let (between, d_rest) = chain_back(rest, of_rest, &first.forward(of_first, x), dy);
    let (dx, d_first) = first.backward(of_first, x, &between);
    (dx, [d_first, d_rest].concat())
}

pub(crate) fn exact<R: Real>(xs: &[f32]) -> Vec<R> {
    xs.iter().map(|&x| R::exact(x)).collect()
}

/// A batch of rows, their targets and their weights.
#[derive(Clone, Debug)]
pub(crate) struct Batch<R> {
    pub(crate) xs: Vec<Vec<R>>,
    pub(crate) targets: Vec<Vec<R>>,
    pub(crate) weights: Vec<R>,
}

/// What a step makes of a batch: the loss is sum_i w_i l_i / sum_i w_i, where l_i is the mean of the squared errors.
pub(crate) struct Step<R> {
    /// The outputs of all rows.
    pub(crate) ys: Vec<R>,
    pub(crate) loss: R,
    /// The gradients with respect to all rows.
    pub(crate) dxs: Vec<R>,
    /// The gradients of the rows' shares in the loss.
    pub(crate) samples: Vec<Terms<R>>,
}

impl<R: Real> Step<R> {
    /// The gradient of the loss with respect to the parameters.
    pub(crate) fn gradient(&self) -> Vec<R> {
        summed(&together(self.samples.iter().cloned()))
    }

    /// For each row the square of the norm of its share in the gradient.
    pub(crate) fn squares(&self) -> Vec<R> {
        self.samples.iter().map(|terms| R::sum(summed(terms).into_iter().map(|g| g * g))).collect()
    }
}

/// A row's share in the loss, given its weight among all.
fn share<R: Real>(y: &[R], target: &[R], weight: R) -> R {
    let squares = std::iter::zip(y, target).map(|(&y, &t)| (y - t) * (y - t));
    weight * (R::sum(squares) * (R::exact(1.0) / R::exact(target.len() as f32)))
}

/// A batch's loss alone.
pub(crate) fn loss<R: Real>(tree: &Tree, p: &[R], batch: &Batch<R>) -> R {
    let factor = R::exact(1.0) / R::sum(batch.weights.iter().copied());
    let rows = batch.xs.iter().zip(&batch.targets).zip(&batch.weights);
    R::sum(rows.map(|((x, target), &weight)| share(&tree.forward(p, x), target, weight * factor)))
}

/// A step on a batch. With `clip`, each row's share of the gradient, once multiplied by the sum of weights, is scaled down to that norm
/// if it is longer, and then divided by the number of rows.
pub(crate) fn step<R: Real>(tree: &Tree, p: &[R], batch: &Batch<R>, clip: Option<f32>) -> Step<R> {
    let one = R::exact(1.0);
    let all = R::sum(batch.weights.iter().copied());
    let mut step = Step { ys: vec![], loss: R::exact(0.0), dxs: vec![], samples: vec![] };
    let mut losses = vec![];
    for ((x, target), &weight) in batch.xs.iter().zip(&batch.targets).zip(&batch.weights) {
        let y = tree.forward(p, x);
        let (count, factor) = (R::exact(target.len() as f32), weight * (one / all));
        losses.push(share(&y, target, factor));
        let errors: Vec<R> = std::iter::zip(&y, target).map(|(&y, &t)| y - t).collect();
        let two = R::exact(2.0);
        let mut dy: Vec<R> = errors.iter().map(|&e| e * (two * (one / count)) * factor).collect();
        if let Some(clip) = clip {
            let (_, terms) = tree.backward(p, x, &dy);
            let square = R::sum(summed(&terms).into_iter().map(|g| g * g));
            // min(1, clip / norm)
            let factor = R::exact(clip) / (all * square.sqrt()).max(R::exact(clip));
            let factor = factor * (all * (one / R::exact(batch.xs.len() as f32)));
            dy.iter_mut().for_each(|dy| *dy = *dy * factor);
        }
        let (dx, terms) = tree.backward(p, x, &dy);
        step.ys.extend(y);
        step.dxs.extend(dx);
        step.samples.push(terms);
    }
    step.loss = R::sum(losses);
    step
}
