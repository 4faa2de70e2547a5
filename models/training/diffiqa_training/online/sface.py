"""models/embedder.onnx in PyTorch, with the feature maps that the quality head reads."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..sface_torch import Scale, convolution, linear, normalisation

# Outputs of SFace's layers: 56, 28, 14 and 7 px.
TAPS = ('conv_4_relu', 'conv_6_relu', 'conv_12_relu', 'conv_14_relu')
TAP_CHANNELS = (128, 256, 512, 1024)


class TappedSFace(nn.Module):
    """Pixels 0..255, RGB, [N, 3, 112, 112] -> embedding [N, 128], feature maps at `taps`."""

    def __init__(self, layers: list[tuple[str, nn.Module]], taps: tuple[str, ...] = TAPS) -> None:
        super().__init__()
        self.taps = taps
        self.names = [name for name, _ in layers]
        self.layers = nn.ModuleList(layer for _, layer in layers)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        taps = []
        for name, layer in zip(self.names, self.layers):
            x = layer(x)
            if name in self.taps:
                taps.append(x)
        return x, taps


def load_sface(file: Path) -> TappedSFace:
    """The shipped file: its PReLUs are written as a·x + relu((1 - a)·x), see convert_sface.py. In evaluation mode, frozen."""
    graph = onnx.load(str(file)).graph
    weights = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32)) for tensor in graph.initializer}
    layers: list[tuple[str, nn.Module]] = []
    shift, flat = 0.0, False
    for node in graph.node:
        if layers and layers[-1][0] == graph.output[0].name:
            # The rest is the quality head.
            break
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        name = node.output[0]
        if node.op_type == 'Cast':
            weights[name] = weights[node.input[0]]
        elif node.op_type == 'Sub':
            shift = weights[node.input[1]].item()
        elif node.op_type == 'Mul':
            layers.append((name, Scale(shift, weights[node.input[1]].item())))
        elif node.op_type == 'Conv' and node.input[1].endswith('_negative'):
            slope = weights[node.input[1]].flatten()
            layers.append((name.removesuffix('_n'), nn.PReLU(len(slope))))
            layers[-1][1].weight.data = slope
        elif node.op_type in ('Relu', 'Add', 'Constant', 'Dropout') or node.input[1:2] and node.input[1].endswith('_positive'):
            continue
        elif node.op_type == 'Conv':
            layers.append((name, convolution(attributes, weights[node.input[1]])))
        elif node.op_type == 'BatchNormalization':
            norm = normalisation(attributes, [weights[key] for key in node.input[1:]], flat)
            before = layers[-1][1]
            if isinstance(before, nn.Conv2d):
                layers[-1] = (name, fuse_conv_bn_eval(before.eval(), norm.eval()))
            else:
                layers.append((name, norm))
        elif node.op_type == 'Flatten':
            layers.append((name, nn.Flatten()))
            flat = True
        elif node.op_type == 'Gemm':
            layers.append((name, linear(attributes, *(weights[key] for key in node.input[1:]))))
        else:
            raise ValueError(f'{name}: {node.op_type} is not known here')
    return TappedSFace(layers).eval().requires_grad_(False)
