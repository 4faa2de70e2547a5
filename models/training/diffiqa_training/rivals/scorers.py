"""Every rival as a scorer, with a version that changes when its scores may."""

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version as package_version

import numpy as np
import torch
from torch import Tensor

from .. import paths
from ..sface_torch import load_sface
from . import trainer
from .faceqan import FaceQan, quick_to_attack
from .grafiqs import GraFiqs
from .qualityface import load_qualityface
from .recipes import RECIPES
from .scoring import Scorer
from .ser_fiq import SerFiq

SFACE_SOURCE = paths.JUDGES / 'sface-source.onnx'
QUALITYFACE = paths.JUDGES / 'qualityface.pth'


def trained(name: str) -> Scorer:
    model = trainer.load_scorer(name)

    @torch.no_grad()
    def score(face: Tensor) -> float:
        return model(face[None] / 127.5 - 1)[0].item()

    return score


def brisque() -> Scorer:
    """The library's own model of photos in general; there a lower score is better."""
    from brisque import BRISQUE

    class Brisque(BRISQUE):
        def scale_features(self, features: np.ndarray) -> np.ndarray:
            # Some are arrays of one number, which NumPy from 2.4 on does not take for a number.
            return super().scale_features([np.asarray(value).item() for value in features])

    model = Brisque(url=False)
    return lambda face: -float(model.score(face.numpy().astype(np.uint8).transpose(1, 2, 0)))


# Nothing of these is trained: they ask SFace, or bring weights of their own.
TRAINING_FREE: dict[str, tuple[str, Callable[[dict], Scorer]]] = {
    'ser_fiq': ('recipe of SER-FIQ', lambda config: SerFiq(load_sface(SFACE_SOURCE), seed=config['seed'], **config['ser_fiq'])),
    'faceqan': ('recipe of FaceQAN', lambda config: FaceQan(quick_to_attack(load_sface(SFACE_SOURCE)), **config['faceqan'])),
    'grafiqs': ('recipe of GraFIQs', lambda config: GraFiqs(load_sface(SFACE_SOURCE), **config['grafiqs'])),
    'brisque': ('BRISQUE', lambda _config: brisque()),
    'qualityface': ('qualityface 1.0.3', lambda _config: load_qualityface(QUALITYFACE).score),
}

TITLES = {name: recipe.title for name, recipe in RECIPES.items()} | {name: title for name, (title, _) in TRAINING_FREE.items()}


def version(name: str, config: dict) -> str:
    if name in RECIPES:
        return hashlib.sha256(trainer.weights_file(name).read_bytes()).hexdigest()[:8]
    if name == 'brisque':
        return hashlib.sha256(package_version('brisque').encode()).hexdigest()[:8]
    file = QUALITYFACE if name == 'qualityface' else SFACE_SOURCE
    settings = json.dumps([config.get(name), config['seed']], sort_keys=True)
    return hashlib.sha256(file.read_bytes() + settings.encode()).hexdigest()[:8]


def make(name: str, config: dict) -> Scorer:
    return trained(name) if name in RECIPES else TRAINING_FREE[name][1](config)
