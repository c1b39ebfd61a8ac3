#!/usr/bin/env python3
"""Small models of activations of 16 bits and weights of eight, with the outputs of TensorFlow Lite for Microcontrollers.

usage: make_int16.py [NAME ..]      all cases, or those named, into the folder `int16` beside this file

Models are those of TensorFlow's converter with EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8, or of one operator made by
hand. Files are as those of `make_operators.py`, but for LiteRT's outputs. Where the runtime does not have an operator, the case is
left out, and the script says so.
"""
import hashlib, pathlib, sys

import make_operators as operators
import numpy as np
import tensorflow as tf
from make_operators import CASES, FLOAT32, INT8, Random, built, conv, converted, dense, depthwise, schema
from tensorflow.lite.tools import flatbuffer_utils
from tflite_micro import runtime

FOLDER = pathlib.Path(__file__).parent / "int16"
INT16 = schema.TensorType.INT16
CASES.clear()
PICTURE = (1, 4, 6, 8)


def finish(converter, shapes, random, bias=None, ends=tf.int16):
    samples = [[random.normal(*shape, scale=1.5) for shape in shapes] for _ in range(32)]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    named = len(set(shapes)) > 1
    converter.representative_dataset = lambda: ({f"xs_{i}": x for i, x in enumerate(xs)} if named else xs for xs in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    converter.inference_input_type = converter.inference_output_type = ends
    if bias:
        converter._experimental_full_integer_quantization_bias_type = bias
    return bytes(converter.convert())


operators.finish = finish


def of(name, shapes, function, samples=6, **options):
    converted(name, shapes, function, samples, **options)


def products():
    of("dense", (1, 13), lambda r, x: dense(r, x, 7), 16)
    of("dense_relu", (1, 16), lambda r, x: tf.nn.relu(dense(r, x, 9)), 16)
    of("dense_relu6", (1, 9), lambda r, x: tf.nn.relu6(dense(r, x, 16)), 16)
    of("dense_no_bias", (1, 3), lambda r, x: dense(r, x, 4, bias=False), 16)
    of("dense_long", (1, 1100), lambda r, x: dense(r, x, 5))
    of("dense_one", (1, 1), lambda r, x: dense(r, x, 1), 16)
    of("dense_rank3", (1, 5, 6), lambda r, x: tf.nn.relu(dense(r, x, 4)))
    of("dense_large_scale", (1, 13), lambda r, x: dense(r, x, 7), 16, edit={"y": (0.7, 0)})
    of("dense_small_scale", (1, 13), lambda r, x: dense(r, x, 7), 16, edit={"y": (2.0**-22, 0)})
    of("dense_bias32", (1, 13), lambda r, x: dense(r, x, 7), 16, bias=tf.int32)
    of("dense_real", (1, 9), lambda r, x: dense(r, x, 7), 16, ends=tf.float32)
    of("conv_3x3", (1, 5, 6, 4), lambda r, x: conv(r, x, 5, (3, 3)))
    of("conv_valid", (1, 5, 6, 3), lambda r, x: tf.nn.relu(conv(r, x, 4, (2, 3), padding="VALID")))
    of("conv_stride2", (1, 7, 6, 3), lambda r, x: tf.nn.relu6(conv(r, x, 8, (3, 3), strides=2)))
    of("conv_dilated", (1, 7, 8, 3), lambda r, x: conv(r, x, 4, (3, 3), dilations=2))
    of("conv_1x1", (1, 4, 5, 17), lambda r, x: conv(r, x, 9, (1, 1)))
    of("conv_1x1_stride2", (1, 5, 5, 4), lambda r, x: conv(r, x, 3, (1, 1), strides=2))
    of("conv_no_bias", (1, 4, 4, 2), lambda r, x: conv(r, x, 3, (3, 3), bias=False))
    of("conv_bias32", (1, 5, 6, 4), lambda r, x: conv(r, x, 5, (3, 3)), bias=tf.int32)
    of("depthwise_3x3", (1, 5, 6, 7), lambda r, x: depthwise(r, x, 1, (3, 3)))
    of("depthwise_valid_stride2", (1, 7, 6, 20), lambda r, x: tf.nn.relu(depthwise(r, x, 1, (3, 3), stride=2, padding="VALID")))
    of("depthwise_37", (1, 4, 4, 37), lambda r, x: tf.nn.relu6(depthwise(r, x, 1, (3, 3))))
    of("depthwise_twice", (1, 5, 4, 5), lambda r, x: depthwise(r, x, 2, (3, 3)))
    of("depthwise_of_one", (1, 6, 5, 1), lambda r, x: depthwise(r, x, 4, (3, 3)))
    of("depthwise_dilated", (1, 8, 7, 4), lambda r, x: depthwise(r, x, 1, (3, 3), dilation=2))
    of("depthwise_no_bias", (1, 4, 4, 3), lambda r, x: depthwise(r, x, 1, (2, 2), bias=False))
    of("conv_batch", (3, 4, 5, 3), lambda r, x: conv(r, x, 4, (3, 3)))
    of("conv_groups_batch", (2, 4, 5, 8), lambda r, x: tf.nn.conv2d(x, r.weight(3, 3, 4, 6), 1, "SAME"))
    of("depthwise_batch", (3, 4, 5, 6), lambda r, x: depthwise(r, x, 1, (3, 3)))


def pools():
    for name, pool in [("average", tf.nn.avg_pool2d), ("largest", tf.nn.max_pool2d)]:
        of(f"{name}_2x2", PICTURE, lambda r, x, pool=pool: pool(x, 2, 2, "VALID"))
        of(f"{name}_3x3_same", (1, 5, 6, 19), lambda r, x, pool=pool: pool(x, 3, 2, "SAME"))
        of(f"{name}_batch", (3, 4, 5, 7), lambda r, x, pool=pool: pool(x, 2, 2, "VALID"))
        of(f"{name}_relu6", PICTURE, lambda r, x, pool=pool: tf.nn.relu6(pool(x, 3, 1, "SAME")))
    of("mean", PICTURE, lambda r, x: tf.reduce_mean(x, [1, 2]))
    of("mean_of_channels", PICTURE, lambda r, x: tf.reduce_mean(x, -1, True))
    of("mean_of_rows", (1, 7, 5), lambda r, x: tf.reduce_mean(x, 1))
    of("largest_of_pixels", PICTURE, lambda r, x: tf.reduce_max(x, [1, 2]))


def joins():
    for name, f in [("add", tf.add), ("sub", tf.subtract), ("mul", tf.multiply)]:
        of(name, [PICTURE] * 2, lambda _, a, b, f=f: f(a, b))
        of(f"{name}_different", [PICTURE] * 2, lambda _, a, b, f=f: tf.nn.relu(f(a, b)), edit={"x": (0.00037, 0), "x1": (0.00011, 0), "y": (0.00041, 0)})
        of(f"{name}_channels", PICTURE, lambda r, x, f=f: f(x, r.normal(8)))
        of(f"{name}_number", PICTURE, lambda r, x, f=f: tf.nn.relu6(f(x, np.float32(0.7))))
        of(f"{name}_repeated", [PICTURE, (1, 1, 1, 8)], lambda _, a, b, f=f: f(a, b))
    of("maximum", [PICTURE] * 2, lambda _, a, b: tf.maximum(a, b))
    of("minimum", [PICTURE] * 2, lambda _, a, b: tf.minimum(a, b))
    of("maximum_number", PICTURE, lambda r, x: tf.maximum(x, -0.4))


def parts():
    of("concat", [(1, 3, 4, 2), (1, 3, 4, 5)], lambda r, a, b: tf.concat([a, b], 3))
    of("concat_rows", (1, 3, 4), lambda r, x: tf.concat([x, tf.nn.relu(x), x], 1))
    of("slice", (1, 5, 6, 4), lambda r, x: tf.slice(x, [0, 1, 2, 1], [1, 3, 2, 2]))
    of("strided_slice", (1, 5, 6, 4), lambda r, x: x[:, ::2, ::-1, 1:4:2])
    of("split", (1, 4, 6), lambda r, x: tf.concat(tf.split(x, [1, 2, 3], 2)[::-1], 2))
    of("unpack", (1, 3, 4), lambda r, x: tf.concat(tf.unstack(x, axis=1)[::-1], 1))
    of("pack", (1, 4, 6), lambda r, x: tf.stack([x, tf.nn.relu(x)], 2))
    of("pad", (1, 3, 4, 2), lambda r, x: tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]]))
    of("pad_value", (1, 3, 4, 2), lambda r, x: tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]], constant_values=1.25))
    of("reshape", (1, 4, 6), lambda r, x: dense(r, tf.reshape(x, (1, 24)), 3))
    of("resize", (1, 3, 4, 5), lambda r, x: tf.raw_ops.ResizeNearestNeighbor(images=x, size=[6, 12], half_pixel_centers=True))
    of("transpose", (1, 3, 4, 5), lambda r, x: tf.transpose(x, [0, 3, 1, 2]))
    of("reverse", (1, 3, 4, 5), lambda r, x: tf.reverse(x, [2]))
    of("tile", (1, 3, 4), lambda r, x: tf.tile(x, [1, 2, 3]))
    of("conv_groups", PICTURE, lambda r, x: tf.nn.bias_add(tf.nn.conv2d(x, r.weight(3, 3, 4, 6), 1, "SAME"), r.normal(6, scale=0.3)))


