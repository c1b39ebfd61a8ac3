#!/usr/bin/env python3
"""Small int8 models, at least one for each operator, with the outputs of two interpreters.

usage: make_operators.py [NAME ..]      all cases, or those named, into the folder `tests/operators` of the repository

For each case it writes
  NAME.tflite      the model
  NAME.in.bin      inputs: samples one after another; of a model of two inputs, a sample of the first, then one of the second
  NAME.tflm.bin    outputs of TensorFlow Lite for Microcontrollers, likewise
  NAME.ref.bin     outputs of LiteRT's reference kernels
and for all of them `operators.txt`, the parameters of every operator. Everything comes from seeds: nothing is downloaded.
"""
import hashlib, math, os, pathlib, sys, zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from tflite_micro import runtime

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "tests/operators"
INT8, FLOAT32, INT32 = schema.TensorType.INT8, schema.TensorType.FLOAT32, schema.TensorType.INT32
NUMBERS = {INT8: np.int8, FLOAT32: np.float32, INT32: np.int32, schema.TensorType.INT16: np.int16}
OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}

CASES = {}  # name -> (function that makes the model, samples, fill of the inputs)


class Random:
    """Numbers from the seed of a case."""

    def __init__(self, name):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0):
        return (self.rng.normal(size=shape) * scale).astype(np.float32)

    def weight(self, *shape):
        """Output channels of different ranges, so that scales for each differ from one for all."""
        fan_in = max(1, int(np.prod(shape[:-1])))
        return self.normal(*shape) * self.rng.uniform(0.3, 2.0, shape[-1]).astype(np.float32) / np.sqrt(fan_in, dtype=np.float32)


def case(name, make, samples=6):
    CASES[name] = (make, samples)


# Models by TensorFlow's converter.

def convert(function, shapes, random, **options):
    """A model of a function of float32 arrays, quantised to int8 with random normal inputs as its representative data set."""
    concrete = tf.function(function, input_signature=[tf.TensorSpec(shape) for shape in shapes]).get_concrete_function()
    return finish(tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()), shapes, random, **options)


def finish(converter, shapes, random, integer=True, per_channel=True):
    if integer:
        samples = [[random.normal(*shape, scale=1.5) for shape in shapes] for _ in range(32)]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # Of inputs of different shapes, by name: the converter has an order of its own.
        named = len(set(shapes)) > 1
        converter.representative_dataset = lambda: ({f"xs_{i}": x for i, x in enumerate(xs)} if named else xs for xs in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = not per_channel
        converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel
    return bytes(converter.convert())


def converted(name, shapes, function, samples=6, edit=None, **options):
    """A case of a function of `Random` and arrays. `edit` changes the model's quantisation: see `requantized`."""
    shapes = shapes if isinstance(shapes, list) else [shapes]

    def make(random):
        # Weights are made once, however often the function is traced.
        state = random.rng.bit_generator.state

        def seeded(*xs):
            random.rng.bit_generator.state = state
            return function(random, *xs)

        model = in_order(convert(seeded, shapes, random, **options))
        return requantized(model, **edit) if edit else model

    case(name, make, samples)


def in_order(model):
    """The model with its inputs in the order in which its first operator has them, if that has all."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph = model.subgraphs[0]
    if len(graph.inputs) > 1 and set(graph.inputs) == set(graph.operators[0].inputs):
        graph.inputs = graph.operators[0].inputs
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def requantized(model, **quantization):
    """The model with another scale and zero of its inputs `x`, `x1` and its output `y`, another beta, or biases by `at_ties`."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph = model.subgraphs[0]
    tensors = {"x": graph.inputs[0], "x1": graph.inputs[-1], "y": graph.outputs[0]}
    for name, value in quantization.items():
        if name == "beta":
            graph.operators[0].builtinOptions.beta = value
        elif name == "biases":
            value(model)
        else:
            tensor = graph.tensors[tensors[name]].quantization
            tensor.scale, tensor.zeroPoint = np.array([value[0]], np.float32), np.array([value[1]], np.int64)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def twice_rounded(sums, real):
    """Sums times a real number as TFLM has them: rounded to whole parts of the power of two, then to whole numbers."""
    fraction, exponent = math.frexp(real)
    high = (sums * int(fraction * 2**31 + 0.5) + (1 << 30)) >> 31
    mask = (1 << -exponent) - 1
    return (high >> -exponent) + ((high & mask) > (mask >> 1) + (high < 0))


def at_ties(model):
    """Gives an operator with weights biases whose outputs, where inputs stand for 0, depend on how the multiplier was computed:
    from a product of scales rounded to float32, or in float64."""
    graph = model.subgraphs[0]
    x, weight, bias = (graph.tensors[i] for i in graph.operators[0].inputs)
    y = graph.tensors[graph.outputs[0]].quantization
    biases = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32).copy()
    w = np.resize(np.array(weight.quantization.scale, np.float32), biases.size)
    sums = np.arange(-(1 << 21), 1 << 21)
    # The first scale of the output for which every channel has such a sum.
    for scale in np.arange(0.5, 8, 1 / 64, np.float32) * w.max() * x.quantization.scale[0] * 4096:
        for i in range(biases.size):
            products = np.float32(x.quantization.scale[0]) * w[i], float(np.float32(x.quantization.scale[0])) * float(w[i])
            single, double = (twice_rounded(sums, float(product) / float(scale)) for product in products)
            found = sums[(single != double) & (abs(double) < 128)]
            if not found.size:
                break
            biases[i] = found[-i % found.size]
        else:
            y.scale, y.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
            model.buffers[bias.buffer].data = list(biases.tobytes())
            bias.quantization.scale = np.resize(np.array([x.quantization.scale[0] * w], np.float32), len(bias.quantization.scale))
            return
    raise ValueError("no scale has ties")


