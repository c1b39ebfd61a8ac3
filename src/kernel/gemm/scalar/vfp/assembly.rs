//! Pieces of assembly that several kernels hold.
//!
//! r0 is the address of the [`Tiles`](super::Tiles) throughout.

/// Where a kernel begins. Assembly beside the compiler's own knows nothing of the target's floating point.
macro_rules! save {
    () => {
        ".fpu fpv4-sp-d16
         push {{r4-r11, lr}}
         vpush {{s16-s31}}
        "
    };
}

/// Where it ends.
macro_rules! restore {
    () => {
        "vpop {{s16-s31}}
         pop {{r4-r11, pc}}
        "
    };
}

/// Four products of numbers `b` and a number `x` added to `sums`, by way of `products`, which may be where the `b` are. No
/// result is used by the next instruction, which would take a cycle more.
#[cfg(not(fusebox_fused))]
macro_rules! add_products {
    ($s0:literal $s1:literal $s2:literal $s3:literal,
     $b0:literal $b1:literal $b2:literal $b3:literal, $x:literal,
     $p0:literal $p1:literal $p2:literal $p3:literal) => {
        concat!(
            concat!("vmul.f32 ", $p0, ", ", $x, ", ", $b0, "\n"),
            concat!("vmul.f32 ", $p1, ", ", $x, ", ", $b1, "\n"),
            concat!("vmul.f32 ", $p2, ", ", $x, ", ", $b2, "\n"),
            concat!("vmul.f32 ", $p3, ", ", $x, ", ", $b3, "\n"),
            concat!("vadd.f32 ", $s0, ", ", $s0, ", ", $p0, "\n"),
            concat!("vadd.f32 ", $s1, ", ", $s1, ", ", $p1, "\n"),
            concat!("vadd.f32 ", $s2, ", ", $s2, ", ", $p2, "\n"),
            concat!("vadd.f32 ", $s3, ", ", $s3, ", ", $p3, "\n"),
        )
    };
}

/// The same where multiply and add are one.
#[cfg(fusebox_fused)]
macro_rules! add_products {
    ($s0:literal $s1:literal $s2:literal $s3:literal,
     $b0:literal $b1:literal $b2:literal $b3:literal, $x:literal,
     $p0:literal $p1:literal $p2:literal $p3:literal) => {
        concat!(
            concat!("vfma.f32 ", $s0, ", ", $x, ", ", $b0, "\n"),
            concat!("vfma.f32 ", $s1, ", ", $x, ", ", $b1, "\n"),
            concat!("vfma.f32 ", $s2, ", ", $x, ", ", $b2, "\n"),
            concat!("vfma.f32 ", $s3, ", ", $x, ", ", $b3, "\n"),
        )
    };
}

/// A row of a tile's step: four sums, the row's number of A, B being in s16 to s19. Changes s28 to s31.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
macro_rules! tile_row {
    ($s0:literal $s1:literal $s2:literal $s3:literal, $x:literal) => {
        add_products!($s0 $s1 $s2 $s3, "s16" "s17" "s18" "s19", $x, "s28" "s29" "s30" "s31")
    };
}

/// A step of a 4 x 4 tile, whose rows' numbers of A are these.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
macro_rules! outer_product {
    ($x0:literal $x1:literal $x2:literal $x3:literal) => {
        concat!(
            tile_row!("s0" "s1" "s2" "s3", $x0),
            tile_row!("s4" "s5" "s6" "s7", $x1),
            tile_row!("s8" "s9" "s10" "s11", $x2),
            tile_row!("s12" "s13" "s14" "s15", $x3),
        )
    };
}

/// Sums start from what r10 points to, four at a time, r11 apart. Changes r12.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
macro_rules! first_values {
    () => {
        "mov r12, r10
         vldmia r12, {{s0-s3}}
         add r12, r12, r11
         vldmia r12, {{s4-s7}}
         add r12, r12, r11
         vldmia r12, {{s8-s11}}
         add r12, r12, r11
         vldmia r12, {{s12-s15}}
        "
    };
}

/// Four numbers from s16 on are added to as many sums from s0 on.
macro_rules! add_four {
    () => {
        "vadd.f32 s0, s16, s0
         vadd.f32 s1, s17, s1
         vadd.f32 s2, s18, s2
         vadd.f32 s3, s19, s3
        "
    };
}

/// Eight numbers from s16 on are added to as many sums from s0 on.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
macro_rules! add_eight {
    () => {
        concat!(
            add_four!(),
            "vadd.f32 s4, s20, s4
             vadd.f32 s5, s21, s5
             vadd.f32 s6, s22, s6
             vadd.f32 s7, s23, s7
            "
        )
    };
}

/// Eight numbers from s24 on are added to as many sums from s8 on.
#[cfg(not(all(fusebox_fused, fusebox_core = "m55")))]
macro_rules! add_eight_more {
    () => {
        "vadd.f32 s8, s24, s8
         vadd.f32 s9, s25, s9
         vadd.f32 s10, s26, s10
         vadd.f32 s11, s27, s11
         vadd.f32 s12, s28, s12
         vadd.f32 s13, s29, s13
         vadd.f32 s14, s30, s14
         vadd.f32 s15, s31, s15
        "
    };
}
