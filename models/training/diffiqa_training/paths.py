"""Where things lie. Everything but the exported models and the manifest is in ignored folders."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MODELS = PACKAGE.parents[1]
ROOT = MODELS.parent
CACHE = ROOT / '.cache'

CROPS = CACHE / 'crops'
JUDGES = CACHE / 'judges'
TRAINING = CACHE / 'training'
EMBED = TRAINING / 'embed'
LABELS = TRAINING / 'labels'
FEATURES = TRAINING / 'features'
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


def embed_file(name: str, variant: str, network: str = 'sface') -> Path:
    folder = EMBED if network == 'sface' else EMBED / network
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f'{name}.{variant}.npz'


def label_file(name: str, variant: str) -> Path:
    return LABELS / f'{name}.{variant}.npz'
