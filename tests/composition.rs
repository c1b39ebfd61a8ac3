//! Compositions of layers against plain loops, which know how far an `f32` may be from them: outputs, losses and gradients of
//! a menu of networks (`support/menu.rs`), in every kind of step; and what must hold to the bit.

mod support {
    pub(crate) mod attention;
    pub(crate) mod bounded;
    pub(crate) mod composed;
    pub(crate) mod embedding;
    pub(crate) mod gpt;
    pub(crate) mod isas;
    pub(crate) mod menu;
    pub(crate) mod noting;
    #[expect(dead_code, reason = "functions that only the tests of losses need")]
    pub(crate) mod reference_net;
    pub(crate) mod transformers;
}

use fusebox::{
    Aligned, Budget, Chain, Concat, Dense, Dropout, Each, Flatten, Frozen, Gelu, Guard, Init, InputGradient,
    Isa, Layer, LayerNorm, Learner, Limits, Linear, Momentum, Mse, Optimizer, Pace, Parallel, Pixels,
    Private, Relu, Repeat, Residual, Rng, Scratch, Seq, Sgd, Tied, Train, View, Workspace, plain,
};
use std::task::Poll;
use support::bounded::{Bounded, Real, against_differences, check_all, looseness};
use support::composed::{Batch, Step, exact, loss, step};
use support::isas::isas;
use support::menu::{Case, Input, MOST, NETS, Noting, Rows, Visitor, visit};
use support::noting::{Noted, Notes};

/// Rows of the batches that are compared.
const BATCHES: [usize; 4] = [1, 2, 3, MOST];

const MOMENTUM: Momentum = Momentum::new(0.0625, 0.5);

fn on_all(visitor: &mut impl Visitor) {
    for number in 0..NETS {
        visit(number, &mut Rng::new(number as u64), visitor);
    }
}

fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// What is equal on instruction sets that are alike in fusing.
struct Classes<T>([Option<(Isa, T)>; 2]);

impl<T: PartialEq> Classes<T> {
    const NEW: Self = Self([const { None }; 2]);

    fn check(&mut self, isa: Isa, what: &str, got: T) {
        match &mut self.0[usize::from(isa.is_fused())] {
            Some((first, expected)) => assert!(*expected == got, "{what}: {isa} and {first} differ"),
            none => *none = Some((isa, got)),
        }
    }
}

/// The reference itself: its gradients against difference quotients of its loss. The networks of thousands of parameters are
/// made of the same trees.
struct Differences;

impl Visitor for Differences {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let parameters = exact::<f64>(&(case.learnt)(&case.net));
        let count = parameters.len();
        if count > 1000 {
            return;
        }
        let batch: Batch<f64> = Rows::<N::Input, OUT>::random(&mut Rng::new(1), 3).plain();
        let all = step(case.tree, &parameters, &batch, None);
        // Bytes and tokens stay whole.
        let inputs = if case.input_gradient.is_some() { batch.xs.concat() } else { vec![] };
        let of = |at: &[f64]| {
            let (parameters, inputs) = at.split_at(count);
            let mut batch = batch.clone();
            for (x, number) in batch.xs.iter_mut().flatten().zip(inputs) {
                *x = *number;
            }
            loss(case.tree, parameters, &batch)
        };
        let gradient = [all.gradient(), all.dxs[..inputs.len()].to_vec()].concat();
        let at = [parameters.clone(), inputs].concat();
        // The input's gradient of a frozen body is said to be zero, which it is not.
        let compared =
            if matches!(case.tree, support::composed::Tree::Frozen { .. }) { count } else { at.len() };
        let of = |changed: &[f64]| of(&[changed, &at[compared..]].concat());
        let ratio = against_differences(of, &at[..compared], &gradient[..compared]);
        assert!(ratio <= 1e-7, "{}: {ratio:e} from its difference quotients", case.name);
    }
}

#[test]
fn the_loops_gradients_are_the_slopes_of_their_losses() {
    on_all(&mut Differences);
}

/// Outputs, losses and gradients within the bound of the plain loops.
struct Loops;

impl Visitor for Loops {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let all = Rows::<N::Input, OUT>::random(&mut Rng::new(2), MOST);
        for count in BATCHES {
            compare(case, &all.first(count));
        }
    }
}

