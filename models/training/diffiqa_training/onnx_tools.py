"""Small edits on ONNX graphs: symbolic dimensions and weights stored as float16."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MIN_ELEMENTS = 1024


def weights_to_float16(model: onnx.ModelProto) -> None:
    """Stores large convolution and matrix weights as float16 with a Cast behind each; the runtime folds the Casts at load.

    Everything is still computed in float32. Normalisation parameters, biases and slopes stay float32: they are small.
    """
    graph = model.graph
    used_as_weight = {
        name for node in graph.node if node.op_type in ('Conv', 'Gemm', 'MatMul') for name in node.input[1:2]
    }
    casts = []
    for index, tensor in enumerate(list(graph.initializer)):
        if tensor.name not in used_as_weight or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < MIN_ELEMENTS or np.abs(values).max() > 60000:
            continue
        # Assigning changes `tensor` too, so its name is kept first.
        name = tensor.name
        graph.initializer[index].CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + '_f16'))
        casts.append(helper.make_node('Cast', [name + '_f16'], [name], to=TensorProto.FLOAT))
    for position, node in enumerate(casts):
        graph.node.insert(position, node)


def drop_weight_inputs(model: onnx.ModelProto) -> None:
    """Old files list their weights as graph inputs as well, which keeps a runtime from folding them."""
    weights = {tensor.name for tensor in model.graph.initializer}
    real = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(real)


def set_dimensions(value: onnx.ValueInfoProto, dimensions: list[str | int]) -> None:
    """Replaces the shape of a graph input or output; a string is a symbolic dimension."""
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for dimension in dimensions:
        entry = shape.dim.add()
        if isinstance(dimension, str):
            entry.dim_param = dimension
        else:
            entry.dim_value = dimension


def upgrade(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same graph in a newer opset."""
    model.ir_version = 8
    return onnx.version_converter.convert_version(model, opset)
