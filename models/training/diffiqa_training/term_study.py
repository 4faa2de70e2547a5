"""What each term of the full score carries: utilities of sums of terms, weights fitted and cross-validated over people."""

import sys
from typing import Any

import numpy as np

from .benchmark import Benchmark
from .fit_weights import cross_validate
from .preset import Term
from .scores import regressor_scores, tuned_preset
from .terms import Terms, feature
from .config import section

FOLDS = 5


def columns_of(benchmark: Benchmark, term: str, preset_terms: Any) -> np.ndarray:
    """`term` as in the section: a feature's name, with its timestep and, if more than one, its draws.

    `detail` is the pixel residual with its sign turned: fitted weights are not below 0, and the preset's is.
    """
    if term.startswith('detail '):
        return -columns_of(benchmark, term.replace('detail', 'pixel-residual'), preset_terms)
    if term == 'DifFIQA(R)':
        return regressor_scores(benchmark.source)[0]
    name, *numbers = term.split()
    timestep, draws = (int(part) for part in (numbers + ['0', '1'])[:2]) if len(numbers) != 1 else (int(numbers[0]), 1)
    one = Term(name, timestep, draws, 1.0)
    preset_terms.fill(benchmark.source, one.keys(), np.arange(len(benchmark.source.rows)))
    return feature(benchmark.source, name, timestep, draws, tuned_preset().process)


def run(config: dict[str, Any]) -> None:
    benchmarks = [Benchmark.load(*name.split('.')) for name in config['sets']]
    maker = Terms(section('export')['version'], tuned_preset().process)
    known: dict[str, list[np.ndarray]] = {}
    print('| terms | ' + ' | '.join(b.title for b in benchmarks) + ' | mean | weights |')
    print('| --- |' + ' --- |' * (len(benchmarks) + 2))
    for row in config['rows']:
        terms = row.split(' + ')
        for term in terms:
            if term not in known:
                known[term] = [columns_of(b, term, maker) for b in benchmarks]
        columns = [np.column_stack([known[term][index] for term in terms]) for index in range(len(benchmarks))]
        deviation = np.nanstd(np.concatenate(columns), axis=0)
        scores, weights = cross_validate(benchmarks, [part / deviation for part in columns], FOLDS, config['seed'])
        values = [float(b.utilities(score, 0.2, only_found=True)) for b, score in zip(benchmarks, scores, strict=True)]
        share = weights.mean(0) / max(weights.mean(0).sum(), 1e-9)
        print(f'| {row} | ' + ' | '.join(f'{v:.3f}' for v in [*values, float(np.mean(values))]) + ' | ' + ', '.join(f'{w:.2f}' for w in share) + ' |')
        sys.stdout.flush()
