//! A training step of GPT-2 (124 M parameters).
mod support {
    pub(crate) mod peak;
}
use cpu_time::ThreadTime;
use fusebox::train::boxed;
use fusebox::{
    AdamW, Attention, CrossEntropy, Dense, Each, EachPosition, Gelu, Init, Isa, LayerNorm, Positions, Repeat,
    Residual, Rng, Seq, TiedEmbedding, Train, Workspace,
};
use support::peak;

const T: usize = 64;
const D: usize = 768;
const B: usize = 4;
const LAYERS: usize = 12;
const V: usize = 50257;
type Look = Seq![Each<T, Seq![LayerNorm<D>, Dense<D, { 3 * D }>]>, Attention<T, 12, 64, 12, { 3 * D }, D>, Each<T, Dense<D, D>>];
type Think = Each<T, Seq![LayerNorm<D>, Dense<D, { 4 * D }, Gelu>, Dense<{ 4 * D }, D>]>;
type Block = Seq![Residual<Look>, Residual<Think>];
type Net = TiedEmbedding<T, V, D, Seq![Positions<T, D>, Repeat<LAYERS, Block>, Each<T, LayerNorm<D>>], u16>;

fn peak_rate(isa: Isa) -> f64 {
    let start = ThreadTime::now();
    let flops = peak::run(isa, 300_000_000);
    flops as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let isa = Isa::detect();
    let mut net = boxed::<Net>();
    net.init(Init::Gpt, &mut Rng::new(1));
    let mut rng = Rng::new(2);
    let xs: Vec<[u16; T]> = (0..B).map(|_| std::array::from_fn(|_| rng.below(V as u32) as u16)).collect();
    let ys: Vec<[u16; T]> = (0..B).map(|_| std::array::from_fn(|_| rng.below(V as u32) as u16)).collect();
    let dense = (LAYERS * 12 * D * D + V * D) * T;
    let pairs = LAYERS * T * (T + 1) / 2 * D;
    let flops = (B * 2 * (3 * dense + 7 * pairs)) as f64;
    let mut workspace =
        Workspace::<Net, B, AdamW, _>::boxed_with_loss(EachPosition(CrossEntropy::<u16>::new()));
    for _ in 0..4 {
        let before = peak_rate(isa);
        let start = ThreadTime::now();
        let loss = workspace.train_step(&mut net, &xs, &ys, &AdamW::new(1e-4, 0.1)).unwrap();
        let time = start.elapsed().as_secs_f64();
        let peak = 0.5 * (before + peak_rate(isa));
        println!(
            "{loss} {:.1} Gflop {time:.3} s, peak {:.1}, {:.1} %",
            flops / 1e9,
            peak / 1e9,
            100.0 * flops / time / peak
        );
    }
}
