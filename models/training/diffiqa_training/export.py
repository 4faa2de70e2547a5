"""Writes the four ONNX files and their part of manifest.json (`modelVersion`, `models`, `selfTest`, `provenance.networks`).

`scoring` and the rest of `provenance` are kept as they are: the calibrate step owns them.
"""
import hashlib
import json
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import torch

from . import paths
from .head_graph import add_head, load_state
from .onnx_tools import drop_weight_inputs, set_dimensions, upgrade, weights_to_float16
from .regressor import Regressor, fold_batch_norms
from .self_test import answer
from .unet import UNet

OPSET = 17
YUNET = 'models/face_detection_yunet_2023mar.onnx'
TOLERANCES = {'detector': 1e-3, 'embedder': 1e-2, 'denoiser': 1e-3, 'regressor': 1e-3}
NETWORKS = ('detector', 'embedder', 'denoiser', 'regressor')
# Those with something trained, and what of each `provenance` tells.
TRAINED = {'embedder': 'head', 'denoiser': 'denoiser', 'regressor': 'regressor'}

ABOUT = {
    'detector': {
        'input': '[1,3,H,W] float32, BGR, 0..255, H and W multiples of 32',
        'licence': 'MIT',
        'source': 'YuNet 2023mar, OpenCV Zoo (Shiqi Yu and others); height and width made symbolic',
    },
    'embedder': {
        'input': '[N,3,112,112] float32, RGB, 0..255',
        'licence': 'Apache-2.0',
        'source': 'SFace 2021dec, OpenCV Zoo (Yaoyao Zhong, Weihong Deng); batch made symbolic, weights stored as float16; quality head (MIT) trained by models/training (teach)',
    },
    'denoiser': {
        'input': '[N,3,112,112] float32, RGB, -1..1; t [N] float32, timestep index 0..999',
        'licence': 'MIT',
        'source': 'trained by models/training (ddpm)',
    },
    'regressor': {
        'input': '[N,3,112,112] float32, RGB, -1..1',
        'licence': 'MIT',
        'source': 'trained by models/training (distil, steady)',
    },
}


def write_detector(source: Path, target: Path) -> None:
    """YuNet with symbolic height and width; every layer of it allows that. Weights stay float32: the file is small."""
    model = onnx.load(str(source))
    set_dimensions(model.graph.input[0], [1, 3, 'height', 'width'])
    for output in model.graph.output:
        channels = output.type.tensor_type.shape.dim[2].dim_value
        set_dimensions(output, [1, 'cells_' + output.name.split('_')[1], channels])
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def float_embedder(source: Path, head: Path) -> onnx.ModelProto:
    """SFace with the quality head behind it, a symbolic batch, opset 17."""
    model = onnx.load(str(source))
    drop_weight_inputs(model)
    set_dimensions(model.graph.input[0], ['batch', 3, 112, 112])
    set_dimensions(model.graph.output[0], ['batch', 128])
    del model.graph.value_info[:]
    model = upgrade(model, OPSET)
    del model.graph.value_info[:]
    add_head(model, load_state(head))
    return model


