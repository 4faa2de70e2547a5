"""Scores of whole sets, resumable, and as CSV for `express-diffiqa edc --scores NAME=FILE`.

The CSVs of test people are part of the repository: they take hours to make again, and without them nobody could repeat the tables of other methods.
"""

import csv
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import crop_set, paths

# What is done of a set, until all is.
FOLDER = paths.CACHE / 'rivals'
PUBLISHED = paths.MODELS / 'evaluation' / 'rivals'
SAVE_SECONDS = 60

Scorer = Callable[[Tensor], float]
"""Pixels 0..255 [3, 112, 112] -> the score, higher is better."""


def csv_file(rival: str, name: str, variant: str) -> Path:
    return PUBLISHED / rival / f'{name}.{variant}.csv'


def score_set(rival: str, version: str, scorer: Scorer, source: crop_set.CropSet) -> np.ndarray:
    """One score per row, NaN where no face was found. `version`: scores of other weights or settings are not mixed in."""
    file = FOLDER / rival / f'{source.name}.{source.variant}@{version}.npy'
    file.parent.mkdir(parents=True, exist_ok=True)
    scores = np.load(file) if file.exists() else np.full(len(source.crops), np.nan)
    missing = np.flatnonzero(np.isnan(scores))
    started = saved = time.monotonic()
    for index in missing:
        face = torch.from_numpy(np.array(source.crops[index]).transpose(2, 0, 1).astype(np.float32))
        scores[index] = scorer(face)
        if not np.isfinite(scores[index]):
            raise RuntimeError(f'{rival}: crop {index} of {source.name}.{source.variant} has the score {scores[index]}')
        if time.monotonic() - saved > SAVE_SECONDS:
            save(scores, file)
            saved = time.monotonic()
    if len(missing):
        save(scores, file)
        each = 1e3 * (time.monotonic() - started) / len(missing)
        print(f'{rival}: {source.name}.{source.variant}, {len(missing)} crops, {each:.0f} ms each', flush=True)
    return source.spread(scores)


def save(scores: np.ndarray, file: Path) -> None:
    part = file.with_suffix('.part.npy')
    np.save(part, scores)
    os.replace(part, file)


def write_csv(file: Path, source: crop_set.CropSet, scores: np.ndarray) -> None:
    """A line a photo, `Person/file`; a photo without a face has an empty score. Eight digits: what ranks is not in the ninth."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix('.part')
    with part.open('w', newline='') as handle:
        table = csv.writer(handle)
        table.writerow(['file', 'score'])
        table.writerows([row['file'], '' if np.isnan(score) else f'{score:.8g}'] for row, score in zip(source.rows, scores))
    os.replace(part, file)


def read_csv(file: Path, source: crop_set.CropSet) -> np.ndarray:
    """One score per row of the set, NaN where it is empty; raises where a photo is missing."""
    with file.open(newline='') as handle:
        found = {row['file']: float(row['score'] or 'nan') for row in csv.DictReader(handle)}
    return np.array([found[row['file']] for row in source.rows])
