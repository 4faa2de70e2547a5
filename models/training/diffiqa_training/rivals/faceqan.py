"""Recipe of FaceQAN (Babnik, Peer, Štruc, ICPR 2022): how far E's embedding moves under small adversarial noise.

`draws` copies with uniform noise of at most `epsilon` (pixels 0..1) walk `steps` times by epsilon along the sign of the
gradient that lowers their cosine with the face's embedding. With the cosines S before every step and s the cosine of the face
and its mirror image, score = ((1 + mean S) / 2 * clip(1 - std S, 0, 1) * s) ^ exponent.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..noise import noise_key


class Leak(nn.Module):
    """PReLU in other words: PyTorch's own gradient of it takes a third of the whole attack's time on a processor."""

    def __init__(self, prelu: nn.PReLU) -> None:
        super().__init__()
        self.register_buffer('slope', prelu.weight.detach().view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * x + (1 - self.slope) * x.relu()


def quick_to_attack(sface: nn.Sequential) -> nn.Sequential:
    layers = (Leak(layer) if isinstance(layer, nn.PReLU) else layer for layer in sface)
    return nn.Sequential(*layers).eval().requires_grad_(False).to(memory_format=torch.channels_last)


class FaceQan:
    def __init__(self, sface: nn.Module, epsilon: float, steps: int, draws: int, exponent: int) -> None:
        self.sface, self.epsilon, self.steps, self.draws, self.exponent = sface, 255 * epsilon, steps, draws, exponent

    def __call__(self, face: Tensor) -> float:
        """`face` pixels 0..255 [3, 112, 112]."""
        with torch.no_grad():
            base, mirror = self.sface(torch.stack([face, face.flip(2)])).split(1)
        symmetry = F.cosine_similarity(base, mirror).item()
        return aggregate(self.attack(face, base).numpy(), symmetry, self.exponent)

    def attack(self, face: Tensor, base: Tensor) -> Tensor:
        """Cosines [steps, draws]. The noise is seeded by the pixels: a face always has the same score."""
        seed = noise_key(face.to(torch.uint8).numpy().tobytes(), 'faceqan')[0]
        generator = torch.Generator().manual_seed(seed)
        uniform = torch.rand(self.draws, *face.shape, generator=generator)
        noisy = (face + self.epsilon * (2 * uniform - 1)).clamp(0, 255)
        found = []
        for _ in range(self.steps):
            noisy.requires_grad_(True)
            similarity = F.cosine_similarity(base, self.sface(noisy))
            (gradient,) = torch.autograd.grad(similarity.sum(), noisy)
            noisy = (noisy.detach() - self.epsilon * gradient.sign()).clamp(0, 255)
            found.append(similarity.detach())
        return torch.stack(found)


def aggregate(similarities: np.ndarray, symmetry: float, exponent: int) -> float:
    spread = float(np.clip(1 - similarities.std(), 0, 1))
    return float(((1 + similarities.mean()) / 2 * spread * symmetry) ** exponent)
