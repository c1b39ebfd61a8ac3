//! Every small shape against loops in `f64`, on every instruction set.

use super::{Frames, KEYS, STRIP, Sizes, Visible, backward, forward, forward_one, weights};
use crate::{Isa, Rng};
use std::string::String;
use std::vec;
use std::vec::Vec;
use std::{format, println};

const VISIBLE: [Visible; 3] = [Visible::All, Visible::Past, Visible::Present];

/// Self-attention over `frames` frames of queries, keys and values.
fn own(frames: usize, heads: usize, groups: usize, head: usize, visible: Visible) -> Sizes {
    let stride = (heads + 2 * groups) * head;
    let of = |first| Frames { first, stride };
    let (q, k, v) = (of(0), of(heads * head), of((heads + groups) * head));
    Sizes { queries: frames, keys: frames, heads, groups, head, sample: frames * stride, q, k, v, visible }
}

/// Attention to other frames.
fn cross(queries: usize, keys: usize, heads: usize, groups: usize, head: usize, visible: Visible) -> Sizes {
    let (wide, thin) = (heads * head, 2 * groups * head);
    let q = Frames { first: 0, stride: wide };
    let k = Frames { first: queries * wide, stride: thin };
    let v = Frames { first: k.first + groups * head, stride: thin };
    Sizes { queries, keys, heads, groups, head, sample: queries * wide + keys * thin, q, k, v, visible }
}

/// Outputs, the gradient, and for each the sum of magnitudes of what is added, in `f64`.
struct Reference {
    ys: Vec<[f64; 2]>,
    dxs: Vec<[f64; 2]>,
}

fn reference(sizes: &Sizes, xs: &[f32], dys: &[f32]) -> Reference {
    let Sizes { queries, keys, heads, groups, head, sample, .. } = *sizes;
    let samples = xs.len() / sample;
    let mut ys = vec![[0.0; 2]; dys.len()];
    let mut dxs = vec![[0.0; 2]; xs.len()];
    let scale = 1.0 / (head as f64).sqrt();
    for b in 0..samples {
        let x = |frames: Frames, i: usize, part: usize, c: usize| {
            b * sample + frames.first + i * frames.stride + part * head + c
        };
        for (h, i) in (0..heads).flat_map(|h| (0..queries).map(move |i| (h, i))) {
            let g = h / (heads / groups);
            let q = |c| x(sizes.q, i, h, c);
            let k = |j, c| x(sizes.k, j, g, c);
            let v = |j, c| x(sizes.v, j, g, c);
            let at = |i: usize| f64::from(xs[i]);
            let zero = |j: usize| (0..head).all(|c| at(k(j, c)) == 0.0 && at(v(j, c)) == 0.0);
            let sees = |j: usize| match sizes.visible {
                Visible::All => true,
                Visible::Past => j <= i,
                Visible::Present => !zero(j) && (0..head).any(|c| at(q(c)) != 0.0),
            };
            let seen: Vec<usize> = (0..keys).filter(|&j| sees(j)).collect();
            let s: Vec<f64> = seen
                .iter()
                .map(|&j| scale * (0..head).map(|c| at(q(c)) * at(k(j, c))).sum::<f64>())
                .collect();
            let m = s.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let l: f64 = s.iter().map(|s| (s - m).exp()).sum();
            let p: Vec<f64> = s.iter().map(|s| (s - m).exp() / l).collect();
            let o = |c: usize| ((b * queries + i) * heads + h) * head + c;
            for (&j, p) in seen.iter().zip(&p) {
                for c in 0..head {
                    ys[o(c)][0] += p * at(v(j, c));
                    ys[o(c)][1] += p * at(v(j, c)).abs();
                }
            }
            let dy = |c: usize| f64::from(dys[o(c)]);
            let dp: Vec<f64> =
                seen.iter().map(|&j| (0..head).map(|c| dy(c) * at(v(j, c))).sum::<f64>()).collect();
            let size: f64 = seen
                .iter()
                .flat_map(|&j| (0..head).map(move |c| (j, c)))
                .map(|(j, c)| (dy(c) * at(v(j, c))).abs())
                .fold(0.0, f64::max)
                * head as f64;
            let d: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
            for ((&j, p), dp) in seen.iter().zip(&p).zip(&dp) {
                let (ds, large) = (scale * p * (dp - d), scale * p * 2.0 * size);
                for c in 0..head {
                    for (to, value, magnitude) in [
                        (v(j, c), p * dy(c), p * dy(c).abs()),
                        (q(c), ds * at(k(j, c)), large * at(k(j, c)).abs()),
                        (k(j, c), ds * at(q(c)), large * at(q(c)).abs()),
                    ] {
                        dxs[to][0] += value;
                        dxs[to][1] += magnitude;
                    }
                }
            }
        }
    }
    Reference { ys, dxs }
}

