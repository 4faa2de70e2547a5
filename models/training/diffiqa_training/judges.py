"""The recognition networks: how each wants its crop, and embeddings from them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from . import paths

Prepare = Callable[[np.ndarray], np.ndarray]


def to_nchw(crops: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(crops.astype(np.float32).transpose(0, 3, 1, 2))


def prepare_faceres(crops: np.ndarray) -> np.ndarray:
    """224 px that cover 128 px of the 112 template, centred at (56, 62).

    That reaches past the crop by 8 px at the sides and 14 below, where the edge is repeated: a black border fails a fifth more pairs.
    """
    scale = 224 / 128
    matrix = np.array([[scale, 0, 112 - scale * 56], [0, scale, 112 - scale * 62]], np.float32)
    how = {'flags': cv2.INTER_CUBIC, 'borderMode': cv2.BORDER_REPLICATE}
    warped = [cv2.warpAffine(crop, matrix, (224, 224), **how) for crop in crops]
    return to_nchw(np.stack(warped))


@dataclass(frozen=True)
class Judge:
    name: str
    file: str
    prepare: Prepare
    # Operating point: faceres is weak, at 1e-3 it fails nearly everything that is degraded.
    fmr: float


SFACE = Judge('sface', 'sface.onnx', to_nchw, 1e-3)
JUDGES = [
    Judge('w600k_mbf', 'w600k_mbf.onnx', lambda x: (to_nchw(x) - 127.5) / 127.5, 1e-3),
    Judge('expo_mfn', 'expo_mfn.onnx', lambda x: (to_nchw(x) - 127.5) / 128, 1e-3),
    Judge('faceres', 'faceres.onnx', prepare_faceres, 1e-2),
]


def open_session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get('OMP_NUM_THREADS', '1'))
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=['CPUExecutionProvider'])


class Embedder:
    """Embeddings of uint8 crops [N,112,112,3], not normalised."""

    def __init__(self, judge: Judge, batch: int = 2) -> None:
        self.judge, self.batch = judge, batch
        self.session = open_session(paths.JUDGES / judge.file)
        self.input = self.session.get_inputs()[0].name

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return np.concatenate(list(self.batches(crops)))

    def batches(self, crops: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(crops), self.batch):
            yield self.raw(self.judge.prepare(np.asarray(crops[start : start + self.batch])))

    def raw(self, tensor: np.ndarray) -> np.ndarray:
        """One batch that is already in the network's own range."""
        return self.session.run(None, {self.input: tensor})[0]


def unit(embeddings: np.ndarray) -> np.ndarray:
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
