"""The ResNet-8 of MLPerf Tiny and single convolutions in fusebox, PyTorch and LiteRT (XNNPACK), one thread each, in one go:

    python3 -m venv peers && peers/bin/pip install torch ai-edge-litert
    peers/bin/python benches/peers/convolutions.py --tflite pretrainedResnet.tflite --record benches/peers/records

The model for LiteRT is benchmark/training/image_classification/trained_models/pretrainedResnet.tflite of
github.com/mlcommons/tiny (f32); without --tflite, LiteRT is left out.

Before anything is timed, fusebox and PyTorch start from the same parameters and must agree in logits, in the loss of a training
step and in the logits after it. Then each round runs `cargo bench --bench convolutions`, PyTorch and LiteRT, one after the other; the
table has medians over the rounds. % of peak is of the multiply-add peak that fusebox's bench measures; benches/convolutions.rs
says which operations count. Of PyTorch, the faster counts of NCHW and channels_last and, for inference, with batch
normalisation folded, eager and traced (`optimize_for_inference`). Its convolutions of stride 2 pad by 1 on each side when timed, which
saves it a copy. Times are of the processor: not those while another program runs there.
"""

import argparse
import datetime
import json
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(1)
HERE = pathlib.Path(__file__).resolve().parent
RATE = 1e-6
FORMATS = [torch.contiguous_format, torch.channels_last]


class Conv(nn.Conv2d):
    """As Keras pads: with stride 2, a row below and a column to the right. With `around`, by 1 on each side."""

    around = True

    def forward(self, x):
        if self.stride == (2, 2) and self.kernel_size == (3, 3) and not Conv.around:
            return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, 2)
        return super().forward(x)


def conv(channels, filters, kernel=3, stride=1):
    return Conv(channels, filters, kernel, stride, padding=kernel // 2)


class Branches(nn.Module):
    """Two convolutions, and the input or a convolution of it, added."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.one = nn.Sequential(
            conv(channels, filters, 3, stride), nn.BatchNorm2d(filters), nn.ReLU(), conv(filters, filters), nn.BatchNorm2d(filters)
        )
        self.two = conv(channels, filters, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.one(x) + self.two(x))


def resnet8():
    net = nn.Sequential(
        conv(3, 16),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Branches(16, 16, 1),
        Branches(16, 32, 2),
        Branches(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return net


def numbers(net):
    """The parameters in the order of tests/support/resnet8.rs."""
    all = []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            all += [layer.weight.permute(2, 3, 1, 0), layer.bias]
        elif isinstance(layer, nn.BatchNorm2d):
            all += [layer.weight, layer.bias, layer.running_mean, layer.running_var]
        elif isinstance(layer, nn.Linear):
            all += [layer.weight.t(), layer.bias]
    return torch.cat([part.detach().reshape(-1) for part in all])


def cargo(*arguments):
    command = ["cargo", "bench", "--quiet", "--bench", "convolutions", "--", *arguments]
    return subprocess.run(command, cwd=HERE.parent.parent, check=True, capture_output=True, text=True).stdout


def check():
    """Both do the same with the same parameters."""
    Conv.around = False
    net, x = resnet8(), torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for part, low, high in [(layer.weight, 0.5, 1.5), (layer.bias, -0.5, 0.5), (layer.running_mean, -0.5, 0.5), (layer.running_var, 0.5, 1.5)]:
                    part.uniform_(low, high)
    given = torch.cat([numbers(net), x.permute(0, 2, 3, 1).reshape(-1)]).tolist()
    with tempfile.NamedTemporaryFile() as file:
        file.write(struct.pack(f"<{len(given)}f", *given))
        file.flush()
        ours = [torch.tensor(json.loads(line)) for line in cargo("--check", file.name).splitlines() if line.startswith("[[")]
    logits = net.eval()(x).detach()
    loss = F.cross_entropy(net.train()(x), torch.tensor([3]))
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=0.01).step()
    after = net.eval()(x).detach()
    for what, a, b in zip(["folded", "logits", "loss", "logits after a step"], ours, [logits, logits, loss.detach().reshape(1, 1), after], strict=True):
        error = ((a - b).abs().max() / b.abs().max()).item()
        print(f"{what}: largest difference {error:.1e} of the largest", file=sys.stderr)
        if not error < 1e-4:
            sys.exit(f"fusebox and PyTorch differ: {a} and {b}")
    Conv.around = True


def seconds(run):
    """Median of batches of at least 2 ms of processor time."""
    run()
    times = 1
    while True:
        start = time.process_time()
        for _ in range(times):
            run()
        if time.process_time() - start > 2e-3:
            break
        times *= 2
    samples = []
    for _ in range(15):
        start = time.process_time()
        for _ in range(times):
            run()
        samples.append((time.process_time() - start) / times)
    return statistics.median(samples)


def inferences():
    x = torch.randn(1, 3, 32, 32)
    for format in FORMATS:
        net = resnet8().eval()
        net[0] = nn.utils.fuse_conv_bn_eval(net[0], net[1])
        net[1] = nn.Identity()
        for block in net[3:6]:
            one = block.one
            block.one = nn.Sequential(nn.utils.fuse_conv_bn_eval(one[0], one[1]), nn.ReLU(), nn.utils.fuse_conv_bn_eval(one[3], one[4]))
        net, y = net.to(memory_format=format), x.to(memory_format=format)
        traced = torch.jit.optimize_for_inference(torch.jit.trace(net, y))
        yield lambda net=net, y=y: net(y)
        yield lambda net=traced, y=y: net(y)


def steps(batch):
    xs, labels = torch.randn(batch, 3, 32, 32), torch.arange(batch) % 10
    for format in FORMATS:
        net, ys = resnet8().train().to(memory_format=format), xs.to(memory_format=format)
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

        def step(net=net, ys=ys, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(net(ys), labels).backward()
            optimizer.step()

        yield step


def forward(layer, batch, channels, size):
    for format in FORMATS:
        net, x = layer().to(memory_format=format), torch.randn(batch, channels, size, size).to(memory_format=format)
        yield lambda net=net, x=x: net(x)


def both_ways(layer, batch, channels, size):
    for format in FORMATS:
        net, x = layer().to(memory_format=format), torch.randn(batch, channels, size, size).to(memory_format=format)
        x.requires_grad_()
        dy = torch.randn(batch, channels, size, size).to(memory_format=format)

        def run(net=net, x=x, dy=dy):
            _, *gradients = torch.autograd.grad(net(x), [x, net.weight, net.bias], dy)
            with torch.no_grad():
                torch._foreach_add_([net.weight, net.bias], gradients, alpha=-RATE)

        yield run


def cases():
    """Names as fusebox's bench has them: what PyTorch runs, and whether without gradients."""
    full = lambda: nn.Conv2d(16, 16, 3, padding=1)
    depthwise = lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64)
    all = {"ResNet-8 inference, batch 1": (inferences, True)}
    for batch in [1, 32]:
        all[f"ResNet-8 step, batch {batch}"] = (lambda batch=batch: steps(batch), False)
        for name, sizes in [("conv 3x3 16 to 16, 32x32", (full, batch, 16, 32)), ("depthwise 3x3 of 64, 24x24", (depthwise, batch, 64, 24))]:
            all[f"{name}, forward, batch {batch}"] = (lambda sizes=sizes: forward(*sizes), True)
            all[f"{name}, both ways, batch {batch}"] = (lambda sizes=sizes: both_ways(*sizes), False)
    return all


