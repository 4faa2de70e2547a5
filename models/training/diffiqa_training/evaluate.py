"""The table of scores against baselines: pAUC and utility with bootstrap intervals over people, as Markdown."""

import datetime
import hashlib
import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np

from . import edc, paths
from .benchmark import Benchmark
from .cascade import combined_value, doubtful, escalate, fast_scores
from .crop_set import CropSet
from .isotonic import apply_knots
from .judges import JUDGES
from .outcomes import judge_rates, pass_rates
from .scores import first_people, paper_scores, regressor_scores, tuned_scores
from .terms import Process, Terms, load_term
from .thresholds import expected_calibration_error

LIMITS = (0.05, 0.2, 0.3)


def laplacian_variance(benchmark: Benchmark) -> np.ndarray:
    source = benchmark.source
    values = [cv2.Laplacian(cv2.cvtColor(np.asarray(c), cv2.COLOR_RGB2GRAY), cv2.CV_64F).var() for c in source.crops]
    return source.spread(np.array(values))


def mirror_consistency(benchmark: Benchmark, version: str) -> np.ndarray:
    process = Process()
    source = benchmark.source
    Terms(version, process).fill(source, ['mirror'], np.arange(len(source.rows)))
    return load_term(source, 'mirror', process)


def baseline_scores(benchmark: Benchmark, version: str, seed: int) -> dict[str, np.ndarray]:
    source = benchmark.source
    found = np.where(source.index >= 0, 1.0, np.nan)
    scores = {
        'random': np.random.default_rng(seed).random(len(source.rows)) * found,
        'Laplacian variance': laplacian_variance(benchmark),
        'inter-eye distance': source.column('interEye'),
        'detector confidence': source.column('confidence'),
        'mirror consistency': mirror_consistency(benchmark, version),
        'norm of SFace (E)': benchmark.norms('sface'),
    }
    for judge in JUDGES:
        scores[f'norm of {judge.name}'] = benchmark.norms(judge.name)
    return scores


def own_scores(benchmark: Benchmark, manifest: dict, photos: int, seed: int) -> dict[str, np.ndarray]:
    """The paper's preset costs seconds a photo: it is scored on whole people, `photos` in all, and NaN elsewhere.

    Names with a star are on those people only, to be compared with one another.
    """
    source, scoring = benchmark.source, manifest['scoring']
    mean, deviation = regressor_scores(source)
    full = tuned_scores(source)
    fast = fast_scores(mean, deviation, source.column('residual'), scoring['regressor'])
    cascade = scoring['cascade']
    twice = escalate(fast, mean, scoring['thresholds']['balanced']['probe'], cascade, seed)
    both = combined_value(mean, full, cascade['combination'])
    scores = {
        'DifFIQA(R)': mean,
        'full DifFIQA, tuned': full,
        f'cascade, {cascade["budget"]:.0%} looked at twice': np.where(twice, both, fast.value),
        'combined, every photo': both,
    }
    if photos > 0:
        rows = first_people(source, photos)
        for name, values in (('norm of SFace (E)', benchmark.norms('sface')), ('DifFIQA(R)', mean), ('full DifFIQA, tuned', full)):
            scores[f'{name}*'] = np.where(np.isin(np.arange(len(values)), rows), values, np.nan)
        scores['full DifFIQA, paper*'] = paper_scores(source, rows)
    return scores


def restricted(benchmark: Benchmark, rows: np.ndarray) -> Benchmark:
    """The same set with only the pairs among `rows`."""
    pairs = benchmark.pairs
    kept = rows[pairs.first] & rows[pairs.second]
    part = edc.Pairs(pairs.first[kept], pairs.second[kept], pairs.people[kept], pairs.count)
    return Benchmark(benchmark.title, benchmark.source, part, {k: v[kept] for k, v in benchmark.failed.items()})


def interval(values: np.ndarray) -> str:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return f'{low:.3f} to {high:.3f}'


