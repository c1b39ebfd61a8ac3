//! What to multiply: sizes and layouts, from the command line, at random, or the usual list.

use anyhow::{Context, Result, bail, ensure};
use fusebox::Rng;
use std::fmt;
use std::str::FromStr;

/// Sizes of a product, m x k by k x n, and whether A and B lie transposed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) transposed: [bool; 2],
}

impl Shape {
    pub(crate) const fn new(m: usize, n: usize, k: usize) -> Self {
        Self { m, n, k, transposed: [false; 2] }
    }

    pub(crate) const fn square(n: usize) -> Self {
        Self::new(n, n, n)
    }

    pub(crate) fn is_square(self) -> bool {
        self == Self::square(self.n)
    }

    pub(crate) const fn flops(self) -> u64 {
        2 * (self.m * self.n * self.k) as u64
    }
}

/// `MxNxK`, with `NT:`, `TN:` or `TT:` before it where operands are transposed.
impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (layout, sizes) = text.split_once(':').unwrap_or(("NN", text));
        let transposed = match layout {
            "NN" => [false, false],
            "NT" => [false, true],
            "TN" => [true, false],
            "TT" => [true, true],
            _ => bail!("{layout} is none of NN, NT, TN and TT"),
        };
        let sizes: Vec<usize> = sizes.split('x').map(str::parse).collect::<Result<_, _>>()?;
        let [m, n, k] = sizes.try_into().ok().context("three sizes: MxNxK")?;
        ensure!([m, n, k].iter().all(|size| (1..=1 << 13).contains(size)), "sizes from 1 to 8192");
        Ok(Self { m, n, k, transposed })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.transposed.map(|transposed| if transposed { 'T' } else { 'N' });
        write!(f, "{a}{b} {} x {} x {}", self.m, self.n, self.k)
    }
}

/// Small products, of shapes that a program is likely to know when it is compiled.
pub(crate) const SMALL: [Shape; 10] = [
    Shape::square(8),
    Shape::square(10),
    Shape::square(12),
    Shape::square(16),
    Shape::square(24),
    Shape::square(32),
    Shape::square(64),
    Shape::new(17, 19, 23),
    Shape::new(32, 10, 128),
    Shape::new(100, 10, 10),
];

/// Squares, and products that make up the training of small networks.
pub(crate) fn usual() -> Vec<Shape> {
    let squares = [4, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
    let others = [
        "17x19x23",
        "33x65x48",
        "65x65x65",
        "300x300x300",
        "32x10x128",
        "100x10x10",
        "32x128x784",
        "64x64x1",
        "64x64x3",
        "1x128x784",
        "1x10x128",
        "784x1x128",
        "NT:1x128x784",
        "NT:4x128x784",
        "NT:1x784x128",
        "NT:64x64x64",
        "NT:128x128x128",
        "NT:256x256x256",
        "NT:512x512x512",
        "NT:1024x1024x1024",
        "NT:32x784x128",
        "TN:64x64x64",
        "TN:256x256x256",
        "TN:512x512x512",
        "TN:1024x1024x1024",
        "TN:784x128x32",
        "TN:128x10x32",
    ];
    let others = others.into_iter().map(|text| text.parse().expect("a shape"));
    squares.into_iter().map(Shape::square).chain(others).collect()
}

/// Shapes of every layout whose sizes, 1 to 512, are as likely below 23 as above.
pub(crate) fn random(count: usize, seed: u64) -> Vec<Shape> {
    let mut rng = Rng::new(seed);
    let mut size = || 513_f32.powf(rng.uniform()) as usize;
    let mut sizes = Vec::new();
    sizes.resize_with(count, || [size(), size(), size()]);
    let mut flip = || rng.below(2) == 1;
    sizes.into_iter().map(|[m, n, k]| Shape { m, n, k, transposed: [flip(), flip()] }).collect()
}
