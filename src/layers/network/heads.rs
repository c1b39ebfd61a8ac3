//! Attention and rotary positions, of `network!`: layers that divide a frame among heads.
//!
//! The tokens are the layer's name and text, what was before it, the input's positions and numbers, and what comes
//! after it; its heads and groups; what a position sees, and `()` or the options of a rotation; or which numbers turn
//! together, how many of a head (`()` for all) and the base; and the options to come.

use super::message::Message;

/// The numbers of a head: `numbers` in `parts` equal ones.
pub const fn head(numbers: usize, parts: usize) -> usize {
    match numbers.checked_div(parts) {
        Some(head) => head,
        None => 0,
    }
}

/// The numbers of a frame of queries, keys and values, whose heads together are as wide as `width`.
pub const fn frame_of(width: usize, heads: usize, groups: usize) -> usize {
    width + 2 * groups * head(width, heads)
}

/// Panics with a message unless a frame is the queries of `heads`, and the keys and values of `groups`.
pub const fn frame(number: usize, layer: &str, numbers: usize, heads: usize, groups: usize) {
    let error = shared(number, layer, heads, groups);
    let parts = heads + 2 * groups;
    if numbers == 0 || !numbers.is_multiple_of(parts) {
        let error =
            error.text("its frames of ").number(numbers).text(" numbers do not divide into ").number(parts);
        let error = error
            .text(" heads, ")
            .number(heads)
            .text(" of queries, ")
            .number(groups)
            .text(" of keys, ")
            .number(groups);
        error
            .text(" of values: choose another size for the layer before it, ")
            .number(parts)
            .text(" times that of a head")
            .panic();
    }
    small(error, numbers / parts);
}

/// Panics with a message unless `width` divides into `heads`.
pub const fn width(number: usize, layer: &str, width: usize, heads: usize, groups: usize) {
    let error = shared(number, layer, heads, groups);
    if width == 0 || !width.is_multiple_of(heads) {
        let error = error.text("its width of ").number(width).text(" is no multiple of its ").number(heads);
        let above = heads * (width / heads + 1);
        let error = error.text(" heads: choose ");
        if width > heads { error.number(above - heads).text(" or ") } else { error }.number(above).panic();
    }
    small(error, width / heads);
}

/// Panics with a message unless `queries` divide into `heads`, and the `keys` and values are `groups` heads of that size.
pub const fn across(number: usize, layer: &str, queries: usize, keys: usize, heads: usize, groups: usize) {
    width(number, layer, queries, heads, groups);
    let expected = frame_of(queries, heads, groups) - queries;
    if keys != expected {
        let error =
            shared(number, layer, heads, groups).text("its second list ends in frames of ").number(keys);
        let error = error
            .text(" numbers, but keys and values of ")
            .number(groups)
            .text(" heads of ")
            .number(queries / heads);
        error.text(" have ").number(expected).panic();
    }
}

/// Panics with a message unless `first` numbers of a head are pairs.
pub const fn turned(number: usize, layer: &str, head: usize, first: usize) {
    if first > head || !first.is_multiple_of(2) {
        let error = Message::of(number, layer).text("it turns pairs of the first ").number(first);
        error
            .text(" numbers of heads of ")
            .number(head)
            .text(": choose an even number, at most that")
            .panic();
    }
}

/// A message, unless `heads` do not divide into `groups`.
const fn shared(number: usize, layer: &str, heads: usize, groups: usize) -> Message {
    let error = Message::of(number, layer);
    if heads == 0 || groups == 0 || !heads.is_multiple_of(groups) {
        let error = error.number(heads).text(" heads do not divide into ").number(groups).text(" groups");
        error.text(": choose groups that divide the heads").panic();
    }
    error
}

const fn small(error: Message, head: usize) {
    if head >= 512 {
        error
            .text("its heads of ")
            .number(head)
            .text(" numbers are too large: choose more heads, of fewer than 512")
            .panic();
    }
}

