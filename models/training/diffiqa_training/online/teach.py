"""Trains the quality head on SFace's feature maps: one on all people, and one for each fold that has not seen the fold's people.

The heads share every batch and SFace's pass over it. The first is shipped as a term of full DifFIQA; the others label the
regressor's crops: a head cannot have learnt by heart the photos of people that it has not seen.
"""

import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import paths
from ..runtime import Budget, autocast, pick_device, prepare, save, update_average
from .augment import shown
from .draw import draw_pairs
from .faces import Faces, cosine, gather_faces, threshold_at
from .head import OUTPUTS, QualityHead
from .labels import Labeller, Scale
from .sface import load_sface

FOLDER = paths.TRAINING / 'teach-online'
WEIGHTS = {'gen': 1.0, 'pass': 1.0, 'pair': 1.0, 'own': 0.4, 'log_norm': 0.4, 'forward': 0.4}
PAIR_SHARPNESS = 4.0


def lower(a: Tensor, b: Tensor) -> Tensor:
    """A smooth minimum."""
    return -torch.logsumexp(torch.stack([-PAIR_SHARPNESS * a, -PAIR_SHARPNESS * b]), 0) / PAIR_SHARPNESS + math.log(2) / PAIR_SHARPNESS


def loss_of(answers: Tensor, wanted: dict[str, Tensor], pair: Tensor, weight: Tensor) -> Tensor:
    """`answers` [N, OUTPUTS]; `pair` [N / 2] similarity of crop i and crop i + N / 2, NaN if strangers; `weight` [N] 0 or 1."""
    total = answers.new_zeros(())
    half = len(answers) // 2
    for index, key in enumerate(OUTPUTS):
        column = answers[:, index]
        if key == 'pair':
            error = F.smooth_l1_loss(lower(column[:half], column[half:]), pair.nan_to_num(), reduction='none')
            known = pair.isfinite() * weight[:half] * weight[half:]
        else:
            error = F.smooth_l1_loss(column, wanted[key].nan_to_num(), reduction='none')
            known = wanted[key].isfinite() * weight
        total = total + WEIGHTS[key] * (error * known).sum() / known.sum().clamp(min=1)
    return total


def standard(scale: Scale, values: dict[str, Tensor], similarity: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    return {key: scale(key, column) for key, column in values.items()}, scale('gen', similarity)


def prepare_faces(config: dict[str, Any], device: torch.device) -> tuple[Faces, Labeller]:
    cast = lambda: autocast(device, config['dtype'])
    model = load_sface(paths.MODELS / 'embedder.onnx').to(device, memory_format=torch.channels_last)
    faces = gather_faces(config['sets'], config['folds'], config['seed'], device, model, cast, config['limit'])
    return faces, Labeller(faces, model, threshold_at(faces, 1e-3, config['seed']), cast)


@torch.no_grad()
def learn_scale(labeller: Labeller, config: dict[str, Any], batches: int = 8) -> Scale:
    samples = []
    for _ in range(batches):
        rows = draw_pairs(labeller.faces, config['batch'])
        samples.append(labeller(rows, shown(labeller.faces.crops[rows], config['degraded_share'])[0]).values)
    return Scale(samples)


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    faces, labeller = prepare_faces(config, device)
    scale = learn_scale(labeller, config)
    heads = nn.ModuleList(QualityHead(dropout=config['dropout']) for _ in range(config['folds'] + 1)).to(device, memory_format=torch.channels_last)
    averages = nn.ModuleList(QualityHead(dropout=config['dropout']) for _ in heads).to(device)
    averages.load_state_dict(heads.state_dict())
    optimiser = torch.optim.AdamW(heads.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
    budget, step, running, told = Budget(config['minutes'], config['steps']), 0, [], time.monotonic()
    while (progress := budget.progress(step)) < 1:
        for group in optimiser.param_groups:
            group['lr'] = config['learning_rate'] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        rows = draw_pairs(faces, config['batch'])
        varied, _, _ = shown(faces.crops[rows], config['degraded_share'])
        measured = labeller(rows, varied)
        half = len(rows) // 2
        person = faces.person[rows]
        same = (person[:half] == person[half:]) & (person[:half] >= 0)
        similarity = torch.where(same, cosine(measured.embedding[:half], measured.embedding[half:]), torch.nan)
        wanted, pair = standard(scale, measured.values, similarity)
        fold = faces.fold[rows]
        losses = []
        for index, head in enumerate(heads):
            head.train()
            with autocast(device, config['dtype']):
                answers = head(measured.taps).float()
            losses.append(loss_of(answers, wanted, pair, (fold != index).float()))
        optimiser.zero_grad(set_to_none=True)
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(heads.parameters(), 10.0)
        optimiser.step()
        step += 1
        update_average(averages, heads, min(config['ema'], step / (step + 10)))
        running.append(losses[-1].detach())
        if time.monotonic() - told > 15:
            print(f'teach: {budget.spent:.0f} s, step {step}, loss {torch.stack(running).mean().item():.4f}', flush=True)
            running, told = [], time.monotonic()
    provenance = {'step': 'teach', 'steps': step, 'samples': step * config['batch'], 'minutes': round(budget.spent / 60, 2),
                  'sets': list(config['sets']), 'crops': len(faces), 'seed': config['seed'], 'device': device.type}
    save({'heads': averages.state_dict(), 'scale': scale.state(), 'folds': config['folds'], 'dropout': config['dropout'],
          'provenance': provenance}, FOLDER / 'last.pt')
    print(f'teach: {step} steps of {config["batch"]} crops in {budget.spent / 60:.1f} minutes', flush=True)
