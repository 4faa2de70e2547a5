"""A training batch as it is shown once."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .degrade import SIDE, degrade_some, uniform


def jittered(x: Tensor, amount: Tensor) -> Tensor:
    """What a detector's points are unsure of: turn, scale, stretch and shift. `amount` [N, 1, 1, 1], 0 leaves a crop as it is."""
    n, device = len(x), x.device
    angle = (uniform(n, -1, 1, device) * amount * math.radians(4)).view(n)
    scale = torch.exp(uniform(n, -0.04, 0.04, device) * amount).view(n)
    stretch = torch.exp(uniform(n, -0.03, 0.03, device) * amount).view(n)
    shift = [(uniform(n, -1, 1, device) * amount * 2.5 * 2 / SIDE).view(n) for _ in range(2)]
    cos, sin = angle.cos() * scale, angle.sin() * scale
    turn = torch.stack([torch.stack([cos * stretch, -sin, shift[0]], 1), torch.stack([sin * stretch, cos, shift[1]], 1)], 1)
    grid = F.affine_grid(turn, list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, mode='bilinear', padding_mode='border', align_corners=False)
    # Resampling blurs, and blur is what the label is about: what does not move is not resampled.
    return torch.where(amount > 0, moved, x)


def lit(x: Tensor) -> Tensor:
    """A little other light, contrast and colour."""
    n, device = len(x), x.device
    gain = uniform(n, 0.85, 1.15, device) * torch.empty(n, 3, 1, 1, device=device).uniform_(0.95, 1.05)
    changed = (x - 128) * gain + 128 + uniform(n, -14, 14, device)
    grey = x.mean(1, keepdim=True).expand_as(x)
    choice = uniform(n, 0, 1, device)
    return torch.where(choice < 0.06, grey, torch.where(choice < 0.7, changed, x))


def shown(crops: Tensor, degraded_share: float) -> tuple[Tensor, Tensor, Tensor]:
    """uint8 [N, 3, 112, 112] -> pixels as varied, the same face varied likewise but not degraded, which were degraded.

    Pixels are whole numbers 0..255 in float, as a server's crops are.
    """
    x = crops.float()
    x = torch.where(uniform(len(x), 0, 1, x.device) < 0.5, x.flip(3), x)
    poor, touched = degrade_some(x, degraded_share)
    move = uniform(len(x), 0, 1, x.device)
    # A detector finds the points of a poor face less surely.
    amount = torch.where(move < 0.7, torch.where(touched.view(-1, 1, 1, 1), 1.6, 1.0), 0.0)
    varied = lit(jittered(poor, amount)).clamp(0, 255).round()
    return varied, x, touched
