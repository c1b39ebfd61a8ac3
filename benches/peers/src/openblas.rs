//! OpenBLAS, from a shared library of the user's.

use crate::peers::Peer;
use crate::product::Product;
use crate::shapes::Shape;
use anyhow::{Context, Result};
use libloading::{Library, Symbol};
use std::ffi::{CStr, c_char};
use std::path::Path;

/// Order, A's and B's layout, m, n, k, alpha, A and its row stride, B and its own, beta, C and its own.
type Sgemm = unsafe extern "C" fn(
    i32,
    i32,
    i32,
    i32,
    i32,
    i32,
    f32,
    *const f32,
    i32,
    *const f32,
    i32,
    f32,
    *mut f32,
    i32,
);

pub(crate) struct OpenBlas {
    sgemm: Symbol<'static, Sgemm>,
    /// The processor whose kernels it chose.
    pub(crate) core: String,
}

impl OpenBlas {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        // SAFETY: a library that the user named; loading one runs its constructors.
        let library =
            unsafe { Library::new(path) }.with_context(|| format!("cannot load {}", path.display()))?;
        // It stays as long as the program runs.
        let library = Box::leak(Box::new(library));
        // SAFETY: the types are OpenBLAS's own declarations, with integers of 32 bits; the name of the core is a
        // constant of its own.
        unsafe {
            let set_threads: Symbol<'_, unsafe extern "C" fn(i32)> =
                symbol(library, "openblas_set_num_threads")?;
            set_threads(1);
            let core: Symbol<'_, unsafe extern "C" fn() -> *const c_char> =
                symbol(library, "openblas_get_corename")?;
            let core = CStr::from_ptr(core()).to_string_lossy().into_owned();
            Ok(Self { sgemm: symbol(library, "cblas_sgemm")?, core })
        }
    }
}

/// The symbol of that name, or of the name that the packages for Python give it.
///
/// # Safety
///
/// It has the type `T`.
unsafe fn symbol<T>(library: &'static Library, name: &str) -> Result<Symbol<'static, T>> {
    // SAFETY: of type `T`, as this function's own caller says.
    let get = |name: &str| unsafe { library.get(name.as_bytes()) };
    get(name).or_else(|_| get(&format!("scipy_{name}"))).with_context(|| format!("no {name} in this library"))
}

impl Peer for OpenBlas {
    fn name(&self) -> &'static str {
        "OpenBLAS"
    }

    fn multiply(&self, product: &mut Product) {
        const ROW_MAJOR: i32 = 101;
        let flag = |transposed| if transposed { 112 } else { 111 };
        let Product { shape: Shape { m, n, k, transposed: [at, bt] }, ref a, ref b, ref mut c } = *product;
        let [m, n, k] = [m, n, k].map(|x| i32::try_from(x).expect("sizes of 31 bits"));
        let (lda, ldb) = (if at { m } else { k }, if bt { k } else { n });
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold matrices of these sizes and strides.
        unsafe { (self.sgemm)(ROW_MAJOR, flag(at), flag(bt), m, n, k, 1.0, a, lda, b, ldb, 0.0, c, n) };
    }
}
