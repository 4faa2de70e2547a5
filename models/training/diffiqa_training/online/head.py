"""The quality head: reads SFace's feature maps of 56 to 7 px and says how well the face will be recognised."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .sface import TAP_CHANNELS

# What a head answers, each standardised over the training: see labels.py.
OUTPUTS = ('gen', 'pass', 'pair', 'own', 'log_norm', 'forward')


def conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs))


class QualityHead(nn.Module):
    """Feature maps [N, C, side, side], see sface.TAPS -> answers [N, len(OUTPUTS)]."""

    def __init__(self, widths: tuple[int, ...] = (32, 48, 96, 128), features: int = 256, dropout: float = 0.3,
                 outputs: int = len(OUTPUTS)) -> None:
        super().__init__()
        self.enter = nn.ModuleList(conv(inputs, width, 1) for inputs, width in zip(TAP_CHANNELS, widths))
        self.down = nn.ModuleList(conv(a, b, 3, 2) for a, b in zip(widths, widths[1:]))
        self.last = conv(widths[-1], widths[-1], 3)
        self.expand = conv(widths[-1], features, 1)
        self.pool = nn.Conv2d(features, features, 7, groups=features, bias=False)
        self.pool_norm = nn.BatchNorm2d(features)
        self.dropout = nn.Dropout(dropout)
        self.answer = nn.Linear(features, outputs)

    def forward(self, taps: list[Tensor]) -> Tensor:
        h = F.relu(self.enter[0](taps[0]))
        for enter, down, tap in zip(self.enter[1:], self.down, taps[1:]):
            h = F.relu(down(h) + enter(tap))
        h = F.relu(self.last(h) + h)
        h = self.pool_norm(self.pool(F.relu(self.expand(h)))).flatten(1)
        return self.answer(self.dropout(h))
