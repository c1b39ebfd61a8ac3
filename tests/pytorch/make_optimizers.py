#!/usr/bin/env python3
"""Writes optimizers.txt: ten steps of PyTorch's update rules on 17 parameters.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python make_optimizers.py

Each rule runs twice on the same numbers: in float32, as people use it, and in float64, as a reference. The float64 run is
given the hyperparameters rounded to float32, because a rule written in float32 has no others. The rules' formulas are
in README.md beside this file; `formula` below restates them, and the two are compared.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch

SHAPES = {"weight": (3, 4), "bias": (5,)}
COUNT = sum(math.prod(shape) for shape in SHAPES.values())

# The steps after which float32 parameters are written; float64 ones are after each.
FLOAT32_STEPS = (1, 2, 5, 10)

# Name: (class, hyperparameters beside PyTorch's defaults, what is done to the gradients first).
RULES = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}, None),
    "sgd_weight_decay": (torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}, None),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, None),
    "momentum_weight_decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}, None),
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, None),
    "adam": (torch.optim.Adam, {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}, None),
    "adam_weight_decay": (
        torch.optim.Adam,
        {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
        None,
    ),
    "adamw": (
        torch.optim.AdamW,
        {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
        None,
    ),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}, None),
    "clip_value": (torch.optim.SGD, {"lr": 0.1}, ("value", 0.5)),
    "clip_norm": (torch.optim.SGD, {"lr": 0.1}, ("norm", 50.0)),
}


def numbers():
    """Initial parameters and the gradients of each step, all of them float32.

    The gradients' magnitudes ascend from 1e-9 (where Adam's eps counts) to 100; the first one is always zero. Some
    steps' gradients are small as a whole, so that clipping by norm has something to leave alone.
    """
    draw = random.Random(17).gauss
    magnitudes = [0.0] + [10.0 ** (-9 + 11 * i / (COUNT - 2)) for i in range(COUNT - 1)]
    steps = [1.0, 1.0, 0.01, 1.0, 3.0, 0.1, 1.0, 1.0, 0.001, 1.0]
    start = np.array([draw(0, 1) for _ in range(COUNT)], dtype=np.float32)
    gradients = [[draw(0, 1) * m * s for m in magnitudes] for s in steps]
    return start, np.array(gradients, dtype=np.float32)


def tensors(flat, dtype):
    """The numbers as weight and bias."""
    split = np.split(flat, [math.prod(SHAPES["weight"])])
    return [torch.tensor(part.reshape(shape), dtype=dtype) for part, shape in zip(split, SHAPES.values())]


def flatten(parts):
    return np.concatenate([part.detach().numpy().ravel() for part in parts])


def rounded(value):
    """Hyperparameters as float32 has them."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(map(rounded, value))
    return float(np.float32(value)) if isinstance(value, float) else value


def run(rule, start, gradients, dtype):
    """PyTorch's parameters after each step, and the gradients' norms where they are clipped by it."""
    make, hyper, clip = RULES[rule]
    if dtype == torch.float64:
        hyper, clip = rounded(hyper), rounded(clip)
    parameters = [torch.nn.Parameter(part) for part in tensors(start, dtype)]
    optimizer = make(parameters, **hyper)
    after, norms = [], []
    for gradient in gradients:
        for parameter, part in zip(parameters, tensors(gradient, dtype)):
            parameter.grad = part
        if clip and clip[0] == "value":
            torch.nn.utils.clip_grad_value_(parameters, clip[1])
        elif clip:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, clip[1]).item())
        optimizer.step()
        after.append(flatten(parameters))
    return after, norms


def formula(rule, start, gradients):
    """The same in float64 NumPy, from the formulas of README.md."""
    make, hyper, clip = rounded(RULES[rule])
    w = start.astype(np.float64)
    lr, decay, eps = hyper["lr"], hyper.get("weight_decay", 0.0), hyper.get("eps")
    m, v = np.zeros(COUNT), np.zeros(COUNT)
    after = []
    for t, g in enumerate(gradients.astype(np.float64), 1):
        if clip and clip[0] == "value":
            g = np.clip(g, -clip[1], clip[1])
        elif clip:
            g = g * min(1.0, clip[1] / (np.linalg.norm(g) + 1e-6))
        if make is torch.optim.AdamW:
            w = w - lr * decay * w
        else:
            g = g + decay * w
        if make is torch.optim.SGD:
            mu = hyper.get("momentum", 0.0)
            m = mu * m + g
            w = w - lr * (g + mu * m if hyper.get("nesterov") else m)
        elif make is torch.optim.RMSprop:
            v = hyper["alpha"] * v + (1 - hyper["alpha"]) * g * g
            w = w - lr * g / (np.sqrt(v) + eps)
        else:
            beta1, beta2 = hyper["betas"]
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        after.append(w)
    return after


def float32(values):
    """The shortest decimals that read back as the same float32."""
    return " ".join(str(np.float32(value)) for value in values)


def float64(values):
    """Thirteen significant digits: an error below 2^-40, nothing beside a float32."""
    return " ".join(f"{value:.13g}" for value in values)


def main():
    start, gradients = numbers()
    lines = [
        f"# Update rules of PyTorch {torch.__version__}; written by make_optimizers.py, described in README.md.",
        "# rule  what  step  12 numbers of weight [3][4], then 5 of bias [5]",
        f"all start 0 {float32(start)}",
    ]
    lines += [f"all gradient {t} {float32(gradient)}" for t, gradient in enumerate(gradients, 1)]
    for rule in RULES:
        single, _ = run(rule, start, gradients, torch.float32)
        double, norms = run(rule, start, gradients, torch.float64)
        for ours, theirs in zip(formula(rule, start, gradients), double):
            np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14, err_msg=rule)
        lines += [f"{rule} norm {t} {float64([norm])}" for t, norm in enumerate(norms, 1)]
        lines += [f"{rule} float32 {t} {float32(single[t - 1])}" for t in FLOAT32_STEPS]
        lines += [f"{rule} float64 {t} {float64(after)}" for t, after in enumerate(double, 1)]
        worst = max(np.abs(a - b).max() for a, b in zip(single, double))
        print(f"{rule}: float32 at most {worst:.2e} from float64")

    path = Path(__file__).with_name("optimizers.txt")
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
