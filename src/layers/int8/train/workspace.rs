//! Steps of a training in whole numbers.

use super::Learn;
use crate::kernel::int8::cross_entropy::cross_entropy;
use crate::kernel::int8::learn::{MOST, MOST_RATE};
use crate::layers::check_batch;
use crate::{Error, Isa, Label, Rng, Zeroed};
use core::iter::zip;

/// The memory of a training in batches of up to `B` rows, 512 at most: outputs and errors of every layer. No gradient
/// of a weight is stored.
///
/// ```
/// use fusebox::int8::train::{Dense, Workspace};
/// use fusebox::{Relu, Seq};
/// type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
/// static WORKSPACE: Workspace<Net, 32> = Workspace::new();
/// assert_eq!(Workspace::<Net, 32>::BYTES, 32 * (32 + 10) * (1 + 2)); // bytes, and errors of two
/// ```
#[derive(Debug)]
pub struct Workspace<N: Learn, const B: usize> {
    memory: N::Memory<B>,
    ys: [N::Output; B],
    dys: [N::Dy; B],
}

impl<N: Learn, const B: usize> Workspace<N, B> {
    /// Bytes of the workspace.
    pub const BYTES: usize = size_of::<Self>();

    /// A workspace of zeros, for a `static` or the stack.
    pub const fn new() -> Self {
        Self { memory: Zeroed::ZEROED, ys: Zeroed::ZEROED, dys: Zeroed::ZEROED }
    }
}

impl<N, const CLASSES: usize, const B: usize> Workspace<N, B>
where
    N: Learn<Output = [i8; CLASSES], Dy = [i16; CLASSES]>,
{
    /// One step of stochastic gradient descent on the mean softmax cross-entropy of the rows, whose outputs are logits
    /// in sixteenths. Returns the loss before the step, in 2^-16. The rate is in 2^-16 too; `rng` is what changes are
    /// rounded with.
    ///
    /// Errors, with nothing written, if there are no rows or more than `B`, as many labels as rows are not given, a
    /// label is no class, or `rate` is more than 2^18, a rate of 4.
    ///
    /// ```
    /// use fusebox::int8::train::{Dense, Workspace};
    /// use fusebox::{Error, Rng, Zeroed};
    /// let (mut net, mut rng) = (Dense::<1, 2>::ZEROED, Rng::new(1));
    /// let mut workspace = Workspace::<_, 1>::new();
    /// let error = workspace.train_step(&mut net, &[[16]], &[2], 1 << 16, &mut rng);
    /// assert_eq!(error, Err(Error::Label { classes: 2, got: 2, row: 0 }));
    /// // ln 2 in 2^-16; then a weight of 0 + 1/2, whose unit is 1/16, and a bias of 1/2 as well.
    /// assert_eq!(workspace.train_step(&mut net, &[[16]], &[1], 1 << 16, &mut rng), Ok(45_425));
    /// assert_eq!((net.weight, net.bias), ([[-8], [8]], [-128, 128]));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn train_step<L: Label>(
        &mut self,
        net: &mut N,
        xs: &[N::Input],
        labels: &[L],
        rate: u32,
        rng: &mut Rng,
    ) -> Result<u32, Error> {
        self.train_step_with(Isa::detect(), net, xs, labels, rate, rng)
    }

    /// [`Workspace::train_step`] on the given instruction set. All give the same bits.
    ///
    /// ```
    /// use fusebox::int8::train::{Dense, Workspace};
    /// use fusebox::{Error, Isa, Rng, Zeroed};
    /// let (mut net, mut workspace) = (Dense::<1, 2>::ZEROED, Workspace::<_, 1>::new());
    /// let result = workspace.train_step_with(Isa::portable(), &mut net, &[[16]], &[0_u8; 2], 1, &mut Rng::new(1));
    /// assert_eq!(result, Err(Error::Rows { expected: 1, got: 2 }));
    /// ```
    pub fn train_step_with<L: Label>(
        &mut self,
        isa: Isa,
        net: &mut N,
        xs: &[N::Input],
        labels: &[L],
        rate: u32,
        rng: &mut Rng,
    ) -> Result<u32, Error> {
        check::<N, L, CLASSES, B>(xs, labels)?;
        if rate > MOST_RATE {
            return Err(Error::Setting { name: "rate", expected: "at most 2^18, a rate of 4" });
        }
        let (ys, dys) = (
            self.ys.get_mut(..xs.len()).unwrap_or_default(),
            self.dys.get_mut(..xs.len()).unwrap_or_default(),
        );
        net.forward(isa, xs, &mut self.memory, ys);
        let mut loss = 0;
        for ((y, dy), label) in zip(&*ys, &mut *dys).zip(labels) {
            loss += cross_entropy(y, label.class(), dy);
        }
        net.backward(xs, &mut self.memory, ys, dys, None);
        net.update(xs, &self.memory, dys, rate, rng);
        Ok(loss.checked_div(xs.len() as u32).unwrap_or_default())
    }

    /// How many rows' largest output, the first of equal ones, is the label's.
    ///
    /// Errors, with nothing written, if there are no rows or more than `B`, as many labels as rows are not given, or a
    /// label is no class.
    pub fn correct<L: Label>(&mut self, net: &N, xs: &[N::Input], labels: &[L]) -> Result<usize, Error> {
        check::<N, L, CLASSES, B>(xs, labels)?;
        let ys = self.ys.get_mut(..xs.len()).unwrap_or_default();
        net.forward(Isa::detect(), xs, &mut self.memory, ys);
        Ok(zip(&*ys, labels).filter(|(y, label)| is_first_largest(*y, label.class())).count())
    }
}

/// What every call needs.
fn check<N: Learn, L: Label, const CLASSES: usize, const B: usize>(
    xs: &[N::Input],
    labels: &[L],
) -> Result<(), Error> {
    const {
        let () = N::CHECK;
        assert!(B <= MOST, "a batch of more than 512 rows may not fit a sum of 32 bits");
        assert!(CLASSES <= MOST, "more than 512 classes");
    }
    check_batch::<B>(xs.len())?;
    if labels.len() != xs.len() {
        return Err(Error::Rows { expected: xs.len(), got: labels.len() });
    }
    for (row, label) in labels.iter().enumerate() {
        let got = label.class();
        if got >= CLASSES {
            return Err(Error::Label { classes: CLASSES, got, row });
        }
    }
    N::admits(xs)
}

/// Whether the number at `i` is larger than those before it, and not less than those after it.
fn is_first_largest(y: &[i8], i: usize) -> bool {
    y.get(i).is_some_and(|largest| {
        zip(y, 0..).all(|(y, other)| if other < i { y < largest } else { y <= largest })
    })
}

impl<N: Learn, const B: usize> Default for Workspace<N, B> {
    fn default() -> Self {
        Self::new()
    }
}
