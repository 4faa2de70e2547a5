"""Trains the quality head: from SFace's feature maps to how well the face will be recognised. A term of full DifFIQA.

First, heads that have not seen a person's photos label them (`gen`, `pass`, `own`, `norm`, see similarity_labels.py); then one
head learns those labels, which have little left to be learnt by heart, mixed with what was measured. All of them see a crop as the
tuned score does: the face, its mirror image and a noised copy, and what counts is what they say of the three together.
"""

from typing import Any

import numpy as np
import torch

from . import crop_set, paths
from .runtime import prepare, save
from .similarity_labels import WITHOUT_IDENTITY, pass_labels, similarity_labels
from .taps import FACE, VIEWS, load_taps, tap_file
from .teacher import build, predict_out_of_fold, tap_inputs, train_head

FOLDER = paths.TRAINING / 'teach'
LABELS = ('gen', 'pass', 'own', 'norm')
# What the shipped head answers: the mean of these, standardised.
SHIPPED = ('gen', 'pass')
TAPS_AT_ONCE = 128


def prediction_file(name: str, variant: str) -> Any:
    return FOLDER / f'{name}.{variant}.npy'


def measured_labels(name: str, variant: str) -> np.ndarray:
    """[rows, len(LABELS)], NaN where unknown."""
    found = similarity_labels(name, variant)
    return np.stack([found.gen, pass_labels(name, variant), found.own, found.norm], axis=1)


def groups_of(name: str, variant: str) -> np.ndarray:
    """Per row its person, '' where none is named."""
    people = crop_set.load(name, variant).people()
    return np.array(['' if name in WITHOUT_IDENTITY or not person else f'{name}/{person}' for person in people])


def standard_inputs(name: str, variant: str, view: str = FACE) -> np.ndarray:
    """The head's inputs, standardised as it was trained; NaN where there is no face."""
    state = torch.load(FOLDER / 'head.pt', weights_only=True)
    return tap_inputs(*load_taps(name, variant, view), state['middle'].numpy(), state['deviation'].numpy())


def load_head() -> torch.nn.Sequential:
    state = torch.load(FOLDER / 'head.pt', weights_only=True)
    weight = state['model']['1.weight']
    model = build(weight.shape[1], len(LABELS), 0)
    model.load_state_dict(state['model'])
    return model.eval()


def shipped_answer(answers: np.ndarray) -> np.ndarray:
    """[N, len(LABELS)] -> [N]"""
    return answers[:, [LABELS.index(name) for name in SHIPPED]].mean(1)


@torch.no_grad()
def head_scores(name: str, variant: str) -> np.ndarray:
    """The head's answer, one value per row; NaN without a face."""
    inputs = torch.from_numpy(standard_inputs(name, variant))
    return shipped_answer(load_head()(inputs).numpy().astype(np.float64))


def spread_of(taps: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle and deviation of each of the taps over the rows with a face; some of them at a time, for all in double precision take 6 GB a copy."""
    parts = [(part.mean(0, dtype=np.float64), part.std(0, dtype=np.float64)) for part in
             (taps[found, begin : begin + TAPS_AT_ONCE] for begin in range(0, taps.shape[1], TAPS_AT_ONCE))]
    middle, deviation = (np.concatenate(values).astype(np.float32) for values in zip(*parts, strict=True))
    return middle, deviation + np.float32(1e-3)


def gather_views(keys: list[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The head's inputs of every view, the rows of all sets in order and then the next view's, and of the taps middle and deviation; whether a row has a face."""
    taps, embeddings = (np.concatenate(parts) for parts in zip(*(load_taps(*key, view) for view in VIEWS for key in keys), strict=True))
    found = np.isfinite(taps[:, 0])
    middle, deviation = spread_of(taps, found)
    return tap_inputs(taps, embeddings, middle, deviation), middle, deviation, found


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    keys = [tuple(key.split('.')) for key in config['sets']]
    keys = [key for key in keys if all(tap_file(*key, view).exists() for view in VIEWS)]
    labels = np.concatenate([measured_labels(*key) for key in keys])
    groups = np.concatenate([groups_of(*key) for key in keys])
    features, middle, deviation, found = gather_views(keys)
    count = len(VIEWS)
    predicted = np.mean([
        predict_out_of_fold(features, np.tile(labels, (count, 1)), np.tile(groups, count), config['folds'], config['seed'] + index, config['epochs'],
                            config['input_dropout'])
        for index in range(config['rounds'])
    ], axis=0).reshape(count, len(labels), len(LABELS)).mean(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for key, part in zip(keys, np.split(predicted, np.cumsum([len(groups_of(*key)) for key in keys])[:-1]), strict=True):
        np.save(prediction_file(*key), part)
    known = np.isfinite(labels)
    for index, name in enumerate(LABELS):
        rows = known[:, index] & np.isfinite(predicted[:, index])
        print(f'{name}: correlation of prediction and measurement {np.corrcoef(predicted[rows, index], labels[rows, index])[0, 1]:.4f}', flush=True)
    share = config['measured_share']
    wanted = np.where(known, share * labels + (1 - share) * predicted, predicted)
    scale = np.stack([np.nanmean(wanted, axis=0), np.nanstd(wanted, axis=0)])
    standard = torch.from_numpy(((wanted - scale[0]) / scale[1]).astype(np.float32)).repeat(count, 1)
    generator = torch.Generator().manual_seed(config['seed'])
    rows = torch.from_numpy(np.nonzero(found)[0])
    model = train_head(torch.from_numpy(np.nan_to_num(features)), standard, rows, config['last_epochs'], config['input_dropout'], generator)
    provenance = {'step': 'teach', 'crops': int(found.sum()) // count, 'views': list(VIEWS), 'sets': ['.'.join(key) for key in keys], 'epochs': config['last_epochs'],
                  'folds': config['folds'], 'rounds': config['rounds'], 'measuredShare': share, 'seed': config['seed']}
    save({'model': model.state_dict(), 'middle': torch.from_numpy(middle), 'deviation': torch.from_numpy(deviation),
          'provenance': provenance}, FOLDER / 'head.pt')
