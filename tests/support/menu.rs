//! Networks of every composition, each with what it means as plain loops.

use super::bounded::Real;
use super::composed::{
    Batch, Step, Tree, chain, concat, dense, each, exact, norm, repeat, residual, step, sum, tied,
};
use super::embedding::Embedding;
use super::noting::{Noted, Notes};
use super::reference_net::{Bend, Layer as Leaf};
use super::transformers;
use fusebox::{
    BiasOnly, Chain, Columns, Concat, Dense, Dropout, Each, Flatten, Frozen, Gelu, Isa, Layer, LayerNorm,
    LeakyRelu, LowRank, Parallel, Pixels, Plain, Relu, Relu6, Repeat, Residual, Rng, Seq, Sigmoid, Silu,
    Softmax, Sum, Tanh, Tied, Train, View, Workspace, Zeroed,
};

/// Rows of the largest batch.
pub(crate) const MOST: usize = 17;

/// What a network may take as input.
pub(crate) trait Input: Copy {
    fn random(rng: &mut Rng) -> Self;
    /// With numbers that a step leaves everywhere, if it can.
    fn harmful(rng: &mut Rng) -> Self;
    fn append_to(&self, numbers: &mut Vec<f32>);
}

impl Input for f32 {
    fn random(rng: &mut Rng) -> Self {
        4.0 * rng.uniform() - 2.0
    }
    fn harmful(_: &mut Rng) -> Self {
        Self::NAN
    }
    fn append_to(&self, numbers: &mut Vec<f32>) {
        numbers.push(*self);
    }
}

impl Input for u8 {
    fn random(rng: &mut Rng) -> Self {
        rng.below(17) as Self
    }
    fn harmful(rng: &mut Rng) -> Self {
        Self::random(rng)
    }
    fn append_to(&self, numbers: &mut Vec<f32>) {
        numbers.push((*self).into());
    }
}

impl Input for u16 {
    fn random(rng: &mut Rng) -> Self {
        rng.below(TOKENS as u32) as Self
    }
    fn harmful(rng: &mut Rng) -> Self {
        Self::random(rng)
    }
    fn append_to(&self, numbers: &mut Vec<f32>) {
        numbers.push((*self).into());
    }
}

/// A token, or none, one time in four.
impl Input for u32 {
    fn random(rng: &mut Rng) -> Self {
        if rng.below(4) == 0 { Self::MAX } else { rng.below(TOKENS as u32) }
    }
    fn harmful(rng: &mut Rng) -> Self {
        Self::random(rng)
    }
    fn append_to(&self, numbers: &mut Vec<f32>) {
        numbers.push(*self as f32);
    }
}

impl<T: Input, const N: usize> Input for [T; N] {
    fn random(rng: &mut Rng) -> Self {
        std::array::from_fn(|_| T::random(rng))
    }
    fn harmful(rng: &mut Rng) -> Self {
        std::array::from_fn(|_| T::harmful(rng))
    }
    fn append_to(&self, numbers: &mut Vec<f32>) {
        self.iter().for_each(|x| x.append_to(numbers));
    }
}

/// A batch as the crate takes it.
#[derive(Clone, Debug)]
pub(crate) struct Rows<I, const OUT: usize> {
    pub(crate) xs: Vec<I>,
    pub(crate) targets: Vec<([f32; OUT], f32)>,
}

impl<I: Input, const OUT: usize> Rows<I, OUT> {
    /// So many rows, the first of a weight; that of the third is zero.
    pub(crate) fn random(rng: &mut Rng, count: usize) -> Self {
        let target = |row: usize, rng: &mut Rng| {
            (Input::random(rng), if row == 2 { 0.0 } else { 0.25 + rng.uniform() })
        };
        let rows = (0..count).map(|row| (I::random(rng), target(row, rng)));
        let (xs, targets) = rows.unzip();
        Self { xs, targets }
    }

    /// The first rows.
    pub(crate) fn first(&self, count: usize) -> Self {
        Self { xs: self.xs[..count].to_vec(), targets: self.targets[..count].to_vec() }
    }

    /// What the plain loops make of a step on these rows.
    pub(crate) fn step<R: Real>(&self, tree: &Tree, parameters: &[f32], clip: Option<f32>) -> Step<R> {
        step(tree, &exact::<R>(parameters), &self.plain(), clip)
    }

