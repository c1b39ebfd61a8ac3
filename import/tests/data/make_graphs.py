#!/usr/bin/env python3
"""Small models of what operators have in networks: several inputs and outputs, constants, shapes, real numbers; with the outputs of
two interpreters.

usage: make_graphs.py [NAME ..]      all cases, or those named, into the folder `graphs` beside this file

Files are as those of `make_operators.py`, of several outputs one after another; there is no list of parameters. Where an interpreter
does not have an operator, its file is missing.
"""
import hashlib, pathlib, sys

import make_operators as operators
import numpy as np
import tensorflow as tf
import tf_keras
from make_operators import CASES, Random, conv, converted, dense, depthwise
from tensorflow.lite.tools import flatbuffer_utils
from tflite_micro import runtime

FOLDER = pathlib.Path(__file__).parent / "graphs"
CASES.clear()
PICTURE = (1, 4, 6, 8)


def ends():
    converted("three_inputs", [(1, 3), (1, 5), (1, 3)], lambda r, a, b, c: dense(r, a + c, 4) + dense(r, b, 4))
    converted("two_outputs", (1, 9), lambda r, x: (tf.sigmoid(dense(r, x, 3)), dense(r, x, 7)))
    converted("input_is_output", (1, 6), lambda r, x: (x, dense(r, x, 2)))
    converted("output_twice", (1, 6), lambda r, x: (lambda y: (y, tf.reshape(y, (1, 2, 2))))(dense(r, x, 4)))
    converted("output_inside", (1, 6), lambda r, x: (lambda y: (y, dense(r, y, 3)))(dense(r, x, 4)))
    converted("inputs_and_outputs", [(1, 4, 4, 3), (1, 5)], lambda r, a, b: (
        (lambda y: (tf.nn.softmax(y), tf.tanh(y)))(dense(r, tf.reduce_mean(conv(r, a, 6, (3, 3)), [1, 2]), 5) + b)))


def constants():
    for name, f in [("add", tf.add), ("sub", tf.subtract), ("mul", tf.multiply)]:
        converted(f"{name}_channels", PICTURE, lambda r, x, f=f: f(x, r.normal(8)))
        converted(f"{name}_rows", PICTURE, lambda r, x, f=f: f(x, r.normal(6, 1)))
        converted(f"{name}_number", PICTURE, lambda r, x, f=f: tf.nn.relu(f(x, np.float32(0.7))))
    converted("add_all", PICTURE, lambda r, x: r.normal(*PICTURE) + x)
    converted("number_minus", PICTURE, lambda r, x: 1.0 - x)
    converted("maximum_number", PICTURE, lambda r, x: tf.maximum(x, -0.4))
    converted("minimum_number", PICTURE, lambda r, x: tf.minimum(x, 0.9))


def pairs():
    scales = {"": None, "_different": {"x": (0.037, -5), "x1": (0.011, 17), "y": (0.041, 3)},
              "_equal": {"x": (0.5, -128), "x1": (0.25, 127), "y": (0.125, 9)}}
    for kind, edit in scales.items():
        converted(f"sub{kind}", [PICTURE] * 2, lambda _, a, b: a - b, edit=edit)
    converted("sub_relu6", [PICTURE] * 2, lambda _, a, b: tf.nn.relu6(a - b))
    converted("maximum", [PICTURE] * 2, lambda _, a, b: tf.maximum(a, b), edit={"x": (0.03, 4), "x1": (0.03, 4), "y": (0.03, 4)})
    converted("minimum", [PICTURE] * 2, lambda _, a, b: tf.minimum(a, b), edit={"x": (0.03, 4), "x1": (0.03, 4), "y": (0.03, 4)})
    converted("add_repeated", [PICTURE, (1, 1, 1, 8)], lambda _, a, b: a + b)
    converted("mul_repeated", [PICTURE, (1, 4, 6, 1)], lambda _, a, b: a * b)
    converted("sub_repeated", [(1, 1, 6, 1), PICTURE], lambda _, a, b: a - b)
    converted("mul_both_repeated", [(1, 4, 1, 8), (1, 1, 6, 1)], lambda _, a, b: a * b)