/// Inputs, of which some frames are zeros where that counts.
fn random(sizes: &Sizes, samples: usize, rng: &mut Rng) -> (Vec<f32>, Vec<f32>) {
    let mut xs: Vec<f32> = (0..samples * sizes.sample).map(|_| 2.0 * rng.uniform() - 1.0).collect();
    let dys = (0..samples * sizes.outputs()).map(|_| 2.0 * rng.uniform() - 1.0).collect();
    if sizes.visible == Visible::Present {
        for sample in xs.chunks_mut(sizes.sample) {
            let mut clear = |frames: Frames, i: usize, len: usize| {
                sample[frames.first + i * frames.stride..][..len].fill(0.0);
            };
            for i in (0..sizes.queries.max(sizes.keys)).filter(|_| rng.uniform() < 0.3) {
                if i < sizes.queries {
                    clear(sizes.q, i, sizes.heads * sizes.head);
                }
                if i < sizes.keys {
                    clear(sizes.k, i, sizes.groups * sizes.head);
                    clear(sizes.v, i, sizes.groups * sizes.head);
                }
            }
        }
    }
    (xs, dys)
}

/// Outputs and gradients of a batch in stretches of strips; outputs are NaN before.
fn run(isa: Isa, sizes: &Sizes, xs: &[f32], dys: &[f32], step: usize) -> [Vec<f32>; 2] {
    let samples = xs.len() / sizes.sample;
    let strips = samples * sizes.queries.div_ceil(STRIP);
    let [mut ys, mut dxs] = [vec![f32::NAN; dys.len()], vec![f32::NAN; xs.len()]];
    let mut softmax = vec![[f32::NAN; 2]; samples * sizes.queries * sizes.heads];
    let parts = || (0..strips).step_by(step).map(|start| start..strips.min(start + step));
    parts().for_each(|part| forward(isa, sizes, part, xs, &mut softmax, &mut ys));
    parts().for_each(|part| backward(isa, sizes, part, xs, &softmax, &ys, dys, &mut dxs));
    [ys, dxs]
}

/// The outputs as means of values by [`weights`].
fn means(isa: Isa, sizes: &Sizes, xs: &[f32]) -> Vec<f32> {
    let Sizes { queries, keys, heads, head, .. } = *sizes;
    let mut ys = Vec::new();
    for x in xs.chunks(sizes.sample) {
        for (query, of) in (0..queries).flat_map(|query| (0..heads).map(move |of| (query, of))) {
            let mut ps = vec![f32::NAN; keys];
            weights(isa, sizes, [query, of], x, &mut ps);
            let [_, _, v] = sizes.of_head(of);
            let value = |key: usize, c: usize| f64::from(x[v.first + key * v.stride + c]);
            let mean = |c| ps.iter().enumerate().map(|(key, &p)| f64::from(p) * value(key, c)).sum::<f64>();
            ys.extend((0..head).map(|c| mean(c) as f32));
        }
    }
    ys
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| (x + 0.0).to_bits()).collect()
}

