"""MobileFaceNet from TensorFlow Lite to ONNX, without TensorFlow: convolutions, PReLU written out, additions."""

from pathlib import Path

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
PRELU = ['RELU', 'ABS', 'SUB', 'MUL', 'ADD']


class Reader:
    """The parts of a TensorFlow Lite graph that the converter asks for."""

    def __init__(self, source: Path) -> None:
        self.model = tflite.Model.GetRootAsModel(source.read_bytes(), 0)
        self.graph = self.model.Subgraphs(0)
        self.operators = [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]

    def name(self, operator: tflite.Operator) -> str:
        return NAMES[self.model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]

    def constant(self, index: int) -> np.ndarray | None:
        tensor = self.graph.Tensors(index)
        buffer = self.model.Buffers(tensor.Buffer())
        if buffer.DataLength() == 0:
            return None
        dtype = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.INT32: np.int32}[tensor.Type()]
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), dtype).reshape(tensor.ShapeAsNumpy())

    def options(self, operator: tflite.Operator, kind: type) -> object:
        options = kind()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options


class Builder:
    """Collects nodes and weights; tensors keep their TensorFlow Lite index as name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))


def add_convolution(reader: Reader, builder: Builder, operator: tflite.Operator) -> None:
    source, kernel_index, bias_index = (int(i) for i in operator.InputsAsNumpy())
    target = int(operator.OutputsAsNumpy()[0])
    depthwise = reader.name(operator) == 'DEPTHWISE_CONV_2D'
    kind = tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions
    options = reader.options(operator, kind)
    if options.FusedActivationFunction() != 0:
        raise NotImplementedError('fused activation')
    kernel = reader.constant(kernel_index)
    # TensorFlow Lite: [out, h, w, in], depthwise [1, h, w, channels].
    kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
    builder.node(
        'Conv',
        [f't{source}', builder.weight(f'w{target}', kernel), builder.weight(f'b{target}', reader.constant(bias_index))],
        f't{target}',
        strides=[options.StrideH(), options.StrideW()],
        auto_pad='SAME_UPPER' if options.Padding() == 0 else 'VALID',
        group=kernel.shape[0] if depthwise else 1,
    )


def add_prelu(reader: Reader, builder: Builder, group: list[tflite.Operator]) -> None:
    """relu(x) + w·(x − |x|) = PReLU with slope 2w."""
    source = int(group[0].InputsAsNumpy()[0])
    target = int(group[4].OutputsAsNumpy()[0])
    slope = next(value for i in group[3].InputsAsNumpy() if (value := reader.constant(int(i))) is not None)
    builder.node('PRelu', [f't{source}', builder.weight(f's{target}', 2 * slope.reshape(-1, 1, 1))], f't{target}')


def convert_tflite(source: Path, target: Path) -> None:
    if target.exists():
        return
    reader, builder = Reader(source), Builder()
    first = int(reader.graph.InputsAsNumpy()[0])
    last = int(reader.graph.OutputsAsNumpy()[0])
    index = 0
    while index < len(reader.operators):
        operator = reader.operators[index]
        name = reader.name(operator)
        if [reader.name(o) for o in reader.operators[index : index + 5]] == PRELU:
            add_prelu(reader, builder, reader.operators[index : index + 5])
            index += 5
            continue
        inputs = [f't{int(i)}' for i in operator.InputsAsNumpy()]
        output = f't{int(operator.OutputsAsNumpy()[0])}'
        if name in ('CONV_2D', 'DEPTHWISE_CONV_2D'):
            add_convolution(reader, builder, operator)
        elif name == 'ADD':
            builder.node('Add', inputs, output)
        elif name == 'RESHAPE':
            builder.node('Flatten', inputs[:1], output)
        else:
            raise NotImplementedError(name)
        index += 1
    graph = helper.make_graph(
        builder.nodes,
        'mobilefacenet',
        [helper.make_tensor_value_info(f't{first}', TensorProto.FLOAT, ['N', 3, 112, 112])],
        [helper.make_tensor_value_info(f't{last}', TensorProto.FLOAT, ['N', 192])],
        builder.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f'{target.name}: {len(builder.nodes)} nodes', flush=True)
