//! The order of weights: tiles of four outputs by four inputs.
//!
//! ```text
//! four outputs    tile, tile, .. remainder      tile: 4 outputs of 4 weights, for 4 inputs in a row
//! four outputs    tile, tile, .. remainder      remainder: 4 outputs of the last `depth % 4` weights
//! the last `outputs % 4` of them                each its `depth` weights
//! ```
//!
//! As many bytes as in rows, so nothing is padded. A word is four inputs of one output and a tile sixteen bytes, which is what
//! the instructions of all cores want: `vpdpbusd` and `sdot` multiply words by words, `smlad` reads them one by one, and
//! Helium's `vld4` takes four tiles apart into four outputs.

/// Where the weight of an output and an input is, of so many outputs and inputs (`depth`): [`place`] or [`by_input`].
pub(crate) type Place = fn(outputs: usize, depth: usize, output: usize, input: usize) -> usize;

/// By input, as depthwise convolutions have them.
pub(crate) const fn by_input(outputs: usize, _: usize, output: usize, input: usize) -> usize {
    input * outputs + output
}

/// In the order of tiles.
pub(crate) const fn place(outputs: usize, depth: usize, output: usize, input: usize) -> usize {
    let (whole, quads) = (outputs / 4 * 4, depth / 4 * 4);
    let start = output / 4 * 4 * depth;
    let within = output % 4;
    if output >= whole {
        output * depth + input
    } else if input < quads {
        start + input / 4 * 16 + within * 4 + input % 4
    } else {
        start + quads * 4 + within * (depth - quads) + input - quads
    }
}

/// Overwrites `tiles` with `rows`, the weights of an output in each, in the order of tiles. Both are as long.
pub(crate) const fn tile(rows: &[i8], tiles: &mut [i8], outputs: usize) {
    let depth = match outputs {
        0 => return,
        _ => rows.len() / outputs,
    };
    let mut output = 0;
    while output < outputs {
        let mut input = 0;
        while input < depth {
            let (from, to) = (output * depth + input, place(outputs, depth, output, input));
            // Never past the end of slices of the same length; this says so to the compiler.
            if from < rows.len() && to < tiles.len() {
                tiles[to] = rows[from];
            }
            input += 1;
        }
        output += 1;
    }
}

/// Overwrites `columns` with `rows`, the weights of an output in each, by input. Both are as long.
pub(crate) const fn transpose(rows: &[i8], columns: &mut [i8], outputs: usize) {
    let depth = match outputs {
        0 => return,
        _ => rows.len() / outputs,
    };
    let mut i = 0;
    while i < outputs * depth {
        columns[by_input(outputs, depth, i / depth, i % depth)] = rows[i];
        i += 1;
    }
}

/// Takes `zero` times the sum of an output's weights off its bias, so that sums of products with inputs `x - zero` are sums of
/// products with `x`. Of each output, the weights are a row.
pub(crate) const fn fold(rows: &[i8], zero: i8, bias: &mut [i32]) {
    let depth = match bias.len() {
        0 => return,
        outputs => rows.len() / outputs,
    };
    let mut output = 0;
    while output < bias.len() {
        let (mut input, first) = (0, output * depth);
        while input < depth && first + input < rows.len() {
            let product = zero as i32 * rows[first + input] as i32;
            bias[output] = bias[output].wrapping_sub(product);
            input += 1;
        }
        output += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn every_place_is_taken_once() {
        for (outputs, depth) in [(1, 1), (4, 4), (4, 7), (5, 3), (7, 9), (8, 2), (9, 16), (3, 5)] {
            let mut taken = std::vec![false; outputs * depth];
            for output in 0..outputs {
                for input in 0..depth {
                    let at = place(outputs, depth, output, input);
                    assert!(
                        !core::mem::replace(&mut taken[at], true),
                        "{outputs} x {depth}: {output}, {input}"
                    );
                }
            }
        }
    }
}