    /// The batch as the plain loops take it.
    pub(crate) fn plain<R: Real>(&self) -> Batch<R> {
        let numbers = |x: &I| {
            let mut numbers = vec![];
            x.append_to(&mut numbers);
            exact(&numbers)
        };
        Batch {
            xs: self.xs.iter().map(numbers).collect(),
            targets: self.targets.iter().map(|(target, _)| exact(target)).collect(),
            weights: self.targets.iter().map(|&(_, weight)| R::exact(weight)).collect(),
        }
    }
}

/// A workspace for the optimiser that notes.
pub(crate) type Noting<N> = Workspace<N, MOST, Notes, Noted>;

/// The loss and the gradients with respect to a batch's rows.
type InputGradientOf<N, const OUT: usize> =
    fn(&mut Noting<N>, Isa, &N, &Rows<<N as Layer>::Input, OUT>) -> (f32, Vec<f32>);

/// A network.
pub(crate) struct Case<'a, N: Train<Output = [f32; OUT]>, const OUT: usize> {
    pub(crate) name: &'static str,
    pub(crate) net: N,
    pub(crate) tree: &'a Tree,
    /// The numbers it learns, in the tree's order.
    pub(crate) learnt: fn(&N) -> Vec<f32>,
    /// Unless the input is of another kind than `f32`.
    pub(crate) input_gradient: Option<InputGradientOf<N, OUT>>,
}

/// What is done with networks.
pub(crate) trait Visitor {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy;
}

