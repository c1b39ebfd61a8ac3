//! Products of very many shapes: every small one, a hundred thousand at random, and large ones cut into blocks.
//!
//! Where `gemm.rs` looks for what may go wrong, this file leaves no gap between. The tests have three ways to be fast
//! enough for it, and each prints how much it did:
//!
//! - Small shapes share their numbers: the product of m rows is the last m rows of a taller product, bit for bit, and only
//!   the tallest is compared with the reference. Each shape is tried with one of the twenty pairs of layout and epilogue, in
//!   turn; without optimisation only half of the shapes where k is large. With `FUSEBOX_EVERYTHING` in the environment it is
//!   all pairs (`cargo xtask full`).
//! - Random cases are mostly small: two thousand without optimisation, ten thousand with, a hundred thousand with
//!   `FUSEBOX_EVERYTHING`. A failure prints its seed;
//!   `FUSEBOX_SEED=7 cargo test --test gemm_shapes random` repeats the case of that seed alone.
//! - Large products are compared with their own rows computed apart, and with the reference here and there. Without
//!   optimisation there are four.

mod support {
    pub(crate) mod canaries;
    pub(crate) mod isas;
    pub(crate) mod product;
    pub(crate) mod sum;
    pub(crate) mod values;
}

use fusebox::Rng;
use std::ops::Range;
use support::canaries::{Buffer, Layout};
use support::isas::{isas, tell};
use support::product::{Case, Kind, Mistake, Operands, check};
use support::sum::Sum;
use support::values::{random, with_edges};

/// Whether there is the time for more.
const OPTIMISED: bool = !cfg!(debug_assertions);

/// Whether there is the time for everything: minutes, which `cargo xtask full` takes.
fn everything() -> bool {
    std::env::var_os("FUSEBOX_EVERYTHING").is_some()
}

/// Layout and epilogue: whether A and B lie transposed, and what becomes of the sums.
type Pair = (bool, bool, Kind);

fn pairs() -> impl Iterator<Item = Pair> {
    let layouts = [(false, false), (false, true), (true, false), (true, true)];
    layouts.into_iter().flat_map(|(a, b)| Kind::ALL.map(|epilogue| (a, b, epilogue)))
}

/// k is unrolled by four and brought near in stretches of sixteen; sums of up to 16, 32 and 64 columns fall into eight,
/// four and two chains of sixteen and more; a single column has 64.
const DEPTHS: [usize; 26] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 19, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, DEEPEST];
const DEEPEST: usize = 129;

/// Up to two tiles of the most rows that a tile has anywhere, and one more; up to two panels of three vectors of sixteen, and
/// one column more.
#[test]
fn every_small_shape() {
    let columns: Vec<usize> = (0..=33).chain([47, 48, 49, 63, 64, 65, 95, 96, 97]).collect();
    check_shapes("small", 29, &columns);
}

/// Panels of eight vectors, and single rows longer than two of them.
#[test]
fn few_wide_rows() {
    check_shapes("few wide rows", 5, &[112, 127, 128, 129, 255, 256, 257, 319, 320, 321]);
}

/// Products of up to `most_rows` rows, of all given numbers of columns and all depths.
fn check_shapes(name: &str, most_rows: usize, columns: &[usize]) {
    let numbers = Numbers::new(most_rows, columns.iter().copied().max().unwrap_or(0));
    let (mut shapes, mut products) = (0, 0);
    for (turn, k) in DEPTHS.into_iter().enumerate() {
        let sum = |row: &[f32], column: &[f32]| Sum::of(&row[..k], &column[..k]);
        let row = |row: &Vec<f32>| numbers.b_columns.iter().map(|column| sum(row, column)).collect();
        let sums: Vec<Vec<Sum>> = numbers.a_rows.iter().map(row).collect();
        // One pair of twenty for each shape, or for every other.
        let one_in = match k {
            _ if everything() => 1,
            _ if OPTIMISED || k <= 33 => 20,
            _ => 40,
        };
        for &n in columns {
            shapes += most_rows + 1;
            for (index, pair) in pairs().enumerate() {
                let turn = index + 3 * turn + 7 * n;
                let heights = (0..=most_rows).rev().filter(|m| (m + turn).is_multiple_of(one_in));
                let what = format!("{n} columns, k = {k}, {pair:?}");
                products += check_heights(heights, &numbers.operands(n, k, pair), &sums, n, &what);
            }
        }
    }
    tell(&format!("{name}: {shapes} shapes, {products} products, each on every instruction set"));
}

