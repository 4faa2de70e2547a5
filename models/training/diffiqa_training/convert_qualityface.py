"""qualityface as ONNX, for `npm run evaluate`."""

from pathlib import Path

import torch

from .rivals.qualityface import SIZE, load_qualityface


def convert_qualityface(source: Path, target: Path) -> None:
    """Input `face` [1, 3, 128, 128] RGB in -1..1; output `score` [1]."""
    torch.onnx.export(
        load_qualityface(source), torch.zeros(1, 3, SIZE, SIZE), str(target), input_names=['face'], output_names=['score'],
        opset_version=17, dynamo=False, do_constant_folding=True,
    )
