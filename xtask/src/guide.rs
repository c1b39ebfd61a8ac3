//! Blocks of GUIDE.md that quote a file are what the file says.
//!
//! The paragraph before such a block ends with "From [`path`](path):". Its lines follow one another in the file, but for how far
//! they are indented. Other blocks of Rust are tests of fusebox.

use crate::process::root;
use std::fs;

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn quotations() {
    let guide = fs::read_to_string(root().join("GUIDE.md")).unwrap();
    let mut quoted = 0;
    // Before a fence, after it, before the next one, and so on.
    let parts: Vec<&str> = guide.split("```").collect();
    for pair in parts.chunks_exact(2) {
        let [before, block] = pair else { continue };
        let (language, code) = block.split_once('\n').unwrap();
        let source = before
            .trim_end()
            .strip_suffix("):")
            .and_then(|text| text.rsplit_once("]("))
            .map(|(_, path)| path);
        let from = before.trim_end().rsplit("\n\n").next().unwrap_or_default().contains("From");
        let Some(path) = source.filter(|_| from) else {
            assert!(language != "rust,ignore", "neither compiled nor quoted:\n{code}");
            continue;
        };
        let file = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (file, code) = (lines(&file), lines(code));
        assert!(
            file.windows(code.len()).any(|window| window == code),
            "{path} does not say\n{}",
            code.join("\n")
        );
        quoted += 1;
    }
    assert!(quoted >= 3, "{quoted} quotations");
}