def litert(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    assert given["dtype"].__name__ == "float32", "an f32 model"
    interpreter.set_tensor(given["index"], torch.randn(*given["shape"].tolist()).numpy())
    return seconds(interpreter.invoke)


def processor():
    """As the records of gemm name it."""
    info = {}
    for line in open("/proc/cpuinfo"):
        if ":" in line:
            key, value = line.split(":", 1)
            info.setdefault(key.strip(), value.strip())
    return f"{info.get('model name', 'unknown')}, family {info.get('cpu family', '?')} model {info.get('model', '?')}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tflite", help="the f32 model for LiteRT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", type=pathlib.Path, help="a folder for the table, named after the processor")
    arguments = parser.parse_args()
    check()
    ours, theirs, lite, peaks, flops = {}, {}, [], [], {}
    for round in range(arguments.rounds):
        for line in cargo("--tsv").splitlines():
            match line.split("\t"):
                case ["peak", value]:
                    peaks.append(float(value))
                case [name, count, taken, part]:
                    flops[name] = int(count)
                    ours.setdefault(name, []).append((float(taken), float(part)))
        for name, (variants, inference) in cases().items():
            with torch.inference_mode() if inference else torch.enable_grad():
                theirs.setdefault(name, []).append(min(seconds(run) for run in variants()))
        if arguments.tflite:
            lite.append(litert(arguments.tflite))
        print(f"round {round + 1} of {arguments.rounds}", file=sys.stderr)
    peak = statistics.median(peaks)
    rows = ["| | Mflop | fusebox, us | % of peak | PyTorch, us | % of peak | LiteRT, us | % of peak | best peer : fusebox |", "|---|---|---|---|---|---|---|---|---|"]
    for name, samples in ours.items():
        taken = statistics.median(taken for taken, _ in samples)
        part = statistics.median(part for _, part in samples)
        peer = statistics.median(theirs[name])
        cells = [f"{1e-6 * flops[name]:.1f}", f"{1e6 * taken:.1f}", f"{100 * part:.1f}", f"{1e6 * peer:.1f}", f"{100 * flops[name] / peer / peak:.1f}"]
        if lite and "inference" in name:
            best = statistics.median(lite)
            cells += [f"{1e6 * best:.1f}", f"{100 * flops[name] / best / peak:.1f}"]
        else:
            best, cells = peer, cells + ["", ""]
        cells.append(f"{min(best, peer) / taken:.2f}")
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    versions = f"PyTorch {torch.__version__}"
    if lite:
        from importlib.metadata import version

        versions += f", LiteRT {version('ai-edge-litert')} (XNNPACK)"
    date = datetime.date.today()
    text = f"# Convolutions: {processor()}\n\n{date}; one thread, processor time; {versions}; multiply-add peak {1e-9 * peak:.0f} Gflop/s; medians of {arguments.rounds} rounds\n(`benches/peers/convolutions.py`; `benches/convolutions.rs` says which operations count).\n\n" + "\n".join(rows) + "\n"
    print(text)
    if arguments.record:
        name = "convolutions/" + "-".join(processor().lower().replace(",", "").split())
        path = arguments.record / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


main()
