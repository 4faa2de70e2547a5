"""Recipe of SER-FIQ (Terhörst et al., CVPR 2020): how far E's embedding moves when parts of its last layer are left out.

Score = 2 * sigmoid(-mean distance of the unit embeddings of `passes` random sub-networks). SFace has the dropout layer that
the method wants, before its last matrix, and was trained with it; the sub-networks drop as much as it does. They are drawn
once and are the same for every face, so a face always has the same score.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SerFiq:
    def __init__(self, sface: nn.Sequential, passes: int, seed: int) -> None:
        cut = next(index for index, layer in enumerate(sface) if isinstance(layer, nn.Dropout))
        self.trunk, dropout, self.last = sface[:cut], sface[cut], sface[cut + 1 :]
        width = next(layer.in_features for layer in self.last if isinstance(layer, nn.Linear))
        generator = torch.Generator().manual_seed(seed)
        kept = torch.rand(passes, width, generator=generator) >= dropout.p
        self.masks = kept.float() / (1 - dropout.p)

    @torch.no_grad()
    def __call__(self, face: Tensor) -> float:
        """`face` pixels 0..255 [3, 112, 112]."""
        return stability(self.last(self.masks * self.trunk(face[None]).flatten(1)))


def stability(embeddings: Tensor) -> float:
    """2 * sigmoid(-mean distance) of all pairs of unit embeddings: 1 where all are the same."""
    distance = F.pdist(F.normalize(embeddings.double(), dim=1))
    return float(2 * torch.sigmoid(-distance.mean()))