def shapes():
    converted("pack", (1, 4, 6), lambda r, x: tf.stack([x, tf.nn.relu(x)], 2))
    converted("unpack", (1, 3, 4), lambda r, x: tf.concat(tf.unstack(x, axis=1)[::-1], 1))
    converted("split_outputs", (1, 4, 6), lambda r, x: tuple(tf.split(x, [1, 2, 3], 2)))
    converted("transpose_of_one", (1, 5, 1, 3), lambda r, x: tf.transpose(x, [0, 2, 1, 3]) + 0.0)
    converted("resize", (1, 3, 4, 5), lambda r, x: tf.raw_ops.ResizeNearestNeighbor(images=x, size=[6, 12], half_pixel_centers=True))
    converted("tile", (1, 3, 4), lambda r, x: tf.tile(x, [1, 2, 3]))
    converted("tile_pixels", (1, 3, 4, 5), lambda r, x: tf.reshape(tf.tile(tf.reshape(x, (1, 3, 1, 4, 1, 5)), [1, 1, 2, 1, 3, 1]), (1, 6, 12, 5)))
    converted("largest_of_pixels", PICTURE, lambda r, x: tf.reduce_max(x, [1, 2]))
    converted("largest_of_channels", PICTURE, lambda r, x: tf.reduce_max(x, 3))
    converted("mean_of_positions", (1, 7, 5), lambda r, x: tf.reduce_mean(x, 1))
    converted("mean_of_channels", PICTURE, lambda r, x: tf.reduce_mean(x, -1, True))
    converted("mean_of_rows", PICTURE, lambda r, x: tf.reduce_mean(x, 1))
    converted("mean_of_all", PICTURE, lambda r, x: tf.reduce_mean(x, [1, 2, 3]))
    converted("mean_of_columns_and_channels", PICTURE, lambda r, x: tf.reduce_mean(x, [2, 3]))


def products():
    converted("conv_groups", PICTURE, lambda r, x: conv_of_groups(r, x, 6, 2))
    converted("conv_channels", PICTURE, lambda r, x: conv_of_groups(r, x, 16, 8))
    converted("dense_rank3", (1, 5, 6), lambda r, x: tf.nn.relu(dense(r, x, 4)))
    converted("dense_rank4", (1, 3, 2, 6), lambda r, x: dense(r, x, 4, bias=False))
    converted("pad_and_conv", (1, 8, 8, 3), lambda r, x: tf.nn.relu6(conv(r, tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 5, (3, 3), strides=2, padding="VALID")))


def moves():
    converted("transpose", (1, 3, 4, 5), lambda r, x: tf.transpose(x, [0, 3, 1, 2]))
    converted("transpose_of_all", (2, 3, 2, 4, 3), lambda r, x: tf.transpose(x, [4, 2, 3, 0, 1]))
    converted("depth_to_space", (1, 3, 4, 12), lambda r, x: tf.nn.depth_to_space(x, 2))
    converted("space_to_depth", (2, 6, 4, 3), lambda r, x: tf.nn.space_to_depth(x, 2))
    converted("space_to_batch", (1, 7, 10, 3), lambda r, x: in_batches(r, x, [2, 3], [[1, 2], [0, 2]], [[0, 1], [1, 0]]))
    converted("sequence_to_batch", (1, 9, 4), lambda r, x: tf.raw_ops.BatchToSpaceND(
        input=dense(r, tf.raw_ops.SpaceToBatchND(input=x, block_shape=[4], paddings=[[4, 3]]), 5), block_shape=[4], crops=[[3, 3]]))
    converted("reverse", (1, 3, 4, 5), lambda r, x: tf.reverse(x, [2]))


def in_batches(r, x, block, paddings, crops):
    """As TensorFlow writes dilated convolutions of a batch that it does not know."""
    x = tf.raw_ops.SpaceToBatchND(input=x, block_shape=block, paddings=paddings)
    x = tf.nn.relu(conv(r, x, 4, (2, 2), padding="VALID"))
    return tf.raw_ops.BatchToSpaceND(input=x, block_shape=block, crops=crops)


