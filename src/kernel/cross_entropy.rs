//! Softmax and cross-entropy in one pass over the logits.
//!
//! ```text
//! p_j = exp(z_j - max z) / sum_i exp(z_i - max z)
//! loss = -ln p_t = ln(sum_i exp(z_i - max z)) + max z - z_t
//! dloss / dz_j = p_j - [j = t]
//! ```
//!
//! Subtracting the maximum prevents the exponentials from overflowing. The loss does not divide, so a confident wrong
//! answer has a large but finite loss. Probabilities below e^-64 of the largest count as zero (see
//! [`exp_or_zero`](super::math::exp_or_zero)), which keeps subnormal numbers out of the gradients computed from them.
//!
//! # Few classes
//!
//! A row of ten classes does not fill a vector, and reducing it to its maximum and its sum takes eight dependent
//! steps. So for up to sixteen classes, rows are transposed: as many rows as a vector has lanes become columns, one
//! vector per class. This needs no reductions, and one logarithm serves all rows. If there are too few rows to
//! transpose, they are processed one by one and summed in the same tree. Two classes are not transposed: each pair of
//! lanes exchanges its numbers. So a row's bits depend only on the number of classes.

use super::elementwise::{multiply, vectors};
use super::math::{exp_or_zero, ln, ln_one_plus};
use super::softmax::exponentials;
use crate::simd::{Lanes16, Pass, Simd, VECTORS};
use crate::{Isa, Label};

/// Adds the losses of `logits` (`labels.len()` rows of `classes`) for the `labels` to `sums`: row i of the batch to
/// virtual lane i mod 16, where `first` is the first row's i. Returns the sum of the lanes. Overwrites `gradients`,
/// of the logits' shape, with `scale` times the gradient of each row's loss. An out-of-range label gives a
/// meaningless loss, but no out-of-bounds access.
///
/// Inlined where the number of classes is known, so that a program contains only the code for that number.
#[inline(always)]
pub(crate) fn cross_entropy<T: Label>(
    isa: Isa,
    (logits, classes): (&[f32], usize),
    (first, labels): (usize, &[T]),
    scale: f32,
    gradients: &mut [f32],
    sums: &mut [f32; 16],
) -> f32 {
    match classes {
        2 => {
            isa.call(CrossEntropyPass::<_, PAIRS> { logits, first, labels, classes, scale, gradients, sums })
        }
        ..=FEW => {
            isa.call(CrossEntropyPass::<_, FEW> { logits, first, labels, classes, scale, gradients, sums })
        }
        _ => isa.call(CrossEntropyPass::<_, MANY> { logits, first, labels, classes, scale, gradients, sums }),
    }
}

/// For at most `MOST` classes; with [`PAIRS`], for exactly two.
struct CrossEntropyPass<'a, T, const MOST: usize> {
    logits: &'a [f32],
    first: usize,
    labels: &'a [T],
    classes: usize,
    scale: f32,
    gradients: &'a mut [f32],
    sums: &'a mut [f32; 16],
}

const PAIRS: usize = 2;
/// Up to this number of classes, rows are transposed.
const FEW: usize = 16;
const MANY: usize = usize::MAX;

