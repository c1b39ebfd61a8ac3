//! The square products, over n, as a drawing.

use crate::compare::OURS;
use crate::report::Row;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::fs;
use std::path::Path;

/// Colours that stay apart for colour-blind eyes too (M. Okabe and K. Ito, "Color Universal Design", 2008), and a grey.
const COLOURS: [RGBColor; 8] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(160, 160, 160),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
];

/// The width of lines that matter most.
const BOLD: u32 = 4;

fn style(line: usize, width: u32) -> ShapeStyle {
    COLOURS[line % COLOURS.len()].stroke_width(width).filled()
}

/// Draws a line for everyone named, in bold those of fusebox.
pub(crate) fn draw(path: &Path, names: &[&str], rows: &[Row]) -> Result<()> {
    let lines = names.iter().enumerate().map(|(i, name)| {
        let part =
            |row: &Row| [row.runtime, row.fixed].into_iter().chain(row.peers.iter().copied()).nth(i)?;
        let squares = rows.iter().filter(|row| row.shape.is_square());
        let points = squares.filter_map(|row| Some(((row.shape.n as f64).log2(), 100.0 * part(row)?)));
        let mut points: Vec<_> = points.collect();
        points.sort_by(|x, y| x.0.total_cmp(&y.0));
        (*name, points)
    });
    let bold = |line: usize| if line < OURS { BOLD } else { 2 };
    draw_lines(path, &lines.collect::<Vec<_>>(), bold).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Draws two lines for each processor whose record is in `folder`: in bold fusebox, the shape known at run time, and below
/// it in the list the best peer.
pub(crate) fn draw_records(path: &Path, folder: &Path) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let texts: Vec<_> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    let mut lines = Vec::new();
    for text in &texts {
        let (ours, best) = squares_of(text);
        let processor = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        lines.push((format!("{processor}: fusebox"), ours));
        lines.push(("best peer".into(), best));
    }
    let lines: Vec<_> = lines.iter().map(|(name, points)| (name.as_str(), points.clone())).collect();
    let bold = |line: usize| if line.is_multiple_of(2) { BOLD } else { 2 };
    draw_lines(path, &lines, bold).map_err(|error| anyhow!("{}: {error}", path.display()))
}

type Points = Vec<(f64, f64)>;

/// The points of fusebox and of the best peer, of the squares in a record.
fn squares_of(record: &str) -> (Points, Points) {
    let (mut ours, mut best) = (Vec::new(), Vec::new());
    // The peers' columns are those after ours, up to the first ratio, of those that learn the shape with each product.
    let mut peers = Vec::new();
    for line in record.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells[0] == "m x n x k" {
            let names = cells.iter().enumerate().skip(1 + OURS).take_while(|(_, name)| !name.contains(" : "));
            peers = names.filter(|(_, name)| !name.ends_with("planned")).map(|(i, _)| i).collect();
        }
        let sizes = cells[0].strip_prefix("NN ").map(|sizes| sizes.split(" x ").collect::<Vec<_>>());
        let Some([m, n, k]) = sizes.as_deref() else { continue };
        let (true, true, Ok(x)) = (m == n, n == k, n.parse::<f64>()) else { continue };
        let part = |cell: &&str| cell.parse::<f64>().ok();
        if let Some(part) = cells.get(1).and_then(part) {
            ours.push((x.log2(), part));
        }
        let parts = peers.iter().filter_map(|&peer| cells.get(peer).and_then(part));
        if let Some(part) = parts.reduce(f64::max) {
            best.push((x.log2(), part));
        }
    }
    for points in [&mut ours, &mut best] {
        points.sort_by(|x, y| x.0.total_cmp(&y.0));
    }
    (ours, best)
}

type Line<'a> = (&'a str, Points);

fn draw_lines(
    path: &Path,
    lines: &[Line<'_>],
    width: impl Fn(usize) -> u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, (900, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let xs = || lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.0));
    let (first, last) = (xs().fold(f64::INFINITY, f64::min).floor(), xs().fold(0.0, f64::max).ceil());
    if first >= last {
        return Err("no squares of two sizes to draw".into());
    }
    let mut chart = ChartBuilder::on(&area)
        .caption("f32 products, n x n x n, one thread", ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(56)
        .build_cartesian_2d(first..last, 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_labels((last - first) as usize + 1)
        .y_labels(11)
        .x_label_formatter(&|x| format!("{}", x.exp2()))
        .y_label_formatter(&|y| format!("{y}"))
        .x_desc("n")
        .y_desc("% of the multiply-add peak")
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 17))
        .draw()?;
    for (i, (name, _)) in lines.iter().enumerate() {
        let style = style(i, width(i));
        let entry = move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style);
        chart.draw_series(LineSeries::new([], style))?.label(*name).legend(entry);
    }
    // The legend begins with ours, but they are drawn last, to lie on top.
    for (i, (_, points)) in lines.iter().enumerate().rev() {
        chart.draw_series(LineSeries::new(points.iter().copied(), style(i, width(i))).point_size(3))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .legend_area_size(32)
        .label_font(("sans-serif", 16))
        .margin(16)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.4))
        .draw()?;
    area.present()?;
    Ok(())
}