/// The largest product, parts of which are all the others.
struct Numbers {
    a_rows: Vec<Vec<f32>>,
    b_columns: Vec<Vec<f32>>,
    bias: Vec<f32>,
    gate: Vec<Vec<f32>>,
    /// The old C.
    c: Vec<Vec<f32>>,
}

impl Numbers {
    fn new(rows: usize, columns: usize) -> Self {
        let mut values = random(1);
        let mut matrix = |rows, cols| -> Vec<Vec<f32>> {
            (0..rows).map(|_| (0..cols).map(|_| values()).collect()).collect()
        };
        Self {
            a_rows: matrix(rows, DEEPEST),
            b_columns: matrix(columns, DEEPEST),
            bias: matrix(1, columns).concat(),
            gate: matrix(rows, columns),
            c: matrix(rows, columns),
        }
    }

    /// The operands for `n` columns and the first `k` terms of each sum. Slices end with the matrices half of the time,
    /// so that a sanitizer sees what is read behind them.
    fn operands(&self, n: usize, k: usize, (a_transposed, b_transposed, epilogue): Pair) -> Operands {
        let (gap, after) = (n % 2 * 5, k % 2 * 40);
        let layout = |transposed| Layout { transposed, gap, before: k % 17, after };
        let (inside, rows) = (layout(false), self.a_rows.len());
        Operands {
            a: matrix(layout(a_transposed), rows, k, |row, p| self.a_rows[row][p]),
            b: matrix(layout(b_transposed), k, n, |p, col| self.b_columns[col][p]),
            bias: self.bias[..n].to_vec(),
            gate: matrix(inside, rows, n, |row, col| self.gate[row][col]),
            before: match epilogue {
                Kind::Accumulate => matrix(inside, rows, n, |row, col| self.c[row][col]),
                _ => Buffer::new(inside, rows, n),
            },
            epilogue,
        }
    }
}

/// A matrix of given elements, wherever they then lie.
fn matrix(layout: Layout, rows: usize, cols: usize, element: impl Fn(usize, usize) -> f32) -> Buffer {
    let inner = if layout.transposed { rows } else { cols };
    let mut place = 0..;
    let mut values = || {
        let place = place.next().unwrap_or(0);
        let (outer, inner) = (place / inner, place % inner);
        if layout.transposed { element(inner, outer) } else { element(outer, inner) }
    };
    Buffer::filled(layout, rows, cols, &mut values)
}

/// The last m rows of the product, for each m of `heights`. Returns for how many.
fn check_heights(
    heights: impl Iterator<Item = usize>,
    operands: &Operands,
    sums: &[Vec<Sum>],
    n: usize,
    what: &str,
) -> usize {
    let before = operands.before.bits();
    // The first result of each class of instruction sets, fused or not, as bits.
    let mut first: [Option<Vec<u32>>; 2] = [None, None];
    let mut count = 0;
    for m in heights {
        count += 1;
        let rows = sums.len() - m..sums.len();
        let start = operands.before.start_of(rows.start);
        for isa in isas() {
            let what = || format!("{isa}, the last {m} of {} rows, {what}", sums.len());
            let mut c = operands.before.clone();
            operands.compute(isa, rows.clone(), &mut c);
            let bits = c.bits();
            assert!(bits[..start] == before[..start], "wrote above its rows: {}", what());
            match &first[usize::from(isa.is_fused())] {
                Some(first) => {
                    assert!(bits[start..] == first[start..], "not the bits of a taller product: {}", what());
                }
                None => {
                    let what = what();
                    c.check_surroundings(&what);
                    for row in rows.clone() {
                        for (col, &sum) in sums[row][..n].iter().enumerate() {
                            operands.check(sum, (row, col), c.get(row, col), &what);
                        }
                    }
                    first[usize::from(isa.is_fused())] = Some(bits);
                }
            }
        }
    }
    count
}

