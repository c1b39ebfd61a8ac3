//! What a kernel is asked for: sums over a stretch of k, or a column times a row.

use crate::simd::multiply_add;

/// Sums over a stretch of k: what a kernel is asked for. Strides are in numbers.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_k: usize,
    pub(super) b: *const f32,
    pub(super) b_k: usize,
    pub(super) b_col: usize,
    pub(super) k: usize,
    /// Numbers of k in a segment, whose sums are added in order.
    pub(super) segment: usize,
    /// What the sums start from.
    pub(super) first: *const f32,
    pub(super) first_row: usize,
    pub(super) first_col: usize,
    /// Where they go.
    pub(super) out: *mut f32,
    pub(super) out_row: usize,
    pub(super) end: End,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

/// How a sum is stored.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// In the place of what is there.
    Store,
    /// Added to what is there: of segments after the first, by the assembly.
    #[cfg(not(fusebox_core = "other"))]
    Add,
    /// The same, but for this factor.
    AddTimes(f32),
}

impl End {
    /// # Safety
    /// `out` can be read and written.
    pub(super) unsafe fn store<const FUSED: bool>(self, out: *mut f32, sum: f32) {
        // SAFETY: the caller's promise.
        unsafe {
            out.write(match self {
                Self::Store => sum,
                #[cfg(not(fusebox_core = "other"))]
                Self::Add => out.read() + sum,
                Self::AddTimes(factor) => multiply_add::<FUSED>(sum, factor, out.read()),
            });
        }
    }
}

/// What sums start from that start from nothing.
pub(super) static ZEROS: [f32; 16] = [0.0; 16];

/// Computes the sums; may change the request.
///
/// # Safety
/// Of [`Sums`]:
/// 1. `rows`, `cols` and `segment` are not zero, and A and B lie as the kernel says.
/// 2. `k` numbers of each row of A, `k` rows of B, and what sums start from can be read.
/// 3. All sums can be stored, and if they are added to what is there, it can be read; nobody else uses the place.
pub(super) type Kernel = unsafe fn(&mut Sums);

/// Computes `c = a b + bias` for one row of A.
///
/// # Safety
/// 1. `b` has as many rows as `a` has numbers, each as long as `c`, and can be read.
/// 2. The bias is as long as `c`.
pub(super) type RowKernel = unsafe fn(a: &[f32], b: *const f32, c: &mut [f32], bias: &[f32]);

/// A column of `m` numbers times a row of `n`, added to C: `c_ij + a_i (b_j factor)`.
#[derive(Clone, Copy)]
pub(super) struct RankOne {
    pub(super) a: *const f32,
    pub(super) b: *const f32,
    pub(super) c: *mut f32,
    pub(super) stride: usize,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) factor: f32,
}
