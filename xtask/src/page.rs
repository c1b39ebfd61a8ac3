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
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use tiny_http::{Header, Response, Server};

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
            let server = listen(*port)?;
            println!("http://{}/ (Ctrl+C ends it)", server.server_addr());
            serve(&server, &site);
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
    let server = listen(0)?;
    thread::scope(|scope| {
        scope.spawn(|| serve(&server, site));
        let mut test = Command::new(node);
        test.current_dir(&tests).env("CHROMIUM", chromium).arg(script);
        let result = run(test.arg(format!("http://{}/", server.server_addr())).args([site, other]));
        server.unblock();
        result
    })
}

/// A server on loopback; on any free port for 0.
fn listen(port: u16) -> Result<Server> {
    Server::http(("127.0.0.1", port)).map_err(|error| anyhow!("port {port}: {error}"))
}

/// Serves the folder until the server is unblocked.
fn serve(server: &Server, site: &Path) {
    for request in server.incoming_requests() {
        let path = request.url().split(['?', '#']).next().unwrap_or_default();
        let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') }.to_string();
        let answered = match file(site, &name) {
            Ok(file) => request.respond(file),
            Err(_) => request.respond(Response::from_string("no such file").with_status_code(404)),
        };
        // A browser that goes away is no reason to stop.
        if let Err(error) = answered {
            eprintln!("{name}: {error}");
        }
    }
}

/// A file of the folder, which has no folders inside.
fn file(site: &Path, name: &str) -> Result<Response<impl Read + use<>>> {
    ensure!(!name.contains(['/', '\\']) && !name.contains(".."), "not in the folder");
    let kind = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let header = Header::from_bytes("Content-Type", kind).ok().context("a header")?;
    Ok(Response::from_file(fs::File::open(site.join(name))?).with_header(header))
}