impl<T: Label, const MOST: usize> Pass for CrossEntropyPass<'_, T, MOST> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let Self { logits, first, labels, classes, scale, gradients, sums } = self;
        let per_row = |numbers: usize| numbers.checked_div(classes).unwrap_or(0);
        let rows = per_row(logits.len()).min(per_row(gradients.len())).min(labels.len());
        if S::LANES == 1 && MOST == FEW {
            let group = Rows {
                logits: logits.as_ptr(),
                labels: labels.get(..rows).unwrap_or_default(),
                classes: s.number_in_register(classes.min(FEW)),
                scale,
                gradients: gradients.as_mut_ptr(),
            };
            // SAFETY: as many rows of logits and gradients as labels; FEW is used for at most that many classes.
            return unsafe { group.one_by_one(s, first, sums) };
        }
        // Processes rows up to the batch's next multiple of sixteen.
        let mut row = 0;
        while row < rows {
            let lane = first.wrapping_add(row) % 16;
            let count = (16 - lane).min(rows - row);
            let mut losses = [0.0; 16];
            let group = Rows {
                logits: logits.as_ptr().wrapping_add(row * classes),
                labels: labels.get(row..row + count).unwrap_or_default(),
                classes,
                scale,
                gradients: gradients.as_mut_ptr().wrapping_add(row * classes),
            };
            // SAFETY: logits and gradients have as many rows, starting at `row`, as there are labels.
            unsafe {
                match MOST {
                    PAIRS => group.pairs(s, &mut losses),
                    FEW => group.few(s, &mut losses),
                    _ => group.many(s, &mut losses),
                }
            }
            if lane == 0 {
                // SAFETY: sixteen numbers each.
                unsafe {
                    let losses = Lanes16::load(s, losses.as_ptr(), count, 0.0);
                    let sum = Lanes16::load(s, sums.as_ptr(), 16, 0.0);
                    sum.zip(losses, |sum, loss| s.add(sum, loss)).store(s, sums.as_mut_ptr(), 16);
                }
            } else {
                for (sum, loss) in sums.iter_mut().skip(lane).zip(losses).take(count) {
                    *sum += loss;
                }
            }
            row += count;
        }
        // SAFETY: sixteen numbers.
        unsafe { Lanes16::load(s, sums.as_ptr(), 16, 0.0) }.sum(s)
    }
}

/// Up to sixteen rows.
struct Rows<'a, T> {
    logits: *const f32,
    labels: &'a [T],
    classes: usize,
    scale: f32,
    gradients: *mut f32,
}

