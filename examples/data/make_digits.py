#!/usr/bin/env python3
"""Writes digits.bin, the handwritten digits of scikit-learn's wheel as plain bytes.

    python3 -m venv venv && venv/bin/pip install scikit-learn
    venv/bin/python make_digits.py

The layout is described in README.md beside this file.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
assert digits.data.shape == (1797, 64)
assert 0 <= digits.data.min() and digits.data.max() == 16
assert set(digits.target) == set(range(10))

rows = np.column_stack([digits.data, digits.target]).astype(np.uint8)
assert (rows[:, :64] == digits.data).all(), "every pixel is a whole number"

path = Path(__file__).with_name("digits.bin")
path.write_bytes(rows.tobytes())
print(f"{path}: {rows.shape[0]} rows of {rows.shape[1]} bytes")
