"""Labels of the training crops.

From SFace's similarities: `own`, `gen`, `norm`, `range`. From the tuned preset: `tuned`, its raw score where every term was
measured, and `target`, what the regressor learns: the tuned score whose head has not seen the person, moved towards what was
measured (the label optimisation of eDifFIQA). `likely`: `gen`, moved likewise.
"""

import os
import time

import numpy as np

from . import crop_set, paths
from .config import section
from .preset import Preset
from .similarity_labels import predict_missing, similarity_labels, standardise
from .taps import tap_file
from .teach import LABELS, SHIPPED, groups_of, measured_labels, prediction_file, standard_inputs
from .teacher import predict_out_of_fold
from .terms import Terms, feature

Key = tuple[str, str]
Values = dict[str, np.ndarray]


def available(sets: list[str]) -> list[Key]:
    keys = [tuple(name.split('.')) for name in sets]
    return [k for k in keys if tap_file(*k).exists() and paths.embed_file(k[0], 'clean').exists()]


def range_labels(labels: dict[Key, Values]) -> None:
    """`gen` on a common scale; where a crop has no identity, predicted from what it does have."""
    for variant in ('clean', 'degraded'):
        keys = [key for key in labels if key[1] == variant]
        if not keys:
            continue
        pool = {name: np.concatenate([labels[key][name] for key in keys]) for name in ('own', 'gen', 'norm')}
        inputs = pool['norm'][:, None] if variant == 'clean' else np.column_stack([pool['norm'], pool['own']])
        parts = np.split(predict_missing(pool['gen'], inputs), np.cumsum([len(labels[key]['gen']) for key in keys])[:-1])
        for key, part in zip(keys, parts, strict=True):
            labels[key]['range'] = part
    reference = np.concatenate([values['range'] for values in labels.values()])
    for values in labels.values():
        values['range'] = standardise(values['range'], reference)


def choose_rows(values: Values, count: int, generator: np.random.Generator) -> np.ndarray:
    """About `count` rows over the whole quality range: rare qualities are preferred, so that the histogram is roughly flat."""
    score = values['range']
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
    range_labels(labels)
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


def head_values(keys: list[Key], measured_share: float) -> tuple[np.ndarray, np.ndarray]:
    """What the head says of crops whose person it has not seen, moved towards what was measured; and `gen` likewise."""
    measured = np.concatenate([measured_labels(*key) for key in keys])
    predicted = np.concatenate([np.load(prediction_file(*key)) for key in keys])
    mixed = np.where(np.isfinite(measured), measured_share * measured + (1 - measured_share) * predicted, predicted)
    columns = [mixed[:, LABELS.index(name)] for name in SHIPPED]
    return np.mean([standardise(column, column) for column in columns], axis=0), mixed[:, LABELS.index('gen')]


def write_targets(labels: dict[Key, Values], preset: Preset, config: dict) -> None:
    """`tuned` where every term is measured; `target` for every crop, terms predicted where they are not measured."""
    keys = list(labels)
    sources = [crop_set.load(*key) for key in keys]
    # The head has seen these people: in the place of its answers, to their disturbed copies too, answers of heads that have not.
    measured = [t for t in preset.terms if not t.feature.startswith('head') and t.feature != 'log-norm']
    columns = np.concatenate([
        np.column_stack([feature(source, t.feature, t.timestep, t.draws, preset.process) for t in measured]) for source in sources
    ])
    inputs = np.concatenate([standard_inputs(*key) for key in keys])
    groups = np.concatenate([groups_of(*key) for key in keys])
    predicted = predict_out_of_fold(inputs, columns, groups, config['folds'], config['seed'], config['epochs'], config['input_dropout'])
    terms = np.where(np.isfinite(columns), columns, predicted)
    head, likely = head_values(keys, config['measured_share'])
    norm = np.concatenate([labels[key]['norm'] for key in keys])
    heads = sum(t.weight for t in preset.terms if t.feature.startswith('head'))
    norms = sum(t.weight for t in preset.terms if t.feature == 'log-norm')
    target = heads * head + norms * norm + terms @ np.array([t.weight for t in measured])
    target = standardise(target, target)
    complete = np.isfinite(columns).all(1)
    ends = np.cumsum([len(source.rows) for source in sources])[:-1]
    for key, source, *parts in zip(keys, sources, *(np.split(v, ends) for v in (complete, target, likely)), strict=True):
        labels[key]['tuned'] = np.where(parts[0], preset.raw(source), np.nan)
        labels[key]['target'], labels[key]['likely'] = parts[1:]
        save(key, labels[key])
    print(f'targets of {np.isfinite(target).sum()} crops, every term measured on {complete.sum()}', flush=True)
