#!/usr/bin/env python3
"""Writes functions.txt: losses, layer normalisation and activations of PyTorch in float64, with gradients.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python make_functions.py

Every input is a float32, so that a function written in float32 is given the very same numbers; so are the constants
(a slope of 0.01, say), rounded to float32 first. README.md beside this file gives the formulas and the layout.
"""

import random
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

DRAW = random.Random(23)
LINES = []


def float32(value):
    return float(np.float32(value))


def tensor(values):
    """The numbers, rounded to float32, as a float64 tensor that wants a gradient."""
    rounded = np.array(values, dtype=np.float32).astype(np.float64)
    return torch.tensor(rounded, requires_grad=True)


def normal(rows, cols, scale=1.0):
    return [[DRAW.gauss(0, scale) for _ in range(cols)] for _ in range(rows)]


def write(case, field, values, digits=13):
    """Thirteen significant digits; inputs are written as the shortest decimals of the float32 they are."""
    numbers = values.detach().numpy().ravel() if isinstance(values, torch.Tensor) else np.ravel(values)
    text = [str(np.float32(x)) if digits is None else f"{x:.{digits}g}" for x in numbers]
    LINES.append(f"{case} {field} {' '.join(text)}")


def given(case, **fields):
    """What goes in."""
    for field, values in fields.items():
        write(case, field, values, digits=None)


def loss(case, x, function):
    """The single losses, their mean, and the mean's gradient with respect to x."""
    write(case, "losses", function(x, reduction="none"))
    mean = function(x, reduction="mean")
    mean.backward()
    write(case, "mean", mean)
    write(case, "dx", x.grad)
    x.grad = None


def section(text):
    LINES.append(f"# {text}")


def cross_entropy():
    section("cross_entropy: x [rows][classes], labels [rows], weight [classes]; mean over the batch")
    ordinary = normal(5, 4, 2.0), [2, 0, 3, 1, 1]
    extreme = [[1000, -1000, 0], [88, 89, 90], [-104, 0, 1e-3], [-1e4, -1e4, -1e4], [3e4, 3e4, -3e4]], [0, 0, 0, 2, 2]
    weights = [0.5, 2.0, 1.25, 3.0]
    for name, (x, labels) in {"ordinary": ordinary, "extreme": extreme}.items():
        x, labels = tensor(x), torch.tensor(labels)
        weight = tensor(weights[: x.shape[1]]).detach()
        given(f"cross_entropy.{name}", x=x, weight=weight)
        write(f"cross_entropy.{name}", "labels", labels)
        smoothing = float32(0.1)
        for variant, hyper in {
            "plain": {},
            "smoothed": {"label_smoothing": smoothing},
            "weighted": {"weight": weight},
            "smoothed_weighted": {"label_smoothing": smoothing, "weight": weight},
        }.items():
            loss(f"cross_entropy.{name}.{variant}", x, partial(F.cross_entropy, target=labels, **hyper))


def binary_cross_entropy():
    section("binary_cross_entropy: x [rows][2] logits, target [rows][2], pos_weight [2]; mean over all elements")
    x = tensor(normal(3, 2, 2.0) + [[0, -0.0], [100, -100], [-1000, 1000], [88.5, -103.5], [1e-6, -30], [1e4, 1e4]])
    target = tensor([[1, 0], [0, 1], [0.25, 0.75], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 0]]).detach()
    pos_weight = tensor([2.5, 0.5]).detach()
    given("binary_cross_entropy", x=x, target=target, pos_weight=pos_weight)
    function = partial(F.binary_cross_entropy_with_logits, target=target)
    loss("binary_cross_entropy.plain", x, function)
    loss("binary_cross_entropy.weighted", x, partial(function, pos_weight=pos_weight))