def functions():
    # The runtime's ReLU6 takes the input's scale for the output's.
    of("relu6", (1, 500), lambda r, x: tf.nn.relu6(x), samples=3, edit={"x": (0.0003, 0), "y": (0.0003, 0)})
    for name, f in [("relu", tf.nn.relu), ("tanh", tf.tanh), ("logistic", tf.sigmoid), ("softmax", tf.nn.softmax),
                    ("hard_swish", lambda x: x * tf.nn.relu6(x + 3) * (1 / 6)), ("leaky_relu", lambda x: tf.nn.leaky_relu(x, 0.3))]:
        of(name, (1, 500), lambda r, x, f=f: f(x), samples=3)
    for name, f in [("tanh", tf.tanh), ("logistic", tf.sigmoid)]:
        for kind, scale in {"eighth": 2.0**-12, "sixteenth": 2.0**-11, "fine": 2.0**-15, "coarse": 0.003, "small": 1e-5, "large": 0.1}.items():
            of(f"{name}_{kind}", (1, 500), lambda r, x, f=f: f(x), samples=3, edit={"x": (scale, 0)})
    of("leaky_relu_scales", (1, 500), lambda r, x: tf.nn.leaky_relu(x, 0.3), samples=3, edit={"x": (0.0004, 0), "y": (0.0003, 0)})
    of("relu_scales", (1, 500), lambda r, x: tf.nn.relu(x), samples=3, edit={"x": (0.0004, 0), "y": (0.0003, 0)})
    for n in [1, 2, 10, 100]:
        of(f"softmax_{n}", (1, n), lambda r, x: tf.nn.softmax(x), 16)
    for kind, edit in {"tiny": {"x": (1e-7, 0)}, "small": {"x": (1e-5, 0)}, "large": {"x": (0.01, 0)}, "sharp": {"x": (0.0003, 0), "beta": 3.0}}.items():
        of(f"softmax_{kind}", (1, 12), lambda r, x: tf.nn.softmax(x), 16, edit=edit)
    of("softmax_rows", (1, 3, 4, 5), lambda r, x: tf.nn.softmax(x))
    quantize, dequantize = schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE
    built("quantize", quantize, [1, 512], (FLOAT32, None, None), (INT16, 0.043, 0), samples=2)
    built("dequantize", dequantize, [1, 512], (INT16, 0.00043, 0), (FLOAT32, None, None), samples=6)
    for kind, x, y in [
        ("", (INT16, 0.0005, 0), (INT16, 0.00031, 0)),
        ("_down", (INT16, 0.0005, 0), (INT16, 0.05, 0)),
        ("_to_int8", (INT16, 0.0005, 0), (INT8, 0.05, -9)),
        ("_to_int8_ties", (INT16, 0.0005, 0), (INT8, 0.001, 100)),
        ("_of_int8", (INT8, 0.05, 4), (INT16, 0.0005, 0)),
    ]:
        built(f"requantize{kind}", quantize, [1, 256], x, y, samples=1 if x[0] == INT8 else 6)