impl<T: Label> Rows<'_, T> {
    /// Two classes, not transposed: lanes 2 r and 2 r + 1 belong to row r.
    ///
    /// ```text
    /// d = -|z - other z|,  p = 1 / (1 + e^d) for the larger, e^d / (1 + e^d) for the other
    /// loss = ln(1 + e^d), minus d if the label is the other class
    /// ```
    ///
    /// # Safety
    /// There are as many rows of logits and gradients as labels.
    #[inline(always)]
    unsafe fn pairs<S: Simd>(&self, s: S, losses: &mut [f32; 16]) {
        let numbers = 2 * self.labels.len();
        let mut answers = [0.0; 32];
        for (answer, &label) in answers.as_chunks_mut::<2>().0.iter_mut().zip(self.labels) {
            *answer = if label.class() == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        }
        let mut of_both = [0.0; 32];
        let (zero, one, scale) = (s.splat(0.0), s.splat(1.0), s.splat(self.scale));
        for (start, lanes) in vectors::<S>(numbers.min(32)) {
            // SAFETY: by this function's contract, logits and gradients have `numbers` numbers; the arrays have room
            // for whole vectors.
            unsafe {
                let answers = s.load(answers.as_ptr().add(start));
                let z = s.load_partial(self.logits.add(start), lanes);
                let other = match S::LANES {
                    1 => s.load_partial(self.logits.add(start ^ 1), lanes),
                    _ => s.swap_pairs(z),
                };
                let d = s.sub(zero, s.abs(s.sub(z, other)));
                let e = exp_or_zero(s, d);
                let p = s.mul(s.select_gt(other, z, e, one), s.div(scale, s.add(one, e)));
                s.store_partial(self.gradients.add(start), s.neg_mul_add(answers, scale, p), lanes);
                let worse = s.select_gt(other, z, d, zero);
                let loss = s.select_gt(answers, zero, s.sub(ln_one_plus(s, e), worse), zero);
                s.store(of_both.as_mut_ptr().add(start), loss);
            }
        }
        for (loss, [no, yes]) in losses.iter_mut().zip(of_both.as_chunks::<2>().0) {
            *loss = no + yes;
        }
    }

    /// Up to sixteen classes: whole vectors of rows are transposed, the last few rows processed one by one.
    ///
    /// # Safety
    /// There are as many rows of logits and gradients as labels.
    #[inline(always)]
    unsafe fn few<S: Simd>(&self, s: S, losses: &mut [f32; 16]) {
        let mut row = 0;
        // Transposing costs as much as two or three rows.
        while VECTORS && row + 3 <= self.labels.len() {
            let rows = (self.labels.len() - row).min(S::LANES);
            // SAFETY: by this function's contract, the rows exist; `row + rows` is at most sixteen, and `rows` at
            // most `LANES`.
            s.call(unsafe { Turned::new(self, row, rows, losses.as_mut_ptr().add(row)) });
            row += rows;
        }
        while let (Some(&label), Some(loss)) = (self.labels.get(row), losses.get_mut(row)) {
            // SAFETY: by this function's contract, the row exists, because its label does.
            unsafe { *loss = s.call(Alone::new(self, row, label)) };
            row += 1;
        }
    }

    /// `rows` rows starting at `row`, transposed: lane r of every vector belongs to row `row + r`.
    ///
    /// # Safety
    /// The rows exist, there is room for `rows` losses, and `rows` is at most `LANES`.
    #[inline(always)]
    unsafe fn turned<S: Simd>(&self, s: S, row: usize, rows: usize, losses: *mut f32) {
        let classes = self.classes;
        let logits = self.logits.wrapping_add(row * classes);
        let gradients = self.gradients.wrapping_add(row * classes);
        let mut labels = [0.0; 16];
        for (number, &label) in labels.iter_mut().zip(self.labels.iter().skip(row)) {
            *number = label.class() as f32;
        }
        // SAFETY: by this function's contract, for every pointer below; the arrays have room for whole vectors.
        unsafe {
            let labels = s.load(labels.as_ptr());
            let mut columns = [s.splat(0.0); FEW];
            // In blocks of as many columns as a vector has lanes.
            for (start, wide) in vectors::<S>(classes) {
                let part = s.load_transposed(logits.add(start), classes, [rows, wide]);
                for (column, &part) in columns.iter_mut().skip(start).zip(&part).take(S::LANES) {
                    *column = part;
                }
            }
            // By a pointer, and numbers hidden from the compiler, which else writes out each loop sixteen times.
            let column = columns.as_mut_ptr();
            let mut largest = column.read();
            for c in 1..classes {
                largest = s.max(column.wrapping_add(s.number_in_register(c)).read(), largest);
            }
            // z - max z for the label's class.
            let mut answer = s.splat(0.0);
            for c in 0..classes {
                let c = s.number_in_register(c);
                let column = column.wrapping_add(c);
                let distance = s.sub(column.read(), largest);
                answer = if_equal(s, labels, c, distance, answer);
                column.write(exp_or_zero(s, distance));
            }
            // Columns past the classes are zero.
            let sum = tree(s, &columns);
            s.store_partial(losses, s.sub(ln(s, sum), answer), rows);
            let (scale, factor) = (s.splat(self.scale), s.div(s.splat(self.scale), sum));
            let mut turned = [0.0; FEW * 16];
            let column = columns.as_ptr();
            for c in 0..classes {
                let c = s.number_in_register(c);
                let p = column.wrapping_add(c).read();
                let label = if_equal(s, labels, c, scale, s.splat(0.0));
                s.store(turned.as_mut_ptr().add(c * S::LANES), s.sub(s.mul(p, factor), label));
            }
            for (start, wide) in vectors::<S>(classes) {
                let from = turned.as_ptr().add(start * S::LANES);
                let part = s.load_transposed(from, S::LANES, [wide, rows]);
                let part = part.as_ptr();
                for r in 0..rows {
                    let r = s.number_in_register(r);
                    let gradient = part.wrapping_add(r).read();
                    s.store_partial(gradients.add(r * classes + start), gradient, wide);
                }
            }
        }
    }

    /// One row of at most sixteen classes; returns its loss.
    ///
    /// # Safety
    /// The row exists.
    #[inline(always)]
    unsafe fn in_registers<S: Simd>(&self, s: S, row: usize, label: T) -> f32 {
        let (label, start) = (label.class(), row * self.classes);
        // SAFETY: by this function's contract, the row's `classes` logits can be read and its gradients written.
        unsafe {
            let z = Lanes16::load(s, self.logits.add(start), self.classes, f32::NEG_INFINITY);
            let largest = z.max(s);
            let mut e = z;
            for x in e.registers() {
                *x = exp_or_zero(s, s.sub(*x, s.splat(largest)));
            }
            let sum = e.sum(s);
            let factor = s.splat(self.scale / sum);
            let mut answer = [0.0; 16];
            if let Some(answer) = answer.get_mut(label) {
                *answer = self.scale;
            }
            let answer = Lanes16::load(s, answer.as_ptr(), 16, 0.0);
            let gradient = e.map(|e| s.mul(e, factor)).zip(answer, |p, answer| s.sub(p, answer));
            gradient.store(s, self.gradients.add(start), self.classes);
            // An out-of-range label has no logit: use 0, as in `turned`, and read nothing past the row.
            let distance = match label < self.classes {
                true => self.logits.add(start + label).read() - largest,
                false => 0.0,
            };
            s.reduce_max(ln(s, s.splat(sum))) - distance
        }
    }

    /// Adds the losses of any number of rows of at most sixteen classes to `sums`, and returns their sum. Processes
    /// one number at a time, in loops, to keep programs for microcontrollers small.
    ///
    /// # Safety
    /// There are as many rows of logits and gradients as labels, and at most [`FEW`] classes.
    #[inline(always)]
    unsafe fn one_by_one<S: Simd>(&self, s: S, first: usize, sums: &mut [f32; 16]) -> f32 {
        let classes = self.classes;
        let (mut logits, mut gradients) = (self.logits, self.gradients);
        for (row, &label) in self.labels.iter().enumerate() {
            let label = label.class();
            let mut lanes = [0.0; FEW];
            let mut largest = s.splat(f32::NEG_INFINITY);
            // SAFETY: by this function's contract, the rows' logits can be read and gradients written, and `classes`
            // is at most 16.
            unsafe {
                for class in 0..classes {
                    let class = s.number_in_register(class);
                    largest = s.max(s.load(logits.wrapping_add(class)), largest);
                }
                // Uses pointers, and a number hidden from the compiler: otherwise it would unroll a loop over an
                // array sixteen times, and any other loop four times.
                let exponentials = lanes.as_mut_ptr();
                for class in 0..classes {
                    let class = s.number_in_register(class);
                    let distance = s.sub(s.load(logits.wrapping_add(class)), largest);
                    s.store(exponentials.wrapping_add(class), exp_or_zero(s, distance));
                }
                let sum = s.splat(in_tree(&lanes));
                let factor = s.div(s.splat(self.scale), sum);
                let exponentials = lanes.as_ptr();
                for class in 0..classes {
                    let class = s.number_in_register(class);
                    let p = s.mul(s.load(exponentials.wrapping_add(class)), factor);
                    let gradient = if class == label { s.sub(p, s.splat(self.scale)) } else { p };
                    s.store(gradients.wrapping_add(class), gradient);
                }
                let distance = match label < classes {
                    true => s.sub(s.load(logits.wrapping_add(label)), largest),
                    false => s.splat(0.0),
                };
                if let Some(total) = sums.get_mut(first.wrapping_add(row) % 16) {
                    s.store(total, s.add(s.load(total), s.sub(ln(s, sum), distance)));
                }
            }
            (logits, gradients) = (logits.wrapping_add(classes), gradients.wrapping_add(classes));
        }
        in_tree(sums)
    }

    /// Any number of classes, row by row.
    ///
    /// # Safety
    /// There are as many rows of logits and gradients as labels.
    #[inline(always)]
    unsafe fn many<S: Simd>(&self, s: S, losses: &mut [f32; 16]) {
        for (row, (&label, loss)) in self.labels.iter().zip(losses).enumerate() {
            let (start, label) = (row * self.classes, label.class());
            // SAFETY: by this function's contract, the row exists; only this function accesses the gradients.
            unsafe {
                let logits = core::slice::from_raw_parts(self.logits.add(start), self.classes);
                let gradients = core::slice::from_raw_parts_mut(self.gradients.add(start), self.classes);
                let (largest, sum) = exponentials(s, logits.as_ptr(), gradients.as_mut_ptr(), self.classes);
                multiply(s, self.scale / sum, gradients);
                if let (Some(gradient), Some(&logit)) = (gradients.get_mut(label), logits.get(label)) {
                    *gradient -= self.scale;
                    *loss = libm::logf(sum) + (largest - logit);
                }
            }
        }
    }
}

