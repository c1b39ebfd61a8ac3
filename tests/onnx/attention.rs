//! Attention: of queries to other keys; causal, as a sequence and as a stream.
//!
//! What the layers have no parameter for, longer heads say, whose further numbers add nothing to a product, or what is
//! wanted:
//!
//! ```text
//! values longer than keys    q' = (q, 0), k' = (k, 0)
//! another scale              q' = scale sqrt(HEAD) q, as the layer divides by sqrt(HEAD)
//! a mask m                   q'_i = (.., sqrt(HEAD) e_i), k'_j = (.., m_1j, m_2j, ..): e_i is 1 at i, 0 elsewhere
//! -inf in a mask             -10^9, whose exponential is zero
//! past keys and values       the first ones; of a stream those of its first frames
//! ```
//!
//! A causal query sees past keys, and of the new ones those up to its own number. The layer has as many new keys as
//! queries, so onnx's last two, which no query sees, are left out.

use crate::bounds::attended;
use crate::nodes::{Case, Nodes, typed};
use crate::support::isas::isas;
use fusebox::{Attention, CrossAttention, Layer, Scratch, Streaming, Zeroed};

const HIDDEN: f32 = -1e9;

/// `[batch][position][head][number]`, or a mask: `[batch or 1][head or 1][query][key]`.
struct Array {
    shape: [usize; 4],
    numbers: Vec<f32>,
}

impl Array {
    fn read(nodes: &Nodes, case: &str, field: &str) -> Option<Self> {
        let name = format!("array_{}", nodes.optional(case, field)?[0]);
        let shape: Vec<usize> = nodes.numbers(&name, "shape").iter().map(|&x| x as usize).collect();
        Some(Self { shape: shape.try_into().expect("four axes"), numbers: nodes.numbers(&name, "x") })
    }

    /// The numbers along the last axis.
    fn at(&self, [i, j, k]: [usize; 3]) -> &[f32] {
        let [_, b, c, d] = self.shape;
        &self.numbers[((i * b + j) * c + k) * d..][..d]
    }
}

struct Inputs {
    queries: Array,
    keys: Array,
    values: Array,
    /// Of keys and values before the others.
    past: Option<[Array; 2]>,
    mask: Option<Array>,
    /// Of each sample, how many of the first keys are not hidden.
    visible: Option<Vec<f32>>,
    scale: f64,
}

impl Inputs {
    fn read(nodes: &Nodes, name: &str) -> Self {
        let array = |field| Array::read(nodes, name, field);
        let input = |field| array(field).expect("an input of every case");
        let queries = input("queries");
        let default = 1.0 / (queries.shape[3] as f64).sqrt();
        Self {
            queries,
            keys: input("keys"),
            values: input("values"),
            past: array("past_keys").map(|keys| [keys, input("past_values")]),
            mask: array("mask"),
            visible: nodes.optional(name, "visible"),
            scale: nodes.optional(name, "scale").map_or(default, |scale| scale[0].into()),
        }
    }

    fn past(&self) -> usize {
        self.past.as_ref().map_or(0, |[keys, _]| keys.shape[1])
    }

    /// A query's numbers in a head of `width`.
    fn query(&self, sample: usize, i: usize, head: usize, width: usize) -> Vec<f32> {
        let root = (width as f64).sqrt();
        let factor = (self.scale * root) as f32;
        let mut query: Vec<f32> = self.queries.at([sample, i, head]).iter().map(|x| x * factor).collect();
        let size = query.len();
        query.resize(width, 0.0);
        if self.mask.is_some() {
            query[size + i] = root as f32;
        }
        query
    }

    /// A key's, whose masks are those of the head of the same number: where masks differ by head, each has its own
    /// keys.
    fn key(&self, sample: usize, j: usize, group: usize, width: usize) -> Vec<f32> {
        let mut key = match &self.past {
            Some([past, _]) if j < past.shape[1] => past.at([sample, j, group]),
            _ => self.keys.at([sample, j - self.past(), group]),
        }
        .to_vec();
        if self.mask.is_some() {
            key.extend((0..self.queries.shape[1]).map(|i| self.masked(sample, group, i, j)));
        }
        key.resize(width, 0.0);
        key
    }

    fn value(&self, sample: usize, j: usize, group: usize, width: usize) -> Vec<f32> {
        let mut value = match &self.past {
            Some([_, past]) if j < past.shape[1] => past.at([sample, j, group]),
            _ => self.values.at([sample, j - self.past(), group]),
        }
        .to_vec();
        value.resize(width, 0.0);
        value
    }

    /// What is added to a score; a mask that ends before the keys hides the others.
    fn masked(&self, sample: usize, head: usize, i: usize, j: usize) -> f32 {
        let Some(mask) = &self.mask else { return 0.0 };
        let [samples, heads, ..] = mask.shape;
        assert!(heads == 1 || self.keys.shape[2] == self.queries.shape[2], "masks that differ in a group");
        let visible = self.visible.as_ref().is_none_or(|visible| (j as f32) < visible[sample]);
        let added = mask.at([sample % samples, head % heads, i]).get(j).filter(|_| visible);
        added.copied().unwrap_or(HIDDEN)
    }

