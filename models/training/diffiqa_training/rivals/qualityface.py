"""qualityface 1.0.3 (PyPI, BSD), a learned peer with weights of its own: a MobileNetV2 whose mean feature gives one number.

Nothing of it is trained here. It wants 128x128 RGB in -1..1; faces were cut by a detector's box there, here they are our crops
enlarged. Its package needs torchvision for the network alone, so the network is written down here; the weights' names say how.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 128
# Expansion, width, blocks, stride of MobileNetV2's seven stages.
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6()
    )


class Inverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        width = inputs * expansion
        expand = [convolution(inputs, width, 1)] if expansion > 1 else []
        narrow = [nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*expand, convolution(width, width, 3, stride, width), *narrow)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


class QualityFace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [convolution(3, 32, 3, 2)]
        inputs = 32
        for expansion, width, blocks, stride in STAGES:
            for index in range(blocks):
                layers.append(Inverted(inputs, width, expansion, stride if index == 0 else 1))
                inputs = width
        self.features = nn.Sequential(*layers, convolution(inputs, 1280, 1))
        self.classify = nn.Linear(1280, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x).mean((2, 3)))[:, 0]

    @torch.no_grad()
    def score(self, face: Tensor) -> float:
        """`face` pixels 0..255 [3, 112, 112]."""
        large = F.interpolate(face[None], (SIZE, SIZE), mode='bilinear', align_corners=False)
        return self(large / 127.5 - 1).item()


def load_qualityface(file: Path) -> QualityFace:
    prefixes = {'module.backbone.backbone.': '', 'module.classify.': 'classify.'}
    state = torch.load(file, map_location='cpu', weights_only=True)
    ours = {
        new + name.removeprefix(old): value for name, value in state.items() for old, new in prefixes.items() if name.startswith(old)
    }
    model = QualityFace()
    model.load_state_dict(ours)
    return model.eval()
