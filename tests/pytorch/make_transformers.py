#!/usr/bin/env python3
"""Writes transformers.txt: attention, a language model's loss and gradients of PyTorch in float64.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python make_transformers.py

Every input is a float32. README.md beside this file gives the formulas and the layout.
"""

import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

DRAW = random.Random(31)
LINES = []


def tensor(*shape, scale=1.0, around=0.0):
    """Random numbers, rounded to float32, as a float64 tensor that wants a gradient."""
    count = int(np.prod(shape))
    numbers = np.array([DRAW.gauss(around, scale) for _ in range(count)], dtype=np.float32)
    return torch.tensor(numbers.astype(np.float64).reshape(shape), requires_grad=True)


def write(case, field, values, digits=13):
    numbers = values.detach().numpy().ravel()
    text = [str(np.float32(x)) if digits is None else f"{x:.{digits}g}" for x in numbers]
    LINES.append(f"{case} {field} {' '.join(text)}")


def attention(case, frames, heads, head, groups, causal=False, absent=()):
    """Frames of queries, keys and values, of two rows; those of absent positions are zeros."""
    width = (heads + 2 * groups) * head
    x = tensor(2, frames, width)
    with torch.no_grad():
        x[:, list(absent)] = 0.0
    parts = x.split([heads * head, groups * head, groups * head], dim=-1)
    q, k, v = (part.unflatten(-1, (-1, head)).transpose(1, 2) for part in parts)
    mask = None
    if absent:
        mask = torch.ones(frames, dtype=torch.bool)
        mask[list(absent)] = False
        mask = mask.expand(frames, frames)
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=heads != groups)
    y = y.transpose(1, 2).flatten(2)
    if absent:
        y = y * mask[0][None, :, None]  # an absent query has no output
    dy = tensor(2, frames, heads * head).detach()
    (y * dy).sum().backward()
    for field, values in {"x": x, "dy": dy}.items():
        write(case, field, values, digits=None)
    write(case, "y", y)
    write(case, "dx", x.grad)


def language_model(case, frames=6, vocabulary=7, width=8, heads=2, layers=2):
    """GPT-2's blocks, with tied weights."""
    torch.manual_seed(0)
    names = ["tokens", "positions"]
    weights = [tensor(vocabulary, width, scale=0.5), tensor(frames, width, scale=0.3)]
    for layer in range(layers):
        for name, shape, around in [
            ("norm_1.gain", (width,), 1.0),
            ("norm_1.shift", (width,), 0.0),
            ("qkv.weight", (width, 3 * width), 0.0),
            ("qkv.bias", (3 * width,), 0.0),
            ("out.weight", (width, width), 0.0),
            ("out.bias", (width,), 0.0),
            ("norm_2.gain", (width,), 1.0),
            ("norm_2.shift", (width,), 0.0),
            ("up.weight", (width, 4 * width), 0.0),
            ("up.bias", (4 * width,), 0.0),
            ("down.weight", (4 * width, width), 0.0),
            ("down.bias", (width,), 0.0),
        ]:
            names.append(f"{layer}.{name}")
            weights.append(tensor(*shape, scale=0.3, around=around))
    names += ["norm.gain", "norm.shift"]
    weights += [tensor(width, scale=0.3, around=1.0), tensor(width, scale=0.3)]
    of = dict(zip(names, weights))
    tokens = torch.tensor([[DRAW.randrange(vocabulary) for _ in range(frames)] for _ in range(3)])
    targets = torch.tensor([[DRAW.randrange(vocabulary) for _ in range(frames)] for _ in range(3)])

    def norm(x, name):
        return F.layer_norm(x, (width,), of[f"{name}.gain"], of[f"{name}.shift"])

    x = F.embedding(tokens, of["tokens"]) + of["positions"]
    for layer in range(layers):
        h = norm(x, f"{layer}.norm_1") @ of[f"{layer}.qkv.weight"] + of[f"{layer}.qkv.bias"]
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in h.chunk(3, dim=-1))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + a @ of[f"{layer}.out.weight"] + of[f"{layer}.out.bias"]
        h = F.gelu(norm(x, f"{layer}.norm_2") @ of[f"{layer}.up.weight"] + of[f"{layer}.up.bias"])
        x = x + h @ of[f"{layer}.down.weight"] + of[f"{layer}.down.bias"]
    y = norm(x, "norm") @ of["tokens"].T
    loss = F.cross_entropy(y.flatten(0, 1), targets.flatten())
    loss.backward()
    write(case, "x", tokens, digits=None)
    write(case, "labels", targets, digits=None)
    write(case, "parameters", torch.cat([w.flatten() for w in weights]), digits=None)
    write(case, "y", y)
    write(case, "loss", loss)
    write(case, "gradient", torch.cat([w.grad.flatten() for w in weights]))


def embedding(case, vocabulary=5, width=4):
    """Rows of an embedding, normalised: one row of the batch has a token twice."""
    weight, gain, shift = tensor(vocabulary, width), tensor(width, around=1.0), tensor(width)
    tokens = torch.tensor([[4, 0, 4], [1, 2, 0]])
    y = F.layer_norm(F.embedding(tokens, weight), (width,), gain, shift)
    dy = tensor(2, 3, width).detach()
    (y * dy).sum().backward()
    for field, values in {"x": tokens, "weight": weight, "gain": gain, "shift": shift, "dy": dy}.items():
        write(case, field, values, digits=None)
    write(case, "y", y)
    for field, values in {"dweight": weight, "dgain": gain, "dshift": shift}.items():
        write(case, field, values.grad)


def main():
    torch.set_num_threads(1)
    attention("attention.full", 7, 2, 5, 2)
    attention("attention.causal", 7, 2, 5, 2, causal=True)
    attention("attention.grouped", 7, 4, 3, 2, causal=True)
    attention("attention.one_group", 5, 3, 5, 1)
    attention("attention.absent", 7, 2, 3, 2, absent=(2, 5, 6))
    attention("attention.long", 40, 1, 2, 1, causal=True)
    embedding("embedding")
    language_model("language_model")
    header = [
        f"# Transformers of PyTorch {torch.__version__}; written by make_transformers.py, described in README.md.",
        "# case  field  numbers, row after row",
    ]
    Path(__file__).with_name("transformers.txt").write_text("\n".join(header + LINES) + "\n")


if __name__ == "__main__":
    main()