fn check(sizes: &Sizes, samples: usize) {
    let mut rng = Rng::new(sizes.sample as u64);
    let (xs, dys) = random(sizes, samples, &mut rng);
    let expected = reference(sizes, &xs, &dys);
    let what = format!("{sizes:?}");
    let mut of_class: [Option<[Vec<f32>; 2]>; 2] = [None, None];
    // A score's error is that of a sum of `head` products below 1; relative to a weight it is as large, twice over, and the
    // exponential and the sums add as many roundings as there are keys and queries.
    let u = 0.5 * f64::from(f32::EPSILON);
    let allowed = u * (4.0 * sizes.head as f64 + 2.0 * (sizes.queries + sizes.keys) as f64 + 32.0);
    for isa in Isa::available() {
        let got = run(isa, sizes, &xs, &dys, usize::MAX / 2);
        let means = means(isa, sizes, &xs);
        let (ys, dxs) = (&expected.ys, &expected.dxs);
        for (got, expected) in [(&got[0], ys), (&got[1], dxs), (&means, ys)] {
            for (i, (got, [value, magnitude])) in got.iter().zip(expected).enumerate() {
                let error = (f64::from(*got) - value).abs();
                assert!(
                    error <= allowed * magnitude + 1e-30,
                    "{isa}, {what}: {got} for {value} at {i}, {magnitude}"
                );
            }
        }
        for step in [1, 3] {
            let parts = run(isa, sizes, &xs, &dys, step);
            assert_eq!(
                parts.each_ref().map(|x| bits(x)),
                got.each_ref().map(|x| bits(x)),
                "{isa}, {what}: {step}"
            );
        }
        match &of_class[usize::from(isa.is_fused())] {
            Some(first) => {
                assert_eq!(
                    first.each_ref().map(|x| bits(x)),
                    got.each_ref().map(|x| bits(x)),
                    "{isa}, {what}"
                );
            }
            None => of_class[usize::from(isa.is_fused())] = Some(got),
        }
    }
}

/// As many cases as there is time for: all, or without optimisation every third, from another one in each turn.
fn some<T, const N: usize>(cases: [T; N], turn: usize) -> impl Iterator<Item = T> {
    let step = if cfg!(debug_assertions) { 3 } else { 1 };
    cases.into_iter().skip(turn % step).step_by(step)
}

#[test]
fn every_small_shape() {
    for (i, visible) in VISIBLE.into_iter().enumerate() {
        for (j, frames) in [1, 2, 15, 16, 17, 31, 32, 33, 64, 65].into_iter().enumerate() {
            for (heads, groups) in some([(1, 1), (2, 2), (3, 1)], i + j) {
                check(&own(frames, heads, groups, 3, visible), 2);
            }
        }
        check(&own(97, 4, 2, 8, visible), 1);
        for head in some([1, 15, 16, 17, 31, 32, 33, 48, 64, 65, 128], i) {
            check(&own(40, 2, 1, head, visible), 1);
        }
    }
    println!("on {}", Isa::available().map(|isa| format!("{isa} ")).collect::<String>());
}

#[test]
fn attention_to_other_frames() {
    for (i, visible) in [Visible::All, Visible::Present].into_iter().enumerate() {
        for (j, (queries, keys)) in
            [(1, 1), (1, 33), (5, 40), (40, 5), (65, 64), (17, 100)].into_iter().enumerate()
        {
            for (heads, groups, head) in some([(1, 1, 4), (4, 2, 9), (2, 2, 32)], i + j) {
                check(&cross(queries, keys, heads, groups, head, visible), 2);
            }
        }
    }
}

/// One query at a time gives the bits of the whole sequence, whatever later frames hold.
#[test]
fn one_query_at_a_time() {
    for frames in [1, 5, 33, 70] {
        for (heads, groups, head) in [(1, 1, 5), (4, 2, 16), (2, 1, 33)] {
            let whole = own(frames, heads, groups, head, Visible::Past);
            let (xs, dys) = random(&whole, 1, &mut Rng::new(9));
            let width = heads * head;
            let cached = cross(frames, frames, heads, groups, head, Visible::Past);
            let cached = Sizes { q: Frames { first: 0, stride: 0 }, ..cached };
            for isa in Isa::available() {
                let [ys, _] = run(isa, &whole, &xs, &dys, 1);
                let mut cache = vec![f32::NAN; cached.sample];
                for t in 0..frames {
                    let frame = &xs[t * whole.q.stride..][..whole.q.stride];
                    cache[..width].copy_from_slice(&frame[..width]);
                    let thin = 2 * groups * head;
                    cache[cached.k.first + t * thin..][..thin].copy_from_slice(&frame[width..]);
                    let mut y = vec![f32::NAN; width];
                    forward_one(
                        isa,
                        &Sizes { q: Frames { first: 0, stride: 0 }, ..cached },
                        t,
                        &cache,
                        &mut y,
                    );
                    assert_eq!(y, ys[t * width..][..width], "{isa}, {whole:?}: frame {t}");
                }
            }
        }
    }
}

