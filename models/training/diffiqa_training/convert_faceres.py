"""Human's faceres from TensorFlow.js to ONNX, up to the pooled 1024 features."""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUTPUT = 'global_pooling/Mean'


def read_weights(manifest: list[dict], data: bytes) -> dict[str, np.ndarray]:
    weights, offset = {}, 0
    for entry in (w for group in manifest for w in group['weights']):
        stored = np.float16 if entry.get('quantization', {}).get('dtype') == 'float16' else np.dtype(entry['dtype'])
        count = int(np.prod(entry['shape'], dtype=np.int64))
        size = count * np.dtype(stored).itemsize
        value = np.frombuffer(data[offset : offset + size], stored).reshape(entry['shape'])
        weights[entry['name']] = value.astype(entry['dtype'])
        offset += size
    if offset != len(data):
        raise RuntimeError(f'weights end at {offset} of {len(data)} bytes')
    return weights


def strides_and_padding(node: dict) -> dict[str, object]:
    padding = base64.b64decode(node['attr']['padding']['s']).decode()
    return {
        'strides': [int(v) for v in node['attr']['strides']['list']['i'][1:3]],
        'auto_pad': 'SAME_UPPER' if padding == 'SAME' else 'VALID',
    }


def convert_faceres(topology: Path, data: Path, target: Path) -> None:
    if target.exists():
        return
    document = json.loads(topology.read_text())
    weights = read_weights(document['weightsManifest'], data.read_bytes())
    nodes, constants = [], {}

    def channels(name: str) -> str:
        """A per-channel constant, shaped to broadcast over NCHW."""
        value = weights[name]
        constants[name] = value.reshape(-1, 1, 1) if value.ndim else value
        return name

    for node in document['modelTopology']['node']:
        kind, name, inputs = node['op'], node['name'], node.get('input', [])
        if kind in ('Const', 'Placeholder'):
            continue
        if kind == 'Conv2D':
            constants[inputs[1]] = weights[inputs[1]].transpose(3, 2, 0, 1)
            nodes.append(helper.make_node('Conv', inputs, [name], **strides_and_padding(node)))
        elif kind == 'DepthwiseConv2dNative':
            kernel = weights[inputs[1]].transpose(2, 3, 0, 1)
            constants[inputs[1]] = kernel
            nodes.append(helper.make_node('Conv', inputs, [name], group=kernel.shape[0], **strides_and_padding(node)))
        elif kind in ('Add', 'Mul'):
            nodes.append(helper.make_node(kind, [inputs[0], channels(inputs[1])], [name]))
        elif kind == 'Relu':
            nodes.append(helper.make_node('Relu', inputs, [name]))
        elif kind in ('Minimum', 'Maximum'):
            nodes.append(helper.make_node('Min' if kind == 'Minimum' else 'Max', [inputs[0], channels(inputs[1])], [name]))
        elif name == OUTPUT:
            nodes.append(helper.make_node('ReduceMean', inputs[:1], [name], axes=[2, 3], keepdims=0))
            break
        else:
            raise NotImplementedError(kind)

    graph = helper.make_graph(
        nodes,
        'faceres',
        [helper.make_tensor_value_info('input_1', TensorProto.FLOAT, ['N', 3, 224, 224])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ['N', 1024])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f'{target.name}: {len(nodes)} nodes', flush=True)
