"""What the restorer's size, steps, draws and number type cost and bring: utility of the tuned score and milliseconds a face."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import crop_set, paths
from .benchmark import Benchmark
from .config import section
from .export import load_denoiser, write_denoiser
from .judges import open_session
from .noise import STREAM_FACE, STREAM_SAMPLER, gaussian, noise_key
from .preset import Preset, Term
from .process import ddim, forward, restore
from .scores import tuned_preset
from .terms import SHAPE, SIZE, spread, to_tensor

CALIBRATION_CROPS = 96
VERSION = 'restorer study'


# The folder of the checkpoint that is exported.
SHIPPED = Path(section('export')['denoiser']).parent.name


@dataclass(frozen=True)
class Variant:
    """`network`: a folder of .cache/training, or `int8`; without `antithetic` no draw is another one with its sign turned."""

    network: str = SHIPPED
    steps: int = 1
    eta: float = 0.0
    draws: int = 1
    antithetic: bool = True


class Crops(CalibrationDataReader):
    """Noised training crops, as the restorer gets them."""

    def __init__(self, timestep: int) -> None:
        source = crop_set.load('lfw-train', 'clean')
        rows = np.linspace(0, len(source.crops) - 1, CALIBRATION_CROPS).astype(int)
        self.feeds = iter([
            {'x': noised(np.asarray(source.crops[row]), 0, timestep, True)[None], 't': np.full(1, timestep, np.float32)} for row in rows
        ])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def noised(crop: np.ndarray, draw: int, timestep: int, antithetic: bool) -> np.ndarray:
    number = draw if antithetic else 2 * draw
    noise = gaussian(noise_key(crop.tobytes(), VERSION), SIZE, number, timestep, STREAM_FACE).reshape(SHAPE)
    return forward(to_tensor(crop), noise, timestep).astype(np.float32)


def network_file(name: str, timestep: int, folder: Path) -> Path:
    file = folder / f'{name}.onnx'
    if file.exists():
        return file
    if name != 'int8':
        write_denoiser(load_denoiser(paths.TRAINING / name / 'last.pt'), file)
        return file
    ready = folder / 'ready.onnx'
    quant_pre_process(str(network_file(SHIPPED, timestep, folder)), str(ready), skip_symbolic_shape=True)
    quantize_static(str(ready), str(file), Crops(timestep), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=['Conv'])
    return file


def weight_of(preset: Preset, name: str) -> Term:
    return next(term for term in preset.terms if term.feature == name)


def measure(benchmark: Benchmark, variant: Variant, preset: Preset, denoise: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[np.ndarray, float]:
    """The tuned score of every row, and the median milliseconds that one crop took."""
    source, embedder = benchmark.source, open_session(paths.MODELS / 'embedder.onnx')
    early, late = weight_of(preset, 'forward').timestep, weight_of(preset, 'backward').timestep
    columns, times = [], []

    def embed(x: np.ndarray) -> tuple[np.ndarray, float, float]:
        """E(x) of unit length, ln of its length, and the quality head's answer."""
        embedding, head = embedder.run(['fc1', 'head'], {'data': (x[None] + 1) * np.float32(127.5)})
        length = np.linalg.norm(embedding[0].astype(np.float64))
        return embedding[0].astype(np.float64) / length, float(np.log(length)), float(head[0, 0])

    for crop in source.crops:
        crop = np.asarray(crop)
        x, begun = to_tensor(crop), time.perf_counter()
        own, norm, head = embed(x)
        _, mirror_norm, mirror_head = embed(np.ascontiguousarray(x[:, :, ::-1]))
        found = []
        for draw in range(variant.draws):
            near, near_norm, near_head = embed(noised(crop, draw, early, variant.antithetic))
            noisy = noised(crop, draw, late, variant.antithetic)[None]
            if variant.steps == 1:
                clean = restore(denoise, noisy, late)[0]
            else:
                key = noise_key(crop.tobytes(), VERSION)
                sampler = lambda step, draw=draw: gaussian(key, SIZE, draw, late, STREAM_SAMPLER + step).reshape(SHAPE)[None]
                clean = ddim(denoise, noisy, late, variant.steps, variant.eta, sampler)[0]
            found.append((float(own @ near), float(own @ embed(clean)[0]), float(np.abs(clean - x).mean()), near_norm, near_head))
        times.append(1e3 * (time.perf_counter() - begun))
        columns.append((norm, head, mirror_norm, mirror_head, *np.mean(found, axis=0)))
    norm, head, mirror_norm, mirror_head, near, far, residual, near_norm, near_head = (source.spread(column) for column in np.array(columns).T)
    features = {'log-norm': norm, 'head': head, 'log-norm-mirror': mirror_norm, 'head-mirror': mirror_head, 'forward': spread(near),
                'log-norm-forward': near_norm, 'head-forward': near_head, 'backward': spread(far), 'pixel-residual': -np.log(residual + 1e-6)}
    return sum(term.weight * features[term.feature] for term in preset.terms), float(np.median(times))


def run(config: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    preset = tuned_preset()
    late = weight_of(preset, 'backward').timestep
    benchmarks = [Benchmark.load(*key.split('.')) for key in config['sets']]
    print(f'| what | {" | ".join(config["sets"])} | mean | ms a face |\n|{" --- |" * (len(benchmarks) + 3)}')
    with tempfile.TemporaryDirectory() as folder:
        for title, options in config['rows'].items():
            variant = Variant(**(options or {}))
            session = open_session(network_file(variant.network, late, Path(folder)))
            denoise = lambda x, t, session=session: session.run(None, {'x': x, 't': t})[0]
            found = [measure(benchmark, variant, preset, denoise) for benchmark in benchmarks]
            values = [float(b.utilities(score, 0.2, only_found=True)) for b, (score, _) in zip(benchmarks, found)]
            cells = [*(f'{value:.3f}' for value in [*values, float(np.mean(values))]), f'{np.mean([ms for _, ms in found]):.0f}']
            print(f'| {title} | {" | ".join(cells)} |', flush=True)
