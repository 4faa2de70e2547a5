"""Which photos the second look should go to: how far doubt reaches, and whether the lowest come first."""

import json

import numpy as np

from . import crop_set, paths
from .benchmark import Benchmark
from .cascade import combined_value, doubtful, escalate, fast_scores
from .scores import regressor_scores, tuned_scores


def run(config: dict) -> None:
    scoring = json.loads(paths.MANIFEST.read_text())['scoring']
    thresholds, cascade = scoring['thresholds']['balanced']['probe'], scoring['cascade']
    lines = [
        '| set | z | in doubt | looked at twice, as they come | U(0.2) | looked at twice, the lowest first | U(0.2) |',
        '| --- | --- | --- | --- | --- | --- | --- |',
    ]
    for key in config['sets']:
        benchmark = Benchmark.load(*key.split('.'))
        source = benchmark.source
        mean, deviation = regressor_scores(source)
        found = np.isfinite(mean)
        fast = fast_scores(mean, deviation, source.column('residual'), scoring['regressor'])
        both = combined_value(mean, tuned_scores(source), cascade['combination'])

        def utility(value: np.ndarray) -> float:
            return float(benchmark.utilities(value, 0.2, only_found=True))

        for z in config['z']:
            caps = {**cascade, 'z': np.inf if z is None else z}
            doubt = doubtful(fast, thresholds, caps)[found].mean()
            cells = []
            for lowest_first in (False, True):
                twice = [escalate(fast, mean, thresholds, caps, seed, lowest_first) for seed in range(config['orders'])]
                share = np.mean([rows[found].mean() for rows in twice])
                cells += [f'{share:.0%}', f'{np.mean([utility(np.where(rows, both, fast.value)) for rows in twice]):.4f}']
            lines.append(' | '.join([f'| {benchmark.title}', 'any' if z is None else str(z), f'{doubt:.0%}', *cells]) + ' |')
        lines.append(f'| {benchmark.title} | | | none | {utility(fast.value):.4f} | all | {utility(both):.4f} |')
    print('\n'.join(lines), flush=True)
