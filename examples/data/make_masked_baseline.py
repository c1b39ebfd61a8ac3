#!/usr/bin/env python3
"""Writes masked_baseline.csv: how well PyTorch's BERT of characters restores Shakespeare.

The model and training of examples/masked.rs:

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    OMP_NUM_THREADS=1 venv/bin/python make_masked_baseline.py

README.md gives the protocol. Takes a few minutes on one core.
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
ALPHABET = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MASK = len(ALPHABET)
T, D, HEADS, LAYERS = 32, 128, 4, 2
BATCH, STEPS, WARM_UP, RATE = 16, 1500, 100, 2e-3
SEEDS = range(1, 4)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)
        self.ln1, self.ln2 = nn.LayerNorm(D, 1e-12), nn.LayerNorm(D, 1e-12)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = self.ln1(x + self.out(y))
        return self.ln2(x + self.down(F.gelu(self.up(x))))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(MASK + 1, D), nn.Embedding(T, D)
        self.ln, self.blocks = nn.LayerNorm(D, 1e-12), nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.head = nn.Linear(D, MASK)
        # As fusebox's `Init::He`: uniform, of variance 2 / fan_in before a GELU, and 1 / fan_in; biases zero.
        for name, module in self.named_modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                limit = math.sqrt(3 * (2 if name.endswith("up") else 1) / module.weight.shape[1])
                nn.init.uniform_(module.weight, -limit, limit)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, tokens):
        return self.head(self.blocks(self.ln(self.tokens(tokens) + self.positions.weight)))


def read():
    """The text that trains, and the last tenth."""
    text = gzip.decompress((HERE / "shakespeare.txt.gz").read_bytes()).decode()
    numbers = {c: i for i, c in enumerate(ALPHABET)}
    tokens = torch.tensor([numbers[c] for c in text if c in numbers])
    return tokens.split([len(tokens) // 10 * 9, len(tokens) - len(tokens) // 10 * 9])


def mask(xs, generator):
    """What is shown; the targets, -100 where nothing is asked."""

    def draw(below):
        return torch.randint(below, xs.shape, generator=generator)

    asked, kind, other = draw(100) < 15, draw(10), draw(MASK)
    shown = torch.where(kind == 0, xs, torch.where(kind == 1, other, torch.full_like(xs, MASK)))
    return torch.where(asked, shown, xs), torch.where(asked, xs, torch.full_like(xs, -100))


def rate(step):
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    part = (step - WARM_UP) / (STEPS - WARM_UP)
    return RATE * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * part)))


def train(seed, training, held_out):
    """Loss and accuracy of the held-out text, seconds of processor time."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = Bert()
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, RATE, betas=(0.9, 0.99))
    start = time.process_time()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        first = torch.randint(len(training) - T, (BATCH, 1), generator=generator)
        shown, targets = mask(training[first + torch.arange(T)], generator)
        optimizer.zero_grad()
        F.cross_entropy(net(shown).flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    seconds = time.process_time() - start
    shown, targets = mask(held_out, torch.Generator().manual_seed(100))
    asked = targets >= 0
    with torch.no_grad():
        logits = torch.cat([net(part) for part in shown.split(64)])[asked]
    right = logits.argmax(1) == targets[asked]
    return F.cross_entropy(logits, targets[asked]).item(), right.double().mean().item(), seconds


def main():
    torch.set_num_threads(1)
    training, held_out = read()
    held_out = held_out[: len(held_out) // T * T].view(-1, T)
    results = zip(*(train(seed, training, held_out) for seed in SEEDS))
    rows = [",".join(["task", "method", "metric", "mean", "deviation"] + [f"seed_{seed}" for seed in SEEDS])]
    for metric, values in zip(["loss", "accuracy", "seconds"], results):
        numbers = [np.mean(values), np.std(values), *values]
        rows.append(",".join(["masked", "bert_2_128", metric] + [f"{number:.4f}" for number in numbers]))
        print(rows[-1], flush=True)
    (HERE / "masked_baseline.csv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
