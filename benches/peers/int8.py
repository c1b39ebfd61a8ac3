"""Networks of eight bits in LiteRT, one thread, one input at a time: microseconds of an inference.

    python3 -m venv peers && peers/bin/pip install ai-edge-litert
    peers/bin/python benches/peers/int8.py ad01_int8.tflite kws_ref_model.tflite

Models are MLPerf Tiny's (https://github.com/mlcommons/tiny, Apache-2.0). `XNNPACK` is LiteRT's default, `built-in` its own kernels
without that. Beside `ad01_int8` is fusebox's time for the same layers (`cargo bench --bench int8`, "ToyCar"). Times are of the
processor; the table has medians. LiteRT's include what its interpreter does besides: Python's call alone is measured apart.
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
    return "\n".join(line for line in run.stdout.splitlines() if line.startswith(("m x k", "ToyCar")))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("models", nargs="+", type=pathlib.Path)
    arguments.add_argument("--rounds", type=int, default=25)
    arguments.add_argument("--no-fusebox", action="store_true")
    arguments = arguments.parse_args()
    print(f"{'':28}" + "".join(f"{name:>12}" for name in RESOLVERS))
    for model in arguments.models:
        times = [litert(model, resolver, arguments.rounds) for resolver in RESOLVERS.values()]
        print(f"{model.stem:28}" + "".join(f"{time:12.2f}" for time in times))
    print(f"{'a call that does nothing':28}{microseconds(lambda: None, arguments.rounds):12.2f}")
    if not arguments.no_fusebox:
        print(fusebox())


if __name__ == "__main__":
    main()
