//! A column times a row, added to a matrix: see [`super::kernels`].

use core::arch::naked_asm;

/// Eight columns: `c = c + a (b factor)`, row by row.
///
/// # Safety
/// `m` numbers at `a`, eight at `b`, `m` rows of eight at `c` are there, `m` at least one.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn eight_columns(
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    factor: u32,
) {
    naked_asm!(concat!(
        ".fpu fpv4-sp-d16
         vpush {{s16-s25}}
         ldr r12, [sp, #40]
         vldr s25, [sp, #44]
         vldmia r1, {{s0-s7}}
         vmul.f32 s0, s0, s25
         vmul.f32 s1, s1, s25
         vmul.f32 s2, s2, s25
         vmul.f32 s3, s3, s25
         vmul.f32 s4, s4, s25
         vmul.f32 s5, s5, s25
         vmul.f32 s6, s6, s25
         vmul.f32 s7, s7, s25
         2:
         vldmia r0!, {{s24}}
         vldmia r2, {{s16-s23}}
        ",
        add_products!("s16" "s17" "s18" "s19", "s0" "s1" "s2" "s3", "s24", "s8" "s9" "s10" "s11"),
        add_products!("s20" "s21" "s22" "s23", "s4" "s5" "s6" "s7", "s24", "s12" "s13" "s14" "s15"),
        "vstmia r2, {{s16-s23}}
         add.w r2, r2, r3
         subs.w r12, r12, #1
         bne.w 2b
         vpop {{s16-s25}}
         bx lr"
    ))
}

/// One column.
///
/// # Safety
/// As for [`eight_columns`], with one number at `b` and in each row.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn one_column(
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    m: usize,
    factor: u32,
) {
    #[cfg(not(fusebox_fused))]
    macro_rules! add_product {
        () => {
            "vmul.f32 s2, s2, s0
             vadd.f32 s3, s3, s2
            "
        };
    }
    #[cfg(fusebox_fused)]
    macro_rules! add_product {
        () => {
            "vfma.f32 s3, s2, s0\n"
        };
    }
    naked_asm!(concat!(
        ".fpu fpv4-sp-d16
         ldr r12, [sp, #0]
         vldr s0, [r1]
         vldr s1, [sp, #4]
         vmul.f32 s0, s0, s1
         2:
         vldmia r0!, {{s2}}
         vldr s3, [r2]
         subs.w r12, r12, #1
        ",
        add_product!(),
        "vstr s3, [r2]
         add.w r2, r2, r3
         bne.w 2b
         bx lr"
    ))
}
