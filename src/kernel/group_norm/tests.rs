//! Every set of instructions against plain loops in `f64`.

use super::*;
use crate::kernel::batch_norm::EPSILON;
use crate::{Isa, Rng};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const U: f64 = 1.0 / 16_777_216.0;

/// Pictures, by plain loops in `f64`.
struct Pictures {
    what: String,
    shape: Shape,
    x: Vec<f32>,
    gain: Vec<f32>,
    shift: Vec<f32>,
    dy: Vec<f32>,
}

/// Of one group of one picture.
struct Group {
    r: f64,
    /// For each number of the group, by pixels.
    xhat: Vec<f64>,
    y: Vec<f64>,
    dx: Vec<f64>,
    /// For each of its channels.
    dgain: Vec<f64>,
    dshift: Vec<f64>,
}

/// `x`, `dy` of a group by pixels, gain and shift by channels.
fn reference([x, dy, gain, shift]: [&[f64]; 4]) -> Group {
    let (n, size) = (x.len() as f64, gain.len());
    let by_channel = |of: &mut dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..size).map(|c| (c..x.len()).step_by(size).map(&mut *of).sum()).collect()
    };
    // Relative to a number of the group: around 1e30 a mean in `f64` loses digits too.
    let d: Vec<f64> = x.iter().map(|other| other - x[0]).collect();
    let mean = d.iter().sum::<f64>() / n;
    let variance = d.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
    let r = 1.0 / (variance + f64::from(EPSILON)).sqrt();
    let xhat: Vec<f64> = d.iter().map(|d| (d - mean) * r).collect();
    let y = xhat.iter().enumerate().map(|(i, xhat)| gain[i % size] * xhat + shift[i % size]).collect();
    let dgain = by_channel(&mut |i| dy[i] * xhat[i]);
    let dshift = by_channel(&mut |i| dy[i]);
    let g: Vec<f64> = dy.iter().enumerate().map(|(i, dy)| gain[i % size] * dy).collect();
    let a = g.iter().sum::<f64>() / n;
    let b = g.iter().zip(&xhat).map(|(g, xhat)| g * xhat).sum::<f64>() / n;
    let dx = g.iter().zip(&xhat).map(|(g, xhat)| r * (g - a - xhat * b)).collect();
    Group { r, xhat, y, dx, dgain, dshift }
}

fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

impl Pictures {
    fn of(
        what: &str,
        shape: [usize; 3],
        rows: usize,
        number: &mut dyn FnMut(&mut Rng, usize) -> f32,
    ) -> Self {
        let [pixels, groups, size] = shape;
        let shape = Shape { pixels, groups, size: NonZero::new(size).expect("channels") };
        let mut rng = Rng::new((rows * shape.numbers()) as u64);
        let x = (0..rows * shape.numbers()).map(|i| number(&mut rng, i)).collect();
        let mut random = |count| (0..count).map(|_| 2.0 * rng.uniform() - 1.0).collect();
        let (gain, shift) = (random(shape.channels()), random(shape.channels()));
        let dy = random(rows * shape.numbers());
        let what = format!("{what}, {rows} of {pixels} pixels of {groups} x {size}");
        Self { what, shape, x, gain, shift, dy }
    }

    fn rows(&self) -> usize {
        self.x.len() / self.shape.numbers()
    }

    /// y, dgains, dshifts, dx.
    fn run(&self, isa: Isa) -> [Vec<f32>; 4] {
        let Self { shape, x, gain, shift, dy, .. } = self;
        let rows = self.rows();
        let [mut ys, mut dxs, mut inferred] = [(); 3].map(|()| vec![f32::NAN; x.len()]);
        let [mut dgains, mut dshifts] = [(); 2].map(|()| vec![f32::NAN; rows * shape.channels()]);
        let mut moments = vec![f32::NAN; rows * 3 * shape.groups];
        let (shape, relu) = (*shape, false);
        isa.call(Normalize { shape, xs: x, gain, shift, relu, moments: &mut moments, ys: &mut ys });
        isa.call(Normalize { shape, xs: x, gain, shift, relu, moments: &mut [], ys: &mut inferred });
        assert_eq!(bits(&ys), bits(&inferred), "{isa}, {}: inference", self.what);
        let mut backward = |dxs: &mut [f32]| {
            let (dgains, dshifts) = (&mut dgains, &mut dshifts);
            isa.call(Backward { shape, xs: x, moments: &moments, gain, dys: dy, dgains, dshifts, dxs });
            [dgains.clone(), dshifts.clone()].map(|of| bits(&of))
        };
        assert_eq!(backward(&mut []), backward(&mut dxs), "{isa}, {}", self.what);
        [ys, dgains, dshifts, dxs]
    }

    /// Of the numbers of a row of `width` for each of which there is a channel, those of a group.
    fn part(&self, of: &[f32], group: usize) -> Vec<f64> {
        let size = self.shape.size.get();
        let pixels = of.chunks(self.shape.channels());
        pixels.flat_map(|pixel| &pixel[group * size..][..size]).map(|&x| x.into()).collect()
    }

