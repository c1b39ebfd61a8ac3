//! Layers made of lists, of `network!`: the end of a list, and of the network.
//!
//! At its beginning what surrounds a list goes onto the stack, as `{what n a p shape {layers to come}}`: what it is, with its
//! arguments; the number of its first layer; the layers before it; and the shape that it sees. Checks stay in one place. A
//! layer of two lists has the second one in its arguments, and then, while that one is walked, the first one's
//! layers and their shape.

/// Ends the lists of [`network!`](crate::network): see this file's documentation.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_end {
    // The end of the network.
    ((({$(#[$meta:meta])* $vis:vis type $name:ident} []) $n:tt $a:tt $c:tt ()) $shape:tt) => {
        $(#[$meta])*
        $vis type $name = $crate::__network_type!(@chain $a);
        const _: () = {
            const SIZES: () = $c;
            const _: () = {
                SIZES;
                $crate::layers::network::check::<$name>()
            };
        };
    };
    (($s:tt $n:tt $a:tt $c:tt ($($p:tt)+)) $shape:tt) => {
        compile_error!("`Flatten` and `Reshape` say how the next layer sees its input: put one after it");
    };

    // The end of a list inside another.
    ((($head:tt [{(Residual) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Residual<$crate::__network_type!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Residual[..]", "its input, which it adds, and its output differ",
                    $crate::__network_type!(@dims $from), $crate::__network_type!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    ((($head:tt [{(Repeat $k:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Repeat<{ $k }, $crate::__network_type!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Repeat(..)[..]", "a block's input and output, the next one's input, differ",
                    $crate::__network_type!(@dims $from), $crate::__network_type!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    ((($head:tt [{(Each $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (row $m:tt)) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Each<{ $t }, $crate::__network_type!(@chain $a)>))} $c ())
            (sequence $t $m); $($rest)* }
    };
    ((($head:tt [{(Each $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (sequence $u:tt $m:tt)) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Each<{ $t }, $crate::__network_type!(@chain $a)>))} $c ())
            (picture $t $u $m); $($rest)* }
    };
    ((($head:tt [{(Reversed $t:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (sequence $u:tt $m:tt)) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Reversed<{ $t }, $crate::__network_type!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Reversed[..]", "the positions of its input and its output differ", &[$t], &[$u]);
            }
            ()) (sequence $t $m); $($rest)* }
    };
    ((($head:tt [{(Present) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head $stack) $n {$a0 ($p0 ($crate::layers::Present<$crate::__network_type!(@chain $a)>))} $c ())
            $to; $($rest)* }
    };
    ((($head:tt [{(TiedEmbedding $t:tt $v:tt $d:tt ($($token:ty)?)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt])
        $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::TiedEmbedding<{ $t }, { $v }, { $d }, $crate::__network_type!(@chain $a) $(, $token)?>))}
            {
                $c
                $crate::layers::network::same($n0, "TiedEmbedding(..)[..]",
                    "the frames of its tokens, and those of which it makes scores, differ",
                    $crate::__network_type!(@dims $from), $crate::__network_type!(@dims $to));
            }
            ()) (sequence $t $v); $($rest)* }
    };
    // The first branch, then the second.
    ((($head:tt [{($join:tt {$($second:tt)*}) $n0:tt $a0:tt $p0:tt $from:tt $rest:tt} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head [{($join $a $to) $n0 $a0 $p0 $from $rest} $stack]) $n {} $c ()) $from; $($second)* }
    };
    ((($head:tt [{(Sum $first:tt $one:tt) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) $to:tt) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network_type!(@chain $first), $crate::__network_type!(@chain $a)>))}
            {
                $c
                $crate::layers::network::same($n0, "Sum[..]", "the outputs of its branches, which it adds, differ",
                    $crate::__network_type!(@dims $one), $crate::__network_type!(@dims $to));
            }
            ()) $to; $($rest)* }
    };
    ((($head:tt [{(Concat $first:tt (row $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (row $two:tt)) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network_type!(@chain $first), $crate::__network_type!(@chain $a),
                $crate::layers::Concat<{ $one + $two }>>))}
            $c ()) (row ($one + $two)); $($rest)* }
    };
    ((($head:tt [{(Concat $first:tt (sequence $t:tt $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ())
        (sequence $u:tt $two:tt)) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network_type!(@chain $first), $crate::__network_type!(@chain $a),
                $crate::layers::ConcatChannels<{ $one + $two }>>))}
            {
                $c
                $crate::layers::network::same($n0, "Concat[..]", "the positions of its branches' outputs differ", &[$t], &[$u]);
            }
            ()) (sequence $t ($one + $two)); $($rest)* }
    };
    ((($head:tt [{(Concat $first:tt (picture $h:tt $w:tt $one:tt)) $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ())
        (picture $g:tt $v:tt $two:tt)) => {
        $crate::__network! { @ (($head $stack) $n
            {$a0 ($p0 ($crate::layers::Parallel<$crate::__network_type!(@chain $first), $crate::__network_type!(@chain $a),
                $crate::layers::ConcatChannels<{ $one + $two }>>))}
            {
                $c
                $crate::layers::network::same($n0, "Concat[..]", "the heights and widths of its branches' outputs differ",
                    &[$h, $w], &[$g, $v]);
            }
            ()) (picture $h $w ($one + $two)); $($rest)* }
    };
    ((($head:tt [{([CrossAttention $text:tt $heads:tt $groups:tt $sees:ident] $first:tt (sequence $t:tt $q:tt))
        $n0:tt $a0:tt $p0:tt $from:tt {$($rest:tt)*}} $stack:tt]) $n:tt $a:tt $c:tt ()) (sequence $u:tt $kv:tt)) => {
        $crate::__network! { @ (($head $stack) ($n + 1)
            {{$a0 ($p0 ($crate::layers::Parallel<$crate::__network_type!(@chain $first), $crate::__network_type!(@chain $a), $crate::layers::Both>))}
                (() ($crate::layers::CrossAttention<{ $t }, { $u }, { $heads }, { $crate::layers::network::head($q, $heads) }, { $groups },
                    { $kv }, { $q }, $crate::layers::$sees>))}
            {
                $c
                $crate::layers::network::across($n, $text, $q, $kv, $heads, $groups);
            }
            ()) (sequence $t $q); $($rest)* }
    };
    ((($head:tt [{([CrossAttention $($_:tt)*] $($more:tt)*) $($others:tt)*} $stack:tt]) $n:tt $a:tt $c:tt $p:tt) $to:tt) => {
        compile_error!("`CrossAttention(..)[..]`: its lists end in sequences: the first one in queries, the second one in keys and values");
    };
    ((($head:tt [{($list:tt $($_:tt)*) $($more:tt)*} $stack:tt]) $n:tt $a:tt $c:tt $p:tt) $to:tt) => {
        compile_error!(concat!("`", stringify!($list), "[..]`: its layers end in a shape that it cannot take"));
    };
}