def residual(r, x):
    x = tf.nn.relu(conv(r, x, 6, (3, 3)))
    y = conv(r, tf.nn.relu(conv(r, x, 6, (3, 3))), 6, (3, 3))
    return dense(r, tf.reduce_mean(tf.nn.relu(x + y), [1, 2]), 4)


def networks():
    of("autoencoder", (1, 20), operators.autoencoder, 16)
    of("resnet", (1, 8, 8, 3), operators.resnet)
    of("ds_cnn", (1, 12, 8, 1), operators.ds_cnn)
    of("mobilenet", (1, 8, 8, 3), operators.mobilenet)
    of("inception", (1, 4, 5, 2), operators.inception)
    of("residual", (1, 6, 6, 3), residual)
    of("real_ends", (1, 8, 8, 3), operators.resnet, ends=tf.float32)


for group in [products, pools, joins, parts, functions, networks]:
    group()


def inputs_of(graph, random, samples):
    """Uniform numbers of 16 bits; the first three samples are of one number each, in larger cases. Of other kinds, as for int8."""
    for i in range(samples):
        xs = []
        for tensor in (graph.tensors[index] for index in graph.inputs):
            if tensor.type != INT16:
                only = schema.SubGraphT()
                only.tensors, only.inputs, only.operators = [tensor], [0], graph.operators
                xs.append(list(operators.inputs_of(only, random, samples))[i][0])
                continue
            size = int(np.prod(tensor.shape))
            ends = i < 3 and samples >= 6
            x = np.full(size, [-32768, 32767, 0][i]) if ends else random.rng.integers(-32768, 32768, size)
            xs.append(x.astype(np.int16).reshape(tensor.shape))
        yield xs


def micro(model, samples):
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    for xs in samples:
        for i, x in enumerate(xs):
            interpreter.set_input(x, i)
        interpreter.invoke()
        yield interpreter.get_output(0).tobytes()


def main(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names or CASES:
        make, samples = CASES[name]
        try:
            data = make(Random(name))
            model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
            inputs = list(inputs_of(model.subgraphs[0], Random(f"{name} inputs"), samples))
            outputs = b"".join(micro(data, inputs))
        except Exception as error:  # the converter or the runtime refuses it
            print(f"{name}: {str(error)[:300]}", flush=True)
            continue
        (FOLDER / f"{name}.tflite").write_bytes(data)
        (FOLDER / f"{name}.in.bin").write_bytes(b"".join(x.tobytes() for xs in inputs for x in xs))
        (FOLDER / f"{name}.tflm.bin").write_bytes(outputs)
        print(next(operators.parameters(name, model))[2:], flush=True)
    files = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
    whole = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    cases = sum(path.suffix == ".tflite" for path in files)
    print(f"{cases} cases, {len(files)} files, {sum(path.stat().st_size for path in files)} bytes, sha256 {whole.hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1:])
