"""Teaches DifFIQA(R) to be steady: one pass of the student answers what its teachers say of the face and its mirror image together.

The teachers, regressors trained from different seeds, see every crop as it is, and their mean is what counts. The student begins as the first of them
and sees the crop twice, shifted, turned and lit otherwise and once mirrored, and its two answers are pulled together. So the answers for a face
and its mirror image, or for a crop a pixel aside, come near one another, and the server needs one pass of one network.
"""
import copy
import csv
import hashlib
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional as F

from . import paths
from .distil import faces_of, flat_shares, jittered, labelled, lit, share_natural, standardise, to_tensor
from .exported import load_checkpoint
from .label_rows import Rows, gather
from .regressor import Regressor
from .runtime import Budget, autocast, pick_device, prepare, save, update_average

FOLDER = paths.TRAINING / 'steady'
# Of the photos to either side of a quarter turn there are few: this many bins of yaw are drawn alike, as far as labels are.
YAW_BINS = 9


@torch.no_grad()
def both_sides(model: Regressor, faces: Tensor) -> Tensor:
    """[N, 130]: means of the answers to the faces and their mirror images, and the embedding's."""
    parts = [torch.cat([mean[:, None], variance[:, None], embedding], 1) for mean, variance, embedding in (model(faces), model(faces.flip(3)))]
    return (parts[0] + parts[1]) / 2


def answers_file(teachers: list[Path]) -> Path:
    """What the teachers say of each crop, on average; columns: mean, log variance, embedding. Other teachers, another file."""
    digest = hashlib.sha256(b''.join(file.read_bytes() for file in teachers)).hexdigest()[:8]
    return FOLDER / f'teachers.{digest}.npy'


def ask(teacher: Regressor, rows: Rows, dtype: str, device: torch.device) -> np.ndarray:
    teacher.eval()
    answers = []
    for faces in faces_of(rows, np.arange(len(rows)), device):
        with autocast(device, dtype):
            answers.append(both_sides(teacher, faces).float().cpu().numpy())
    return np.concatenate(answers)


@torch.no_grad()
def validate(model: Regressor, held_out: dict[str, Rows], device: torch.device) -> dict[str, float]:
    """Rank correlation with SFace's genuine similarity, and the largest difference between a face and its mirror image."""
    model.eval()
    result = {}
    for name, rows in held_out.items():
        chosen = np.flatnonzero(np.isfinite(rows.gen))
        sides: tuple[list[Tensor], list[Tensor]] = ([], [])
        for faces in faces_of(rows, chosen, device):
            for side, shown in zip(sides, (faces, faces.flip(3))):
                side.append(model(shown)[0].cpu())
        own, other = (torch.cat(side).numpy() for side in sides)
        result[f'{name}:rank'] = float(spearmanr(own, rows.gen[chosen])[0])
        result[f'{name}:apart'] = float(np.abs(own - other).mean())
        result[f'{name}:furthest'] = float(np.abs(own - other).max())
    model.train()
    return result


def two_views(crop: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    def view(shown: np.ndarray) -> np.ndarray:
        shown = np.ascontiguousarray(shown)
        # Some stay as they are: resampling blurs, and blur is what the score is about.
        shown = jittered(shown, random) if random.random() < 0.5 else shown
        return lit(shown, random) if random.random() < 0.5 else shown

    return view(crop), view(crop[:, ::-1])


def shares_of(rows: Rows, target: np.ndarray, natural_share: float) -> np.ndarray:
    turned = flat_shares(np.minimum(rows.yaw, 60), YAW_BINS) * len(rows)
    return share_natural(flat_shares(target) * turned, rows.natural, natural_share)


def run(config: dict[str, Any]) -> None:
    random = prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    rows = labelled(gather(config['sets'], config['variants']))
    held_out = {key: gather([key.split('.')[0]], [key.split('.')[1]]) for key in config['validation']}
    model = Regressor(**config['architecture'])
    model.to(device, memory_format=torch.channels_last)
    FOLDER.mkdir(parents=True, exist_ok=True)
    teachers = [paths.ROOT / file for file in config['start']]
    kept = answers_file(teachers)
    if not (kept.exists() and len(np.load(kept)) == len(rows)):
        said = []
        for file in teachers:
            load_checkpoint(model, file)
            said.append(ask(model, rows, config['dtype'], device))
        np.save(kept, np.mean(said, axis=0))
    load_checkpoint(model, paths.ROOT / config['begin'] if config['begin'] else teachers[0])
    answers = np.load(kept)
    share = config['label_share']
    wanted_mean = ((1 - share) * answers[:, 0] + share * standardise(rows.target)).astype(np.float32)
    shares = shares_of(rows, wanted_mean, config['natural_share'])
    average = copy.deepcopy(model)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = config['dropout']
    optimiser = torch.optim.AdamW(model.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
    log = (FOLDER / 'steady.csv').open('a', newline='')
    table = csv.writer(log)
    budget, step, saved, running = Budget(config['minutes'], config['steps']), 0, time.monotonic(), []

    def checkpoint() -> None:
        nonlocal saved, running
        measures = validate(average, held_out, device)
        if log.tell() == 0:
            table.writerow(['minutes', 'step', 'loss', *measures])
        table.writerow([f'{budget.spent / 60:.1f}', step, f'{np.mean(running or [math.nan]):.4f}', *(f'{value:.4f}' for value in measures.values())])
        log.flush()
        provenance = {'step': 'steady', 'steps': step, 'samples': step * config['batch'], 'crops': len(rows), 'minutes': round(budget.spent / 60, 1),
                      'start': [torch.load(file, map_location='cpu', weights_only=True)['provenance'] for file in teachers],
                      'labelShare': share, 'begin': config['begin'], 'together': config['together'], 'sets': config['sets'], 'seed': config['seed'],
                      'validation': {key: round(value, 4) for key, value in measures.items()}}
        save({'ema': average.state_dict(), 'architecture': config['architecture'], 'provenance': provenance}, FOLDER / 'last.pt')
        saved, running = time.monotonic(), []

    checkpoint()
    model.train()
    while (progress := budget.progress(step)) < 1:
        for group in optimiser.param_groups:
            group['lr'] = config['learning_rate'] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        chosen = random.choice(len(rows), config['batch'] // 2, p=shares)
        views = [two_views(rows.crop(row), random) for row in chosen]
        faces = to_tensor(np.stack([view[side] for side in (0, 1) for view in views])).to(device, memory_format=torch.channels_last)
        chosen = np.concatenate([chosen, chosen])
        wanted, mean = torch.from_numpy(answers[chosen]).to(device), torch.from_numpy(wanted_mean[chosen]).to(device)
        with autocast(device, config['dtype']):
            own = model.heads(faces)
        own = {key: value.float() for key, value in own.items()}
        loss = (F.smooth_l1_loss(own['mean'], mean, beta=0.2) + 0.2 * F.smooth_l1_loss(own['log_variance'], wanted[:, 1])
                + 0.5 * (1 - F.cosine_similarity(own['embedding'], wanted[:, 2:])).mean())
        loss = loss + config['together'] * F.mse_loss(*own['mean'].chunk(2))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        update_average(average, model, min(config['ema'], step / (step + 10)))
        running.append(loss.item())
        if time.monotonic() - saved > 60 * config['checkpoint_minutes']:
            checkpoint()
    checkpoint()
    log.close()
    print(f'steady: {step} steps of {config["batch"]} crops in {budget.spent / 60:.1f} minutes', flush=True)
