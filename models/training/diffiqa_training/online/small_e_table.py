"""What the fast E of small_e.py is worth against SFace: verification, speed, and the terms of full DifFIQA that it gives."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import crop_set, paths
from ..benchmark import Benchmark
from ..export import write_torch
from ..judges import open_session
from ..noise import STREAM_FACE, gaussian, noise_key
from ..process import forward
from ..regressor import Regressor, fold_batch_norms
from ..similarity_labels import known_people
from ..terms import SHAPE, SIZE, spread, to_tensor
from .small_e import FOLDER

FMR = 1e-3
FORWARD_STEP = 20
Network = Callable[[np.ndarray], np.ndarray]


class Shipped(torch.nn.Module):
    """Pixels -1..1 to an embedding of the length that was learnt, as SFace's is."""

    def __init__(self, regressor: Regressor, middle: float) -> None:
        super().__init__()
        self.regressor, self.middle = regressor, middle

    def forward(self, face: Tensor) -> Tensor:
        answers = self.regressor.heads(face)
        length = (answers['log_norm'] + self.middle).exp()[:, None]
        return answers['embedding'] / answers['embedding'].norm(dim=1, keepdim=True) * length


def networks(folder: Path) -> dict[str, Network]:
    """Crops in -1..1, one [3, 112, 112], to its embedding."""
    state = torch.load(FOLDER / 'last.pt', map_location='cpu', weights_only=True)
    model = Regressor(**state['architecture'])
    model.load_state_dict(state['ema'])
    file = folder / 'small-e.onnx'
    write_torch(Shipped(fold_batch_norms(model.eval()), state['middle']), (torch.zeros(2, 3, 112, 112),), ['face'], ['embedding'], file)
    small, sface = open_session(file), open_session(paths.MODELS / 'embedder.onnx')
    name, output = sface.get_inputs()[0].name, sface.get_outputs()[0].name
    return {
        'SFace': lambda x: sface.run([output], {name: (x[None] + 1) * np.float32(127.5)})[0][0],
        'small E': lambda x: small.run(None, {'face': x[None]})[0][0],
    }


def embed(network: Network, source: crop_set.CropSet) -> np.ndarray:
    return np.stack([network(to_tensor(crop)) for crop in source.crops]).astype(np.float64)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / np.maximum(np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-12)


def false_non_matches(embedding: np.ndarray, people: np.ndarray) -> float:
    """FNMR at FMR over all pairs."""
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    a, b = np.triu_indices(len(unit), 1)
    similarity = (unit @ unit.T)[a, b]
    known = (people[a] != '') & (people[b] != '')
    genuine = people[a] == people[b]
    threshold = np.quantile(similarity[known & ~genuine], 1 - FMR)
    return float((similarity[known & genuine] < threshold).mean())


def noised(crop: np.ndarray) -> np.ndarray:
    noise = gaussian(noise_key(crop.tobytes(), 'small-e'), SIZE, 0, FORWARD_STEP, STREAM_FACE).reshape(SHAPE)
    return forward(to_tensor(crop), noise, FORWARD_STEP).astype(np.float32)


def milliseconds(network: Network, repeats: int = 60) -> float:
    x, times = np.zeros(SHAPE, np.float32), []
    for _ in range(repeats):
        start = time.perf_counter()
        network(x)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def run(config: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = networks(Path(folder))
        benchmarks = [Benchmark.load(*key.split('.')) for key in config['sets']]
        rows: dict[str, list[str]] = {name: [f'{milliseconds(network):.1f}'] for name, network in found.items()}
        heads = ['ms, one thread']
        for key in config['verification']:
            source = crop_set.load(*key.split('.'))
            people = known_people(source)[source.index >= 0]
            by_crop = np.empty(len(source), dtype=object)
            by_crop[source.index[source.index >= 0]] = people
            embedding = {name: embed(network, source) for name, network in found.items()}
            heads += [f'FNMR at FMR .001, {key}', f'cosine with SFace, {key}']
            for name, values in embedding.items():
                rows[name] += [f'{100 * false_non_matches(values, by_crop.astype(str)):.1f} %', f'{cosine(values, embedding["SFace"]).mean():.3f}']
        for benchmark, key in zip(benchmarks, config['sets']):
            source = benchmark.source
            heads += [f'U of ln norm, {key}', f'U of the forward term, {key}']
            for name, network in found.items():
                clean = embed(network, source)
                noisy = np.stack([network(noised(np.asarray(crop))) for crop in source.crops]).astype(np.float64)
                columns = (np.log(np.linalg.norm(clean, axis=1)), spread(cosine(clean, noisy)))
                rows[name] += [f'{float(benchmark.utilities(source.spread(column), 0.2, None, True)):.3f}' for column in columns]
    print(f'| | {" | ".join(heads)} |\n|{" --- |" * (len(heads) + 1)}')
    for name, row in rows.items():
        print(f'| {name} | {" | ".join(row)} |')