/// How far from `f64` the outputs of `keys` keys are, as a part of `sum_j p_j |v_j|`: with u = 2^-24, `size` the
/// largest sum of magnitudes of a score, `spread` how far scores are apart,
///
/// ```text
/// score          (head + 3) u size: products, additions, the scale, and its own rounding
/// exponential    (spread + 2.04) u: the difference from the largest, and the function
/// rescaling      2.04 u and a product for each block that raises the largest; the differences add up to the spread
/// numerator      a chain of as many additions as there are keys, and a product
/// denominator    five additions for the lanes of a block, and one for each block
/// quotient       2 u
/// ```
///
/// Scores, exponentials and rescalings count twice, above and below.
fn allowed_of_long(sizes: &Sizes, size: f64, spread: f64) -> f64 {
    let (keys, blocks) = (sizes.keys as f64, sizes.keys.div_ceil(KEYS) as f64);
    let weights = (sizes.head as f64 + 3.0) * size + 2.0 * spread + 2.04 + 3.04 * blocks;
    2f64.powi(-24) * (2.0 * weights + keys + 1.0 + 5.0 + blocks + 2.0) * 1.01
}

/// Thousands of keys, of which some raise the largest score in every block, or in none: all queries at once, and one at
/// the end of a cache.
#[test]
fn long_sequences() {
    const HEAD: usize = 4;
    let ramp = |of: f32, keys: usize| move |key: usize| of * key as f32 / keys as f32;
    for keys in [4095, 4096, 4097] {
        let mut rng = Rng::new(keys as u64);
        let any: Vec<f32> = (0..keys).map(|_| 8.0 * rng.uniform() - 4.0).collect();
        let scores: [(&str, &dyn Fn(usize) -> f32); 6] = [
            ("equal", &|_| 0.0),
            ("rising", &ramp(40.0, keys)),
            ("falling", &ramp(-40.0, keys)),
            ("at random", &|key| any[key]),
            ("one far above", &|key| if key == 1234 { 30.0 } else { 0.0 }),
            ("one a little above", &|key| if key == 0 { 0.5 } else { 0.0 }),
        ];
        for (what, score) in scores {
            let sizes = cross(3, keys, 2, 1, HEAD, Visible::All);
            let (mut xs, dys) = random(&sizes, 1, &mut rng);
            // Queries of 2 (1, 0, ..) and keys of (score, ..): the scale is 1 / 2.
            for query in xs[..sizes.k.first].chunks_mut(HEAD) {
                query.copy_from_slice(&[2.0, 0.0, 0.0, 0.0]);
            }
            for (key, frame) in xs[sizes.k.first..].chunks_mut(sizes.k.stride).enumerate() {
                frame[0] = score(key);
            }
            let of_keys = || (0..keys).map(|key| f64::from(score(key)));
            let size = of_keys().fold(0.0, |size: f64, s| size.max(s.abs()));
            let spread = of_keys().fold(f64::MIN, f64::max) - of_keys().fold(f64::MAX, f64::min);
            let allowed = allowed_of_long(&sizes, size, spread);
            let expected = reference(&sizes, &xs, &dys);
            let cached =
                Sizes { q: Frames { first: 0, stride: 0 }, ..cross(keys, keys, 2, 1, HEAD, Visible::Past) };
            let mut cache = vec![0.0; cached.sample];
            cache[..2 * HEAD].copy_from_slice(&xs[..2 * HEAD]);
            cache[cached.k.first..].copy_from_slice(&xs[sizes.k.first..]);
            for isa in Isa::available() {
                let mut ys = vec![f32::NAN; sizes.outputs()];
                forward(isa, &sizes, 0..1, &xs, &mut [], &mut ys);
                for (y, [value, magnitude]) in ys.iter().zip(&expected.ys) {
                    let error = (f64::from(*y) - value).abs();
                    assert!(error <= allowed * magnitude, "{isa}, {keys} keys, {what}: {y}, not {value}");
                }
                let mut y = vec![f32::NAN; 2 * HEAD];
                forward_one(isa, &cached, keys - 1, &cache, &mut y);
                assert_eq!(y, ys[..2 * HEAD], "{isa}, {keys} keys, {what}: the last query of a cache");
                let mut ps = vec![f32::NAN; keys];
                weights(isa, &sizes, [0, 0], &xs, &mut ps);
                let sum: f64 = ps.iter().map(|&p| f64::from(p)).sum();
                // A softmax of so many numbers: `long_rows` of `kernel/softmax.rs`.
                let bound = (keys.div_ceil(16) + 6) as f64 * 2f64.powi(-24);
                assert!(
                    (sum - 1.0).abs() <= 1.001 * bound,
                    "{isa}, {keys} keys, {what}: weights add to {sum}"
                );
            }
        }
    }
}