    /// Queries of all heads.
    fn queries(&self, sample: usize, i: usize, width: usize) -> Vec<f32> {
        (0..self.queries.shape[2]).flat_map(|head| self.query(sample, i, head, width)).collect()
    }

    /// Keys, then values of all groups.
    fn keys_and_values(&self, sample: usize, j: usize, width: usize) -> Vec<f32> {
        let groups = || 0..self.keys.shape[2];
        let keys = groups().flat_map(|group| self.key(sample, j, group, width));
        keys.chain(groups().flat_map(|group| self.value(sample, j, group, width))).collect()
    }

    /// The outputs, of heads of `width`, at onnx's number of numbers.
    fn outputs(&self, ys: &[f32], width: usize) -> Vec<f32> {
        ys.chunks(width).flat_map(|head| &head[..self.values.shape[3]]).copied().collect()
    }

    /// The largest sum of magnitudes that a score of a visible key can be: the longest query, and the longest key.
    fn size(&self) -> f64 {
        let square = |x: &f32| f64::from(*x).powi(2);
        let longest = |of: &Array| {
            let lengths = of.numbers.chunks(of.shape[3]).map(|x| x.iter().map(square).sum::<f64>().sqrt());
            lengths.fold(0.0, f64::max)
        };
        let past = self.past.as_ref().map_or(0.0, |[keys, _]| longest(keys));
        let mask =
            self.mask.iter().flat_map(|mask| &mask.numbers).fold(0.0, |a: f64, x| a.max(x.abs().into()));
        self.scale * longest(&self.queries) * longest(&self.keys).max(past) + mask
    }
}

/// A case of `keys` keys, and the bound of each number `y`: of a mean, or of a weight.
fn case(nodes: &Nodes, name: &'static str, inputs: &Inputs, keys: usize) -> (Case, impl Fn(f32) -> f64) {
    let Array { shape: [samples, queries, heads, size], numbers } =
        Array::read(nodes, name, "outputs").expect("outputs");
    assert!(inputs.values.numbers.iter().all(|&v| v >= 0.0), "{name}: the bound is for no negative values");
    let (terms, magnitude) = (inputs.queries.shape[3] + inputs.queries.shape[1], inputs.size());
    let case = Case::of_outputs(name, vec![samples, queries, heads * size], numbers);
    (case, move |y| attended(keys, terms, magnitude, y))
}

/// Queries that see all keys that are not masked.
fn cross<
    const T: usize,
    const S: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const KV: usize,
    const OUT: usize,
>(
    nodes: &Nodes,
    name: &'static str,
) {
    let inputs = Inputs::read(nodes, name);
    let samples = inputs.queries.shape[0];
    let row = |sample| {
        let queries = (0..T).flat_map(|i| inputs.queries(sample, i, HEAD)).collect::<Vec<_>>();
        let keys = (0..S).flat_map(|j| inputs.keys_and_values(sample, j, HEAD)).collect::<Vec<_>>();
        [queries, keys].concat()
    };
    let net = CrossAttention::<T, S, HEADS, HEAD, GROUPS, KV, OUT>::ZEROED;
    let xs = typed(&(0..samples).flat_map(row).collect::<Vec<_>>());
    let (case, bound) = case(nodes, name, &inputs, S);
    for isa in isas() {
        let mut ys = vec![[[f32::NAN; OUT]; T]; samples];
        net.infer_with(isa, &xs, &mut Scratch::<_, 2>::new(), &mut ys).expect("rows that fit");
        let ys = inputs.outputs(ys.as_flattened().as_flattened(), HEAD);
        case.compare(isa, &ys, |i| bound(case.y[i]));
    }
    nodes.note(&case);
    let Some(weights) = nodes.optional(name, "weights") else { return };
    let places = (0..samples).flat_map(|x| (0..HEADS).flat_map(move |h| (0..T).map(move |i| (x, h, i))));
    for ((x, head, i), expected) in places.zip(weights.chunks(S)) {
        for (got, &p) in net.weights(&xs[x], head, i).iter().zip(expected) {
            let error = f64::from((got - p).abs());
            assert!(error <= bound(p), "{name}: the weight {got} of head {head}, not {p}");
        }
    }
}

/// Queries that see past keys, and new ones up to their own number: all frames at once, and one after the other.
fn causal<
    const T: usize,
    const HEADS: usize,
    const HEAD: usize,
    const GROUPS: usize,
    const QKV: usize,
    const OUT: usize,
