//! Tables of numbers with a label: `breast_cancer.csv`, `wine.csv`, `iris.csv`.

use fusebox::data::{Standardize, Statistics, split};
use fusebox::{Error, Rng};

/// A table as it stands in the file.
pub(crate) struct Table<const N: usize> {
    /// The names of the columns but the last, which is the label.
    pub(crate) features: [String; N],
    rows: Rows<N>,
}

/// Rows and their labels.
pub(crate) struct Rows<const N: usize> {
    pub(crate) xs: Vec<[f32; N]>,
    pub(crate) labels: Vec<u8>,
}

impl<const N: usize> Table<N> {
    /// Reads a file: a line of names, then lines of `N` numbers and a label.
    pub(crate) fn read(csv: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let names = reader.headers()?.iter().take(N).map(String::from).collect::<Vec<_>>();
        let features = names.try_into().map_err(|_| format!("expected {N} features and a label"))?;
        let mut rows = Rows { xs: Vec::new(), labels: Vec::new() };
        for record in reader.deserialize() {
            let numbers: Vec<f32> = record?;
            let (xs, label) = numbers.split_first_chunk().ok_or("a row is too short")?;
            rows.xs.push(*xs);
            rows.labels.push(label[0] as u8);
        }
        Ok(Self { features, rows })
    }

    /// Four fifths for training and a fifth held out, both standardised by what the training rows alone know, and that.
    pub(crate) fn split(&self, rng: &mut Rng) -> Result<(Rows<N>, Rows<N>, Standardize<N>), Error> {
        let count = self.rows.xs.len();
        let mut order = vec![0_u16; count];
        let [held_out, training] = split(&mut order, [count / 5, count - count / 5], rng)?;
        let mut statistics = Statistics::new();
        for &i in &*training {
            statistics.add(&self.rows.xs[usize::from(i)])?;
        }
        let standardize = Standardize::of(&statistics)?;
        let gather = |part: &[u16]| {
            let row = |&i: &u16| {
                let mut x = self.rows.xs[usize::from(i)];
                standardize.apply(&mut x);
                (x, self.rows.labels[usize::from(i)])
            };
            let (xs, labels) = part.iter().map(row).unzip();
            Rows { xs, labels }
        };
        Ok((gather(training), gather(held_out), standardize))
    }
}
