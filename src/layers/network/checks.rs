//! The checks that [`network!`](crate::network) makes of a network when it is compiled, and the text of their errors.

use super::message::Message;
use crate::layers::picture::output_len;
use crate::layers::{Layer, Pad, Padding, Steps, View};

/// Compiles only if the sizes in the network `N` match.
pub const fn check<N: Layer>() {
    const { N::CHECK }
}

/// The layer `F` with rows of `I` seen as its input.
pub type Seen<I, F> = View<I, F, <F as Layer>::Output>;

/// [`output_len`] with the padding `P`.
pub const fn outputs<P: Pad>(input: usize, kernel: usize, stride: usize, dilation: usize) -> usize {
    output_len(input, kernel, stride, dilation, P::PADDING)
}

/// The number of outputs of a transposed convolution: with `Same` and `Causal` `stride` for each input, else the
/// number for which a convolution's windows end where its input does. [`output_len`] of it is `input`, or it is 0.
pub const fn transposed_outputs<P: Pad>(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> usize {
    transposed_len(input, kernel, stride, dilation, P::PADDING)
}

const fn transposed_len(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> usize {
    let span = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
    let all = input.saturating_sub(1).saturating_mul(stride).saturating_add(span);
    match padding {
        Padding::Same | Padding::Causal => input.saturating_mul(stride),
        Padding::Valid => all,
        // As `output_len`: such an axis is not padded.
        Padding::Around(_) if input == 1 && kernel == 1 => 1,
        Padding::Around(around) if around >= span => 0,
        Padding::Around(around) => all.saturating_sub(around.saturating_mul(2)),
    }
}

/// Panics with a message unless the window `G` of `kernel` taps fits a sequence of `input` positions, or a picture of
/// `input` rows and columns.
pub const fn window<G: Steps>(number: usize, layer: &str, input: &[usize], kernel: &[usize]) {
    let names = if input.len() == 1 { ["positions", ""] } else { ["rows", "columns"] };
    let mut axis = 0;
    while axis < input.len() {
        along::<G>(Message::of(number, layer), axis, input[axis], kernel[axis], names[axis]);
        axis += 1;
    }
}

/// [`window`] for a transposed convolution, whose windows are on its outputs.
pub const fn transposed<G: Steps>(number: usize, layer: &str, input: &[usize], kernel: &[usize]) {
    let mut outputs = [0; 2];
    let mut axis = 0;
    while axis < 2 {
        outputs[axis] =
            transposed_len(input[axis], kernel[axis], G::STRIDE[axis], G::DILATION[axis], G::PADDING);
        axis += 1;
    }
    window::<G>(number, layer, &outputs, kernel);
}

const fn along<G: Steps>(error: Message, axis: usize, input: usize, kernel: usize, positions: &str) {
    let (stride, dilation, padding) = (G::STRIDE[axis], G::DILATION[axis], G::PADDING);
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
    if input == 0 {
        error.text("its padding leaves it no outputs").panic();
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

/// Panics with a message unless `groups` divides the number of channels.
pub const fn divided(number: usize, layer: &str, channels: usize, groups: usize) {
    if groups == 0 || !channels.is_multiple_of(groups) {
        let error = Message::of(number, layer).number(channels).text(" channels do not divide into ");
        error.number(groups).text(" groups").panic();
    }
}

/// Panics with a message unless a row has two halves.
pub const fn halved(number: usize, layer: &str, inputs: usize) {
    if !inputs.is_multiple_of(2) {
        Message::of(number, layer).text("its ").number(inputs).text(" inputs are no two halves").panic();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Around, Same, Valid, Window};

    type Over<P, const S: usize = 1, const D: usize = 1> = Window<P, S, S, D, D>;

    #[test]
    fn what_fits() {
        window::<Over<Same, 2>>(1, "", &[3, 5], &[7, 1]);
        window::<Over<Valid>>(1, "", &[3, 5], &[3, 5]);
        window::<Over<Around<1>, 2>>(1, "", &[4, 5], &[3, 3]);
        window::<Over<Valid, 2>>(1, "", &[5], &[3]);
        groups(1, "", 6, 4, 2);
        divided(1, "", 6, 3);
        halved(1, "", 6);
        same(1, "", "", &[1, 2], &[1, 2]);
        reshape(1, "", &[6], &[1, 2, 3]);
    }

    #[test]
    #[should_panic(
        expected = "layer 12, `Conv2d(8, 5)`: its kernel is larger than its input: 9 columns, the input has 8"
    )]
    fn larger() {
        window::<Over<Valid, 1, 2>>(12, "Conv2d(8, 5)", &[9, 8], &[5, 5]);
    }

    #[test]
    #[should_panic(
        expected = "layer 3, `Pool`: it would drop 1 of 7 rows, which a kernel of 2 with stride 2"
    )]
    fn dropped() {
        window::<Over<Valid, 2>>(3, "Pool", &[7, 8], &[2, 2]);
    }

    #[test]
    #[should_panic(expected = "`Pool`: it pads by 2, as much as its kernel covers (2 rows)")]
    fn padded() {
        window::<Over<Around<2>>>(3, "Pool", &[7, 8], &[2, 2]);
    }

    #[test]
    #[should_panic(
        expected = "layer 2, `Conv1d(8, 5)`: its kernel is larger than its input: 5 positions, the input has 4"
    )]
    fn sequences() {
        window::<Over<Valid>>(2, "Conv1d(8, 5)", &[4], &[5]);
    }

    /// A convolution goes back to where a transposed one comes from.
    #[test]
    fn back() {
        let around = (0..4).map(Padding::Around);
        for padding in [Padding::Valid, Padding::Same, Padding::Causal].into_iter().chain(around) {
            for sizes in 0..8 * 5 * 4 * 3 {
                let [input, kernel] = [sizes % 8 + 1, sizes / 8 % 5 + 1];
                let [stride, dilation] = [sizes / 40 % 4 + 1, sizes / 160 + 1];
                let outputs = transposed_len(input, kernel, stride, dilation, padding);
                let back = output_len(outputs, kernel, stride, dilation, padding);
                assert!(
                    back == input || (outputs == 0 && matches!(padding, Padding::Around(1..))),
                    "{sizes}"
                );
            }
        }
        assert_eq!(transposed_len(5, 3, 2, 1, Padding::Same), 10);
        assert_eq!(transposed_len(5, 3, 2, 2, Padding::Valid), 13);
        assert_eq!(transposed_len(5, 3, 2, 1, Padding::Around(1)), 9);
    }

    #[test]
    #[should_panic(expected = "layer 1, `Transposed`: its padding leaves it no outputs")]
    fn nothing_left() {
        transposed::<Over<Around<1>, 2>>(1, "Transposed", &[4, 1], &[3, 2]);
    }

    #[test]
    #[should_panic(
        expected = "layer 1, `Transposed`: it pads by 2, as much as its kernel covers (2 columns)"
    )]
    fn padded_transposed() {
        transposed::<Over<Around<2>>>(1, "Transposed", &[7, 8], &[3, 2]);
    }

    #[test]
    #[should_panic(expected = "a kernel, a stride or a dilation of 0")]
    fn nothing_transposed() {
        transposed::<Over<Same>>(1, "Transposed", &[7, 8], &[3, 0]);
    }

    #[test]
    #[should_panic(expected = "a kernel, a stride or a dilation of 0")]
    fn nothing() {
        window::<Over<Same, 0>>(3, "Pool", &[7, 8], &[2, 2]);
    }

    #[test]
    #[should_panic(expected = "6 channels and 5 filters do not divide into 3 groups")]
    fn grouped() {
        groups(1, "Conv2d", 6, 5, 3);
    }

    #[test]
    #[should_panic(expected = "layer 2, `GroupNorm(4)`: 6 channels do not divide into 4 groups")]
    fn normalised_in_groups() {
        divided(2, "GroupNorm(4)", 6, 4);
    }

    #[test]
    #[should_panic(expected = "layer 2, `Gated(Silu)`: its 7 inputs are no two halves")]
    fn gates_without_values() {
        halved(2, "Gated(Silu)", 7);
    }

    #[test]
    #[should_panic(expected = "6 channels do not divide into 0 groups")]
    fn no_groups() {
        divided(2, "GroupNorm(0)", 6, 0);
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
