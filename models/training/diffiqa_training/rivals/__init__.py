"""Other methods' recipes on the same crops: `python -m diffiqa_training rivals`.

Their authors' weights cannot be had here, so each is made again from its paper: what is trained has DifFIQA(R)'s backbone,
photos and minutes, what is not asks the same SFace. These are recipes of the methods, not the methods.
"""

import torch

from .. import crop_set, paths
from . import scoring
from .recipes import RECIPES
from .scorers import TITLES, make, version
from .trainer import finished, train


def chosen(only: list[str]) -> list[str]:
    unknown = set(only) - set(TITLES)
    if unknown:
        raise SystemExit(f'rivals: no such rival: {", ".join(sorted(unknown))} (there are: {", ".join(TITLES)})')
    return [name for name in TITLES if name in only or not only]


def run(config: dict) -> None:
    torch.set_num_threads(config['threads'])
    names = chosen(config['only'])
    waiting = [name for name in names if name in RECIPES and RECIPES[name].needs_labels and not finished(name, config)]
    if waiting and not any(paths.LABELS.glob('*.npz')):
        raise SystemExit(f'rivals: {", ".join(waiting)} need the label step; leave them out with only=[…], or run it first')
    for name in names:
        if name in RECIPES and not finished(name, config):
            train(name, config)
    for name in names:
        score(name, config)


def score(name: str, config: dict) -> None:
    scorer, tag = make(name, config), version(name, config)
    for key in config['sets']:
        if not crop_set.exists(*key.split('.')):
            print(f'{name}: no crops of {key}', flush=True)
            continue
        source = crop_set.load(*key.split('.'))
        values = scoring.score_set(name, tag, scorer, source)
        scoring.write_csv(scoring.csv_file(name, source.name, source.variant), source, values)
