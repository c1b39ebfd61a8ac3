"""The classic exercise in NumPy: 100 samples of 10 features through 10 ReLU neurons to 2 logits, 1000 epochs of full
batches, softmax cross-entropy, stochastic gradient descent at rate 0.01, all in 32-bit numbers on one thread.

    python exercise.py      two clouds of its own
    python exercise.py -    samples and first weights from standard input: little-endian numbers, one after the other

Prints the median time of several trainings and the loss after the last. Every array is made before the clock starts
and written in place. The loss of each epoch is left out, though fusebox tells it: it would take a third as long again.
"""

import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

SAMPLES, FEATURES, HIDDEN, CLASSES = 100, 10, 10, 2
EPOCHS, RATE, TRAININGS = 1000, 0.01, 7


def clouds():
    """Samples and first weights, as standard input would have them."""
    rng = np.random.default_rng(1)
    xs = rng.uniform(-1, 1, (SAMPLES, FEATURES)) + (np.arange(SAMPLES) % 2 - 0.5)[:, None]
    w1 = rng.uniform(-1, 1, (FEATURES, HIDDEN)) * np.sqrt(6 / FEATURES)
    w2 = rng.uniform(-1, 1, (HIDDEN, CLASSES)) * np.sqrt(3 / HIDDEN)
    parts = xs, w1, np.zeros(HIDDEN), w2, np.zeros(CLASSES)
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def train(xs, right, w1, b1, w2, b2):
    """All epochs; `right` holds a one where a sample has its class. Moves the weights, returns the seconds."""
    hidden = np.empty((SAMPLES, HIDDEN), np.float32)
    gate = np.empty((SAMPLES, HIDDEN), bool)
    dhidden = np.empty_like(hidden)
    logits = np.empty((SAMPLES, CLASSES), np.float32)
    row = np.empty((SAMPLES, 1), np.float32)
    dw1, db1, dw2, db2 = (np.empty_like(w) for w in (w1, b1, w2, b2))
    xs_t, hidden_t, w2_t = xs.T, hidden.T, w2.T
    scale = np.float32(RATE / SAMPLES)

    start = time.perf_counter()
    for _ in range(EPOCHS):
        np.matmul(xs, w1, out=hidden)
        np.add(hidden, b1, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, w2, out=logits)
        np.add(logits, b2, out=logits)
        # From the logits to their gradient, the rate in it, in place.
        np.maximum.reduce(logits, axis=1, keepdims=True, out=row)
        np.subtract(logits, row, out=logits)
        np.exp(logits, out=logits)
        np.add.reduce(logits, axis=1, keepdims=True, out=row)
        np.divide(logits, row, out=logits)
        np.subtract(logits, right, out=logits)
        np.multiply(logits, scale, out=logits)
        # Backward.
        np.matmul(logits, w2_t, out=dhidden)
        np.greater(hidden, 0, out=gate)
        np.multiply(dhidden, gate, out=dhidden)
        # Update.
        np.matmul(hidden_t, logits, out=dw2)
        np.subtract(w2, dw2, out=w2)
        np.add.reduce(logits, axis=0, out=db2)
        np.subtract(b2, db2, out=b2)
        np.matmul(xs_t, dhidden, out=dw1)
        np.subtract(w1, dw1, out=w1)
        np.add.reduce(dhidden, axis=0, out=db1)
        np.subtract(b1, db1, out=b1)
    return time.perf_counter() - start


def mean_loss(xs, labels, w1, b1, w2, b2):
    logits = np.maximum(xs @ w1 + b1, 0) @ w2 + b2
    logits -= logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(SAMPLES), labels])


def main():
    given = sys.argv[1:] == ["-"]
    numbers = np.frombuffer(sys.stdin.buffer.read(), "<f4") if given else clouds()
    shapes = (SAMPLES, FEATURES), (FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    xs, *first = (part.reshape(shape) for part, shape in zip(np.split(numbers, ends[:-1]), shapes))
    labels = np.arange(SAMPLES) % CLASSES
    right = np.eye(CLASSES, dtype=np.float32)[labels]

    times = []
    for _ in range(TRAININGS):
        weights = [part.copy() for part in first]
        times.append(train(xs, right, *weights))
    print(f"{1e3 * np.median(times):.3f} ms, loss {mean_loss(xs, labels, *weights):.7f}")


main()
