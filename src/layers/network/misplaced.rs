//! What is wrong with a layer that `network!` knows, but not on this shape, or not with these arguments.

/// The message for a layer that no rule of [`network!`](crate::network) takes. A name that is not known is a type in scope.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_misplaced {
    (@ $z:tt $shape:tt; Conv2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Conv2d $args "a picture" "Conv2d(filters, kernel, ..)` or `Conv2d(filters, [rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; Conv1d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Conv1d $args "a sequence" "Conv1d(filters, kernel, ..)" }
    };
    (@ $z:tt $shape:tt; DepthwiseConv2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written DepthwiseConv2d $args "a picture" "DepthwiseConv2d(kernel, ..)` or `DepthwiseConv2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; DepthwiseConv1d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written DepthwiseConv1d $args "a sequence" "DepthwiseConv1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; ConvTranspose2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written ConvTranspose2d $args "a picture"
            "ConvTranspose2d(filters, kernel, ..)` or `ConvTranspose2d(filters, [rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; MaxPool2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written MaxPool2d $args "a picture" "MaxPool2d(kernel, ..)` or `MaxPool2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; MaxPool1d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written MaxPool1d $args "a sequence" "MaxPool1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; AvgPool2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written AvgPool2d $args "a picture" "AvgPool2d(kernel, ..)` or `AvgPool2d([rows, columns], ..)" }
    };
    (@ $z:tt $shape:tt; AvgPool1d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written AvgPool1d $args "a sequence" "AvgPool1d(kernel, ..)" }
    };
    (@ $z:tt $shape:tt; Upsample2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Upsample2d $args "a picture" "Upsample2d(times)` or `Upsample2d([down, right])" }
    };
    (@ $z:tt $shape:tt; Pad2d $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Pad2d $args "a picture" "Pad2d(around)` or `Pad2d([above, below], [left, right])" }
    };
    (@ $z:tt $shape:tt; GroupNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => {
        $crate::__network_misplaced! { @written GroupNorm ($($($args)*)?) "a picture or a sequence" "GroupNorm(groups)` or `GroupNorm(groups, Relu)" }
    };
    (@ $z:tt $shape:tt; Gru $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Gru $args "a sequence" "Gru(outputs)` or `Gru(outputs, Carried)" }
    };
    (@ $z:tt $shape:tt; Lstm $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Lstm $args "a sequence" "Lstm(outputs)` or `Lstm(outputs, Carried)" }
    };
    (@ $z:tt $shape:tt; Rnn $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Rnn $args "a sequence" "Rnn(outputs)`, `Rnn(outputs, Relu)` or `Rnn(outputs, Relu, Carried)" }
    };
    (@ $z:tt $shape:tt; Last $(, $($_:tt)*)?) => { compile_error!("`Last`: its input is a sequence"); };
    (@ $z:tt $shape:tt; Positions $(, $($_:tt)*)?) => { compile_error!("`Positions`: its input is a sequence"); };
    (@ $z:tt $shape:tt; MeanPresent $(, $($_:tt)*)?) => { compile_error!("`MeanPresent`: its input is a sequence"); };
    (@ $z:tt $shape:tt; Attention $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Attention $args "a sequence of queries, keys and values"
            "Attention(heads)` or `Attention(heads, groups 2, Everything)" }
    };
    (@ $z:tt $shape:tt; SelfAttention $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written SelfAttention $args "a sequence"
            "SelfAttention(heads)` or `SelfAttention(heads, groups 2, Everything, Rotary)" }
    };
    (@ $z:tt $shape:tt; CrossAttention $args:tt $($_:tt)*) => {
        compile_error!(concat!("`CrossAttention", stringify!($args), "`: it is written `CrossAttention(heads, ..)[[..], [..]]`: ",
            "a list that ends in queries, and one that ends in keys and values"));
    };
    (@ $z:tt $shape:tt; Rotary $args:tt $($_:tt)*) => {
        $crate::__network_misplaced! { @written Rotary $args "a sequence of queries, keys and values"
            "Rotary(heads)` or `Rotary(heads, groups 2, Neighbours)" }
    };
    (@ $z:tt $shape:tt; Embedding $args:tt $($_:tt)*) => {
        compile_error!(concat!("`Embedding", stringify!($args), "`: it is the first layer, its input is `[positions]` of tokens, ",
            "and it is written `Embedding(vocabulary, width)` or `Embedding(vocabulary, width, u8)`"));
    };
    (@written $name:ident $args:tt $kind:literal $form:literal) => {
        compile_error!(concat!("`", stringify!($name), stringify!($args), "`: its input is ", $kind, ", and it is written `", $form, "`"));
    };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Dense $args:tt $($_:tt)*) => { $crate::__network_misplaced! { @row Dense $args } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); LayerNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => { $crate::__network_misplaced! { @row LayerNorm } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); RmsNorm $(($($args:tt)*))? $(, $($_:tt)*)?) => { $crate::__network_misplaced! { @row RmsNorm } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Gated $args:tt $($_:tt)*) => { $crate::__network_misplaced! { @row Gated $args } };
    (@ $z:tt ($kind:tt $m:tt $($more:tt)+); Softmax $(, $($_:tt)*)?) => { $crate::__network_misplaced! { @row Softmax } };
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
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) $shape:tt; $layer:ident $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($layer))} $c ()) $shape; $($($rest)*)? }
    };
}
