"""Trains DifFIQA(R) on labels measured on the fly: what SFace, the diffusion and the quality heads say of every crop as it is shown.

`mean` and `log_variance` learn the tuned score of full DifFIQA: a sum of its terms whose weights `target` names. Where the term is
a quality head's, a head answers that has not seen the person, so that there is nothing to learn by heart; it is moved towards what
was measured (the label optimisation of eDifFIQA). Beside it a network learns the terms one by one, and SFace's embedding (the
representation consistency of eDifFIQA). Several networks may learn from the same batches: `models` says how they differ.
"""

import copy
import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import paths
from ..regressor import Regressor
from ..runtime import Budget, autocast, pick_device, prepare, save, update_average
from ..unet import UNet
from .augment import shown
from .draw import draw_pairs
from .head import OUTPUTS, QualityHead
from .labels import Measured, Scale
from .teach import FOLDER as TEACH
from .teach import prepare_faces

FOLDER = paths.TRAINING / 'learn'
# What a network answers beside the score.
AUXILIARY = ('gen', 'own', 'log_norm', 'pass', 'pair', 'forward', 'backward')
WEIGHTS = {'quality': 2.0, 'gen': 1.0, 'own': 0.3, 'log_norm': 0.5, 'pass': 1.0, 'pair': 1.0, 'forward': 0.3, 'backward': 0.3, 'embedding': 1.0}
BETA = 0.5


def beta_nll(mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    """Gaussian negative log-likelihood, each sample weighted by variance^beta so that hard ones still teach the mean."""
    log_variance = log_variance.clamp(-6, 4)
    nll = 0.5 * (log_variance + (mean - target) ** 2 / log_variance.exp())
    return (nll * (BETA * log_variance).exp().detach()).mean()


class Teachers:
    """The heads of teach.py; a crop is judged by those that have not seen its person."""

    def __init__(self, state: dict[str, Any], device: torch.device) -> None:
        self.folds = state['folds']
        self.heads = nn.ModuleList(QualityHead(dropout=state['dropout']) for _ in range(self.folds + 1))
        self.heads.load_state_dict(state['heads'])
        self.heads.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.scale = Scale.of(state['scale'])

    @torch.no_grad()
    def __call__(self, taps: list[Tensor], fold: Tensor) -> Tensor:
        """[N, OUTPUTS], standardised."""
        answers = torch.stack([head(taps).float() for head in self.heads[: self.folds]])
        own = answers.gather(0, fold.clamp(min=0).view(1, -1, 1).expand(1, -1, answers.shape[2]))[0]
        return torch.where((fold >= 0)[:, None], own, answers.mean(0))


def load_restorer(device: torch.device) -> UNet | None:
    file = paths.TRAINING / 'ddpm' / 'last.pt'
    if not file.exists():
        return None
    state = torch.load(file, map_location=device, weights_only=True)
    model = UNet(**state['architecture']).to(device, memory_format=torch.channels_last)
    model.load_state_dict(state['ema'])
    return model.eval().requires_grad_(False)


@torch.no_grad()
def targets(measured: Measured, judged: Tensor, scale: Scale, measured_share: float, weights: dict[str, float]) -> dict[str, Tensor]:
    """Standardised answers wanted, and `quality`, their weighted sum."""
    result = {key: scale(key, values) for key, values in measured.values.items()}
    result['pair'] = judged[:, OUTPUTS.index('pair')]
    for key in ('gen', 'pass'):
        predicted = judged[:, OUTPUTS.index(key)]
        mixed = measured_share * result[key] + (1 - measured_share) * predicted
        result[key] = torch.where(mixed.isfinite(), mixed, predicted)
    result['quality'] = sum(weight * result[key] for key, weight in weights.items() if key in result)
    return result


class Source:
    """Batches with what is known of them."""

    def __init__(self, config: dict[str, Any], device: torch.device) -> None:
        self.config, self.device = config, device
        self.faces, self.labeller = prepare_faces(config, device)
        self.labeller.restorer = load_restorer(device)
        self.teachers = Teachers(torch.load(TEACH / 'last.pt', map_location=device, weights_only=True), device)
        self.scale = self.teachers.scale
        if self.labeller.restorer is not None:
            self.scale.add(Scale([{'backward': self.measure()[1].values['backward']} for _ in range(8)]))

    def measure(self) -> tuple[Tensor, Measured, Tensor]:
        rows = draw_pairs(self.faces, self.config['batch'])
        varied, _, _ = shown(self.faces.crops[rows], self.config['degraded_share'])
        return varied, self.labeller(rows, varied), rows

    def draw(self) -> tuple[Tensor, Measured, Tensor]:
        """Pixels, what SFace says, what the heads say."""
        varied, measured, rows = self.measure()
        with autocast(self.device, self.config['dtype']):
            judged = self.teachers(measured.taps, self.faces.fold[rows])
        return varied, measured, judged


class Student:
    """One network in training."""

    def __init__(self, config: dict[str, Any], options: dict[str, Any], device: torch.device) -> None:
        self.config, self.device = config, device
        self.target = options.get('target', config['target'])
        self.measured_share = options.get('measured_share', config['measured_share'])
        self.consistency = options.get('consistency', 1.0)
        self.mirror = options.get('mirror', 0.0)
        self.architecture = {**options['architecture'], 'auxiliary': AUXILIARY}
        self.model = Regressor(**self.architecture).to(device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), config['learning_rate'], weight_decay=config['weight_decay'])
        self.middle, self.deviation = 0.0, 1.0

    def wanted(self, measured: Measured, judged: Tensor, scale: Scale) -> dict[str, Tensor]:
        result = targets(measured, judged, scale, self.measured_share, self.target)
        result['quality'] = (result['quality'] - self.middle) / self.deviation
        return result

    def standardise(self, samples: list[Tensor]) -> None:
        values = torch.cat(samples)
        self.middle, self.deviation = values.mean().item(), values.std().item()

    def loss(self, pixels: Tensor, wanted: dict[str, Tensor], embedding: Tensor) -> Tensor:
        face = pixels / 127.5 - 1
        if self.mirror:
            # A face and its mirror image are one face: the same answers, and as little apart as can be.
            face = torch.cat([face, face.flip(3)])
            wanted = {key: value.repeat(2) for key, value in wanted.items()}
            embedding = embedding.repeat(2, 1)
        with autocast(self.device, self.config['dtype']):
            answers = self.model.heads(face.contiguous(memory_format=torch.channels_last))
        answers = {key: value.float() for key, value in answers.items()}
        total = WEIGHTS['quality'] * beta_nll(answers['mean'], answers['log_variance'], wanted['quality'])
        for key in AUXILIARY:
            if key in wanted:
                total = total + WEIGHTS[key] * F.smooth_l1_loss(answers[key], wanted[key])
        if self.consistency:
            total = total + self.consistency * WEIGHTS['embedding'] * (1 - F.cosine_similarity(answers['embedding'], embedding)).mean()
        if self.mirror:
            total = total + self.mirror * F.mse_loss(*answers['mean'].chunk(2))
        return total

    def step(self, rate: float, number: int, *sample: Any) -> Tensor:
        for group in self.optimiser.param_groups:
            group['lr'] = rate
        loss = self.loss(*sample)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        update_average(self.average, self.model, min(self.config['ema'], (number + 1) / (number + 11)))
        return loss.detach()


