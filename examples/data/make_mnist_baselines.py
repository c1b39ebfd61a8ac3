#!/usr/bin/env python3
"""Writes mnist_baselines.txt: what small convolutional networks of PyTorch reach on the digits of mnist.bin.gz.

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    OMP_NUM_THREADS=1 venv/bin/python make_mnist_baselines.py

README.md gives the protocol. Takes some minutes on one core.
"""

import gzip
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).parent
SEEDS = range(1, 6)
BATCH = 32
EPOCHS = 8
LEARNING_RATE = 2e-3


def read():
    """Training images, training labels, held-out images, held-out labels."""
    rows = np.frombuffer(gzip.decompress((HERE / "mnist.bin.gz").read_bytes()), dtype=np.uint8).reshape(10_000, 785)
    xs = torch.tensor(rows[:, :784].reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255))
    labels = torch.tensor(rows[:, 784].astype(np.int64))
    held_out = torch.arange(10_000) % 5 == 4
    return xs[~held_out], labels[~held_out], xs[held_out], labels[held_out]


def convolutional(first, second):
    """Two convolutions, each with a ReLU and halved by a maximum pool; a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * 49, 10),
    )


def dense():
    """No convolution: what a network has that does not know where a pixel is."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def initialize(net):
    """As fusebox's `Init::He`: uniform, of variance 2 / fan_in before a ReLU and 1 / fan_in at the end; biases zero."""
    layers = [layer for layer in net if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for layer in layers:
        fan_in = layer.weight[0].numel()
        limit = math.sqrt(3 * (1 if layer is layers[-1] else 2) / fan_in)
        nn.init.uniform_(layer.weight, -limit, limit)
        nn.init.zeros_(layer.bias)


def train(make, seed, data, epochs=EPOCHS, rate=LEARNING_RATE, trace=False):
    """Accuracy on the held-out images, seconds of processor time, milliseconds of a step."""
    xs, labels, test_xs, test_labels = data
    torch.manual_seed(seed)
    net = make()
    initialize(net)
    optimizer = torch.optim.Adam(net.parameters())
    steps = math.ceil(len(xs) / BATCH)
    start = time.process_time()
    for epoch in range(epochs):
        for step, batch in enumerate(torch.randperm(len(xs)).split(BATCH)):
            # Falls linearly, from step to step, to zero.
            optimizer.param_groups[0]["lr"] = rate * (1 - (epoch * steps + step) / (epochs * steps))
            optimizer.zero_grad()
            F.cross_entropy(net(xs[batch]), labels[batch]).backward()
            optimizer.step()
    seconds = time.process_time() - start
    with torch.no_grad():
        right = net(test_xs).argmax(dim=1) == test_labels
    return right.float().mean().item(), seconds, 1e3 * seconds / (epochs * steps)


if __name__ == "__main__":
    torch.set_num_threads(1)
    data = read()
    for a in sys.argv[1:]:
        f, s, e, r, n = a.split(",")
        out = [train(lambda: convolutional(int(f), int(s)), seed, data, int(e), float(r)) for seed in range(1, int(n)+1)]
        print(a, [f"{o[0]:.4f}" for o in out], np.mean([o[0] for o in out]).round(4), out[0][1:], flush=True)
