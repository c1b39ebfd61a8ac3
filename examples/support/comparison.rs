//! Results of ten seeds in a table, beside scikit-learn's on the same splits: `examples/data/baselines.csv`.

use comfy_table::{CellAlignment, Table, presets};
use std::error::Error;
use std::fmt;

/// A table of metrics for one task, being filled.
pub(crate) struct Comparison {
    task: &'static str,
    methods: &'static [&'static str],
    table: Table,
}

impl Comparison {
    /// No rows yet; a column for fusebox, and one for each of the baseline's `methods`.
    pub(crate) fn new(task: &'static str, methods: &'static [&'static str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let names = methods.iter().map(|method| match *method {
            "mlp" => "scikit-learn's network".into(),
            "pca" => "principal components".into(),
            method => method.replace('_', " "),
        });
        table.set_header([task.replace('_', " "), "fusebox".into()].into_iter().chain(names));
        Self { task, methods, table }
    }

    /// Adds what fusebox reached with each seed, by the baseline's name of the metric. Returns the mean.
    pub(crate) fn add(
        &mut self,
        metric: &str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<f64, Box<dyn Error>> {
        let ours = Summary::of(&values.into_iter().collect::<Vec<_>>());
        let mut row = vec![name(metric), ours.show(metric)];
        for method in self.methods {
            row.push(
                baseline(self.task, method, metric)?.map_or_else(String::new, |theirs| theirs.show(metric)),
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
        writeln!(f, "mean ± standard deviation of ten seeds, held-out rows\n{table}")?;
        write!(f, "(scikit-learn's times were measured on another machine, one core of an AMD EPYC)")
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
        Self { mean, deviation: Some(variance.sqrt()) }
    }

    fn show(&self, metric: &str) -> String {
        let (scale, decimals, unit) = match metric {
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
fn baseline(task: &str, method: &str, metric: &str) -> Result<Option<Summary>, Box<dyn Error>> {
    /// Task, method, metric; mean, standard deviation; the value of each seed.
    type Row = (String, String, String, f64, Option<f64>, Vec<Option<f64>>);
    for row in csv::Reader::from_reader(include_bytes!("../data/baselines.csv").as_slice()).deserialize() {
        let (its_task, its_method, its_metric, mean, deviation, _): Row = row?;
        if (&*its_task, &*its_method, &*its_metric) == (task, method, metric) {
            return Ok(Some(Summary { mean, deviation }));
        }
    }
    Ok(None)
}
