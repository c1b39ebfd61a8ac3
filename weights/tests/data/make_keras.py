"""Writes here the weights of networks of Keras (`keras_NAME.safetensors`, named by the variables' paths), inputs
(`keras_NAME.in.bin`: f32, tokens as u16) and outputs (`keras_NAME.out.bin`), rows of little-endian numbers. All weights are random:
Keras's initial gains, statistics and biases would hide an order that is wrong.

    pip install tensorflow==2.21.0 safetensors && python3 make_keras.py
"""

import numpy as np
import keras
from keras import layers
from safetensors.numpy import save_file

rng = np.random.default_rng(1)
PICTURE = keras.Sequential([
    keras.Input((6, 6, 2)),
    layers.Conv2D(4, (3, 2), name="features"),
    layers.BatchNormalization(epsilon=1e-5, name="bn"),
    layers.ReLU(),
    layers.DepthwiseConv2D((2, 3), strides=2, depth_multiplier=2, activation="relu", name="depthwise"),
    layers.Flatten(),
    layers.Dense(3, name="head"),
], name="picture")
TOKENS = keras.Sequential([
    keras.Input((6,)),
    layers.Embedding(9, 5, name="embedding"),
    layers.LayerNormalization(epsilon=1e-5, name="norm"),
    layers.GRU(4, return_sequences=True, name="gru"),
    layers.LSTM(3, name="lstm"),
    layers.Dense(2, name="head"),
], name="tokens")
FRAMES = keras.Sequential([
    keras.Input((6, 12)),
    layers.Conv1D(6, 3, name="conv"),
    layers.GroupNormalization(2, epsilon=1e-5, name="gn"),
    layers.ReLU(),
    layers.GlobalAveragePooling1D(),
    layers.RMSNormalization(epsilon=1e-6, name="rms"),
    layers.Dense(3, name="head"),
], name="frames")
DECODER = keras.Sequential([
    keras.Input((6, 6, 2)),
    layers.Conv2D(4, 2, strides=2, activation="relu", name="down"),
    layers.Conv2DTranspose(3, (3, 2), strides=2, activation="relu", name="up"),
    layers.Flatten(),
    layers.Dense(3, name="head"),
], name="decoder")

for name, net, x in [
    ("picture", PICTURE, rng.standard_normal((16, 6, 6, 2)).astype("<f4")),
    ("tokens", TOKENS, rng.integers(0, 9, (16, 6)).astype("<u2")),
    ("frames", FRAMES, rng.standard_normal((16, 6, 12)).astype("<f4")),
    ("decoder", DECODER, rng.standard_normal((16, 6, 6, 2)).astype("<f4")),
]:
    # No seeds of generators.
    variables = [v for v in net.variables if "seed" not in v.path]
    for v in variables:
        values = rng.standard_normal(v.shape) * 0.5
        v.assign(np.abs(values) + 0.5 if "variance" in v.path else values)
    save_file({v.path: np.array(v.value) for v in variables}, f"keras_{name}.safetensors")
    x.tofile(f"keras_{name}.in.bin")
    np.asarray(net(x, training=False), "<f4").tofile(f"keras_{name}.out.bin")
    print(name, [(v.path, tuple(v.shape)) for v in variables])
