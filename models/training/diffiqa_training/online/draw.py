"""Which crops a batch is made of."""

import torch
from torch import Tensor

from .faces import Faces


def draw_pairs(faces: Faces, count: int) -> Tensor:
    """Rows of `count` crops; crop i + count / 2 is another photo of crop i's person where there is one, else any crop."""
    half = count // 2
    first = torch.multinomial(faces.share, half, replacement=True)
    mates = faces.mates[first]
    number = (mates >= 0).sum(1)
    pick = (torch.rand(half, device=first.device) * number.clamp(min=1)).long()
    mate = mates.gather(1, pick[:, None])[:, 0]
    return torch.cat([first, torch.where(number > 0, mate, first.roll(1))])
