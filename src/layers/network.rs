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
//! The checks are statements, one or two for each layer, in a constant next to the type: they name a layer by its
//! number and its text.
//!
//! | tokens | content |
//! |---|---|
//! | `$s` | what is being defined, and a stack of the lists that surround this one |
//! | `$n` | the number of the next layer, from 1 |
//! | `$a` | the layers so far, `{{{} a} b}`; one is `(viewed shape (type))` |
//! | `$c` | the checks so far, `{{{} a;} b;}` |
//! | `$p` | `()`, or the shape in memory if the next layer sees it as another one |
//! | shape | what the next layer sees |

use super::picture::output_len;
use super::{Layer, Padding, Steps};

/// Compiles only if the sizes in the network `N` match.
pub const fn check<N: Layer>() {
    const { N::CHECK }
}

/// Panics with a message unless the window `G` of `kernel` taps fits a picture of `input` rows and columns.
pub const fn window<G: Steps>(number: usize, layer: &str, input: [usize; 2], kernel: [usize; 2]) {
    let mut axis = 0;
    while axis < 2 {
        let (kernel, stride, dilation) = (kernel[axis], G::STRIDE[axis], G::DILATION[axis]);
        along(number, layer, input[axis], kernel, stride, dilation, G::PADDING, ["rows", "columns"][axis]);
        axis += 1;
    }
}

const fn along(
    number: usize,
    layer: &str,
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
    positions: &str,
) {
    let error = Message::of(number, layer);
    if kernel == 0 || stride == 0 || dilation == 0 {
        error.text("a kernel, a stride or a dilation of 0").panic();
    }
    if output_len(input, kernel, stride, dilation, padding) > 0 {
        return;
    }
    let span = (kernel - 1).saturating_mul(dilation).saturating_add(1);
    let around = match padding {
        Padding::Around(around) => around,
        _ => 0,
    };
    if around >= span {
        let error = error.text("it pads by ").number(around).text(", as much as its kernel covers (");
        error.number(span).text(" ").text(positions).text(")").panic();
    }
    let padded = input.saturating_add(around.saturating_mul(2));
    if span > padded {
        let error =
            error.text("its kernel is larger than its input: ").number(span).text(" ").text(positions);
        error.text(", the input has ").number(padded).panic();
    }
    let error = error.text("it would drop ").number((padded - span) % stride).text(" of ").number(padded);
    let error =
        error.text(" ").text(positions).text(", which a kernel of ").number(span).text(" with stride ");
    error
        .number(stride)
        .text(" does not reach: pad them (`Same`), or choose another kernel or stride")
        .panic();
}

/// Panics with a message unless `groups` divides both numbers of channels.
pub const fn groups(number: usize, layer: &str, channels: usize, filters: usize, groups: usize) {
    let error = Message::of(number, layer);
    if groups == 0 || !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
        let error = error.number(channels).text(" channels and ").number(filters);
        error.text(" filters do not divide into ").number(groups).text(" groups").panic();
    }
    some(number, layer, filters);
}

/// Panics with a message if a layer has no outputs.
pub const fn some(number: usize, layer: &str, outputs: usize) {
    if outputs == 0 {
        Message::of(number, layer).text("it has no outputs").panic();
    }
}

/// Panics with a message if a network has no inputs.
pub const fn inputs(shape: &[usize]) {
    assert!(count(shape) > 0, "the network's input has a size of 0");
}

/// Panics with a message unless both shapes are the same: `what` says what of.
pub const fn same(number: usize, layer: &str, what: &str, one: &[usize], other: &[usize]) {
    let mut equal = one.len() == other.len();
    let mut i = 0;
    while equal && i < one.len() {
        equal = one[i] == other[i];
        i += 1;
    }
    if !equal {
        Message::of(number, layer).text(what).text(": ").shape(one).text(" and ").shape(other).panic();
    }
}

/// Panics with a message unless both shapes have as many numbers.
pub const fn reshape(number: usize, layer: &str, from: &[usize], to: &[usize]) {
    if count(from) != count(to) {
        let error =
            Message::of(number, layer).shape(from).text(" has ").number(count(from)).text(" numbers, ");
        error.shape(to).text(" has ").number(count(to)).panic();
    }
}

const fn count(shape: &[usize]) -> usize {
    let (mut count, mut i) = (1, 0);
    while i < shape.len() {
        count *= shape[i];
        i += 1;
    }
    count
}

