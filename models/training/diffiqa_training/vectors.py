"""Writes test/quality/vectors.json: numbers of the Python reference that the TypeScript tests are compared with.

Faces, embedder and restorer are formulas, so that no photograph and no network is needed. Whole tensors are given as a few
elements, their sum and the sum of their squares.
"""
import json
from typing import Any

import numpy as np

from . import paths
from .noise import gaussian, philox4x32
from .process import ALPHA_BARS
from .reference import Face, paper_score, tuned_score
from .schedule import walk

FILE = paths.ROOT / 'test' / 'quality' / 'vectors.json'
VERSION = 'vectors-1'
SIZE = 3 * 112 * 112
INDICES = (0, 1, 2, 3, 4, 5, 1000, 12543, 12544, 20001, 37630, 37631)
TIMES = ((5, 6), (5, 2), (20, 3), (250, 4), (299, 8))
COUNTERS = (
    ((0, 0, 0, 0), (0, 0)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)),
)
NOISE = ((0, 20, 0), (1, 20, 0), (2, 20, 0), (0, 20, 1), (0, 5, 2), (1, 5, 2), (3, 250, 1002))
FORWARD = ((20, 0, False), (20, 1, False), (20, 0, True), (250, 0, False))
BACKWARD = ((5, 0, False, 6, 1.0), (5, 1, True, 6, 1.0), (250, 0, False, 1, 0.0), (250, 0, False, 4, 0.0), (90, 0, True, 3, 0.5))
PRESET = {
    'terms': [
        {'feature': 'forward', 'timestep': 20, 'draws': 2, 'weight': 0.3},
        {'feature': 'backward', 'timestep': 250, 'draws': 1, 'weight': 0.15},
        {'feature': 'forward-mirror', 'timestep': 20, 'draws': 1, 'weight': 0.1},
        {'feature': 'backward-mirror', 'timestep': 90, 'draws': 1, 'weight': -0.05},
        {'feature': 'mirror', 'timestep': 0, 'draws': 1, 'weight': 0.2},
        {'feature': 'log-norm', 'timestep': 0, 'draws': 1, 'weight': 0.5},
        {'feature': 'head', 'timestep': 0, 'draws': 1, 'weight': 0.4},
        {'feature': 'head-forward', 'timestep': 20, 'draws': 2, 'weight': 0.2},
        {'feature': 'head-mirror', 'timestep': 0, 'draws': 1, 'weight': -0.1},
        {'feature': 'log-norm-forward', 'timestep': 20, 'draws': 1, 'weight': 0.3},
        {'feature': 'log-norm-mirror', 'timestep': 0, 'draws': 1, 'weight': 0.15},
        {'feature': 'pixel-residual', 'timestep': 90, 'draws': 1, 'weight': 0.25},
    ],
    'bias': 0.5,
    'steps': 1,
    'eta': 0,
}


def ramp() -> np.ndarray:
    return ((np.arange(SIZE) * 37) % 256).astype(np.uint8).reshape(112, 112, 3)


def smooth() -> np.ndarray:
    y, x, c = np.meshgrid(np.arange(112.0), np.arange(112.0), np.arange(3.0), indexing='ij')
    return np.floor(127.5 + 80 * np.sin(x / 9 + c) * np.cos(y / 13) + 0.5).astype(np.uint8)


def denoise(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A formula in the restorer's place; not clipped, so that clipping is tested too."""
    scale = 1 - t.astype(np.float64)[:, None, None, None] / 2000
    return (np.tanh(1.1 * x.astype(np.float64)) * scale + 0.02).astype(np.float32)


def embed(data: np.ndarray) -> np.ndarray:
    """128 weighted sums of the pixels."""
    v = (data.astype(np.float64) / 127.5 - 1).reshape(len(data), -1)
    weights = ((np.arange(SIZE) * 7919) % 1009) / 1009 - 0.5
    return (v * weights).reshape(len(data), -1, 128).sum(axis=1).astype(np.float32)


def head(data: np.ndarray) -> np.ndarray:
    """A formula in the quality head's place."""
    return embed(data)[:, :4].astype(np.float64).sum(axis=1) / 10


def summary(tensor: np.ndarray) -> dict[str, Any]:
    flat = tensor.reshape(-1).astype(np.float64)
    return {'elements': [float(flat[i]) for i in INDICES], 'sum': float(flat.sum()), 'sumSquares': float((flat**2).sum())}


def describe(face: Face) -> dict[str, Any]:
    raw, terms = paper_score(face)
    tuned, features = tuned_score(face, PRESET)
    return {
        'key': list(face.key),
        'embedding': [float(v) for v in face.anchor[:8]],
        'noise': [
            {'draw': d, 'timestep': t, 'stream': s, **summary(gaussian(face.key, SIZE, d, t, s))} for d, t, s in NOISE
        ],
        'forward': [{'t': t, 'draw': d, 'mirror': m, **summary(face.noised(d, t, m))} for t, d, m in FORWARD],
        'backward': [
            {'t': t, 'draw': d, 'mirror': m, 'steps': steps, 'eta': eta, **summary(face.restored(d, t, m, steps, eta))}
            for t, d, m, steps, eta in BACKWARD
        ],
        'paper': {'raw': raw, 'terms': terms},
        'tuned': {'raw': tuned, 'features': features},
    }


def run(_config: dict[str, Any]) -> None:
    faces = {name: Face(make(), VERSION, embed, denoise, head) for name, make in (('ramp', ramp), ('smooth', smooth))}
    document = {
        'format': 1,
        'tolerance': 1e-4,
        'modelVersion': VERSION,
        'schedule': {'alphaBar': {str(t): float(ALPHA_BARS[t]) for t in (0, 1, 5, 20, 50, 90, 99, 250, 299, 500, 998, 999)}},
        'philox': [
            {'counter': list(c), 'key': list(k), 'output': philox4x32(np.array([c], np.uint32), k)[0].tolist()}
            for c, k in COUNTERS
        ],
        'times': [{'t': t, 'steps': steps, 'times': walk(t, steps)} for t, steps in TIMES],
        'indices': list(INDICES),
        'tunedPreset': PRESET,
        'faces': {name: describe(face) for name, face in faces.items()},
    }
    FILE.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')
    print(f'{FILE.name}: {FILE.stat().st_size} bytes')
