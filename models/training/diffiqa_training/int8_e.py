"""SFace with part of its layers in int8: what it saves and costs (`small_e_table`). Not shipped: another processor's last bit of rounding now and then
flips a whole 8-bit step, and scores must be alike on all of them.
"""

import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import crop_set
from .terms import to_tensor

CALIBRATION_CROPS = 64
# The 1x1 convolutions, numbered in their order, and the matrix behind them all.
DENSE = re.compile(r'conv_(\d+)_conv2d')
MATRIX = 'pre_fc1'
# From here on they work on maps of 14 and 7 px.
LATE = 8


class TrainingCrops(CalibrationDataReader):
    def __init__(self) -> None:
        feeds = []
        for source in (crop_set.load('lfw-train', variant) for variant in ('clean', 'degraded')):
            for row in np.linspace(0, len(source) - 1, CALIBRATION_CROPS).astype(int):
                feeds.append({'data': ((to_tensor(np.asarray(source.crops[row])) + 1) * np.float32(127.5))[None]})
        self.feeds = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def layers(model: onnx.ModelProto, first_dense: int | None) -> list[str]:
    """Names of all convolutions, or of the 1x1 ones from `first_dense` on and the matrix."""
    convolutions = [node.name for node in model.graph.node if node.op_type == 'Conv']
    if first_dense is None:
        return convolutions
    return [name for name in convolutions if (found := DENSE.fullmatch(name)) and int(found.group(1)) >= first_dense] + [MATRIX]


def quantise(model: onnx.ModelProto, first_dense: int | None) -> onnx.ModelProto:
    """Weights of those layers and what goes into them as 8-bit numbers, their ranges taken from training crops.

    Weights use seven of the eight bits: then the sums of processors without VNNI cannot overflow, and every processor gets the same ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ('plain.onnx', 'ready.onnx', 'small.onnx'))
        onnx.save(model, str(plain))
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize_static(str(ready), str(small), TrainingCrops(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=['Conv', 'Gemm'],
                        nodes_to_quantize=layers(onnx.load(str(ready)), first_dense))
        return onnx.load(str(small))
