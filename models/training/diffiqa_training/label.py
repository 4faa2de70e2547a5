"""Labels of the training crops.

From SFace's similarities: `own`, `gen`, `norm`, `pretrain`. From the tuned preset: `tuned`, its raw score where every term was
measured, and `target`, what the regressor learns: the tuned score moved towards `gen` (the label optimisation of eDifFIQA).
"""

import os
import time

import numpy as np

from . import crop_set, paths
from .config import section
from .preset import Preset
from .similarity_labels import WITHOUT_IDENTITY, load_embedding, predict_missing, similarity_labels, standardise
from .teacher import predict_out_of_fold
from .terms import Terms, feature

Key = tuple[str, str]
Values = dict[str, np.ndarray]


def available(sets: list[str]) -> list[Key]:
    keys = [tuple(name.split('.')) for name in sets]
    return [k for k in keys if paths.embed_file(*k).exists() and paths.embed_file(k[0], 'clean').exists()]


def pretrain_labels(labels: dict[Key, Values]) -> None:
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


def choose_rows(values: Values, count: int, generator: np.random.Generator) -> np.ndarray:
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


def save(key: Key, values: Values) -> None:
    target = paths.label_file(*key)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix('.tmp.npz')
    np.savez(temporary, **values)
    os.replace(temporary, target)


def run(config: dict) -> None:
    labels: dict[Key, Values] = {}
    for key in available(config['sets']):
        found = similarity_labels(*key)
        labels[key] = {'own': found.own, 'gen': found.gen, 'norm': found.norm}
    pretrain_labels(labels)
    for key, values in labels.items():
        finite = np.isfinite(values['gen'])
        mean = values['gen'][finite].mean() if finite.any() else float('nan')
        print(f'{".".join(key)}: {len(finite)} rows, gen known for {finite.sum()}, mean {mean:.3f}', flush=True)
    preset = Preset.from_config(config['preset'])
    if preset.terms and config['minutes'] > 0:
        measure_terms(labels, preset, config)
    write_targets(labels, preset, config)


def measure_terms(labels: dict[Key, Values], preset: Preset, config: dict) -> None:
    """Compute the preset's terms for as many crops as the time allows, in rounds over all sets."""
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


def write_targets(labels: dict[Key, Values], preset: Preset, config: dict) -> None:
    """`tuned` where every term is measured; `target` for every crop, terms predicted where they are not measured."""
    keys = list(labels)
    measured = [[t for t in preset.terms if t.feature != 'log-norm'], [t for t in preset.terms if t.feature == 'log-norm']]
    columns, embedding, groups = {}, {}, {}
    for key in keys:
        source = crop_set.load(*key)
        terms = [feature(source, t.feature, t.timestep, t.draws, preset.process) for t in measured[0]]
        columns[key] = np.column_stack([labels[key]['gen'], *terms])
        embedding[key] = load_embedding(*key)
        anonymous = key[0] in WITHOUT_IDENTITY
        groups[key] = np.array(['' if anonymous or not p else f'{key[0]}/{p}' for p in source.people()])
    stacked = np.concatenate([columns[key] for key in keys])
    predicted = predict_out_of_fold(
        np.concatenate([embedding[key] for key in keys]), stacked, np.concatenate([groups[key] for key in keys]),
        config['folds'], config['seed'],
    )
    gen, terms = predicted[:, 0], np.where(np.isfinite(stacked[:, 1:]), stacked[:, 1:], predicted[:, 1:])
    part = config['measured_gen']
    gen = np.where(np.isfinite(stacked[:, 0]), part * stacked[:, 0] + (1 - part) * gen, gen)
    norm = np.concatenate([labels[key]['norm'] for key in keys])
    tuned = preset.bias + sum(t.weight for t in measured[1]) * norm + terms @ np.array([t.weight for t in measured[0]])
    share = config['towards_gen']
    target = (1 - share) * standardise(tuned, tuned) + share * standardise(gen, gen)
    complete = np.isfinite(stacked[:, 1:]).all(1)
    ends = np.cumsum([len(columns[key]) for key in keys])[:-1]
    for key, t, c, goal in zip(keys, *(np.split(v, ends) for v in (tuned, complete, target)), strict=True):
        labels[key]['tuned'] = np.where(c, t, np.nan)
        labels[key]['target'] = goal
        save(key, labels[key])
    print(f'targets of {np.isfinite(target).sum()} crops, every term measured on {complete.sum()}', flush=True)