def table(benchmark: Benchmark, scores: dict[str, np.ndarray], weight: np.ndarray, only_found: bool) -> list[str]:
    lines = [
        '| score | pAUC .05 | pAUC .2 | pAUC .3 | U .05 | U .2 | 95 % | U .3 | 95 % |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ]
    for name, quality in scores.items():
        view, part = benchmark, weight
        if name.endswith('*'):
            rows = np.isfinite(quality)
            pairs = benchmark.pairs
            view, part = restricted(benchmark, rows), weight[:, rows[pairs.first] & rows[pairs.second]]
        area = [view.areas(quality, limit, only_found) for limit in LIMITS]
        use = {limit: float(view.utilities(quality, limit, None, only_found)) for limit in LIMITS}
        spread = {limit: view.utilities(quality, limit, part, only_found) for limit in (0.2, 0.3)}
        cells = [
            name, *(f'{a:.3f}' for a in area), f'{use[0.05]:.3f}', f'**{use[0.2]:.3f}**', interval(spread[0.2]),
            f'{use[0.3]:.3f}', interval(spread[0.3]),
        ]
        lines.append(f'| {" | ".join(cells)} |')
    return lines


def difference(
    benchmark: Benchmark, a: np.ndarray, b: np.ndarray, weight: np.ndarray, only_found: bool
) -> tuple[float, np.ndarray]:
    """U(0.2) of a minus that of b, and over the same bootstrap people."""
    point = float(benchmark.utilities(a, 0.2, None, only_found) - benchmark.utilities(b, 0.2, None, only_found))
    return point, benchmark.utilities(a, 0.2, weight, only_found) - benchmark.utilities(b, 0.2, weight, only_found)


def comparisons(
    benchmark: Benchmark, baselines: dict[str, np.ndarray], own: dict[str, np.ndarray], weight: np.ndarray
) -> list[str]:
    best = max(baselines, key=lambda name: float(benchmark.utilities(baselines[name], 0.2, None, True)))
    cascade = next(name for name in own if name.startswith('cascade'))
    rows = [
        ('DifFIQA(R)', own['DifFIQA(R)'], f'best baseline ({best})', baselines[best]),
        ('full DifFIQA, tuned', own['full DifFIQA, tuned'], f'best baseline ({best})', baselines[best]),
        ('full DifFIQA, tuned', own['full DifFIQA, tuned'], 'DifFIQA(R)', own['DifFIQA(R)']),
        (cascade, own[cascade], 'DifFIQA(R)', own['DifFIQA(R)']),
        ('combined, every photo', own['combined, every photo'], 'DifFIQA(R)', own['DifFIQA(R)']),
    ]
    lines = ['| score | against | difference of U .2 | 95 % |', '| --- | --- | --- | --- |']
    for name, a, other, b in rows:
        point, spread = difference(benchmark, a, b, weight, True)
        lines.append(f'| {name} | {other} | {point:+.3f} | {interval(spread)} |')
    return lines


def calibration_line(benchmark: Benchmark, manifest: dict) -> str:
    source, scoring = benchmark.source, manifest['scoring']
    outcome = pass_rates(source.name, source.variant)
    values = {
        'DifFIQA(R)': apply_knots(scoring['regressor']['knots'], regressor_scores(source)[0]),
        'full DifFIQA': apply_knots(scoring['tuned']['knots'], tuned_scores(source)),
    }
    parts = [f'{name} {expected_calibration_error(value, outcome):.3f}' for name, value in values.items()]
    reject = scoring['thresholds']['balanced']['probe']['rejectBelow']
    refused = np.nanmean((values['DifFIQA(R)'] < reject)[np.isfinite(values['DifFIQA(R)'])])
    return (
        f'Expected calibration error: {", ".join(parts)}. The balanced probe threshold ({reject}) refuses {refused:.1%} of the faces '
        f'found{severe_line(source, values["DifFIQA(R)"], reject)}.'
    )


def severe_line(source: CropSet, value: np.ndarray, reject: float) -> str:
    """How many ruinous degradations are refused: level 4 or 5, and for two of three judges most good comparisons fail."""
    level = source.column('level')
    rates = judge_rates(source.name, source.variant)
    lost = (rates < 0.5).sum(0) >= 2
    severe = (level >= 4) & (lost | (source.index < 0))
    if not severe.any():
        return ''
    refused = (value < reject) | (source.index < 0)
    found = severe & (source.index >= 0)
    return (
        f', and {refused[severe].mean():.0%} of {severe.sum()} photos degraded at level 4 or 5 for which two of three judges fail '
        f'(or no face is found); of the {found.sum()} with a face, {refused[found].mean():.0%}'
    )


def report(config: dict) -> str:
    manifest = json.loads(paths.MANIFEST.read_text())
    version = manifest['modelVersion']
    digests = ', '.join(
        f'{name} {hashlib.sha256((paths.MODELS / f"{name}.onnx").read_bytes()).hexdigest()[:8]}'
        for name in ('regressor', 'denoiser')
    )
    lines = [
        f'Model version {version} ({digests}); {datetime.date.today().isoformat()}; {config["machine"]}, '
        f'Python {platform.python_version()}; `python -m diffiqa_training evaluate`.',
    ]
    for key in config['sets']:
        name, variant = key.split('.')
        benchmark = Benchmark.load(name, variant)
        weight = edc.bootstrap_weights(benchmark.pairs, config['rounds'], config['seed'])
        baselines = baseline_scores(benchmark, version, config['seed'])
        own = own_scores(benchmark, manifest, config['paper_photos'], config['seed'])
        failing = ', '.join(
            f'{judge} {failed.mean():.2f} ({failed[benchmark.found].mean():.2f} of pairs with two faces)'
            for judge, failed in benchmark.failed.items()
        )
        missing = int((benchmark.source.index < 0).sum())
        lines += [
            '', f'### {name}, {variant}', '',
            f'{len(benchmark.source.rows)} photos ({missing} without a face), {len(benchmark.pairs.first)} genuine pairs; '
            f'failing share: {failing}.', '',
            'All photos; one without a face ranks last:', '', *table(benchmark, baselines | own, weight, False), '',
            'Only pairs with two faces:', '', *table(benchmark, baselines | own, weight, True), '',
            'Paired differences, only pairs with two faces:', '', *comparisons(benchmark, baselines, own, weight), '',
            calibration_line(benchmark, manifest),
        ]
    return '\n'.join(lines) + '\n'


def run(config: dict) -> None:
    text = report(config)
    if config['output']:
        Path(config['output']).write_text(text)
    else:
        sys.stdout.write(text)
