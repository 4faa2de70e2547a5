"""Raw scores of whole sets, one value per row: DifFIQA(R) and both presets of full DifFIQA."""

import hashlib

import numpy as np

from . import crop_set, paths
from .config import section
from .judges import open_session
from .preset import Preset
from .terms import Process, Terms, load_term, to_tensor

PAPER_TERMS = ('forward', 'backward', 'forward-mirror', 'backward-mirror')


def regressor_scores(source: crop_set.CropSet, batch: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """`mean` and exp(log_variance / 2) of models/regressor.onnx."""
    file = paths.MODELS / 'regressor.onnx'
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    cached = paths.FEATURES / f'{source.name}.{source.variant}.regressor@{digest}.npy'
    if not cached.exists():
        paths.FEATURES.mkdir(parents=True, exist_ok=True)
        session = open_session(file)
        parts = []
        for start in range(0, len(source.crops), batch):
            faces = np.stack([to_tensor(crop) for crop in source.crops[start : start + batch]])
            mean, log_variance, _ = session.run(['mean', 'log_variance', 'embedding'], {'face': faces})
            parts.append(np.column_stack([mean, np.exp(log_variance / 2)]).astype(np.float64))
        np.save(cached, source.spread(np.concatenate(parts)))
    values = np.load(cached)
    return values[:, 0], values[:, 1]


def tuned_preset() -> Preset:
    return Preset.from_config(section('label')['preset'])


def tuned_scores(source: crop_set.CropSet) -> np.ndarray:
    """Raw score of the tuned preset; terms that are missing are computed."""
    preset = tuned_preset()
    Terms(section('export')['version'], preset.process).fill(source, preset.keys(), np.arange(len(source.rows)))
    return preset.raw(source)


def paper_process() -> tuple[dict, Process]:
    settings = section('calibrate')['paper']
    return settings, Process(settings['steps'], settings['eta'])


def paper_scores(source: crop_set.CropSet, rows: np.ndarray) -> np.ndarray:
    """Mean of the paper's five terms at `rows`, over the draws that calibration affords; NaN elsewhere."""
    settings, process = paper_process()
    draws, timestep = settings['calibration_draws'], settings['timestep']
    keys = ['mirror', *(f'{name}.{timestep}.{draw}' for name in PAPER_TERMS for draw in range(draws))]
    Terms(section('export')['version'], process).fill(source, keys, rows)
    columns = [load_term(source, 'mirror', process)]
    for name in PAPER_TERMS:
        columns.append(np.mean([load_term(source, f'{name}.{timestep}.{d}', process) for d in range(draws)], axis=0))
    result = np.full(len(source.rows), np.nan)
    result[rows] = np.mean(columns, axis=0)[rows]
    return result


def first_people(source: crop_set.CropSet, photos: int) -> np.ndarray:
    """Rows of whole people, spread over the set, about `photos` of them: pairs stay complete."""
    people = source.people()
    names = np.unique(people)
    shuffled = np.random.default_rng(1).permutation(names)
    chosen: list[int] = []
    for name in shuffled:
        if len(chosen) >= photos:
            break
        chosen.extend(np.nonzero(people == name)[0])
    return np.sort(np.array(chosen))
