"""The quality head as nodes behind SFace, so that one pass gives embedding and answer."""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .taps import add_taps
from .teach import LABELS, SHIPPED
from .teacher import CLIP, NORM_FACTOR, NORM_MIDDLE

OUTPUT = 'head'
EMBEDDING = 'fc1'


class Builder:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph, self.count = graph, 0

    def constant(self, values: Any, kind: type = np.float32) -> str:
        self.count += 1
        name = f'head_constant_{self.count}'
        self.graph.initializer.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        self.count += 1
        output = output or f'head_{self.count}'
        self.graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, output: str | None = None) -> str:
        return self.node('Gemm', [x, self.constant(weight), self.constant(bias)], output, transB=1)

    def silu(self, x: str) -> str:
        return self.node('Mul', [x, self.node('Sigmoid', [x])])


def add_head(model: onnx.ModelProto, state: dict[str, Any]) -> None:
    """Adds the output `head` [batch, 1]. `state` as teach.py saved it."""
    graph = model.graph
    weights = {name: value.numpy() for name, value in state['model'].items()}
    parts = add_taps(model)
    b = Builder(graph)
    standard = b.node('Div', [b.node('Sub', [b.node('Concat', parts, axis=1), b.constant(state['middle'].numpy())]), b.constant(state['deviation'].numpy())])
    clipped = b.node('Clip', [standard, b.constant(-CLIP), b.constant(CLIP)])
    width = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    norm = b.node('Max', [b.node('ReduceL2', [EMBEDDING], axes=[1], keepdims=1), b.constant(1e-6)])
    direction = b.node('Mul', [b.node('Div', [EMBEDDING, norm]), b.constant(np.sqrt(width))])
    length = b.node('Mul', [b.node('Sub', [b.node('Log', [norm]), b.constant(NORM_MIDDLE)]), b.constant(NORM_FACTOR)])
    x = b.node('Concat', [clipped, direction, b.node('Abs', [direction]), length], axis=1)
    for layer in ('1', '4'):
        x = b.silu(b.linear(x, weights[f'{layer}.weight'], weights[f'{layer}.bias']))
    chosen = [LABELS.index(name) for name in SHIPPED]
    b.linear(x, weights['7.weight'][chosen].mean(0, keepdims=True), weights['7.bias'][chosen].mean(0, keepdims=True), OUTPUT)
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ['batch', 1]))


def load_state(file: Any) -> dict[str, Any]:
    return torch.load(file, map_location='cpu', weights_only=True)
