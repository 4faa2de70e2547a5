"""Forward and backward diffusion in numpy; the server's TypeScript does the same and is tested against vectors of this."""
from collections.abc import Callable

import numpy as np

from .schedule import alpha_bars, walk

ALPHA_BARS = alpha_bars()

Denoiser = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(x [n,3,112,112] float32, t [n] float32) -> x0 of the same shape, not clipped."""


def forward(x: np.ndarray, noise: np.ndarray, timestep: int) -> np.ndarray:
    """x_t = sqrt(abar) x + sqrt(1 - abar) noise, in float64, stored float32."""
    abar = ALPHA_BARS[timestep]
    return (np.sqrt(abar) * x.astype(np.float64) + np.sqrt(1 - abar) * noise.astype(np.float64)).astype(np.float32)


def restore(denoiser: Denoiser, x_t: np.ndarray, timestep: int) -> np.ndarray:
    """One-step form: the clipped x0 prediction at the forward process's own timestep."""
    t = np.full(len(x_t), timestep, dtype=np.float32)
    return np.clip(denoiser(x_t, t), -1, 1).astype(np.float32)


def ddim(
    denoiser: Denoiser,
    x_t: np.ndarray,
    timestep: int,
    steps: int,
    eta: float,
    sampler_noise: Callable[[int], np.ndarray],
) -> np.ndarray:
    """DDIM from timestep - 1 to the clean image along the official times; sampler_noise(step) is used when eta > 0."""
    times = walk(timestep, steps)
    x = x_t.astype(np.float64)
    x0 = x
    for step, (now, after) in enumerate(zip(times[:-1], times[1:])):
        t = np.full(len(x), now, dtype=np.float32)
        x0 = np.clip(denoiser(x.astype(np.float32), t), -1, 1).astype(np.float64)
        if after < 0:
            break
        abar, abar_next = ALPHA_BARS[now], ALPHA_BARS[after]
        eps = (x / np.sqrt(abar) - x0) / np.sqrt(1 / abar - 1)
        sigma = eta * np.sqrt(max(0.0, (1 - abar / abar_next) * (1 - abar_next) / (1 - abar)))
        x = np.sqrt(abar_next) * x0 + np.sqrt(max(0.0, 1 - abar_next - sigma**2)) * eps
        if eta > 0:
            x = x + sigma * sampler_noise(step).astype(np.float64)
    return x0.astype(np.float32)
