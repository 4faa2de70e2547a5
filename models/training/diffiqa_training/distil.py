"""Trains DifFIQA(R): `mean` and `log_variance` learn the label-optimised tuned score of full DifFIQA.

Beside it the network learns the similarities of SFace (gen, own), its norm and its embedding (the representation consistency of
eDifFIQA); those heads but the embedding are not exported.
"""
import copy
import csv
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from . import paths
from .exported import load_checkpoint, load_regressor
from .label_rows import Rows, gather, unit
from .regressor import Regressor
from .runtime import Budget, autocast, pick_device, prepare, save, update_average

BETA = 0.5
# Crops that an exported network's BatchNorms are measured on again.
START_CROPS = 512
WEIGHTS = {'quality': 2.0, 'gen': 1.0, 'own': 0.5, 'log_norm': 0.5, 'embedding': 2.0}


def beta_nll(mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    """Gaussian negative log-likelihood, each sample weighted by variance^beta so that hard ones still teach the mean."""
    log_variance = log_variance.clamp(-6, 4)
    nll = 0.5 * (log_variance + (mean - target) ** 2 / log_variance.exp())
    return (nll * (BETA * log_variance).exp().detach()).mean()


def standardise(values: np.ndarray) -> np.ndarray:
    return ((values - np.nanmean(values)) / np.nanstd(values)).astype(np.float32)


def flat_shares(label: np.ndarray, bins: int = 20) -> np.ndarray:
    """Drawing probabilities that flatten the label's histogram half way."""
    counts, edges = np.histogram(label, bins)
    place = np.clip(np.searchsorted(edges, label, side='right') - 1, 0, bins - 1)
    share = 1 / np.sqrt(np.maximum(counts[place], 1))
    # The rarest labels are mostly accidents: none is drawn more than six times as often as the median.
    share = np.minimum(share, 6 * np.median(share))
    return share / share.sum()


def jittered(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a detector's points are unsure of: a little turn, scale and shift; the label stays."""
    angle = math.radians(random.uniform(-4, 4))
    scale = random.uniform(0.96, 1.04)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    dx, dy = random.uniform(-2.5, 2.5, 2)
    middle = 55.5
    turn = np.array([[cos, -sin, middle - cos * middle + sin * middle + dx], [sin, cos, middle - sin * middle - cos * middle + dy]])
    return cv2.warpAffine(crop, turn, (112, 112), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def lit(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A little other light, contrast and colour; too little for another label."""
    gain = random.uniform(0.88, 1.12) * random.uniform(0.96, 1.04, 3)
    return np.clip((crop.astype(np.float32) - 128) * gain + 128 + random.uniform(-12, 12), 0, 255).astype(np.uint8)


def varied(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A training crop as it is shown once."""
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    # Some stay as they are: resampling blurs, and blur is what the label is about.
    if random.random() < 0.7:
        crop = jittered(np.ascontiguousarray(crop), random)
    return lit(crop, random) if random.random() < 0.7 else crop


def share_natural(shares: np.ndarray, natural: np.ndarray, wanted: float | None) -> np.ndarray:
    """Drawing probabilities of which `wanted` fall on untouched photos; None: as they are."""
    result = shares.copy()
    if wanted is not None:
        for kind, share in ((natural, wanted), (~natural, 1 - wanted)):
            result[kind] *= share / result[kind].sum()
    return result / result.sum()


class Batches:
    def __init__(self, rows: Rows, natural_share: float | None, random: np.random.Generator):
        self.rows, self.random = rows, random
        label = standardise(rows.target)
        self.shares = share_natural(flat_shares(label), rows.natural, natural_share)
        self.columns = {
            'quality': label,
            'gen': standardise(rows.likely),
            'own': standardise(rows.own),
            'log_norm': standardise(np.log(rows.norm)),
        }
        self.embedding = unit(rows.embedding).astype(np.float32)

    def draw(self, count: int) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = self.random.choice(len(self.rows), count, p=self.shares)
        faces = [varied(self.rows.crop(row), self.random) for row in chosen]
        wanted = {key: torch.from_numpy(values[chosen]) for key, values in self.columns.items()}
        wanted['embedding'] = torch.from_numpy(self.embedding[chosen])
        return to_tensor(np.stack(faces)), wanted


def to_tensor(crops: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32) / 127.5 - 1)


def losses(answers: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    parts = {'quality': beta_nll(answers['mean'], answers['log_variance'], wanted['quality'])}
    for key in ('gen', 'own', 'log_norm'):
        known = torch.isfinite(wanted[key])
        if known.any():
            parts[key] = F.smooth_l1_loss(answers[key][known], wanted[key][known])
    parts['embedding'] = (1 - F.cosine_similarity(answers['embedding'], wanted['embedding'])).mean()
    return parts


def faces_of(rows: Rows, chosen: np.ndarray, device: torch.device, batch: int = 64) -> Iterator[Tensor]:
    """The chosen crops as they are, in batches."""
    for start in range(0, len(chosen), batch):
        faces = to_tensor(np.stack([rows.crop(row) for row in chosen[start : start + batch]]))
        yield faces.to(device, memory_format=torch.channels_last)


@torch.no_grad()
def validate(model: Regressor, held_out: dict[str, Rows], device: torch.device) -> dict[str, float]:
    """Rank correlation of each held-out set's `mean` and gen head with SFace's genuine similarity."""
    model.eval()
    result = {}
    for name, rows in held_out.items():
        chosen = np.flatnonzero(np.isfinite(rows.gen))
        means, gens = [], []
        for faces in faces_of(rows, chosen, device):
            answers = model.heads(faces)
            means.append(answers['mean'].cpu())
            gens.append(answers['gen'].cpu())
        result[f'{name}:mean'] = float(spearmanr(torch.cat(means).numpy(), rows.gen[chosen])[0])
        result[f'{name}:gen'] = float(spearmanr(torch.cat(gens).numpy(), rows.gen[chosen])[0])
    model.train()
    return result


def labelled(rows: Rows) -> Rows:
    """The rows that the label step gave a target."""
    keep = np.isfinite(rows.target)
    columns = {field.name: getattr(rows, field.name) for field in fields(rows) if field.name != 'crops'}
    return Rows(crops=rows.crops, **{name: values[keep] for name, values in columns.items()})


def run(config: dict[str, Any]) -> None:
    for seed in config['seeds']:
        train(config, seed)


def train(config: dict[str, Any], seed: int) -> None:
    random = prepare(seed, config['threads'])
    device = pick_device(config['device'])
    folder = paths.TRAINING / 'regressor' / str(seed)
    file = folder / 'last.pt'
    model = Regressor(**config['architecture'])
    rows = labelled(gather(config['sets'], config['variants']))
    batches = Batches(rows, config['natural_share'], random)
    if config['start']:
        start = paths.ROOT / config['start']
        if start.suffix == '.pt':
            load_checkpoint(model, start)
        else:
            load_regressor(model, start, batches.draw(START_CROPS)[0])
    model.to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
    step, spent = 0, 0.0
    if config['resume'] and file.exists():
        state = torch.load(file, map_location=device, weights_only=True)
        model.load_state_dict(state['model'])
        average.load_state_dict(state['ema'])
        optimiser.load_state_dict(state['optimiser'])
        step, spent = state['step'], state['spent']
        batches.random = np.random.default_rng([seed, step])
    held_out = {key: gather([key.split('.')[0]], [key.split('.')[1]]) for key in config['validation']}
    folder.mkdir(parents=True, exist_ok=True)
    print(f'distil: {len(rows)} crops', flush=True)
    log = (folder / 'distil.csv').open('a', newline='')
    table = csv.writer(log)
    if log.tell() == 0:
        measures = [f'{key}:{head}' for key in held_out for head in ('mean', 'gen')]
        table.writerow(['minutes', 'step', 'crops', *WEIGHTS, *measures])
    budget = Budget(config['minutes'], config['steps'], spent)
    saved, running = time.monotonic(), []
    bar = tqdm(total=100, unit='%', disable=not sys.stderr.isatty())

    def checkpoint() -> None:
        nonlocal saved, running
        measures = validate(average, held_out, device)
        means = [np.nanmean([part.get(key, math.nan) for part in running]) for key in WEIGHTS] if running else [math.nan] * len(WEIGHTS)
        table.writerow([f'{budget.spent / 60:.1f}', step, step * config['batch'], *(f'{v:.4f}' for v in means), *(f'{v:.4f}' for v in measures.values())])
        log.flush()
        provenance = {'step': 'distil', 'steps': step, 'samples': step * config['batch'], 'crops': len(rows),
                      'minutes': round(budget.spent / 60, 1), 'start': config['start'], 'sets': config['sets'], 'seed': seed,
                      'rankCorrelationWithGenuineSimilarity': {key: round(value, 4) for key, value in measures.items()}}
        save({'ema': average.state_dict(), 'architecture': config['architecture'], 'provenance': provenance, 'model': model.state_dict(),
              'optimiser': optimiser.state_dict(), 'step': step, 'spent': budget.spent}, file)
        saved, running = time.monotonic(), []

    while (progress := budget.progress(step)) < 1:
        rate = config['learning_rate'] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group['lr'] = rate
        faces, wanted = batches.draw(config['batch'])
        wanted = {key: value.to(device) for key, value in wanted.items()}
        with autocast(device, config['dtype']):
            answers = model.heads(faces.to(device, memory_format=torch.channels_last))
        parts = losses({key: value.float() for key, value in answers.items()}, wanted)
        loss = sum(WEIGHTS[key] * value for key, value in parts.items())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        update_average(average, model, min(config['ema'], step / (step + 10)))
        running.append({key: value.item() for key, value in parts.items()})
        bar.n = round(100 * progress, 1)
        bar.set_postfix(step=step, loss=f'{loss.item():.3f}')
        if time.monotonic() - saved > 60 * config['checkpoint_minutes']:
            checkpoint()
    checkpoint()
    bar.close()
    log.close()
    print(f'distil: {step} steps of {config["batch"]} crops in {budget.spent / 60:.1f} minutes', flush=True)

