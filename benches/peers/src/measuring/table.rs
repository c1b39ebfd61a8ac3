//! Tables for a terminal and for a page of Markdown alike.

use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

pub fn percent(part: f64) -> String {
    format!("{:.1}", 100.0 * part)
}

/// Numbers to the right, and no column of which nothing is known.
pub fn aligned(header: Vec<String>, rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let empty = |column: usize| rows.iter().all(|row| row[column].is_empty());
    let hidden: Vec<bool> = (0..header.len()).map(empty).collect();
    table.set_header(header);
    table.add_rows(rows);
    for (column, hidden) in table.column_iter_mut().zip(hidden).skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
        if hidden {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    table
}