/// Repeats what it holds if the test fails.
struct OnFailure(String);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&self.0);
        }
    }
}

/// All of a case follows from its seed.
#[test]
fn random_cases() {
    let seeds = match std::env::var("FUSEBOX_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("FUSEBOX_SEED is a number");
            seed..seed + 1
        }
        Err(_) => {
            0..match OPTIMISED {
                _ if everything() => 100_000,
                true => 10_000,
                false => 2_000,
            }
        }
    };
    tell(&format!("random: {} cases, each on every instruction set", seeds.end - seeds.start));
    for seed in seeds {
        let _repeat =
            OnFailure(format!("to repeat: FUSEBOX_SEED={seed} cargo test --test gemm_shapes random"));
        let mut rng = Rng::new(seed);
        let case = random_case(&mut rng);
        match rng.below(4) {
            0 => check(&case, &mut with_edges(seed, 1 << rng.below(10))),
            _ => check(&case, &mut random(seed)),
        }
    }
}

fn random_case(rng: &mut Rng) -> Case {
    let [m, n, k] = [(); 3].map(|()| random_size(rng));
    let k = k.min((1 << 19) / (m * n).max(1));
    // Now and then a tall C and a B whose rows are pages apart, which is packed.
    let far = rng.below(200) == 0;
    let (m, n, k) = if far { (m + 49, n, k + 1) } else { (m, n, k) };
    let far = if far { ((1 << 20) / k).next_multiple_of(1 << rng.below(12)) } else { 0 };
    let mut layout = |gap| Layout {
        transposed: rng.below(2) == 0,
        gap: gap + rng.below(2) as usize * rng.below(40) as usize,
        before: rng.below(40) as usize,
        after: rng.below(2) as usize * 40,
    };
    let (a, b, c, gate) = (layout(0), layout(far), layout(0), layout(0));
    let first = rng.below(m as u32 + 1) as usize;
    let rows = first..first + rng.below((m - first) as u32 + 1) as usize;
    let epilogue = Kind::ALL[rng.below(Kind::ALL.len() as u32) as usize];
    let mistake = match rng.below(20) {
        0 => Some(Mistake::ALL[rng.below(Mistake::ALL.len() as u32) as usize]),
        _ => None,
    };
    Case { m, n, k, a, b, c: Layout { transposed: false, ..c }, gate, epilogue, mistake, rows }
}

/// Mostly small: below 64 three times in four, below 512 else, every power of two as likely as the next; at times zero.
fn random_size(rng: &mut Rng) -> usize {
    let powers = if rng.below(4) > 0 { 6 } else { 9 };
    let power = 1 << rng.below(powers);
    let size = (power + rng.below(power)) as usize;
    if rng.below(30) == 0 { 0 } else { size }
}

/// m, n, k, and how far apart the rows of B are at least. B is packed where it is transposed, where it takes more than 2^20
/// numbers, gaps included, or more than 320 * 2^10 with rows that crowd into few sets of a cache: in blocks of k of 256, 512
/// or 1536 (vectors of 16, 8, 4) and blocks of some hundred rows of C; but all of k at once, in rows at the end of C, if an
/// eighth of them have the room and no gaps between them.
const LARGE: [(usize, usize, usize, usize); 10] = [
    (400, 256, 260, 2048),
    (400, 256, 520, 2100),
    (60, 600, 700, 2000),
    (1100, 600, 640, 2048),
    (411, 611, 1090, 0),
    (1024, 1024, 1024, 0),
    (1000, 1030, 1100, 0),
    (640, 1000, 1600, 0),
    (833, 1025, 600, 4096),
    (500, 1088, 769, 1088),
];

