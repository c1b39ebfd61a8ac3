//! A guard over losses that may be negative.

use crate::support::isas::isas;
use fusebox::{Dense, Error, Guard, Isa, Limits, Loss, Sgd, Workspace, Zeroed};

/// A loss that is its target, whatever the output.
#[derive(Clone, Copy, Debug)]
struct Given;

impl Loss<[f32; 1]> for Given {
    type Target = f32;

    fn check(&self, _: &f32, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn gradient(&self, _: Isa, _: &[[f32; 1]], targets: &[f32], dys: &mut [[f32; 1]]) -> f32 {
        dys.as_flattened_mut().fill(0.0);
        targets[0]
    }
}

type Line = Dense<1, 1>;

fn step(isa: Isa, guard: &mut Guard<Line>, loss: f32) -> Result<f32, Error> {
    let mut line = Line::ZEROED;
    let mut workspace = Workspace::<Line, 1, Sgd, Given>::with_loss(Given);
    workspace.train_step_guarded_with(isa, &mut line, &[[0.0]], &[loss], &Sgd::new(0.0), guard)
}

fn guard(limits: Limits) -> Guard<Line> {
    let mut guard = Guard::new();
    guard.limits = Some(limits);
    guard
}

/// What improves passes, and so does what stays as it is.
#[test]
fn losses_that_fall_below_zero() {
    for isa in isas() {
        for limits in [
            Limits::DEFAULT,
            Limits { slack: 0.0, ..Limits::DEFAULT },
            Limits { leap: 1.5, slack: 0.0, ..Limits::DEFAULT },
        ] {
            for first in [-0.57, -100.0, -1e-3, 0.0, 0.4] {
                let mut guard = guard(limits);
                let mut loss: f32 = first;
                for i in 0..200 {
                    assert_eq!(
                        step(isa, &mut guard, loss),
                        Ok(loss),
                        "{isa}, {limits:?}, from {first}, step {i}"
                    );
                    loss -= 0.01 + 0.01 * loss.abs();
                }
            }
            let mut guard = guard(limits);
            for _ in 0..20 {
                assert_eq!(step(isa, &mut guard, -8.0), Ok(-8.0), "{isa}, {limits:?}");
            }
        }
    }
}

/// As far above the mean as for a mean of the same size above zero, and no further.
#[test]
fn leaps_from_below_zero() {
    for isa in isas() {
        let limits = Limits { leap: 3.0, slack: 1.0, memory: 0.75, every: 1 };
        // -4 + 2 * 4 + 1
        for (loss, expected) in [
            (5.0, Ok(5.0)),
            (5.5, Err(Error::Leap { percent: 105 })),
            (14.0, Err(Error::Leap { percent: 200 })),
        ] {
            let mut guard = guard(limits);
            assert_eq!(step(isa, &mut guard, -4.0), Ok(-4.0), "{isa}");
            assert_eq!(step(isa, &mut guard, loss), expected, "{isa}");
        }
        // -4 + 0.5 * 4 + 0, which is negative too.
        let limits = Limits { leap: 1.5, slack: 0.0, ..limits };
        for (loss, expected) in [
            (-2.0, Ok(-2.0)),
            (-1.0, Err(Error::Leap { percent: 150 })),
            (4.0, Err(Error::Leap { percent: 400 })),
        ] {
            let mut guard = guard(limits);
            assert_eq!(step(isa, &mut guard, -4.0), Ok(-4.0), "{isa}");
            assert_eq!(step(isa, &mut guard, loss), expected, "{isa}");
        }
        let mut guard = guard(Limits { leap: f32::INFINITY, ..limits });
        assert_eq!((step(isa, &mut guard, -1.0), step(isa, &mut guard, 1e30)), (Ok(-1.0), Ok(1e30)), "{isa}");
    }
}

/// For losses above zero the limit is what it was, to the bit.
#[test]
fn losses_above_zero() {
    let mut rng = fusebox::Rng::new(1);
    let isa = Isa::detect();
    for _ in 0..1000 {
        let mut uniform = || rng.uniform();
        let limits = Limits { leap: 1.0 + 3.0 * uniform(), slack: uniform(), memory: uniform(), every: 1 };
        let (first, second) = (10.0 * uniform(), 10.0 * uniform());
        let mean = limits.memory * first + (1.0 - limits.memory) * second;
        let limit = limits.leap * mean + limits.slack;
        let fresh = || {
            let mut guard = guard(Limits { slack: f32::MAX, ..limits });
            assert_eq!(
                (step(isa, &mut guard, first), step(isa, &mut guard, second)),
                (Ok(first), Ok(second))
            );
            guard.limits = Some(limits);
            guard
        };
        assert_eq!(step(isa, &mut fresh(), limit), Ok(limit));
        let percent = (100.0 * (limit.next_up() / limit)) as u32;
        assert_eq!(step(isa, &mut fresh(), limit.next_up()), Err(Error::Leap { percent }));
    }
}
