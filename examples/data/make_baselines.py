#!/usr/bin/env python3
"""Writes baselines.csv: what scikit-learn's networks reach on the data beside this file, split as the examples split it.

    python3 -m venv venv && venv/bin/pip install scikit-learn
    venv/bin/python make_baselines.py

README.md gives the protocol. Takes a few minutes on one core.
"""

import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
SEEDS = range(1, 11)


class Rng:
    """fusebox's generator (src/rng.rs): PCG-XSH-RR 64/32, numbers below a bound by Lemire, order by Fisher and Yates."""

    MULTIPLIER = 6_364_136_223_846_793_005
    INCREMENT = 1_442_695_040_888_963_407

    def __init__(self, seed):
        self.state = seed + self.INCREMENT
        self.advance()

    def advance(self):
        self.state = (self.state * self.MULTIPLIER + self.INCREMENT) % 2**64

    def next_u32(self):
        old = self.state
        self.advance()
        xorshifted = (((old >> 18) ^ old) >> 27) % 2**32
        rotation = old >> 59
        return (xorshifted >> rotation | xorshifted << (32 - rotation)) % 2**32

    def below(self, bound):
        product = self.next_u32() * bound
        excess = 2**32 % bound
        while product % 2**32 < excess:
            product = self.next_u32() * bound
        return product >> 32

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


