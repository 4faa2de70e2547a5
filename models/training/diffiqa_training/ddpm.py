"""Trains the restorer: the clean crop from a noised mix of it and its degraded copy (the paper's extended training).

x_in = (1 - a) x_hq + a x_lq, a = sin(pi/2 * t / horizon); x_t = sqrt(abar_t) x_in + sqrt(1 - abar_t) noise; L2 loss on x0.
"""
import copy
import csv
import math
import os
import sys
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from . import crop_set, paths
from .exported import load_unet
from .online.degrade import degrade_some
from .runtime import Budget, autocast, pick_device, prepare, save, update_average
from .schedule import alpha_bars
from .unet import UNet

VALIDATION_CROPS = 256


class Batches:
    """Random clean crops and degraded copies of them, on the device, in [-1, 1]."""

    def __init__(self, sets: list[str], device: torch.device):
        crops = np.concatenate([np.asarray(crop_set.load(name, 'clean').crops) for name in sets])
        self.crops = torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous().to(device)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        crops = self.crops[torch.randint(0, len(self.crops), (count,), device=self.crops.device)].float()
        clean = torch.where(torch.rand(count, 1, 1, 1, device=crops.device) < 0.5, crops.flip(3), crops)
        poor, _ = degrade_some(clean, 1.0)
        return clean / 127.5 - 1, poor / 127.5 - 1


def spoil(clean: Tensor, poor: Tensor, t: Tensor, noise: Tensor, horizon: int, abar: Tensor) -> Tensor:
    share = torch.sin(math.pi / 2 * t.float().clamp(max=horizon) / horizon)[:, None, None, None]
    level = abar[t.long()][:, None, None, None]
    return level.sqrt() * ((1 - share) * clean + share * poor) + (1 - level).sqrt() * noise


def validation_batch(sets: list[str], horizon: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same crops, degradations, timesteps and noise at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        clean, poor = Batches(sets, torch.device('cpu')).draw(VALIDATION_CROPS)
        return clean, poor, torch.randint(0, horizon, (VALIDATION_CROPS,)), torch.randn_like(clean)


@torch.no_grad()
def validate(model: UNet, batch: tuple[Tensor, ...], horizon: int, abar: Tensor, device: torch.device) -> tuple[float, float]:
    """L2 of the restored and of the unrestored crops."""
    restored = idle = 0.0
    for clean, poor, t, noise in zip(*(part.split(32) for part in batch)):
        clean, t = clean.to(device), t.to(device)
        x = spoil(clean, poor.to(device), t, noise.to(device), horizon, abar)
        restored += F.mse_loss(model(x, t.float()).clamp(-1, 1), clean).item() * len(clean)
        idle += F.mse_loss(x, clean).item() * len(clean)
    return restored / len(batch[0]), idle / len(batch[0])


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    horizon, count = config['horizon'], config['batch']
    model = UNet(**config['architecture']).to(device, memory_format=torch.channels_last)
    start = paths.ROOT / config['start'] if config['start'] else None
    if start and start.suffix != '.pt':
        load_unet(model, start)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
    abar = torch.from_numpy(alpha_bars()).float().to(device)
    folder = paths.TRAINING / config['folder']
    last = folder / 'last.pt'
    step, spent = 0, 0.0
    earlier = last if config['resume'] and last.exists() else start if start and start.suffix == '.pt' else None
    if earlier:
        state = torch.load(earlier, map_location=device, weights_only=True)
        model.load_state_dict(state['model'])
        average.load_state_dict(state['ema'])
        optimiser.load_state_dict(state['optimiser'])
        step, spent = state['step'], state['spent']
        # A resumed run must not see the first run's crops again in the same order.
        torch.manual_seed(config['seed'] + step)
    batches = Batches(config['sets'], device)
    held_out = validation_batch(config['validation'], horizon)
    folder.mkdir(parents=True, exist_ok=True)
    budget = Budget(config['minutes'], config['steps'], spent)
    log = (folder / 'log.csv').open('a', newline='')
    rows = csv.writer(log)
    if log.tell() == 0:
        rows.writerow(['minutes', 'step', 'crops', 'train', 'validation', 'validation_idle'])
    saved, running = time.monotonic(), []
    bar = tqdm(total=100, unit='%', disable=not sys.stderr.isatty())

    def checkpoint() -> None:
        nonlocal saved, running
        restored, idle = validate(average, held_out, horizon, abar, device)
        rows.writerow([f'{budget.spent / 60:.1f}', step, step * count, f'{torch.stack(running).mean().item() if running else math.nan:.5f}', f'{restored:.5f}', f'{idle:.5f}'])
        log.flush()
        provenance = {'step': 'ddpm', 'steps': step, 'crops': step * count, 'minutes': round(budget.spent / 60, 1),
                      'sets': config['sets'], 'validationL2': round(restored, 5), 'validationL2Unrestored': round(idle, 5),
                      'horizon': horizon, 'seed': config['seed'], 'start': config['start']}
        save({'model': model.state_dict(), 'ema': average.state_dict(), 'optimiser': optimiser.state_dict(), 'step': step,
              'spent': budget.spent, 'architecture': config['architecture'], 'provenance': provenance}, last)
        saved, running = time.monotonic(), []

    while (progress := budget.progress(step)) < 1:
        rate = config['learning_rate'] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group['lr'] = rate
        clean, poor = (part.to(device, memory_format=torch.channels_last) for part in batches.draw(count))
        t = torch.randint(0, horizon, (count,), device=device)
        x = spoil(clean, poor, t, torch.randn_like(clean), horizon, abar)
        with autocast(device, config['dtype']):
            loss = F.mse_loss(model(x, t.float()).float(), clean)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        # Early on, a long average would still hold the first weights.
        update_average(average, model, min(config['ema'], step / (step + 10)))
        running.append(loss.detach())
        bar.n = round(100 * progress, 1)
        bar.set_postfix(step=step)
        if time.monotonic() - saved > 60 * config['checkpoint_minutes']:
            checkpoint()
    checkpoint()
    bar.close()
    log.close()
    print(f'ddpm: {step} steps of {count} crops in {budget.spent / 60:.1f} minutes (process {os.getpid()})', flush=True)
