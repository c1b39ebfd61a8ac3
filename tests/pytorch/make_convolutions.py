#!/usr/bin/env python3
"""Writes convolutions.txt: convolutions, pooling and normalisation of PyTorch in float64, with gradients.

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    OMP_NUM_THREADS=1 venv/bin/python make_convolutions.py

Every input is a float32. PyTorch has channels first; all that is written has them last. README.md beside this file
gives the formulas and the layout. `taps` restates them; what PyTorch computes is compared with it.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

DRAW = random.Random(29)
LINES = []


def float32(value):
    return float(np.float32(value))


def normal(*shape, scale=1.0):
    """Normal numbers of three decimals, rounded to float32, as a float64 tensor."""
    numbers = [round(DRAW.gauss(0, scale), 3) for _ in range(math.prod(shape))]
    return torch.tensor(np.array(numbers, dtype=np.float32).astype(np.float64).reshape(shape))


def section(text):
    LINES.append(f"# {text}")


def write(case, **fields):
    """Results: nine significant digits."""
    for field, values in fields.items():
        numbers = values.detach().numpy().ravel()
        # Sums that ought to be zero, and zeros with a sign.
        text = ["0" if abs(x) < 1e-13 else f"{x:.9g}" for x in numbers]
        LINES.append(f"{case} {field} {' '.join(text)}")


def given(case, **fields):
    """Inputs: the shortest decimals of the float32s they are."""
    for field, values in fields.items():
        text = [str(np.float32(x)).removesuffix(".0") for x in values.detach().numpy().ravel()]
        LINES.append(f"{case} {field} {' '.join(text)}")


def whole(case, field, numbers):
    LINES.append(f"{case} {field} {' '.join(map(str, numbers))}")


def first(x):
    """Channels first, as PyTorch has them."""
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def axis(size, kernel, stride, dilation, padding):
    """Outputs, positions padded before and after, as in src/layers/picture/window.rs. After is negative where positions are
    left over, which only a stride of `same` or `causal` padding does."""
    span = (kernel - 1) * dilation + 1
    if padding in ("same", "causal"):
        outputs = -(-size // stride)
        needed = max(0, (outputs - 1) * stride + span - size)
        before = span - 1 if padding == "causal" else needed // 2
        return outputs, before, (outputs - 1) * stride + span - size - before
    around = 0 if padding == "valid" else int(padding)
    outputs = (size + 2 * around - span) // stride + 1
    reached = (outputs - 1) * stride + span
    assert outputs > 0 and reached >= around + size, "fusebox wants every position reached"
    return outputs, around, reached - size - around


class Window:
    """A kernel, how it goes over a picture of `height` by `width`, and what surrounds that."""

    def __init__(self, height, width, kernel, stride=1, dilation=1, padding="valid"):
        pair = lambda value: value if isinstance(value, tuple) else (value, value)
        self.kernel, self.stride, self.dilation = pair(kernel), pair(stride), pair(dilation)
        # Causal along the width alone.
        padding = ("same" if padding == "causal" else padding), padding
        axes = [axis(*of) for of in zip((height, width), self.kernel, self.stride, self.dilation, padding)]
        (self.height, self.top, self.bottom), (self.width, self.left, self.right) = axes

    def numbers(self):
        padding = self.top, self.bottom, self.left, self.right
        return [*self.kernel, *self.stride, *self.dilation, *(max(0, size) for size in padding)]

    def pad(self, x, value=0.0):
        """Also cuts off what is left over."""
        return F.pad(x, (self.left, self.right, self.top, self.bottom), value=value)

    def positions(self):
        """Each output's and tap's place, and the input's under them, which may be outside of the picture."""
        for oh, ow in np.ndindex(self.height, self.width):
            for i, j in np.ndindex(*self.kernel):
                ih = oh * self.stride[0] + i * self.dilation[0] - self.top
                iw = ow * self.stride[1] + j * self.dilation[1] - self.left
                yield (oh, ow), (i, j), (ih, iw)


