"""SFace in PyTorch, for what needs its gradients or its insides: the file is one chain of layers, so the network is too."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn


class Scale(nn.Module):
    """(x - shift) * factor, as the file's first two nodes normalise pixels."""

    def __init__(self, shift: float, factor: float) -> None:
        super().__init__()
        self.shift, self.factor = shift, factor

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) * self.factor


def convolution(attributes: dict, weight: Tensor) -> nn.Module:
    top, left, bottom, right = attributes.get('pads', [0, 0, 0, 0])
    if (top, left) != (bottom, right) or attributes.get('dilations', [1, 1]) != [1, 1]:
        raise ValueError(f'unexpected convolution: {attributes}')
    groups = attributes.get('group', 1)
    layer = nn.Conv2d(
        weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:]), tuple(attributes.get('strides', [1, 1])),
        (top, left), groups=groups, bias=False,
    )
    layer.weight.data = weight
    return layer


def normalisation(attributes: dict, weights: list[Tensor], flat: bool) -> nn.Module:
    kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
    layer = kind(len(weights[0]), attributes['epsilon'])
    layer.weight.data, layer.bias.data, layer.running_mean, layer.running_var = weights
    return layer


def linear(attributes: dict, weight: Tensor, bias: Tensor) -> nn.Module:
    if attributes.get('transB') != 1 or attributes.get('transA', 0) or attributes.get('alpha', 1) != 1 or attributes.get('beta', 1) != 1:
        raise ValueError(f'unexpected matrix product: {attributes}')
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    return layer


def from_chain(model: onnx.ModelProto) -> nn.Sequential:
    """The layers of an ONNX file in which every node takes the one before it; in evaluation mode.

    Raises ValueError for anything else.
    """
    graph = model.graph
    weights = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32)) for tensor in graph.initializer}
    layers: list[nn.Module] = []
    shift, flat = 0.0, False
    before = next(value.name for value in graph.input if value.name not in weights)
    for node in graph.node:
        if node.input[0] != before:
            raise ValueError(f'{node.output[0]} does not follow {before}: no chain')
        before = node.output[0]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [weights[name] for name in node.input[1:]]
        match node.op_type:
            case 'Sub':
                shift = inputs[0].item()
            case 'Mul':
                layers.append(Scale(shift, inputs[0].item()))
            case 'Conv' if len(inputs) == 1:
                layers.append(convolution(attributes, inputs[0]))
            case 'BatchNormalization':
                layers.append(normalisation(attributes, inputs, flat))
            case 'PRelu':
                layers.append(nn.PReLU(inputs[0].numel()))
                layers[-1].weight.data = inputs[0].flatten()
            case 'Dropout':
                layers.append(nn.Dropout(attributes['ratio']))
            case 'Flatten':
                layers.append(nn.Flatten())
                flat = True
            case 'Gemm':
                layers.append(linear(attributes, *inputs))
            case other:
                raise ValueError(f'{node.output[0]}: {other} is not known here')
    return nn.Sequential(*layers).eval().requires_grad_(False)


def load_sface(file: Path) -> nn.Sequential:
    """`file` as OpenCV Zoo publishes it (its PReLUs as such). Takes pixels 0..255, RGB, [N, 3, 112, 112]."""
    return from_chain(onnx.load(str(file)))
