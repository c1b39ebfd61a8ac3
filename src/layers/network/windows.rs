//! Layers that move a window over pictures and sequences, of `network!`: convolutions and pools.
//!
//! The tokens are the layer's name, its check and its number of outputs, its text, what was before and what comes after it; the
//! input's positions and channels; kernel, stride, dilation and padding; what it has of `groups` or `multiplier`, its outputs'
//! channels, further arguments of its type, and the groups; and the options to come, last an activation.

/// Takes one option of a window after another, then adds the layer: see this file's documentation.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_window {
    ($x:tt [$h:tt $w:tt] $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [stride [$sh:expr, $sw:expr] $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x [$h $w] $m $k [($sh) ($sw)] $d $pad $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [stride $both:expr $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k [($both) ($both)] $d $pad $f [$($($o)*)?] }
    };
    ($x:tt [$h:tt $w:tt] $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [dilation [$dh:expr, $dw:expr] $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x [$h $w] $m $k $stride [($dh) ($dw)] $pad $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [dilation $both:expr $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride [($both) ($both)] $pad $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Same $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d ($crate::layers::Same) $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Valid $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d ($crate::layers::Valid) $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Causal $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d ($crate::layers::Causal) $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt $f:tt [Around($around:expr) $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d ($crate::layers::Around<{ $around }>) $f [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (groups $f:tt $args:tt $g:tt) [groups $groups:expr $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d $pad (groups $f [($m / $groups) $f] ($groups)) [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (multiplier $f:tt $args:tt $g:tt) [multiplier $times:expr $(, $($o:tt)*)?]) => {
        $crate::__network_window! { $x $from $m $k $stride $d $pad (multiplier ($m * $times) [($m * $times)] $m) [$($($o)*)?] }
    };
    ($x:tt $from:tt $m:tt $k:tt $stride:tt $d:tt $pad:tt (pool $($f:tt)*) [$($wrong:tt)+]) => { $crate::__network_window! { $x } };
    // All options are known.
    (($name:ident $check:ident $outputs:ident $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) {$($rest:tt)*}) [$h:tt $w:tt] $m:tt
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
    (($name:ident $check:ident $outputs:ident $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) {$($rest:tt)*}) [$t:tt] $m:tt
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
    (($name:tt $check:tt $outputs:tt ($($text:tt)*) $($_:tt)*) $($more:tt)*) => {
        compile_error!(concat!("`", $($text)*, "`: after the kernel come `stride 2` or, on a picture, `stride [2, 1]`, `dilation 2`, `Same`, `Valid`, ",
            "`Causal`, `Around(1)`, `groups 2` (`Conv2d`, `Conv1d`), `multiplier 2` (depthwise), and last an activation, except of pooling"));
    };
}