def taps(window, x, weight, bias, dy, groups, transposed):
    """y, dx, dweight and dbias of a convolution, tap by tap; dy may depend on y (a ReLU). Transposed, outputs and inputs of
    the window change places."""
    x, weight, bias = (of.detach().numpy() for of in (x, weight, bias))
    size = x.shape[1:3] if not transposed else dy(None).shape[1:3]
    inside = [of for of in window.positions() if all(0 <= at < end for at, end in zip(of[2], size))]
    if transposed:
        inside = [(of, tap, at) for at, tap, of in inside]
        shape = size
    else:
        shape = window.height, window.width
    channels, features = weight.shape[2], weight.shape[3] // groups
    y = np.zeros((len(x), *shape, len(bias))) + bias
    blocks = [(slice(g * channels, (g + 1) * channels), slice(g * features, (g + 1) * features)) for g in range(groups)]
    for (oh, ow), (i, j), (ih, iw) in inside:
        for c, f in blocks:
            y[:, oh, ow, f] += x[:, ih, iw, c] @ weight[i, j][:, f]
    dy = dy(y)
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    for (oh, ow), (i, j), (ih, iw) in inside:
        for c, f in blocks:
            dx[:, ih, iw, c] += dy[:, oh, ow, f] @ weight[i, j][:, f].T
            dweight[i, j][:, f] += x[:, ih, iw, c].T @ dy[:, oh, ow, f]
    return y, dx, dweight, dy.sum(axis=(0, 1, 2))


def check(case, got, expected):
    for name, a, b in zip(("y", "dx", "dweight", "dbias"), got, expected):
        a = a.detach().numpy()
        assert a.shape == b.shape and np.abs(a - b).max() <= 1e-12, f"{case} {name}"


