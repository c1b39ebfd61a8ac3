//! The tensors of a file as a table.

use comfy_table::{CellAlignment, Table, presets};
use fusebox_weights::File;

/// A line for each tensor and one for all.
pub(crate) fn list(file: &File<'_>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "type", "shape", "bytes"]);
    let (mut tensors, mut bytes) = (0, 0);
    for (name, tensor) in file.iter() {
        table.add_row([
            name,
            &tensor.dtype.to_string(),
            &shape(&tensor.shape),
            &tensor.data.len().to_string(),
        ]);
        (tensors, bytes) = (tensors + 1, bytes + tensor.data.len());
    }
    table.add_row([&format!("{tensors} in all"), "", "", &bytes.to_string()]);
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt() + "\n"
}

/// `12 x 72`.
pub(crate) fn shape(shape: &[usize]) -> String {
    let counts: Vec<_> = shape.iter().map(usize::to_string).collect();
    counts.join(" x ")
}
