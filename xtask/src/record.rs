//! Figures that are recorded beside this program: a table for each core and compiler.
//!
//! A compiler's next version makes other code, of which nothing here is wrong; so a table is compared only with what the same
//! version made, and otherwise it is said that nothing was. Nor does every digit matter: figures may differ by 2 %.
//!
//! Depths of the stack may differ by eight registers as well. The same source in another directory gets other symbols, for
//! cargo's hash of a dependency outside the workspace has its path in it; with them the optimiser meets the functions in
//! another order and now and then inlines one more. In one of six directories a step was 32 bytes deeper, and all code as long.

use crate::process::root;
use anyhow::{Context, Result, bail};
use comfy_table::Table;
use std::fs;

/// By how much a figure may differ, in per cent.
const TOLERANCE: u64 = 2;

/// By how many bytes a depth of the stack may differ, if that is more.
const REGISTERS: u64 = 8 * 4;

/// How the names of rows begin that are depths of the stack.
const STACK: &str = "stack ";

/// A column that is not compared: few of many cycles, they come and go with the compiler's mood.
pub(crate) const STALLS: &str = "stalls";

/// A file of tables, written by `cargo xtask <task> --record`.
pub(crate) struct Record {
    pub(crate) path: &'static str,
    pub(crate) task: &'static str,
}

impl Record {
    /// Compares a table with the record, and returns what differs; or, if `record` says so, writes it there instead, below
    /// what is to be said about it.
    pub(crate) fn check(
        &self,
        core: &str,
        compiler: &str,
        table: &Table,
        about: &str,
        record: bool,
    ) -> Result<Vec<String>> {
        let path = root().join(self.path);
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        let mut sections = sections(&recorded);
        let heading = format!("{core}, {compiler}");
        if record {
            let text = format!("{about}.\n\n{table}");
            match sections.iter_mut().find(|(old, _)| *old == heading) {
                Some((_, old)) => *old = &text,
                None => sections.push((&heading, &text)),
            }
            sections.sort();
            let body: String =
                sections.iter().map(|(heading, text)| format!("\n## {heading}\n\n{text}\n")).collect();
            let title = format!("# What `cargo xtask {} --record` found, by core and compiler\n", self.task);
            fs::write(&path, title + &body).with_context(|| format!("cannot write {}", path.display()))?;
            return Ok(Vec::new());
        }
        match sections.iter().find(|(old, _)| *old == heading) {
            Some((_, old)) => {
                let differences = too_far_apart(&cells(&table.to_string()), &cells(old));
                Ok(differences.into_iter().map(|difference| format!("{core}: {difference}")).collect())
            }
            None => {
                println!("NOT CHECKED: {} has no figures for {core} by {compiler}", self.path);
                Ok(Vec::new())
            }
        }
    }

    /// Fails if anything differs.
    pub(crate) fn report(&self, differences: &[String]) -> Result<()> {
        if !differences.is_empty() {
            let all = differences.join("\n");
            bail!("{all}\nrecorded in {}: `cargo xtask {} --record` rewrites it", self.path, self.task);
        }
        Ok(())
    }
}

/// Headings and the text below each.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("\n## ").skip(1);
    parts.filter_map(|part| part.split_once('\n')).map(|(heading, text)| (heading, text.trim())).collect()
}

/// The cells of a table in Markdown, without the line below its header.
pub(crate) fn cells(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    lines
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect())
        .collect()
}

/// What the record says otherwise. A row is known by its first cell, a column by the header, which the recorded table has
/// too; `differ` says of a row's and a column's cells, the new and the recorded, whether they do.
pub(crate) fn differences(
    header: &[impl AsRef<str>],
    rows: &[Vec<String>],
    recorded: &[Vec<String>],
    differ: impl Fn(&str, &str, &str, &str) -> bool,
) -> Vec<String> {
    let header: Vec<_> = header.iter().map(AsRef::as_ref).collect();
    let Some((_, recorded)) = recorded.split_first().filter(|(old, _)| **old == header) else {
        return vec!["the record has other columns".into()];
    };
    let mut differences = Vec::new();
    for row in rows {
        match recorded.iter().find(|old| old[0] == row[0]) {
            None => differences.push(format!("{}: not in the record", row[0])),
            Some(old) => {
                let cells = header.iter().zip(row.iter().zip(old));
                let cells = cells.filter(|(what, (new, old))| differ(&row[0], what, new, old));
                differences.extend(
                    cells.map(|(what, (new, old))| format!("{}: {what} {new}, recorded {old}", row[0])),
                );
            }
        }
    }
    let gone = recorded.iter().filter(|old| rows.iter().all(|row| row[0] != old[0]));
    differences.extend(gone.map(|old| format!("{}: recorded, but not there", old[0])));
    differences
}

/// What differs by too much: whole numbers are compared, the rest follows from them.
fn too_far_apart(table: &[Vec<String>], recorded: &[Vec<String>]) -> Vec<String> {
    let Some((header, rows)) = table.split_first() else {
        return vec!["there is no table".into()];
    };
    differences(header, rows, recorded, |row, what, new, old| what != STALLS && differ(row, new, old))
}

/// Whether two whole numbers are too far apart; or a ratio of times, `1.50 times`, has grown by half.
fn differ(row: &str, new: &str, old: &str) -> bool {
    let ratio = |text: &str| text.strip_suffix(" times")?.parse::<f64>().ok();
    if let (Some(new), Some(old)) = (ratio(new), ratio(old)) {
        return new > 1.5 * old;
    }
    match (new.parse::<u64>(), old.parse::<u64>()) {
        (Ok(new), Ok(old)) => {
            let registers = if row.starts_with(STACK) { REGISTERS } else { 0 };
            new.abs_diff(old) > registers.max(old * TOLERANCE / 100)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_per_cent() {
        let table = |name: &str, bytes: &str| {
            vec![["what", "bytes"].map(String::from).to_vec(), [name, bytes].map(String::from).to_vec()]
        };
        assert!(too_far_apart(&table("a", "1020"), &table("a", "1000")).is_empty());
        assert_eq!(too_far_apart(&table("a", "1021"), &table("a", "1000")), ["a: bytes 1021, recorded 1000"]);
        assert!(too_far_apart(&table("stack a", "1032"), &table("stack a", "1000")).is_empty());
        assert!(!too_far_apart(&table("stack a", "1033"), &table("stack a", "1000")).is_empty());
        assert_eq!(
            too_far_apart(&table("a", "979"), &table("b", "1000")),
            ["a: not in the record", "b: recorded, but not there"]
        );
        assert!(too_far_apart(&table("a", "3.00 times"), &table("a", "2.00 times")).is_empty());
        assert!(!too_far_apart(&table("a", "3.10 times"), &table("a", "2.00 times")).is_empty());
    }

    #[test]
    fn headings() {
        let text = "# Title\n\n## A, 1\n\n| x |\n|---|\n\n## B, 2\n\n| y |\n";
        assert_eq!(sections(text), [("A, 1", "| x |\n|---|"), ("B, 2", "| y |")]);
    }
}
