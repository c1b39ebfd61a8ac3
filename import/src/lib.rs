//! Writes a network of TensorFlow Lite as a Rust module of [`fusebox`]'s layers, and with [`export`] one that fusebox has quantised as a
//! file of TensorFlow Lite.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), fusebox_import::Error> {
//!     fusebox_import::tflite("model.tflite")
//! }
//! ```
//!
//! ```ignore
//! // main.rs
//! mod model {
//!     include!(concat!(env!("OUT_DIR"), "/model.rs"));
//! }
//! use fusebox::{Layer, Scratch};
//! use model::{NET, Net};
//! NET.infer(&xs, &mut Scratch::<Net, 1>::new(), &mut ys)?;
//! ```
//!
//! The module has a `struct Net`, whose fields are the layers, and a `static NET` with the weights, which stay where they are, in
//! flash on a microcontroller. `Net` is a [`fusebox::Layer`]: it runs alone, in a batch, or as a part of another network. Tensors
//! between the layers share an arena, `Scratch`, whose size is known when it compiles. A network that keeps a state from one run to
//! the next is a [`fusebox::layers::Stream`] too, which runs in a [`fusebox::Streaming`].
//!
//! | file | contents |
//! |---|---|
//! | `schema` | the file format |
//! | `graph` | a file's tensors and operators, checked |
//! | `lower` | from operators to layers |
//! | `plan` | where tensors lie in the arena |
//! | `network` | a network that has been read, and what it costs |
//! | `write` | the Rust module |
//! | `export` | the other way: a network that fusebox has quantised as a file |

mod error;
mod export;
mod graph;
mod lower;
mod network;
mod plan;
mod schema;
mod write;

pub use error::Error;
pub use export::{Ends, export};
pub use network::Network;
pub use write::Module;

use std::path::Path;

/// How a network is imported.
///
/// ```
/// use fusebox_import::{Options, Runtime};
/// assert_eq!(Options::default(), Options { runtime: Runtime::Micro });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The runtime that the network's outputs are equal to, to the bit but for what [`Runtime::LiteRt`] says.
    pub runtime: Runtime,
}

/// A runtime of TensorFlow Lite. Sums are rounded in other ways, so results differ by one now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// TensorFlow Lite for Microcontrollers, which rounds twice: [`fusebox::int8::Double`].
    #[default]
    Micro,
    /// LiteRT's reference kernels. As the above, but those of fully connected layers round once: [`fusebox::int8::Single`]. LSTMs,
    /// ReLUs as operators of their own, `MUL`, and `LOGISTIC` and `TANH` at extreme scales are still the above: LiteRT's own differ
    /// by one where a result is close to the middle of two.
    LiteRt,
}

/// Imports `path` in a build script: writes a module of the file's name, with the ending `.rs`, and its numbers, `.bin`, to
/// `OUT_DIR`, and tells cargo when to do so again.
pub fn tflite(path: impl AsRef<Path>) -> Result<(), Error> {
    tflite_with(path, &Options::default())
}

/// [`tflite`] with other options.
///
/// ```no_run
/// use fusebox_import::{Options, Runtime};
/// fusebox_import::tflite_with("model.tflite", &Options { runtime: Runtime::LiteRt })?;
/// # Ok::<(), fusebox_import::Error>(())
/// ```
pub fn tflite_with(path: impl AsRef<Path>, options: &Options) -> Result<(), Error> {
    let path = path.as_ref();
    println!("cargo::rerun-if-changed={}", path.display());
    let out = std::env::var_os("OUT_DIR")
        .ok_or_else(|| Error::new("OUT_DIR is not set: this is for build scripts"))?;
    // `a.b.tflite` is `a.b.rs`: `with_extension` would make it `a.rs`, as it does of `a.c.tflite`.
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".rs");
    write(path, &Path::new(&out).join(name), options).map(|_| ())
}

/// Imports `from` as the module `to`, with its numbers beside it, in a file that ends in `.bin`. Errors if two of the three are one file.
///
/// ```no_run
/// let network = fusebox_import::write("model.tflite".as_ref(), "src/model.rs".as_ref(), &Default::default())?;
/// println!("{network}");
/// # Ok::<(), fusebox_import::Error>(())
/// ```
pub fn write(from: &Path, to: &Path, options: &Options) -> Result<Network, Error> {
    let data = to.with_extension("bin");
    // As far as they exist.
    let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
    if data == to || place(from) == place(to) || place(from) == place(&data) {
        let error = Error::new(format!(
            "would be overwritten: the module is {}, its numbers {}",
            to.display(),
            data.display()
        ));
        return Err(error.at(from.display()));
    }
    let network = read(from, options)?;
    let title = from.file_name().unwrap_or_default().to_string_lossy();
    let module = network.module(&title, &data.file_name().unwrap_or_default().to_string_lossy())?;
    for (path, bytes) in [(to, module.code.as_bytes()), (&data, &module.data)] {
        std::fs::write(path, bytes).map_err(|error| Error::new(error.to_string()).at(path.display()))?;
    }
    Ok(network)
}

/// The network of the file at `path`.
///
/// ```
/// let error = fusebox_import::read("missing.tflite".as_ref(), &Default::default()).unwrap_err();
/// assert!(error.to_string().starts_with("missing.tflite: "));
/// ```
pub fn read(path: &Path, options: &Options) -> Result<Network, Error> {
    let file = std::fs::read(path).map_err(|error| Error::new(error.to_string()).at(path.display()))?;
    Network::read(&file, options).map_err(|error| error.at(path.display()))
}