/// NaN in a frame reaches no earlier output.
#[test]
fn the_future_is_not_read() {
    let sizes = own(70, 2, 1, 20, Visible::Past);
    let (xs, dys) = random(&sizes, 1, &mut Rng::new(3));
    for isa in Isa::available() {
        let [ys, _] = run(isa, &sizes, &xs, &dys, 1);
        for t in [1, 16, 33, 69] {
            let mut bad = xs.clone();
            bad[t * sizes.q.stride..].fill(f32::NAN);
            let [got, _] = run(isa, &sizes, &bad, &dys, 1);
            let until = t * 40;
            assert_eq!(got[..until], ys[..until], "{isa}: {t}");
            assert!(got[until..].iter().all(|y| y.is_nan()), "{isa}: {t}");
        }
    }
}

/// Scores so large that only the largest key of all counts, whichever block it is in.
#[test]
fn large_scores() {
    for isa in Isa::available() {
        for largest in [0, 31, 32, 69] {
            let sizes = own(70, 1, 1, 1, Visible::All);
            let mut xs = vec![0.0; sizes.sample];
            for (t, frame) in xs.chunks_mut(3).enumerate() {
                frame.copy_from_slice(&[1e18, if t == largest { 1e18 } else { -1e18 }, t as f32]);
            }
            let [ys, dxs] = run(isa, &sizes, &xs, &vec![1.0; 70], 1);
            assert_eq!(ys, vec![largest as f32; 70], "{isa}");
            assert!(dxs.iter().all(|dx| dx.is_finite()), "{isa}");
        }
    }
}

#[test]
fn wrong_lengths_write_nothing() {
    let sizes = own(4, 2, 2, 3, Visible::Past);
    let isa = Isa::portable();
    let (xs, mut ys) = (vec![1.0; sizes.sample], vec![7.0; sizes.outputs()]);
    let mut softmax = [[7.0; 2]; 8];
    forward(isa, &sizes, 0..1, &xs[1..], &mut softmax, &mut ys);
    forward(isa, &sizes, 0..2, &xs, &mut softmax, &mut ys);
    forward(isa, &sizes, 0..1, &xs, &mut softmax[1..], &mut ys);
    forward(isa, &Sizes { head: 0, ..sizes }, 0..1, &xs, &mut softmax, &mut ys);
    forward(isa, &Sizes { groups: 0, ..sizes }, 0..1, &xs, &mut softmax, &mut ys);
    forward(
        isa,
        &Sizes { q: Frames { first: usize::MAX, stride: 18 }, ..sizes },
        0..1,
        &xs,
        &mut softmax,
        &mut ys,
    );
    forward_one(isa, &sizes, 4, &xs, &mut ys[..6]);
    weights(isa, &sizes, [4, 0], &xs, &mut ys[..4]);
    weights(isa, &sizes, [0, 2], &xs, &mut ys[..4]);
    weights(isa, &sizes, [0, 0], &xs, &mut ys[..5]);
    weights(isa, &sizes, [0, 0], &xs[1..], &mut ys[..4]);
    let mut dxs = xs.clone();
    backward(isa, &sizes, 0..1, &xs, &softmax[1..], &ys, &ys, &mut dxs);
    backward(isa, &sizes, 0..1, &xs, &softmax, &ys, &ys[1..], &mut dxs);
    assert!(ys.iter().chain(softmax.as_flattened()).all(|&y| y == 7.0));
    assert_eq!(dxs, xs);
}
