"""Trains networks with PyTorch on a seeded task, one for each kind of layer, and writes here, for each, the weights
(`NAME.safetensors`), inputs (`NAME.in.bin`) and outputs (`NAME.out.bin`), rows of little-endian f32.

    pip install torch==2.15.0 numpy safetensors && python3 make_pytorch.py

The task: whether the left half of a picture of 6 x 6 pixels is brighter than the right, and by how much the top is than the bottom.
"""

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(1)
torch.use_deterministic_algorithms(True)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(72, 12)
        self.norm = nn.LayerNorm(12)
        self.out = nn.Linear(12, 3)

    def forward(self, x):
        return self.out(torch.relu(self.norm(self.hidden(x.flatten(1)))))


class Conv(nn.Module):
    """Strides, batch normalisation, a depthwise layer, and a `Linear` after a flatten of several channels."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(2, 4, (3, 2))
        self.bn = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 8, (2, 3), stride=2, groups=4)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        x = torch.relu(self.bn(self.features(x)))
        return self.head(torch.relu(self.depthwise(x)).flatten(1))


class Recurrent(nn.Module):
    """Six rows, of two channels of six pixels, in their order."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(12, 5, batch_first=True)
        self.lstm = nn.LSTM(5, 4, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        rows = x.permute(0, 2, 1, 3).flatten(2)
        return self.head(self.lstm(self.gru(rows)[0])[0][:, -1])


class Frames(nn.Module):
    """The same rows: a convolution along them, and both kinds of normalisation that have no batch."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(12, 6, 3)
        self.gn = nn.GroupNorm(2, 6)
        self.rms = nn.RMSNorm(6, eps=1e-6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = x.permute(0, 1, 3, 2).flatten(1, 2)
        return self.head(self.rms(torch.relu(self.gn(self.conv(x))).mean(2)))


class Decoder(nn.Module):
    """A picture made smaller, then larger."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 2, stride=2)
        self.up = nn.ConvTranspose2d(4, 3, (3, 2), stride=2)
        self.head = nn.Linear(126, 3)

    def forward(self, x):
        return self.head(torch.relu(self.up(torch.relu(self.down(x)))).flatten(1))


def batch(count):
    x = torch.randn(count, 2, 6, 6)
    left = x[..., :3].mean((1, 2, 3)) - x[..., 3:].mean((1, 2, 3))
    top = x[:, :, :3].mean((1, 2, 3)) - x[:, :, 3:].mean((1, 2, 3))
    return x, torch.stack([left, top, left * top], 1)


def write(path, rows):
    np.ascontiguousarray(rows, "<f4").tofile(path)


# As fusebox has them: pictures are height, width, channels, and the rows are in order. The dense network has PyTorch's order.
ORDERS = {"dense": (0, 1, 2, 3), "conv": (0, 2, 3, 1), "decoder": (0, 2, 3, 1), "recurrent": (0, 2, 1, 3), "frames": (0, 2, 1, 3)}

for net in [Dense(), Conv(), Recurrent(), Frames(), Decoder()]:
    name = type(net).__name__.lower()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    first = None
    for step in range(400):
        x, y = batch(64)
        loss = nn.functional.mse_loss(net(x), y)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    x, y = batch(16)
    with torch.no_grad():
        out = net(x)
    print(f"{name}: loss {first:.4f}, then {nn.functional.mse_loss(out, y):.4f}")
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, f"{name}.safetensors")
    write(f"{name}.in.bin", x.permute(ORDERS[name]).numpy())
    write(f"{name}.out.bin", out.numpy())
