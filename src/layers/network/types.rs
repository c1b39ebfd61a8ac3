//! The tokens of `network!` as types: shapes, layers on rows of numbers, and lists of layers.

/// A type or an expression for tokens of [`network!`](crate::network): see the documentation of `layers::network`.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_type {
    // Shapes as a type, and as a list of numbers.
    (@type (row $n:tt)) => { [f32; $n] };
    (@type (sequence $t:tt $n:tt)) => { [[f32; $n]; $t] };
    (@type (picture $h:tt $w:tt $n:tt)) => { [[[f32; $n]; $w]; $h] };
    (@dims ($kind:tt $($n:tt)+)) => { &[$($n),+] };

    // A layer on rows of numbers, for each position of a sequence and each row of a picture.
    (@rows (row $n:tt) $layer:ident $($args:tt)*) => { $layer<{ $n } $($args)*> };
    (@rows (sequence $t:tt $n:tt) $layer:ident $($args:tt)*) => {
        $crate::layers::Each<{ $t }, $layer<{ $n } $($args)*>>
    };
    (@rows (picture $h:tt $w:tt $n:tt) $layer:ident $($args:tt)*) => {
        $crate::layers::Each<{ $h }, $crate::layers::View<[[f32; $n]; $w], $layer<{ $w * $n } $($args)*>, [[f32; $n]; $w]>>
    };

    // A layer on frames, with `Present` where absent ones are not seen.
    (@absent PresentOnly $($layer:tt)*) => { $crate::layers::Present<$($layer)*> };
    (@absent $sees:ident $($layer:tt)*) => { $($layer)* };

    // A list of layers as a chain, from the last to the first, eight at a time.
    (@layer (() $type:tt)) => { $type };
    (@layer ($from:tt $type:tt)) => { $crate::layers::network::Seen<$crate::__network_type!(@type $from), $type> };
    (@chain {}) => { compile_error!("a list of layers has at least one") };
    (@chain {$a:tt $last:tt}) => { $crate::__network_type!(@before $a ($crate::__network_type!(@layer $last))) };
    (@before {} $rest:tt) => { $rest };
    (@before {{{{{{{{$a:tt $b:tt} $c:tt} $d:tt} $e:tt} $f:tt} $g:tt} $h:tt} $i:tt} $rest:tt) => {
        $crate::__network_type!(@before $a ($crate::layers::Chain<$crate::__network_type!(@layer $b),
            $crate::layers::Chain<$crate::__network_type!(@layer $c), $crate::layers::Chain<$crate::__network_type!(@layer $d),
            $crate::layers::Chain<$crate::__network_type!(@layer $e), $crate::layers::Chain<$crate::__network_type!(@layer $f),
            $crate::layers::Chain<$crate::__network_type!(@layer $g), $crate::layers::Chain<$crate::__network_type!(@layer $h),
            $crate::layers::Chain<$crate::__network_type!(@layer $i), $rest>>>>>>>>))
    };
    (@before {$a:tt $b:tt} $rest:tt) => {
        $crate::__network_type!(@before $a ($crate::layers::Chain<$crate::__network_type!(@layer $b), $rest>))
    };
}