fn compare<N, const OUT: usize>(case: &Case<'_, N, OUT>, rows: &Rows<N::Input, OUT>)
where
    N: Train<Input: Input, Output = [f32; OUT]> + Copy,
{
    let &Case { name, net, tree, learnt, .. } = case;
    let count = rows.xs.len();
    let what = format!("{name}, {count} rows");
    let parameters = learnt(&net);
    let expected: Step<Bounded> = rows.step(tree, &parameters, None);
    let (gradient, squares) = (expected.gradient(), expected.squares());
    for part in [&expected.ys, &gradient, &squares] {
        let loose = looseness(part);
        assert!(loose < 1e-2, "{what}: a bound of {loose:e} of the numbers it is for");
    }
    let mut classes = Classes::NEW;
    for isa in isas() {
        let on = format!("{isa}, {what}");
        let mut ys = vec![[f32::NAN; OUT]; count];
        let mut scratch = Scratch::<N, MOST>::new();
        net.infer_with(isa, &rows.xs, &mut scratch, &mut ys).expect("rows that fit");
        let ys = ys.as_flattened();
        check_all(&expected.ys, ys, &format!("{on}: outputs"));

        let mut noting = Noting::<N>::with_loss(Noted::default());
        let mut dxs = vec![];
        if let Some(input_gradient) = case.input_gradient {
            let loss;
            (loss, dxs) = input_gradient(&mut noting, isa, &net, rows);
            check_all(&[expected.loss], &[loss], &format!("{on}: loss of an input gradient"));
            check_all(&expected.dxs, &dxs, &format!("{on}: input gradient"));
        }

        let notes = Notes { samples: count, ..Notes::default() };
        let mut noted = net;
        let loss = noting.train_step_with(isa, &mut noted, &rows.xs, &rows.targets, &notes);
        let loss = loss.expect("rows that fit");
        assert_eq!(bits(&noting.loss.ys.take()), bits(ys), "{on}: forward's outputs");
        check_all(&[expected.loss], &[loss], &format!("{on}: loss"));
        let noted = learnt(&noted);
        check_all(&gradient, &noted, &format!("{on}: parameter gradient"));
        let norms = notes.squares.take();
        check_squares(&squares, &norms, &on);

        let stepped = two_steps(case, rows, isa, &gradient, &on);
        let trace = [ys, &dxs, &[loss], &noted, &norms, &stepped].map(bits);
        classes.check(isa, &what, trace);
    }
}

/// Norms of samples' gradients, squared. The bound is that of the sum of all squares of the gradient's numbers: a product of
/// two norms has at most as many roundings. Beside it stands what the kernel adds for what may underflow, 2^-126 for each number
/// of a row, times the other norm's square: of less than 2^14 numbers, whose squares are less than 2^12, less than 2^-100.
fn check_squares(expected: &[Bounded], got: &[f32], on: &str) {
    let with_underflow = |square: &Bounded| Bounded { error: square.error + 2_f64.powi(-100), ..*square };
    let expected: Vec<Bounded> = expected.iter().map(with_underflow).collect();
    check_all(&expected, got, &format!("{on}: squares of samples' norms"));
    let zeros = expected.iter().zip(got).all(|(square, &got)| square.value > 0.0 || got >= 0.0);
    assert!(zeros, "{on}: a square below zero");
}

/// Two steps with momentum, which are p - rate g and p - rate (momentum g + g'), g' being the gradient at what the first left;
/// returns what they left.
fn two_steps<N, const OUT: usize>(
    case: &Case<'_, N, OUT>,
    rows: &Rows<N::Input, OUT>,
    isa: Isa,
    gradient: &[Bounded],
    on: &str,
) -> Vec<f32>
where
    N: Train<Input: Input, Output = [f32; OUT]> + Copy,
{
    let (rate, momentum) = (Bounded::exact(MOMENTUM.rate), Bounded::exact(0.5));
    let mut workspace = Workspace::<N, MOST, Momentum, Noted>::with_loss(Noted::default());
    let mut net = case.net;
    let mut stepped = |from: &[f32], moved: &[Bounded], which: &str| {
        let step = workspace.train_step_with(isa, &mut net, &rows.xs, &rows.targets, &MOMENTUM);
        step.expect("rows that fit");
        let expected: Vec<Bounded> =
            std::iter::zip(from, moved).map(|(&p, &g)| Bounded::exact(p) - rate * g).collect();
        let got = (case.learnt)(&net);
        check_all(&expected, &got, &format!("{on}: {which}"));
        got
    };
    let first = stepped(&(case.learnt)(&case.net), gradient, "a step");
    let next = rows.step::<Bounded>(case.tree, &first, None).gradient();
    let moved: Vec<Bounded> = std::iter::zip(gradient, next).map(|(&v, g)| momentum * v + g).collect();
    let second = stepped(&first, &moved, "a step with momentum");
    [first, second].concat()
}

#[test]
fn networks_are_what_plain_loops_make_of_them() {
    on_all(&mut Loops);
}

/// A row's outputs alone are those in a batch.
struct Alone;

impl Visitor for Alone {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let rows = Rows::<N::Input, OUT>::random(&mut Rng::new(3), MOST);
        for isa in isas() {
            let run = |xs: &[N::Input]| {
                let mut ys = vec![[f32::NAN; OUT]; xs.len()];
                let mut scratch = Scratch::<N, MOST>::new();
                case.net.infer_with(isa, xs, &mut scratch, &mut ys).expect("rows that fit");
                bits(ys.as_flattened())
            };
            let alone: Vec<u32> = rows.xs.iter().flat_map(|x| run(std::slice::from_ref(x))).collect();
            assert_eq!(alone, run(&rows.xs), "{isa}, {}", case.name);
        }
    }
}

