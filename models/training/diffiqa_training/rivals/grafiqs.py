"""Recipe of GraFIQs (Kolf, Damer, Boutros, CVPRW 2024): how hard a face pulls at E to look like what E was trained on.

Loss = mean over E's batch normalisations of the squared differences between the face's own means and variances and those of
training. Score = minus the sum of the absolute gradients of that loss at one place of the network: `at` is the resolution, in
pixels, whose last layer is looked at (112 to 7; the published places are the ends of a ResNet's four levels), or `image`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def statistics_loss(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Of one face: its statistics over positions against the running ones."""
    return F.mse_loss(x.mean((0, 2, 3)), layer.running_mean) + F.mse_loss(x.var((0, 2, 3), unbiased=False), layer.running_var)


class GraFiqs:
    def __init__(self, sface: nn.Sequential, at: int | str) -> None:
        self.sface, self.at = sface, str(at)

    def gradients(self, face: Tensor) -> dict[str, float]:
        """Sum of absolute gradients at every place; `face` pixels 0..255 [3, 112, 112]."""
        x = face[None].clone().requires_grad_(True)
        places = {'image': x}
        losses = []
        for layer in self.sface:
            if isinstance(layer, nn.Flatten):
                break
            if isinstance(layer, nn.BatchNorm2d):
                losses.append(statistics_loss(layer, x))
            x = layer(x)
            if isinstance(layer, nn.PReLU):
                places[str(x.shape[2])] = x
        found = torch.autograd.grad(torch.stack(losses).mean(), list(places.values()), allow_unused=True)
        return {name: float(g.abs().sum()) for name, g in zip(places, found) if g is not None}

    def __call__(self, face: Tensor) -> float:
        return -self.gradients(face)[self.at]