    /// Every group against the reference, on every instruction set; the last picture alone.
    fn check(&self) {
        let Self { what, shape, .. } = self;
        let (pixels, size) = (shape.pixels, shape.size.get());
        let l = if pixels > 4096 { 1028.0 + pixels as f64 / 4096.0 } else { pixels as f64 / 4.0 + 4.0 };
        let l = l + size.min(16) as f64 + size as f64 / 16.0 + 2.0 + 8.0;
        let mut of_class: [Option<[Vec<u32>; 4]>; 2] = [None, None];
        for isa in Isa::available() {
            let got = self.run(isa);
            let same = got.each_ref().map(|of| bits(of));
            let others = of_class[usize::from(isa.is_fused())].get_or_insert_with(|| same.clone());
            assert!(*others == same, "{isa}, {what}: not the bits of its class");
            self.check_last(isa, &got);
            for (row, group) in (0..self.rows()).flat_map(|row| (0..shape.groups).map(move |g| (row, g))) {
                let of_pictures =
                    |of: &[f32]| self.part(&of[row * shape.numbers()..][..shape.numbers()], group);
                let of_channels =
                    |of: &[f32]| self.part(&of[row * shape.channels()..][..shape.channels()], group);
                let (gain, shift) = (self.part(&self.gain, group), self.part(&self.shift, group));
                let dy = of_pictures(&self.dy);
                let Group { r, xhat, y, dx, dgain, dshift } =
                    reference([&of_pictures(&self.x), &dy, &gain, &shift]);
                let near = |got: f64, expected: f64, bound: f64, of: &str| {
                    let error = (got - expected).abs();
                    assert!(
                        error <= bound,
                        "{isa}, {what}, group {group}: {of} is {got}, not {expected}, allowed {bound:e}"
                    );
                };
                let [ys, dgains, dshifts, dxs] = &got;
                for (i, (got, y)) in of_pictures(ys).into_iter().zip(y).enumerate() {
                    let (gain, shift) = (gain[i % size].abs(), shift[i % size].abs());
                    near(got, y, 2.0 * l * U * gain * (xhat[i].abs() + 1.0) + 2.0 * U * shift, "y");
                }
                let [mut sums, mut products] = [vec![0.0; size], vec![0.0; size]];
                for (i, dy) in dy.iter().enumerate() {
                    sums[i % size] += dy.abs();
                    products[i % size] += dy.abs() * (xhat[i].abs() + 1.0);
                }
                for (c, (got, dgain)) in of_channels(dgains).into_iter().zip(dgain).enumerate() {
                    near(got, dgain, 3.0 * l * U * products[c], "dgain");
                }
                for (c, (got, dshift)) in of_channels(dshifts).into_iter().zip(dshift).enumerate() {
                    near(got, dshift, l * U * sums[c], "dshift");
                }
                let n = (pixels * size) as f64;
                let mean = |of: &[f64]| of.iter().zip(&gain).map(|(x, gain)| x * gain.abs()).sum::<f64>() / n;
                let (a, b) = (mean(&sums), mean(&products));
                for (i, (got, dx)) in of_pictures(dxs).into_iter().zip(dx).enumerate() {
                    let size = (gain[i % size] * dy[i]).abs() + a + (xhat[i].abs() + 1.0) * b;
                    near(got, dx, 6.0 * l * U * r * size, "dx");
                }
            }
        }
    }

    fn check_last(&self, isa: Isa, [ys, dgains, dshifts, dxs]: &[Vec<f32>; 4]) {
        let (numbers, channels) = (self.shape.numbers(), self.shape.channels());
        let last = |of: &[f32], count: usize| of[of.len() - count..].to_vec();
        let (x, dy) = (last(&self.x, numbers), last(&self.dy, numbers));
        let (what, gain, shift) = (self.what.clone(), self.gain.clone(), self.shift.clone());
        let alone = Self { what, x, dy, gain, shift, shape: self.shape }.run(isa);
        let together =
            [last(ys, numbers), last(dgains, channels), last(dshifts, channels), last(dxs, numbers)];
        assert_eq!(alone.map(|of| bits(&of)), together.map(|of| bits(&of)), "{isa}, {}: alone", self.what);
    }
}

#[test]
fn every_small_shape() {
    for (pixels, groups, size) in
        (1..=5).flat_map(|p| (1..=6).flat_map(move |g| (1..=6).map(move |s| (p, g, s))))
    {
        Pictures::of("ordinary", [pixels, groups, size], 2, &mut |rng, _| rng.normal()).check();
    }
}

/// Around the groups of a block, the channels of a vector, and the pixels of a chain.
#[test]
fn shapes_at_every_boundary() {
    for groups in [1, 2, 15, 16, 17, 33] {
        for size in [1, 2, 3, 5, 8, 15, 16, 17, 32, 33] {
            for pixels in [1, 15, 16, 19] {
                let mut number = |rng: &mut Rng, i| (1 + i % 3) as f32 * rng.normal() + (i % 5) as f32;
                Pictures::of("mixed", [pixels, groups, size], 1, &mut number).check();
            }
        }
    }
    Pictures::of("large", [4100, 2, 3], 1, &mut |rng, _| rng.normal()).check();
    Pictures::of("many channels", [4, 1, 2048], 1, &mut |rng, _| rng.normal()).check();
}