/// The message of a panic at compile time, which cannot format numbers itself.
#[derive(Clone, Copy)]
struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
    const fn of(number: usize, layer: &str) -> Self {
        Self { bytes: [0; 512], len: 0 }.text("layer ").number(number).text(", `").text(layer).text("`: ")
    }

    /// Appends `text`, or as much as there is room for.
    const fn text(mut self, text: &str) -> Self {
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn number(self, number: usize) -> Self {
        let before = if number >= 10 { self.number(number / 10) } else { self };
        let digit = [b'0' + (number % 10) as u8];
        match core::str::from_utf8(&digit) {
            Ok(digit) => before.text(digit),
            Err(_) => before,
        }
    }

    const fn shape(self, shape: &[usize]) -> Self {
        let mut all = self.text("[");
        let mut i = 0;
        while i < shape.len() {
            all = if i > 0 { all.text(", ") } else { all }.number(shape[i]);
            i += 1;
        }
        all.text("]")
    }

    const fn panic(&self) -> ! {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("a layer's sizes do not match"),
        }
    }
}

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
/// | `DepthwiseConv2d(kernel, ..)` | picture | `Same`; `multiplier 2` |
/// | `MaxPool2d(kernel, ..)`, `AvgPool2d(kernel, ..)` | picture | `Valid`, the stride is the kernel |
/// | `BatchNorm`, `BatchNorm(Relu)`, `GlobalAvgPool`, `GlobalMaxPool` | picture | |
/// | `Dense(outputs)`, `Dense(outputs, Relu)` | row | |
/// | `LayerNorm`, `Softmax` | row | |
/// | `Dropout(percent)`, `Dropout(percent, seed)` | any | |
/// | `Activate(Relu)` | any | |
/// | `Pixels` | any, of bytes; the first layer | |
/// | `Flatten`, `Reshape(height, width, channels)` and with fewer sizes | any | the next layer's view, no layer of its own |
/// | `Residual[..]`, `Repeat(4)[..]` | any | a list whose output is as its input |
/// | `Each[..]` | sequence, picture | a list for each position, or for each row of a picture |
/// | `Sum[[..], [..]]`, `Concat[[..], [..]]` | any | two branches; `Concat` of rows |
/// | `MyLayer<3>`, `MyLayer<3> => [4]` | any | any type of layer: its output has its input's shape, or the given one |
///
/// A kernel is `3` or `[3, 1]`: rows, columns. After it come the options in any order: `stride 2` or `stride [2, 1]`,
/// `dilation 2`, a [padding](crate::layers::Padding) (`Same`, `Valid`, `Causal`, `Around(1)`) and those in the table.
/// An activation is last, as in `Conv2d(8, [3, 3], stride 2, Valid, Relu)`. For a sequence, put
/// `Reshape(positions, 1, channels)` before, and use kernels such as `[3, 1]`. Layers that are not in the table, such
/// as [`ConvTranspose2d`](crate::ConvTranspose2d), are written with all sizes, as `MyLayer` is.
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
/// # use fusebox::{Dense, network};
/// // layer 3, `Residual[..]`: its input, which it adds, and its output differ: [8] and [9]
/// network!(type Net = [4] => [Dense(6), Dense(8), Residual[Dense(9)]]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Dense, network};
/// // `Dense(8)`: its input is a row of numbers: put `Flatten` ..
/// network!(type Net = [4, 4] => [Dense(8)]);
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

    // A list of layers as a chain, from the last to the first, eight at a time.
    (@layer (() $shape:tt $type:tt)) => { $type };
    (@layer ($from:tt $to:tt $type:tt)) => {
        $crate::layers::View<$crate::__network!(@type $from), $type, $crate::__network!(@type $to)>
    };
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
        $crate::__network! { @ ($head []) (1) {} {$crate::layers::network::inputs(&[$n]);} () (row ($n)); $($layers)* }
    };
    (@start $head:tt [$t:tt $n:tt] [$($layers:tt)*]) => {
        $crate::__network! { @ ($head []) (1) {} {$crate::layers::network::inputs(&[$t, $n]);} () (sequence ($t) ($n)); $($layers)* }
    };
    (@start $head:tt [$h:tt $w:tt $n:tt] [$($layers:tt)*]) => {
        $crate::__network! { @ ($head []) (1) {} {$crate::layers::network::inputs(&[$h, $w, $n]);} () (picture ($h) ($w) ($n)); $($layers)* }
    };
    (@start $($_:tt)*) => {
        compile_error!("an input is `[numbers]`, `[positions, channels]` or `[height, width, channels]`; an expression in braces");
    };

    // The end of the network.
    (@ ({$(#[$meta:meta])* $vis:vis type $name:ident} []) $n:tt $a:tt $c:tt () $shape:tt;) => {
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
    (@ $s:tt $n:tt $a:tt $c:tt ($($p:tt)+) $shape:tt;) => {
        compile_error!("`Flatten` and `Reshape` say how the next layer sees its input: put one after it");
    };

    // The end of a list inside.
    (@ ($head:tt [{Residual $text:tt $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt () $to:tt;) => {
        $crate::__network! { @ ($head $stack) $n
            {$a0 ($p0 $to ($crate::layers::Residual<$crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, $text, "its input, which it adds, and its output differ",
                    $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            () $to; $($rest)* }
    };
    (@ ($head:tt [{(Repeat $k:tt) $text:tt $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt () $to:tt;) => {
        $crate::__network! { @ ($head $stack) $n
            {$a0 ($p0 $to ($crate::layers::Repeat<{ $k }, $crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, $text, "a block's input and output, the next one's input, differ",
                    $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            () $to; $($rest)* }
    };
    (@ ($head:tt [{(Each $t:tt) $text:tt $n0:tt $a0:tt $p0:tt $from:tt $rest:tt} $stack:tt]) $n:tt $a:tt $c:tt () (row $m:tt);) => {
        $crate::__network! { @each ($head $stack) $n $t $a0 $a $c $p0 (sequence $t $m) $rest }
    };
    (@ ($head:tt [{(Each $t:tt) $text:tt $n0:tt $a0:tt $p0:tt $from:tt $rest:tt} $stack:tt]) $n:tt $a:tt $c:tt () (sequence $u:tt $m:tt);) => {
        $crate::__network! { @each ($head $stack) $n $t $a0 $a $c $p0 (picture $t $u $m) $rest }
    };
    (@each $s:tt $n:tt $t:tt $a0:tt $a:tt $c:tt $p0:tt $to:tt {$($rest:tt)*}) => {
        $crate::__network! { @ $s $n
            {$a0 ($p0 $to ($crate::layers::Each<{ $t }, $crate::__network!(@chain $a)>))}
            $c () $to; $($rest)* }
    };
    // The first branch, then the second.
    (@ ($head:tt [{($join:tt {$($second:tt)*}) $text:tt $n0:tt $a0:tt $p0:tt $from:tt $rest:tt} $stack:tt]) $n:tt $a:tt $c:tt () $to:tt;) => {
        $crate::__network! { @ ($head [{($join $a $to) $text $n0 $a0 $p0 $from $rest} $stack]) $n {} $c () $from; $($second)* }
    };
    (@ ($head:tt [{(Sum $first:tt $one:tt) $text:tt $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt () $to:tt;) => {
        $crate::__network! { @ ($head $stack) $n
            {$a0 ($p0 $to ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, $text, "the outputs of its branches, which it adds, differ",
                    $crate::__network!(@dims $one), $crate::__network!(@dims $to));
            }
            () $to; $($rest)* }
    };
    (@ ($head:tt [{(Concat $first:tt (row $one:tt)) $text:tt $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt () (row $two:tt);) => {
        $crate::__network! { @ ($head $stack) $n
            {$a0 ($p0 (row ($one + $two)) ($crate::layers::Parallel<$crate::__network!(@chain $first), $crate::__network!(@chain $a),
                $crate::layers::Concat<{ $one + $two }>>))}
            $c () (row ($one + $two)); $($rest)* }
    };
    (@ ($head:tt [{($what:tt $($_:tt)*) $text:tt $($more:tt)*} $stack:tt]) $n:tt $a:tt $c:tt $p:tt $to:tt;) => {
        compile_error!(concat!("`", $text, "`: its layers end in a shape that it cannot take"));
    };

    // Layers that see the same numbers as another shape.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); Flatten $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s $n $a $c $p (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt () ($kind:tt $m:tt $($more:tt)*); Flatten $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s $n $a $c ($kind $m $($more)*) (row ($m $(* $more)*)); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)*); Flatten $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s $n $a $c $p (row ($m $(* $more)*)); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt () $from:tt; Reshape($($m:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s $n $a $c $from $from; Reshape($($m),+) $(, $($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $from:tt; Reshape($m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $s $n $a $c $p $from (row ($m)) {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $from:tt; Reshape($t:expr, $m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $s $n $a $c $p $from (sequence ($t) ($m)) {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $from:tt; Reshape($h:expr, $w:expr, $m:expr $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @reshape $s $n $a $c $p $from (picture ($h) ($w) ($m)) {$($($rest)*)?} }
    };
    (@reshape $s:tt $n:tt $a:tt $c:tt $p:tt $from:tt $to:tt {$($rest:tt)*}) => {
        $crate::__network! { @ $s $n $a
            {
                $c
                $crate::layers::network::reshape($n, "Reshape", $crate::__network!(@dims $from), $crate::__network!(@dims $to));
            }
            $p $to; $($rest)* }
    };

    // Windows over pictures: the kernel, then options, then an activation.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); Conv2d($f:expr, [$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (Conv2d ($f)) (stringify!(Conv2d($f, [$kh, $kw] $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); Conv2d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (Conv2d ($f)) (stringify!(Conv2d($f, $k $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); DepthwiseConv2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (DepthwiseConv2d) (stringify!(DepthwiseConv2d([$kh, $kw] $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); DepthwiseConv2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (DepthwiseConv2d) (stringify!(DepthwiseConv2d($k $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); MaxPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (MaxPool2d) (stringify!(MaxPool2d([$kh, $kw] $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); MaxPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (MaxPool2d) (stringify!(MaxPool2d($k $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); AvgPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (AvgPool2d) (stringify!(AvgPool2d([$kh, $kw] $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $($m:tt)*); AvgPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @window (AvgPool2d) (stringify!(AvgPool2d($k $(, $($o)*)?)))
            ($s $n $a $c $p $($m)*) [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (1) [$($($o)*)?] {$($($rest)*)?} }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [stride [$h:expr, $w:expr] $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k [($h) ($w)] $d $pad $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [stride $both:expr $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k [($both) ($both)] $d $pad $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [dilation [$h:expr, $w:expr] $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride [($h) ($w)] $pad $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [dilation $both:expr $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride [($both) ($both)] $pad $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [Same $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride $d ($crate::layers::Same) $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [Valid $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride $d ($crate::layers::Valid) $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [Causal $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride $d ($crate::layers::Causal) $g [$($($o)*)?] $rest }
    };
    (@window $what:tt $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [Around($around:expr) $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window $what $text $st $k $stride $d ($crate::layers::Around<{ $around }>) $g [$($($o)*)?] $rest }
    };
    (@window (Conv2d $f:tt) $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [groups $groups:expr $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window (Conv2d $f) $text $st $k $stride $d $pad ($groups) [$($($o)*)?] $rest }
    };
    (@window (DepthwiseConv2d) $text:tt $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt [multiplier $multiplier:expr $(, $($o:tt)*)?] $rest:tt) => {
        $crate::__network! { @window (DepthwiseConv2d) $text $st $k $stride $d $pad ($multiplier) [$($($o)*)?] $rest }
    };
    // All options are known: the number of outputs down and to the right.
    (@window (Conv2d $f:tt) $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt $h:tt $w:tt $m:tt) [$kh:tt $kw:tt] [$sh:tt $sw:tt] [$dh:tt $dw:tt]
        ($($pad:tt)*) $g:tt [$($act:ty)? $(,)?] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p
                (picture
                    ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                    ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                    $f)
                (Conv2d<[[[f32; $m]; $w]; $h], [[[f32; $f];
                    $crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING)];
                    $crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING)],
                    { $kh }, { $kw }, { $m / $g }, { $f }, $crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }> $(, $act)?>))}
            {
                $c
                $crate::layers::network::window::<$crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }>>($n, $text, [$h, $w], [$kh, $kw]);
                $crate::layers::network::groups($n, $text, $m, $f, $g);
            }
            ()
            (picture
                ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                $f);
            $($rest)* }
    };
    (@window (DepthwiseConv2d) $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt $h:tt $w:tt $m:tt) [$kh:tt $kw:tt] [$sh:tt $sw:tt] [$dh:tt $dw:tt]
        ($($pad:tt)*) $g:tt [$($act:ty)? $(,)?] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p
                (picture
                    ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                    ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                    ($m * $g))
                (DepthwiseConv2d<[[[f32; $m]; $w]; $h], [[[f32; ($m * $g)];
                    $crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING)];
                    $crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING)],
                    { $kh }, { $kw }, { $m * $g }, $crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }> $(, $act)?>))}
            {
                $c
                $crate::layers::network::window::<$crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }>>($n, $text, [$h, $w], [$kh, $kw]);
                $crate::layers::network::some($n, $text, $g);
            }
            ()
            (picture
                ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                ($m * $g));
            $($rest)* }
    };
    (@window ($pool:tt) $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt $h:tt $w:tt $m:tt) [$kh:tt $kw:tt] [$sh:tt $sw:tt] [$dh:tt $dw:tt]
        ($($pad:tt)*) $g:tt [] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p
                (picture
                    ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                    ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                    $m)
                ($pool<[[[f32; $m]; $w]; $h], [[[f32; $m];
                    $crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING)];
                    $crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING)],
                    { $kh }, { $kw }, $crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }>>))}
            {
                $c
                $crate::layers::network::window::<$crate::layers::Window<$($pad)*, { $sh }, { $sw }, { $dh }, { $dw }>>($n, $text, [$h, $w], [$kh, $kw]);
            }
            ()
            (picture
                ($crate::layers::output_len($h, $kh, $sh, $dh, <$($pad)* as $crate::layers::Pad>::PADDING))
                ($crate::layers::output_len($w, $kw, $sw, $dw, <$($pad)* as $crate::layers::Pad>::PADDING))
                $m);
            $($rest)* }
    };
    (@window ($what:tt $($_:tt)?) ($($text:tt)*) $st:tt $k:tt $stride:tt $d:tt $pad:tt $g:tt $($o:tt)*) => {
        compile_error!(concat!("`", $($text)*, "`: after the kernel come `stride 2` or `stride [2, 1]`, `dilation 2`, `Same`, `Valid`, `Causal`, ",
            "`Around(1)`, `groups 2` (`Conv2d`), `multiplier 2` (`DepthwiseConv2d`), and last an activation, except of pooling"));
    };
    // Other layers on pictures.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $h:tt $w:tt $m:tt); GlobalAvgPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (GlobalAvgPool<[[[f32; $m]; $w]; $h], { $m }>))}
            $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $h:tt $w:tt $m:tt); GlobalMaxPool $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (GlobalMaxPool<[[[f32; $m]; $w]; $h], { $m }>))}
            $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (picture $h:tt $w:tt $m:tt); BatchNorm $(($act:ty))? $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p (picture $h $w $m) (BatchNorm<[[[f32; $m]; $w]; $h], { $m } $(, $act)?>))}
            $c () (picture $h $w $m); $($($rest)*)? }
    };

    // Layers on rows.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); Dense($out:expr $(, $act:ty)? $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row ($out)) (Dense<{ $m }, { $out } $(, $act)?>))}
            {
                $c
                $crate::layers::network::some($n, stringify!(Dense($out)), $out);
            }
            () (row ($out)); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); LayerNorm $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (LayerNorm<{ $m }>))} $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); Softmax $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (Softmax<{ $m }>))} $c () (row $m); $($($rest)*)? }
    };

    // Layers on numbers of any shape.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); Dropout($($percent:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (Dropout<{ $m } $(, { $percent })+>))} $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt () ($kind:tt $m:tt $($more:tt)*); Dropout($($percent:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {$a (($kind $m $($more)*) ($kind $m $($more)*) (Dropout<{ $m $(* $more)* } $(, { $percent })+>))}
            $c () ($kind $m $($more)*); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)*); Dropout($($percent:expr),+ $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p ($kind $m $($more)*) (Dropout<{ $m $(* $more)* } $(, { $percent })+>))}
            $c () ($kind $m $($more)*); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt (row $m:tt); Activate($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row $m) (Activate<{ $m }, $act>))} $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt () ($kind:tt $m:tt $($more:tt)*); Activate($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {$a (($kind $m $($more)*) ($kind $m $($more)*) (Activate<{ $m $(* $more)* }, $act>))}
            $c () ($kind $m $($more)*); $($($rest)*)? }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)*); Activate($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {$a ($p ($kind $m $($more)*) (Activate<{ $m $(* $more)* }, $act>))}
            $c () ($kind $m $($more)*); $($($rest)*)? }
    };
    (@ $s:tt $n:tt {} $c:tt () (row $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {{} (() (row $m) (Pixels<{ $m }>))} $c () (row $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt {} $c:tt () (sequence $t:tt $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {{} (() (sequence $t $m) ($crate::layers::Each<{ $t }, Pixels<{ $m }>>))}
            $c () (sequence $t $m); $($($rest)*)? }
    };
    (@ $s:tt $n:tt {} $c:tt () (picture $h:tt $w:tt $m:tt); Pixels $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1)
            {{} (() (picture $h $w $m) ($crate::layers::Each<{ $h }, $crate::layers::Each<{ $w }, Pixels<{ $m }>>>))}
            $c () (picture $h $w $m); $($($rest)*)? }
    };

    // Layers made of lists.
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt $shape:tt; Residual[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{Residual "Residual[..]" $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c () $shape; $($list)* }
    };
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt $shape:tt; Repeat($k:expr)[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{(Repeat ($k)) "Repeat(..)[..]" $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c () $shape; $($list)* }
    };
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt (sequence $t:tt $m:tt); Each[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{(Each $t) "Each[..]" $n $a $p (sequence $t $m) {$($($rest)*)?}} $stack]) $n {} $c () (row $m); $($list)* }
    };
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt (picture $h:tt $w:tt $m:tt); Each[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{(Each $h) "Each[..]" $n $a $p (picture $h $w $m) {$($($rest)*)?}} $stack]) $n {} $c () (sequence $w $m); $($list)* }
    };
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt $shape:tt; Sum[[$($one:tt)*], [$($two:tt)*] $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{(Sum {$($two)*}) "Sum[..]" $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c () $shape; $($one)* }
    };
    (@ ($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt $shape:tt; Concat[[$($one:tt)*], [$($two:tt)*] $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($head [{(Concat {$($two)*}) "Concat[..]" $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c () $shape; $($one)* }
    };

    // Layers that are known, but not on this shape, or not with these arguments.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; Conv2d $args:tt $($_:tt)*) => {
        compile_error!(concat!("`", stringify!(Conv2d $args), "`: its input is a picture, and it is written `Conv2d(filters, kernel)` or `Conv2d(filters, [rows, columns])`, with options after the kernel"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; DepthwiseConv2d $args:tt $($_:tt)*) => {
        compile_error!(concat!("`", stringify!(DepthwiseConv2d $args), "`: its input is a picture, and it is written `DepthwiseConv2d(kernel)` or `DepthwiseConv2d([rows, columns])`, with options after the kernel"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; MaxPool2d $args:tt $($_:tt)*) => {
        compile_error!(concat!("`", stringify!(MaxPool2d $args), "`: its input is a picture, and it is written `MaxPool2d(kernel)` or `MaxPool2d([rows, columns])`, with options after the kernel"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; AvgPool2d $args:tt $($_:tt)*) => {
        compile_error!(concat!("`", stringify!(AvgPool2d $args), "`: its input is a picture, and it is written `AvgPool2d(kernel)` or `AvgPool2d([rows, columns])`, with options after the kernel"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)+); Dense $args:tt $($_:tt)*) => {
        compile_error!(concat!("`", stringify!(Dense $args), "`: its input is a row of numbers: put `Flatten` or `GlobalAvgPool` before it, or apply it to `Each` position"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)+); LayerNorm $(, $($_:tt)*)?) => {
        compile_error!("`LayerNorm`: its input is a row of numbers: put `Flatten` or `GlobalAvgPool` before it, or apply it to `Each` position");
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $m:tt $($more:tt)+); Softmax $(, $($_:tt)*)?) => {
        compile_error!("`Softmax`: its input is a row of numbers: put `Flatten` or `GlobalAvgPool` before it, or apply it to `Each` position");
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; GlobalAvgPool $(, $($_:tt)*)?) => {
        compile_error!("`GlobalAvgPool`: its input is a picture");
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; GlobalMaxPool $(, $($_:tt)*)?) => {
        compile_error!("`GlobalMaxPool`: its input is a picture");
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; BatchNorm $(, $($_:tt)*)?) => {
        compile_error!("`BatchNorm`: its input is a picture");
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $($m:tt)*); $name:ident($($args:tt)*) $($_:tt)*) => {
        compile_error!(concat!("`", stringify!($name), "(", stringify!($($args)*), ")`: there is no such layer on a ", stringify!($kind),
            ", or there is no comma after it"));
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt ($kind:tt $($m:tt)*); $name:ident[$($list:tt)*] $($_:tt)*) => {
        compile_error!(concat!("`", stringify!($name), "[..]`: there is no such layer made of lists on a ", stringify!($kind),
            ", or there is no comma after it"));
    };

    // Types of layers: their output has the shape of their input, or one that is written.
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; $layer:ty => [$($m:tt),+ $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network! { @becomes $s $n {$a $p ($layer)} $c [$($m)+] {$($($rest)*)?} }
    };
    (@ $s:tt $n:tt $a:tt $c:tt $p:tt $shape:tt; $layer:ty $(, $($rest:tt)*)?) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p $shape ($layer))} $c () $shape; $($($rest)*)? }
    };
    (@becomes $s:tt $n:tt {$a:tt $p:tt $layer:tt} $c:tt [$m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (row ($m)) $layer)} $c () (row ($m)); $($rest)* }
    };
    (@becomes $s:tt $n:tt {$a:tt $p:tt $layer:tt} $c:tt [$t:tt $m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (sequence ($t) ($m)) $layer)} $c () (sequence ($t) ($m)); $($rest)* }
    };
    (@becomes $s:tt $n:tt {$a:tt $p:tt $layer:tt} $c:tt [$h:tt $w:tt $m:tt] {$($rest:tt)*}) => {
        $crate::__network! { @ $s ($n + 1) {$a ($p (picture ($h) ($w) ($m)) $layer)} $c () (picture ($h) ($w) ($m)); $($rest)* }
    };
}

