"""Training steps of transformers and recurrent layers in fusebox and PyTorch, one thread each, in one go:

    python3 -m venv peers && peers/bin/pip install torch
    peers/bin/python benches/peers/sequences.py

Each round runs `cargo bench --bench transformers` and `--bench recurrent`, then the same steps in PyTorch. Transformers:
cross-entropy at each position, clipping by norm where fusebox's clips, AdamW (`foreach` or `fused`, whichever is faster), attention by
`scaled_dot_product_attention`. Recurrent layers: the squared error of the last output, plain descent. The table has medians over the
rounds; % of peak is of the multiply-add peak that fusebox's benches measure. Times are of the processor: not those while another
program runs there.
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


def measure_recurrent(layer, inputs, hidden, length, batch, train, repeats):
    model = layer(inputs, hidden, batch_first=True)
    xs, target = torch.randn(batch, length, inputs), torch.randn(batch, hidden)
    optimizer = torch.optim.SGD(model.parameters(), 1e-6)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        if train:
            optimizer.zero_grad(set_to_none=True)
            F.mse_loss(model(xs)[0][:, -1], target).backward()
            optimizer.step()
        else:
            with torch.inference_mode():
                model(xs)
        times.append(time.process_time() - start)
    return statistics.median(times[len(times) // 4 :])


def ours(bench):
    command = ["cargo", "bench", "-q", "--bench", bench, "--", "--tsv"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    return {name: [float(x) for x in rest] for name, *rest in rows if len(rest) == 3}


TRANSFORMERS = {
    "nanoGPT step": (lambda: Gpt(65, 64, 128, 4, 4), 12, 64, 65, True, 15),
    "GPT-2 124M step": (lambda: Gpt(50257, 64, 768, 12, 12, "tanh"), 4, 64, 50257, False, 3),
}
RECURRENT = {
    f"{name} {inputs} -> {hidden}, {length} positions, {what} of {batch}": (
        getattr(nn, name), inputs, hidden, length, batch, what == "step", 40
    )
    for name, inputs, hidden, length, batch in [
        ("GRU", 28, 20, 28, 1), ("LSTM", 28, 20, 28, 1), ("GRU", 28, 20, 28, 32), ("LSTM", 40, 128, 49, 32)
    ]
    for what in ["step", "inference"]
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = {}
    models = {name: build() for name, (build, *_) in TRANSFORMERS.items()}
    for _ in range(options.rounds):
        cases = ours("transformers") | ours("recurrent")
        for name, (_, *rest) in TRANSFORMERS.items():
            rows.setdefault(name, []).append((*cases[name], measure(models[name], *rest)))
        for name, rest in RECURRENT.items():
            rows.setdefault(name, []).append((*cases[name], measure_recurrent(*rest)))
    processor = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    print(f"{processor}, PyTorch {torch.__version__}, one thread, medians of {options.rounds} rounds\n")
    print("| | Mflop | fusebox, µs | % of peak | PyTorch, µs | PyTorch : fusebox |\n|---|---|---|---|---|---|")
    for name, all_rounds in rows.items():
        flops, seconds, part, theirs = (statistics.median(column) for column in zip(*all_rounds))
        ratio = statistics.median(row[3] / row[1] for row in all_rounds)
        print(f"| {name} | {1e-6 * flops:.2f} | {1e6 * seconds:.1f} | {100 * part:.1f} | {1e6 * theirs:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
