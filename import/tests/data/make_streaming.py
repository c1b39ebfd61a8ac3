#!/usr/bin/env python3
"""Streaming int8 networks, and what TensorFlow Lite for Microcontrollers makes of their frames: `streaming*` beside this file.

`streaming_lstm` is a long short-term memory of one position, whose state the operator keeps. `streaming` is as networks for wake words are:
the last frames are in a variable, a concatenation with the new frame is the window of a convolution, and its last rows are what the variable
has next. The second variable does not start with zeros. `streaming_ends` has two inputs and two outputs.

  pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0 tflite-micro==0.dev20261023182759     # Python 3.11
"""
import os, pathlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np
import tensorflow as tf
import tf_keras
from tflite_micro import runtime

FOLDER = pathlib.Path(__file__).parent
FRAMES, BANDS, CHANNELS = 32, 6, 8
rng = np.random.default_rng(3)


def normal(*shape, scale=1.0):
    return (rng.normal(size=shape) * scale).astype(np.float32)


class Network(tf.Module):
    def __init__(self):
        self.first = tf.Variable(tf.zeros((1, 4, 1, BANDS)), trainable=False, name="first")
        self.second = tf.Variable(np.abs(normal(1, 2, 1, CHANNELS)), trainable=False, name="second")
        self.windows = normal(5, 1, BANDS, CHANNELS, scale=0.2)
        self.bias = normal(CHANNELS, scale=0.3)
        self.channels = normal(3, 1, CHANNELS, 1, scale=0.5)
        self.classes = normal(CHANNELS, 3, scale=0.7)

    @tf.function(input_signature=[tf.TensorSpec((1, 1, 1, BANDS))])
    def frame(self, x):
        x = tf.concat([self.first, x], 1)
        self.first.assign(x[:, -4:])
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.windows, 1, "VALID"), self.bias))
        x = tf.concat([self.second, x], 1)
        self.second.assign(x[:, -2:])
        x = tf.nn.depthwise_conv2d(x, self.channels, [1] * 4, "VALID")
        return tf.nn.sigmoid(tf.matmul(tf.reshape(x, (1, CHANNELS)), self.classes))


class Ends(tf.Module):
    """Of two inputs and two outputs."""
    def __init__(self):
        self.last = tf.Variable(tf.zeros((1, 12)), trainable=False, name="last")
        self.weights = [normal(18, 4, scale=0.3), normal(3, 4, scale=0.5)]

    @tf.function(input_signature=[tf.TensorSpec((1, 6)), tf.TensorSpec((1, 3))])
    def frame(self, a, b):
        window = tf.concat([self.last, a], 1)
        self.last.assign(window[:, 6:])
        y = tf.matmul(window, self.weights[0])
        return y, tf.nn.relu(y + tf.matmul(b, self.weights[1]))


def write(name, converter, *shapes, outputs=1):
    """Quantises a model of frames of inputs of `shapes`, and runs it on random ones."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    samples = [normal(200, 1, *shape, scale=1.5) for shape in shapes]
    # The converter turns the order of inputs around.
    converter.representative_dataset = lambda: (list(sample) for sample in zip(*samples[::-1]))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    model = bytes(converter.convert())
    interpreter = runtime.Interpreter.from_bytes(model)
    inputs = [rng.integers(-128, 128, (FRAMES, 1, *shape)).astype(np.int8) for shape in shapes]
    # Those of a file are in its own order.
    order = [[list(x.shape[1:]) for x in inputs].index(list(interpreter.get_input_details(i)["shape"])) for i in range(len(inputs))]
    frames, results = b"", b""
    for n in range(FRAMES):
        for i, of in enumerate(order):
            interpreter.set_input(inputs[of][n], i)
            frames += inputs[of][n].tobytes()
        interpreter.invoke()
        results += b"".join(interpreter.get_output(i).tobytes() for i in range(outputs))
    (FOLDER / f"{name}.tflite").write_bytes(model)
    (FOLDER / f"{name}.in.bin").write_bytes(frames)
    (FOLDER / f"{name}.tflm.bin").write_bytes(results)
    print(name, len(model), "bytes,", len(set(results)), "different outputs")


def of_variables(network):
    """A converter of a network that keeps variables."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.frame.get_concrete_function()], network)
    converter.experimental_enable_resource_variables = True
    converter._experimental_variable_quantization = True
    return converter


write("streaming", of_variables(Network()), (1, 1, BANDS))

x = tf_keras.Input((1, BANDS), batch_size=1)
model = tf_keras.Model(x, tf_keras.layers.LSTM(5, return_sequences=True)(x))
model.set_weights([normal(*weight.shape, scale=0.7) for weight in model.get_weights()])
write("streaming_lstm", tf.lite.TFLiteConverter.from_keras_model(model), (1, BANDS))

write("streaming_ends", of_variables(Ends()), (6,), (3,), outputs=2)
