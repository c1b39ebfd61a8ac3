//! x
use fusebox::*;
use std::time::Instant;
fn main() {
    let isa = Isa::detect();
    for (m, n, k) in [
        (1, 64, 32),
        (1, 10, 64),
        (8, 8, 8),
        (10, 10, 10),
        (16, 16, 16),
        (32, 64, 64),
        (64, 64, 64),
        (128, 128, 128),
        (512, 512, 512),
        (1, 1024, 1024),
        (4, 128, 784),
        (1, 784, 128),
        (784, 128, 32),
        (128, 10, 256),
        (1024, 1024, 1024),
        (64, 512, 4096),
        (64, 512, 6000),
        (1, 4096, 8192),
        (512, 512, 8192),
    ] {
        for (name, at, bt) in [("NN", false, false), ("NT", false, true), ("TN", true, false)] {
            let (a, b) = (vec![0.5f32; m * k], vec![0.25f32; k * n]);
            let a = if at { Mat::new(&a, k, m).unwrap().t() } else { Mat::new(&a, m, k).unwrap() };
            let b = if bt { Mat::new(&b, n, k).unwrap().t() } else { Mat::new(&b, k, n).unwrap() };
            let mut c = vec![0.0; m * n];
            let reps = (2_000_000 / (m * n * k)).clamp(1, 2000);
            let mut best = f64::MAX;
            let until = Instant::now();
            let mut i = 0;
            while i < 5 || until.elapsed().as_secs_f64() < 0.12 {
                i += 1;
                let t = Instant::now();
                for _ in 0..reps {
                    gemm_with(isa, a, b, MatMut::new(&mut c, m, n).unwrap(), Epilogue::None).unwrap();
                }
                best = best.min(t.elapsed().as_secs_f64() / reps as f64);
            }
            println!("{m}x{n}x{k} {name} {:.1}", best * 1e9);
        }
    }
    type Net = Seq![Dense<64, 32, Relu>, Dense<32, 10>];
    let mut net = Net::he(&mut Rng::new(1));
    let mut w = Box::new(Workspace::<Net, 32>::new());
    let xs = vec![[0.5f32; 64]; 32];
    let labels: Vec<u8> = (0..32).map(|i| i % 10).collect();
    for rows in [1, 32] {
        let mut best = f64::MAX;
        for _ in 0..3000 {
            let t = Instant::now();
            for _ in 0..10 {
                w.train_step_with(isa, &mut net, &xs[..rows], &labels[..rows], &Sgd::new(0.001)).unwrap();
            }
            best = best.min(t.elapsed().as_secs_f64() / 10.0);
        }
        println!("train {rows} {:.1}", best * 1e9);
    }
}
