"""Utility of what learn.py and teach.py trained, on the validation people: one row a network."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import paths
from ..benchmark import Benchmark
from ..distil import to_tensor
from ..regressor import Regressor
from .head import OUTPUTS, QualityHead
from .learn import FOLDER
from .sface import load_sface
from .teach import FOLDER as TEACH

BATCH = 64
ANSWERED = ('gen', 'pass', 'pair')


def regressors() -> dict[str, Regressor]:
    files = {'shipped (steady)': paths.TRAINING / 'steady' / 'last.pt'} | {file.stem: file for file in sorted(FOLDER.glob('*.pt'))}
    models = {}
    for name, file in files.items():
        if file.exists():
            state = torch.load(file, map_location='cpu', weights_only=True)
            models[name] = Regressor(**state['architecture'])
            models[name].load_state_dict(state['ema'])
            models[name].eval()
    return models


def last_head() -> QualityHead | None:
    """The one that has seen all training people; none of the validation people is among them."""
    file = TEACH / 'last.pt'
    if not file.exists():
        return None
    state = torch.load(file, map_location='cpu', weights_only=True)
    prefix = f'{state["folds"]}.'
    head = QualityHead(dropout=state['dropout'])
    head.load_state_dict({key.removeprefix(prefix): value for key, value in state['heads'].items() if key.startswith(prefix)})
    return head.eval()


@torch.no_grad()
def scores(benchmark: Benchmark, models: dict[str, Regressor], head: QualityHead | None) -> dict[str, np.ndarray]:
    source, found = benchmark.source, {}
    sface = load_sface(paths.MODELS / 'embedder.onnx')

    def keep(name: str, values: Tensor) -> None:
        found.setdefault(name, []).append(values.numpy())

    for start in range(0, len(source.crops), BATCH):
        face = to_tensor(np.asarray(source.crops[start : start + BATCH]))
        for name, model in models.items():
            one, other = model.heads(face)['mean'], model.heads(face.flip(3))['mean']
            keep(name, one)
            keep(f'{name}, with its mirror image', (one + other) / 2)
        if head is not None:
            answers = head(sface((face + 1) * 127.5)[1])
            keep('head of teach_online', answers[:, [OUTPUTS.index(key) for key in ANSWERED]].mean(1))
    return {name: source.spread(np.concatenate(parts)) for name, parts in found.items()}


def run(config: dict[str, Any]) -> None:
    torch.set_num_threads(config['threads'])
    benchmarks = [Benchmark.load(*key.split('.')) for key in config['sets']]
    models, head = regressors(), last_head()
    columns = [scores(benchmark, models, head) for benchmark in benchmarks]
    print(f'| U(0.2) | {" | ".join(config["sets"])} | mean |\n|{" --- |" * (len(benchmarks) + 2)}')
    for name in columns[0]:
        found = [float(benchmark.utilities(column[name], 0.2, None, True)) for benchmark, column in zip(benchmarks, columns)]
        print(f'| {name} | {" | ".join(f"{value:.3f}" for value in found)} | {np.mean(found):.3f} |')
