#!/usr/bin/env python3
"""Writes the tables of scikit-learn's wheel, and the sunspots of statsmodels', as CSV.

    python3 -m venv venv && venv/bin/pip install scikit-learn statsmodels
    venv/bin/python make_tables.py

The files are described in README.md beside this file.
"""

import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from statsmodels.datasets import sunspots


def decimal(value):
    """The shortest decimal that reads back as the same float64: what the source has."""
    return np.format_float_positional(value, trim="-")


def write(name, header, rows):
    lines = [",".join(header)] + [",".join(map(decimal, row)) for row in rows]
    path = Path(__file__).with_name(name)
    path.write_text("\n".join(lines) + "\n")
    data = path.read_bytes()
    print(f"{name}: {len(rows)} rows, {len(data)} bytes, {hashlib.sha256(data).hexdigest()}")


def snake(name):
    """'sepal length (cm)' as sepal_length_cm."""
    return name.replace("(", "").replace(")", "").replace("/", "_").replace(" ", "_")


for name, load, shape in [
    ("breast_cancer.csv", load_breast_cancer, (569, 30)),
    ("wine.csv", load_wine, (178, 13)),
    ("iris.csv", load_iris, (150, 4)),
]:
    table = load()
    assert table.data.shape == shape and np.isfinite(table.data).all()
    header = [snake(feature) for feature in table.feature_names] + ["label"]
    write(name, header, np.column_stack([table.data, table.target]))

years = sunspots.load_pandas().data[["YEAR", "SUNACTIVITY"]].to_numpy()
assert (years[:, 0] == np.arange(1700, 2009)).all() and np.isfinite(years).all()
write("sunspots.csv", ["year", "sunspots"], years)
