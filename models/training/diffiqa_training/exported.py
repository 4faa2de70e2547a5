"""Weights of exported files, so that training can go on where the checkpoint is lost."""
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .regressor import Block, Regressor
from .unet import UNet


def weights_of(file: Path) -> dict[str, np.ndarray]:
    """By name of the layer's parameter."""
    graph = onnx.load(str(file)).graph
    known = {weight.name.removeprefix('regressor.'): onnx.numpy_helper.to_array(weight) for weight in graph.initializer}
    by_name = {weight.name: onnx.numpy_helper.to_array(weight) for weight in graph.initializer}
    # The exporter takes group norms apart and gives their weights numbers for names; the nodes keep the layer's.
    for node in graph.node:
        layer, _, operation = node.name.strip('/').replace('/', '.').rpartition('.')
        if layer.endswith('norm') and operation in ('Mul', 'Add'):
            value = next(by_name[name] for name in node.input if name in by_name)
            known[f'{layer}.{"weight" if operation == "Mul" else "bias"}'] = value.reshape(-1)
    return known


def take(layer: nn.Module, name: str, parameters: list[str], known: dict[str, np.ndarray], file: Path) -> None:
    for parameter in parameters:
        value, target = known.get(f'{name}.{parameter}'), getattr(layer, parameter)
        if value is None or value.shape != tuple(target.shape):
            raise SystemExit(f'{file} is of another architecture: {name}.{parameter}')
        target.data.copy_(torch.from_numpy(value.copy()))


def load_unet(model: UNet, file: Path) -> None:
    known = weights_of(file)
    for name, layer in model.named_modules():
        take(layer, name, [parameter for parameter, _ in layer.named_parameters(recurse=False)], known, file)


@torch.no_grad()
def load_checkpoint(model: Regressor, file: Path) -> None:
    """Of another training; of the heads that are not exported, those that both have."""
    state = torch.load(file, map_location='cpu', weights_only=True)
    weights, known = dict(state['ema']), list(state['architecture'].get('auxiliary', model.answers))
    rows = [known.index(name) for name in model.answers]
    for parameter in ('weight', 'bias'):
        weights[f'auxiliary.{parameter}'] = weights[f'auxiliary.{parameter}'][rows]
    model.load_state_dict(weights)


@torch.no_grad()
def load_regressor(model: Regressor, file: Path, faces: Tensor) -> None:
    """The exporter folded every BatchNorm into its convolution. Here each gets the mean and variance of what reaches it back, so
    that the network gives the file's answers and can be trained on; `faces` [N, 3, 112, 112] are some hundred of the training's.
    The heads of the first phase are not in the file and stay as they are.
    """
    known = weights_of(file)
    biases: dict[nn.BatchNorm2d, Tensor] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            take(layer, name, ['weight'], known, file)
            biases[norm_after(model, name)] = torch.from_numpy(known[f'{name}.bias'].copy())
        elif isinstance(layer, nn.Linear) and name != 'auxiliary':
            take(layer, name, ['weight', 'bias'], known, file)

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        mean = inputs[0].mean((0, 2, 3))
        variance = inputs[0].var((0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + biases[norm])

    hooks = [norm.register_forward_pre_hook(measure) for norm in biases]
    training = model.training
    model.eval()(faces)
    model.train(training)
    for hook in hooks:
        hook.remove()


def norm_after(model: Regressor, convolution: str) -> nn.BatchNorm2d:
    """The norm that fold_batch_norms() folds into this convolution."""
    if convolution == 'pool':
        return model.pool_norm
    parent, _, last = convolution.rpartition('.')
    owner = model.get_submodule(parent)
    return getattr(owner, last.replace('conv', 'norm')) if isinstance(owner, Block) else owner[1]