def batches():
    converted("batch_of_pictures", (2, 7, 6, 4), lambda r, x: tf.reduce_mean(tf.nn.max_pool2d(tf.nn.avg_pool2d(
        depthwise(r, conv_of_groups(r, conv(r, x, 6, (3, 3), strides=2), 4, 2), 1, (2, 2)), 2, 1, "SAME"), 2, 1, "VALID"), [1, 2]))
    converted("batch_padded", (3, 4, 5), lambda r, x: tf.pad(x, [[0, 0], [2, 1], [1, 0]]))


def slopes():
    converted("prelu", PICTURE, lambda r, x: prelu(x, r.normal(1, 1, 8)))
    converted("prelu_of_all", PICTURE, lambda r, x: prelu(x, r.normal(4, 6, 8)))
    converted("prelu_number", (1, 9), lambda r, x: prelu(dense(r, x, 5), r.normal(1)))
    converted("leaky_relu_of_none", (1, 9), lambda r, x: tf.nn.leaky_relu(dense(r, x, 5), 0.0))


def prelu(x, slopes):
    return tf.nn.relu(x) + -slopes * tf.nn.relu(-x)


def recurrent():
    def unrolled(r, x):
        """A gated recurrent unit, whose first state is a constant."""
        (w, u), h = (r.normal(n, 12, scale=0.6) for n in (6, 4)), tf.zeros((1, 4))
        for n in range(3):
            (z, s, y), (hz, hs, hy) = (tf.split(tf.matmul(a, b), 3, 1) for a, b in [(x[:, n], w), (h, u)])
            z = tf.sigmoid(z + hz)
            h = z * h + (1.0 - z) * tf.tanh(y + tf.sigmoid(s + hs) * hy)
        return h

    converted("gru_unrolled", (1, 3, 6), unrolled)

    def of_two(random):
        x = tf_keras.Input((2, 6), batch_size=3)
        y = tf_keras.layers.LSTM(5, return_sequences=True, time_major=True)(x)
        # Cells of a small range.
        y = tf_keras.layers.LSTM(4, return_sequences=True, time_major=True)(y)
        model = tf_keras.Model(x, y)
        scales = [0.4] * 3 + [0.1] * 3
        model.set_weights([random.normal(*of.shape, scale=scale) for of, scale in zip(model.get_weights(), scales)])
        return operators.finish(tf.lite.TFLiteConverter.from_keras_model(model), [(3, 2, 6)], random)

    operators.case("lstm_by_position", of_two)


def weights_of_four_bits():
    # TensorFlow Lite for Microcontrollers has fully connected ones with one scale alone.
    for name, shape, function, per_channel in [
        ("dense", (1, 3, 9), lambda r, x: dense(r, x, 5), False),
        ("conv", (1, 5, 4, 3), lambda r, x: tf.nn.relu(conv(r, x, 5, (3, 3), strides=2)), True),
        ("depthwise", (1, 5, 6, 7), lambda r, x: depthwise(r, x, 1, (3, 3)), True),
    ]:
        converted(f"int4_{name}", shape, function, per_channel=per_channel)
        CASES[f"int4_{name}"] = packed(*CASES[f"int4_{name}"])


def packed(make, samples):
    """A case with weights from -7 to 7, two in a byte: the first one in the low bits."""
    def made(random):
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(make(random)))
        graph = model.subgraphs[0]
        _, weight, bias = (graph.tensors[index] for index in graph.operators[0].inputs)
        for tensor in [weight, bias]:
            tensor.quantization.scale = (np.array(tensor.quantization.scale) * 127 / 7).astype(np.float32)
            data = model.buffers[tensor.buffer]
            numbers = np.frombuffer(np.array(data.data, np.uint8).tobytes(), np.int8 if tensor is weight else np.int32)
            numbers = np.round(numbers * (7 / 127)).astype(numbers.dtype)
            if tensor is weight:
                tensor.type = operators.schema.TensorType.INT4
                numbers = np.append(numbers, [0] * (numbers.size % 2)).astype(np.uint8) & 15
                numbers = numbers[::2] | numbers[1::2] << 4
            data.data = np.frombuffer(numbers.tobytes(), np.uint8)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    return made, samples


