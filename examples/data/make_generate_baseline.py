#!/usr/bin/env python3
"""Trains PyTorch's network of the configuration for a CPU of nanoGPT on a text, as examples/generate.rs does, and prints its loss.

    python3 make_generate_baseline.py TEXT [SEED ..]

Four blocks of four heads, 128 numbers, 64 characters, no biases; batches of twelve, 2000 steps, AdamW (0.9, 0.99) with decay 0.1
on matrices, clipping at 1, rates from 1e-3 to 1e-4 along a cosine after 100 steps of warm-up. The last tenth of the text is held out;
the loss is the mean over all of it, in windows of 64 characters.
"""

import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
T, D, HEADS, LAYERS, BATCH, STEPS = 64, 128, 4, 4, 12, 2000


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(D, bias=False), nn.LayerNorm(D, bias=False)
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.up, self.down = nn.Linear(D, 4 * D, bias=False), nn.Linear(4 * D, D, bias=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, D), nn.Embedding(T, D)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.ln = nn.LayerNorm(D, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                small = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * LAYERS) if small else 1))

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        return self.ln(self.blocks(x)) @ self.tokens.weight.T


def loss_of(model, xs, ys):
    return F.cross_entropy(model(xs).flatten(0, 1), ys.flatten())


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    alphabet = sorted(set(text))
    data = torch.tensor([alphabet.index(c) for c in text])
    training, held_out = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
    for seed in map(int, sys.argv[2:] or ["1"]):
        torch.manual_seed(seed)
        model, start = Gpt(len(alphabet)), time.time()
        decayed = [p for p in model.parameters() if p.dim() >= 2]
        others = [p for p in model.parameters() if p.dim() < 2]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
        for step in range(STEPS):
            part = (step - 100) / (STEPS - 100)
            rate = 1e-3 * (step + 1) / 101 if step < 100 else 1e-4 + 0.5 * (1 + math.cos(math.pi * part)) * 9e-4
            for group in optimizer.param_groups:
                group["lr"] = rate
            starts = torch.randint(len(training) - T, (BATCH,)).tolist()
            xs = torch.stack([training[i : i + T] for i in starts])
            ys = torch.stack([training[i + 1 : i + 1 + T] for i in starts])
            optimizer.zero_grad(set_to_none=True)
            loss_of(model, xs, ys).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds = time.time() - start
        with torch.no_grad():
            windows = range(0, len(held_out) - T, T)
            xs = torch.stack([held_out[i : i + T] for i in windows])
            ys = torch.stack([held_out[i + 1 : i + 1 + T] for i in windows])
            loss = sum(loss_of(model, x, y).item() * len(x) for x, y in zip(xs.split(100), ys.split(100))) / len(xs)
        print(f"seed {seed}: held out {loss:.4f}, trained in {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