#[test]
fn a_row_does_not_know_its_batch() {
    on_all(&mut Alone);
}

/// Batches of several sizes, one after the other.
fn batches<N, const OUT: usize>(seed: u64) -> Vec<Rows<N::Input, OUT>>
where
    N: Train<Input: Input, Output = [f32; OUT]>,
{
    let mut rng = Rng::new(seed);
    [MOST, 1, 3].map(|count| Rows::random(&mut rng, count)).into()
}

/// What a step comes to: its loss and the numbers after it.
type Came = Vec<(u32, Vec<u32>)>;

/// Whole steps with a workspace.
fn whole<N, O, const OUT: usize>(
    case: &Case<'_, N, OUT>,
    batches: &[Rows<N::Input, OUT>],
    mut step: impl FnMut(&mut Workspace<N, MOST, O, Noted>, &mut N, &Rows<N::Input, OUT>) -> f32,
) -> Came
where
    N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    O: Optimizer,
{
    let mut workspace = Workspace::with_loss(Noted::default());
    let mut net = case.net;
    let step = |rows| {
        let loss = step(&mut workspace, &mut net, rows);
        (loss.to_bits(), bits(&(case.learnt)(&net)))
    };
    batches.iter().map(step).collect()
}

/// Steps in slices.
fn sliced<N, O, const OUT: usize>(
    case: &Case<'_, N, OUT>,
    batches: &[Rows<N::Input, OUT>],
    optimizer: impl Fn() -> O,
    mut poll: impl FnMut(&mut Learner<N, MOST, O, Noted>) -> Poll<Result<f32, fusebox::Error>>,
) -> Came
where
    N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    O: Optimizer,
{
    let mut learner = Learner::with_loss(case.net, Noted::default());
    let step = |rows: &Rows<N::Input, OUT>| {
        for (x, &target) in rows.xs.iter().zip(&rows.targets) {
            learner.push(target, |row| *row = *x).expect("rows that fit");
        }
        learner.start(optimizer()).expect("a step can start");
        let loss = loop {
            if let Poll::Ready(loss) = poll(&mut learner) {
                break loss.expect("a step that does no harm");
            }
        };
        (loss.to_bits(), bits(&(case.learnt)(learner.net())))
    };
    batches.iter().map(step).collect()
}

/// A guard that lets every finite step pass.
fn patient<N: Copy>() -> Guard<N> {
    let mut guard = Guard::new();
    guard.limits = Some(Limits { slack: 1e30, ..Limits::DEFAULT });
    guard
}

/// Steps plain, behind a guard, among looks at the network, and in slices.
struct Ways;

