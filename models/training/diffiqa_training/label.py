"""Labels of the training crops.

First from SFace's similarities alone (`own`, `gen`, `norm`, `pretrain`); once a tuned preset is chosen and its terms are
computed, `tuned` and `target`: the tuned score moved towards `gen` (the label optimisation of eDifFIQA).
"""

import os
import time

import numpy as np

from . import crop_set, paths
from .config import section
from .preset import Preset
from .similarity_labels import predict_missing, similarity_labels, standardise
from .terms import Terms


def available(sets: list[str]) -> list[tuple[str, str]]:
    keys = [tuple(name.split('.')) for name in sets]
    return [k for k in keys if paths.embed_file(*k).exists() and paths.embed_file(k[0], 'clean').exists()]


def pretrain_labels(labels: dict[tuple[str, str], dict[str, np.ndarray]]) -> None:
    """`gen` on a common scale; where a crop has no identity, predicted from what it does have."""
    for variant in ('clean', 'degraded'):
        keys = [key for key in labels if key[1] == variant]
        if not keys:
            continue
        pool = {name: np.concatenate([labels[key][name] for key in keys]) for name in ('own', 'gen', 'norm')}
        inputs = pool['norm'][:, None] if variant == 'clean' else np.column_stack([pool['norm'], pool['own']])
        parts = np.split(predict_missing(pool['gen'], inputs), np.cumsum([len(labels[key]['gen']) for key in keys])[:-1])
        for key, part in zip(keys, parts, strict=True):
            labels[key]['pretrain'] = part
    reference = np.concatenate([values['pretrain'] for values in labels.values()])
    for values in labels.values():
        values['pretrain'] = standardise(values['pretrain'], reference)


def choose_rows(values: dict[str, np.ndarray], count: int, generator: np.random.Generator) -> np.ndarray:
    """About `count` rows over the whole quality range: rare qualities are preferred, so that the histogram is roughly flat."""
    score = values['pretrain']
    rows = np.nonzero(np.isfinite(score))[0]
    if len(rows) <= count:
        return rows
    edges = np.quantile(score[rows], [0.005, 0.995])
    bins = np.clip(((score[rows] - edges[0]) / (edges[1] - edges[0]) * 20).astype(int), 0, 19)
    weight = 1 / np.bincount(bins, minlength=20)[bins]
    # Half flat, half as found: the good end must not be starved.
    weight = 0.5 * weight / weight.sum() + 0.5 / len(rows)
    return np.sort(generator.choice(rows, count, replace=False, p=weight / weight.sum()))


def move_towards_gen(tuned: np.ndarray, pretrain: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * tuned + share * pretrain


def save(key: tuple[str, str], values: dict[str, np.ndarray]) -> None:
    target = paths.label_file(*key)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix('.tmp.npz')
    np.savez(temporary, **values)
    os.replace(temporary, target)


def run(config: dict) -> None:
    labels: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for key in available(config['sets']):
        found = similarity_labels(*key)
        labels[key] = {'own': found.own, 'gen': found.gen, 'norm': found.norm}
    pretrain_labels(labels)
    for values in labels.values():
        values['tuned'] = values['target'] = np.full(len(values['gen']), np.nan)
    for key, values in labels.items():
        save(key, values)
        finite = np.isfinite(values['gen'])
        print(f'{".".join(key)}: {len(finite)} rows, gen known for {finite.sum()}, mean {values["gen"][finite].mean() if finite.any() else float("nan"):.3f}', flush=True)
    preset = Preset.from_config(config['preset'])
    if preset.terms and config['minutes'] > 0:
        add_tuned(labels, preset, config)


def add_tuned(labels: dict[tuple[str, str], dict[str, np.ndarray]], preset: Preset, config: dict) -> None:
    """Compute the preset's terms for as many crops as the time allows, in rounds over all sets, then write `tuned` and `target`."""
    generator = np.random.default_rng(config['seed'])
    terms = Terms(section('export')['version'], preset.process)
    chosen = {}
    for key, values in labels.items():
        share = config['share'].get(key[0], 0)
        rows = choose_rows(values, int(share * config['crops'] / 2), generator)
        chosen[key] = generator.permutation(rows)
    ending = time.monotonic() + 60 * config['minutes']
    done, step = 0, 0.05
    while done < 1 and time.monotonic() < ending:
        for key, rows in chosen.items():
            part = rows[int(done * len(rows)) : int((done + step) * len(rows))]
            terms.fill(crop_set.load(*key), preset.keys(), part)
        done = round(done + step, 6)
        write_targets(labels, preset, config)


def write_targets(labels: dict[tuple[str, str], dict[str, np.ndarray]], preset: Preset, config: dict) -> None:
    for key, values in labels.items():
        values['tuned'] = preset.raw(crop_set.load(*key))
    pool = np.concatenate([values['tuned'] for values in labels.values()])
    beside = np.concatenate([values['pretrain'] for values in labels.values()])
    known = np.isfinite(pool) & np.isfinite(beside)
    if known.sum() < 2:
        return
    for key, values in labels.items():
        tuned = standardise(values['tuned'], pool[known])
        values['target'] = move_towards_gen(tuned, standardise(values['pretrain'], beside[known]), config['towards_gen'])
        save(key, values)
    print(f'targets of {known.sum()} crops', flush=True)
