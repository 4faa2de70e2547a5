"""Tries at a faster E that start from SFace: channels pruned, or blocks dropped, then taught to answer as before.

SFace is a chain of blocks (a depthwise convolution of 3×3, one of 1×1) without shortcuts. What the quality head reads keeps its channels;
between, `keep` of the channels stay, those with the largest weights; or the blocks `drop` are left out. The whole network then learns SFace's
embedding, its length and the maps that the head reads.
"""

import copy
import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import crop_set, paths
from ..runtime import Budget, autocast, pick_device, prepare, save, update_average
from ..schedule import alpha_bars
from ..taps import BANDED, BANDS, EPSILON, LAYERS
from .augment import shown
from .faces import cosine
from .sface import TappedSFace, load_sface
from .small_e import NORM_WEIGHT, noised

FOLDER = paths.TRAINING / 'slim-e'
MAP_WEIGHT = 0.2


class Leak(nn.Module):
    """PReLU, in operations whose gradient is fast on a processor."""

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        self.slope = nn.Parameter(slope.view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * x + (1 - self.slope) * x.relu()


class TwoConvolutions(nn.Module):
    """The same as the shipped file has it, which onnxruntime computes fastest: a·x + relu((1 - a)·x), each product a convolution."""

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        count = len(slope)
        self.kept, self.cut = (nn.Conv2d(count, count, 1, groups=count, bias=False) for _ in range(2))
        self.kept.weight.data, self.cut.weight.data = slope.view(-1, 1, 1, 1), 1 - slope.view(-1, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.kept(x) + self.cut(x).relu()


def block_of(name: str) -> int | None:
    part = name.split('_')
    return int(part[1]) if part[0] == 'conv' else None


def narrowed(layer: nn.Conv2d, inputs: Tensor, outputs: Tensor) -> nn.Conv2d:
    depthwise = layer.groups > 1
    new = nn.Conv2d(len(inputs), len(outputs), layer.kernel_size, layer.stride, layer.padding, groups=len(outputs) if depthwise else 1)
    weight = layer.weight.data[outputs]
    new.weight.data = (weight if depthwise else weight[:, inputs]).clone()
    new.bias.data = layer.bias.data[outputs].clone()
    return new


def slim(sface: TappedSFace, keep: float, drop: list[int]) -> TappedSFace:
    """A copy of SFace, whose batch normalisations are in its convolutions, with fewer channels or blocks."""
    alive, layers = torch.arange(3), []
    for name, layer in zip(sface.names, sface.layers):
        block = block_of(name)
        if block in drop:
            continue
        if isinstance(layer, nn.Conv2d):
            outputs = alive
            if layer.groups == 1:
                outputs = torch.arange(layer.out_channels)
                if block != 1 and f'conv_{block}_relu' not in LAYERS and keep < 1:
                    strongest = layer.weight.data.flatten(1).norm(dim=1).topk(int(keep * len(outputs))).indices
                    outputs = strongest.sort().values
            layers.append((name, narrowed(layer, alive, outputs)))
            alive = outputs
        elif isinstance(layer, nn.PReLU):
            layers.append((name, Leak(layer.weight.data[alive].clone())))
        else:
            layers.append((name, copy.deepcopy(layer)))
    return TappedSFace(layers, LAYERS).requires_grad_(True).eval()


class Summed(nn.Module):
    """Embedding, and behind it the maps summed up as the quality head reads them (taps.py)."""

    def __init__(self, network: TappedSFace) -> None:
        super().__init__()
        self.network = network

    def forward(self, data: Tensor) -> Tensor:
        embedding, maps = self.network(data)
        parts = [embedding]
        for x in maps:
            mean = x.mean((2, 3), keepdim=True)
            parts += [mean.flatten(1), ((x - mean).square().mean((2, 3)) + EPSILON).sqrt()]
        banded = maps[LAYERS.index(BANDED)]
        parts += [banded[:, :, start:end].mean((2, 3)) for start, end in BANDS]
        return torch.cat(parts, 1)


def map_error(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().mean() / wanted.square().mean()


def learn(student: TappedSFace, teacher: TappedSFace, config: dict[str, Any], title: str) -> tuple[TappedSFace, dict[str, Any]]:
    device = pick_device(config['device'])
    sources = [crop_set.load(name, 'clean') for name in config['sets']]
    sizes = np.array([len(source.crops) for source in sources])
    random = np.random.default_rng(config['seed'])
    abar = torch.from_numpy(alpha_bars()).float().to(device)
    whole = TappedSFace(list(zip(teacher.names, teacher.layers)), LAYERS).to(device)
    student = student.to(device)
    average = copy.deepcopy(student)
    optimiser = torch.optim.AdamW(student.parameters(), config['learning_rate'], weight_decay=0)
    budget, step, running, told = Budget(config['minutes'], config['steps'], clock=time.process_time), 0, [], time.monotonic()
    while (progress := budget.progress(step)) < 1:
        for group in optimiser.param_groups:
            group['lr'] = config['learning_rate'] * min(1.0, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * progress))
        picked = random.choice(len(sources), config['batch'], p=sizes / sizes.sum())
        crops = np.stack([np.asarray(sources[k].crops[random.integers(sizes[k])]) for k in picked])
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).to(device)
        pixels = noised(shown(pixels, config['degraded_share'])[0], abar, config['highest'])
        with autocast(device, config['dtype']):
            with torch.no_grad():
                wanted, maps = whole(pixels)
            found, own = student(pixels)
        wanted, found = wanted.float(), found.float()
        similarity = cosine(found, wanted).mean()
        length = F.smooth_l1_loss(found.norm(dim=1).log(), wanted.norm(dim=1).log())
        error = sum(map_error(a.float(), b.float()) for a, b in zip(own, maps)) / len(maps)
        loss = 1 - similarity + NORM_WEIGHT * length + MAP_WEIGHT * error
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        step += 1
        update_average(average, student, min(config['ema'], step / (step + 10)))
        running.append((similarity.detach(), error.detach()))
        if time.monotonic() - told > 30:
            cos, off = torch.tensor(running).mean(0).tolist()
            print(f'{title}: {budget.spent:.0f} s, step {step}, cosine with SFace {cos:.4f}, error of maps {off:.3f}', flush=True)
            running, told = [], time.monotonic()
    facts = {'step': 'slim_e', 'steps': step, 'samples': step * config['batch'], 'minutes': round(budget.spent / 60, 2), 'seed': config['seed']}
    return average.to('cpu'), facts


def load(name: str, shape: dict[str, Any]) -> TappedSFace | None:
    file = FOLDER / f'{name}.pt'
    if not file.exists():
        return None
    network = slim(load_sface(paths.MODELS / 'embedder.onnx'), **shape)
    network.load_state_dict(torch.load(file, map_location='cpu', weights_only=True)['ema'])
    for index, layer in enumerate(network.layers):
        if isinstance(layer, Leak):
            network.layers[index] = TwoConvolutions(layer.slope.data.flatten())
    return network.eval()


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    for name, shape in config['tries'].items():
        if (FOLDER / f'{name}.pt').exists():
            continue
        sface = load_sface(paths.MODELS / 'embedder.onnx')
        network, facts = learn(slim(sface, **shape), sface, config, name)
        save({'ema': network.state_dict(), 'provenance': {**facts, **shape}}, FOLDER / f'{name}.pt')
        print(f'{name}: {facts}', flush=True)
