#!/usr/bin/env python3
"""Trains PyTorch's networks of the same sizes as examples/translate.rs and examples/answer.rs, on the rows that these write.

    cargo run --release --example translate -- --rows dates.txt
    cargo run --release --example answer -- --rows stories.txt
    python3 make_attention_baselines.py dates.txt stories.txt

prints examples/data/attention_baselines.csv. The rows are those that train fusebox with seed 1, in batches of 32 in the same order, then
those that judge. Same initial distributions, AdamW, schedule and clipping.
"""

import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
D, HEADS, BATCH, SEED = 64, 4, 32, 1


class Attention(nn.Module):
    """Of x to y; `seen` are the positions of y that each of x sees."""

    def __init__(self, heads, cross=False):
        super().__init__()
        self.heads, self.cross = heads, cross
        self.norm, self.other = nn.LayerNorm(D), nn.LayerNorm(D) if cross else None
        # As in fusebox one product for all that one sequence gives.
        self.q, self.kv = (nn.Linear(D, D), nn.Linear(D, 2 * D)) if cross else (nn.Linear(D, 3 * D), None)
        self.out = nn.Linear(D, D)

    def forward(self, x, y, seen):
        if self.cross:
            q, k, v = self.q(self.norm(x)), *self.kv(self.other(y)).split(D, -1)
        else:
            q, k, v = self.q(self.norm(x)).split(D, -1)
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in (q, k, v))
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return x + self.out(z.transpose(1, 2).flatten(-2))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(D), nn.Linear(D, 2 * D), nn.Linear(2 * D, D)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class Encoder(nn.Module):
    def __init__(self, length, blocks):
        super().__init__()
        self.positions = nn.Embedding(length, D)
        self.blocks = nn.ModuleList(nn.ModuleList([Attention(HEADS), Mlp()]) for _ in range(blocks))

    def forward(self, x, seen):
        x = x + self.positions.weight
        for look, think in self.blocks:
            x = think(look(x, x, seen))
        return x


class Translator(nn.Module):
    def __init__(self, vocabulary, longest):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, D), nn.Embedding(10, D)
        self.encoder, self.look, self.across, self.think = Encoder(longest, 2), Attention(HEADS), Attention(1, True), Mlp()
        self.head = nn.Sequential(nn.LayerNorm(D), nn.Linear(D, 11))
        self.register_buffer("past", torch.ones(10, 10, dtype=torch.bool).tril())

    def encode(self, texts):
        seen = (texts >= 0)[:, None, None]
        return self.encoder(self.tokens(texts.clamp(0)), seen), seen

    def decode(self, written, read):
        x = self.tokens(written) + self.positions.weight
        x = self.look(x, x, self.past)
        return self.head(self.think(self.across(x, *read)))

    def forward(self, row):
        texts, written = row
        return self.decode(written, self.encode(texts))


class Reader(nn.Module):
    """Sentences of six words, of 16 numbers each."""

    def __init__(self, vocabulary, sentences, places):
        super().__init__()
        self.words, self.sentence = nn.Embedding(vocabulary + 1, 16, padding_idx=0), nn.Linear(6 * 16, D)
        self.encoder = Encoder(sentences, 3)
        self.head = nn.Sequential(nn.LayerNorm(D), nn.Linear(D, places))

    def forward(self, stories):
        seen = (stories >= 0).any(-1)[:, None, None]
        return self.head(self.encoder(self.sentence(self.words(stories + 1).flatten(-2)), seen)[:, -1])


def initialize(model):
    """Init::He: variance 1 / fan_in, twice that before a GELU."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear):
            limit = math.sqrt((6 if name.endswith("up") else 3) / layer.in_features)
            nn.init.uniform_(layer.weight, -limit, limit)
            nn.init.zeros_(layer.bias)
        if isinstance(layer, nn.Embedding):
            limit = math.sqrt(3 / layer.embedding_dim)
            nn.init.uniform_(layer.weight, -limit, limit)
            if layer.padding_idx is not None:
                nn.init.zeros_(layer.weight[layer.padding_idx])


def train(model, steps, peak, batch):
    """Returns the seconds it took; `batch` gives the inputs and targets of a step."""
    initialize(model)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak, fused=True)
    start = time.process_time()
    for step in range(steps):
        part = (step - 100) / (steps - 100)
        rate = peak * (step + 1) / 101 if step < 100 else peak * 0.5 * (1 + math.cos(math.pi * part))
        for group in optimizer.param_groups:
            group["lr"] = rate
        xs, targets = batch(step)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(xs).flatten(0, -2), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return time.process_time() - start


def part(step):
    return slice(step * BATCH, (step + 1) * BATCH)


def translate(path, held_out=1800):
    lines = open(path).read().splitlines()
    pairs = [(line[:10], line[10:]) for line in lines]
    start = "0123456789->"
    alphabet = start + "".join(sorted({c for _, text in pairs for c in text} - set(start)))
    longest = 32
    texts = torch.tensor([[alphabet.index(c) for c in text] + [-1] * (longest - len(text)) for _, text in pairs])
    isos = torch.tensor([[alphabet.index(c) for c in iso] for iso, _ in pairs])
    written = torch.cat([torch.full((len(pairs), 1), 11), isos[:, :-1]], 1)
    model = Translator(len(alphabet), longest)
    steps = (len(pairs) - held_out) // BATCH
    seconds = train(model, steps, 2e-3, lambda step: ((texts[part(step)], written[part(step)]), isos[part(step)]))
    with torch.no_grad():
        read = model.encode(texts[-held_out:])
        tokens = torch.zeros((held_out, 10), dtype=torch.long)
        tokens[:, 0] = 11
        for t in range(10):
            best = model.decode(tokens, read)[:, t].argmax(-1)
            if t < 9:
                tokens[:, t + 1] = best
        answers = torch.cat([tokens[:, 1:], best[:, None]], 1)
        exact = (answers == isos[-held_out:]).all(1).double().mean().item()
    return {"exact_match": exact, "seconds": seconds}


def answer(path, each=500):
    kinds = ["a person (one fact)", "a thing carried (two facts)", "a thing put down (three facts)"]
    rows = torch.tensor([[int(x) for x in line.split()] for line in open(path)])
    labels, stories = rows[:, 0], rows[:, 1:].masked_fill(rows[:, 1:] == 255, -1).unflatten(1, (-1, 6))
    held_out = each * len(kinds)
    model = Reader(int(stories.max()) + 1, stories.shape[1], int(labels.max()) + 1)
    steps = (len(rows) - held_out) // BATCH
    seconds = train(model, steps, 1e-3, lambda step: (stories[part(step)], labels[part(step)]))
    with torch.no_grad():
        right = (model(stories[-held_out:]).argmax(-1) == labels[-held_out:]).double()
    return {kind: of.mean().item() for kind, of in zip(kinds, right.split(each))} | {"seconds": seconds}


def main():
    print("task,method,metric,mean,deviation,seed_1")
    for task, run, path in [("translate", translate, sys.argv[1]), ("answer", answer, sys.argv[2])]:
        torch.manual_seed(SEED)
        for metric, value in run(path).items():
            print(f"{task},transformer,{metric},{value:.4f},,{value:.4f}", flush=True)


if __name__ == "__main__":
    main()