def built(name, operator, shape, x, y, samples=1):
    """A case of one operator from a tensor to another of the same shape, each (type, scale, zero): what the converter does not
    make alone."""

    def make(_):
        def tensor(label, of):
            t = schema.TensorT()
            t.name, t.type, t.shape, t.buffer = label, of[0], shape, 0
            if of[1]:
                t.quantization = schema.QuantizationParametersT()
                t.quantization.scale, t.quantization.zeroPoint = [of[1]], [of[2]]
            return t

        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = operator
        code.version = 2 if operator == schema.BuiltinOperator.DEQUANTIZE else 1
        op, graph, model = schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
        op.opcodeIndex, op.inputs, op.outputs = 0, [0], [1]
        graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor("x", x), tensor("y", y)], [0], [1], [op]
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    case(name, make, samples)


# Operators.

def dense(r, x, outputs, bias=True):
    y = tf.matmul(x, r.weight(x.shape[-1], outputs))
    return tf.nn.bias_add(y, r.normal(outputs, scale=0.3)) if bias else y


def conv(r, x, filters, kernel, strides=1, padding="SAME", dilations=1, bias=True):
    y = tf.nn.conv2d(x, r.weight(*kernel, x.shape[-1], filters), strides, padding, dilations=dilations)
    return tf.nn.bias_add(y, r.normal(filters, scale=0.3)) if bias else y


def depthwise(r, x, multiplier, kernel, stride=1, padding="SAME", dilation=1, bias=True):
    channels = x.shape[-1]
    weight = r.weight(*kernel, channels * multiplier).reshape(*kernel, channels, multiplier)
    y = tf.nn.depthwise_conv2d(x, weight, [1, stride, stride, 1], padding, dilations=[dilation] * 2)
    return tf.nn.bias_add(y, r.normal(channels * multiplier, scale=0.3)) if bias else y


