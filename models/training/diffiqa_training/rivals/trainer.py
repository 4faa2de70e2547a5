"""The one trainer of all label-trained rivals: DifFIQA(R)'s network from nothing, resumable, a line of CSV a checkpoint.

As with DifFIQA(R), what scores is the checkpoint that ranked the validation people best. Minutes are minutes of processor time, so that a machine busy with something else takes nothing from one rival and gives
nothing to another.
"""

import copy
import csv
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch.nn import functional as F

from .. import paths
from ..config import section
from ..distil import to_tensor, varied
from ..label_rows import Rows, gather, unit
from ..regressor import MirrorMean, Regressor
from ..runtime import Budget, autocast, pick_device, prepare, save, update_average
from .recipes import RECIPES

FOLDER = paths.TRAINING / 'rivals'


def state_file(name: str) -> Path:
    """What training goes on from."""
    return FOLDER / f'{name}.pt'


def weights_file(name: str) -> Path:
    """The best checkpoint."""
    return FOLDER / f'{name}.best.pt'


def load_scorer(name: str) -> MirrorMean:
    """The trained rival as it scores: averaged weights, mean of the face and its mirror image, as DifFIQA(R)'s teacher does."""
    state = torch.load(weights_file(name), map_location='cpu', weights_only=True)
    model = Regressor(**state['architecture'])
    model.load_state_dict(state['ema'])
    return MirrorMean(model).eval()


def earlier(name: str, config: dict) -> dict | None:
    """What an earlier run left; raises SystemExit where that has another network than DifFIQA(R) has now."""
    if not (config['resume'] and state_file(name).exists()):
        return None
    state = torch.load(state_file(name), map_location='cpu', weights_only=True)
    if state['architecture'] != section('distil')['architecture']:
        raise SystemExit(f'{name}: {state_file(name)} has another architecture than the section distil: remove it, or train with resume=false')
    return state


def finished(name: str, config: dict) -> bool:
    """Whether the budget is already used up."""
    state = earlier(name, config)
    return state is not None and Budget(config['minutes'], config['steps'], state['spent'], lambda: 0.0).progress(state['step']) >= 1


class TrainingClock:
    """Seconds of processor time without what is spent in `pause()`: validation is no training."""

    def __init__(self) -> None:
        self.paused = 0.0

    def __call__(self) -> float:
        return time.process_time() - self.paused

    @contextmanager
    def pause(self) -> Iterator[None]:
        begun = time.process_time()
        yield
        self.paused += time.process_time() - begun


@torch.no_grad()
def rank_correlation(model: Regressor, rows: Rows, device: torch.device) -> float:
    """With SFace's similarity to the person's other photos, on people that the network never saw."""
    chosen = np.flatnonzero(np.isfinite(rows.gen))
    model.eval()
    answers = []
    for start in range(0, len(chosen), 64):
        faces = to_tensor(np.stack([rows.crop(row) for row in chosen[start : start + 64]])).to(device)
        answers.append(model(faces.contiguous(memory_format=torch.channels_last))[0].cpu())
    return float(spearmanr(torch.cat(answers).numpy(), rows.gen[chosen])[0])


def train(name: str, config: dict) -> None:
    recipe, own = RECIPES[name], section('distil')
    random = prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    architecture = own['architecture']
    model = Regressor(**architecture).to(device, memory_format=torch.channels_last).train()
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), config['learning_rate'], weight_decay=own['weight_decay'])
    step, spent, best = 0, 0.0, -math.inf
    state = earlier(name, config)
    if state is not None:
        model.load_state_dict(state['model'])
        average.load_state_dict(state['ema'])
        optimiser.load_state_dict(state['optimiser'])
        step, spent, best = state['step'], state['spent'], state['best']
        random = np.random.default_rng([config['seed'], step])
    rows = gather(own['sets'], own['variants'])
    task = recipe.task(rows, config)
    held_out = {key: gather(*([part] for part in key.split('.'))) for key in own['validation']}
    embedding = torch.from_numpy(unit(rows.embedding).astype(np.float32))
    print(f'{name}: {len(task)} of {len(rows)} crops have a label', flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = (FOLDER / f'{name}.csv').open('a', newline='')
    table = csv.writer(log)
    if log.tell() == 0:
        table.writerow(['minutes', 'step', 'crops', 'loss', *held_out])
    # Making the labels is not training: the clock starts here.
    clock = TrainingClock()
    budget = Budget(config['minutes'], config['steps'], spent, clock)
    saved, running = budget.spent, []

    def checkpoint() -> None:
        nonlocal saved, running, best
        spent = budget.spent
        with clock.pause():
            measures = {key: rank_correlation(average, part, device) for key, part in held_out.items()}
        loss = float(np.mean(running)) if running else math.nan
        table.writerow([f'{spent / 60:.1f}', step, step * own['batch'], f'{loss:.4f}', *(f'{v:.4f}' for v in measures.values())])
        log.flush()
        provenance = {'recipe': recipe.title, 'steps': step, 'samples': step * own['batch'], 'crops': len(task),
                      'processorMinutes': round(spent / 60, 1), 'sets': own['sets'], 'seed': config['seed'],
                      'rankCorrelationWithGenuineSimilarity': {key: round(value, 4) for key, value in measures.items()}}
        state = {'ema': average.state_dict(), 'architecture': architecture, 'provenance': provenance}
        rank = float(np.mean(list(measures.values())))
        if rank > best:
            best = rank
            save(state, weights_file(name))
        save({**state, 'model': model.state_dict(), 'optimiser': optimiser.state_dict(), 'step': step, 'spent': spent, 'best': best},
             state_file(name))
        saved, running = spent, []

    while (progress := budget.progress(step)) < 1:
        rate = config['learning_rate'] * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group['lr'] = rate
        chosen, wanted = task.draw(own['batch'], random)
        faces = to_tensor(np.stack([varied(rows.crop(row), random) for row in chosen]))
        with autocast(device, config['dtype']):
            answers = model.heads(faces.to(device, memory_format=torch.channels_last))
        loss = task.loss(answers['mean'].float(), wanted.to(device))
        if recipe.consistency > 0:
            apart = 1 - F.cosine_similarity(answers['embedding'].float(), embedding[chosen].to(device))
            loss = (1 - recipe.consistency) * loss + recipe.consistency * apart.mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        update_average(average, model, min(own['ema'], step / (step + 10)))
        running.append(loss.item())
        if budget.spent - saved > 60 * config['checkpoint_minutes']:
            checkpoint()
    checkpoint()
    log.close()
    print(f'{name}: {step} steps of {own["batch"]} crops in {budget.spent / 60:.1f} minutes, best rank correlation {best:.4f}', flush=True)
