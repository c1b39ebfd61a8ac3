"""Networks of eight bits in LiteRT, one thread, one input at a time: microseconds of an inference.

    python3 -m venv peers && peers/bin/pip install ai-edge-litert
    peers/bin/python benches/peers/int8.py ad01_int8.tflite kws_ref_model.tflite

    peers/bin/pip install tensorflow && peers/bin/python benches/peers/int8.py --make-resnet resnet8.tflite

The last command writes a ResNet-8 of random weights first, of MLPerf Tiny's sizes. The other models are MLPerf Tiny's (https://github.com/mlcommons/tiny, Apache-2.0). `XNNPACK` is LiteRT's default, `built-in` its own kernels
without that. Beside them are fusebox's times for the same layers (`cargo bench --bench int8`: ToyCar is `ad01_int8`, keywords
`kws_ref_model`). Times are of the processor; the table has medians. LiteRT's include what its interpreter does besides: Python's call alone is measured apart.
"""

import argparse
import pathlib
import statistics
import subprocess
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = {
    "XNNPACK": OpResolverType.BUILTIN,
    "built-in": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}


def microseconds(run, rounds):
    """The median of `rounds` times, each of as many runs as take two milliseconds."""
    count, taken = 1, 0.0
    while taken < 2e-3:
        count *= 2
        start = time.process_time()
        for _ in range(count):
            run()
        taken = time.process_time() - start
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(count):
            run()
        times.append((time.process_time() - start) / count)
    return 1e6 * statistics.median(times)


def litert(model, resolver, rounds):
    interpreter = Interpreter(str(model), num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    x = interpreter.get_input_details()[0]
    values = np.random.default_rng(1).integers(-128, 128, x["shape"], dtype=np.int8)
    interpreter.set_tensor(x["index"], values)
    return microseconds(interpreter.invoke, rounds)


def fusebox():
    """The line of the bench, if it can be run here."""
    command = ["cargo", "bench", "--bench", "int8"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=pathlib.Path(__file__).parent.parent, check=True)
    return "\n".join(line for line in run.stdout.splitlines() if line.startswith(("m x k", "ToyCar", "keywords", "ResNet-8")))


def make_resnet(path):
    """Writes ResNet-8 of eight bits: three blocks of two convolutions with a shortcut, of random weights."""
    import tensorflow as tf

    layers = tf.keras.layers

    def conv(x, filters, size, stride, activation=None):
        return layers.Conv2D(filters, size, strides=stride, padding="same", activation=activation)(x)

    x = image = layers.Input((32, 32, 3), batch_size=1)
    x = conv(x, 16, 3, 1, "relu")
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        y = conv(conv(x, filters, 3, stride, "relu"), filters, 3, 1)
        x = layers.ReLU()(layers.Add()([y, x if stride == 1 else conv(x, filters, 1, stride)]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    model = tf.keras.Model(image, layers.Dense(10, activation="softmax")(x))
    random = np.random.default_rng(1)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([random.random((1, 32, 32, 3), dtype=np.float32)] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("models", nargs="*", type=pathlib.Path)
    arguments.add_argument("--make-resnet", type=pathlib.Path)
    arguments.add_argument("--rounds", type=int, default=25)
    arguments.add_argument("--no-fusebox", action="store_true")
    arguments = arguments.parse_args()
    if arguments.make_resnet:
        make_resnet(arguments.make_resnet)
        arguments.models.append(arguments.make_resnet)
    print(f"{'':28}" + "".join(f"{name:>12}" for name in RESOLVERS))
    for model in arguments.models:
        times = [litert(model, resolver, arguments.rounds) for resolver in RESOLVERS.values()]
        print(f"{model.stem:28}" + "".join(f"{time:12.2f}" for time in times))
    print(f"{'a call that does nothing':28}{microseconds(lambda: None, arguments.rounds):12.2f}")
    if not arguments.no_fusebox:
        print(fusebox())


if __name__ == "__main__":
    main()
