"""SFace with a symbolic batch: its file fixes the batch at 1 although every layer allows more."""

from pathlib import Path

import onnx


def convert_sface(source: Path, target: Path) -> None:
    model = onnx.load(str(source))
    weights = {tensor.name for tensor in model.graph.initializer}
    real = [value for value in model.graph.input if value.name not in weights]
    if len(real) != 1:
        raise RuntimeError(f'expected one input, got {[value.name for value in real]}')
    # The weights are listed as inputs too; as inputs they keep the runtime from folding them.
    del model.graph.input[:]
    model.graph.input.extend(real)
    real_input = model.graph.input[0]
    real_input.type.tensor_type.shape.dim[0].dim_param = 'N'
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = 'N'
    del model.graph.value_info[:]
    onnx.save(model, str(target))
    print(f'{target.name}: input {real_input.name}, output {model.graph.output[0].name}', flush=True)