def write_embedder(source: Path, head: Path, target: Path) -> None:
    """Weights stored as float16. Not in int8: see int8_e.py."""
    model = float_embedder(source, head)
    weights_to_float16(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def write_torch(model: torch.nn.Module, feeds: tuple, names: list[str], outputs: list[str], target: Path) -> None:
    """Weights stay float32: both files are small, and a restorer's rounding would show in the similarities."""
    dynamic = {name: {0: 'batch'} for name in names + outputs}
    torch.onnx.export(
        model, feeds, str(target), input_names=names, output_names=outputs, dynamic_axes=dynamic,
        opset_version=OPSET, dynamo=False, do_constant_folding=True,
    )
    onnx.checker.check_model(onnx.load(str(target)))


def load_averages(model: torch.nn.Module, state: dict[str, Any]) -> torch.nn.Module:
    model.load_state_dict(state['ema'])
    return model.eval()


def load_denoiser(checkpoint: Path) -> torch.nn.Module:
    """The UNet with a checkpoint's averaged weights."""
    state = torch.load(checkpoint, map_location='cpu', weights_only=True)
    return load_averages(UNet(**state['architecture']), state)


def load_regressor(checkpoint: Path) -> torch.nn.Module:
    """The regressor with a checkpoint's averaged weights."""
    state = torch.load(checkpoint, map_location='cpu', weights_only=True)
    return load_averages(Regressor(**state['architecture']), state)


def write_denoiser(model: torch.nn.Module, target: Path) -> None:
    write_torch(model, (torch.zeros(2, 3, 112, 112), torch.zeros(2)), ['x', 't'], ['x0'], target)


def write_regressor(model: torch.nn.Module, target: Path) -> None:
    write_torch(fold_batch_norms(model), (torch.zeros(2, 3, 112, 112),), ['face'], ['mean', 'log_variance', 'embedding'], target)


def entry(name: str, path: Path) -> dict:
    data = path.read_bytes()
    opset = max(o.version for o in onnx.load(str(path)).opset_import if o.domain in ('', 'ai.onnx'))
    return {
        'file': path.name,
        'sha256': hashlib.sha256(data).hexdigest(),
        'bytes': len(data),
        'opset': opset,
        **ABOUT[name],
    }


def update_manifest(version: str, networks: dict) -> None:
    """Replaces this step's parts; the others are kept."""
    manifest = json.loads(paths.MANIFEST.read_text(encoding='utf-8')) if paths.MANIFEST.exists() else {}
    files = {name: paths.MODELS / f'{name}.onnx' for name in ABOUT}
    manifest['modelVersion'] = version
    manifest['models'] = {name: entry(name, path) for name, path in files.items()}
    manifest['selfTest'] = {
        name: {'values': answer(name, path), 'tolerance': TOLERANCES[name]} for name, path in files.items()
    }
    manifest.setdefault('provenance', {})['networks'] = networks
    order = ('modelVersion', 'models', 'scoring', 'selfTest', 'provenance')
    ordered = {key: manifest[key] for key in order if key in manifest}
    paths.MANIFEST.write_text(json.dumps(ordered, indent=2) + '\n', encoding='utf-8')


def provenance_of(checkpoint: Path) -> dict:
    return torch.load(checkpoint, map_location='cpu', weights_only=True)['provenance']


def write_network(name: str, settings: SimpleNamespace, target: Path) -> dict | None:
    """Writes one of the trained networks from its checkpoint and returns where that came from; None, and nothing written, where there is no checkpoint."""
    checkpoint = paths.ROOT / (settings.head if name == 'embedder' else getattr(settings, name))
    if not checkpoint.exists():
        return None
    if name == 'embedder':
        write_embedder(paths.ROOT / settings.embedder, checkpoint, target)
    elif name == 'denoiser':
        write_denoiser(load_denoiser(checkpoint), target)
    else:
        write_regressor(load_regressor(checkpoint), target)
    return provenance_of(checkpoint)


def detector_source(settings: SimpleNamespace) -> Path:
    return paths.ROOT / settings.detector if settings.detector else paths.data_dir() / YUNET


def run(config: dict[str, Any]) -> None:
    settings = SimpleNamespace(**config)
    write_detector(detector_source(settings), paths.MODELS / 'detector.onnx')
    before = json.loads(paths.MANIFEST.read_text(encoding='utf-8')).get('provenance', {}).get('networks', {}) if paths.MANIFEST.exists() else {}
    networks: dict[str, Any] = {
        'exporter': f'torch {torch.__version__}, onnx {onnx.__version__}, numpy {np.__version__}, Python {platform.python_version()}'}
    for name, part in TRAINED.items():
        target = paths.MODELS / f'{name}.onnx'
        made = write_network(name, settings, target)
        if made is None and not target.exists():
            raise SystemExit(f'{name}: neither a checkpoint nor {target}')
        if made is None:
            # Of an earlier training whose checkpoint is gone: an untrained network must not take its place.
            print(f'{name}: no checkpoint, the file is kept')
        networks[part] = made or before.get(part, 'unknown')
    update_manifest(settings.version, networks)
    for name in ABOUT:
        path = paths.MODELS / f'{name}.onnx'
        print(f'{name}: {path.stat().st_size} bytes')
