"""Small UNet that predicts the clean face x0 from a noised, degraded one. 112x112 in and out, work at 56, 28 and 14 px."""
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def time_features(t: Tensor, width: int) -> Tensor:
    """Sinusoids of the timestep (0..999), [n, width]."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=t.device, dtype=torch.float32) * (-math.log(10000.0) / (half - 1)))
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ResBlock(nn.Module):
    """conv-norm-(scale, shift by time)-SiLU-conv-SiLU plus the input."""

    def __init__(self, inputs: int, outputs: int, time_width: int, groups: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(groups, outputs)
        self.time = nn.Linear(time_width, 2 * outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        h = F.silu(self.norm(self.conv1(x)) * (1 + scale) + shift)
        return self.skip(x) + F.silu(self.conv2(h))


class UNet(nn.Module):
    def __init__(self, widths: tuple[int, ...] = (32, 64, 96), middle: int = 2, patch: int = 2, groups: int = 8):
        super().__init__()
        time_width = 2 * widths[-1]
        self.patch = patch
        self.features = widths[0] * 2
        self.time = nn.Sequential(nn.Linear(self.features, time_width), nn.SiLU(), nn.Linear(time_width, time_width), nn.SiLU())
        channels = 3 * patch * patch
        self.stem = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        for level, width in enumerate(widths[:-1]):
            self.down.append(ResBlock(width, width, time_width, groups))
            self.shrink.append(nn.Conv2d(width, widths[level + 1], 3, stride=2, padding=1))
        self.middle = nn.ModuleList(ResBlock(widths[-1], widths[-1], time_width, groups) for _ in range(middle))
        self.grow = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in reversed(range(len(widths) - 1)):
            self.grow.append(nn.Conv2d(widths[level + 1], widths[level], 1))
            self.up.append(ResBlock(2 * widths[level], widths[level], time_width, groups))
        self.head = nn.Conv2d(widths[0], channels, 3, padding=1)
        # The network starts as the identity: at small noise the input is already a good answer.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time = self.time(time_features(t, self.features).to(x.dtype))
        h = self.stem(F.pixel_unshuffle(x, self.patch))
        kept = []
        for block, shrink in zip(self.down, self.shrink):
            h = block(h, time)
            kept.append(h)
            h = shrink(h)
        for block in self.middle:
            h = block(h, time)
        for grow, block in zip(self.grow, self.up):
            h = F.interpolate(grow(h), scale_factor=2.0, mode='nearest')
            h = block(torch.cat([h, kept.pop()], dim=1), time)
        return x + F.pixel_shuffle(self.head(h), self.patch)
