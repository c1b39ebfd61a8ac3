//! Training steps of transformers, in % of the machine's own limit, measured in this one run:
//!
//! ```text
//! cargo bench --bench transformers
//! ```
//!
//! ```text
//! flops of a step       2 (3 MACs) B, without attention's gradients; attention forward 2 products, backward 5
//! % of peak             flops / time / (flops a second of multiply-adds on registers alone, just before and after)
//! ```
mod support {
    pub(crate) mod peak;
}
#[path = "../examples/support/gpt.rs"]
mod gpt;

use cpu_time::ThreadTime;
use fusebox::train::boxed;
use fusebox::{AdamW, ClipNorm, CrossEntropy, EachPosition, Init, Isa, Layer, Rng, Sgd, Train, Workspace};
use gpt::{D, Gpt, LAYERS, T};
use support::peak;

type Net = Gpt<65>;
const B: usize = 12;

fn peak_rate(isa: Isa) -> f64 {
    let start = ThreadTime::now();
    let flops = peak::run(isa, 30_000_000);
    flops as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let isa = Isa::detect();
    let mut net = boxed::<Net>();
    net.init(Init::Gpt, &mut Rng::new(1));
    let mut rng = Rng::new(2);
    let xs: Vec<[u8; T]> = (0..B).map(|_| std::array::from_fn(|_| rng.below(65) as u8)).collect();
    let ys: Vec<[u8; T]> = (0..B).map(|_| std::array::from_fn(|_| rng.below(65) as u8)).collect();
    let dense = (LAYERS * 12 * D * D + 65 * D) * T;
    let pairs = LAYERS * T * (T + 1) / 2 * D;
    let flops = (B * 2 * (3 * dense + 7 * pairs)) as f64;
    let report = |name: &str, step: &mut dyn FnMut()| {
        step();
        let mut parts = vec![];
        let mut times = vec![];
        for _ in 0..15 {
            let before = peak_rate(isa);
            let start = ThreadTime::now();
            step();
            let time = start.elapsed().as_secs_f64();
            let peak = 0.5 * (before + peak_rate(isa));
            parts.push(flops / time / peak);
            times.push(time);
        }
        parts.sort_by(f64::total_cmp);
        times.sort_by(f64::total_cmp);
        println!(
            "{name}: {:.1} Mflop, {:.2} ms, {:.1} % of peak",
            flops / 1e6,
            1e3 * times[7],
            100.0 * parts[7]
        );
    };
    let mut adam = AdamW::new(1e-3, 0.1);
    adam.adam.beta2 = 0.99;
    {
        let mut workspace = Workspace::<Net, B, Sgd, _>::boxed_with_loss(EachPosition(CrossEntropy));
        report("sgd", &mut || {
            workspace.train_step(&mut net, &xs, &ys, &Sgd::new(1e-6)).unwrap();
        });
    }
    {
        let mut workspace =
            Workspace::<Net, B, ClipNorm<AdamW>, _>::boxed_with_loss(EachPosition(CrossEntropy));
        let clip = ClipNorm::new(adam, 1.0);
        report("clip, adamw", &mut || {
            workspace.train_step(&mut net, &xs, &ys, &clip).unwrap();
        });
    }
    println!("{}", Net::MACS);
}