def convolution(name, x, features, window, groups=1, relu=False):
    """Of a batch of `x` = (rows, height, width, channels)."""
    case, (rows, height, width, channels) = f"conv.{name}", x
    size, window = x, Window(height, width, **window)
    taps_of_one = window.kernel[0] * window.kernel[1] * channels // groups
    x, bias = normal(*size), normal(features)
    weight = normal(*window.kernel, channels // groups, features, scale=taps_of_one**-0.5)
    dy = normal(rows, window.height, window.width, features)
    for of in (x, weight, bias):
        of.requires_grad_()
    y = last(
        F.conv2d(
            window.pad(first(x)),
            weight.permute(3, 2, 0, 1),
            bias,
            stride=window.stride,
            dilation=window.dilation,
            groups=groups,
        )
    )
    y = F.relu(y) if relu else y
    y.backward(dy)
    slope = lambda y: dy.numpy() * (y > 0) if relu else dy.numpy()
    found = taps(window, x, weight, bias, slope, groups, transposed=False)
    found = (np.maximum(found[0], 0) if relu else found[0], *found[1:])
    check(case, (y, x.grad, weight.grad, bias.grad), found)

    whole(case, "input", size)
    whole(case, "output", y.shape)
    whole(case, "window", window.numbers())
    whole(case, "groups", [groups])
    whole(case, "relu", [int(relu)])
    given(case, x=x, weight=weight, bias=bias, dy=dy)
    write(case, y=y, dx=x.grad, dweight=weight.grad, dbias=bias.grad)


def transposed(name, x, features, height, width, window):
    """The gradient of a convolution from `height` by `width` to x's size, and a bias."""
    case, size = f"transposed.{name}", x
    window = Window(height, width, **window)
    assert (window.height, window.width) == size[1:3]
    x, bias = normal(*size), normal(features)
    weight = normal(*window.kernel, size[3], features, scale=0.5)
    dy = normal(size[0], height, width, features)
    for of in (x, weight, bias):
        of.requires_grad_()
    y = F.conv_transpose2d(
        first(x), weight.permute(2, 3, 0, 1), bias, stride=window.stride, dilation=window.dilation
    )
    y = last(y)[:, window.top : window.top + height, window.left : window.left + width]
    assert y.shape == dy.shape
    y.backward(dy)
    found = taps(window, x, weight, bias, lambda y: dy.numpy(), 1, transposed=True)
    check(case, (y, x.grad, weight.grad, bias.grad), found)

    whole(case, "input", size)
    whole(case, "output", y.shape)
    whole(case, "window", window.numbers())
    given(case, x=x, weight=weight, bias=bias, dy=dy)
    write(case, y=y, dx=x.grad, dweight=weight.grad, dbias=bias.grad)


def pool(name, x, window, values=normal):
    """The maximum and the average of a window, in which what surrounds the picture does not count."""
    size, window = x, Window(*x[1:3], **window)
    x = values(*size).requires_grad_()
    dy = normal(size[0], window.height, window.width, size[3])
    assert window.dilation == (1, 1)
    padded = window.pad(first(x), value=-math.inf)
    maximum = last(F.max_pool2d(padded, window.kernel, window.stride))
    ones = window.pad(torch.ones(1, 1, *size[1:3], dtype=torch.float64))
    mean = lambda of: F.avg_pool2d(of, window.kernel, window.stride)
    average = last(mean(window.pad(first(x))) / mean(ones))
    if (window.top, window.left) == (window.bottom, window.right):
        # PyTorch's own, which pads symmetrically.
        own = F.avg_pool2d(
            first(x), window.kernel, window.stride, (window.top, window.left), count_include_pad=False
        )
        assert (last(own) - average).abs().max() < 1e-14

    case = f"pool.{name}"
    whole(case, "input", size)
    whole(case, "output", maximum.shape)
    whole(case, "window", window.numbers())
    given(case, x=x, dy=dy)
    for of, y in {"max": maximum, "average": average}.items():
        x.grad = None
        y.backward(dy)
        write(case, **{f"{of}_y": y, f"{of}_dx": x.grad})


def ties(*shape):
    """A few whole numbers, so that most windows have their maximum more than once."""
    return torch.tensor([DRAW.choice([-1.0, 0.0, 0.0, 1.0]) for _ in range(math.prod(shape))], dtype=torch.float64).reshape(
        shape
    )


def batch_norm(name, x):
    """Of batches `x` (channels last): a step of training, and then evaluation of the same rows."""
    case, channels = f"batch_norm.{name}", x[0].shape[-1]
    weight, bias = (1 + normal(channels, scale=0.3)).float().double(), normal(channels)
    mean, variance = normal(channels), normal(channels).abs()
    whole(case, "input", x[0].shape)
    given(case, weight=weight, bias=bias, mean=mean, variance=variance)
    move = lambda of: of.movedim(-1, 1)
    back = lambda of: of.movedim(1, -1)
    # The last step is evaluated, with what the steps before made of mean and variance.
    for step, rows in enumerate([*x, x[0]], 1):
        training = step <= len(x)
        kind = f"{case}.step_{step}" if training else f"{case}.evaluation"
        of = [part.clone().requires_grad_() for part in (rows, weight, bias)]
        dy = normal(*rows.shape)
        axes = tuple(range(rows.ndim - 1))
        seen = (rows.mean(axes), rows.var(axes, correction=0)) if training else (mean, variance)
        formula = (rows - seen[0]) / (seen[1] + float32(1e-5)).sqrt() * weight + bias
        if training:
            count = rows[..., 0].numel()
            after = seen[0], seen[1] * count / (count - 1)
            after = [(1 - float32(0.1)) * old + float32(0.1) * new for old, new in zip((mean, variance), after)]
        y = back(
            F.batch_norm(move(of[0]), mean, variance, of[1], of[2], training, float32(0.1), float32(1e-5))
        )
        assert (y - formula).abs().max() < 1e-10
        y.backward(dy)
        if training:
            assert all((a - b).abs().max() < 1e-12 for a, b in zip((mean, variance), after))
            given(kind, x=rows)
        given(kind, dy=dy)
        write(kind, y=y, dx=of[0].grad, dweight=of[1].grad, dbias=of[2].grad)
        if training:
            write(kind, mean=mean, variance=variance)


def group_norm(name, x, groups):
    """Of a batch of pictures `x`, channels last."""
    case, channels = f"group_norm.{name}", x.shape[-1]
    weight, bias = (1 + normal(channels, scale=0.3)).float().double(), normal(channels)
    dy = normal(*x.shape)
    of = [part.clone().requires_grad_() for part in (x, weight, bias)]
    y = last(F.group_norm(first(of[0]), groups, of[1], of[2], float32(1e-5)))
    y.backward(dy)
    # Both ways, group by group.
    split = lambda of: of.numpy().reshape(len(x), -1, groups, channels // groups)
    mean = split(x).mean(axis=(1, 3), keepdims=True)
    root = np.sqrt(split(x).var(axis=(1, 3), keepdims=True) + float32(1e-5))
    xhat, g = (split(x) - mean) / root, split(dy * weight)
    dx = (g - g.mean(axis=(1, 3), keepdims=True) - xhat * (g * xhat).mean(axis=(1, 3), keepdims=True)) / root
    xhat, dx = xhat.reshape(x.shape), dx.reshape(x.shape)
    formula = xhat * weight.numpy() + bias.numpy(), dx, (dy.numpy() * xhat).sum((0, 1, 2)), dy.numpy().sum((0, 1, 2))
    for got, expected in zip((y, *(part.grad for part in of)), formula):
        # Of a constant group, dx is a difference of large numbers: a part of its size.
        assert np.abs(got.detach().numpy() - expected).max() < 1e-10 * max(1, np.abs(expected).max()), case
    whole(case, "input", x.shape)
    whole(case, "groups", [groups])
    given(case, x=x, weight=weight, bias=bias, dy=dy)
    write(case, y=y, dx=of[0].grad, dweight=of[1].grad, dbias=of[2].grad)


def convolutions():
    section("conv: x [rows][height][width][channels], weight [kernel height][kernel width][channels / groups][features]")
    window = lambda kernel, **more: {"kernel": kernel, **more}
    convolution("pointwise", (2, 3, 4, 3), 5, window(1))
    convolution("pointwise_stride", (2, 5, 3, 3), 4, window(1, stride=2))
    convolution("valid_3x3", (2, 5, 4, 2), 3, window(3))
    convolution("same_3x3", (2, 4, 5, 2), 3, window(3, padding="same"))
    convolution("around_3x3", (2, 5, 4, 3), 2, window(3, padding="1"))
    convolution("around_2_3x3", (1, 3, 4, 2), 2, window(3, padding="2"))
    convolution("valid_5x5", (2, 6, 5, 1), 2, window(5))
    convolution("same_5x5", (1, 5, 6, 2), 2, window(5, padding="same"))
    convolution("same_5x5_overhanging", (2, 2, 3, 2), 2, window(5, padding="same"))
    convolution("whole_picture", (3, 4, 3, 2), 5, window((4, 3)))
    convolution("valid_2x3", (1, 4, 5, 2), 3, window((2, 3)))
    convolution("same_2x3", (2, 4, 5, 2), 3, window((2, 3), padding="same"))
    convolution("same_stride_even", (2, 6, 4, 2), 3, window(3, stride=2, padding="same"))
    convolution("same_stride_odd", (1, 5, 7, 2), 3, window(3, stride=2, padding="same"))
    convolution("around_stride", (1, 6, 5, 2), 3, window(3, stride=2, padding="1"))
    convolution("same_stride_2_1", (2, 5, 4, 2), 3, window(3, stride=(2, 1), padding="same"))
    convolution("valid_stride_2_1", (1, 7, 4, 2), 3, window(3, stride=(2, 1)))
    convolution("same_stride_past_kernel", (1, 7, 8, 2), 3, window(2, stride=3, padding="same"))
    convolution("valid_dilated", (1, 6, 7, 2), 3, window(3, dilation=2))
    convolution("same_dilated", (1, 5, 6, 2), 2, window(3, dilation=2, padding="same"))
    convolution("same_dilated_1_2", (1, 4, 6, 2), 2, window((2, 3), dilation=(1, 2), padding="same"))
    convolution("same_dilated_stride", (2, 7, 6, 2), 2, window(3, stride=2, dilation=2, padding="same"))
    convolution("groups_2", (1, 4, 4, 4), 6, window(3, padding="same"), groups=2)
    convolution("groups_2_pointwise", (1, 3, 4, 6), 4, window(1), groups=2)
    convolution("groups_3_stride", (2, 5, 3, 6), 3, window(3, stride=2), groups=3)
    convolution("depthwise", (1, 5, 4, 5), 5, window(3, padding="same"), groups=5)
    convolution("depthwise_stride", (2, 5, 6, 3), 3, window(3, stride=2, padding="same"), groups=3)
    convolution("depthwise_twice", (2, 4, 3, 3), 6, window(3, padding="1"), groups=3)
    convolution("depthwise_5x5", (1, 6, 5, 3), 3, window(5, padding="2"), groups=3)
    convolution("relu", (2, 5, 4, 2), 4, window(3, padding="same"), relu=True)
    convolution("relu_depthwise", (2, 5, 4, 3), 3, window(3, padding="same"), groups=3, relu=True)
    convolution("relu_stride", (2, 6, 6, 1), 4, window(3, stride=2, padding="same"), relu=True)
    # More channels than a vector has lanes, and some left over.
    convolution("wide_output", (1, 3, 4, 1), 19, window(3, padding="same"))
    convolution("wide_input", (1, 2, 3, 19), 2, window(3, padding="same"))
    convolution("wide_pointwise", (1, 2, 3, 9), 17, window(1))
    convolution("wide_depthwise", (1, 3, 2, 19), 19, window(3, padding="same"), groups=19)
    section("A height of 1 and a kernel of height 1: sequences")
    convolution("sequence_valid", (2, 1, 9, 3), 4, window((1, 3)))
    convolution("sequence_same_stride", (2, 1, 9, 3), 4, window((1, 5), stride=(1, 2), padding="same"))
    convolution("causal", (2, 1, 8, 3), 4, window((1, 3), padding="causal"))
    convolution("causal_dilated", (2, 1, 9, 2), 3, window((1, 3), dilation=(1, 2), padding="causal"))
    convolution("causal_stride", (2, 1, 9, 2), 3, window((1, 4), stride=(1, 2), padding="causal"))
    convolution("causal_stride_left_over", (2, 1, 8, 2), 3, window((1, 2), stride=(1, 3), padding="causal"))
    convolution("causal_depthwise", (2, 1, 9, 4), 4, window((1, 4), padding="causal"), groups=4)
    convolution("causal_relu", (2, 1, 7, 3), 4, window((1, 3), padding="causal"), relu=True)


def transposed_convolutions():
    section("transposed: weight [kernel height][kernel width][channels][features]; the window goes over the output")
    window = lambda kernel, **more: {"kernel": kernel, **more}
    transposed("pointwise", (2, 3, 2, 3), 2, 3, 2, window(1))
    transposed("valid_3x3", (2, 3, 2, 2), 3, 5, 4, window(3))
    transposed("doubling_2x2", (2, 3, 2, 3), 2, 6, 4, window(2, stride=2))
    transposed("same_3x3", (2, 3, 4, 2), 3, 3, 4, window(3, padding="same"))
    transposed("doubling_3x3_same", (2, 3, 2, 2), 3, 6, 4, window(3, stride=2, padding="same"))
    transposed("doubling_4x4_around", (2, 3, 2, 2), 2, 6, 4, window(4, stride=2, padding="1"))
    transposed("valid_stride", (2, 3, 2, 2), 2, 7, 5, window(3, stride=2))
    transposed("valid_2x3_stride_2_1", (2, 3, 4, 2), 2, 6, 6, window((2, 3), stride=(2, 1)))
    transposed("dilated", (2, 2, 3, 2), 2, 6, 7, window(3, dilation=2))
    transposed("sequence", (2, 1, 5, 3), 2, 1, 10, window((1, 4), stride=(1, 2), padding="same"))


def pools():
    section("pool: the maximum and the average of the same window; padding does not count")
    window = lambda kernel, **more: {"kernel": kernel, **more}
    pool("halving", (2, 4, 6, 3), window(2, stride=2))
    pool("same_2x2_odd", (2, 5, 3, 2), window(2, stride=2, padding="same"))
    pool("same_3x3", (2, 4, 5, 2), window(3, padding="same"))
    pool("same_3x3_stride_even", (2, 6, 4, 2), window(3, stride=2, padding="same"))
    pool("around_3x3_stride", (2, 6, 5, 2), window(3, stride=2, padding="1"))
    pool("valid_3x3_overlapping", (2, 5, 7, 2), window(3, stride=2))
    pool("valid_2x3_stride_2_1", (2, 4, 5, 3), window((2, 3), stride=(2, 1)))
    pool("global", (2, 4, 3, 5), window((4, 3)))
    pool("wide", (1, 2, 4, 19), window(2, stride=2))
    pool("sequence", (2, 1, 8, 3), window((1, 2), stride=(1, 2)))
    negative = lambda *shape: -normal(*shape).abs()
    pool("negative", (2, 4, 4, 2), window(3, padding="1"), values=negative)
    pool("ties", (2, 6, 6, 2), window(2, stride=2), values=ties)
    pool("ties_overlapping", (2, 5, 5, 2), window(3, stride=2, padding="same"), values=ties)


def batch_norms():
    section("batch_norm: steps of training, one after the other, then evaluation of the first step's rows; channels last")
    batch_norm("pictures", [normal(3, 3, 2, 4) * 2 + 1 for _ in range(2)])
    batch_norm("rows", [normal(6, 5) for _ in range(2)])
    hard = normal(4, 2, 2, 3)
    hard = torch.stack([hard[..., 0] + 1000, torch.full_like(hard[..., 1], 0.75), hard[..., 2] * 1e-3], dim=-1)
    batch_norm("hard", [hard.float().double()])
    batch_norm("wide", [normal(3, 19)])


def group_norms():
    section("group_norm: each picture by itself; channels last")
    group_norm("pictures", normal(2, 3, 2, 6) * 2 + 1, 2)
    group_norm("one_group", normal(2, 2, 3, 5), 1)
    group_norm("instance", normal(2, 3, 3, 4) * 2 + 1, 4)
    group_norm("sequence", normal(2, 1, 5, 4), 2)
    group_norm("pixel", normal(3, 1, 1, 6), 2)
    group_norm("wide", normal(1, 2, 3, 38), 19)
    # Around 1000, constant, and a variance below eps.
    hard = normal(2, 2, 2, 6)
    hard = torch.cat([hard[..., :2] + 1000, torch.full_like(hard[..., 2:4], 0.75), hard[..., 4:] * 1e-3], dim=-1)
    group_norm("hard", hard.float().double(), 3)


def main():
    torch.set_num_threads(1)
    section(f"Convolutions and their like of PyTorch {torch.__version__}; written by make_convolutions.py, described in README.md.")
    section("case  field  numbers, row after row")
    convolutions()
    transposed_convolutions()
    pools()
    batch_norms()
    group_norms()
    path = Path(__file__).with_name("convolutions.txt")
    path.write_text("\n".join(LINES) + "\n")
    cases = {line.split()[0] for line in LINES if not line.startswith("#")}
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
