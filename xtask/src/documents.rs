//! What documents say of the repository is so: links lead somewhere, and commands name tasks, examples, tests and benches that exist.

use crate::process::root;
use clap::CommandFactory;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents for readers, by path from the repository.
fn documents() -> Vec<PathBuf> {
    let markdown = |folder: &str| {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().file_name());
        let names = files.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"));
        names.map(|name| Path::new(folder).join(name)).collect::<Vec<_>>()
    };
    let examples = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap());
    let examples = examples.filter(|entry| entry.file_type().unwrap().is_dir());
    let examples = examples.map(|entry| format!("examples/{}", entry.file_name().display()));
    let folders = ["", "docs", "import", "weights"].map(String::from).into_iter().chain(examples);
    folders.flat_map(|folder| markdown(&folder)).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text outside of blocks of code: before the first fence, after the second, and so on.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").step_by(2)
}

/// The anchors that GitHub gives to headings: lower case, hyphens for spaces, and no other punctuation.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).flat_map(str::lines).filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let anchor = |title: String| {
        title.replace(' ', "-").chars().filter(|&c| c.is_alphanumeric() || "-_".contains(c)).collect()
    };
    titles.map(anchor).collect()
}

/// What follows each `before` in the text, up to a character that no name has.
fn names<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let other = |c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c));
    text.split(before).skip(1).map(|rest| rest.split(other).next().unwrap_or_default()).collect()
}

#[test]
fn links() {
    let mut found = 0;
    for document in documents() {
        let text = read(&document);
        let targets = prose(&text).flat_map(|prose| prose.split("](").skip(1));
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let shown = document.display();
            assert!(root().join(&file).exists(), "{shown} links to {target}, which does not exist");
            assert!(
                anchor.is_empty() || anchors(&read(&file)).iter().any(|known| known == anchor),
                "{shown} links to {target}, where no heading has this anchor"
            );
            found += 1;
        }
    }
    assert!(found >= 50, "{found} links");
}

#[test]
fn commands() {
    let arguments = crate::Arguments::command();
    let mut found = 0;
    for document in documents() {
        let text = read(&document);
        for task in names(&text, "cargo xtask ") {
            let known = task.is_empty() || task == "help" || arguments.find_subcommand(task).is_some();
            assert!(known, "{}: no task `{task}`", document.display());
            found += 1;
        }
        // A document beside a package's manifest names that package's.
        let packages = [root().to_owned(), root().join(document.parent().unwrap())];
        for (option, folder) in [
            ("cargo run --release --example ", "examples"),
            ("cargo test --test ", "tests"),
            ("cargo bench --bench ", "benches"),
        ] {
            for name in names(&text, option).into_iter().filter(|name| !name.is_empty()) {
                let mut places = packages.iter().map(|package| package.join(folder));
                let known = places
                    .any(|folder| folder.join(name).is_dir() || folder.join(format!("{name}.rs")).is_file());
                assert!(known, "{}: `{option}{name}`", document.display());
                found += 1;
            }
        }
    }
    assert!(found >= 50, "{found} commands");
}

/// The line under the README's title, and what it says of versions.
#[test]
fn claims() {
    let (readme, manifest) = (read(Path::new("README.md")), read(Path::new("Cargo.toml")));
    let value = |key: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_start_matches([' ', '=']).trim_matches('"').to_owned()
    };
    let line = readme.lines().find(|line| line.starts_with("`no_std`")).unwrap();
    let rust = value("rust-version");
    assert!(line.contains(&format!("Rust {rust} or newer")), "{line}");
    assert!(line.contains(&value("license")), "{line}");
    assert!(readme.contains(&format!("minimum supported Rust version is {rust}.")));
}