def fully_connected():
    def of(name, inputs, outputs, then=lambda y: y, bias=True, **options):
        converted(name, (1, inputs), lambda r, x: then(dense(r, x, outputs, bias)), samples=32, **options)

    of("dense_channels", 13, 7)
    of("dense_tensor", 13, 7, per_channel=False)
    of("dense_tensor_relu", 16, 9, tf.nn.relu, per_channel=False)
    of("dense_relu", 16, 9, tf.nn.relu)
    of("dense_relu6", 9, 16, tf.nn.relu6)
    of("dense_no_bias", 3, 4, bias=False)
    of("dense_long", 131, 10)
    of("dense_one", 1, 1)
    of("dense_small_scale", 13, 7, edit={"y": (2.0**-9, 127)})
    of("dense_large_scale", 13, 7, edit={"y": (0.7, -128)})
    of("dense_ties", 5, 4, edit={"x": (0.0371, 0), "biases": at_ties})
    of("dense_tensor_ties", 5, 4, edit={"x": (0.0371, 0), "biases": at_ties}, per_channel=False)
    of("dense_first_zero", 13, 7, edit={"x": (0.05, -128)})


def convolutions():
    def of(name, shape, filters, kernel, then=lambda y: y, edit=None, per_channel=True, **options):
        converted(name, (1, *shape), lambda r, x: then(conv(r, x, filters, kernel, **options)), edit=edit, per_channel=per_channel)

    of("conv_1x1", (4, 5, 3), 5, (1, 1))
    of("conv_1x1_stride2", (5, 6, 5), 4, (1, 1), strides=2)
    of("conv_3x3_same", (5, 7, 3), 4, (3, 3))
    of("conv_3x3_valid", (5, 7, 3), 5, (3, 3), padding="VALID")
    of("conv_3x3_same_stride2", (5, 7, 3), 4, (3, 3), strides=2)
    of("conv_3x3_same_stride2_even", (6, 8, 3), 4, (3, 3), strides=2)  # padding after, none before
    of("conv_3x3_valid_stride2", (6, 8, 1), 4, (3, 3), strides=2, padding="VALID")  # the last row and column are dropped
    of("conv_3x3_valid_stride3", (8, 10, 1), 3, (3, 3), strides=3, padding="VALID")  # the last two
    of("conv_3x3_same_dilated", (6, 7, 3), 4, (3, 3), dilations=2)
    of("conv_3x3_valid_dilated", (7, 8, 1), 4, (3, 3), dilations=[2, 3], padding="VALID")
    of("conv_2x3_strides", (5, 7, 2), 3, (2, 3), strides=[2, 1])
    of("conv_4x4_same", (5, 5, 1), 3, (4, 4))
    of("conv_5x1", (16, 1, 3), 4, (5, 1))
    of("conv_16_channels", (4, 4, 16), 5, (3, 3))
    of("conv_16_filters", (4, 5, 5), 16, (3, 3))
    of("conv_no_bias", (4, 4, 3), 2, (3, 3), bias=False)
    of("conv_relu", (5, 5, 3), 4, (3, 3), tf.nn.relu)
    of("conv_relu6", (5, 5, 3), 4, (3, 3), tf.nn.relu6)
    of("conv_tensor", (4, 4, 3), 4, (3, 3), per_channel=False)
    of("conv_ties", (2, 3, 3), 4, (1, 1), edit={"x": (0.0371, 0), "biases": at_ties})
    of("conv_tensor_ties", (2, 3, 3), 4, (1, 1), edit={"x": (0.0371, 0), "biases": at_ties}, per_channel=False)
    of("conv_small_scale", (4, 4, 3), 4, (3, 3), edit={"y": (2.0**-9, -128)})
    of("conv_large_scale", (4, 4, 3), 4, (3, 3), edit={"y": (0.7, 127)})
    of("conv_first_zero", (4, 4, 3), 4, (3, 3), edit={"x": (0.05, -128)})
    of("conv_last_zero", (4, 4, 3), 4, (3, 3), edit={"x": (0.05, 127)})


