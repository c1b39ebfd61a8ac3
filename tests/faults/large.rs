//! Values larger than the stack they are made on, and a step in a thread with little of it.

use fusebox::{Adam, Dense, Init, Relu, Rng, Seq, Sgd, Workspace};
use std::thread;

#[cfg(feature = "alloc")]
type Large = Seq![Dense<784, 1024, Relu>, Dense<1024, 1024, Relu>, Dense<1024, 10>];

/// A workspace of 16 MB, a network of 7 and a guard with its copy, in a thread of 256 KiB.
#[cfg(feature = "alloc")]
#[test]
fn straight_on_the_heap() {
    use fusebox::{Guard, Learner, Scratch, boxed};
    type Training = Workspace<Large, 32, Adam>;
    const { assert!(Training::BYTES > 15_000_000) }
    let work = || {
        let mut net = boxed::<Large>();
        net.init(Init::He, &mut Rng::new(1));
        let (mut workspace, mut guard) = (Training::boxed(), Guard::boxed());
        let xs = vec![[0.5; 784]; 2];
        let loss = workspace.train_step_guarded(&mut net, &xs, &[1, 2], &Adam::new(0.001), &mut guard);
        assert!(loss.expect("a step") > 0.0);
        assert!(guard.restore(&mut net));
        workspace.reset_optimizer();
        let mut ys = [[0.0; 10]; 2];
        net.infer(&xs, &mut Scratch::<Large, 2>::boxed(), &mut ys).expect("outputs");
        let learner = Learner::<Large, 1>::boxed();
        assert!(learner.net().first.bias.iter().all(|b| *b == 0.0));
    };
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(work);
    thread.expect("a thread").join().expect("no overflow");
}

/// An inference and a step of a small network, in statics, in a thread of 256 KiB.
#[test]
fn frames_hold_one_kernel() {
    type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
    let work = || {
        let mut net = Net::he(&mut Rng::new(1));
        let mut workspace = Box::new(Workspace::<Net, 32>::new());
        for rows in [1, 2, 32] {
            let labels = vec![3; rows];
            let loss = workspace.train_step(&mut net, &vec![[0.5; 64]; rows], &labels, &Sgd::new(0.1));
            assert!(loss.expect("a step") > 0.0);
        }
        let mut net = Box::new(net);
        net.init(Init::Glorot, &mut Rng::new(2));
        let _ = Adam::new(0.1);
    };
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(work);
    thread.expect("a thread").join().expect("no overflow");
}