#[cfg(test)]
mod tests {
    use super::super::{Around, Same, Valid, Window};
    use super::*;

    type Over<P, const S: usize = 1, const D: usize = 1> = Window<P, S, S, D, D>;

    #[test]
    fn what_fits() {
        window::<Over<Same, 2>>(1, "", [3, 5], [7, 1]);
        window::<Over<Valid>>(1, "", [3, 5], [3, 5]);
        window::<Over<Around<1>, 2>>(1, "", [4, 5], [3, 3]);
        groups(1, "", 6, 4, 2);
        same(1, "", "", &[1, 2], &[1, 2]);
        reshape(1, "", &[6], &[1, 2, 3]);
    }

    #[test]
    #[should_panic(
        expected = "layer 12, `Conv2d(8, 5)`: its kernel is larger than its input: 9 columns, the input has 8"
    )]
    fn larger() {
        window::<Over<Valid, 1, 2>>(12, "Conv2d(8, 5)", [9, 8], [5, 5]);
    }

    #[test]
    #[should_panic(
        expected = "layer 3, `Pool`: it would drop 1 of 7 rows, which a kernel of 2 with stride 2"
    )]
    fn dropped() {
        window::<Over<Valid, 2>>(3, "Pool", [7, 8], [2, 2]);
    }

    #[test]
    #[should_panic(expected = "`Pool`: it pads by 2, as much as its kernel covers (2 rows)")]
    fn padded() {
        window::<Over<Around<2>>>(3, "Pool", [7, 8], [2, 2]);
    }

    #[test]
    #[should_panic(expected = "a kernel, a stride or a dilation of 0")]
    fn nothing() {
        window::<Over<Same, 0>>(3, "Pool", [7, 8], [2, 2]);
    }

    #[test]
    #[should_panic(expected = "6 channels and 5 filters do not divide into 3 groups")]
    fn grouped() {
        groups(1, "Conv2d", 6, 5, 3);
    }

    #[test]
    #[should_panic(expected = "layer 1, `Residual[..]`: they differ: [4, 2] and [4, 20]")]
    fn different() {
        same(1, "Residual[..]", "they differ", &[4, 2], &[4, 20]);
    }

    #[test]
    #[should_panic(expected = "[4, 2] has 8 numbers, [9] has 9")]
    fn reshaped() {
        reshape(1, "Reshape", &[4, 2], &[9]);
    }

    /// A text that is longer than the message is cut off.
    #[test]
    #[should_panic(expected = "layer 1, `xxx")]
    fn long() {
        some(1, core::str::from_utf8(&[b'x'; 600]).unwrap(), 0);
    }
}
