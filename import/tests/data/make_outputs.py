#!/usr/bin/env python3
"""Outputs of TensorFlow Lite for Microcontrollers and of LiteRT's reference kernels for exported networks, and all 1797 digits.

usage: make_outputs.py [--check]

For each NAME.tflite of the folder `export` beside this file it writes, or compares,
  NAME.tflm.bin    outputs of TensorFlow Lite for Microcontrollers, a row for each digit
  NAME.ref.bin     outputs of LiteRT's reference kernels
and asserts that NAME_float.tflite, the same network with real numbers at its ends, puts out what these stand for.
"""
import os, pathlib, sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
import numpy as np
import tensorflow as tf
from tflite_micro import runtime

FOLDER = pathlib.Path(__file__).parent / "export"
DIGITS = pathlib.Path(__file__).parents[3] / "examples" / "data" / "digits.bin"
PIXELS = np.frombuffer(DIGITS.read_bytes(), np.uint8).reshape(-1, 65)[:, :64].astype(np.float32) / 16


def reference(model):
    interpreter = tf.lite.Interpreter(
        model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (x,), (y,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(row):
        interpreter.set_tensor(x["index"], row.reshape(x["shape"]))
        interpreter.invoke()
        return interpreter.get_tensor(y["index"]).ravel()

    return run, x["quantization"], y["quantization"], x["shape"]


def micro(model, shape):
    interpreter = runtime.Interpreter.from_bytes(model)

    def run(row):
        interpreter.set_input(row.reshape(shape), 0)
        interpreter.invoke()
        return interpreter.get_output(0).ravel()

    return run


def main():
    names = sorted(path.name.removesuffix("_float.tflite") for path in FOLDER.glob("*_float.tflite"))
    assert len(PIXELS) == 1797 and names
    for name in names:
        model, real = [(FOLDER / f"{name}{ending}").read_bytes() for ending in (".tflite", "_float.tflite")]
        run, (scale, zero), (y_scale, y_zero), shape = reference(model)
        quotients = PIXELS / np.float32(scale)
        rows = np.clip(np.floor(quotients + np.float32(0.5)) + zero, -128, 127).astype(np.int8)
        runs = {"ref": (run, reference(real)[0]), "tflm": (micro(model, shape), micro(real, shape))}
        outputs = {}
        for kind, (whole, ends) in runs.items():
            outputs[kind] = np.array([whole(row) for row in rows])
            stands_for = np.float32(y_scale) * (outputs[kind].astype(np.int32) - y_zero).astype(np.float32)
            assert np.array_equal(np.array([ends(row) for row in PIXELS]), stands_for), (name, kind)
            path = FOLDER / f"{name}.{kind}.bin"
            if "--check" in sys.argv:
                assert path.read_bytes() == outputs[kind].tobytes(), path
            else:
                path.write_bytes(outputs[kind].tobytes())
        differ = int((outputs["ref"] != outputs["tflm"]).sum())
        print(f"{name}: {len(model)} bytes, {outputs['tflm'].size} outputs, {differ} differ between both")


main()