def conv_of_groups(r, x, filters, groups):
    weight = r.weight(3, 3, x.shape[-1] // groups, filters)
    return tf.nn.bias_add(tf.nn.conv2d(x, weight, 1, "SAME"), r.normal(filters, scale=0.3))


def excite(r, x):
    x = tf.nn.relu(conv(r, x, 8, (3, 3)))
    s = tf.nn.relu(dense(r, tf.reduce_mean(x, [1, 2]), 4))
    s = tf.sigmoid(dense(r, s, 8))
    return dense(r, tf.reduce_mean(x * tf.reshape(s, (1, 1, 1, 8)), [1, 2]), 3)


def unet(r, x):
    x = tf.nn.leaky_relu(conv(r, x, 6, (3, 3)), 0.1)
    y = tf.nn.relu(conv(r, tf.nn.max_pool2d(x, 2, 2, "VALID"), 10, (3, 3)))
    y = tf.raw_ops.ResizeNearestNeighbor(images=y, size=[6, 8], half_pixel_centers=True)
    return tf.sigmoid(conv(r, tf.concat([x, y], 3), 2, (1, 1)))


def preactivated(r, x):
    """Normalisations that the converter cannot fold: they come after a sum."""
    for _ in range(2):
        y = tf.nn.relu(x * np.abs(r.normal(3)) + r.normal(3))
        x = x + conv(r, y, 3, (3, 3))
    return dense(r, tf.reshape(x, (1, 4 * 4 * 3)), 5)


def networks():
    converted("excite", (1, 6, 5, 3), excite)
    converted("unet", (1, 6, 8, 2), unet)
    converted("preactivated", (1, 4, 4, 3), preactivated)


def real_numbers():
    def of(name, shapes, function):
        converted(f"float_{name}", shapes, function, samples=4, integer=False)

    of("dense", (1, 37), lambda r, x: tf.nn.relu6(dense(r, x, 19)))
    of("dense_no_bias", (1, 3, 20), lambda r, x: dense(r, x, 5, bias=False))
    of("dense_tanh", (1, 9), lambda r, x: tf.tanh(dense(r, x, 6)))
    of("conv", (1, 7, 6, 5), lambda r, x: tf.nn.relu(conv(r, x, 9, (3, 2), strides=2)))
    of("conv_dilated", (1, 7, 8, 3), lambda r, x: conv(r, x, 4, (3, 3), padding="VALID", dilations=2))
    of("depthwise", (1, 6, 7, 5), lambda r, x: depthwise(r, x, 2, (3, 3)))
    of("pools", (1, 6, 6, 4), lambda r, x: tf.nn.relu(tf.nn.avg_pool2d(tf.nn.max_pool2d(x, 3, 1, "SAME"), 2, 2, "VALID")))
    of("largest", (1, 5, 6, 4), lambda r, x: tf.reduce_max(x, [1, 2]))
    of("resize", (1, 3, 4, 5), lambda r, x: tf.raw_ops.ResizeNearestNeighbor(images=x, size=[6, 12], half_pixel_centers=True))
    of("pad", (1, 6, 6, 3), lambda r, x: conv(r, tf.pad(x, [[0, 0], [2, 1], [1, 2], [0, 0]]), 4, (3, 3), strides=2, padding="VALID"))
    of("windows", (1, 8, 9, 3), lambda r, x: tf.nn.max_pool2d(conv(r, x, 4, (3, 2), strides=2, padding="VALID"), 2, 2, "VALID"))
    of("slices", (1, 5, 6, 4), lambda r, x: x[:, 1:4, 2:5, 1:3])
    of("mean", (1, 5, 6, 4), lambda r, x: tf.reduce_mean(x, [1, 2]))
    of("functions", (1, 24), lambda r, x: tf.nn.softmax(tf.sigmoid(tf.nn.leaky_relu(x, 0.25)) + tf.tanh(x)))
    of("sum", [(1, 4, 5)] * 2, lambda r, a, b: tf.nn.relu6(a + b))
    of("parts", (1, 4, 6), lambda r, x: tf.concat([x[:, :, 4:], x[:, :, :4]], 2))
    of("transpose", (2, 3, 4, 5), lambda r, x: tf.transpose(x, [3, 0, 2, 1]))
    of("steps", (1, 5, 6, 4), lambda r, x: x[:, ::2, ::-3, 1:])
    of("sequence", (1, 9, 4), lambda r, x: tf.pad(tf.reverse(x, [1]), [[0, 0], [2, 1], [0, 3]]))
    of("sum_of_constant", (1, 4, 5), lambda r, x: x + r.normal(5))
    of("batch", (2, 7, 7, 3), lambda r, x: tf.nn.max_pool2d(conv(r, x, 4, (3, 2), strides=2, padding="VALID"), 2, 1, "VALID"))
    of("reshape", (1, 4, 6), lambda r, x: tf.reshape(x, (1, 24)))
    of("two_outputs", [(1, 5), (1, 3)], lambda r, a, b: (dense(r, a, 2), tf.nn.relu(dense(r, b, 4))))
    for name, shape in [("autoencoder", (1, 20)), ("resnet", (1, 8, 8, 3)), ("mobilenet", (1, 8, 8, 3)), ("inception", (1, 4, 5, 2)), ("ds_cnn", (1, 12, 8, 1))]:
        of(name, shape, getattr(operators, name))


for group in [ends, constants, pairs, shapes, products, moves, batches, slopes, recurrent, weights_of_four_bits, networks, real_numbers]:
    group()


def micro(model, samples):
    """All outputs of each sample."""
    outputs = len(flatbuffer_utils.read_model_from_bytearray(bytearray(model)).subgraphs[0].outputs)
    for xs in samples:
        # Made anew: recurrent layers keep their state.
        interpreter = runtime.Interpreter.from_bytes(model)
        for i, x in enumerate(xs):
            interpreter.set_input(x, i)
        interpreter.invoke()
        yield b"".join(interpreter.get_output(i).tobytes() for i in range(outputs))


def reference(model, samples):
    """With the reference kernels, or, of an operator that has none, LiteRT's others."""
    kinds = tf.lite.experimental.OpResolverType
    for kind in [kinds.BUILTIN_REF, kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES]:
        try:
            interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=kind)
            interpreter.allocate_tensors()
            break
        except Exception as error:
            print(f"{kind}: {str(error)[:300]}", flush=True)
    for xs in samples:
        for x, detail in zip(xs, interpreter.get_input_details()):
            interpreter.set_tensor(detail["index"], x)
        interpreter.invoke()
        yield b"".join(interpreter.get_tensor(detail["index"]).tobytes() for detail in interpreter.get_output_details())


