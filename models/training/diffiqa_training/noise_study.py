"""How much of a utility is luck of the noise: the shipped scores with other draws of the same noise.

The noise of a face is seeded by its pixels and the model version, so a new version alone gives other scores; two versions are compared by these means.
"""

import json
from typing import Any

import numpy as np

from . import crop_set, paths
from .benchmark import Benchmark
from .cascade import combined_value, escalate, fast_scores
from .config import section
from .preset import Term
from .scores import regressor_scores, tuned_preset
from .terms import Terms, feature_of_keys, term_keys

DIFFUSION = ('forward', 'backward', 'pixel-residual')


def keys_of(term: Term, draw: int) -> list[str]:
    """The term's files with `draw` in place of its own; without noise there is none to replace."""
    return [f'{key.rpartition(".")[0]}.{draw}' if key.endswith('.0') else key for key in term_keys(term.feature, term.timestep, 1)]


def full_scores(source: crop_set.CropSet, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """The tuned score, and without the terms of the diffusion."""
    preset = tuned_preset()
    rows = np.arange(len(source.rows))
    needed = {key.replace('residual', 'backward') for term in preset.terms for key in keys_of(term, draw)}
    Terms(section('export')['version'], preset.process).fill(source, sorted(needed), rows)
    full, rest = np.full(len(rows), preset.bias), np.full(len(rows), preset.bias)
    for term in preset.terms:
        part = term.weight * feature_of_keys(source, term.feature, keys_of(term, draw), preset.process)
        full = full + part
        rest = rest if term.feature in DIFFUSION else rest + part
    return full, rest


def utilities(benchmark: Benchmark, scoring: dict, draw: int, orders: int) -> dict[str, float]:
    """U(0.2) over pairs of two found faces; the cascade's is the mean over orders of arrival."""
    source, cascade = benchmark.source, scoring['cascade']
    mean, deviation = regressor_scores(source)
    full, rest = full_scores(source, draw)
    fast = fast_scores(mean, deviation, source.column('residual'), scoring['regressor'])
    both = combined_value(mean, full, cascade['combination'])
    twice = [escalate(fast, mean, scoring['thresholds']['balanced']['probe'], cascade, order) for order in range(orders)]
    worth = lambda values: float(benchmark.utilities(values, 0.2, only_found=True))
    return {
        'DifFIQA(R)': worth(mean),
        'full DifFIQA, tuned': worth(full),
        'without forward, backward and residual': worth(rest),
        'cascade': float(np.mean([worth(np.where(rows, both, fast.value)) for rows in twice])),
        'combined, every photo': worth(both),
    }


def run(config: dict[str, Any]) -> None:
    manifest = json.loads(paths.MANIFEST.read_text())
    benchmarks = [Benchmark.load(*key.split('.')) for key in config['sets']]
    # Odd draws are the negatives of the even ones before them, so they are not independent.
    found = [[utilities(benchmark, manifest['scoring'], 2 * draw, config['orders']) for benchmark in benchmarks] for draw in range(config['draws'])]
    print(f'Model version {manifest["modelVersion"]}, {config["draws"]} draws, {config["orders"]} orders of arrival.\n')
    print(f'| score | {" | ".join(config["sets"])} | mean | of single draws |\n| --- |{" --- |" * (len(config["sets"]) + 2)}')
    for name in found[0][0]:
        values = np.array([[part[name] for part in draw] for draw in found])
        single = values.mean(1)
        cells = [f'{value:.3f}' for value in values.mean(0)]
        print(f'| {name} | {" | ".join(cells)} | **{single.mean():.3f}** | {single.min():.3f} to {single.max():.3f} |')