def run(config: dict[str, Any]) -> None:
    prepare(config['seed'], config['threads'])
    device = pick_device(config['device'])
    source = Source(config, device)
    students = {name: Student(config, options, device) for name, options in config['models'].items()}
    first = [source.draw()[1:] for _ in range(8)]
    for student in students.values():
        student.standardise([student.wanted(*sample, source.scale)['quality'] for sample in first])
    del first
    budget, step, told = Budget(config['minutes'], config['steps']), 0, time.monotonic()
    running: dict[str, list[Tensor]] = {name: [] for name in students}
    while (progress := budget.progress(step)) < 1:
        rate = config['learning_rate'] * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * progress))
        pixels, measured, judged = source.draw()
        for name, student in students.items():
            wanted = student.wanted(measured, judged, source.scale)
            running[name].append(student.step(rate, step, pixels, wanted, measured.embedding))
        step += 1
        if time.monotonic() - told > 15:
            losses = ', '.join(f'{name} {torch.stack(values).mean().item():.4f}' for name, values in running.items())
            print(f'learn: {budget.spent:.0f} s, step {step}, {losses}', flush=True)
            running, told = {name: [] for name in students}, time.monotonic()
    for name, student in students.items():
        provenance = {'step': 'learn', 'steps': step, 'samples': step * config['batch'], 'minutes': round(budget.spent / 60, 2),
                      'crops': len(source.faces), 'sets': list(config['sets']), 'target': student.target,
                      'measuredShare': student.measured_share, 'consistency': student.consistency, 'mirror': student.mirror,
                      'seed': config['seed'], 'backward': source.labeller.restorer is not None, 'device': device.type}
        save({'ema': student.average.state_dict(), 'architecture': student.architecture, 'provenance': provenance}, FOLDER / f'{name}.pt')
    print(f'learn: {step} steps of {config["batch"]} crops in {budget.spent / 60:.1f} minutes', flush=True)
