"""What DifFIQA(R)'s sigma means: how many errors lie within it, and whether a large one says more than a small one.

An error is what lies between the raw score and SFace's similarity to the person's other photos, along the line that fits the validation people; sigma is
the network's own, times the scale that `calibrate` chose so that 68 % of the validation people's errors lie within it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from . import crop_set, paths
from .judges import SFACE, Embedder
from .embed import embed_set
from .scores import regressor_scores
from .similarity_labels import similarity_labels

# Of a normal distribution.
WITHIN_95 = 1.96


def errors(key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw scores, the network's deviations and similarities, of the photos that have all."""
    name, variant = key.split('.')
    for part in {'clean', variant}:
        embed_set(name, part, Embedder(SFACE))
    raw, deviation = regressor_scores(crop_set.load(name, variant))
    likeness = similarity_labels(name, variant).gen
    usable = np.isfinite(raw) & np.isfinite(likeness)
    return raw[usable], deviation[usable], likeness[usable]


def run(config: dict[str, Any]) -> None:
    scale = json.loads(paths.MANIFEST.read_text())['scoring']['regressor']['sigmaScale']
    fitted = [errors(key) for key in config['fitted_on']]
    raw, _, likeness = (np.concatenate(part) for part in zip(*fitted))
    slope, offset = np.polyfit(raw, likeness, 1)
    sets = {key: errors(key) for key in [*config['fitted_on'], *config['sets']]}
    off = {key: np.abs(likeness - offset - slope * raw) / slope for key, (raw, _, likeness) in sets.items()}
    print('| set | photos | within sigma | within 1.96 sigma |\n| --- | --- | --- | --- |')
    for key, (_, deviation, _) in sets.items():
        reach = off[key] / (scale * deviation)
        print(f'| {key} | {len(reach)} | {100 * (reach <= 1).mean():.0f} % | {100 * (reach <= WITHIN_95).mean():.0f} % |')
    sigma = np.concatenate([scale * sets[key][1] for key in config['sets']])
    error = np.concatenate([off[key] for key in config['sets']])
    print(f'\n{", ".join(config["sets"])} together, by sigma:\n\n| sigma, mean | 68 % of the errors are below | photos |\n| --- | --- | --- |')
    points = []
    for part in np.array_split(np.argsort(sigma, kind='stable'), config['bins']):
        points.append([round(float(sigma[part].mean()), 4), round(float(np.quantile(error[part], 0.68)), 4)])
        print(f'| {points[-1][0]:.2f} | {points[-1][1]:.2f} | {len(part)} |')
    if config['plot']:
        ends = [0.3, 0.8]
        Path(config['plot']).write_text(json.dumps({
            'title': 'DifFIQA(R): sigma and the errors found', 'x': {'title': 'sigma', 'min': ends[0], 'max': ends[1]},
            'y': {'title': '68 % of the errors are below', 'min': ends[0], 'max': ends[1]}, 'width': 520, 'height': 420,
            'lines': [{'name': 'test people', 'points': points}, {'name': 'as it should be', 'points': [[end, end] for end in ends], 'dashed': True}],
        }))