impl Visitor for Ways {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let batches = batches::<N, OUT>(4);
        for isa in isas() {
            let what = format!("{isa}, {}", case.name);
            let plain = whole(case, &batches, |workspace, net, rows| {
                let step = workspace.train_step_with(isa, net, &rows.xs, &rows.targets, &MOMENTUM);
                step.expect("rows that fit")
            });

            let mut guard = patient();
            let guarded = whole(case, &batches, |workspace, net, rows| {
                let (xs, targets) = (&rows.xs, &rows.targets);
                let step = workspace.train_step_guarded_with(isa, net, xs, targets, &MOMENTUM, &mut guard);
                step.expect("a step that does no harm")
            });
            assert!(guarded == plain, "{what}: behind a guard");

            let other = Rows::<N::Input, OUT>::random(&mut Rng::new(5), MOST);
            let looked = whole(case, &batches, |workspace, net, rows| {
                let validated = workspace.validate_with(isa, net, &other.xs, &other.targets);
                validated.expect("rows that fit");
                let before = bits(&(case.learnt)(net));
                let (xs, targets) = (&rows.xs, &rows.targets);
                let alone = workspace.validate_with(isa, net, xs, targets).expect("rows that fit");
                assert_eq!(bits(&(case.learnt)(net)), before, "{what}: a validation changed the network");
                let step = workspace.train_step_with(isa, net, xs, targets, &MOMENTUM);
                let loss = step.expect("rows that fit");
                assert_eq!(alone.to_bits(), loss.to_bits(), "{what}: the validation's loss");
                loss
            });
            assert!(looked == plain, "{what}: among validations");

            for budget in [Budget::rows(1), Budget::macs(333), Budget::ALL] {
                let slices = sliced(case, &batches, || MOMENTUM, |learner| learner.poll_with(isa, budget));
                assert!(slices == plain, "{what}: {budget:?}");
                let mut guard = patient();
                let slices = sliced(
                    case,
                    &batches,
                    || MOMENTUM,
                    |learner| learner.poll_guarded_with(isa, budget, &mut guard),
                );
                assert!(slices == plain, "{what}: {budget:?}, behind a guard");
            }
        }
    }
}

#[test]
fn every_way_to_take_a_step_leaves_the_same_bits() {
    on_all(&mut Ways);
}

/// An input's gradient taken between steps changes nothing.
struct Looks;

impl Visitor for Looks {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let Some(input_gradient) = case.input_gradient else { return };
        let batches = batches::<N, OUT>(6);
        for isa in isas() {
            let steps = |looks: bool| {
                whole(case, &batches, |workspace: &mut Noting<N>, net, rows| {
                    if looks {
                        input_gradient(workspace, isa, net, &batches[0]);
                    }
                    let notes = Notes { samples: rows.xs.len(), ..Notes::default() };
                    let step = workspace.train_step_with(isa, net, &rows.xs, &rows.targets, &notes);
                    step.expect("rows that fit")
                })
            };
            let plain = steps(false);
            assert!(steps(true) == plain, "{isa}, {}", case.name);
        }
    }
}

#[test]
fn an_input_gradient_between_steps_changes_nothing() {
    on_all(&mut Looks);
}

/// What a large batch left in a workspace, NaNs where its inputs can be, does not show in the steps after it.
struct Stale;

impl Visitor for Stale {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let rng = &mut Rng::new(7);
        let mut harmful = Rows::<N::Input, OUT>::random(rng, MOST);
        harmful.xs.fill_with(|| N::Input::harmful(rng));
        let rows = Rows::<N::Input, OUT>::random(rng, 3);
        for (isa, count) in isas().flat_map(|isa| [1, 2, 3].map(|count| (isa, count))) {
            let rows = rows.first(count);
            let what = format!("{isa}, {}, {count} rows", case.name);
            let after = |stale: bool| {
                let mut workspace = Workspace::<N, MOST, Momentum, Noted>::with_loss(Noted::default());
                let mut net = case.net;
                if stale {
                    let mut other = case.net;
                    let (xs, targets) = (&harmful.xs, &harmful.targets);
                    let step = workspace.train_step_with(isa, &mut other, xs, targets, &MOMENTUM);
                    step.expect("rows that fit");
                    workspace.reset_optimizer();
                }
                let loss = workspace.train_step_with(isa, &mut net, &rows.xs, &rows.targets, &MOMENTUM);
                (loss.map(f32::to_bits), bits(&(case.learnt)(&net)))
            };
            assert!(after(true) == after(false), "{what}");

            let infer = |with: f32| {
                let (mut scratch, mut ys) = (Scratch::<N, MOST>::new(), vec![[with; OUT]; MOST]);
                if with.is_nan() {
                    case.net.infer_with(isa, &harmful.xs, &mut scratch, &mut ys).expect("rows that fit");
                }
                case.net.infer_with(isa, &rows.xs, &mut scratch, &mut ys[..count]).expect("rows that fit");
                bits(ys[..count].as_flattened())
            };
            assert_eq!(infer(f32::NAN), infer(0.0), "{what}: scratch");
        }
    }
}

