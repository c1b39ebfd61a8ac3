"""all-MiniLM-L6-v2 on 32 tokens, a batch of one, one thread each: fusebox, PyTorch and onnxruntime, in one go:

    python3 -m venv peers && peers/bin/pip install torch==2.9.1 numpy onnx onnxscript onnxruntime
    python3 examples/bert/fetch.py
    peers/bin/python benches/peers/bert.py

PyTorch's and onnxruntime's model is that of `examples/bert/reference.py`, whose attention is
`scaled_dot_product_attention`, on 32 tokens without padding; fusebox's has room for 256 tokens. Each round runs
`cargo bench --bench bert` and then the others in turn. The table has medians over the rounds of each round's median; the
ratio is that of times to fusebox's, in the same round. The floor is the time of the multiply-adds at the peak that the
bench measures, and that of reading the weights once. Times are of the processor: not those while another program runs
there.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples/bert"))
import reference  # noqa: E402

TOKENS = torch.arange(1000, 1032)[None]
REPEATS = 41


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split("\t: ", 1) for line in lines if "\t: " in line)
    fields = {name.strip(): value for name, value in fields.items()}
    return f"{fields['model name']}, family {fields['cpu family']}, model {fields['model']}"


def milliseconds(run):
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times)


def in_torch(model):
    def run():
        with torch.inference_mode():
            return model(TOKENS)

    run()
    run()
    return run


def in_onnxruntime(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/minilm.onnx"
        torch.onnx.export(model, (TOKENS,), path, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: TOKENS.numpy()})[0]


def ours():
    command = ["cargo", "bench", "-q", "--bench", "bert", "--", "--tsv"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [float(x) for x in output.split()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = reference.load(ROOT / "examples/bert/model/model.safetensors")
    ways = {"PyTorch, eager": in_torch(model), "PyTorch, traced and frozen": None, "PyTorch, compiled": None}
    with torch.inference_mode():
        traced = torch.jit.freeze(torch.jit.trace(model, TOKENS))
    ways["PyTorch, traced and frozen"] = in_torch(traced)
    try:
        ways["PyTorch, compiled"] = in_torch(torch.compile(model))
    except Exception as error:  # torch.compile needs a C++ compiler.
        del ways["PyTorch, compiled"]
        print(f"not compiled: {str(error).splitlines()[0]}")
    ways["onnxruntime"] = in_onnxruntime(model)
    expected = np.asarray(ways["PyTorch, eager"]())
    for name, run in ways.items():
        assert np.abs(np.asarray(run()) - expected).max() < 1e-5, name

    rows = []
    for _ in range(options.rounds):
        rows.append(ours() + [milliseconds(run) for run in ways.values()])
    versions = f"PyTorch {torch.__version__}, onnxruntime {onnxruntime.__version__}"
    print(f"{processor()}; {versions}; {options.rounds} rounds\n")
    print(f"{'':28}  {'ms':>7}  {'of fusebox':>10}")
    for i, name in enumerate(["fusebox", "floor", *ways]):
        time_of, ratio = (statistics.median(x) for x in ([row[i] for row in rows], [row[i] / row[0] for row in rows]))
        print(f"{name:28}  {time_of:7.2f}  {ratio:10.2f}")


if __name__ == "__main__":
    main()
