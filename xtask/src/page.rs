//! The live page in `examples/page`: builds it into one folder of static files, and serves or tests that.
//!
//! ```text
//! page.simd128.wasm, page.wasm   the crate, with vectors of 128 bits and without, made smaller by binaryen's wasm-opt
//! digits.bin, reader.bin         the data, and a network trained here, by the crate's program `pretrain`
//! bits.json                      hashes that `cargo xtask qemu` recorded
//! the rest                       examples/page/site as it is
//! ```

use crate::apt;
use crate::process::{find, root, run, target_dir};
use crate::road::{Choice, Library, Road, shouted};
use anyhow::{Context, Result, bail, ensure};
use oxhttp::model::header::CONTENT_TYPE;
use oxhttp::model::{Body, Response, StatusCode};
use oxhttp::{ListeningServer, Server};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

const WEB: &str = "wasm32-unknown-unknown";

/// What building and testing take.
pub(crate) const PROGRAMS: [&str; 4] = ["node", "npm", "wasm-opt", "chromium"];

/// What is to be done with the page.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only builds it
    #[arg(long)]
    build: bool,
    /// Uses it in headless Chromium as a person would, instead of serving it
    #[arg(long)]
    test: bool,
    /// Measures it beside TensorFlow.js in headless Chromium
    #[arg(long)]
    speed: bool,
    /// The port on loopback
    #[arg(long, default_value_t = 8000)]
    port: u16,
}

pub(crate) fn run_task(choice: Choice, options: &Options) -> Result<()> {
    let site = target_dir("page");
    build(choice, &site)?;
    if options.test {
        let pictures = target_dir("screenshots");
        in_browser("page.mjs", &site, &pictures)?;
        println!("screenshots: {}", pictures.display());
    }
    if options.speed {
        let speed = target_dir("speed.wasm");
        compile(choice, true, &["--features", "speed", "--config", "profile.release.opt-level=3"], &speed)?;
        in_browser("speed.mjs", &site, &speed)?;
    }
    match options {
        Options { test: false, speed: false, build: false, port } => {
            let server = serve(*port, &site)?;
            println!("http://127.0.0.1:{port}/ (Ctrl+C ends it)");
            server.join()?;
            bail!("the server stopped")
        }
        _ => Ok(()),
    }
}

/// The crate.
fn folder() -> PathBuf {
    root().join("examples/page")
}

/// Makes the folder of static files.
fn build(choice: Choice, site: &Path) -> Result<()> {
    if site.exists() {
        fs::remove_dir_all(site)?;
    }
    fs::create_dir_all(site)?;
    for entry in fs::read_dir(folder().join("site"))? {
        let entry = entry?;
        fs::copy(entry.path(), site.join(entry.file_name()))?;
    }
    compile(choice, true, &[], &site.join("page.simd128.wasm"))?;
    compile(choice, false, &[], &site.join("page.wasm"))?;
    let mut pretrain = crate::process::cargo();
    pretrain.current_dir(folder()).args(["run", "--release", "--quiet", "--bin", "pretrain"]);
    pretrain.arg("--target-dir").arg(target_dir("pretrain"));
    run(pretrain.arg("--").arg(site))?;
    println!("{}: {} B", site.display(), bytes(site)?);
    Ok(())
}

/// Compiles the crate, with vectors or without.
fn compile(choice: Choice, vectors: bool, more: &[&str], to: &Path) -> Result<()> {
    let road = Road::to(WEB, Library::Core, choice)?;
    // One folder for each set of flags: cargo would throw away what it built with others.
    let target = target_dir(if vectors { "web-simd128" } else { "web" });
    let mut cargo = road.cargo_to(&target, "build", &folder());
    let feature = if vectors { "+simd128" } else { "-simd128" };
    cargo.env(format!("CARGO_TARGET_{}_RUSTFLAGS", shouted(WEB)), format!("-C target-feature={feature}"));
    run(cargo.args(["--release", "--quiet", "--lib"]).args(more))?;
    let built = target.join(WEB).join("release/page.wasm");
    let mut smaller = Command::new(apt::program("wasm-opt")?);
    // What the compiler's output uses. Not `--all-features`: binaryen would use those that browsers lack.
    smaller.args(["--enable-bulk-memory", "--enable-sign-ext", "--enable-nontrapping-float-to-int"]);
    smaller.args(["--enable-mutable-globals", "--enable-multivalue", "--enable-reference-types"]);
    if vectors {
        smaller.arg("--enable-simd");
    }
    // For speed where it is measured, for size where it is downloaded.
    let level = if more.is_empty() { "-Oz" } else { "-O3" };
    run(smaller.args([level, "--strip-debug", "--strip-producers"]).arg(built).arg("-o").arg(to))
}

/// Bytes of all files of a folder.
fn bytes(folder: &Path) -> Result<u64> {
    let sizes = fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum()
}

/// Runs a script of `test` with Chromium, while the folder is served.
fn in_browser(script: &str, site: &Path, other: &Path) -> Result<()> {
    let [node, npm, _, chromium] = PROGRAMS;
    let (node, chromium) = (apt::program(node)?, apt::program(chromium)?);
    // Where Node is not Debian's, npm came with it.
    let npm = find(npm).map_or_else(|| apt::program(npm), Ok)?;
    let tests = folder().join("test");
    run(Command::new(npm).current_dir(&tests).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    // Any port that is free.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let _until_this_program_ends = serve(port, site)?;
    let mut test = Command::new(node);
    test.current_dir(&tests).env("CHROMIUM", chromium).arg(script);
    run(test.arg(format!("http://127.0.0.1:{port}/")).args([site, other]))
}

/// Serves the folder on a port of loopback.
fn serve(port: u16, site: &Path) -> Result<ListeningServer> {
    let site = site.to_path_buf();
    let server = Server::new(move |request| {
        let path = request.uri().path();
        let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
        file(&site, name).unwrap_or_else(|_| {
            let mut missing = Response::new(Body::from("no such file"));
            *missing.status_mut() = StatusCode::NOT_FOUND;
            missing
        })
    });
    server.bind((Ipv4Addr::LOCALHOST, port)).spawn().with_context(|| format!("port {port}"))
}

/// A file of the folder, which has no folders inside.
fn file(site: &Path, name: &str) -> Result<Response<Body>> {
    ensure!(!name.contains(['/', '\\']) && !name.contains(".."), "not in the folder");
    let kind = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    Ok(Response::builder().header(CONTENT_TYPE, kind).body(Body::from(fs::read(site.join(name))?))?)
}
