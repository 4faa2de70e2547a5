"""A try at a faster E: a dense residual network distilled from SFace on crops as they are varied, noised and degraded anew."""

import copy
import math
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import paths
from ..regressor import Regressor
from ..runtime import Budget, autocast, pick_device, prepare, save, update_average
from .augment import shown
from .degrade import uniform
from .draw import draw_pairs
from .faces import cosine
from .teach import prepare_faces

FOLDER = paths.TRAINING / 'small-e'
NORM_WEIGHT = 0.5


def noised(pixels: Tensor, abar: Tensor, highest: int) -> Tensor:
    """Half of the batch is noised, as the forward term asks E about it; pixels 0..255."""
    t = torch.randint(0, highest, (len(pixels),), device=pixels.device)
    level = abar[t].view(-1, 1, 1, 1)
    noisy = ((level.sqrt() * (pixels / 127.5 - 1) + (1 - level).sqrt() * torch.randn_like(pixels)) + 1) * 127.5
    return torch.where(uniform(len(pixels), 0, 1, pixels.device) < 0.4, noisy, pixels)


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    faces, labeller = prepare_faces(config, device)
    model = Regressor(**config['architecture'], auxiliary=('log_norm',)).to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
    middle = faces.embedding.norm(dim=1).log().mean().item()
    budget, step, running, told = Budget(config['minutes'], config['steps']), 0, [], time.monotonic()
    while (progress := budget.progress(step)) < 1:
        for group in optimiser.param_groups:
            group['lr'] = config['learning_rate'] * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * progress))
        rows = draw_pairs(faces, config['batch'])
        pixels = noised(shown(faces.crops[rows], config['degraded_share'])[0], labeller.abar, config['highest'])
        with torch.no_grad():
            wanted, _ = labeller.embed(pixels)
        with autocast(device, config['dtype']):
            answers = model.heads((pixels / 127.5 - 1).contiguous(memory_format=torch.channels_last))
        similarity = cosine(answers['embedding'].float(), wanted)
        length = F.smooth_l1_loss(answers['log_norm'].float(), wanted.norm(dim=1).clamp(min=1e-6).log() - middle)
        loss = (1 - similarity).mean() + NORM_WEIGHT * length
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        update_average(average, model, min(config['ema'], step / (step + 10)))
        running.append(similarity.mean().detach())
        if time.monotonic() - told > 15:
            print(f'small_e: {budget.spent:.0f} s, step {step}, cosine with SFace {torch.stack(running).mean().item():.4f}', flush=True)
            running, told = [], time.monotonic()
    provenance = {'step': 'small_e', 'steps': step, 'samples': step * config['batch'], 'minutes': round(budget.spent / 60, 2),
                  'crops': len(faces), 'sets': list(config['sets']), 'seed': config['seed'], 'device': device.type}
    save({'ema': average.state_dict(), 'architecture': {**config['architecture'], 'auxiliary': ('log_norm',)}, 'middle': middle,
          'provenance': provenance}, FOLDER / 'last.pt')
    print(f'small_e: {step} steps of {config["batch"]} crops in {budget.spent / 60:.1f} minutes', flush=True)