def depthwise_convolutions():
    def of(name, shape, multiplier, kernel, then=lambda y: y, edit=None, per_channel=True, **options):
        converted(name, (1, *shape), lambda r, x: then(depthwise(r, x, multiplier, kernel, **options)), edit=edit, per_channel=per_channel)

    of("depthwise_3x3_same", (5, 7, 5), 1, (3, 3))
    of("depthwise_3x3_valid", (5, 7, 3), 1, (3, 3), padding="VALID")
    of("depthwise_same_stride2", (6, 7, 5), 1, (3, 3), stride=2)
    of("depthwise_valid_stride2", (6, 8, 3), 1, (3, 3), stride=2, padding="VALID")
    of("depthwise_dilated", (6, 7, 3), 1, (3, 3), dilation=2)
    of("depthwise_twice", (4, 5, 3), 2, (3, 3))
    of("depthwise_twice_stride2", (5, 6, 5), 2, (3, 3), stride=2)
    of("depthwise_of_one", (5, 5, 1), 8, (3, 3))
    of("depthwise_2x5", (4, 7, 4), 1, (2, 5))
    of("depthwise_16", (4, 4, 16), 1, (3, 3))
    of("depthwise_37", (3, 3, 37), 1, (3, 3))
    of("depthwise_no_bias", (4, 4, 3), 1, (3, 3), bias=False)
    of("depthwise_relu6", (5, 5, 5), 1, (3, 3), tf.nn.relu6)
    of("depthwise_tensor", (4, 4, 4), 1, (3, 3), per_channel=False)
    of("depthwise_ties", (2, 3, 4), 1, (2, 2), edit={"x": (0.0371, 0), "biases": at_ties})
    of("depthwise_tensor_ties", (2, 3, 4), 1, (2, 2), edit={"x": (0.0371, 0), "biases": at_ties}, per_channel=False)
    of("depthwise_small_scale", (4, 4, 4), 1, (3, 3), edit={"y": (2.0**-9, 127)})
    of("depthwise_last_zero", (4, 4, 4), 1, (3, 3), edit={"x": (0.05, 127)})


def pools():
    def of(name, pool, shape, kernel, strides, padding, edit=None, then=lambda y: y):
        converted(name, (1, *shape), lambda _, x: then(pool(x, kernel, strides, padding)), edit=edit)

    average, largest = tf.nn.avg_pool2d, tf.nn.max_pool2d
    of("average_2x2_valid", average, (5, 7, 3), 2, 2, "VALID")
    of("average_3x3_same", average, (5, 6, 3), 3, 1, "SAME")
    of("average_3x3_same_stride2", average, (5, 6, 5), 3, 2, "SAME")
    of("average_2x3", average, (6, 5, 17), (2, 3), (2, 1), "VALID")
    of("average_whole", average, (5, 5, 16), 5, 5, "VALID")
    of("average_zero_min", average, (6, 6, 2), 4, 1, "SAME", {"x": (3.0, -128), "y": (3.0, -128)})
    of("average_zero_max", average, (6, 6, 2), 3, 2, "SAME", {"x": (1e-6, 127), "y": (1e-6, 127)})
    of("average_relu", average, (5, 6, 3), 2, 1, "VALID", then=tf.nn.relu)
    of("largest_2x2_valid", largest, (5, 7, 3), 2, 2, "VALID")
    of("largest_3x3_same", largest, (5, 6, 5), 3, 1, "SAME")
    of("largest_3x3_same_stride2", largest, (6, 6, 17), 3, 2, "SAME")
    of("largest_3x2", largest, (5, 6, 1), (3, 2), (1, 2), "VALID")
    of("largest_relu6", largest, (5, 6, 3), 2, 1, "VALID", then=tf.nn.relu6)


def means():
    def of(name, shape, keep=False, edit=None):
        converted(name, (1, *shape), lambda _, x: tf.reduce_mean(x, [1, 2], keep), samples=16, edit=edit)

    of("mean", (5, 7, 3))
    of("mean_keeping_axes", (4, 4, 5), True)
    of("mean_of_one_pixel", (1, 1, 7))
    of("mean_17", (4, 4, 17))
    of("mean_ties", (1, 1, 32), edit={"x": (0.0312, -88), "y": (0.0832, -100)})
    of("mean_same_scale", (3, 5, 4), edit={"x": (0.02, -7), "y": (0.02, -7)})
    of("mean_zeros_apart", (4, 3, 4), edit={"x": (0.03, 127), "y": (0.021, 127)})
    of("mean_to_smaller", (3, 3, 4), edit={"x": (0.5, 0), "y": (0.04, -20)})
    of("mean_to_larger", (9, 9, 2), edit={"x": (0.0001, 5), "y": (0.0007, -3)})


