//! The macro that defines a network and derives its sizes, and the checks that it makes.
//!
//! [`network!`](crate::network) hands its list of layers to `__network!`, which removes one layer at a time from the
//! front. It carries the shape between layers as tokens, `(picture height width channels)`,
//! `(sequence positions channels)` or `(row numbers)`, where each number is a constant expression made of the previous
//! one. A new height contains the old one once, so the text grows linearly from layer to layer; and an expression is a
//! single token tree, so no step copies it. The layers' types are collected in one nested group and become a chain at
//! the end. So a layer costs one or two levels of the compiler's limit of 128 nested expansions, and one more for
//! each option.
//!
//! The checks (`checks`) are statements, one or two for each layer, in a constant next to the type: they name a layer by its
//! number and its text.
//!
//! | tokens | content |
//! |---|---|
//! | `$s` | what is being defined, and a stack of the lists that surround this one |
//! | `$n` | the number of the next layer, from 1 |
//! | `$a` | the layers so far, `{{{} a} b}`; one is `(viewed shape (type))` |
//! | `$c` | the checks so far, `{{{} a;} b;}` |
//! | `$p` | `()`, or the shape in memory if the next layer sees it as another one |
//! | `$z` | all of these, where a rule needs none of them: `($s $n $a $c $p)` |
//! | shape | what the next layer sees |

mod checks;

pub use checks::*;