#[test]
fn numbers_of_every_size() {
    for shape in [[6, 3, 2], [1, 2, 20], [20, 18, 1], [35, 1, 17]] {
        let check = |what: &str, number: &mut dyn FnMut(&mut Rng, usize) -> f32| {
            Pictures::of(what, shape, 2, number).check();
        };
        check("around 1e4", &mut |rng, _| 1e4 + 0.01 * rng.normal());
        check("around -1e6", &mut |rng, _| -1e6 + rng.normal());
        check("neighbours", &mut |_, i| if i % 3 == 0 { 100_000.1 } else { 100_000.11 });
        check("an outlier first", &mut |rng, i| if i == 0 { 1e4 } else { rng.normal() });
        check("an outlier last", &mut |rng, i| if i % 7 == 6 { -1e4 } else { rng.normal() });
        check("channels of other sizes", &mut |rng, i| 10.0_f32.powi(i as i32 % 5) * rng.normal());
        for size in [1e-45, 1e-38, 1e-20, 1e-3, 1e10, 1e17] {
            check(&format!("up to {size:e}"), &mut |rng, _| size * (2.0 * rng.uniform() - 1.0));
            check(&format!("around {size:e}"), &mut |rng, _| size * (1.0 + 1e-6 * rng.uniform()));
        }
    }
}

/// The reference's gradients against central differences of sum dy y.
#[test]
fn gradients_are_slopes() {
    for (pixels, size) in (1..=4).flat_map(|pixels| (1..=4).map(move |size| (pixels, size))) {
        let mut rng = Rng::new((10 * pixels + size) as u64);
        let mut random = |count| (0..count).map(|_| f64::from(rng.normal())).collect::<Vec<f64>>();
        let [x, dy] = [(); 2].map(|()| random(pixels * size));
        let [gain, shift] = [(); 2].map(|()| random(size));
        let group = reference([&x, &dy, &gain, &shift]);
        let check = |what: &str, at: &[f64], gradient: &[f64], y: &dyn Fn(&[f64]) -> Vec<f64>| {
            for (i, &gradient) in gradient.iter().enumerate() {
                let step = 1e-3 / group.r.max(1.0);
                let loss = |step: f64| {
                    let mut at = at.to_vec();
                    at[i] += step;
                    y(&at).iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>()
                };
                let slope = |step| (loss(step) - loss(-step)) / (2.0 * step);
                // Without the error's largest term.
                let slope = (4.0 * slope(step) - slope(2.0 * step)) / 3.0;
                let allowed = 1e-6 * (group.r + slope.abs());
                assert!((gradient - slope).abs() <= allowed, "{what} {i}: {gradient}, not {slope}");
            }
        };
        check("dx", &x, &group.dx, &|x| reference([x, &dy, &gain, &shift]).y);
        check("dgain", &gain, &group.dgain, &|gain| reference([&x, &dy, gain, &shift]).y);
        check("dshift", &shift, &group.dshift, &|shift| reference([&x, &dy, &gain, shift]).y);
    }
}

#[test]
fn a_constant_group_is_its_shift() {
    for constant in [0.0, -0.0, 1e-45, 10_000.7, -1e19, 3e38, f32::MIN] {
        let pictures = Pictures::of("constant", [5, 3, 7], 2, &mut |_, i| {
            if i % 21 / 7 == 1 { constant } else { (i % 4) as f32 }
        });
        for isa in Isa::available() {
            let [ys, dgains, ..] = pictures.run(isa);
            for y in ys.chunks(21) {
                assert_eq!(y[7..14], pictures.shift[7..14], "{isa}, {constant:e}");
            }
            for dgain in dgains.chunks(21) {
                assert_eq!(dgain[7..14], [0.0; 7], "{isa}, {constant:e}");
            }
        }
    }
}

/// A bad number is in its own group of its own picture only.
#[test]
fn what_is_not_finite() {
    for (groups, size) in [(3, 2), (18, 1), (2, 17)] {
        let width = groups * size;
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e38] {
            for at in 0..3 * width {
                let mut number =
                    |rng: &mut Rng, i| if i == at + 3 * width { bad } else { 1.0 + rng.uniform() };
                let pictures = Pictures::of("bad", [3, groups, size], 3, &mut number);
                let hit = |i: usize| i / (3 * width) == 1 && i % width / size == at % width / size;
                for isa in Isa::available() {
                    let [ys, _, _, dxs] = pictures.run(isa);
                    for of in [ys, dxs] {
                        let right = of.iter().enumerate().all(|(i, x)| x.is_nan() == hit(i));
                        assert!(right, "{isa}, {bad} at {at}, {groups} x {size}: {of:?}");
                    }
                }
            }
        }
    }
}