def sums_and_products():
    shape = (1, 4, 4, 8)
    scales = {
        "different": {"x": (0.037, -5), "x1": (0.011, 17), "y": (0.041, 3)},
        "far": {"x": (0.9, 127), "x1": (0.0008, -128), "y": (0.7, 0)},
        "farther": {"x": (1e-6, -128), "x1": (2.0, 127), "y": (2.1, 127)},
        "small": {"x": (1e-5, 3), "x1": (2e-5, -70), "y": (1.1e-5, 127)},
        "large": {"x": (200.0, -128), "x1": (90.0, -128), "y": (370.0, -128)},
        "saturated": {"x": (0.5, -128), "x1": (0.4, 127), "y": (0.03, 9)},
        "equal": {"x": (0.05, 0), "x1": (0.05, 0), "y": (0.05, 0)},
    }
    for name, f in [("add", tf.add), ("mul", tf.multiply)]:
        converted(name, [shape] * 2, lambda _, a, b, f=f: f(a, b))
        converted(f"{name}_relu", [shape] * 2, lambda _, a, b, f=f: tf.nn.relu(f(a, b)))
        converted(f"{name}_relu6", [shape] * 2, lambda _, a, b, f=f: tf.nn.relu6(f(a, b)))
        for kind, edit in scales.items():
            edit = dict(edit)
            if name == "mul":
                edit["y"] = (edit["x"][0] * edit["x1"][0] * (20 if kind == "saturated" else 90), edit["y"][1])
            converted(f"{name}_{kind}", [shape] * 2, lambda _, a, b, f=f: f(a, b), edit=edit)
    # Some of the products, times the scales' quotient as a float32 and as a float64, are rounded differently.
    converted("mul_ties", [shape] * 2, lambda _, a, b: a * b, edit={"x": (0.0125, -39), "x1": (0.0675, 97), "y": (0.054, 0)})


def regions():
    picture = (1, 4, 6, 6)

    def of(name, function, shape=picture):
        converted(name, shape, lambda _, x: function(x), samples=2)

    of("concat_channels", lambda x: tf.concat(tf.split(x, 2, 3)[::-1], 3))
    of("concat_channels_of_3", lambda x: tf.concat([x[..., 4:], x[..., :1], x[..., 1:4]], 3))
    of("concat_rows", lambda x: tf.concat([x[:, 1:], x[:, :1]], 1))
    of("concat_columns_of_3", lambda x: tf.concat([x[:, :, 3:], x[:, :, 1:3], x[:, :, :1]], 2))
    of("split", lambda x: tf.concat(tf.split(x, 3, 3)[::-1], 2))
    of("pad", lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]]))
    of("pad_value", lambda x: tf.pad(x, [[0, 0], [0, 1], [2, 0], [0, 0]], constant_values=-0.7))
    of("pad_channels", lambda x: tf.pad(x, [[0, 0], [0, 0], [0, 0], [1, 2]]))
    of("reshape", lambda x: tf.reshape(x, (1, 16, 9)))
    of("slice", lambda x: x[:, 1:4, 2:5, 1:])
    of("slice_steps", lambda x: x[:, ::2, 1::3, ::2])
    of("slice_one_row", lambda x: x[:, 2])
    of("slice_backwards", lambda x: tf.strided_slice(x, [0, 3, 5, 5], [1, 0, 0, 0], [1, -1, -2, -3]))


