"""Training steps of transformers in fusebox and PyTorch, one thread each, in one go:

    python3 -m venv peers && peers/bin/pip install torch
    peers/bin/python benches/peers/transformers.py

Each round runs `cargo bench --bench transformers`, then the same steps in PyTorch: cross-entropy at each position, clipping by
norm where fusebox's clips, AdamW (`foreach` or `fused`, whichever is faster), attention by `scaled_dot_product_attention`.
The table has medians over the rounds; % of peak is of the multiply-add peak that fusebox's bench measures. Times are of the
processor: not those while another program runs there.
"""

import argparse
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(1)


class Block(nn.Module):
    def __init__(self, wide, heads, gelu):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(wide), nn.LayerNorm(wide)
        self.qkv, self.out = nn.Linear(wide, 3 * wide), nn.Linear(wide, wide)
        self.up, self.down = nn.Linear(wide, 4 * wide), nn.Linear(4 * wide, wide)
        self.gelu = gelu

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate=self.gelu))


class Gpt(nn.Module):
    """As examples/support/gpt.rs and gpt2.rs."""

    def __init__(self, vocabulary, length, wide, heads, layers, gelu="none"):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, wide), nn.Embedding(length, wide)
        self.blocks = nn.Sequential(*(Block(wide, heads, gelu) for _ in range(layers)))
        self.ln = nn.LayerNorm(wide)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        return self.ln(self.blocks(x)) @ self.tokens.weight.T


def step(model, optimizer, xs, ys, clip):
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(xs).flatten(0, 1), ys.flatten())
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def measure(model, batch, length, vocabulary, clip, repeats):
    xs, ys = (torch.randint(vocabulary, (batch, length)) for _ in range(2))
    fastest = []
    for way in [{"foreach": True}, {"fused": True}]:
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, betas=(0.9, 0.99), weight_decay=0.1, **way)
        times = []
        for i in range(repeats + 1):
            start = time.process_time()
            step(model, optimizer, xs, ys, clip)
            times.append(time.process_time() - start)
        fastest.append(statistics.median(times[1:]))
    return min(fastest)


def ours(only):
    command = ["cargo", "bench", "-q", "--bench", "transformers", "--", "--tsv", "--only", only]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = dict((name, rest) for name, *rest in (line.split("\t") for line in lines))
    return float(rows.pop("peak")[0]), {name: [float(x) for x in rest] for name, rest in rows.items()}


CASES = {
    "nanoGPT step": (lambda: Gpt(65, 64, 128, 4, 4), 12, 64, 65, True, 15),
    "GPT-2 124M step": (lambda: Gpt(50257, 64, 768, 12, 12, "tanh"), 4, 64, 50257, False, 3),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'':18}  {'Gflop':>8}  {'fusebox ms':>10}  {'% of peak':>9}  {'PyTorch ms':>10}  {'ratio':>6}")
    for name, (build, *rest) in CASES.items():
        if options.only not in name:
            continue
        model, rows = build(), []
        for _ in range(options.rounds):
            _, cases = ours(name)
            flops, seconds, part = cases[name]
            rows.append((flops, seconds, part, measure(model, *rest)))
        flops, seconds, part, theirs = (statistics.median(column) for column in zip(*rows))
        ratio = statistics.median(row[3] / row[1] for row in rows)
        print(f"{name:18}  {1e-9 * flops:8.2f}  {1e3 * seconds:10.1f}  {100 * part:9.1f}  {1e3 * theirs:10.1f}  {ratio:6.2f}")


if __name__ == "__main__":
    main()