def split(count, seed):
    """Training rows and the fifth held out, both in shuffled order."""
    order = list(range(count))
    Rng(seed).shuffle(order)
    return np.array(order[count // 5 :]), np.array(order[: count // 5])


def check_rng():
    """The known answers of src/rng.rs, and the order its shuffle gives."""
    rng = Rng(42)
    expected = [0xC2F57BD6, 0x6B07C4A9, 0x72B7B29B, 0x44215383, 0xF5AF5EAD, 0x68BEB632, 0xCBC7312C, 0xD5EFC7D7]
    assert [rng.next_u32() for _ in expected] == expected
    assert split(150, 1)[1][:5].tolist() == [42, 90, 73, 103, 10]


def read_table(name):
    """Features and labels of a table."""
    rows = np.loadtxt(HERE / name, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1].astype(int)


def read_digits():
    rows = np.frombuffer((HERE / "digits.bin").read_bytes(), dtype=np.uint8).reshape(-1, 65)
    return rows[:, :64] / 16.0, rows[:, 64].astype(int)


def standardize(training, other):
    """Both, less the training rows' mean, divided by their standard deviation."""
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    assert (deviation > 0).all()
    return (training - mean) / deviation, (other - mean) / deviation


def network(kind, hidden, epochs, seed):
    """One hidden layer of ReLU neurons, trained for exactly `epochs` by Adam."""
    return kind(
        hidden_layer_sizes=(hidden,),
        batch_size=32,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs,
        random_state=seed,
    )


ROWS = []


def record(task, method, metric, values):
    """A row of the output: ten seeds' values, or a single one where nothing depends on the seed."""
    mean, deviation = np.mean(values), np.std(values)
    numbers = [f"{value:.4f}" for value in values] if len(values) > 1 else []
    first = [f"{mean:.4f}", f"{deviation:.4f}" if numbers else ""]
    ROWS.append(",".join([task, method, metric] + first + (numbers or [""] * len(SEEDS))))
    print(f"{task:22} {method:20} {metric:16} {mean:.4f} +- {deviation:.4f}", flush=True)


def timed_fit(model, xs, ys):
    """Seconds of processor time, which on an idle core is wall time: everything runs on one thread."""
    start = time.process_time()
    model.fit(xs, ys)
    return time.process_time() - start


def classify(task, xs, labels, make, method, standardized):
    """Held-out accuracy for each seed; for breast cancer also what matters to a patient."""
    results = {}
    for seed in SEEDS:
        training, held_out = split(len(xs), seed)
        fit_xs, test_xs = xs[training], xs[held_out]
        if standardized:
            fit_xs, test_xs = standardize(fit_xs, test_xs)
        model, truth = make(seed), labels[held_out]
        seconds = timed_fit(model, fit_xs, labels[training])
        read = model.predict(test_xs)
        found = {"accuracy": np.mean(read == truth)}
        if task == "breast_cancer":
            malignant = model.predict_proba(test_xs)[:, 0]
            found["malignant_recall"] = recall_score(truth, read, pos_label=0)
            found["malignant_precision"] = precision_score(truth, read, pos_label=0)
            found["malignant_auc"] = roc_auc_score(truth == 0, malignant)
        found["seconds"] = seconds
        for metric, value in found.items():
            results.setdefault(metric, []).append(value)
    for metric, values in results.items():
        record(task, method, metric, values)


def find_anomalies(task, xs, abnormal, hidden, epochs, standardized):
    """AUC of the error of reconstruction: an autoencoder and, for comparison, as many principal components."""
    networks, components, times = [], [], []
    for seed in SEEDS:
        training, held_out = split(len(xs), seed)
        fit_xs, test_xs = xs[training][~abnormal[training]], xs[held_out]
        if standardized:
            fit_xs, test_xs = standardize(fit_xs, test_xs)

        def auc(reconstruction):
            return roc_auc_score(abnormal[held_out], ((reconstruction - test_xs) ** 2).mean(axis=1))

        model = network(MLPRegressor, hidden, epochs, seed)
        times.append(timed_fit(model, fit_xs, fit_xs))
        networks.append(auc(model.predict(test_xs)))
        pca = PCA(hidden, svd_solver="full").fit(fit_xs)
        components.append(auc(pca.inverse_transform(pca.transform(test_xs))))
    record(task, "mlp", "auc", networks)
    record(task, "mlp", "seconds", times)
    record(task, "pca", "auc", components)


def forecast(window, hidden, epochs):
    """Root mean squared error, in sunspots, of next year's number."""
    numbers = np.loadtxt(HERE / "sunspots.csv", delimiter=",", skiprows=1)[:, 1]
    cut = len(numbers) - len(numbers) // 5
    mean, deviation = numbers[:cut].mean(), numbers[:cut].std()
    scaled = (numbers - mean) / deviation
    xs = np.lib.stride_tricks.sliding_window_view(scaled, window)[:-1]
    targets = scaled[window:]
    fit, test = slice(0, cut - window), slice(cut - window, None)

    def rmse(forecasts):
        return deviation * np.sqrt(np.mean((forecasts - targets[test]) ** 2))

    errors, times = [], []
    for seed in SEEDS:
        model = network(MLPRegressor, hidden, epochs, seed)
        times.append(timed_fit(model, xs[fit], targets[fit]))
        errors.append(rmse(model.predict(xs[test])))
    record("sunspots", "mlp", "rmse", errors)
    record("sunspots", "mlp", "seconds", times)
    record("sunspots", "least_squares", "rmse", [rmse(LinearRegression().fit(xs[fit], targets[fit]).predict(xs[test]))])
    record("sunspots", "persistence", "rmse", [rmse(xs[test][:, -1])])


def main():
    check_rng()
    tables = {name: read_table(f"{name}.csv") for name in ("breast_cancer", "wine", "iris")}
    digits = read_digits()
    for task, (xs, labels) in (tables | {"digits": digits}).items():
        hidden, standardized = (32, False) if task == "digits" else (16, True)
        epochs = 500 if task == "iris" else 200  # an epoch of iris has four steps only
        classify(task, xs, labels, lambda seed: network(MLPClassifier, hidden, epochs, seed), "mlp", standardized)
        plain = LogisticRegression(max_iter=10_000)
        classify(task, xs, labels, lambda seed: plain, "logistic_regression", standardized)
    for digit in range(10):
        find_anomalies(f"anomaly_digit_{digit}", digits[0], digits[1] == digit, 16, 50, False)
    xs, labels = tables["breast_cancer"]
    find_anomalies("anomaly_malignant", xs, labels == 0, 8, 200, True)
    forecast(12, 16, 200)

    header = ["task", "method", "metric", "mean", "deviation"] + [f"seed_{seed}" for seed in SEEDS]
    (HERE / "baselines.csv").write_text("\n".join([",".join(header)] + ROWS) + "\n")


if __name__ == "__main__":
    # Every network runs out of epochs, by intent; the files tell what that gives.
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        main()