#[test]
fn nothing_of_a_batch_shows_in_the_next() {
    on_all(&mut Stale);
}

/// Private steps within the bound of the plain loops; in slices, and after harm, to the bit.
struct Privately;

impl Visitor for Privately {
    fn visit<N, const OUT: usize>(&mut self, case: &Case<'_, N, OUT>)
    where
        N: Train<Input: Input, Output = [f32; OUT]> + Copy,
    {
        let &Case { name, net, tree, learnt, .. } = case;
        let rows = Rows::<N::Input, OUT>::random(&mut Rng::new(8), MOST);
        let parameters = learnt(&net);
        let of_all = rows.step::<f64>(tree, &parameters, None);
        let weight: f32 = rows.targets.iter().map(|&(_, weight)| weight).sum();
        let mut norms: Vec<f64> = of_all.squares().iter().map(|s| f64::from(weight) * s.sqrt()).collect();
        norms.sort_by(f64::total_cmp);
        assert!(norms[0] < norms[MOST / 2] && norms[MOST / 2] < norms[MOST - 1], "{name}: norms that differ");
        // One that clips about half of the samples, and one that clips none.
        for clip in [norms[MOST / 2] as f32, 2.0 * norms[MOST - 1] as f32] {
            let what = format!("{name}, clipped to {clip}");
            let gradient = rows.step::<Bounded>(tree, &parameters, Some(clip)).gradient();
            let loose = looseness(&gradient);
            assert!(loose < 1e-2, "{what}: a bound of {loose:e} of the numbers it is for");
            let stepped = |(&p, &g): (&f32, &Bounded)| Bounded::exact(p) - Bounded::exact(0.5) * g;
            let expected: Vec<Bounded> = std::iter::zip(&parameters, &gradient).map(stepped).collect();
            let optimizer = Private::new(Sgd::new(0.5), clip, 0.0, 7);
            let batches = [rows.clone(), rows.first(3)];
            let mut classes = Classes::NEW;
            for isa in isas() {
                let on = format!("{isa}, {what}");
                let mut first = None;
                let came = whole(case, &batches, |workspace, net, rows| {
                    let step =
                        workspace.train_step_private_with(isa, net, &rows.xs, &rows.targets, &optimizer);
                    let after = learnt(net);
                    first.get_or_insert(after);
                    step.expect("finite gradients")
                });
                check_all(&expected, &first.expect("a step"), &on);
                for budget in [Budget::rows(1), Budget::macs(333), Budget::ALL] {
                    let slices = sliced(
                        case,
                        &batches,
                        || optimizer,
                        |learner| learner.poll_private_with(isa, budget),
                    );
                    assert!(slices == came, "{on}: {budget:?}");
                }
                classes.check(isa, &what, came);
            }
        }
    }
}

#[test]
fn private_steps_clip_the_gradient_of_every_sample() {
    on_all(&mut Privately);
}

/// Numbers of a row's share in the scratch.
const fn scratch<N: Layer>() -> usize {
    Scratch::<N, 3>::BYTES / (3 * size_of::<f32>())
}

/// Bytes of so many numbers where they are aligned.
fn aligned(numbers: usize) -> usize {
    (numbers * size_of::<f32>()).next_multiple_of(align_of::<Aligned<()>>())
}

/// The scratch is as large as the largest step on the way through the network, not as their sum.
#[test]
fn bytes_of_scratch() {
    // Input and output of each layer but the network's own: 32 + 8, 8 + 24, 24.
    const FLAT: usize = scratch::<Seq![Dense<64, 32, Relu>, Dense<32, 8>, Dense<8, 24>, Dense<24, 2>]>();
    assert_eq!(FLAT, 32 + 8);
    // The inner chain's output, 24, has its place while the inner chain runs on 32 + 8.
    type Inner = Seq![Dense<32, 8>, Dense<8, 24>];
    assert_eq!(scratch::<Seq![Dense<64, 32, Relu>, Inner, Dense<24, 2>]>(), 32 + 8 + 24);
    // First, it runs on the network's input.
    assert_eq!(scratch::<Seq![Inner, Dense<24, 2>]>(), 8 + 24);
    // A block's input, what is inside of it, its output; as many for three blocks as for thirty.
    type Wide = Residual<Seq![Dense<8, 16, Relu>, Dense<16, 8>]>;
    assert_eq!(scratch::<Repeat<3, Wide>>(), 8 + 16 + 8);
    assert_eq!(scratch::<Repeat<30, Wide>>(), 8 + 16 + 8);
    // One block needs no place for an input that lies elsewhere, but the type does not tell.
    assert_eq!(scratch::<Repeat<1, Wide>>(), 8 + 16 + 8);
    // Three positions of 8.
    assert_eq!(scratch::<Seq![Each<3, Dense<2, 8, Relu>>, Flatten<3, 8, Dense<24, 2>>]>(), 24);
    // In the middle: the first's output of 6, and at each of three positions the inner chain's way to run in place, 2 + 9, and
    // to run beside its input, 9; then the output, 12.
    type Positions = View<[f32; 6], Each<3, Seq![Dense<2, 9, Relu>, Dense<9, 4>]>, [f32; 12]>;
    assert_eq!(scratch::<Seq![Dense<4, 6>, Positions, Dense<12, 2>]>(), 3 * (2 + 9 + 9) + 12);
    // Both branches' outputs, and what the larger has inside.
    type Branches = Parallel<Seq![Dense<4, 9>, Dense<9, 3>], Seq![Dense<4, 7>, Dense<7, 2>], Concat<5>>;
    assert_eq!(scratch::<Branches>(), 3 + 2 + 9);
    // The hidden numbers, and what the middle makes of them.
    assert_eq!(scratch::<Tied<8, 3, LayerNorm<3>>>(), 3 + 3);
    assert_eq!((scratch::<Dense<64, 32>>(), scratch::<Residual<Dense<9, 9, Gelu>>>()), (0, 0));
}

#[test]
fn bytes_of_training() {
    type Net = Seq![Dense<3, 4, Gelu>, Repeat<2, Residual<Dense<4, 4, Relu>>>, Dense<4, 2>];
    let memory = Workspace::<Net, 5, Momentum, Noted>::MEMORY;
    let parameters = (3 + 1) * 4 + 2 * (4 + 1) * 4 + (4 + 1) * 2;
    assert_eq!(memory.parameters, 4 * parameters);
    assert_eq!(memory.optimizer, 4 * parameters); // a velocity for each
    // A row: 4 outputs and 4 slopes; of each block 4 outputs and 4 of its ReLU; 4 that pass on.
    let tape = (4 + 4) + 2 * (4 + 4) + 4;
    assert_eq!(memory.tape, aligned(5 * tape) + aligned(5 * 2));
    // With respect to the first's outputs, to those of each block, twice, and to what passes on.
    let gradients = 4 + 2 * (4 + 4) + 4;
    assert_eq!(memory.gradients, aligned(5 * gradients) + aligned(5 * 2));

    // Of a body that stays: what it hands on, and its scratch. The head's weights move alone.
    type Body = Seq![Dense<6, 7, Relu>, Dense<7, 5>];
    let memory = Workspace::<Frozen<'static, Body, Dense<5, 2>>, 5, Momentum, Noted>::MEMORY;
    assert_eq!(memory.tape, aligned(5 * (5 + 7)) + aligned(5 * 2));
    assert_eq!(memory.gradients, aligned(5 * 2));
    assert_eq!(memory.optimizer, 4 * (5 + 1) * 2);

    // Tokens or bytes have no gradient; positions have one tape each.
    type Bytes = Seq![Each<3, Pixels<2>>, Each<3, Dense<2, 4, Relu>>, Flatten<3, 4, Dense<12, 2>>];
    let memory = Workspace::<Bytes, 5, Sgd, Noted>::MEMORY;
    assert_eq!(memory.tape, aligned(5 * (3 * 2 + 3 * 4)) + aligned(5 * 2));
    assert_eq!(memory.gradients, aligned(5 * (3 * 2 + 3 * 4)) + aligned(5 * 2));
    assert_eq!(memory.optimizer, 0);

    // The hidden numbers before and after the middle, whose tape is a mean and a deviation; on the way back also the rows of the
    // gain's gradient.
    let memory = Workspace::<Tied<8, 3, LayerNorm<3>>, 5, Sgd, Mse>::MEMORY;
    assert_eq!(memory.tape, aligned(5 * (3 + 3 + 2)) + aligned(5 * 8));
    assert_eq!(memory.gradients, aligned(5 * (3 + 3 + 3)) + aligned(5 * 8));
}

/// A layer that says of itself that it mixes the samples of a batch, and that no gradient passes it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Mixing;

plain!(Mixing {});

impl Layer for Mixing {
    type Input = [f32; 2];
    type Output = [f32; 2];
    type Scratch = ();
    type InPlace = [f32; 2];

