"""What faster E are worth against SFace, those of small_e.py and slim_e.py and SFace in int8: verification, speed, and the terms of full DifFIQA that they give."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from .. import crop_set, paths
from ..benchmark import Benchmark
from ..config import section
from ..export import float_embedder, write_torch
from ..int8_e import LATE, quantise
from ..judges import open_session
from ..noise import STREAM_FACE, gaussian, noise_key
from ..process import forward
from ..regressor import Regressor, fold_batch_norms
from ..similarity_labels import known_people
from ..teach import FOLDER as TEACH, load_head, shipped_answer
from ..teacher import tap_inputs
from ..terms import SHAPE, SIZE, spread, to_tensor
from . import slim_e as slim
from .small_e import FOLDER

FMR = 1e-3
HEAD = TEACH / 'head.pt'
FORWARD_STEP = 20
# Of the embedding; what follows is the quality head's answer.
WIDTH = 128
INT8 = {'all convolutions': None, '1×1 convolutions but the first, last matrix': 2, f'1×1 convolutions from the {LATE}th on, last matrix': LATE}
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


def small_e(folder: Path) -> Network | None:
    if not (FOLDER / 'last.pt').exists():
        return None
    state = torch.load(FOLDER / 'last.pt', map_location='cpu', weights_only=True)
    model = Regressor(**state['architecture'])
    model.load_state_dict(state['ema'])
    file = folder / 'small-e.onnx'
    write_torch(Shipped(fold_batch_norms(model.eval()), state['middle']), (torch.zeros(2, 3, 112, 112),), ['face'], ['embedding'], file)
    session = open_session(file)
    return lambda x: session.run(None, {'face': x[None]})[0][0]


def like_sface(file: Path) -> Network:
    """The embedding, and behind it the quality head's answer."""
    session = open_session(file)
    return lambda x: np.concatenate(session.run(['fc1', 'head'], {'data': (x[None] + 1) * np.float32(127.5)}), axis=1)[0]


def slim_e(folder: Path, name: str, shape: dict[str, Any]) -> Network | None:
    network = slim.load(name, shape)
    if network is None:
        return None
    file = folder / f'slim-{name}.onnx'
    write_torch(slim.Summed(network), (torch.zeros(2, 3, 112, 112),), ['data'], ['summed'], file)
    session, head, state = open_session(file), load_head(), torch.load(HEAD, weights_only=True)
    middle, deviation = state['middle'].numpy(), state['deviation'].numpy()

    @torch.no_grad()
    def run(x: np.ndarray) -> np.ndarray:
        summed = session.run(None, {'data': (x[None] + 1) * np.float32(127.5)})[0]
        embedding, taps = summed[:, :WIDTH], summed[:, WIDTH:]
        answers = head(torch.from_numpy(tap_inputs(taps, embedding, middle, deviation))).numpy()
        return np.concatenate([embedding[0], shipped_answer(answers)])

    return run


def networks(folder: Path) -> dict[str, Network]:
    """Crops in -1..1, one [3, 112, 112], to its embedding."""
    source, head = (paths.ROOT / section('export')[key] for key in ('embedder', 'head'))
    whole = float_embedder(source, head)
    variants = {'SFace': whole} | {f'SFace, int8: {title}': quantise(whole, first) for title, first in INT8.items()}
    found = {}
    for number, (title, model) in enumerate(variants.items()):
        onnx.save(model, str(folder / f'{number}.onnx'))
        found[title] = like_sface(folder / f'{number}.onnx')
    small = small_e(folder)
    slims = {f'SFace, {name}': slim_e(folder, name, shape) for name, shape in section('slim_e')['tries'].items()}
    return found | {name: network for name, network in ({'small E': small} | slims).items() if network}


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


def shaken(network: Network, source: crop_set.CropSet, crops: int = 40) -> float:
    """Largest change of ln of the norm when the pixels change by a millionth, about what another processor's rounding is."""
    random, largest = np.random.default_rng(1), 0.0
    for index in np.linspace(0, len(source) - 1, crops).astype(int):
        x = to_tensor(np.asarray(source.crops[index]))
        other = (x * (1 + 1e-6 * random.standard_normal(x.shape))).astype(np.float32)
        lengths = [np.linalg.norm(network(face)[:WIDTH].astype(np.float64)) for face in (x, other)]
        largest = max(largest, abs(float(np.log(lengths[0] / lengths[1]))))
    return largest


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
        if config['only']:
            found = {name: network for name, network in found.items() if name in ('SFace', *config['only'])}
        benchmarks = [Benchmark.load(*key.split('.')) for key in config['sets']]
        rows: dict[str, list[str]] = {
            name: [f'{milliseconds(network):.1f}', f'{shaken(network, benchmarks[0].source):.4f}'] for name, network in found.items()
        }
        heads = ['ms, one thread', 'ln norm moves by, when pixels change by a millionth']
        for key in config['verification']:
            source = crop_set.load(*key.split('.'))
            people = known_people(source)[source.index >= 0]
            by_crop = np.empty(len(source), dtype=object)
            by_crop[source.index[source.index >= 0]] = people
            embedding = {name: embed(network, source)[:, :WIDTH] for name, network in found.items()}
            heads += [f'FNMR at FMR .001, {key}', f'cosine with SFace, {key}']
            for name, values in embedding.items():
                rows[name] += [f'{100 * false_non_matches(values, by_crop.astype(str)):.1f} %', f'{cosine(values, embedding["SFace"]).mean():.3f}']
        for benchmark, key in zip(benchmarks, config['sets']):
            source = benchmark.source
            heads += [f'U of ln norm, {key}', f'U of the forward term, {key}', f'U of the head, {key}']
            for name, network in found.items():
                clean = embed(network, source)
                noisy = np.stack([network(noised(np.asarray(crop))) for crop in source.crops]).astype(np.float64)
                clean, noisy, answer = clean[:, :WIDTH], noisy[:, :WIDTH], clean[:, WIDTH:]
                columns = [np.log(np.linalg.norm(clean, axis=1)), spread(cosine(clean, noisy)), *answer.T]
                cells = [f'{float(benchmark.utilities(source.spread(column), 0.2, None, True)):.3f}' for column in columns]
                rows[name] += [*cells, ''][:3]
    print(f'| | {" | ".join(heads)} |\n|{" --- |" * (len(heads) + 1)}')
    for name, row in rows.items():
        print(f'| {name} | {" | ".join(row)} |')
