"""Full DifFIQA written plainly, one crop at a time: what the server's TypeScript is compared with."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .noise import STREAM_FACE, STREAM_MIRROR, STREAM_SAMPLER, STREAM_SAMPLER_MIRROR, gaussian, noise_key
from .process import Denoiser, ddim, forward, restore

Embed = Callable[[np.ndarray], np.ndarray]
"""data [n,3,112,112] float32, RGB 0..255 -> embeddings [n, k]."""

EPSILON = 1e-6


@dataclass
class Face:
    """A crop with all that its score needs."""

    crop: np.ndarray
    version: str
    embed: Embed
    denoise: Denoiser
    # The quality head's answer to data as `embed` takes it, one number a crop.
    head: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        self.key = noise_key(np.ascontiguousarray(self.crop).tobytes(), self.version)
        scaled = self.crop.astype(np.float64) / 127.5 - 1
        self.x = scaled.transpose(2, 0, 1)[None].astype(np.float32)
        self.mirror = np.ascontiguousarray(self.x[:, :, :, ::-1])
        self.anchor = self.embedding(self.x)

    def embedding(self, x: np.ndarray) -> np.ndarray:
        return self.embed(((x.astype(np.float64) + 1) * 127.5).astype(np.float32))[0].astype(np.float64)

    def head_answer(self, x: np.ndarray) -> float:
        return float(self.head(((x.astype(np.float64) + 1) * 127.5).astype(np.float32))[0])

    def log_norm(self, x: np.ndarray) -> float:
        return float(np.log(max(np.linalg.norm(self.embedding(x)), EPSILON)))

    def similarity(self, x: np.ndarray) -> float:
        other = self.embedding(x)
        return float(self.anchor @ other / (np.linalg.norm(self.anchor) * np.linalg.norm(other)))

    def noise(self, draw: int, timestep: int, stream: int) -> np.ndarray:
        return gaussian(self.key, self.x.size, draw, timestep, stream).reshape(self.x.shape)

    def noised(self, draw: int, timestep: int, mirrored: bool) -> np.ndarray:
        start, stream = (self.mirror, STREAM_MIRROR) if mirrored else (self.x, STREAM_FACE)
        return forward(start, self.noise(draw, timestep, stream), timestep)

    def restored(self, draw: int, timestep: int, mirrored: bool, steps: int, eta: float) -> np.ndarray:
        x_t = self.noised(draw, timestep, mirrored)
        if steps == 1:
            return restore(self.denoise, x_t, timestep)
        stream = STREAM_SAMPLER_MIRROR if mirrored else STREAM_SAMPLER
        return ddim(self.denoise, x_t, timestep, steps, eta, lambda step: self.noise(draw, timestep, stream + step))

    def term(self, name: str, timestep: int, draws: int, steps: int, eta: float) -> float:
        """Mean similarity over the draws."""
        if name == 'mirror':
            return self.similarity(self.mirror)
        mirrored = name.endswith('-mirror')
        if name.startswith('forward'):
            return float(np.mean([self.similarity(self.noised(d, timestep, mirrored)) for d in range(draws)]))
        return float(np.mean([self.similarity(self.restored(d, timestep, mirrored, steps, eta)) for d in range(draws)]))


PAPER_TERMS = ('forward', 'backward', 'forward-mirror', 'backward-mirror', 'mirror')


def paper_score(face: Face, timestep: int = 5, draws: int = 10, steps: int = 6, eta: float = 1.0) -> tuple[float, dict[str, float]]:
    """The mean of the five terms with equal weights, and the terms."""
    terms = {name: face.term(name, timestep, draws, steps, eta) for name in PAPER_TERMS}
    return float(np.mean(list(terms.values()))), terms


def feature(face: Face, name: str, timestep: int, draws: int, steps: int, eta: float) -> float:
    """A feature of the tuned score: the quality head's answer or ln of E's norm (of the face, its mirror image or its noised copies), -ln(1 - s) of a
    term, or -ln of the restoration's residual."""
    if name.startswith(('head', 'log-norm')):
        version = name.removeprefix('head').removeprefix('log-norm').removeprefix('-')
        shown = {'': [face.x], 'mirror': [face.mirror], 'forward': [face.noised(d, timestep, False) for d in range(draws)]}[version]
        return float(np.mean([face.head_answer(x) if name.startswith('head') else face.log_norm(x) for x in shown]))
    if name == 'pixel-residual':
        restored = [face.restored(d, timestep, False, steps, eta) for d in range(draws)]
        residual = np.mean([np.abs(r.astype(np.float64) - face.x).mean() for r in restored])
        return float(-np.log(residual + EPSILON))
    return float(-np.log(max(1 - face.term(name, timestep, draws, steps, eta), EPSILON)))


def tuned_score(face: Face, preset: dict) -> tuple[float, list[float]]:
    """bias + sum of weight x feature, and the features in the preset's order."""
    steps, eta = preset['steps'], preset['eta']
    values = [feature(face, t['feature'], t['timestep'], t['draws'], steps, eta) for t in preset['terms']]
    return float(preset['bias'] + sum(t['weight'] * v for t, v in zip(preset['terms'], values))), values