    fn run(&self, _: Isa, _: &[[f32; 2]], _scratch: &mut [f32], _: &mut [[f32; 2]]) {}
}

impl Train for Mixing {
    type Tape = ();
    type Gradients = ();
    type Memory = ();
    type State<O: Optimizer> = ();
    type End = Linear;

    const MIXES_SAMPLES: bool = true;
    const PASSES_GRADIENT: bool = false;

    fn init(&mut self, _: Init, _: &mut Rng) {}

    fn forward<P: Pace>(&self, _: &mut P, _: &[[f32; 2]], _: Option<&()>, _: &mut [()], _: &mut [[f32; 2]]) {}

    fn backward<P: Pace>(
        &self,
        _: &mut P,
        _: &[[f32; 2]],
        _: &[()],
        _: &[[f32; 2]],
        _: &mut [()],
        _: InputGradient<'_, [f32; 2]>,
    ) {
    }

    fn update<O: Optimizer, P: Pace>(
        &mut self,
        _: &mut P,
        _: &[[f32; 2]],
        _: &[()],
        _: &[[f32; 2]],
        _: &[()],
        _: &mut O::Sweep,
        (): &mut (),
    ) {
    }
}

/// A network of layers says of itself what one of them does, wherever that is. (That private training of it does not compile is
/// an example of [`Train::MIXES_SAMPLES`].)
#[test]
fn a_layer_that_mixes_samples_is_known_wherever_it_is() {
    const fn says<N: Train>() -> (bool, bool) {
        (N::MIXES_SAMPLES, N::PASSES_GRADIENT)
    }
    type Calm = Dense<2, 2>;
    let all = [
        says::<Mixing>(),
        says::<Chain<Mixing, Calm>>(),
        says::<Chain<Calm, Mixing>>(),
        says::<Residual<Mixing>>(),
        says::<Repeat<2, Mixing>>(),
        says::<Each<2, Mixing>>(),
        says::<Parallel<Mixing, Calm>>(),
        says::<Parallel<Calm, Mixing, Concat<4>>>(),
        says::<View<[f32; 2], Mixing, [[f32; 1]; 2]>>(),
        says::<Tied<3, 2, Mixing>>(),
        says::<Frozen<'static, Calm, Mixing>>(),
    ];
    assert_eq!(all, [(true, false); 11]);
    // A body that stays is only run, not trained.
    assert_eq!(says::<Frozen<'static, Mixing, Calm>>(), (false, false));
    type Every = Seq![
        Residual<Repeat<2, Calm>>,
        Parallel<Calm, Dropout<2, 0>>,
        View<[f32; 2], Each<2, Dense<1, 1>>, [f32; 2]>,
        Tied<2, 2, Calm>
    ];
    assert_eq!(says::<Every>(), (false, true));
}
