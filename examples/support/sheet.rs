//! A sheet of small grey pictures, as SVG.

use std::fmt;
use svg::Document;
use svg::Node;
use svg::node::element::{Group, Rectangle, Text};

/// Pictures beside each other, and lines of text above them.
pub(crate) struct Sheet {
    document: Document,
    x: usize,
    y: usize,
}

/// A picture's side, and the distance from one to the next.
const SIDE: usize = 56;
const PITCH: usize = 72;
const COLUMNS: usize = 16;

impl Sheet {
    pub(crate) fn new(title: &str) -> Self {
        let width = COLUMNS * PITCH;
        let background = Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "white");
        let mut sheet = Self { document: Document::new().set("width", width).add(background), x: 0, y: 0 };
        sheet.heading(title);
        sheet
    }

    fn heading(&mut self, title: &str) {
        self.y += 24;
        let text = Text::new(title).set("x", 8).set("y", self.y).set("font-family", "sans-serif");
        self.document.append(text);
        self.y += 16;
    }

    /// Begins a row of its own, below a title.
    pub(crate) fn row(&mut self, title: &str) {
        if self.x > 0 {
            (self.x, self.y) = (0, self.y + PITCH + 16);
        }
        self.heading(title);
    }

    /// Adds a picture of so many rows and columns, 0 black and 1 white, and a caption.
    pub(crate) fn add(
        &mut self,
        [rows, cols]: [usize; 2],
        grey: impl Fn(usize, usize) -> f32,
        caption: &str,
    ) {
        let (left, size) = (self.x * PITCH + 8, SIDE as f32 / rows.max(cols) as f32);
        let mut group = Group::new().set("transform", format!("translate({left} {})", self.y));
        for y in 0..rows {
            for x in 0..cols {
                let level = (grey(y, x).clamp(0.0, 1.0) * 255.0) as u8;
                group = group.add(
                    Rectangle::new()
                        .set("x", x as f32 * size)
                        .set("y", y as f32 * size)
                        .set("width", size)
                        .set("height", size)
                        .set("fill", format!("rgb({level},{level},{level})")),
                );
            }
        }
        if !caption.is_empty() {
            let text = Text::new(caption).set("x", 0).set("y", SIDE + 14);
            group = group.add(text.set("font-family", "sans-serif").set("font-size", 12));
        }
        self.document.append(group);
        self.x += 1;
        if self.x == COLUMNS {
            (self.x, self.y) = (0, self.y + PITCH + 8);
        }
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = self.y + if self.x > 0 { PITCH + 16 } else { 8 };
        write!(f, "{}", self.document.clone().set("height", height))
    }
}
