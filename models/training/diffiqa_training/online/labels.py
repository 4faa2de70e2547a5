"""What SFace says about a batch of varied crops.

`gen`      cosine with the norm-weighted mean of the person's other clean photos
`pass`     share of comparisons with those photos that pass at FMR 1e-3, softened
`own`      cosine with the same clean photo
`log_norm` ln ‖E(x)‖
`forward`  −ln(1 − s(E(x), E(x_t))), the forward term of full DifFIQA; `backward` likewise, where a restorer is given
`pair`     is no label of one crop: the lower answer of two crops of a person is their similarity (see teach.py)

NaN where unknown.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from ..schedule import alpha_bars
from .faces import Faces, cosine
from .sface import TappedSFace

FORWARD_STEP = 20
BACKWARD_STEP = 250
# A comparison that far below the threshold counts as failing, that far above as passing; about.
SOFTNESS = 0.06
Restorer = Callable[[Tensor, Tensor], Tensor]


def spread(similarity: Tensor) -> Tensor:
    return -torch.log((1 - similarity).clamp(min=1e-6))


@dataclass
class Measured:
    values: dict[str, Tensor]
    # E(x) of the varied crops, not normalised.
    embedding: Tensor
    taps: list[Tensor]


class Labeller:
    def __init__(self, faces: Faces, model: TappedSFace, threshold: float, autocast: Callable[[], AbstractContextManager],
                 restorer: Restorer | None = None) -> None:
        self.faces, self.model, self.threshold, self.autocast, self.restorer = faces, model, threshold, autocast, restorer
        self.abar = torch.from_numpy(alpha_bars()).float().to(faces.crops.device)

    def embed(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        with self.autocast():
            embedding, taps = self.model(pixels.contiguous(memory_format=torch.channels_last))
        return embedding.float(), taps

    def noised(self, pixels: Tensor, timestep: int) -> Tensor:
        """x_t in [-1, 1]."""
        level = self.abar[timestep]
        return level.sqrt() * (pixels / 127.5 - 1) + (1 - level).sqrt() * torch.randn_like(pixels)

    def restored(self, noisy: Tensor, timestep: int) -> Tensor:
        """The one-step form: x̂_0, clipped."""
        assert self.restorer is not None
        t = torch.full((len(noisy),), float(timestep), device=noisy.device)
        with self.autocast():
            return self.restorer(noisy.contiguous(memory_format=torch.channels_last), t).float().clamp(-1, 1)

    @torch.no_grad()
    def __call__(self, rows: Tensor, varied: Tensor, terms: bool = True) -> Measured:
        """`varied` pixels 0..255 of the crops `rows`."""
        embedding, taps = self.embed(varied)
        faces = self.faces
        gen = cosine(embedding, faces.template[rows])
        mates = faces.mates[rows]
        there = mates >= 0
        other = faces.embedding[mates.clamp(min=0)]
        similarity = cosine(embedding[:, None], other)
        weight = other.norm(dim=-1) * there
        passes = torch.sigmoid((similarity - self.threshold) / SOFTNESS)
        passing = (weight * passes).sum(1) / weight.sum(1)
        values = {
            'gen': gen,
            'pass': torch.where(there.any(1), passing, torch.nan),
            'own': cosine(embedding, faces.embedding[rows]),
            'log_norm': embedding.norm(dim=1).clamp(min=1e-6).log(),
        }
        if terms:
            again, _ = self.embed((self.noised(varied, FORWARD_STEP) + 1) * 127.5)
            values['forward'] = spread(cosine(embedding, again))
            if self.restorer is not None:
                clean = self.restored(self.noised(varied, BACKWARD_STEP), BACKWARD_STEP)
                values['backward'] = spread(cosine(embedding, self.embed((clean + 1) * 127.5)[0]))
        return Measured(values, embedding, taps)


class Scale:
    """Mean and deviation of every label over some batches; labels are learnt standardised."""

    def __init__(self, samples: list[dict[str, Tensor]]) -> None:
        self.middle, self.deviation = {}, {}
        for key in samples[0]:
            values = torch.cat([sample[key] for sample in samples])
            values = values[values.isfinite()]
            self.middle[key], self.deviation[key] = values.mean().item(), values.std().item()

    @classmethod
    def of(cls, state: dict[str, list[float]]) -> 'Scale':
        scale = cls.__new__(cls)
        scale.middle = {key: value[0] for key, value in state.items()}
        scale.deviation = {key: value[1] for key, value in state.items()}
        return scale

    def add(self, other: 'Scale') -> None:
        self.middle |= other.middle
        self.deviation |= other.deviation

    def __call__(self, key: str, values: Tensor) -> Tensor:
        return (values - self.middle[key]) / self.deviation[key]

    def state(self) -> dict[str, list[float]]:
        return {key: [self.middle[key], self.deviation[key]] for key in self.middle}