>(
    nodes: &Nodes,
    name: &'static str,
) {
    let inputs = Inputs::read(nodes, name);
    let (samples, past) = (inputs.queries.shape[0], inputs.past());
    assert_eq!(T, past + inputs.queries.shape[1], "{name}");
    let frame = |sample: usize, t: usize| {
        // No query is asked of past frames; what they see is not compared.
        let queries = t.checked_sub(past).map_or(vec![0.0; OUT], |i| inputs.queries(sample, i, HEAD));
        [queries, inputs.keys_and_values(sample, t, HEAD)].concat()
    };
    let net = Attention::<T, HEADS, HEAD, GROUPS, QKV, OUT>::ZEROED;
    let frames = (0..samples).flat_map(|sample| (0..T).flat_map(move |t| frame(sample, t)));
    let xs = typed::<[[f32; QKV]; T]>(&frames.collect::<Vec<_>>());
    let (case, bound) = case(nodes, name, &inputs, T);
    for isa in isas() {
        let mut ys = vec![[[f32::NAN; OUT]; T]; samples];
        net.infer_with(isa, &xs, &mut Scratch::<_, 2>::new(), &mut ys).expect("rows that fit");
        for (x, y) in xs.iter().zip(&ys) {
            let mut stream = Streaming::<Attention<T, HEADS, HEAD, GROUPS, QKV, OUT>>::new();
            for (frame, y) in x.iter().zip(y) {
                let out = stream.try_push_with(isa, &net, frame).expect("up to T frames");
                assert_eq!(out, Some(y), "{name}, {isa}");
            }
        }
        let ys: Vec<f32> = ys.iter().flat_map(|y| inputs.outputs(y[past..].as_flattened(), HEAD)).collect();
        case.compare(isa, &ys, |i| bound(case.y[i]));
    }
    nodes.note(&case);
}

pub(crate) fn run(nodes: &Nodes) {
    for name in [
        "attention_3d",
        "attention_4d",
        "attention_4d_with_qk_matmul",
        "attention_3d_scaled",
        "attention_4d_scaled",
    ] {
        cross::<4, 6, 3, 8, 3, 48, 24>(nodes, name);
    }
    cross::<2, 2, 3, 4, 3, 24, 12>(nodes, "attention_3d_transpose_verification");
    for name in ["attention_4d_gqa", "attention_4d_gqa_scaled"] {
        cross::<4, 6, 9, 8, 3, 48, 72>(nodes, name);
    }
    for name in [
        "attention_3d_diff_heads_sizes",
        "attention_3d_diff_heads_sizes_scaled",
        "attention_4d_diff_heads_sizes",
        "attention_4d_diff_heads_sizes_scaled",
    ] {
        cross::<4, 6, 3, 10, 3, 60, 30>(nodes, name);
    }
    // Eight numbers of a key, and a mask for each of four queries.
    for name in [
        "attention_3d_attn_mask",
        "attention_4d_attn_mask",
        "attention_4d_attn_mask_3d",
        "attention_4d_attn_mask_4d",
        "attention_4d_attn_mask_bool",
        "attention_4d_attn_mask_bool_4d",
        "attention_4d_with_qk_matmul_bias",
        "attention_4d_with_qk_matmul_softmax",
        "attention_3d_diff_heads_sizes_attn_mask",
        "attention_4d_diff_heads_sizes_attn_mask",
        "attention_4d_diff_heads_mask4d_padded_kv",
    ] {
        cross::<4, 6, 3, 12, 3, 72, 36>(nodes, name);
    }
    cross::<4, 6, 9, 12, 3, 72, 108>(nodes, "attention_4d_gqa_attn_mask");
    for name in [
        "attention_3d_with_past_and_present",
        "attention_3d_with_past_and_present_qk_matmul",
        "attention_3d_with_past_and_present_qk_matmul_bias",
        "attention_3d_with_past_and_present_qk_matmul_softmax",
        "attention_3d_diff_heads_with_past_and_present",
        "attention_4d_with_past_and_present",
        "attention_4d_with_past_and_present_qk_matmul",
        "attention_4d_with_past_and_present_qk_matmul_bias",
        "attention_4d_with_past_and_present_qk_matmul_bias_3d_mask",
        "attention_4d_with_past_and_present_qk_matmul_bias_4d_mask",
        "attention_4d_diff_heads_with_past_and_present",
    ] {
        cross::<4, 18, 3, 12, 3, 72, 36>(nodes, name);
    }
    cross::<4, 18, 9, 12, 3, 72, 108>(nodes, "attention_4d_gqa_with_past_and_present");

    for name in ["attention_3d_causal", "attention_4d_causal"] {
        causal::<4, 3, 8, 3, 72, 24>(nodes, name);
    }
    causal::<4, 9, 8, 3, 120, 72>(nodes, "attention_4d_gqa_causal");
    for name in ["attention_3d_diff_heads_sizes_causal", "attention_4d_diff_heads_sizes_causal"] {
        causal::<4, 3, 10, 3, 90, 30>(nodes, name);
    }
    for name in ["attention_4d_attn_mask_3d_causal", "attention_4d_attn_mask_4d_causal"] {
        causal::<4, 3, 12, 3, 108, 36>(nodes, name);
    }
    for name in [
        "attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal",
        "attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal",
    ] {
        causal::<16, 3, 12, 3, 108, 36>(nodes, name);
    }
}
