//! The macro that defines a network and derives its sizes, and the checks that it makes.
//!
//! | file | contents |
//! |---|---|
//! | `mod` | the macro and its documentation |
//! | `layers` | the input; one rule or a few for each layer |
//! | `windows` | the options of convolutions and pools |
//! | `heads` | the options of attention, and its checks |
//! | `ends` | the end of a list, and of the network |
//! | `types` | shapes and lists as types |
//! | `misplaced` | messages for layers that no rule takes |
//! | `checks`, `message` | sizes, their checks, and the text of errors |
//!
//! [`network!`](crate::network) hands its list of layers to `__network!`, which removes one layer at a time from the
//! front. It carries the shape between layers as tokens, `(picture height width channels)`,
//! `(sequence positions channels)` or `(row numbers)`, where each number is a constant expression made of the previous
//! one. A new height contains the old one once, so the text grows linearly from layer to layer; and an expression is a
//! single token tree, so no step copies it. The layers' types are collected in one nested group and become a chain at
//! the end. So a layer costs one or two levels of the compiler's limit of 128 nested expansions, and one more for
//! each option; a list costs three. All rules that take a layer are in one macro, because another one would cost each
//! layer a level more; the other macros are for what is a step of its own anyway.
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
mod ends;
mod heads;
mod layers;
mod message;
mod misplaced;
mod types;
mod windows;

