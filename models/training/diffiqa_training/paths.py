"""Where things lie. Everything but the exported models and the manifest is in ignored folders."""

import os
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[1]
MODELS = TRAINING.parent
ROOT = MODELS.parent
CACHE = ROOT / '.cache'

CROPS = CACHE / 'crops'
JUDGES = CACHE / 'judges'
WORK = CACHE / 'training'
EMBED = WORK / 'embed'
LABELS = WORK / 'labels'
FEATURES = WORK / 'features'
MANIFEST = MODELS / 'manifest.json'
SFACE = JUDGES / 'sface.onnx'


def data_dir() -> Path:
    """The folder of photographs; they are not part of the repository, so the caller names it."""
    value = os.environ.get('DIFFIQA_DATA')
    if not value:
        raise SystemExit('set DIFFIQA_DATA to the folder that holds lfw-train, fiw-train, …')
    return Path(value)


def crops_file(name: str, variant: str) -> Path:
    return CROPS / f'{name}.{variant}.u8'


def embed_file(name: str, variant: str) -> Path:
    return EMBED / f'{name}.{variant}.npz'


def label_file(name: str, variant: str) -> Path:
    return LABELS / f'{name}.{variant}.npz'
