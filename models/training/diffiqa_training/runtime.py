"""Device, number type, threads and seeds of a training run."""
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch


def pick_device(wish: str) -> torch.device:
    if wish == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    return torch.device(wish)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 pays off: without these processor instructions it is slower than float32."""
    if device.type == 'cuda':
        return torch.cuda.is_bf16_supported()
    info = Path('/proc/cpuinfo')
    flags = info.read_text() if info.exists() else ''
    return 'amx_bf16' in flags or 'avx512_bf16' in flags


def autocast(device: torch.device, dtype: str) -> AbstractContextManager:
    if dtype == 'bfloat16' or (dtype == 'auto' and multiplies_bfloat16(device)):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def prepare(seed: int, threads: int) -> np.random.Generator:
    """Seeds torch and numpy; returns the generator that the data draws from."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


@torch.no_grad()
def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of weights; buffers are copied."""
    for kept, new in zip(average.parameters(), model.parameters()):
        kept.lerp_(new, 1 - decay)
    for kept, new in zip(average.buffers(), model.buffers()):
        kept.copy_(new)


def save(state: dict, file: Path) -> None:
    """Whole or not at all: a run may be stopped while it writes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix('.part')
    torch.save(state, part)
    part.replace(file)


class Budget:
    """How far a run is, 0..1, by minutes (wall-clock ones unless another clock is given) or by steps; time of earlier runs counts in."""

    def __init__(self, minutes: float, steps: int, spent: float = 0.0, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._start = self._clock() - spent
        self.minutes, self.steps = minutes, steps

    @property
    def spent(self) -> float:
        """Seconds."""
        return self._clock() - self._start

    def progress(self, step: int) -> float:
        return min(1.0, step / self.steps if self.steps > 0 else self.spent / (60 * self.minutes))
