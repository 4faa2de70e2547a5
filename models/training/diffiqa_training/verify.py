"""Compares the exported files with the networks they came from and with the manifest; leaves with status 1 on a failure."""
import hashlib
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from . import crop_set, paths
from .config import section
from .export import NETWORKS, YUNET, detector_source, load_denoiser, load_regressor, write_detector, write_network
from .process import forward
from .self_test import answer, open_session, synthetic
from .taps import tap_file
from .teach import head_scores

LARGEST = 1e-3
# Cosine of float16-stored SFace to the original file: what a similarity can be off by.
LEAST_COSINE = 0.9999
BUDGET_BYTES = 40_000_000


class Report:
    def __init__(self) -> None:
        self.failed = False

    def check(self, name: str, passed: bool, detail: str) -> None:
        self.failed |= not passed
        print(f'{"ok  " if passed else "FAIL"} {name}: {detail}', flush=True)


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max())


def check_manifest(report: Report) -> None:
    manifest = json.loads(paths.MANIFEST.read_text(encoding='utf-8'))
    total = 0
    for name in NETWORKS:
        entry, path = manifest['models'][name], paths.MODELS / f'{name}.onnx'
        data = path.read_bytes()
        total += len(data)
        same = hashlib.sha256(data).hexdigest() == entry['sha256'] and len(data) == entry['bytes']
        report.check(f'{name} hash', same, entry['sha256'][:16])
        wanted = manifest['selfTest'][name]
        off = difference(np.array(answer(name, path)), np.array(wanted['values']))
        report.check(f'{name} self test', off <= wanted['tolerance'], f'{off:.2e}')
    report.check('size', total < BUDGET_BYTES, f'{total / 1e6:.1f} MB in all')


def check_detector(report: Report) -> None:
    ours, theirs = (open_session(path) for path in (paths.MODELS / 'detector.onnx', paths.data_dir() / YUNET))
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 640, 640)).astype(np.float32)
    off = max(difference(a, b) for a, b in zip(ours.run(None, {'input': image}), theirs.run(None, {'input': image})))
    report.check('detector', off <= LARGEST, f'largest difference to the original file {off:.2e}')
    ours.run(None, {'input': synthetic('detector')})


def check_embedder(report: Report, crops: np.ndarray) -> None:
    ours, theirs = (open_session(path) for path in (paths.MODELS / 'embedder.onnx', paths.JUDGES / 'sface-source.onnx'))
    data = crops.transpose(0, 3, 1, 2).astype(np.float32)
    a = ours.run(None, {'data': data})[0].astype(np.float64)
    b = np.concatenate([theirs.run(None, {'data': one[None]})[0] for one in data]).astype(np.float64)
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = ((a * b).sum(axis=1) / lengths[0] / lengths[1]).min()
    stretch = np.abs(lengths[0] / lengths[1] - 1).max()
    report.check('embedder', bool(cosine >= LEAST_COSINE and stretch <= LARGEST),
                 f'least cosine to the original file {cosine:.7f}, norm off by at most {100 * stretch:.3f} %')


def check_head(report: Report, settings: SimpleNamespace, checkpoint: Path) -> None:
    name, variant = settings.crops.split('.')
    if not (checkpoint.exists() and tap_file(name, variant).exists()):
        print('     head: no checkpoint, not compared with torch')
        return
    source = crop_set.load(name, variant)
    rows = np.flatnonzero(source.index >= 0)[: settings.count]
    wanted = head_scores(name, variant)[rows]
    data = np.stack([source.crops[source.index[row]] for row in rows]).transpose(0, 3, 1, 2).astype(np.float32)
    ours = open_session(paths.MODELS / 'embedder.onnx').run(['head'], {'data': data})[0][:, 0]
    # The taps were stored as float16, and the head's weights are.
    report.check('head', difference(ours, wanted) <= 0.02, f'largest difference to torch {difference(ours, wanted):.2e}')


def check_denoiser(report: Report, checkpoint: Path, x: np.ndarray) -> None:
    generator = np.random.default_rng(0)
    t = generator.choice([5, 20, 90, 250], len(x)).astype(np.float32)
    noise = generator.standard_normal(x.shape, dtype=np.float32)
    noised = np.stack([forward(face, eps, int(step)) for face, eps, step in zip(x, noise, t)])
    with torch.no_grad():
        wanted = load_denoiser(checkpoint)(torch.from_numpy(noised), torch.from_numpy(t)).numpy()
    ours = open_session(paths.MODELS / 'denoiser.onnx').run(None, {'x': noised, 't': t})[0]
    off = difference(ours.clip(-1, 1), wanted.clip(-1, 1))
    report.check('denoiser', off <= LARGEST, f'largest difference to torch {off:.2e}')


def check_regressor(report: Report, checkpoint: Path, x: np.ndarray) -> None:
    with torch.no_grad():
        wanted = load_regressor(checkpoint)(torch.from_numpy(x))
    ours = open_session(paths.MODELS / 'regressor.onnx').run(None, {'face': x})
    for name, a, b in zip(('mean', 'log_variance', 'embedding'), ours, wanted):
        off = difference(a, b.numpy())
        report.check(f'regressor {name}', off <= LARGEST, f'largest difference to torch {off:.2e}')


def check_hashes(report: Report, settings: SimpleNamespace) -> None:
    """Exports again, from the sources and checkpoints that are here, and compares with the hashes in the manifest."""
    models = json.loads(paths.MANIFEST.read_text(encoding='utf-8'))['models']
    with TemporaryDirectory() as folder:
        for name in NETWORKS:
            target = Path(folder) / f'{name}.onnx'
            if name == 'detector':
                write_detector(detector_source(settings), target)
            elif write_network(name, settings, target) is None:
                print(f'     {name} again: its checkpoint is not here, so the file cannot be made again (train it: its hash will be another)')
                continue
            found = hashlib.sha256(target.read_bytes()).hexdigest()
            report.check(f'{name} again', found == models[name]['sha256'], f'exported anew it has the hash {found[:16]}')


def time_networks(x: np.ndarray, repeats: int) -> None:
    """Informative only: a busy machine tells the least of the times more than their median."""
    feeds = {'embedder': {'data': (x[:1] + 1) * np.float32(127.5)}, 'regressor': {'face': x[:1]},
             'denoiser': {'x': x[:1], 't': np.array([20], np.float32)}, 'detector': {'input': np.zeros((1, 3, 320, 320), np.float32)}}
    for name, feed in feeds.items():
        session, times = open_session(paths.MODELS / f'{name}.onnx'), []
        for _ in range(repeats):
            start = time.perf_counter()
            session.run(None, feed)
            times.append(1e3 * (time.perf_counter() - start))
        print(f'     {name}: {min(times):.1f} ms at best, {np.median(times):.1f} ms median, one thread')


def run(config: dict[str, Any]) -> None:
    settings = SimpleNamespace(**config)
    report = Report()
    chosen = crop_set.load(*settings.crops.split('.')).crops
    crops = chosen[:: max(1, len(chosen) // settings.count)][: settings.count]
    x = (crops.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1).astype(np.float32)
    check_manifest(report)
    check_detector(report)
    check_embedder(report, crops)
    exported = SimpleNamespace(**section('export'))
    check_head(report, settings, paths.ROOT / exported.head)
    for check, checkpoint in ((check_denoiser, exported.denoiser), (check_regressor, exported.regressor)):
        if (paths.ROOT / checkpoint).exists():
            check(report, paths.ROOT / checkpoint, x)
    check_hashes(report, exported)
    time_networks(x, settings.repeats)
    if report.failed:
        raise SystemExit(1)