#[test]
fn large_products() {
    let (mut rng, mut values) = (Rng::new(1), random(2));
    let mut count = 0;
    for (turn, &(m, n, k, b_stride)) in LARGE[..if OPTIMISED { LARGE.len() } else { 1 }].iter().enumerate() {
        // Without optimisation, each layout once, with an epilogue of its own.
        let pairs = pairs().enumerate().filter(|(index, _)| OPTIMISED || (index + turn).is_multiple_of(6));
        for (index, (a_transposed, b_transposed, epilogue)) in pairs {
            let mut layout = |transposed, gap| {
                let [before, after] = [(); 2].map(|()| rng.below(2) as usize * 5);
                Layout { transposed, gap, before, after }
            };
            // Every third C has gaps.
            let c = layout(false, if (index + turn).is_multiple_of(3) { 7 } else { 0 });
            let b_cols = if b_transposed { k } else { n };
            let (a, b) =
                (layout(a_transposed, index % 2), layout(b_transposed, b_stride.saturating_sub(b_cols)));
            let case = Case { m, n, k, a, b, c, gate: layout(false, 0), epilogue, mistake: None, rows: 0..m };
            check_large(&case, &mut rng, &mut values);
            count += 1;
        }
    }
    tell(&format!("large: {count} products, each on every instruction set, whole and in pieces"));
}

/// Rows alone, and some together, have the bits that they have in the whole product, which are those of other instruction
/// sets alike in fusing; and some elements are compared with the reference.
fn check_large(case: &Case, rng: &mut Rng, values: &mut impl FnMut() -> f32) {
    let &Case { m, n, k, .. } = case;
    let operands = Operands::new(case, values);
    let mut first: [Option<Vec<u32>>; 2] = [None, None];
    for isa in isas() {
        let what = format!("{isa}, {case:?}");
        let mut whole = operands.before.clone();
        operands.compute(isa, 0..m, &mut whole);
        whole.check_surroundings(&what);
        let bits = whole.bits();
        let (mut pieces, mut expected) = (operands.before.clone(), operands.before.bits());
        for rows in pieces_of(m) {
            // Without optimisation, some of them.
            if OPTIMISED || rng.below(4) == 0 {
                let place = whole.start_of(rows.start)..whole.start_of(rows.end);
                expected[place.clone()].copy_from_slice(&bits[place]);
                operands.compute(isa, rows, &mut pieces);
            }
        }
        assert!(pieces.bits() == expected, "some rows alone have other bits: {what}");
        match &first[usize::from(isa.is_fused())] {
            Some(first) => assert!(*first == bits, "not the bits of its class: {what}"),
            None => {
                for _ in 0..200 {
                    let (row, col) = (rng.below(m as u32) as usize, rng.below(n as u32) as usize);
                    let a: Vec<f32> = (0..k).map(|p| operands.a.get(row, p)).collect();
                    let b: Vec<f32> = (0..k).map(|p| operands.b.get(p, col)).collect();
                    operands.check(Sum::of(&a, &b), (row, col), whole.get(row, col), &what);
                }
                first[usize::from(isa.is_fused())] = Some(bits);
            }
        }
    }
}

/// All of m rows in turn: a row alone twice, then two, a tile, and as many tiles as are never worth packing for.
fn pieces_of(m: usize) -> impl Iterator<Item = Range<usize>> {
    let mut lengths = [1, 1, 2, 12, 45].into_iter().cycle();
    let mut done = 0;
    std::iter::from_fn(move || {
        let first = done;
        done = m.min(first + lengths.next()?);
        (first < m).then_some(first..done)
    })
}
