//! Results of several seeds in a table, beside those of another library on the same splits: `examples/data/*baselines.csv`.

use comfy_table::{CellAlignment, Table, presets};
use std::error::Error;
use std::fmt;

/// A table of metrics for one task, being filled.
pub(crate) struct Comparison {
    task: &'static str,
    methods: &'static [&'static str],
    table: Table,
    /// The other library's results, and who it is.
    baselines: &'static [u8],
    library: &'static str,
    seeds: usize,
}

impl Comparison {
    /// No rows yet; a column for fusebox, and one for each of the baseline's `methods`.
    pub(crate) fn new(task: &'static str, methods: &'static [&'static str]) -> Self {
        let (library, baselines): (_, &[u8]) = match task {
            "mnist" => ("PyTorch", include_bytes!("../data/mnist_baselines.csv")),
            "translate" | "answer" => ("PyTorch", include_bytes!("../data/attention_baselines.csv")),
            _ => ("scikit-learn", include_bytes!("../data/baselines.csv")),
        };
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let names = methods.iter().map(|method| match *method {
            "mlp" => "scikit-learn's network".into(),
            "conv_8_16" => "PyTorch, 8 and 16 filters".into(),
            "transformer" => "PyTorch".into(),
            "conv_16_32_dropout" => "PyTorch's".into(),
            "dense_128" => "PyTorch, dense of 128".into(),
            "pca" => "principal components".into(),
            method => method.replace('_', " "),
        });
        table.set_header([task.replace('_', " "), "fusebox".into()].into_iter().chain(names));
        Self { task, methods, table, baselines, library, seeds: 0 }
    }

    /// Adds what fusebox reached with each seed, by the baseline's name of the metric. Returns the mean.
    pub(crate) fn add(
        &mut self,
        metric: &str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<f64, Box<dyn Error>> {
        let values: Vec<_> = values.into_iter().collect();
        self.seeds = values.len();
        let ours = Summary::of(&values);
        let mut row = vec![name(metric), ours.show(metric)];
        for method in self.methods {
            row.push(
                baseline(self.baselines, self.task, method, metric)?
                    .map_or_else(String::new, |theirs| theirs.show(metric)),
            );
        }
        self.table.add_row(row);
        Ok(ours.mean)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = self.table.clone();
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let Self { seeds, library, .. } = self;
        match seeds {
            1 => writeln!(f, "one seed, held-out rows\n{table}")?,
            _ => writeln!(f, "mean ± standard deviation of {seeds} seeds, held-out rows\n{table}")?,
        }
        write!(f, "({library}'s times were measured on another machine, one core of an AMD EPYC)")
    }
}

/// Mean and standard deviation; the latter is missing where nothing depends on the seed.
struct Summary {
    mean: f64,
    deviation: Option<f64>,
}

impl Summary {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self { mean, deviation: (values.len() > 1).then(|| variance.sqrt()) }
    }

    fn show(&self, metric: &str) -> String {
        let (scale, decimals, unit) = match metric {
            "seconds" if self.mean >= 1.0 => (1.0, 1, " s"),
            "seconds" => (1e3, 1, " ms"),
            "rmse" => (1.0, 2, ""),
            _ if metric.ends_with("auc") => (1.0, 3, ""),
            _ => (100.0, 1, " %"),
        };
        let mean = scale * self.mean;
        let deviation = self
            .deviation
            .map_or_else(String::new, |deviation| format!(" ± {:.decimals$}", scale * deviation));
        format!("{mean:.decimals$}{deviation}{unit}")
    }
}

fn name(metric: &str) -> String {
    match metric {
        "seconds" => "a training".into(),
        "rmse" => "RMSE".into(),
        _ => metric.replace('_', " ").replace("auc", "AUC").replace("f1", "F1"),
    }
}

/// What scikit-learn reached, if the file has it.
fn baseline(file: &[u8], task: &str, method: &str, metric: &str) -> Result<Option<Summary>, Box<dyn Error>> {
    /// Task, method, metric; mean, standard deviation; the value of each seed.
    type Row = (String, String, String, f64, Option<f64>, Vec<Option<f64>>);
    for row in csv::ReaderBuilder::new().flexible(true).from_reader(file).deserialize() {
        let (its_task, its_method, its_metric, mean, deviation, _): Row = row?;
        if (&*its_task, &*its_method, &*its_metric) == (task, method, metric) {
            return Ok(Some(Summary { mean, deviation }));
        }
    }
    Ok(None)
}