pub use checks::*;
pub use heads::*;

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
/// import them. `SelfAttention` needs `Dense`, `Attention` and, if it is an option, `Rotary`.
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
/// | `Embedding(tokens, width)`, `Embedding(tokens, width, u8)` | row of tokens; the first layer | tokens are `u16` |
/// | `Positions`, `MeanPresent` | sequence | |
/// | `SelfAttention(heads, ..)` | sequence | `Causal`, as many groups as heads; `groups 2`, `Rotary` |
/// | `Attention(heads, ..)` | sequence of queries, keys, values | `Causal`, as many groups as heads; `groups 2` |
/// | `Rotary(heads, ..)` | sequence of queries, keys, values | `Halves`, all numbers of a head; `groups 2`, `first 32`, `base 500_000` |
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
/// | `Present[..]` | any | a list for inputs that are not zeros |
/// | `TiedEmbedding(tokens, width)[..]`, with `u8` as above | row of tokens; the first layer | a list from frames to frames of that width |
/// | `CrossAttention(heads, ..)[[..], [..]]` | any | queries; keys and values; `Everything`, `groups 2` |
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
/// # Transformers
///
/// An input of tokens is `[positions]`, and `Embedding` or `TiedEmbedding` is the first layer. `SelfAttention(heads)` is
/// three layers: `Dense` at each position, for queries, keys and values; `Attention`; and `Dense` at each position,
/// from the heads to frames as wide as the input's. After the heads come, in any order, `groups 2`, what a position
/// [`Sees`](crate::layers::Sees) (`Causal`, `Everything`, `PresentOnly`), and `Rotary` with options of its own, which
/// is a layer before `Attention`: `SelfAttention(8, groups 2, Rotary(base 500_000))`. With `PresentOnly` both dense
/// layers are inside [`Present`](crate::layers::Present), as those around them should be.
///
/// ```
/// use fusebox::{Attention, Dense, Gelu, LayerNorm, Layer, Positions, network};
/// network! {
///     /// The next of 65 characters.
///     type Gpt = [64] => [
///         TiedEmbedding(65, 128, u8)[
///             Positions,
///             Repeat(4)[
///                 Residual[Each[LayerNorm], SelfAttention(4)],
///                 Residual[Each[LayerNorm, Dense(512, Gelu), Dense(128)]],
///             ],
///             Each[LayerNorm],
///         ],
///     ];
/// }
/// let _: <Gpt as Layer>::Output = [[0.0; 65]; 64];
/// ```
///
/// ```
/// use fusebox::layers::MeanPresent;
/// use fusebox::{Attention, Dense, Embedding, Gelu, LayerNorm, Layer, Positions, network};
/// network! {
///     /// One vector for a text of up to 32 tokens: `u16::MAX` after the last.
///     type Bert = [32] => [
///         Embedding(1000, 96),
///         Positions,
///         Each[Present[LayerNorm(-12)]],
///         Repeat(2)[
///             Residual[SelfAttention(6, PresentOnly)],
///             Each[Present[LayerNorm(-12)]],
///             Residual[Each[Present[Dense(384, Gelu), Dense(96)]]],
///             Each[Present[LayerNorm(-12)]],
///         ],
///         MeanPresent,
///     ];
/// }
/// let _: <Bert as Layer>::Output = [0.0; 96];
/// ```
///
/// `Attention(heads)` and `Rotary(heads)` are on their own on frames of queries, keys and values, whose size divided by
/// `heads + 2 groups` is that of a head. `CrossAttention` has two lists with the same input: the first one ends in
/// queries, the second one in keys and values, `2 groups` heads.
///
/// ```
/// use fusebox::{Attention, Conv1d, Dense, Embedding, Layer, Rotary, network};
/// network! {
///     type Wide = [16, 24] => [
///         Each[Dense(8 * 4 + 2 * 2 * 4)],                     // eight heads of four numbers; two of keys, two of values
///         Rotary(8, groups 2),
///         Attention(8, groups 2),                             // frames of 32 numbers
///         CrossAttention(4, groups 1)[
///             [Conv1d(24, 4, stride 4, Valid)],               // four queries,
///             [Each[Dense(2 * 24 / 4)]],                      // to 16 keys and values
///         ],
///     ];
/// }
/// let _: <Wide as Layer>::Output = [[0.0; 24]; 4];
/// ```
///
/// # Errors
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
/// ```compile_fail,E0080
/// # use fusebox::{Attention, Dense, network};
/// // layer 1, `SelfAttention(4)`: its width of 130 is no multiple of its 4 heads: choose 128 or 132
/// network!(type Net = [8, 130] => [SelfAttention(4)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Attention, Dense, network};
/// // layer 1, `SelfAttention(4, groups 3)`: 4 heads do not divide into 3 groups: choose groups that divide the heads
/// network!(type Net = [8, 128] => [SelfAttention(4, groups 3)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Attention, Dense, network};
/// // layer 2, `Attention(4)`: its frames of 128 numbers do not divide into 12 heads, 4 of queries, 4 of keys, 4 of values: ..
/// network!(type Net = [8, 130] => [Each[Dense(128)], Attention(4)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Attention, Dense, Rotary, network};
/// // layer 1, `SelfAttention(4, Rotary)`: it turns pairs of the first 3 numbers of heads of 3: choose an even number, ..
/// network!(type Net = [8, 12] => [SelfAttention(4, Rotary)]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Dense, network};
/// // layer 3, `CrossAttention(4)`: its second list ends in frames of 96 numbers, but keys and values of 4 heads of 16 have 128
/// network!(type Net = [8, 64] => [CrossAttention(4)[[Each[Dense(64)]], [Each[Dense(96)]]]]);
/// ```
///
/// ```compile_fail,E0080
/// # use fusebox::{Dense, network};
/// // layer 1, `TiedEmbedding(..)[..]`: the frames of its tokens, and those of which it makes scores, differ: [8, 4] and [8, 6]
/// network!(type Net = [8] => [TiedEmbedding(10, 4)[Each[Dense(6)]]]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Attention, Conv2d, Dense, network};
/// // `SelfAttention(4)`: its input is a sequence, and it is written `SelfAttention(heads)` or ..
/// network!(type Net = [8, 8, 1] => [Conv2d(16, 3), SelfAttention(4)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Dense, Embedding, network};
/// // `Embedding(10, 4)`: it is the first layer, its input is `[positions]` of tokens, ..
/// network!(type Net = [8] => [Dense(8), Embedding(10, 4)]);
/// ```
///
/// ```compile_fail
/// # use fusebox::{Attention, Dense, network};
/// // `SelfAttention(4, Past)`: after the heads come `groups 2`, `Causal`, ..
/// network!(type Net = [8, 16] => [SelfAttention(4, Past)]);
/// ```
///
/// A network of more than some thirty layers with options, fifty without, or four blocks of a transformer without
/// `Repeat`, needs `#![recursion_limit = "256"]`, as the compiler then says.
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
