//! A control loop that learns between its ticks: every tick it reads a sensor, forecasts the next reading with the network it
//! has, and gives what is left of its time to a slice of a training step. Half way through, what it measures changes.
//!
//! ```text
//! cargo run --release --example control_loop
//! ```
//!
//! Expect forecasts that are ten times as good at the end of each half as at its beginning, and slices that take a small part
//! of the whole step. (A desktop interrupts a few of them, whatever they do. On a microcontroller they are counted in
//! instructions: `slices` in `examples/cortex-m`.) Exits with status 1 if it has not learnt.

use core::task::Poll;
use fusebox::data::Windows;
use fusebox::{
    Budget, Chain, Dense, Init, Learner, Momentum, Mse, Rng, Scratch, Seq, Tanh, Workspace, Zeroed,
};
use std::error::Error;
use std::time::{Duration, Instant};

/// Readings that a forecast looks back.
const BACK: usize = 8;

/// Readings learnt from in a step.
const BATCH: usize = 32;

/// What a tick may spend on learning, in multiply-adds: a row through the first layer and its curve counts as 600.
const BUDGET: Budget = Budget::macs(600);

const TICKS: usize = 40_000;

type Net = Seq![Dense<BACK, 30, Tanh>, Dense<30, 1>];
type Memory = Learner<Net, BATCH, Momentum, Mse>;

const OPTIMIZER: Momentum = Momentum::new(0.05, 0.9);

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::new(1);
    // On a device, a static: all zeros until `init`.
    let mut learner = Memory::with_loss(Net::ZEROED, Mse);
    learner.net_mut()?.init(Init::Glorot, &mut rng);
    let mut scratch = Scratch::<Net, 1>::new();
    let mut windows = Windows::<f32, { BACK + 1 }>::new();
    let mut forecast = [[0.0]];
    let (mut squares, mut steps, mut spent) = ([0.0; 4], 0, Vec::new());

    for tick in 0..TICKS {
        // The tick's own work: what came, how far the forecast was off, the next forecast.
        let reading = sensor(tick, &mut rng);
        let error = reading - forecast[0][0];
        let part = tick % (TICKS / 2);
        let place = 2 * (tick / (TICKS / 2)) + part / (TICKS / 4);
        // The first and the last thousand ticks of each half.
        if !(1000..TICKS / 2 - 1000).contains(&part) {
            squares[place] += error * error / 1000.0;
        }
        let Some(&[before @ .., now]) = windows.push(reading) else { continue };
        let mut latest = [0.0; BACK];
        latest[..BACK - 1].copy_from_slice(&before[1..]);
        latest[BACK - 1] = now;
        learner.net().infer(&[latest], &mut scratch, &mut forecast)?;

        // What is left of it: rows staged for the next step, or a slice of the one under way.
        let began = Instant::now();
        if !learner.is_busy() {
            learner.push([now], |x| *x = before)?;
            if learner.rows() == BATCH {
                learner.start(OPTIMIZER)?;
            }
        } else if let Poll::Ready(loss) = learner.poll(BUDGET) {
            loss?;
            steps += 1;
        }
        spent.push(began.elapsed());
    }

    println!("{TICKS} ticks, {steps} training steps of {BATCH} rows in between; {} bytes", Memory::BYTES);
    for (when, square) in ["at first", "later", "after the change", "at the end"].iter().zip(squares) {
        println!("root mean squared error {when:16} {:.3}", square.sqrt());
    }
    spent.sort();
    let most = spent[spent.len() * 99 / 100];
    println!("learning in 99 of 100 ticks took at most {:.2} us", most.as_secs_f64() * 1e6);
    println!("a whole step takes {:.2} us", whole_step(&mut rng)?.as_secs_f64() * 1e6);

    let learnt = squares[1] < squares[0] / 4.0 && squares[3] < squares[2] / 4.0;
    if learnt { Ok(()) } else { Err("it has not learnt".into()) }
}

/// Two waves and a little noise; from half way on, others.
fn sensor(tick: usize, rng: &mut Rng) -> f32 {
    let (slow, fast) = if tick < TICKS / 2 { (0.21, 0.83) } else { (0.35, 1.27) };
    let time = tick as f32;
    (slow * time).sin() + 0.5 * (fast * time).sin() + 0.02 * rng.normal()
}

/// The shortest of some whole steps.
fn whole_step(rng: &mut Rng) -> Result<Duration, fusebox::Error> {
    let mut net: Net = Chain { first: Dense::ZEROED, rest: Dense::ZEROED };
    net.init(Init::Glorot, rng);
    let mut workspace = Workspace::<Net, BATCH, Momentum, Mse>::with_loss(Mse);
    let (xs, targets) = ([[0.5; BACK]; BATCH], [[0.5]; BATCH]);
    let mut shortest = Duration::MAX;
    for _ in 0..100 {
        let began = Instant::now();
        workspace.train_step(&mut net, &xs, &targets, &OPTIMIZER)?;
        shortest = shortest.min(began.elapsed());
    }
    Ok(shortest)
}