def regression():
    section("regression: x [rows][3], target [rows][3]; mean over all elements")
    x = tensor(normal(3, 3) + [[0, 0.5, 1], [-1, -0.5, 1.5], [100, -1000, 1e-4]])
    target = tensor(normal(3, 3) + [[0, 0, 0]] * 3).detach()
    given("regression", x=x, target=target)
    loss("regression.mse", x, partial(F.mse_loss, target=target))
    loss("regression.huber_1", x, partial(F.huber_loss, target=target, delta=1.0))
    loss("regression.huber_0.5", x, partial(F.huber_loss, target=target, delta=0.5))


def layer_norm():
    section("layer_norm: x [4][7], weight [7], bias [7], dy [4][7]; eps 1e-5")
    rows = normal(2, 7) + [[1000 + DRAW.gauss(0, 0.5) for _ in range(7)], [3.0] * 7]
    x, weight, bias = tensor(rows), tensor(normal(1, 7)[0]), tensor(normal(1, 7)[0])
    dy = tensor(normal(4, 7)).detach()
    given("layer_norm", x=x, weight=weight, bias=bias, dy=dy)
    y = F.layer_norm(x, (7,), weight, bias, float32(1e-5))
    y.backward(dy)
    for field, values in {"y": y, "dx": x.grad, "dweight": weight.grad, "dbias": bias.grad}.items():
        write("layer_norm", field, values)


def rms_norm():
    section("rms_norm: x [3][7], weight [7], dy [3][7]; eps 1e-6")
    x, weight = tensor(normal(2, 7) + [normal(1, 7, 1e-3)[0]]), tensor(normal(1, 7)[0])
    dy = tensor(normal(3, 7)).detach()
    given("rms_norm", x=x, weight=weight, dy=dy)
    y = F.rms_norm(x, (7,), weight, float32(1e-6))
    y.backward(dy)
    for field, values in {"y": y, "dx": x.grad, "dweight": weight.grad}.items():
        write("rms_norm", field, values)


def swiglu():
    section("swiglu: x [3][10], dy [3][5]")
    x, dy = tensor(normal(3, 10, 2.0)), tensor(normal(3, 5)).detach()
    given("swiglu", x=x, dy=dy)
    gate, value = x.chunk(2, dim=1)
    y = F.silu(gate) * value
    y.backward(dy)
    write("swiglu", "y", y)
    write("swiglu", "dx", x.grad)


def ignoring():
    section("ignoring: x [6][4], labels [6], -100 for none; mean over the rows with a label")
    x, labels = tensor(normal(6, 4, 2.0)), torch.tensor([1, -100, 3, 0, -100, 2])
    given("ignoring", x=x)
    write("ignoring", "labels", labels)
    loss("ignoring", x, partial(F.cross_entropy, target=labels, ignore_index=-100))


def activations():
    section("activations: x, and for each function y and dy/dx")
    positive = [1e-30, 1e-6, 1e-3, 0.0625, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 5, 5.75, 6, 6.25]
    x = tensor([-100, -20, -10] + [-v for v in reversed(positive)] + [0] + positive + [10, 20, 100])
    given("activation", x=x)
    slope = float32(0.01)
    for name, function in {
        "gelu": F.gelu,
        "gelu_tanh": partial(F.gelu, approximate="tanh"),
        "silu": F.silu,
        "leaky_relu": partial(F.leaky_relu, negative_slope=slope),
        "relu6": F.relu6,
    }.items():
        y = function(x)
        y.sum().backward()
        write(f"activation.{name}", "y", y)
        write(f"activation.{name}", "dx", x.grad)
        x.grad = None


def main():
    LINES.append(f"# Functions of PyTorch {torch.__version__}; written by make_functions.py, described in README.md.")
    LINES.append("# case  field  numbers, row after row")
    for part in (cross_entropy, binary_cross_entropy, regression, layer_norm, activations, rms_norm, swiglu, ignoring):
        part()
    path = Path(__file__).with_name("functions.txt")
    path.write_text("\n".join(LINES) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