/// [`Rows::turned`] in a function of its own: its frame is large where nothing is optimised.
struct Turned<'a, T> {
    group: &'a Rows<'a, T>,
    row: usize,
    rows: usize,
    losses: *mut f32,
}

impl<'a, T> Turned<'a, T> {
    /// # Safety
    /// Those of [`Rows::turned`].
    #[inline(always)]
    unsafe fn new(group: &'a Rows<'a, T>, row: usize, rows: usize, losses: *mut f32) -> Self {
        Self { group, row, rows, losses }
    }
}

impl<T: Label> Pass for Turned<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever made this signed for it.
        unsafe { self.group.turned(s, self.row, self.rows, self.losses) }
    }
}

/// The same of [`Rows::in_registers`].
struct Alone<'a, T> {
    group: &'a Rows<'a, T>,
    row: usize,
    label: T,
}

impl<'a, T> Alone<'a, T> {
    /// # Safety
    /// Those of [`Rows::in_registers`].
    #[inline(always)]
    unsafe fn new(group: &'a Rows<'a, T>, row: usize, label: T) -> Self {
        Self { group, row, label }
    }
}

impl<T: Label> Pass for Alone<'_, T> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        // SAFETY: whoever made this signed for it.
        unsafe { self.group.in_registers(s, self.row, self.label) }
    }
}