def functions():
    def of(name, function, edit=None, samples=1, shape=(1, 256)):
        converted(name, shape, lambda _, x: function(x), samples, edit)

    scales = {"": {}, "_tiny": {"x": (1e-6, 5)}, "_small": {"x": (2.0**-9, -128)}, "_eighth": {"x": (0.125, 0)}, "_wide": {"x": (0.2, 127)}, "_half": {"x": (0.5, 3)}, "_large": {"x": (2.5, -50)}, "_huge": {"x": (60.0, -128)}}
    for kind, edit in scales.items():
        of(f"logistic{kind}", tf.sigmoid, edit)
        of(f"tanh{kind}", tf.tanh, edit)
    of("relu", tf.nn.relu)
    of("relu_scales", tf.nn.relu, {"x": (0.031, 12), "y": (0.017, -31)})
    # A quotient of 0.375 as a float32, and a little less as a float64: some halves are no halves.
    ties = (0.0312, -88), (0.0832, -100)
    of("relu_ties", tf.nn.relu, {"x": ties[0], "y": ties[1]})
    of("leaky_relu_ties", lambda x: tf.nn.leaky_relu(x, 0.5), {"x": ties[0], "y": ties[1]})
    of("relu6", tf.nn.relu6)
    of("relu6_scales", tf.nn.relu6, {"x": (0.09, -12), "y": (0.025, -128)})
    of("leaky_relu", lambda x: tf.nn.leaky_relu(x, 0.2))
    of("leaky_relu_scales", lambda x: tf.nn.leaky_relu(x, 0.03), {"x": (0.9, 100), "y": (0.1, -12)})
    of("hard_swish", lambda x: x * tf.nn.relu6(x + 3) * (1 / 6))
    of("hard_swish_scales", lambda x: x * tf.nn.relu6(x + 3) * (1 / 6), {"x": (0.09, -101), "y": (0.07, -99)})
    of("hard_swish_small", lambda x: x * tf.nn.relu6(x + 3) * (1 / 6), {"x": (0.004, 3), "y": (0.002, 1)})
    for n in [1, 2, 10, 100]:
        of(f"softmax_{n}", tf.nn.softmax, samples=16, shape=(1, n))
    for kind, edit in {
        "tiny": {"x": (1e-6, 5)},
        "small": {"x": (0.003, -128)},
        "half": {"x": (0.5, 127)},
        "large": {"x": (3.7, 0)},
        "huge": {"x": (100.0, 9)},
        "sharp": {"x": (0.07, 0), "beta": 3.0},
        "flat": {"x": (0.07, 0), "beta": 0.1},
    }.items():
        of(f"softmax_{kind}", tf.nn.softmax, edit, 16, (1, 12))
    of("softmax_rows", tf.nn.softmax, None, 8, (1, 3, 4, 5))

    quantize, dequantize = schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE
    real = (FLOAT32, None, None)
    built("quantize", quantize, [1, 512], real, (INT8, 0.043, -17), samples=2)
    built("quantize_halves", quantize, [1, 512], real, (INT8, 0.25, 127), samples=2)
    built("dequantize", dequantize, [1, 256], (INT8, 0.043, -17), real)
    for kind, x, y in [
        ("", (0.05, 4), (0.031, -9)),
        ("_zero", (0.05, 4), (0.05, -100)),
        ("_up", (0.02, 100), (0.004, -20)),
        ("_down", (0.007, 127), (0.5, 100)),
        ("_halves", (0.5, 0), (1.0, 0)),
        ("_twice", (0.5, -3), (0.25, 2)),
        ("_ties", *ties),
    ]:
        built(f"requantize{kind}", quantize, [1, 256], (INT8, *x), (INT8, *y))


# Networks.

def resnet(r, x):
    x = tf.nn.relu(conv(r, x, 6, (3, 3)))
    y = conv(r, tf.nn.relu(conv(r, x, 6, (3, 3))), 6, (3, 3))
    x = tf.nn.relu(x + y)
    y = conv(r, tf.nn.relu(conv(r, x, 10, (3, 3), strides=2)), 10, (3, 3))
    x = tf.nn.relu(conv(r, x, 10, (1, 1), strides=2) + y)
    x = tf.nn.avg_pool2d(x, 4, 4, "VALID")
    return tf.nn.softmax(dense(r, tf.reshape(x, (1, 10)), 5))


