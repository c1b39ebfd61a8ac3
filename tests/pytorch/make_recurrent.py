#!/usr/bin/env python3
"""Writes recurrent.txt: recurrent layers of PyTorch in float64, with gradients.

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    OMP_NUM_THREADS=1 venv/bin/python make_recurrent.py

Every input is a float32. README.md beside this file gives the layout.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch

DRAW = random.Random(31)
LINES = []

# Name: (layer, its further arguments, sequences, positions, inputs, outputs).
CASES = {
    "gru.small": (torch.nn.GRU, {}, 3, 5, 4, 6),
    "gru.wide": (torch.nn.GRU, {}, 2, 3, 5, 19),
    "lstm.small": (torch.nn.LSTM, {}, 3, 5, 4, 6),
    "lstm.wide": (torch.nn.LSTM, {}, 2, 3, 5, 19),
    "rnn.tanh": (torch.nn.RNN, {}, 3, 5, 4, 6),
    "rnn.relu": (torch.nn.RNN, {"nonlinearity": "relu"}, 2, 4, 3, 17),
}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def normal(*shape, scale=1.0):
    """Normal numbers of three decimals, rounded to float32, as a float64 tensor."""
    numbers = [round(DRAW.gauss(0, scale), 3) for _ in range(math.prod(shape))]
    return torch.tensor(np.array(numbers, dtype=np.float32).astype(np.float64).reshape(shape))


def given(case, **fields):
    """Inputs: the shortest decimals of the float32s they are."""
    for field, values in fields.items():
        text = [str(np.float32(x)).removesuffix(".0") for x in values.detach().numpy().ravel()]
        LINES.append(f"{case} {field} {' '.join(text)}")


def write(case, **fields):
    """Results: nine significant digits."""
    for field, values in fields.items():
        text = ["0" if abs(x) < 1e-13 else f"{x:.9g}" for x in values.detach().numpy().ravel()]
        LINES.append(f"{case} {field} {' '.join(text)}")


def main():
    LINES.append(f"# Recurrent layers of PyTorch {torch.__version__}; written by make_recurrent.py, described in README.md.")
    for case, (layer, more, sequences, positions, inputs, outputs) in CASES.items():
        net = layer(inputs, outputs, batch_first=True, dtype=torch.float64, **more)
        for name, parameter in net.named_parameters():
            parameter.data = normal(*parameter.shape, scale=0.5)
        x, dy = normal(sequences, positions, inputs), normal(sequences, positions, outputs)
        x.requires_grad_()
        y, _ = net(x)
        (y * dy).sum().backward()
        parameters = {name: getattr(net, f"{name}_l0") for name in WEIGHTS}
        given(case, x=x, dy=dy, **parameters)
        write(case, y=y, dx=x.grad, **{f"d{name}": parameter.grad for name, parameter in parameters.items()})
    path = Path(__file__).parent / "recurrent.txt"
    path.write_text("\n".join(LINES) + "\n")
    print(f"{path}: {len(CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
