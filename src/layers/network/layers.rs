//! The rules of `network!` for the input and for each layer: its type, its checks, and the shape that comes out of it.

/// Removes the first layer of a list: see the documentation of `layers::network`.
#[doc(hidden)]
#[macro_export]
macro_rules! __network {
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

    // The end of a list.
    (@ $z:tt $shape:tt;) => { $crate::__network_end! { $z $shape } };

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
                $crate::layers::network::reshape($n, "Reshape", $crate::__network_type!(@dims $from), $crate::__network_type!(@dims $to));
            }
            $p) $to; $($rest)* }
    };

    // Windows over pictures and sequences.
    (@ $z:tt (picture $h:tt $w:tt $m:tt); Conv2d($f:expr, [$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (Conv2d window outputs (stringify!(Conv2d($f, [$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); Conv2d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (Conv2d window outputs (stringify!(Conv2d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Conv1d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (Conv1d window outputs (stringify!(Conv1d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (groups ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); DepthwiseConv2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (DepthwiseConv2d window outputs (stringify!(DepthwiseConv2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); DepthwiseConv2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (DepthwiseConv2d window outputs (stringify!(DepthwiseConv2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); DepthwiseConv1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (DepthwiseConv1d window outputs (stringify!(DepthwiseConv1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (multiplier $m [$m] $m) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); ConvTranspose2d($f:expr, [$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (ConvTranspose2d transposed transposed_outputs (stringify!(ConvTranspose2d($f, [$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (transposed ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); ConvTranspose2d($f:expr, $k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (ConvTranspose2d transposed transposed_outputs (stringify!(ConvTranspose2d($f, $k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [(1) (1)] [(1) (1)] ($crate::layers::Same) (transposed ($f) [$m ($f)] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); MaxPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (MaxPool2d window outputs (stringify!(MaxPool2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); MaxPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (MaxPool2d window outputs (stringify!(MaxPool2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); MaxPool1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (MaxPool1d window outputs (stringify!(MaxPool1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [($k) (1)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); AvgPool2d([$kh:expr, $kw:expr] $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (AvgPool2d window outputs (stringify!(AvgPool2d([$kh, $kw] $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($kh) ($kw)] [($kh) ($kw)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (picture $h:tt $w:tt $m:tt); AvgPool2d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (AvgPool2d window outputs (stringify!(AvgPool2d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$h $w] $m [($k) ($k)] [($k) ($k)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); AvgPool1d($k:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_window! { (AvgPool1d window outputs (stringify!(AvgPool1d($k $(, $($o)*)?))) $z {$($($rest)*)?})
            [$t] $m [($k) (1)] [($k) (1)] [(1) (1)] ($crate::layers::Valid) (pool $m [] (1)) [$($($o)*)?] }
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

    // Layers of transformers, on sequences.
    (@ ($s:tt $n:tt {} $c:tt ()) (row $t:tt); Embedding($v:expr, $d:expr $(, $token:ty)? $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {{} (() ($crate::layers::Each<{ $t }, Embedding<{ $v }, { $d } $(, $token)?>>))}
            {
                $c
                $crate::layers::network::some($n, stringify!(Embedding($v, $d)), $v * $d);
            }
            ()) (sequence $t ($d)); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); Positions $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (Positions<{ $t }, { $m }>))} $c ()) (sequence $t $m); $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) (sequence $t:tt $m:tt); MeanPresent $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p (MeanPresent<{ $t }, { $m }>))} $c ()) (row $m); $($($rest)*)? }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Attention($heads:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_heads! { @attention {Attention (stringify!(Attention($heads $(, $($o)*)?))) $z [$t $m] {$($($rest)*)?}}
            ($heads) ($heads) Causal () [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); SelfAttention($heads:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_heads! { @attention {SelfAttention (stringify!(SelfAttention($heads $(, $($o)*)?))) $z [$t $m] {$($($rest)*)?}}
            ($heads) ($heads) Causal () [$($($o)*)?] }
    };
    (@ $z:tt (sequence $t:tt $m:tt); Rotary($heads:expr $(, $($o:tt)*)?) $(, $($rest:tt)*)?) => {
        $crate::__network_heads! { @rotary {(stringify!(Rotary($heads $(, $($o)*)?))) $z [$t $m] {$($($rest)*)?}}
            ($heads) ($heads) Halves () (10_000) [$($($o)*)?] }
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
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($crate::__network_type!(@rows $shape Dropout $(, { $percent })+)))} $c ())
            $shape; $($($rest)*)? }
    };
    (@ ($s:tt $n:tt $a:tt $c:tt $p:tt) $shape:tt; Activate($act:ty $(,)?) $(, $($rest:tt)*)?) => {
        $crate::__network! { @ ($s ($n + 1) {$a ($p ($crate::__network_type!(@rows $shape Activate, $act)))} $c ())
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

    // Layers made of lists: the beginning. See `ends` for what goes onto the stack.
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
    (@ (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt; Present[$($list:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(Present) $n $a $p $shape {$($($rest)*)?}} $stack]) $n {} $c ()) $shape; $($list)* }
    };
    (@ (($head:tt $stack:tt) $n:tt {} $c:tt ()) (row $t:tt); TiedEmbedding($v:expr, $d:expr $(, $token:ty)? $(,)?)[$($list:tt)*]
        $(, $($rest:tt)*)?) => {
        $crate::__network! { @ (($head [{(TiedEmbedding $t ($v) ($d) ($($token)?)) $n {} () (sequence $t ($d)) {$($($rest)*)?}} $stack]) $n {}
            {
                $c
                $crate::layers::network::some($n, stringify!(TiedEmbedding($v, $d)), $v * $d);
            }
            ()) (sequence $t ($d)); $($list)* }
    };
    (@ $z:tt $shape:tt; CrossAttention($heads:expr $(, $($o:tt)*)?)[[$($one:tt)*], [$($two:tt)*] $(,)?] $(, $($rest:tt)*)?) => {
        $crate::__network_heads! { @attention
            {CrossAttention (stringify!(CrossAttention($heads $(, $($o)*)?))) $z $shape {$($one)*} {$($two)*} {$($($rest)*)?}}
            ($heads) ($heads) Everything () [$($($o)*)?] }
    };
    (@ $z:tt $shape:tt; TiedEmbedding $args:tt [$($list:tt)*] $($_:tt)*) => {
        compile_error!(concat!("`TiedEmbedding", stringify!($args), "[..]`: it is the first layer, its input is `[positions]` of tokens, ",
            "and it is written `TiedEmbedding(vocabulary, width)[..]` or `TiedEmbedding(vocabulary, width, u8)[..]`"));
    };
    (@ $z:tt $shape:tt; CrossAttention $args:tt [$($list:tt)*] $($_:tt)*) => {
        compile_error!(concat!("`CrossAttention", stringify!($args), "[..]`: it is written `CrossAttention(heads, ..)[[..], [..]]`: ",
            "a list that ends in queries, and one that ends in keys and values"));
    };
    (@ $z:tt ($kind:tt $($m:tt)*); $name:ident $(($($args:tt)*))? [$($list:tt)*] $($_:tt)*) => {
        compile_error!(concat!("`", stringify!($name), "[..]`: there is no such layer made of lists on a ", stringify!($kind),
            ", or there is no comma after it"));
    };

    // Layers that no rule above takes.
    (@ $z:tt $shape:tt; $name:ident($($args:tt)*) $($rest:tt)*) => {
        $crate::__network_misplaced! { @ $z $shape; $name($($args)*) $($rest)* }
    };
    (@ $z:tt $shape:tt; $name:ident $(, $($rest:tt)*)?) => {
        $crate::__network_misplaced! { @ $z $shape; $name $(, $($rest)*)? }
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