/// Defines a network type, derives its sizes and checks them, so that `cargo check`, not only `cargo build`, reports
/// sizes that do not match.
///
/// # Layers without derived sizes
///
/// After the input's shape and `=>`, a layer is its name and, in parentheses, the values that you choose. All other
/// sizes are derived at compile time:
///
/// ```
/// use fusebox::{Dense, Dropout, LayerNorm, Pixels, Relu, network};
/// network! {
///     /// Reads digits.
///     pub type Net = [28, 28] => [
///         Pixels,                              // bytes to numbers
///         Each[Dense(16, Relu), LayerNorm],    // at each of 28 positions
///         Flatten,
///         Residual[Dense(32, Relu), Dense(448)],
///         Dropout(10),
///         Dense(10),
///     ];
/// }
/// type Row = fusebox::Seq![Dense<28, 16, Relu>, LayerNorm<16>];
/// type ByHand = fusebox::Seq![
///     fusebox::Each<28, Pixels<28>>,
///     fusebox::Each<28, Row>,
///     fusebox::Flatten<28, 16, fusebox::Residual<fusebox::Seq![Dense<448, 32, Relu>, Dense<32, 448>]>>,
///     Dropout<448, 10>,
///     Dense<448, 10>,
/// ];
/// assert_eq!(std::any::TypeId::of::<Net>(), std::any::TypeId::of::<ByHand>());
/// ```
///
/// An input is `[numbers]`, `[positions, channels]` or `[height, width, channels]`: literals, constants, or
/// expressions in braces. Layers that are not made of lists, and activations, are types in scope (`Dense`, `Relu`):
/// import them.
///
/// | layer | input | defaults and options |
/// |---|---|---|
/// | `Conv2d(filters, kernel, ..)` | picture | `Same`; `groups 2` |
/// | `Conv1d(filters, kernel, ..)` | sequence | the same |
/// | `DepthwiseConv2d(kernel, ..)` | picture | `Same`; `multiplier 2` |
/// | `DepthwiseConv1d(kernel, ..)` | sequence | the same |
/// | `MaxPool2d(kernel, ..)`, `AvgPool2d(kernel, ..)` | picture | `Valid`, the stride is the kernel |
/// | `MaxPool1d(kernel, ..)`, `AvgPool1d(kernel, ..)` | sequence | the same |
/// | `ConvTranspose2d(filters, kernel, ..)` | picture | `Same` |
/// | `Upsample2d(2)`, `Upsample2d([2, 1])` | picture | times down, times to the right |
/// | `Pad2d(1)`, `Pad2d([1, 0], [2, 2])` | picture | rows above and below, columns left and right |
/// | `BatchNorm`, `InstanceNorm`, `BatchNorm(Relu)`, `InstanceNorm(Relu)` | picture, sequence | |
/// | `GroupNorm(groups)`, `GroupNorm(groups, Relu)` | picture, sequence | |
/// | `GlobalAvgPool`, `GlobalMaxPool` | picture, sequence | |
/// | `Gru(outputs)`, `Lstm(outputs)`, `Rnn(outputs)`, `Rnn(outputs, Relu)` | sequence | last, `Carried` |
/// | `Last` | sequence | the last position, a row |
/// | `Dense(outputs)`, `Dense(outputs, Relu)` | row | |
/// | `LayerNorm`, `RmsNorm` | row | epsilon's power of ten: `LayerNorm(-12)` |
/// | `Gated(Silu)` | row | half as many numbers |
/// | `Softmax` | row | |
/// | `Dropout(percent)`, `Dropout(percent, seed)` | any | `Each` position of a sequence, `Each` row of a picture |
/// | `Activate(Relu)` | any | the same |
/// | `Pixels` | any, of bytes; the first layer | |
/// | `Flatten`, `Reshape(height, width, channels)` and with fewer sizes | any | the next layer's view, no layer of its own |
/// | `Residual[..]`, `Repeat(4)[..]` | any | a list whose output is as its input |
/// | `Each[..]` | sequence, picture | a list for each position, or for each row of a picture |
/// | `Reversed[..]` | sequence | a list that runs from the last position to the first |
/// | `Sum[[..], [..]]`, `Concat[[..], [..]]` | any | two branches; `Concat` joins rows, or channels of equal pictures or sequences |
/// | `MyLayer<3>`, `MyLayer<3> => [4]` | any | any type of layer: its output has its input's shape, or the given one |
///
/// A kernel is `3` or `[3, 1]`: rows, columns. After it come the options in any order: `stride 2` or `stride [2, 1]`,
/// `dilation 2`, a [padding](crate::layers::Padding) (`Same`, `Valid`, `Causal`, `Around(1)`) and those in the table.
/// An activation is last, as in `Conv2d(8, [3, 3], stride 2, Valid, Relu)`. On a sequence there is one number for
/// each, as in `Conv1d(8, 5, stride 2, Causal, Relu)`. Layers that are not in the table are written with all sizes, as
/// `MyLayer` is.
///
/// With a stride s, `ConvTranspose2d` makes n rows or columns into s n with `Same` and `Causal`, as Keras does with
/// `"same"`. Without padding, its windows are a stride apart and end where the picture does: (n - 1) s + k with a kernel
/// of k, and (n - 1) s + k - 2 p with `Around(p)`, as in PyTorch. A dilation of d makes k into (k - 1) d + 1.
///
/// ```
/// use fusebox::{BatchNorm, Conv1d, Conv2d, ConvTranspose2d, Dense, GlobalAvgPool, GroupNorm, InstanceNorm, Layer};
/// use fusebox::{MaxPool1d, Pad2d, Relu, Upsample2d, network};
/// // 32 readings of three axes: time is down the rows.
/// network!(type Motion = [32, 3] => [Conv1d(8, 5, Causal, Relu), MaxPool1d(2), BatchNorm, GlobalAvgPool, Dense(3)]);
///
/// network! {
///     type Cleaned = [8, 8, 1] => [
///         Conv2d(4, 3, stride 2, Relu),              // 4 x 4
///         ConvTranspose2d(4, 3, stride 2, Relu),     // 8 x 8 again
///         Conv2d(2, 2, stride 2),                    // 4 x 4
///         Upsample2d(2),                             // 8 x 8
///         Conv2d(1, 3, Valid),                       // 6 x 6
///         Pad2d(1),                                  // 8 x 8
///     ];
/// }
/// let _: <Cleaned as Layer>::Output = [[[0.0; 1]; 8]; 8];
///
/// network! {
///     type Branches = [8, 8, 1] => [
///         Concat[
///             [Conv2d(4, 1), InstanceNorm(Relu)],
///             [Conv2d(8, 3), GroupNorm(2, Relu)],
///         ],                                         // 12 channels
///         GlobalAvgPool,
///     ];
/// }
/// let _: <Branches as Layer>::Output = [0.0; 12];
/// ```
///
/// ```
/// use fusebox::layers::{Gru, Last, Layer, Lstm};
/// use fusebox::{Dense, network};
/// network! {
///     type Words = [20, 8] => [
///         Concat[[Gru(16)], [Reversed[Gru(16)]]],    // 32 channels: what is before a position, and what is after it
///         Lstm(24),
///         Last,
///         Dense(2),
///     ];
/// }
/// let _: <Words as Layer>::Output = [0.0; 2];
/// ```
///
/// A kernel that is larger than its input, positions that no window reaches, and sizes that do not match are errors.
/// The message names the layer by its number. Numbers count from 1, as in [`Summary`](crate::layers::Summary),
/// without `Flatten`, `Reshape` and layers made of lists; one of these has the number of its first layer.
/// `cargo check` reports it:
///
/// ```compile_fail,E0080
/// # use fusebox::{MaxPool2d, network};
/// // layer 2, `MaxPool2d(3)`: it would drop 2 of 14 rows, which a kernel of 3 with stride 3 does not reach: ..
/// network!(type Net = [28, 28, 1] => [MaxPool2d(2), MaxPool2d(3)]);
/// ```
///
/// ```
/// # use fusebox::{MaxPool2d, network};
/// network!(type Net = [28, 28, 1] => [MaxPool2d(2), MaxPool2d(3, Same)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Conv1d, MaxPool1d, network};
/// // layer 2, `Conv1d(8, 5, Valid)`: its kernel is larger than its input: 5 positions, the input has 4
/// network!(type Net = [8, 3] => [MaxPool1d(2), Conv1d(8, 5, Valid)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{layers::ConvTranspose2d, network};
/// // layer 1, `ConvTranspose2d(8, 2, Around(2))`: it pads by 2, as much as its kernel covers (2 rows)
/// network!(type Net = [4, 4, 1] => [ConvTranspose2d(8, 2, Around(2))]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Dense, network};
/// // layer 3, `Residual[..]`: its input, which it adds, and its output differ: [8] and [9]
/// network!(type Net = [4] => [Dense(6), Dense(8), Residual[Dense(9)]]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Conv2d, network};
/// // layer 2, `Concat[..]`: the heights and widths of its branches' outputs differ: [6, 6] and [4, 6]
/// network!(type Net = [6, 6, 1] => [Conv2d(4, 3), Concat[[Conv2d(2, 3)], [Conv2d(2, [3, 1], Valid)]]]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{GroupNorm, network};
/// // layer 1, `GroupNorm(4)`: 6 channels do not divide into 4 groups
/// network!(type Net = [4, 4, 6] => [GroupNorm(4)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{GroupNorm, network};
/// // `GroupNorm(2)`: its input is a picture or a sequence, and it is written `GroupNorm(groups)` or ..
/// network!(type Net = [6] => [GroupNorm(2)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Gru, network};
/// // `Gru(8)`: its input is a sequence, and it is written `Gru(outputs)` or ..
/// network!(type Net = [6] => [Gru(8)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Dense, network};
/// // `Dense(8)`: its input is a row of numbers: put `Flatten` ..
/// network!(type Net = [4, 4] => [Dense(8)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Conv2d, network};
/// // `Conv2d(8, 3)`: its input is a picture, and it is written `Conv2d(filters, kernel, ..)` or ..
/// network!(type Net = [4, 4] => [Conv2d(8, 3)]);
/// ```
///
/// A network of more than some thirty layers with options, or fifty without, needs `#![recursion_limit = "256"]`, as
/// the compiler then says.
///
/// # Layers with all sizes
///
/// `network!(type Net = [..])` is `type Net = Seq![..]` with the check.
///
/// ```
/// use fusebox::{Dense, Flatten, Relu, network};
/// network!(pub type Net = [Flatten<2, 3, Dense<6, 4, Relu>>, Dense<4, 2>]);
/// ```
///
/// ```compile_fail,E0080
/// use fusebox::{Dense, Flatten, network};
/// network!(type Net = [Flatten<2, 3, Dense<7, 4>>, Dense<4, 2>]); // six numbers, not seven
/// ```
#[macro_export]
macro_rules! network {
    ($(#[$meta:meta])* $vis:vis type $name:ident = [$($dim:tt),+ $(,)?] => [$($layers:tt)*] $(;)?) => {
        $crate::__network! { @start {$(#[$meta])* $vis type $name} [$($dim)+] [$($layers)*] }
    };
    ($(#[$meta:meta])* $vis:vis type $name:ident = [$($layer:ty),+ $(,)?] $(;)?) => {
        $(#[$meta])*
        $vis type $name = $crate::Seq![$($layer),+];
        const _: () = $crate::layers::network::check::<$name>();
    };
}

/// The derivation of sizes: see the module's documentation.
#[doc(hidden)]
#[macro_export]
macro_rules! __network {
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

    // A list of layers as a chain, from the last to the first, eight at a time.
    (@layer (() $type:tt)) => { $type };
    (@layer ($from:tt $type:tt)) => { $crate::layers::network::Seen<$crate::__network!(@type $from), $type> };
    (@chain {}) => { compile_error!("a list of layers has at least one") };
    (@chain {$a:tt $last:tt}) => { $crate::__network!(@before $a ($crate::__network!(@layer $last))) };
    (@before {} $rest:tt) => { $rest };
    (@before {{{{{{{{$a:tt $b:tt} $c:tt} $d:tt} $e:tt} $f:tt} $g:tt} $h:tt} $i:tt} $rest:tt) => {
        $crate::__network!(@before $a ($crate::layers::Chain<$crate::__network!(@layer $b),
            $crate::layers::Chain<$crate::__network!(@layer $c), $crate::layers::Chain<$crate::__network!(@layer $d),
            $crate::layers::Chain<$crate::__network!(@layer $e), $crate::layers::Chain<$crate::__network!(@layer $f),
            $crate::layers::Chain<$crate::__network!(@layer $g), $crate::layers::Chain<$crate::__network!(@layer $h),
            $crate::layers::Chain<$crate::__network!(@layer $i), $rest>>>>>>>>))
    };
    (@before {$a:tt $b:tt} $rest:tt) => {
        $crate::__network!(@before $a ($crate::layers::Chain<$crate::__network!(@layer $b), $rest>))
    };

    // The input.
    (@start $head:tt [$n:tt] [$($layers:tt)*]) => {
        $crate::__network! { @ (($head []) (1) {} {$crate::layers::network::inputs(&[$n]);} ()) (row ($n)); $($layers)* }
    };
    (@start $head:tt [$t:tt $n:tt] [$($layers:tt)*]) => {
        $crate::__network! { @ (($head []) (1) {} {$crate::layers::network::inputs(&[$t, $n]);} ()) (sequence ($t) ($n)); $($layers)* }
    };
    (@start $head:tt [$h:tt $w:tt $n:tt] [$($layers:tt)*]) => {
        $crate::__network! { @ (($head []) (1) {} {$crate::layers::network::inputs(&[$h, $w, $n]);} ()) (picture ($h) ($w) ($n)); $($layers)* }
    };
    (@start $($_:tt)*) => {
        compile_error!("an input is `[numbers]`, `[positions, channels]` or `[height, width, channels]`; an expression in braces");
    };

    // The end of the network.
    (@ (({$(#[$meta:meta])* $vis:vis type $name:ident} []) $n:tt $a:tt $c:tt ()) $shape:tt;) => {
        $(#[$meta])*
        $vis type $name = $crate::__network!(@chain $a);
        const _: () = {
            const SIZES: () = $c;
            const _: () = {
                SIZES;
                $crate::layers::network::check::<$name>()
            };
        };
    };
    (@ ($s:tt $n:tt $a:tt $c:tt ($($p:tt)+)) $shape:tt;) => {
        compile_error!("`Flatten` and `Reshape` say how the next layer sees its input: put one after it");
    };

    // The end of a list inside.
    (@ (($head:tt [{(Residual) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt;) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Residual<$crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Residual[..]", "its input, which it adds, and its output differ",
                    $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    (@ (($head:tt [{(Repeat $k:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt;) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Repeat<{ $k }, $crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Repeat(..)[..]", "a block's input and output, the next one's input, differ",
                    $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    (@ (($head:tt [{(Each $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (row $m:tt);) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Each<{ $t }, $crate::__network!(@chain $a)>))} $c ())
            (sequence $t $m); $($rest)* }
    };
    (@ (($head:tt [{(Each $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (sequence $u:tt $m:tt);) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Each<{ $t }, $crate::__network!(@chain $a)>))} $c ())
            (picture $t $u $m); $($rest)* }
    };
    (@ (($head:tt [{(Reversed $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (sequence $u:tt $m:tt);) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Reversed<{ $t }, $crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Reversed[..]", "the positions of its input and its output differ", &[$t], &[$u]);
            }
            ()) (sequence $t $m); $($rest)* }
    };
    // The first branch, then the second.
    (@ (($head:tt [{($join:tt {$($second:tt)*}) $n0:tt $a0:tt $p0:tt $from:tt $rest:tt} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt;) => {
        $crate::__network! { @ (($head [{($join $a $to) $n0 $a0 $p0 $from $rest} $stack]) $n {} $c ()) $from; $($second)* }
    };
    (@ (($head:tt [{(Sum $first:tt $one:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt;) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Sum[..]", "the outputs of its branches, which it adds, differ",
                    $crate::__network!(@dims $one), $crate::__network!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    (@ (($head:tt [{(Concat $first:tt (row $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (row $two:tt);) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a),
                $crate::layers::Concat<{ $one + $two }>>))}
            $c ()) (row ($one + $two)); $($rest)* }
    };
    (@ (($head:tt [{(Concat $first:tt (sequence $t:tt $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ())
        (sequence $u:tt $two:tt);) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a),
                $crate::layers::ConcatChannels<{ $one + $two }>>))}
            {
                $c
                $crate::layers::network::same($n0, "Concat[..]", "the positions of its branches' outputs differ", &[$t], &[$u]);
            }
            ()) (sequence $t ($one + $two)); $($rest)* }
    };
    (@ (($head:tt [{(Concat $first:tt (picture $h:tt $w:tt $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ())
        (picture $g:tt $v:tt $two:tt);) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a),
                $crate::layers::ConcatChannels<{ $one + $two }>>))}
            {
                $c
                $crate::layers::network::same($n0, "Concat[..]", "the heights and widths of its branches' outputs differ",
                    &[$h, $w], &[$g, $v]);
            }
            ()) (picture $h $w ($one + $two)); $($rest)* }
    };
    (@ (($head:tt [{($list:tt $($_:tt)*) $($more:tt)*} $stack:tt]) $n:tt $a:tt $c:tt $p:tt) $to:tt;) => {
        compile_error!(concat!("`", stringify!($list), "[..]`: its layers end in a shape that it cannot take"));
    };

    // Layers that see the same numbers as another shape.
    (@ $z:tt (row $m:tt); Flatten $(, $($rest:tt)*)?) => { $crate::__network! { @ $z (row $m); $($($rest)*)? } };
    (@ ($s:tt $n:tt $a:tt $c:tt ()) ($kind:tt $m:tt $($more:tt)*); Flatten $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s $n $a $c ($kind $m $($more)*)) (row ($m $(* $more)*)); $($($rest)*)? }
    };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)*); Flatten $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $z (row ($m $(* $more)*)); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt ()) $from:tt; Reshape($($m:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s $n $a $c $from) $from; Reshape($($m),+) $(, $($rest)*)? }
    };
    (@ $z:tt $from:tt; Reshape($m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $z $from (row ($m)) {$($($rest)*)?} }
    };
    (@ $z:tt $from:tt; Reshape($t:expr, $m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $z $from (sequence ($t) ($m)) {$($($rest)*)?} }
    };
    (@ $z:tt $from:tt; Reshape($h:expr, $w:expr, $m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $z $from (picture ($h) ($w) ($m)) {$($($rest)*)?} }
    };
    (@reshape ($s:tt $n:tt $a:tt $c:tt $p:tt) $from:tt $to:tt {$($rest:tt)*}) => {
        $crate::__network! { @ ($s $n $a
            {
                $c
                $crate::layers::network::reshape($n, "Reshape", $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            $p) $to; $($rest)* }
    };

    // Windows over pictures and sequences: `@window` has the layer's name, its check and its number of outputs, its
    // text, what was before and what comes after it; the input's positions and channels; kernel, stride, dilation and
    // padding; what it has of `groups` or `multiplier`, its outputs' channels, further arguments of its type, and the
    // groups; and the options to come, last an activation.
    (@ $z:tt (picture $h:tt $w:tt $m:tt); Conv2d($f:expr, [$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (Conv2d window outputs (stringify!(Conv2d($f, [$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); Conv2d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (Conv2d window outputs (stringify!(Conv2d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Conv1d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (Conv1d window outputs (stringify!(Conv1d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); DepthwiseConv2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (DepthwiseConv2d window outputs (stringify!(DepthwiseConv2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); DepthwiseConv2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (DepthwiseConv2d window outputs (stringify!(DepthwiseConv2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); DepthwiseConv1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (DepthwiseConv1d window outputs (stringify!(DepthwiseConv1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); ConvTranspose2d($f:expr, [$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (ConvTranspose2d transposed transposed_outputs (stringify!(ConvTranspose2d($f, [$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (transposed ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); ConvTranspose2d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (ConvTranspose2d transposed transposed_outputs (stringify!(ConvTranspose2d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (transposed ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); MaxPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (MaxPool2d window outputs (stringify!(MaxPool2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); MaxPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (MaxPool2d window outputs (stringify!(MaxPool2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); MaxPool1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (MaxPool1d window outputs (stringify!(MaxPool1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [($k) (1)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); AvgPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (AvgPool2d window outputs (stringify!(AvgPool2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); AvgPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (AvgPool2d window outputs (stringify!(AvgPool2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); AvgPool1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (AvgPool1d window outputs (stringify!(AvgPool1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [($k) (1)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@window $x:tt [$h:tt $w:tt] $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [stride [$sh:expr, $sw:expr] $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x [$h $w] $m $k [($sh) ($sw)] $d $pad $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [stride $both:expr $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k [($both) ($both)] $d $pad $f [$($($o)*)?] }
    };
    (@window $x:tt [$h:tt $w:tt] $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [dilation [$dh:expr, $dw:expr] $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x [$h $w] $m $k $stride [($dh) ($dw)] $pad $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [dilation $both:expr $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride [($both) ($both)] $pad $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Same $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d ($crate::layers::Same) $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Valid $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d ($crate::layers::Valid) $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Causal $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d ($crate::layers::Causal) $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Around($around:expr) $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d ($crate::layers::Around<{ $around }>) $f [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (groups $f:tt $args:tt $g:tt) [groups $groups:expr $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d $pad (groups $f [($m / $groups) $f] ($groups)) [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (multiplier $f:tt $args:tt $g:tt) [multiplier $times:expr $(, $($o:tt)*)?]) => {
        $crate::__network! { @window $x $from $m $k $stride $d $pad (multiplier ($m * $times) [($m * $times)] $m) [$($($o)*)?] }
    };
    (@window $x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (pool $($f:tt)*) [$($wrong:tt)+]) => { $crate::__network! { @window $x } };
    // All options are known.
    (@window ($name:ident $check:ident $outputs:ident $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) {$($rest:tt)*}) [$h:tt $w:tt] $m:tt
        [$kh:tt $kw:tt] [$sh:tt $sw:tt] [$dh:tt $dw:tt] $pad:tt ($has:tt $f:tt [$($arg:tt)*] $g:tt) [$($act:ty)? $(,)?]) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($name<[[[f32; $m]; $w]; $h], [[[f32; $f];
                $crate::layers::network::$outputs::<$pad>($w, $kw, $sw, $dw)];
                $crate::layers::network::$outputs::<$pad>($h, $kh, $sh, $dh)],
                { $kh }, { $kw }, $({ $arg },)* $crate::layers::Window<$pad, { $sh }, { $sw }, { $dh }, { $dw }> $(, $act)?>))}
            {
                $c
                $crate::layers::network::$check::<$crate::layers::Window<$pad, { $sh }, { $sw }, { $dh }, { $dw }>>($n, $text, &[$h, $w], &[$kh, $kw]);
                $crate::layers::network::groups($n, $text, $m, $f, $g);
            }
            ())
            (picture
                ($crate::layers::network::$outputs::<$pad>($h, $kh, $sh, $dh))
                ($crate::layers::network::$outputs::<$pad>($w, $kw, $sw, $dw))
                $f);
            $($rest)* }
    };
    (@window ($name:ident $check:ident $outputs:ident $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) {$($rest:tt)*}) [$t:tt] $m:tt
        [$k:tt $_k:tt] [$stride:tt $_s:tt] [$d:tt $_d:tt] $pad:tt ($has:tt $f:tt [$($arg:tt)*] $g:tt) [$($act:ty)? $(,)?]) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($name<{ $t }, { $m }, { $crate::layers::network::$outputs::<$pad>($t, $k, $stride, $d) },
                { $k }, $({ $arg },)* $crate::layers::Window<$pad, { $stride }, 1, { $d }, 1> $(, $act)?>))}
            {
                $c
                $crate::layers::network::$check::<$crate::layers::Window<$pad, { $stride }, 1, { $d }, 1>>($n, $text, &[$t], &[$k]);
                $crate::layers::network::groups($n, $text, $m, $f, $g);
            }
            ())
            (sequence ($crate::layers::network::$outputs::<$pad>($t, $k, $stride, $d)) $f);
            $($rest)* }
    };
    (@window ($name:tt $check:tt $outputs:tt ($($text:tt)*) $($_:tt)*) $($more:tt)*) => {
        compile_error!(concat!("`", $($text)*, "`: after the kernel come `stride 2` or, on a picture, `stride [2, 1]`, `dilation 2`, `Same`, `Valid`, ",
            "`Causal`, `Around(1)`, `groups 2` (`Conv2d`, `Conv1d`), `multiplier 2` (depthwise), and last an activation, except of pooling"));
    };

    // Other layers on pictures and sequences.
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); BatchNorm $(($act:ty))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (BatchNorm<[[[f32; $m]; $w]; $h], { $m } $(, $act)?>))} $c ())
            (picture $h $w $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); BatchNorm $(($act:ty))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($crate::layers::View<[[f32; $m]; $t], BatchNorm<[[[f32; $m]; 1]; $t], { $m } $(, $act)?>, [[f32; $m]; $t]>))} $c ())
            (sequence $t $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); InstanceNorm $(($act:ty))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (InstanceNorm<[[[f32; $m]; $w]; $h], { $m } $(, $act)?>))} $c ())
            (picture $h $w $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); InstanceNorm $(($act:ty))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($crate::layers::View<[[f32; $m]; $t], InstanceNorm<[[[f32; $m]; 1]; $t], { $m } $(, $act)?>, [[f32; $m]; $t]>))} $c ())
            (sequence $t $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); GroupNorm($g:expr $(, $act:ty)? $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (GroupNorm<[[[f32; $m]; $w]; $h], { $m }, { $g } $(, $act)?>))}
            {
                $c
                $crate::layers::network::divided($n, stringify!(GroupNorm($g)), $m, $g);
            }
            ()) (picture $h $w $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); GroupNorm($g:expr $(, $act:ty)? $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($crate::layers::View<[[f32; $m]; $t], GroupNorm<[[[f32; $m]; 1]; $t], { $m }, { $g } $(, $act)?>, [[f32; $m]; $t]>))}
            {
                $c
                $crate::layers::network::divided($n, stringify!(GroupNorm($g)), $m, $g);
            }
            ()) (sequence $t $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); GlobalAvgPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (GlobalAvgPool<[[[f32; $m]; $w]; $h], { $m }>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); GlobalAvgPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($crate::layers::network::Seen<[[f32; $m]; $t], GlobalAvgPool<[[[f32; $m]; 1]; $t], { $m }>>))} $c ())
            (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); GlobalMaxPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (GlobalMaxPool<[[[f32; $m]; $w]; $h], { $m }>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); GlobalMaxPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p ($crate::layers::network::Seen<[[f32; $m]; $t], GlobalMaxPool<[[[f32; $m]; 1]; $t], { $m }>>))} $c ())
            (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); Upsample2d([$sh:expr, $sw:expr] $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p (Upsample2d<[[[f32; $m]; $w]; $h], [[[f32; $m]; $w * $sw]; $h * $sh], { $sh }, { $sw }>))}
            {
                $c
                $crate::layers::network::some($n, "Upsample2d", $sh * $sw);
            }
            ()) (picture ($h * $sh) ($w * $sw) $m); $($($rest)*)? }
    };
    (@ $z:tt (picture $($m:tt)*); Upsample2d($both:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $z (picture $($m)*); Upsample2d([$both, $both]) $(, $($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt);
        Pad2d([$above:expr, $below:expr], [$left:expr, $right:expr] $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p (Pad2d<[[[f32; $m]; $w]; $h], [[[f32; $m]; $left + $w + $right]; $above + $h + $below], { $above }, { $left }>))}
            $c ()) (picture ($above + $h + $below) ($left + $w + $right) $m); $($($rest)*)? }
    };
    (@ $z:tt (picture $($m:tt)*); Pad2d([$($pair:tt)*] $(,)?) $($rest:tt)*) => { $crate::__network! { @ $z (); Pad2d([$($pair)*]) } };
    (@ $z:tt (picture $($m:tt)*); Pad2d($all:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $z (picture $($m)*); Pad2d([$all, $all], [$all, $all]) $(, $($rest)*)? }
    };

    // Layers on sequences.
    (@ $z:tt (sequence $t:tt $m:tt); Gru($h:expr $(, $more:ty)* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @recurrent Gru $z [$t $m ($h) $($more)*] {$($($rest)*)?} }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Lstm($h:expr $(, $more:ty)* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @recurrent Lstm $z [$t $m ($h) $($more)*] {$($($rest)*)?} }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Rnn($h:expr $(, $more:ty)* $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @recurrent Rnn $z [$t $m ($h) $($more)*] {$($($rest)*)?} }
    };
    (@recurrent $name:ident ($s:tt $n:tt $a:tt $c:tt $p:tt) [$t:tt $m:tt $h:tt $($more:ty)*] {$($rest:tt)*}) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($name<{ $t }, { $m }, { $h } $(, $more)*>))}
            {
                $c
                $crate::layers::network::some($n, concat!(stringify!($name), stringify!($h)), $h);
            }
            ()) (sequence $t $h); $($rest)* }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); Last $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (Last<{ $t }, { $m }>))} $c ()) (row $m); $($($rest)*)? }
    };

    // Layers on rows.
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (row $m:tt); Dense($out:expr $(, $act:ty)? $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (Dense<{ $m }, { $out } $(, $act)?>))}
            {
                $c
                $crate::layers::network::some($n, stringify!(Dense($out)), $out);
            }
            ()) (row ($out)); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (row $m:tt); LayerNorm $(($epsilon:expr $(,)?))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (LayerNorm<{ $m } $(, { $epsilon })?>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (row $m:tt); RmsNorm $(($epsilon:expr $(,)?))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (RmsNorm<{ $m } $(, { $epsilon })?>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (row $m:tt); Gated($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (Gated<{ $m }, { $m / 2 }, $act>))}
            {
                $c
                $crate::layers::network::halved($n, stringify!(Gated($act)), $m);
            }
            ()) (row ($m / 2)); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (row $m:tt); Softmax $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (Softmax<{ $m }>))} $c ()) (row $m); $($($rest)*)? }
    };

    // Layers on numbers of any shape.
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) $shape:tt; Dropout($($percent:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($crate::__network!(@rows $shape Dropout $(, { $percent })+)))} $c ())
            $shape; $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) $shape:tt; Activate($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($crate::__network!(@rows $shape Activate, $act)))} $c ())
            $shape; $($($rest)*)? }
    };
    (@ ($s:tt $n:tt {} $c:tt ()) (row $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {{} (() (Pixels<{ $m }>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt {} $c:tt ()) (sequence $t:tt $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {{} (() ($crate::layers::Each<{ $t }, Pixels<{ $m }>>))} $c ())
            (sequence $t $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt {} $c:tt ()) (picture $h:tt $w:tt $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {{} (() ($crate::layers::Each<{ $h }, $crate::layers::Each<{ $w }, Pixels<{ $m }>>>))} $c ())
            (picture $h $w $m); $($($rest)*)? }
    };

    // Layers made of lists.
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt; Residual[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Residual) $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c ()) $shape; $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt; Repeat($k:expr)[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Repeat ($k)) $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c ()) $shape; $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); Each[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Each $t) $n $a $p (sequence $t $m) {$($($rest)*)?}} $stack]) $n {} $c ()) (row $m); $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) (picture $h:tt $w:tt $m:tt); Each[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Each $h) $n $a $p (picture $h $w $m) {$($($rest)*)?}} $stack]) $n {} $c ()) (sequence $w $m); $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); Reversed[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Reversed $t) $n $a $p (sequence $t $m) {$($($rest)*)?}} $stack]) $n {} $c ()) (sequence $t $m); $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt; Sum[[$($one:tt)*], [$($two:tt)*] $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Sum {$($two)*}) $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c ()) $shape; $($one)* }
    };
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt; Concat[[$($one:tt)*], [$($two:tt)*] $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Concat {$($two)*}) $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c ()) $shape; $($one)* }
    };

    // Layers that are known, but not on this shape, or not with these arguments.
    (@ $z:tt $shape:tt; Conv2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written Conv2d $args "a picture" "Conv2d(filters, kernel, ..)` or `Conv2d(filters, [rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; Conv1d $args:tt $($_:tt)*) => {
        $crate::__network! { @written Conv1d $args "a sequence" "Conv1d(filters, kernel, ..)" }
    };
    (@ $z:tt $shape:tt; DepthwiseConv2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written DepthwiseConv2d $args "a picture" "DepthwiseConv2d(kernel, ..)` or `DepthwiseConv2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; DepthwiseConv1d $args:tt $($_:tt)*) => {
        $crate::__network! { @written DepthwiseConv1d $args "a sequence" "DepthwiseConv1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; ConvTranspose2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written ConvTranspose2d $args "a picture"
            "ConvTranspose2d(filters, kernel, ..)` or `ConvTranspose2d(filters, [rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; MaxPool2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written MaxPool2d $args "a picture" "MaxPool2d(kernel, ..)` or `MaxPool2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; MaxPool1d $args:tt $($_:tt)*) => {
        $crate::__network! { @written MaxPool1d $args "a sequence" "MaxPool1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; AvgPool2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written AvgPool2d $args "a picture" "AvgPool2d(kernel, ..)` or `AvgPool2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; AvgPool1d $args:tt $($_:tt)*) => {
        $crate::__network! { @written AvgPool1d $args "a sequence" "AvgPool1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; Upsample2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written Upsample2d $args "a picture" "Upsample2d(times)` or `Upsample2d([down, right])" }
    };
    (@ $z:tt $shape:tt; Pad2d $args:tt $($_:tt)*) => {
        $crate::__network! { @written Pad2d $args "a picture" "Pad2d(around)` or `Pad2d([above, below], [left, right])" }
    };
    (@ $z:tt $shape:tt; GroupNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => {
        $crate::__network! { @written GroupNorm ($($($args)*)?) "a picture or a sequence" "GroupNorm(groups)` or `GroupNorm(groups, Relu)" }
    };
    (@ $z:tt $shape:tt; Gru $args:tt $($_:tt)*) => {
        $crate::__network! { @written Gru $args "a sequence" "Gru(outputs)` or `Gru(outputs, Carried)" }
    };
    (@ $z:tt $shape:tt; Lstm $args:tt $($_:tt)*) => {
        $crate::__network! { @written Lstm $args "a sequence" "Lstm(outputs)` or `Lstm(outputs, Carried)" }
    };
    (@ $z:tt $shape:tt; Rnn $args:tt $($_:tt)*) => {
        $crate::__network! { @written Rnn $args "a sequence" "Rnn(outputs)`, `Rnn(outputs, Relu)` or `Rnn(outputs, Relu, Carried)" }
    };
    (@ $z:tt $shape:tt; Last $(, $($_:tt)*)?) => { compile_error!("`Last`: its input is a sequence"); };
    (@written $name:ident $args:tt $kind:literal $form:literal) => {
        compile_error!(concat!("`", stringify!($name), stringify!($args), "`: its input is ", $kind, ", and it is written `", $form, "`"));
    };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Dense $args:tt $($_:tt)*) => { $crate::__network! { @row Dense $args } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); LayerNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => { $crate::__network! { @row LayerNorm } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); RmsNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => { $crate::__network! { @row RmsNorm } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Gated $args:tt $($_:tt)*) => { $crate::__network! { @row Gated $args } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Softmax $(, $($_:tt)*)?) => { $crate::__network! { @row Softmax } };
    (@row $name:ident $($args:tt)?) => {
        compile_error!(concat!("`", stringify!($name), $(stringify!($args),)?
            "`: its input is a row of numbers: put `Flatten` or `GlobalAvgPool` before it, or apply it to `Each` position"));
    };
    (@ $z:tt $shape:tt; GlobalAvgPool $(, $($_:tt)*)?) => { compile_error!("`GlobalAvgPool`: its input is a picture or a sequence"); };
    (@ $z:tt $shape:tt; GlobalMaxPool $(, $($_:tt)*)?) => { compile_error!("`GlobalMaxPool`: its input is a picture or a sequence"); };
    (@ $z:tt $shape:tt; BatchNorm $(($act:ty))? $(, $($_:tt)*)?) => { compile_error!("`BatchNorm`: its input is a picture or a sequence"); };
    (@ $z:tt $shape:tt; InstanceNorm $(($act:ty))? $(, $($_:tt)*)?) => { compile_error!("`InstanceNorm`: its input is a picture or a sequence"); };
    (@ $z:tt ($kind:tt $($m:tt)*); $name:ident($($args:tt)*) $($_:tt)*) => {
        compile_error!(concat!("`", stringify!($name), "(", stringify!($($args)*), ")`: there is no such layer on a ", stringify!($kind),
            ", or there is no comma after it"));
    };
    (@ $z:tt ($kind:tt $($m:tt)*); $name:ident[$($list:tt)*] $($_:tt)*) => {
        compile_error!(concat!("`", stringify!($name), "[..]`: there is no such layer made of lists on a ", stringify!($kind),
            ", or there is no comma after it"));
    };

    // Types of layers: their output has the shape of their input, or one that is written.
    (@ $z:tt $shape:tt; $layer:ty => [$($m:tt),+ $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @becomes $z $layer, [$($m)+] {$($($rest)*)?} }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) $shape:tt; $layer:ty $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($layer))} $c ()) $shape; $($($rest)*)? }
    };
    (@becomes ($s:tt $n:tt $a:tt $c:tt $p:tt) $layer:ty, [$m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($layer))} $c ()) (row ($m)); $($rest)* }
    };
    (@becomes ($s:tt $n:tt $a:tt $c:tt $p:tt) $layer:ty, [$t:tt $m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($layer))} $c ()) (sequence ($t) ($m)); $($rest)* }
    };
    (@becomes ($s:tt $n:tt $a:tt $c:tt $p:tt) $layer:ty, [$h:tt $w:tt $m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($layer))} $c ()) (picture ($h) ($w) ($m)); $($rest)* }
    };
}
