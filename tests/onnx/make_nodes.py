#!/usr/bin/env python3
"""Writes nodes.txt and rotations.txt: the node tests that the package onnx ships, of the operators that fusebox has
layers for.

    python3 -m venv venv && venv/bin/pip install onnx==1.19.1 numpy
    venv/bin/python make_nodes.py

Nothing is computed here: numbers change their order, channels first to channels last, and their type, to decimals.
README.md beside this file describes the layout, and names every case that is left out; this script checks that it does.
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

HERE = Path(__file__).parent
NODES = Path(onnx.__file__).parent / "backend/test/data/node"
LINES = []

CONV = """
basic_conv_with_padding basic_conv_without_padding conv_with_autopad_same
conv_with_strides_and_asymmetric_padding conv_with_strides_no_padding conv_with_strides_padding
"""
TRANSPOSED = """
convtranspose convtranspose_1d convtranspose_autopad_same convtranspose_dilations convtranspose_group_2
convtranspose_group_2_image_3 convtranspose_kernel_shape convtranspose_output_shape convtranspose_pad
convtranspose_pads
"""
MAX_POOL = """
maxpool_1d_default maxpool_2d_ceil maxpool_2d_ceil_output_size_reduce_by_one maxpool_2d_default
maxpool_2d_dilations maxpool_2d_pads maxpool_2d_precomputed_pads maxpool_2d_precomputed_same_upper
maxpool_2d_precomputed_strides maxpool_2d_same_lower maxpool_2d_same_upper maxpool_2d_strides maxpool_2d_uint8
maxpool_with_argmax_2d_precomputed_pads maxpool_with_argmax_2d_precomputed_strides
"""
AVERAGE_POOL = """
averagepool_1d_default averagepool_2d_ceil averagepool_2d_ceil_last_window_starts_on_pad
averagepool_2d_default averagepool_2d_dilations averagepool_2d_pads averagepool_2d_pads_count_include_pad
averagepool_2d_precomputed_pads averagepool_2d_precomputed_pads_count_include_pad
averagepool_2d_precomputed_same_upper averagepool_2d_precomputed_strides averagepool_2d_same_lower
averagepool_2d_same_upper averagepool_2d_strides
"""
GLOBAL_POOL = "globalaveragepool globalaveragepool_precomputed globalmaxpool globalmaxpool_precomputed"
GROUP_NORM = "group_normalization_epsilon group_normalization_example instancenorm_epsilon instancenorm_example"
BATCH_NORM = """
batchnorm_epsilon batchnorm_epsilon_training_mode batchnorm_example batchnorm_example_training_mode
"""
LAYER_NORM = """
layer_normalization_2d_axis0 layer_normalization_2d_axis1 layer_normalization_2d_axis_negative_1
layer_normalization_2d_axis_negative_2 layer_normalization_3d_axis0_epsilon
layer_normalization_3d_axis1_epsilon layer_normalization_3d_axis2_epsilon
layer_normalization_3d_axis_negative_1_epsilon layer_normalization_3d_axis_negative_2_epsilon
layer_normalization_3d_axis_negative_3_epsilon layer_normalization_4d_axis0 layer_normalization_4d_axis1
layer_normalization_4d_axis2 layer_normalization_4d_axis3 layer_normalization_4d_axis_negative_1
layer_normalization_4d_axis_negative_2 layer_normalization_4d_axis_negative_3
layer_normalization_4d_axis_negative_4 layer_normalization_default_axis
"""
RMS_NORM = LAYER_NORM.replace("layer_", "rms_")
PAD = "constant_pad constant_pad_axes constant_pad_negative_axes"
UPSAMPLE = """
resize_upsample_scales_nearest resize_upsample_scales_nearest_axes_2_3 resize_upsample_scales_nearest_axes_3_2
resize_upsample_sizes_nearest_not_smaller upsample_nearest
"""
ELEMENTWISE = """
clip_default_min gelu_default_1 gelu_default_2 gelu_tanh_1 gelu_tanh_2 leakyrelu leakyrelu_default leakyrelu_example relu sigmoid
sigmoid_example swish tanh tanh_example
"""
SOFTMAX = """
softmax_axis_0 softmax_axis_1 softmax_axis_2 softmax_default_axis softmax_example softmax_large_number
softmax_negative_axis
"""

RECURRENT = """
gru_batchwise gru_defaults gru_with_initial_bias lstm_batchwise lstm_defaults lstm_with_initial_bias
rnn_seq_length simple_rnn_batchwise simple_rnn_defaults simple_rnn_with_initial_bias
"""

ATTENTION = """
attention_3d attention_3d_attn_mask attention_3d_causal attention_3d_diff_heads_sizes
attention_3d_diff_heads_sizes_attn_mask attention_3d_diff_heads_sizes_causal attention_3d_diff_heads_sizes_scaled
attention_3d_diff_heads_with_past_and_present attention_3d_scaled attention_3d_transpose_verification
attention_3d_with_past_and_present attention_3d_with_past_and_present_qk_matmul
attention_3d_with_past_and_present_qk_matmul_bias attention_3d_with_past_and_present_qk_matmul_softmax attention_4d
attention_4d_attn_mask attention_4d_attn_mask_3d attention_4d_attn_mask_3d_causal attention_4d_attn_mask_4d
attention_4d_attn_mask_4d_causal attention_4d_attn_mask_bool attention_4d_attn_mask_bool_4d attention_4d_causal
attention_4d_diff_heads_mask4d_padded_kv attention_4d_diff_heads_sizes attention_4d_diff_heads_sizes_attn_mask
attention_4d_diff_heads_sizes_causal attention_4d_diff_heads_sizes_scaled
attention_4d_diff_heads_with_past_and_present attention_4d_gqa attention_4d_gqa_attn_mask attention_4d_gqa_causal
attention_4d_gqa_scaled attention_4d_gqa_with_past_and_present attention_4d_scaled attention_4d_with_past_and_present
attention_4d_with_past_and_present_qk_matmul attention_4d_with_past_and_present_qk_matmul_bias
attention_4d_with_past_and_present_qk_matmul_bias_3d_mask
attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal
attention_4d_with_past_and_present_qk_matmul_bias_4d_mask
attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal attention_4d_with_qk_matmul
attention_4d_with_qk_matmul_bias attention_4d_with_qk_matmul_softmax
"""
ROTARY = """
rotary_embedding rotary_embedding_3d_input rotary_embedding_interleaved rotary_embedding_no_position_ids
rotary_embedding_no_position_ids_interleaved rotary_embedding_no_position_ids_rotary_dim
rotary_embedding_with_interleaved_rotary_dim rotary_embedding_with_rotary_dim
"""

# Every case of these is in the lists above, or README.md says why not.
OPERATORS = set(
    """Attention AveragePool BatchNormalization Clip Conv ConvTranspose Gelu GlobalAveragePool GlobalMaxPool
    GroupNormalization GRU InstanceNormalization LayerNormalization LeakyRelu LSTM MaxPool Pad PRelu
    RMSNormalization Relu Resize RNN RotaryEmbedding Sigmoid Softmax Swish Tanh Upsample""".split()
)


class Case:
    """A node, its inputs and its outputs."""

    def __init__(self, name):
        folder = NODES / f"test_{name}"
        self.name = name
        self.operators = [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]
        self.node = onnx.load(folder / "model.onnx").graph.node[0]
        self.folder = folder / "test_data_set_0"

    def arrays(self, kind):
        paths = [self.folder / f"{kind}_{i}.pb" for i in range(len(list(self.folder.glob(f"{kind}_*.pb"))))]
        return [numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in paths]

    def attribute(self, name, default):
        found = [of for of in self.node.attribute if of.name == name]
        return onnx.helper.get_attribute_value(found[0]) if found else default


def section(text):
    LINES.append(f"# {text}")


def write(case, **fields):
    """Shapes and numbers; a float32 is the shortest decimal that reads back as itself."""
    for field, numbers in fields.items():
        numbers = np.asarray(numbers).ravel()
        if numbers.dtype == np.float32:
            assert np.isfinite(numbers).all()
            words = [str(x).removesuffix(".0") for x in numbers]
        else:
            words = map(str, numbers)
        LINES.append(f"{case} {field} {' '.join(words)}")


def last(x):
    """Channels last; what has one axis of positions becomes a picture of one row."""
    x = x[:, :, None] if x.ndim == 3 else x
    assert x.ndim == 4
    return x.transpose(0, 2, 3, 1)


def of(names):
    for name in names.split():
        case = Case(name)
        yield case, case.arrays("input"), case.arrays("output")


PICTURES = {}


def picture(case, x, y):
    """`x` and `y`, channels last. The large pictures, which are the same in many cases, are written once."""
    x, y = last(x), last(y)
    write(case.name, input=x.shape, output=y.shape)
    if x.size > 1000:
        size = x.shape[1]
        if size not in PICTURES:
            PICTURES[size] = x
            write(f"picture_{size}", x=x)
        assert np.array_equal(PICTURES[size], x)
        write(case.name, picture=[size])
    else:
        write(case.name, x=x)
    write(case.name, y=y)


def convolutions():
    section("Convolutions; weight: rows of taps, taps, channels, filters")
    for case, (x, weight), (y,) in of(CONV):
        picture(case, x, y)
        write(case.name, weight=weight.transpose(2, 3, 1, 0))
    section("Transposed convolutions; weight: rows of taps, taps, channels of the output, channels of the input")
    for case, (x, weight), (y,) in of(TRANSPOSED):
        picture(case, x, y)
        weight = weight[:, :, None] if weight.ndim == 3 else weight
        # A group is a block of a matrix that is zero elsewhere.
        groups = case.attribute("group", 1)
        channels, filters = weight.shape[0] // groups, weight.shape[1]
        whole = np.zeros((weight.shape[0], filters * groups, *weight.shape[2:]), weight.dtype)
        for group in range(groups):
            rows = slice(group * channels, (group + 1) * channels)
            whole[rows, group * filters : (group + 1) * filters] = weight[rows]
        write(case.name, weight=whole.transpose(2, 3, 1, 0))


def pools():
    section("Pools")
    for case, (x,), (y, *_) in of(f"{MAX_POOL} {AVERAGE_POOL} {GLOBAL_POOL}"):
        picture(case, x, y)


def norms():
    section("Batch normalisation")
    for case, (x, weight, bias, mean, variance), (y, *after) in of(BATCH_NORM):
        picture(case, x, y)
        write(case.name, weight=weight, bias=bias, mean=mean, variance=variance)
        write(case.name, epsilon=np.float32(case.attribute("epsilon", 1e-5)))
        if after:
            write(case.name, mean_after=after[0], variance_after=after[1])
    section("Group and instance normalisation; groups: as many as channels in the latter")
    for case, (x, weight, bias), (y,) in of(GROUP_NORM):
        picture(case, x, y)
        write(case.name, weight=weight, bias=bias, groups=[case.attribute("num_groups", x.shape[1])])
        write(case.name, epsilon=np.float32(case.attribute("epsilon", 1e-5)))
    section("Layer normalisation, of rows")
    for case, (x, weight, bias), (y, *_) in of(LAYER_NORM):
        length = weight.size
        write(case.name, input=[x.size // length, length], output=[y.size // length, length])
        write(case.name, x=x, y=y, weight=weight, bias=bias, epsilon=np.float32(case.attribute("epsilon", 1e-5)))
    section("Normalisation by the root mean square, of rows")
    for case, (x, weight), (y,) in of(RMS_NORM):
        length = weight.size
        write(case.name, input=[x.size // length, length], output=[y.size // length, length])
        write(case.name, x=x, y=y, weight=weight, epsilon=np.float32(case.attribute("epsilon", 1e-5)))


def larger():
    section("Padding, above, to the left, below and to the right, with `value`")
    for case, (x, pads, value, *axes), (y,) in of(PAD):
        axes = axes[0] % 4 if axes else np.arange(4)
        around = np.zeros((2, 4), int)
        around[:, axes] = pads.reshape(2, len(axes))
        assert not around[:, :2].any() and not np.isin(value, x)
        picture(case, x, y)
        write(case.name, pads=around[:, 2:], value=value)
    section("Upsampling to the nearest")
    for case, (x, *_), (y,) in of(UPSAMPLE):
        picture(case, x, y)


def functions():
    section("Functions of numbers, in one row")
    for case, (x, *_), (y,) in of(ELEMENTWISE):
        write(case.name, input=[1, x.size], output=[1, y.size], x=x, y=y)
    section("Softmax of rows: those along the case's axis")
    for case, (x,), (y,) in of(SOFTMAX):
        x, y = (np.moveaxis(of, case.attribute("axis", -1), -1) for of in (x, y))
        shape = [x.size // x.shape[-1], x.shape[-1]]
        write(case.name, input=shape, output=shape, x=x, y=y)


# onnx's gates in fusebox's order: z, r, h as r, z, n; i, o, f, c as i, f, g, o.
GATES = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}


def recurrent():
    section("Recurrent layers; weight: gates, outputs, inputs; recurrent: gates, outputs, outputs")
    for case, (x, weight, recurrent, *more), (*_, y) in of(RECURRENT):
        order, hidden = GATES[case.node.op_type], recurrent.shape[-1]

        def gates(of):
            return of.reshape(len(order), hidden, -1)[order]

        bias = more[0] if more else np.zeros(2 * len(order) * hidden, np.float32)
        # Of layout 0 positions come first, and a direction before the sequences in y.
        x = x if case.attribute("layout", 0) else x.swapaxes(0, 1)
        y = y.reshape(len(x), hidden)
        bias, recurrent_bias = bias.reshape(2, -1)
        write(case.name, input=x.shape, output=y.shape, x=x, y=y, weight=gates(weight), recurrent=gates(recurrent))
        write(case.name, bias=gates(bias), recurrent_bias=gates(recurrent_bias))


def frames(x, heads):
    """`[batch][position][head][number]`."""
    return x.swapaxes(1, 2) if x.ndim == 4 else x.reshape(*x.shape[:2], heads, -1)


ARRAYS = {}


def array(x):
    """The number of an array, which is written once: most cases have the same queries, keys and values."""
    key = (x.shape, x.tobytes())
    if key not in ARRAYS:
        ARRAYS[key] = len(ARRAYS)
        write(f"array_{ARRAYS[key]}", shape=x.shape, x=x)
    return [ARRAYS[key]]


def attention():
    section("Attention; arrays by their numbers")
    for case, inputs, outputs in of(ATTENTION):
        inputs = dict(zip(filter(None, case.node.input), inputs, strict=True))
        outputs = dict(zip(filter(None, case.node.output), outputs, strict=True))
        heads, groups = (case.attribute(f"{of}_num_heads", None) for of in ["q", "kv"])
        keys, values = (frames(inputs[name], groups) for name in "KV")
        write(case.name, queries=array(frames(inputs["Q"], heads)), keys=array(keys), values=array(values))
        if "past_key" in inputs:
            past = [frames(inputs[name], None) for name in ["past_key", "past_value"]]
            for before, new, name in zip(past, [keys, values], ["present_key", "present_value"], strict=True):
                assert np.array_equal(np.concatenate([before, new], 1), frames(outputs[name], None))
            write(case.name, past_keys=array(past[0]), past_values=array(past[1]))
        if "attn_mask" in inputs:
            mask = inputs["attn_mask"]
            if mask.dtype == bool:
                assert mask.all(), "those there are hide nothing"
                mask = np.zeros(mask.shape, np.float32)
            write(case.name, mask=array(mask.reshape([1] * (4 - mask.ndim) + list(mask.shape))))
        if "nonpad_kv_seqlen" in inputs:
            write(case.name, visible=inputs["nonpad_kv_seqlen"])
        if (scale := case.attribute("scale", None)) is not None:
            write(case.name, scale=np.float32(scale))
        assert case.attribute("softcap", 0) == 0
        if case.attribute("qk_matmul_output_mode", 0) == 3:
            write(case.name, weights=outputs["qk_matmul_output"])
        write(case.name, outputs=array(frames(outputs["Y"], heads)))


def rotations():
    section("Rotations; angles of each frame: cosines, then sines")
    for case, (x, cosines, sines, *positions), (y,) in of(ROTARY):
        cosines, sines = (of[positions[0]] if positions else of for of in (cosines, sines))
        x, y = (frames(of, case.attribute("num_heads", None)) for of in (x, y))
        write(case.name, shape=x.shape, pairs=[cosines.shape[-1]], neighbours=[case.attribute("interleaved", 0)])
        write(case.name, angles=np.concatenate([cosines, sines], -1), x=x, y=y)


def check_complete(written):
    """Every case of the operators is written, or README.md says why not."""
    readme = (HERE / "README.md").read_text()
    for folder in sorted(NODES.glob("test_*")):
        name = folder.name.removeprefix("test_")
        # Such a case has the numbers of the one without the ending, for a graph of smaller operators.
        if "_expanded" in name or name in written:
            continue
        if OPERATORS.intersection(Case(name).operators):
            assert f"`{name}`" in readme, f"{name} is neither written nor named in README.md"


def save(name):
    """Writes the lines so far to a file; returns the cases."""
    cases = {line.split()[0] for line in LINES if not line.startswith("#")}
    cases = {case for case in cases if not case.startswith(("picture_", "array_"))}
    path = HERE / name
    path.write_text("\n".join(LINES) + "\n")
    LINES.clear()
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes, {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return cases


def begin():
    section(f"Node tests of onnx {onnx.__version__} (Apache-2.0); written by make_nodes.py, described in README.md.")
    section("case  field  numbers, row after row")


def main():
    begin()
    convolutions()
    pools()
    norms()
    larger()
    functions()
    recurrent()
    attention()
    written = save("nodes.txt")
    begin()
    rotations()
    check_complete(written | save("rotations.txt"))


if __name__ == "__main__":
    main()
