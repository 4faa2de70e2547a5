"""Terms of full DifFIQA for whole sets: the same arithmetic as the server's, one resumable file a term and draw.

`forward.<t>.<draw>`, `backward.<t>.<draw>` and their `-mirror` forms, `mirror`: cosine similarities to E(x), a value per row.
Written beside them: `residual.<t>.<draw>`, mean |x̂ − x| of the backward process; `head-forward.<t>.<draw>`, `head-mirror`, `norm-forward.<t>.<draw>`
and `norm-mirror`, what the quality head says of the noised face and of the mirror image, and how long their embeddings are; `head-face` and `norm-face`.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from . import crop_set, paths
from .judges import open_session
from .noise import STREAM_FACE, STREAM_MIRROR, STREAM_SAMPLER, STREAM_SAMPLER_MIRROR, gaussian, noise_key
from .process import ddim, forward, restore

SHAPE = (3, 112, 112)
SIZE = 3 * 112 * 112


@dataclass(frozen=True)
class Process:
    """The backward process: a restorer and its walk. `steps` = 1 is the one-step form."""

    steps: int = 1
    eta: float = 0.0
    denoiser: Path = paths.MODELS / 'denoiser.onnx'

    @cached_property
    def tag(self) -> str:
        """Terms of another restorer or walk are other numbers: they are kept apart."""
        digest = hashlib.sha256(self.denoiser.read_bytes()).hexdigest()[:8]
        return f'{digest}-{self.steps}-{self.eta:g}'


def term_file(source: crop_set.CropSet, key: str, process: Process) -> Path:
    paths.FEATURES.mkdir(parents=True, exist_ok=True)
    name = f'{key}@{process.tag}' if key.startswith(('backward', 'residual')) else key
    return paths.FEATURES / f'{source.name}.{source.variant}.{name}.npy'


def load_term(source: crop_set.CropSet, key: str, process: Process) -> np.ndarray:
    """One value per row, NaN where not computed."""
    file = term_file(source, key, process)
    return np.load(file) if file.exists() else np.full(len(source.rows), np.nan)


def to_tensor(crop: np.ndarray) -> np.ndarray:
    return (crop.astype(np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)


class Terms:
    """Computes terms of single crops."""

    def __init__(self, model_version: str, process: Process) -> None:
        self.version, self.process = model_version, process
        self.embedder = open_session(paths.MODELS / 'embedder.onnx')
        self.session = None

    def denoise(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        if self.session is None:
            self.session = open_session(self.process.denoiser)
        return self.session.run(None, {'x': x, 't': t})[0]

    def look(self, reference: np.ndarray, tensor: np.ndarray) -> tuple[float, float, float]:
        """Similarity to `reference`, length of the embedding, and the quality head's answer."""
        embedding, head = self.embedder.run(['fc1', 'head'], {'data': (tensor[None] + 1) * np.float32(127.5)})
        other = embedding[0].astype(np.float64)
        length = float(np.linalg.norm(other))
        return float(reference @ other / (np.linalg.norm(reference) * length)), length, float(head[0, 0])

    def similarity(self, reference: np.ndarray, tensor: np.ndarray) -> float:
        return self.look(reference, tensor)[0]

    def disturbed(self, reference: np.ndarray, tensor: np.ndarray, key: str) -> dict[str, float]:
        similarity, length, head = self.look(reference, tensor)
        return {key: similarity, f'norm-{key}': length, f'head-{key}': head}

    def measure(self, crop: np.ndarray, reference: np.ndarray, key: str) -> dict[str, float]:
        """`crop` uint8 [112,112,3], `reference` E(x) → the term, and what is written beside it."""
        key = key.removeprefix('head-').removeprefix('norm-')
        name, *rest = key.split('.')
        x = to_tensor(crop)
        if name == 'face':
            return self.disturbed(reference, x, key)
        if name == 'mirror':
            return self.disturbed(reference, np.ascontiguousarray(x[:, :, ::-1]), key)
        timestep, draw = int(rest[0]), int(rest[1])
        mirrored = name.endswith('-mirror')
        start = np.ascontiguousarray(x[:, :, ::-1]) if mirrored else x
        seed = noise_key(crop.tobytes(), self.version)
        noise = gaussian(seed, SIZE, draw, timestep, STREAM_MIRROR if mirrored else STREAM_FACE).reshape(SHAPE)
        noisy = forward(start, noise, timestep)
        if name.startswith('forward'):
            return self.disturbed(reference, noisy, key)
        steps, eta = self.process.steps, self.process.eta
        if steps == 1:
            clean = restore(self.denoise, noisy[None], timestep)[0]
        else:
            stream = STREAM_SAMPLER_MIRROR if mirrored else STREAM_SAMPLER
            sampler = lambda step: gaussian(seed, SIZE, draw, timestep, stream + step).reshape(SHAPE)[None]
            clean = ddim(self.denoise, noisy[None], timestep, steps, eta, sampler)[0]
        residual = float(np.abs(clean - start).mean())
        return {key: self.similarity(reference, clean), key.replace(name, 'residual'): residual}

    def fill(self, source: crop_set.CropSet, keys: list[str], rows: np.ndarray, save_every: int = 200) -> None:
        """Compute what is missing of `keys` at `rows` and keep it; row by row, so that an interrupted run loses little."""
        embedding = np.load(paths.embed_file(source.name, source.variant))['embedding'].astype(np.float64)
        values = {key: load_term(source, key, self.process) for key in keys}
        index, started, made = source.index, time.monotonic(), 0

        def save() -> None:
            for key, column in values.items():
                file = term_file(source, key, self.process)
                temporary = file.with_suffix('.tmp.npy')
                np.save(temporary, column)
                os.replace(temporary, file)

        for row in rows:
            if index[row] < 0:
                continue
            missing = [key for key in keys if not np.isfinite(values[key][row])]
            if not missing:
                continue
            crop = np.asarray(source.crops[index[row]])
            for key in missing:
                if np.isfinite(values[key][row]):
                    continue
                for name, value in self.measure(crop, embedding[row], key).items():
                    if name not in values:
                        values[name] = load_term(source, name, self.process)
                    values[name][row] = value
            made += 1
            if made % save_every == 0:
                save()
        save()
        if made:
            each = 1e3 * (time.monotonic() - started) / made
            print(f'{source.name}.{source.variant}: {len(keys)} terms of {made} crops, {each:.0f} ms a crop', flush=True)


