#!/usr/bin/env python3
"""Writes mnist_baselines.csv: what small convolutional networks of PyTorch reach on the digits of mnist.bin.gz.

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    OMP_NUM_THREADS=1 venv/bin/python make_mnist_baselines.py

README.md gives the protocol. Takes some minutes on one core.
"""

import gzip
import math
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
LEARNING_RATE = 5e-3


def read():
    """Training images, training labels, held-out images, held-out labels."""
    rows = np.frombuffer(gzip.decompress((HERE / "mnist.bin.gz").read_bytes()), dtype=np.uint8).reshape(10_000, 785)
    xs = torch.tensor(rows[:, :784].reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255))
    labels = torch.tensor(rows[:, 784].astype(np.int64))
    held_out = torch.arange(10_000) % 5 == 4
    return xs[~held_out], labels[~held_out], xs[held_out], labels[held_out]


def convolutional(first, second, dropout=0.0):
    """Two convolutions, each with a ReLU and halved by a maximum pool; a linear layer, before it maybe dropout."""
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(second * 49, 10),
    )


def dense():
    """For comparison: no convolutions, and more weights than the smaller network with them."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


NETWORKS = {
    "conv_8_16": lambda: convolutional(8, 16),
    "conv_16_32_dropout": lambda: convolutional(16, 32, dropout=0.4),
    "dense_128": dense,
}


def initialize(net):
    """As fusebox's `Init::He`: uniform, of variance 2 / fan_in before a ReLU and 1 / fan_in at the end; biases zero."""
    layers = [layer for layer in net if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for layer in layers:
        fan_in = layer.weight[0].numel()
        limit = math.sqrt(3 * (1 if layer is layers[-1] else 2) / fan_in)
        nn.init.uniform_(layer.weight, -limit, limit)
        nn.init.zeros_(layer.bias)


def train(make, seed, data):
    """Accuracy on the held-out images, seconds of processor time."""
    xs, labels, test_xs, test_labels = data
    torch.manual_seed(seed)
    net = make()
    initialize(net)
    optimizer = torch.optim.Adam(net.parameters())
    steps = EPOCHS * math.ceil(len(xs) / BATCH)
    start, step = time.process_time(), 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(xs)).split(BATCH):
            # Falls linearly, from step to step, to zero.
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
            optimizer.zero_grad()
            F.cross_entropy(net(xs[batch]), labels[batch]).backward()
            optimizer.step()
            step += 1
    seconds = time.process_time() - start
    net.eval()
    with torch.no_grad():
        right = net(test_xs).argmax(dim=1) == test_labels
    return right.double().mean().item(), seconds


def main():
    torch.set_num_threads(1)
    data = read()
    rows = [",".join(["task", "method", "metric", "mean", "deviation"] + [f"seed_{seed}" for seed in SEEDS])]
    for method, make in NETWORKS.items():
        accuracies, seconds = zip(*(train(make, seed, data) for seed in SEEDS))
        for metric, values in {"accuracy": accuracies, "seconds": seconds}.items():
            numbers = [np.mean(values), np.std(values), *values]
            rows.append(",".join(["mnist", method, metric] + [f"{number:.4f}" for number in numbers]))
            print(rows[-1], flush=True)
    (HERE / "mnist_baselines.csv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
