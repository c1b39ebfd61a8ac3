//! What computes in `f64`, and why.
//!
//! - `Regression`, `Likelihood`, `RocAuc` and `RocHistogram` add up, or divide, numbers of which there may be millions, where an `f32`
//!   counts no further than 2^24.
//! - A cosine schedule and the noise of private training need a cosine, which libm computes in `f64`: a few calls a step.

use crate::training::{optimizer, staged, started};
use crate::{any, hide, keep};
use fusebox::{
    Budget, Dense, Isa, Learner, Likelihood, Private, Regression, Relu, RocAuc, RocHistogram, Schedule, Seq,
    Sgd, Workspace,
};

/// Calls them all.
pub fn all() {
    let mut regression = hide(Regression::new());
    keep(regression.observe(any(), any()));
    keep((regression.mae(), regression.rmse(), regression.r2()));
    let mut likelihood = hide(Likelihood::new());
    keep((likelihood.observe(hide(&any::<[f32; 4]>()[..]), any::<u16>()), likelihood.add(any(), any())));
    keep((likelihood.tokens(), likelihood.cross_entropy(), likelihood.perplexity()));
    keep((likelihood.bits_per_token(), likelihood.bits_per(any())));
    keep(hide(RocAuc::<4>::new()).value());
    let histogram = hide(RocHistogram::<4>::new());
    keep((histogram.value(), histogram.bound()));
    if let Ok(schedule) = hide(Schedule::constant(0.0)) {
        keep(schedule.rate(any()));
    }
    private();
}

fn private() {
    let rule = Private::new(Sgd::new(any()), any(), any(), any());
    keep(rule.epsilon(any(), any()));
    optimizer(&rule);
    let isa = hide(Isa::portable());
    let mut net = any::<Seq![Dense<3, 4, Relu>, Dense<4, 2>]>();
    let mut workspace = hide(Workspace::new());
    let (xs, labels) = (any::<[[f32; 3]; 4]>(), any::<[u8; 4]>());
    let (xs, labels) = (hide(&xs[..]), hide(&labels[..]));
    keep(workspace.train_step_private(&mut net, xs, labels, &rule));
    keep(workspace.train_step_private_with(isa, &mut net, xs, labels, &rule));
    keep(staged(&mut workspace).train_step_private(&mut net, &rule));
    keep(staged(&mut workspace).on(isa).train_step_private(&mut net, &rule));
    let mut learner = hide(Learner::new(net));
    started(&mut learner, rule);
    keep(learner.poll_private(Budget::macs(any())));
    keep(learner.poll_private_with(isa, Budget::rows(any())));
}
