"""SFace's feature maps, summed up: per channel the mean and the deviation over the face, and means of three horizontal bands.

The embedding says little about how sharp, noisy or covered a face is; the layers before it do. Training crops are summed up as the
tuned score will see them: the face, its mirror image and a noised copy.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from . import crop_set, paths
from .judges import to_nchw
from .onnx_tools import upgrade
from .process import forward

# Layers whose channels are summed up: 112, 56, 28, 14, 14 and 7 px.
LAYERS = ('conv_2_relu', 'conv_4_relu', 'conv_6_relu', 'conv_8_relu', 'conv_12_relu', 'conv_14_relu')
BANDED = 'conv_12_relu'
BANDS = ((0, 5), (5, 9), (9, 14))
OUTPUT, EMBEDDING = 'taps', 'fc1'
EPSILON = 1e-6

VIEWS = FACE, MIRROR, NOISED = 'face', 'mirror', 'noised'
# Timestep of the noised copy, that of the tuned preset's terms.
NOISED_AT = 20


def constant(graph: onnx.GraphProto, name: str, values: Any, kind: type) -> str:
    graph.initializer.append(numpy_helper.from_array(np.array(values, kind), name))
    return name


def add_taps(model: onnx.ModelProto) -> list[str]:
    """Appends the nodes; gives the names of the parts, each [N, channels], in the order of the feature vector."""
    graph = model.graph
    epsilon = constant(graph, 'taps_epsilon', EPSILON, np.float32)
    parts = []

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    for layer in LAYERS:
        mean = add('ReduceMean', [layer], f'{layer}_mean', axes=[2, 3], keepdims=1)
        centred = add('Sub', [layer, mean], f'{layer}_centred')
        variance = add('ReduceMean', [add('Mul', [centred, centred], f'{layer}_squared')], f'{layer}_variance', axes=[2, 3], keepdims=0)
        deviation = add('Sqrt', [add('Add', [variance, epsilon], f'{layer}_variance_positive')], f'{layer}_deviation')
        flat = add('Flatten', [mean], f'{layer}_mean_flat', axis=1)
        parts += [flat, deviation]
    for number, (start, end) in enumerate(BANDS):
        names = [constant(graph, f'taps_band_{number}_{key}', [value], np.int64) for key, value in (('start', start), ('end', end), ('axis', 2))]
        band = add('Slice', [BANDED, *names], f'taps_band_{number}')
        parts.append(add('ReduceMean', [band], f'taps_band_{number}_mean', axes=[2, 3], keepdims=0))
    return parts


def tapped_session(threads: int = 1) -> onnxruntime.InferenceSession:
    """SFace with outputs fc1 [N, 128] and taps [N, D]."""
    model = upgrade(onnx.load(str(paths.SFACE)), 17)
    del model.graph.value_info[:]
    parts = add_taps(model)
    model.graph.node.append(helper.make_node('Concat', parts, [OUTPUT], axis=1))
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ['batch', None]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])


def tap_file(name: str, variant: str, view: str = FACE) -> Path:
    return paths.TRAINING / 'taps' / f'{name}.{variant}{"" if view == FACE else f".{view}"}.npz'


def load_taps(name: str, variant: str, view: str = FACE) -> tuple[np.ndarray, np.ndarray]:
    """Of each row of the set the summed up maps, float16, and the embedding; NaN where the row has no face."""
    source = crop_set.load(name, variant)
    with np.load(tap_file(name, variant, view)) as file:
        return source.spread(file['taps']), source.spread(file['embedding'])


def seen(crops: np.ndarray, view: str, random: np.random.Generator) -> np.ndarray:
    """uint8 [N,112,112,3] -> what SFace is shown, float32 [N,3,112,112], 0..255."""
    data = to_nchw(crops)
    if view == MIRROR:
        return np.ascontiguousarray(data[..., ::-1])
    if view == NOISED:
        x = data / np.float32(127.5) - 1
        return (forward(x, random.standard_normal(x.shape, np.float32), NOISED_AT) + 1) * np.float32(127.5)
    return data


def run(config: dict[str, Any]) -> None:
    session = tapped_session(config['threads'])
    for key in config['sets']:
        name, variant = key.split('.')
        for view in VIEWS if key in config['all_views'] else (FACE,):
            target = tap_file(name, variant, view)
            if target.exists():
                continue
            source, random = crop_set.load(name, variant), np.random.default_rng(config['seed'])
            parts = []
            for start in range(0, len(source.crops), 4):
                data = seen(np.asarray(source.crops[start : start + 4]), view, random)
                parts.append(session.run([OUTPUT, EMBEDDING], {'data': data}))
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix('.part.npz')
            np.savez(unfinished, taps=np.concatenate([taps for taps, _ in parts]).astype(np.float16), embedding=np.concatenate([fc1 for _, fc1 in parts]))
            unfinished.replace(target)
            print(key, view, len(source.crops), file=sys.stderr, flush=True)
