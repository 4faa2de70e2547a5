"""Table of the rivals' scores beside DifFIQA(R) and E's norm: pAUC and utility on every set whose judges are embedded."""

import datetime
import hashlib
import platform
import sys
from pathlib import Path

import numpy as np

from . import crop_set, edc, paths
from .benchmark import NATURAL, Benchmark
from .evaluate import difference, interval, table
from .judges import JUDGES
from .rivals.scorers import TITLES
from .rivals.scoring import csv_file, read_csv
from .scores import regressor_scores

OWN = 'DifFIQA(R)'


def ready(name: str, variant: str) -> bool:
    return crop_set.exists(name, variant) and all(
        paths.embed_file(name, part, judge.name).exists() for judge in JUDGES for part in (variant, NATURAL)
    )


def scores_of(source: crop_set.CropSet) -> dict[str, np.ndarray]:
    """DifFIQA(R) as it ships, E's norm, and every rival that has scored the set."""
    norm = np.linalg.norm(np.load(paths.embed_file(source.name, source.variant))['embedding'], axis=1)
    scores = {OWN: regressor_scores(source)[0], 'norm of SFace (E)': norm}
    for rival, title in TITLES.items():
        file = csv_file(rival, source.name, source.variant)
        if file.exists():
            scores[title] = read_csv(file, source)
    return scores


def summary(utilities: dict[str, dict[str, float]]) -> list[str]:
    """U(0.2) of every score on every set, and the mean of the scores that have all sets."""
    sets = list(utilities)
    lines = [f'| U .2 | {" | ".join(sets)} | mean |', f'| --- |{" --- |" * (len(sets) + 1)}']
    for name in dict.fromkeys(name for part in utilities.values() for name in part):
        found = [utilities[key].get(name, np.nan) for key in sets]
        cells = ['-' if np.isnan(value) else f'{value:.3f}' for value in [*found, np.mean(found)]]
        lines.append(f'| {name} | {" | ".join(cells)} |')
    return lines


def differences(benchmark: Benchmark, scores: dict[str, np.ndarray], weight: np.ndarray) -> list[str]:
    lines = [f'| {OWN} against | difference of U .2 | 95 % |', '| --- | --- | --- |']
    for name, values in scores.items():
        if name != OWN:
            point, spread = difference(benchmark, scores[OWN], values, weight, True)
            lines.append(f'| {name} | {point:+.3f} | {interval(spread)} |')
    return lines


def report(config: dict) -> str:
    digest = hashlib.sha256((paths.MODELS / 'regressor.onnx').read_bytes()).hexdigest()[:8]
    lines: list[str] = []
    utilities: dict[str, dict[str, float]] = {}
    for key in config['sets']:
        name, variant = key.split('.')
        if not ready(name, variant):
            print(f'rivals_table: {key} is left out, its crops or judges are missing (embed judge_sets=[…])', file=sys.stderr)
            continue
        benchmark = Benchmark.load(name, variant)
        scores = scores_of(benchmark.source)
        weight = edc.bootstrap_weights(benchmark.pairs, config['rounds'], config['seed'])
        utilities[benchmark.title] = {n: float(benchmark.utilities(v, 0.2, None, True)) for n, v in scores.items()}
        failing = ', '.join(f'{judge} {int(failed[benchmark.found].sum())}' for judge, failed in benchmark.failed.items())
        lines += [
            '', f'### {benchmark.title}', '',
            f'{int(benchmark.found.sum())} genuine pairs of two found faces; failing: {failing}.', '',
            *table(benchmark, scores, weight, True), '', *differences(benchmark, scores, weight),
        ]
    head = (
        f'{OWN} is regressor {digest}; {datetime.date.today().isoformat()}; {config["machine"]}, Python {platform.python_version()}; '
        '`python -m diffiqa_training rivals_table`. Pairs of two found faces.'
    )
    return '\n'.join([head, '', *summary(utilities), *lines]) + '\n'


def run(config: dict) -> None:
    text = report(config)
    if config['output']:
        Path(config['output']).write_text(text)
    else:
        sys.stdout.write(text)
