"""SFace with a symbolic batch and with its PReLUs written so that onnxruntime keeps its blocked layout.

Its file fixes the batch at 1 although every layer allows more. PRelu has no kernel for onnxruntime's blocked CPU layout: each of
the 27 costs two reorders and a slow broadcast, half of the run time together. a·x + (1 − a)·relu(x) is the same function, made
of depthwise 1×1 convolutions that stay blocked (43 → 20 ms a crop on one AVX2 thread).
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def rewrite_prelu(graph: onnx.GraphProto) -> None:
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != 'PRelu':
            nodes.append(node)
            continue
        source, target = node.input[0], node.output[0]
        slope = numpy_helper.to_array(weights[node.input[1]]).reshape(-1, 1, 1, 1).astype(np.float32)
        graph.initializer.remove(weights[node.input[1]])
        graph.initializer.append(numpy_helper.from_array(slope, f'{target}_negative'))
        graph.initializer.append(numpy_helper.from_array(1 - slope, f'{target}_positive'))
        shape = {'group': len(slope), 'kernel_shape': [1, 1]}
        nodes.append(helper.make_node('Conv', [source, f'{target}_negative'], [f'{target}_n'], **shape))
        if slope.max() <= 1:
            # (1 − a)·relu(x) = relu((1 − a)·x): the activation is then fused into the convolution.
            nodes.append(helper.make_node('Conv', [source, f'{target}_positive'], [f'{target}_c'], **shape))
            nodes.append(helper.make_node('Relu', [f'{target}_c'], [f'{target}_p']))
        else:
            nodes.append(helper.make_node('Relu', [source], [f'{target}_c']))
            nodes.append(helper.make_node('Conv', [f'{target}_c', f'{target}_positive'], [f'{target}_p'], **shape))
        nodes.append(helper.make_node('Add', [f'{target}_n', f'{target}_p'], [target]))
    del graph.node[:]
    graph.node.extend(nodes)


def convert_sface(source: Path, target: Path) -> None:
    model = onnx.load(str(source))
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    real = [value for value in graph.input if value.name not in weights]
    if len(real) != 1:
        raise RuntimeError(f'expected one input, got {[value.name for value in real]}')
    # The weights are listed as inputs too; as inputs they keep the runtime from folding them.
    del graph.input[:]
    graph.input.extend(real)
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = 'N'
    graph.output[0].type.tensor_type.shape.dim[0].dim_param = 'N'
    del graph.value_info[:]
    rewrite_prelu(graph)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f'{target.name}: input {graph.input[0].name}, output {graph.output[0].name}', flush=True)