def ds_cnn(r, x):
    x = tf.nn.relu(conv(r, x, 8, (5, 3), strides=2))
    for _ in range(2):
        x = tf.nn.relu(depthwise(r, x, 1, (3, 3)))
        x = tf.nn.relu(conv(r, x, 8, (1, 1)))
    x = tf.nn.avg_pool2d(x, (6, 4), (6, 4), "VALID")
    return tf.nn.softmax(dense(r, tf.reshape(x, (1, 8)), 6))


def mobilenet(r, x):
    x = tf.nn.relu6(conv(r, x, 4, (3, 3), strides=2))
    y = tf.nn.relu6(conv(r, x, 12, (1, 1)))
    y = tf.nn.relu6(depthwise(r, y, 1, (3, 3)))
    x = x + conv(r, y, 4, (1, 1))
    y = tf.nn.relu6(conv(r, x, 12, (1, 1)))
    y = tf.nn.relu6(depthwise(r, y, 1, (3, 3), stride=2))
    x = conv(r, y, 7, (1, 1))
    return dense(r, tf.reduce_mean(x, [1, 2]), 4)


def inception(r, x):
    a = tf.nn.relu(conv(r, x, 3, (1, 1)))
    b = tf.nn.relu(conv(r, x, 4, (3, 3)))
    c = tf.nn.max_pool2d(x, 3, 1, "SAME")
    x = tf.concat([a, b, c], 3)
    return tf.sigmoid(dense(r, tf.reshape(x, (1, 4 * 5 * 9)), 3))


def autoencoder(r, x):
    for width in [16, 4, 16]:
        x = tf.nn.relu(dense(r, x, width))
    return dense(r, x, 20)


def sequence_model(layer):
    def make(random):
        tf_keras.utils.set_random_seed(int(random.rng.integers(1 << 31)))
        x = tf_keras.Input((6, 5), batch_size=1)
        model = tf_keras.Model(x, layer(x))
        model.set_weights([random.normal(*w.shape, scale=0.5) for w in model.get_weights()])
        return finish(tf.lite.TFLiteConverter.from_keras_model(model), [(1, 6, 5)], random)

    return make


def networks():
    converted("resnet", (1, 8, 8, 3), resnet)
    converted("ds_cnn", (1, 12, 8, 1), ds_cnn)
    converted("mobilenet", (1, 8, 8, 3), mobilenet)
    converted("inception", (1, 4, 5, 2), inception)
    converted("autoencoder", (1, 20), autoencoder, samples=16)
    case("lstm", sequence_model(lambda x: tf_keras.layers.LSTM(4, return_sequences=True)(x)), 16)
    case("lstm_dense", sequence_model(lambda x: tf_keras.layers.Dense(3)(tf_keras.layers.LSTM(6)(x))), 16)
    converted("float_autoencoder", (1, 20), autoencoder, samples=4, integer=False)
    converted("float_resnet", (1, 8, 8, 3), resnet, samples=2, integer=False)
    converted("float_mobilenet", (1, 8, 8, 3), mobilenet, samples=2, integer=False)
    converted("float_inception", (1, 4, 5, 2), inception, samples=2, integer=False)


for group in [fully_connected, convolutions, depthwise_convolutions, pools, means, sums_and_products, regions, functions, networks]:
    group()


# Inputs, outputs, parameters.

def inputs_of(graph, random, samples):
    """For each sample, an array for each input. Bytes are uniform; the first three samples are of one byte each, in larger cases.
    A case of one sample of 256 has every byte once."""
    for i in range(samples):
        xs = []
        for tensor in (graph.tensors[index] for index in graph.inputs):
            size = int(np.prod(tensor.shape))
            if tensor.type == FLOAT32:
                x = random.normal(size, scale=3.0)
                if graph.operators[0].builtinOptionsType == 0 and i == samples - 1 and size > 306:
                    # An operator by hand: halves, and values that saturate, but not beyond what a cast to int32 has.
                    x[:306] = [*(np.arange(300) - 150) / 8, 1e6, -1e6, 1e7, -1e7, 0.0, -0.0]
            elif samples == 1:
                x = np.arange(-128, 128).astype(np.int8)
            elif i < 3 and samples >= 6:
                x = np.full(size, [-128, 127, 0][i], np.int8)
            else:
                x = random.rng.integers(-128, 128, size).astype(np.int8)
            xs.append(x.reshape(tensor.shape))
        yield xs