/// Takes one option of a layer with heads after another, then adds the layer: see this file's documentation.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_heads {
    (@attention $x:tt $heads:tt $g:tt $sees:tt $rotary:tt [groups $groups:expr $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @attention $x $heads ($groups) $sees $rotary [$($($o)*)?] }
    };
    (@attention $x:tt $heads:tt $g:tt $sees:tt $rotary:tt [Causal $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @attention $x $heads $g Causal $rotary [$($($o)*)?] }
    };
    (@attention $x:tt $heads:tt $g:tt $sees:tt $rotary:tt [Everything $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @attention $x $heads $g Everything $rotary [$($($o)*)?] }
    };
    (@attention $x:tt $heads:tt $g:tt $sees:tt $rotary:tt [PresentOnly $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @attention $x $heads $g PresentOnly $rotary [$($($o)*)?] }
    };
    (@attention {SelfAttention $($x:tt)*} $heads:tt $g:tt $sees:tt $rotary:tt [Rotary $(($($args:tt)*))? $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @attention {SelfAttention $($x)*} $heads $g $sees (Rotary $($($args)*)?) [$($($o)*)?] }
    };

    // All options are known.
    (@attention {Attention $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) [$t:tt $m:tt] {$($rest:tt)*}}
        $heads:tt $g:tt $sees:ident () []) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p (Attention<{ $t }, { $heads }, { $crate::layers::network::head($m, $heads + 2 * $g) }, { $g }, { $m },
                { $heads * $crate::layers::network::head($m, $heads + 2 * $g) }, $crate::layers::$sees>))}
            {
                $c
                $crate::layers::network::frame($n, $text, $m, $heads, $g);
            }
            ())
            (sequence $t ($heads * $crate::layers::network::head($m, $heads + 2 * $g))); $($rest)* }
    };
    (@attention {CrossAttention $text:tt (($head:tt $stack:tt) $n:tt $a:tt $c:tt $p:tt) $shape:tt {$($one:tt)*} $two:tt $rest:tt}
        $heads:tt $g:tt $sees:ident () []) => {
        $crate::__network! { @ (($head [{([CrossAttention $text $heads $g $sees] $two) $n $a $p $shape $rest} $stack]) $n {} $c ())
            $shape; $($one)* }
    };
    // Two dense layers around attention. What is absent stays absent if no position sees it.
    (@attention {SelfAttention $text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) [$t:tt $m:tt] {$($rest:tt)*}}
        $heads:tt $g:tt $sees:ident $rotary:tt []) => {
        $crate::__network_heads! { @between $rotary $text
            ($s ($n + 1)
                {$a ($p ($crate::layers::Each<{ $t },
                    $crate::__network_type!(@absent $sees Dense<{ $m }, { $crate::layers::network::frame_of($m, $heads, $g) }>)>))}
                {
                    $c
                    $crate::layers::network::width($n, $text, $m, $heads, $g);
                }
                ())
            [$t ($crate::layers::network::frame_of($m, $heads, $g))]
            {$crate::layers::Each<{ $t }, $crate::__network_type!(@absent $sees Dense<{ $m }, { $m }>)> => [$t, $m], $($rest)*}
            $heads $g $sees }
    };
    (@between () $text:tt $z:tt $from:tt $rest:tt $heads:tt $g:tt $sees:ident) => {
        $crate::__network_heads! { @attention {Attention $text $z $from $rest} $heads $g $sees () [] }
    };
    (@between (Rotary $($o:tt)*) $text:tt $z:tt $from:tt {$($rest:tt)*} $heads:tt $g:tt $sees:ident) => {
        $crate::__network_heads! { @rotary {$text $z $from {Attention($heads, groups $g, $sees), $($rest)*}}
            $heads $g Halves () (10_000) [$($o)*] }
    };
    (@attention {$name:tt ($($text:tt)*) $($_:tt)*} $($more:tt)*) => {
        compile_error!(concat!("`", $($text)*, "`: after the heads come `groups 2`, `Causal`, `Everything` or `PresentOnly`, and in ",
            "`SelfAttention` also `Rotary` or `Rotary(base 500_000)`"));
    };

    (@rotary $x:tt $heads:tt $g:tt $pairs:tt $first:tt $base:tt [groups $groups:expr $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @rotary $x $heads ($groups) $pairs $first $base [$($($o)*)?] }
    };
    (@rotary $x:tt $heads:tt $g:tt $pairs:tt $first:tt $base:tt [Halves $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @rotary $x $heads $g Halves $first $base [$($($o)*)?] }
    };
    (@rotary $x:tt $heads:tt $g:tt $pairs:tt $first:tt $base:tt [Neighbours $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @rotary $x $heads $g Neighbours $first $base [$($($o)*)?] }
    };
    (@rotary $x:tt $heads:tt $g:tt $pairs:tt $r:tt $base:tt [first $first:expr $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @rotary $x $heads $g $pairs ($first) $base [$($($o)*)?] }
    };
    (@rotary $x:tt $heads:tt $g:tt $pairs:tt $first:tt $b:tt [base $base:expr $(, $($o:tt)*)?]) => {
        $crate::__network_heads! { @rotary $x $heads $g $pairs $first ($base) [$($($o)*)?] }
    };
    (@rotary {$text:tt $z:tt [$t:tt $m:tt] $rest:tt} $heads:tt $g:tt $pairs:tt () $base:tt []) => {
        $crate::__network_heads! { @rotary {$text $z [$t $m] $rest} $heads $g $pairs
            ($crate::layers::network::head($m, $heads + 2 * $g)) $base [] }
    };
    // All options are known.
    (@rotary {$text:tt ($s:tt $n:tt $a:tt $c:tt $p:tt) [$t:tt $m:tt] {$($rest:tt)*}}
        $heads:tt $g:tt $pairs:ident $first:tt $base:tt []) => {
        $crate::__network! { @ ($s ($n + 1)
            {$a ($p (Rotary<{ $t }, { $m }, { $heads + $g }, { $crate::layers::network::head($m, $heads + 2 * $g) },
                $crate::layers::$pairs, { $first }, { $base }>))}
            {
                $c
                $crate::layers::network::frame($n, $text, $m, $heads, $g);
                $crate::layers::network::turned($n, $text, $crate::layers::network::head($m, $heads + 2 * $g), $first);
            }
            ())
            (sequence $t $m); $($rest)* }
    };
    (@rotary {($($text:tt)*) $($_:tt)*} $($more:tt)*) => {
        compile_error!(concat!("`", $($text)*, "`: after the heads come `groups 2`, `Halves` or `Neighbours`, `first 32` (numbers of a head that ",
            "turn) and `base 500_000`"));
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_divides() {
        for (heads, groups) in [(1, 1), (4, 4), (4, 2), (6, 1)] {
            for size in [1, 2, 511] {
                let (numbers, all) = (heads * size, frame_of(heads * size, heads, groups));
                width(1, "", numbers, heads, groups);
                frame(1, "", all, heads, groups);
                across(1, "", numbers, all - numbers, heads, groups);
                assert_eq!((head(all, heads + 2 * groups), all), (size, numbers + 2 * groups * size));
            }
        }
        turned(1, "", 5, 4);
        turned(1, "", 6, 6);
        assert_eq!((head(3, 0), frame_of(8, 0, 2)), (0, 8));
    }

    #[test]
    #[should_panic(
        expected = "layer 3, `SelfAttention(4)`: its width of 130 is no multiple of its 4 heads: choose 128 or 132"
    )]
    fn uneven() {
        width(3, "SelfAttention(4)", 130, 4, 4);
    }

    #[test]
    #[should_panic(expected = "its width of 3 is no multiple of its 4 heads: choose 4")]
    fn narrow() {
        width(3, "SelfAttention(4)", 3, 4, 4);
    }

    #[test]
    #[should_panic(
        expected = "layer 2, `Attention(4, groups 3)`: 4 heads do not divide into 3 groups: choose groups"
    )]
    fn groups_that_do_not_divide() {
        frame(2, "Attention(4, groups 3)", 100, 4, 3);
    }

    #[test]
    #[should_panic(expected = "0 heads do not divide into 1 groups")]
    fn no_heads() {
        width(2, "SelfAttention(0, groups 1)", 4, 0, 1);
    }

    #[test]
    #[should_panic(expected = "4 heads do not divide into 0 groups")]
    fn no_groups() {
        frame(2, "Attention(4, groups 0)", 4, 4, 0);
    }

    #[test]
    #[should_panic(
        expected = "layer 2, `Attention(4, groups 2)`: its frames of 100 numbers do not divide into 8 heads, 4 of queries, \
                    2 of keys, 2 of values: choose another size for the layer before it, 8 times that of a head"
    )]
    fn frames() {
        frame(2, "Attention(4, groups 2)", 100, 4, 2);
    }

    #[test]
    #[should_panic(expected = "its heads of 512 numbers are too large: choose more heads, of fewer than 512")]
    fn large() {
        frame(2, "Attention(1)", 3 * 512, 1, 1);
    }

    #[test]
    #[should_panic(
        expected = "its second list ends in frames of 24 numbers, but keys and values of 2 heads of 4 have 16"
    )]
    fn keys_and_values() {
        across(4, "CrossAttention(4, groups 2)", 16, 24, 4, 2);
    }

    #[test]
    #[should_panic(
        expected = "layer 2, `Rotary(4)`: it turns pairs of the first 5 numbers of heads of 5: choose an even number"
    )]
    fn unpaired() {
        turned(2, "Rotary(4)", 5, 5);
    }

    #[test]
    #[should_panic(expected = "it turns pairs of the first 8 numbers of heads of 6")]
    fn more_than_a_head() {
        turned(2, "Rotary(4, first 8)", 6, 8);
    }
}