/// The sum in the same tree as a row's sixteen lanes: the upper half is added to the lower half until one is left.
/// Written without a loop over halves, which the compiler would not unroll and would run on a copy in memory.
#[inline(always)]
fn tree<S: Simd>(s: S, x: &[S::V; FEW]) -> S::V {
    let mut fours = [s.splat(0.0); 4];
    for (i, four) in fours.iter_mut().enumerate() {
        *four = s.add(s.add(x[i], x[i + 8]), s.add(x[i + 4], x[i + 12]));
    }
    let [a, b, c, d] = fours;
    s.add(s.add(a, c), s.add(b, d))
}

/// The same of sixteen numbers; not inlined, since a program for microcontrollers calls it twice.
#[inline(never)]
fn in_tree(x: &[f32; FEW]) -> f32 {
    let mut fours = [0.0; 4];
    for (i, four) in fours.iter_mut().enumerate() {
        *four = (x[i] + x[i + 8]) + (x[i + 4] + x[i + 12]);
    }
    let [a, b, c, d] = fours;
    (a + c) + (b + d)
}

/// `x` where the label is `class`, else `y`.
#[inline(always)]
fn if_equal<S: Simd>(s: S, labels: S::V, class: usize, x: S::V, y: S::V) -> S::V {
    let distance = s.abs(s.sub(labels, s.splat(class as f32)));
    s.select_gt(s.splat(0.5), distance, x, y)
}
