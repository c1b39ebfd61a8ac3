#!/usr/bin/env python3
"""Writes reference.json: the vectors of a few sentences by PyTorch, in float64, to compare with.

    python3 examples/bert/fetch.py
    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy tokenizers
    venv/bin/python examples/bert/reference.py

Prints how far PyTorch's own float32 is from them.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SENTENCES = [
    "A cat sleeps on the warm windowsill.",
    "How do I train a neural network on a microcontroller?",
    "Der Zug nach Zürich hat zehn Minuten Verspätung.",
    "unbelievably, it's 23.5°C in the café!",
    "Yes.",
    # Longer than 256 tokens, so that its end is left out.
    " ".join(
        f"Sentence number {i} of a long report about rivers, bridges and the people who built them."
        for i in range(20)
    ),
]


def tensors(path):
    """The format: eight bytes with the header's length, the header (JSON), the numbers."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I64": np.int64}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        numbers = np.frombuffer(data[start + first : start + last], types[entry["dtype"]])
        yield name, torch.tensor(numbers.reshape(entry["shape"]))


class Attention(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.self = nn.ModuleDict({name: nn.Linear(wide, wide) for name in ["query", "key", "value"]})
        self.output = nn.ModuleDict({"dense": nn.Linear(wide, wide), "LayerNorm": nn.LayerNorm(wide, 1e-12)})


class Layer(nn.Module):
    def __init__(self, wide=384, heads=12):
        super().__init__()
        self.heads = heads
        self.attention = Attention(wide)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(wide, 4 * wide)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * wide, wide), "LayerNorm": nn.LayerNorm(wide, 1e-12)})

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (f(x).view(b, t, self.heads, d // self.heads).transpose(1, 2) for f in self.attention.self.values())
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = self.attention.output.LayerNorm(x + self.attention.output.dense(y))
        return self.output.LayerNorm(x + self.output.dense(F.gelu(self.intermediate.dense(x))))


class MiniLm(nn.Module):
    """all-MiniLM-L6-v2, with the names of its file; every position of a row is a token."""

    def __init__(self):
        super().__init__()
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(30522, 384),
            "position_embeddings": nn.Embedding(512, 384),
            "token_type_embeddings": nn.Embedding(2, 384),
            "LayerNorm": nn.LayerNorm(384, 1e-12),
        })
        self.encoder = nn.ModuleDict({"layer": nn.Sequential(*(Layer() for _ in range(6)))})

    def forward(self, tokens):
        parts = self.embeddings
        places = parts.position_embeddings.weight[: tokens.shape[1]]
        x = parts.word_embeddings(tokens) + places + parts.token_type_embeddings.weight[0]
        return F.normalize(self.encoder.layer(parts.LayerNorm(x)).mean(1), dim=1)


def load(path):
    model = MiniLm().eval()
    unused = ("pooler.", "embeddings.position_ids")
    model.load_state_dict({name: tensor for name, tensor in tensors(path) if not name.startswith(unused)})
    return model


def main():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(HERE / "model/tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    model = load(HERE / "model/model.safetensors")
    kept = []
    with torch.no_grad():
        tokens = [tokenizer.encode(sentence).ids for sentence in SENTENCES]
        singles = [model(torch.tensor([ids]))[0] for ids in tokens]
        model.double()
        for sentence, ids, single in zip(SENTENCES, tokens, singles):
            exact = model(torch.tensor([ids]))[0]
            print(f"{len(ids):4} tokens, float32 differs by {(single - exact).abs().max().item():.1e}: {sentence[:60]}")
            vector = [float(f"{x:.9g}") for x in exact.tolist()]
            kept.append({"sentence": sentence, "tokens": ids, "vector": vector})
    text = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in kept)
    (HERE / "reference.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
