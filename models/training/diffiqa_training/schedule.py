"""Cosine noise schedule (Nichol & Dhariwal 2021), T = 1000, betas clipped at 0.999. Index t = 0..999."""
import math

import numpy as np

STEPS = 1000
OFFSET = 0.008
MAX_BETA = 0.999


def _f(step: float, steps: int) -> float:
    return math.cos((step / steps + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2


def alpha_bars(steps: int = STEPS) -> np.ndarray:
    """Cumulative products of 1 - beta, float64 [steps]."""
    betas = [min(MAX_BETA, 1 - _f(i + 1, steps) / _f(i, steps)) for i in range(steps)]
    return np.cumprod(1 - np.asarray(betas, dtype=np.float64))


def walk(timestep: int, steps: int) -> list[int]:
    """The official implementation's DDIM times, highest first; the last one is -1 (the clean image)."""
    times = np.linspace(-1, timestep - 1, steps + 1)
    return [int(t) for t in times[::-1]]