def micro(model, samples):
    outputs = []
    for xs in samples:
        # Made anew: recurrent layers keep their state.
        interpreter = runtime.Interpreter.from_bytes(model)
        for i, x in enumerate(xs):
            interpreter.set_input(x, i)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0))
    return outputs


def reference(model, samples):
    outputs = []
    for xs in samples:
        interpreter = tf.lite.Interpreter(
            model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        for x, detail in zip(xs, interpreter.get_input_details()):
            interpreter.set_tensor(detail["index"], x)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return outputs


def words(numbers):
    return " ".join(repr(int(n)) if float(n).is_integer() else repr(float(n)) for n in np.ravel(numbers))


def parameters(name, model):
    """Lines of operators.txt."""
    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    kinds = [OPERATORS[codes[op.opcodeIndex]] for op in graph.operators]
    shapes = [graph.tensors[i].shape for i in [*graph.inputs, graph.outputs[0]]]
    yield f"# {name}: {', '.join(kinds)}; " + " to ".join("x".join(map(str, shape)) for shape in shapes)
    if any(graph.tensors[i].type == FLOAT32 for i in graph.inputs) and len(kinds) > 1:
        return  # the model has them
    for k, op in enumerate(graph.operators):
        ends = [("x", i, index) for i, index in enumerate(op.inputs)] + [("y", i, index) for i, index in enumerate(op.outputs)]
        for kind, i, index in ends:
            if index < 0:
                continue
            tensor = graph.tensors[index]
            data, q = model.buffers[tensor.buffer].data, tensor.quantization
            scales = [] if q is None or q.scale is None else q.scale
            if data is not None and len(data):
                yield f"{name} {k}.c{i} {words(np.frombuffer(bytes(data), NUMBERS[tensor.type]))}"
                if tensor.type == INT8:
                    yield f"{name} {k}.s{i} {words(scales)}"
            elif len(scales) == 1:
                yield f"{name} {k}.{kind}{i} {words([scales[0], q.zeroPoint[0]])}"


def main(names):
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for name in names or CASES:
        make, samples = CASES[name]
        data = make(Random(name))
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
        described = list(parameters(name, model))
        lines += described
        samples = list(inputs_of(model.subgraphs[0], Random(f"{name} inputs"), samples))
        tflm, ref = micro(data, samples), reference(data, samples)
        files = {
            ".tflite": data,
            ".in.bin": b"".join(x.tobytes() for xs in samples for x in xs),
            ".tflm.bin": b"".join(y.tobytes() for y in tflm),
            ".ref.bin": b"".join(y.tobytes() for y in ref),
        }
        for suffix, content in files.items():
            (FOLDER / (name + suffix)).write_bytes(content)
        a, b = np.concatenate([y.ravel() for y in tflm]), np.concatenate([y.ravel() for y in ref])
        print(f"{described[0][2:]}; {len(data)} bytes, {a.size} outputs, {len(np.unique(a))} different ones, "
              f"{int((a != b).sum())} where the interpreters differ", flush=True)
    if not names:
        header = "# Parameters of the operators beside this file; written by import/tests/data/make_operators.py, described in README.md."
        (FOLDER / "operators.txt").write_text("\n".join([header, *lines]) + "\n")
        files = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
        whole = hashlib.sha256(b"".join(path.read_bytes() for path in files))
        print(f"{len(CASES)} cases, {len(files)} files, {sum(path.stat().st_size for path in files)} bytes, sha256 {whole.hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1:])