def spread(similarity: np.ndarray) -> np.ndarray:
    """−ln(1 − s): similarities crowd below 1."""
    return -np.log(np.maximum(1 - similarity, 1e-6))


def term_keys(name: str, timestep: int, draws: int) -> list[str]:
    """Names of the term files that a feature is made of."""
    if name in ('log-norm', 'head'):
        return [f'{name.removeprefix("log-")}-face']
    key = {'pixel-residual': 'residual'}.get(name, name).replace('log-norm', 'norm')
    return [key] if key.endswith('mirror') and timestep == 0 else [f'{key}.{timestep}.{draw}' for draw in range(draws)]


def feature_of_keys(source: crop_set.CropSet, name: str, keys: list[str], process: Process) -> np.ndarray:
    """The feature `name` of the term files `keys`, one value per row; several files are draws, which are averaged."""
    columns = [load_term(source, key, process) for key in keys]
    if name.startswith('log-norm'):
        return np.mean(np.log(np.maximum(columns, 1e-6)), axis=0)
    mean = np.mean(columns, axis=0)
    if name.startswith('head'):
        return mean
    return -np.log(mean + 1e-6) if name == 'pixel-residual' else spread(mean)


def feature(source: crop_set.CropSet, name: str, timestep: int, draws: int, process: Process) -> np.ndarray:
    """A feature of the tuned preset, one value per row; the server's featureValue()."""
    return feature_of_keys(source, name, term_keys(name, timestep, draws), process)