fn numbers_of<P: Plain>(value: &P) -> Vec<f32> {
    value.as_bytes().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn of_numbers<P: Plain>(numbers: &[f32]) -> P {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    P::copy_from_bytes(&bytes).expect("as many parameters as the plain loops have")
}

fn input_gradient<N, const OUT: usize>(
    workspace: &mut Noting<N>,
    isa: Isa,
    net: &N,
    rows: &Rows<N::Input, OUT>,
) -> (f32, Vec<f32>)
where
    N: Train<Input: Input + Plain, Output = [f32; OUT]>,
{
    let mut dxs = vec![N::Input::ZEROED; rows.xs.len()];
    let loss = workspace.input_gradient_with(isa, net, &rows.xs, &rows.targets, &mut dxs);
    let numbers = dxs.iter().flat_map(numbers_of).collect();
    (loss.expect("rows that fit"), numbers)
}

/// A network that is nothing but numbers, on numbers.
pub(crate) fn plain<N, const OUT: usize>(
    visitor: &mut impl Visitor,
    rng: &mut Rng,
    name: &'static str,
    tree: Tree,
) where
    N: Train<Input: Input + Plain, Output = [f32; OUT]> + Plain,
{
    let (net, tree) = (of_numbers::<N>(&tree.random(rng)), &tree);
    visitor.visit(&Case { name, net, tree, learnt: numbers_of, input_gradient: Some(input_gradient) });
}

/// The same on bytes or tokens.
pub(crate) fn whole<N, const OUT: usize>(
    visitor: &mut impl Visitor,
    rng: &mut Rng,
    name: &'static str,
    tree: Tree,
) where
    N: Train<Input: Input, Output = [f32; OUT]> + Plain,
{
    whole_of::<N, OUT>(visitor, &tree.random(rng), name, &tree);
}

/// The same with these parameters.
pub(crate) fn whole_of<N, const OUT: usize>(
    visitor: &mut impl Visitor,
    numbers: &[f32],
    name: &'static str,
    tree: &Tree,
) where
    N: Train<Input: Input, Output = [f32; OUT]> + Plain,
{
    let net = of_numbers::<N>(numbers);
    visitor.visit(&Case { name, net, tree, learnt: numbers_of, input_gradient: None });
}

pub(crate) const TOKENS: usize = 6;

type Block<const N: usize, const WIDE: usize> =
    Residual<Seq![LayerNorm<N>, Dense<N, WIDE, Relu>, Dense<WIDE, N>]>;

fn block(n: usize, wide: usize) -> Tree {
    residual(chain([norm(n), dense(n, wide, Bend::Relu), dense(wide, n, Bend::Identity)]))
}

/// How many networks there are.
pub(crate) const NETS: usize = OF_ROWS + transformers::NETS;

const OF_ROWS: usize = 37;

/// Visits the network of that number, with parameters from `rng`.
pub(crate) fn visit(number: usize, rng: &mut Rng, visitor: &mut impl Visitor) {
    match number {
        0..10 => chains_and_residuals(number, rng, visitor),
        10..19 => repeats_and_positions(number, rng, visitor),
        19..27 => branches_and_ties(number, rng, visitor),
        27..OF_ROWS => others(number, rng, visitor),
        _ => transformers::visit(number - OF_ROWS, rng, visitor),
    }
}

fn chains_and_residuals(number: usize, rng: &mut Rng, v: &mut impl Visitor) {
    use Bend::{Gelu as GELU, Identity as NONE, Leaky, Relu as RELU, Relu6 as RELU6};
    use Bend::{Sigmoid as SIGMOID, Silu as SILU, Tanh as TANH};
    match number {
        0 => plain::<Seq![Seq![Dense<5, 9, Relu>, Dense<9, 7, Tanh>], Dense<7, 6, Silu>, Dense<6, 3>], 3>(
            v,
            rng,
            "a chain first",
            chain([chain([dense(5, 9, RELU), dense(9, 7, TANH)]), dense(7, 6, SILU), dense(6, 3, NONE)]),
        ),
        1 => plain::<
            Seq![Dense<5, 8, Relu>, Seq![Dense<8, 17, Gelu>, LayerNorm<17>, Dense<17, 4, Relu>], Dense<4, 3>],
            3,
        >(
            v,
            rng,
            "a chain in the middle",
            chain([
                dense(5, 8, RELU),
                chain([dense(8, 17, GELU), norm(17), dense(17, 4, RELU)]),
                dense(4, 3, NONE),
            ]),
        ),
        2 => plain::<
            Seq![Dense<5, 8, Sigmoid>, Seq![Dense<8, 6, Relu>, Seq![Dense<6, 3, LeakyRelu<20>>, Dense<3, 3, Relu6>]]],
            3,
        >(
            v,
            rng,
            "chains last",
            chain([
                dense(5, 8, SIGMOID),
                chain([dense(8, 6, RELU), chain([dense(6, 3, Leaky(20)), dense(3, 3, RELU6)])]),
            ]),
        ),
        3 => plain::<Seq![Block<6, 18>, Dense<6, 3>], 3>(
            v,
            rng,
            "a residual first",
            chain([block(6, 18), dense(6, 3, NONE)]),
        ),
        4 => plain::<
            Seq![Dense<4, 17, Relu>, Residual<Dense<17, 17, Relu>>, Residual<Dense<17, 17, Gelu>>, Dense<17, 2>],
            2,
        >(
            v,
            rng,
            "residuals that end in activations",
            chain([
                dense(4, 17, RELU),
                residual(dense(17, 17, RELU)),
                residual(dense(17, 17, GELU)),
                dense(17, 2, NONE),
            ]),
        ),
        5 => plain::<Seq![Dense<4, 6, Tanh>, Residual<Seq![Dense<6, 9, Relu>, Dense<9, 6, Sigmoid>]>], 6>(
            v,
            rng,
            "a residual last, that ends in an activation",
            chain([dense(4, 6, TANH), residual(chain([dense(6, 9, RELU), dense(9, 6, SIGMOID)]))]),
        ),
        6 => plain::<
            Seq![
                Residual<Seq![Residual<Dense<5, 5, Tanh>>, Dense<5, 5, Silu>]>,
                Residual<Residual<Dense<5, 5>>>
            ],
            5,
        >(
            v,
            rng,
            "residuals in residuals",
            chain([
                residual(chain([residual(dense(5, 5, TANH)), dense(5, 5, SILU)])),
                residual(residual(dense(5, 5, NONE))),
            ]),
        ),
        7 => plain::<Residual<Dense<16, 16, Relu>>, 16>(
            v,
            rng,
            "a residual alone",
            residual(dense(16, 16, RELU)),
        ),
        8 => plain::<Seq![Dense<4, 5, Relu>, Residual<Softmax<5>>, Softmax<5>, Dense<5, 2>], 2>(
            v,
            rng,
            "softmax, with no parameters",
            chain([
                dense(4, 5, RELU),
                residual(Tree::Leaf(Leaf::Softmax)),
                Tree::Leaf(Leaf::Softmax),
                dense(5, 2, NONE),
            ]),
        ),
        _ => plain::<
            Seq![
                Dense<4, 8, Relu>,
                Dropout<8, 0, 3>,
                Repeat<2, Seq![Dropout<8, 0>, Dense<8, 8, Tanh>]>,
                Residual<Dropout<8, 0>>,
                Dense<8, 2>,
            ],
            2,
        >(
            v,
            rng,
            "dropout at 0 percent",
            chain([
                dense(4, 8, RELU),
                Tree::Same,
                repeat(2, chain([Tree::Same, dense(8, 8, TANH)])),
                residual(Tree::Same),
                dense(8, 2, NONE),
            ]),
        ),
    }
}

fn repeats_and_positions(number: usize, rng: &mut Rng, v: &mut impl Visitor) {
    use Bend::{Gelu as GELU, Identity as NONE, Relu as RELU, Silu as SILU, Tanh as TANH};
    match number {
        10 => plain::<
            Seq![
                Dense<3, 8>,
                Repeat<3, Residual<Seq![Dense<8, 4, Relu>, Dense<4, 8>]>>,
                Dense<8, 2>,
            ],
            2,
        >(
            v,
            rng,
            "blocks with residuals",
            chain([
                dense(3, 8, NONE),
                repeat(3, residual(chain([dense(8, 4, RELU), dense(4, 8, NONE)]))),
                dense(8, 2, NONE),
            ]),
        ),
        11 => plain::<Seq![Repeat<3, Dense<5, 5, Relu>>, Repeat<1, Dense<5, 5, Silu>>, Dense<5, 2>], 2>(
            v,
            rng,
            "blocks first, that end in activations",
            chain([repeat(3, dense(5, 5, RELU)), repeat(1, dense(5, 5, SILU)), dense(5, 2, NONE)]),
        ),
        12 => plain::<
            Seq![Dense<3, 4, Gelu>, Repeat<2, Repeat<2, Seq![Dense<4, 7, Relu>, Dense<7, 4, Silu>]>>],
            4,
        >(
            v,
            rng,
            "blocks of blocks, last",
            chain([dense(3, 4, GELU), repeat(2, repeat(2, chain([dense(4, 7, RELU), dense(7, 4, SILU)])))]),
        ),
        13 => plain::<Seq![Each<3, Dense<2, 8, Relu>>, Flatten<3, 8, Dense<24, 2>>], 2>(
            v,
            rng,
            "positions first",
            chain([each(3, dense(2, 8, RELU)), dense(24, 2, NONE)]),
        ),
        14 => plain::<
            Seq![
                Dense<4, 6, Tanh>,
                View<[f32; 6], Each<3, Seq![Dense<2, 3, Relu>, Dense<3, 9, Relu>, Dense<9, 4, Gelu>]>, [f32; 12]>,
                Dense<12, 2>,
            ],
            2,
        >(
            v,
            rng,
            "a chain at positions in the middle",
            chain([
                dense(4, 6, TANH),
                each(3, chain([dense(2, 3, RELU), dense(3, 9, RELU), dense(9, 4, GELU)])),
                dense(12, 2, NONE),
            ]),
        ),
        15 => plain::<
            Seq![
                View<[f32; 12], Each<2, Each<3, Seq![Dense<2, 5, Relu>, LayerNorm<5>]>>, [f32; 30]>,
                Dense<30, 6, Relu>,
                View<[f32; 6], Each<3, Residual<Dense<2, 2, Tanh>>>, [f32; 6]>,
            ],
            6,
        >(
            v,
            rng,
            "positions of positions, and positions last",
            chain([
                each(2, each(3, chain([dense(2, 5, RELU), norm(5)]))),
                dense(30, 6, RELU),
                each(3, residual(dense(2, 2, TANH))),
            ]),
        ),
        16 => plain::<
            Seq![Each<3, Dense<2, 4, Tanh>>, Each<3, Repeat<2, Residual<Dense<4, 4, Relu>>>>, Flatten<3, 4, Dense<12, 2>>],
            2,
        >(
            v,
            rng,
            "blocks at positions",
            chain([
                each(3, dense(2, 4, TANH)),
                each(3, repeat(2, residual(dense(4, 4, RELU)))),
                dense(12, 2, NONE),
            ]),
        ),
        17 => plain::<
            Seq![
                Each<2, Dense<3, 4>>,
                Repeat<2, Each<2, Seq![Dense<4, 6, Relu>, Dense<6, 4, Tanh>]>>,
                Residual<Each<2, Dense<4, 4, Silu>>>,
                Flatten<2, 4, Dense<8, 2>>,
            ],
            2,
        >(
            v,
            rng,
            "positions in blocks",
            chain([
                each(2, dense(3, 4, NONE)),
                repeat(2, each(2, chain([dense(4, 6, RELU), dense(6, 4, TANH)]))),
                residual(each(2, dense(4, 4, SILU))),
                dense(8, 2, NONE),
            ]),
        ),
        _ => plain::<Seq![Each<2, Dense<33, 35, Relu>>, View<[[f32; 35]; 2], Dense<70, 2>, [f32; 2]>], 2>(
            v,
            rng,
            "more weights than a tile at positions",
            chain([each(2, dense(33, 35, RELU)), dense(70, 2, NONE)]),
        ),
    }
}

fn branches_and_ties(number: usize, rng: &mut Rng, v: &mut impl Visitor) {
    use Bend::{
        Gelu as GELU, Identity as NONE, Relu as RELU, Sigmoid as SIGMOID, Silu as SILU, Tanh as TANH,
    };
    let columns = |start, len| Tree::Columns { start, len };
    match number {
        19 => plain::<
            Seq![Dense<4, 5, Relu>, Parallel<Dense<5, 3, Relu>, Seq![Dense<5, 9, Tanh>, Dense<9, 3>]>, Dense<3, 2>],
            2,
        >(
            v,
            rng,
            "branches added",
            chain([
                dense(4, 5, RELU),
                sum(dense(5, 3, RELU), chain([dense(5, 9, TANH), dense(9, 3, NONE)])),
                dense(3, 2, NONE),
            ]),
        ),
        20 => plain::<
            Seq![
                Parallel<
                    Seq![Columns<7, 0, 3>, Dense<3, 8, Relu>],
                    Seq![Columns<7, 2, 5>, Residual<Dense<5, 5, Silu>>, Dense<5, 4, Sigmoid>],
                    Concat<12>,
                >,
                Dense<12, 2>,
            ],
            2,
        >(
            v,
            rng,
            "two inputs first",
            chain([
                concat(
                    chain([columns(0, 3), dense(3, 8, RELU)]),
                    chain([columns(2, 5), residual(dense(5, 5, SILU)), dense(5, 4, SIGMOID)]),
                ),
                dense(12, 2, NONE),
            ]),
        ),
        21 => plain::<
            Seq![
                Dense<4, 5, Silu>,
                Parallel<
                    Parallel<Dense<5, 2>, Dense<5, 1, Relu>, Concat<3>>,
                    Seq![Columns<5, 1, 3>, Residual<Dense<3, 3, Gelu>>],
                    Sum,
                >,
            ],
            3,
        >(
            v,
            rng,
            "branches of branches, last",
            chain([
                dense(4, 5, SILU),
                sum(
                    concat(dense(5, 2, NONE), dense(5, 1, RELU)),
                    chain([columns(1, 3), residual(dense(3, 3, GELU))]),
                ),
            ]),
        ),
        22 => plain::<
            Seq![
                Each<2, Parallel<Seq![Columns<3, 0, 1>, Dense<1, 2>], Dense<3, 2, Relu>, Concat<4>>>,
                Repeat<2, Residual<Each<2, Parallel<Dense<4, 4, Tanh>, Dense<4, 4>>>>>,
                Flatten<2, 4, Dense<8, 2>>,
            ],
            2,
        >(
            v,
            rng,
            "branches at positions and in blocks",
            chain([
                each(2, concat(chain([columns(0, 1), dense(1, 2, NONE)]), dense(3, 2, RELU))),
                repeat(2, residual(each(2, sum(dense(4, 4, TANH), dense(4, 4, NONE))))),
                dense(8, 2, NONE),
            ]),
        ),
        23 => plain::<Tied<8, 5, LayerNorm<5>, Tanh>, 8>(v, rng, "tied alone", tied(8, 5, TANH, norm(5))),
        24 => plain::<
            Seq![
                Dense<4, 5, Relu>,
                Tied<5, 17, Seq![Residual<Dense<17, 17, Relu>>, Dense<17, 17, Gelu>], Silu>,
                Dense<5, 2>,
            ],
            2,
        >(
            v,
            rng,
            "tied around a chain, in the middle",
            chain([
                dense(4, 5, RELU),
                tied(5, 17, SILU, chain([residual(dense(17, 17, RELU)), dense(17, 17, GELU)])),
                dense(5, 2, NONE),
            ]),
        ),
        25 => plain::<
            Seq![
                Each<2, Tied<4, 3, Repeat<2, Dense<3, 3, Relu>>>>,
                Repeat<2, Each<2, Tied<4, 2, Tied<2, 3, Dense<3, 3, Sigmoid>, Relu>>>>,
                Flatten<2, 4, Dense<8, 2>>,
            ],
            2,
        >(
            v,
            rng,
            "tied at positions, around blocks and tied",
            chain([
                each(2, tied(4, 3, NONE, repeat(2, dense(3, 3, RELU)))),
                repeat(2, each(2, tied(4, 2, NONE, tied(2, 3, RELU, dense(3, 3, SIGMOID))))),
                dense(8, 2, NONE),
            ]),
        ),
        _ => plain::<Tied<40, 33, Dropout<33, 0>, Relu>, 40>(
            v,
            rng,
            "more tied weights than a tile",
            tied(40, 33, RELU, Tree::Same),
        ),
    }
}

fn others(number: usize, rng: &mut Rng, v: &mut impl Visitor) {
    use Bend::{Identity as NONE, Relu as RELU, Silu as SILU, Tanh as TANH};
    let embedding = || Tree::Embedding { tokens: TOKENS, width: 4 };
    match number {
        27 => whole::<Seq![Pixels<9, 16>, Dense<9, 6, Relu>, Dense<6, 2>], 2>(
            v,
            rng,
            "pixels",
            chain([Tree::Pixels { max: 16 }, dense(9, 6, RELU), dense(6, 2, NONE)]),
        ),
        28 => whole::<
            Seq![Each<3, Seq![Pixels<2, 16>, Dense<2, 4, Relu>]>, Repeat<2, Each<3, Dense<4, 4, Tanh>>>, Flatten<3, 4, Dense<12, 2>>],
            2,
        >(
            v,
            rng,
            "pixels at positions",
            chain([
                each(3, chain([Tree::Pixels { max: 16 }, dense(2, 4, RELU)])),
                repeat(2, each(3, dense(4, 4, TANH))),
                dense(12, 2, NONE),
            ]),
        ),
        29 => whole::<
            Seq![Embedding<3, TOKENS, 4>, Each<3, Residual<Dense<4, 4, Relu>>>, Flatten<3, 4, Dense<12, 2>>],
            2,
        >(
            v,
            rng,
            "tokens",
            chain([embedding(), each(3, residual(dense(4, 4, RELU))), dense(12, 2, NONE)]),
        ),
        30 => {
            // The body's own layers lie in places that pass rows from one end of the scratch to the other.
            type Body = Seq![
                Each<3, Seq![Embedding<1, TOKENS, 4>, Flatten<1, 4, Dense<4, 5, Relu>>]>,
                Each<3, Seq![Dense<5, 2, Tanh>, Dense<2, 8, Silu>, Dense<8, 3>]>
            ];
            let body = chain([
                each(3, chain([embedding(), dense(4, 5, RELU)])),
                each(3, chain([dense(5, 2, TANH), dense(2, 8, SILU), dense(8, 3, NONE)])),
            ]);
            type Head = Seq![Flatten<3, 3, Dense<9, 5, Tanh>>, Dense<5, 2>];
            let stays = body.random(rng);
            let below = of_numbers::<Body>(&stays);
            let head = chain([dense(9, 5, TANH), dense(5, 2, NONE)]).into();
            let tree = Tree::Frozen { body: body.into(), stays, head };
            let net = Frozen::new(&below, of_numbers::<Head>(&tree.random(rng)));
            v.visit(&Case {
                name: "a frozen body of tokens",
                net,
                tree: &tree,
                learnt: |net: &Frozen<'_, Body, Head>| numbers_of(&net.head),
                input_gradient: None,
            });
        }
        31 => {
            type Body = Seq![Dense<4, 8, Relu>, Residual<Dense<8, 8, Relu>>, Tied<8, 3, Dense<3, 3, Tanh>>];
            type Head = Seq![Residual<Dense<8, 8, Tanh>>, Repeat<2, Dense<8, 8, Silu>>, Dense<8, 2>];
            let body =
                chain([dense(4, 8, RELU), residual(dense(8, 8, RELU)), tied(8, 3, NONE, dense(3, 3, TANH))]);
            let stays = body.random(rng);
            let below = of_numbers::<Body>(&stays);
            let head = chain([residual(dense(8, 8, TANH)), repeat(2, dense(8, 8, SILU)), dense(8, 2, NONE)]);
            let tree = Tree::Frozen { body: body.into(), stays, head: head.into() };
            let net = Frozen::new(&below, of_numbers::<Head>(&tree.random(rng)));
            v.visit(&Case {
                name: "a frozen body of numbers",
                net,
                tree: &tree,
                learnt: |net: &Frozen<'_, Body, Head>| numbers_of(&net.head),
                input_gradient: Some(input_gradient),
            });
        }
        32 => adapters(rng, v),
        34 => plain::<Repeat<3, Residual<Seq![Dense<5, 7, Relu>, Dense<7, 5>]>>, 5>(
            v,
            rng,
            "blocks alone",
            repeat(3, residual(chain([dense(5, 7, RELU), dense(7, 5, NONE)]))),
        ),
        35 => plain::<View<[f32; 6], Each<2, Repeat<3, Seq![Dense<3, 8, Tanh>, Dense<8, 3>]>>, [f32; 6]>, 6>(
            v,
            rng,
            "positions alone",
            each(2, repeat(3, chain([dense(3, 8, TANH), dense(8, 3, NONE)]))),
        ),
        36 => plain::<
            Parallel<Seq![Dense<4, 9, Relu>, Dense<9, 7>, Dense<7, 3>], Seq![Dense<4, 8, Silu>, Dense<8, 3>]>,
            3,
        >(
            v,
            rng,
            "branches alone",
            sum(
                chain([dense(4, 9, RELU), dense(9, 7, NONE), dense(7, 3, NONE)]),
                chain([dense(4, 8, SILU), dense(8, 3, NONE)]),
            ),
        ),
        33 => plain::<Seq![Repeat<2, Residual<Seq![LayerNorm<5>, Dense<5, 5>]>>, Dense<5, 2>], 2>(
            v,
            rng,
            "blocks with norms",
            chain([repeat(2, residual(chain([norm(5), dense(5, 5, NONE)]))), dense(5, 2, NONE)]),
        ),
        _ => {
            plain::<Seq![Each<2, Dense<2, 1030, Relu>>, View<[[f32; 1030]; 2], Dense<2060, 1>, [f32; 1]>], 1>(
                v,
                rng,
                "rows of weights wider than a tile",
                chain([each(2, dense(2, 1030, RELU)), dense(2060, 1, NONE)]),
            )
        }
    }
}

fn adapters(rng: &mut Rng, v: &mut impl Visitor) {
    type Bias<'a> = BiasOnly<'a, 4, 9, Relu>;
    type Low<'a> = LowRank<'a, 9, 9, 2, Silu>;
    type Net<'a> = Seq![Bias<'a>, Residual<Low<'a>>, Dense<9, 2>];
    let (first, second, last) =
        (dense(4, 9, Bend::Relu), dense(9, 9, Bend::Silu), dense(9, 2, Bend::Identity));
    let first: Dense<4, 9, Relu> = of_numbers(&first.random(rng));
    let second: Dense<9, 9, Silu> = of_numbers(&second.random(rng));
    let flat = |weight: &[[f32; 9]]| weight.as_flattened().to_vec();
    let tree = chain([
        Tree::Leaf(Leaf::BiasOnly { weight: flat(&first.weight), outputs: 9, bend: Bend::Relu }),
        residual(Tree::Leaf(Leaf::LowRank {
            weight: flat(&second.weight),
            bias: second.bias.to_vec(),
            rank: 2,
            bend: Bend::Silu,
        })),
        last,
    ]);
    let numbers = tree.random(rng);
    let (of_bias, rest) = numbers.split_at(9);
    let (down, rest) = rest.split_at(2 * 9);
    let (up, of_last) = rest.split_at(2 * 9);
    let mut bias = BiasOnly::new(&first);
    bias.bias = of_numbers(of_bias);
    let mut low = LowRank::new(&second);
    (low.down, low.up) = (of_numbers(down), of_numbers(up));
    let net =
        Chain { first: bias, rest: Chain { first: Residual { layer: low }, rest: of_numbers(of_last) } };
    v.visit(&Case {
        name: "adapters",
        net,
        tree: &tree,
        learnt: |Chain { first, rest }: &Net<'_>| {
            let low = &rest.first.layer;
            [numbers_of(&first.bias), numbers_of(&low.down), numbers_of(&low.up), numbers_of(&rest.rest)]
                .concat()
        },
        input_gradient: Some(input_gradient),
    });
}