def main(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names or CASES:
        make, samples = CASES[name]
        try:
            data = make(Random(name))
        except Exception as error:  # the converter refuses it
            print(f"{name}: {str(error)[:300]}", flush=True)
            continue
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
        samples = list(operators.inputs_of(model.subgraphs[0], Random(f"{name} inputs"), samples))
        (FOLDER / f"{name}.tflite").write_bytes(data)
        (FOLDER / f"{name}.in.bin").write_bytes(b"".join(x.tobytes() for xs in samples for x in xs))
        for kind, run in [("tflm", micro), ("ref", reference)]:
            path = FOLDER / f"{name}.{kind}.bin"
            if kind == "ref" and name.startswith("lstm"):  # LiteRT rounds them otherwise
                continue
            try:
                path.write_bytes(b"".join(run(data, samples)))
            except Exception as error:  # this interpreter refuses it
                path.unlink(missing_ok=True)
                print(f"{name}, {kind}: {str(error)[:300]}", flush=True)
        print(next(operators.parameters(name, model))[2:], flush=True)
    if not names:
        files = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
        whole = hashlib.sha256(b"".join(path.read_bytes() for path in files))
        print(f"{len(CASES)} cases, {len(files)} files, {sum(path.stat().st_size for path in files)} bytes, sha256 {whole.hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1:])
