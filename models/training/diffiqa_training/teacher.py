"""A small network on what SFace computes of a crop, that predicts labels; fitted across people.

Similarity to a person's other photos depends on those photos too. What can be said from this photo alone is the part of the
label that a student can learn, so out-of-fold predictions take most of the noise out of it. They also fill labels in where a
person is not known.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = 256
DROPOUT = 0.5
BATCH = 256
# Taps further out than this many deviations count as this far.
CLIP = 6.0
NORM_MIDDLE, NORM_FACTOR = 2.3, 4.0


def embedding_inputs(embedding: np.ndarray) -> np.ndarray:
    """Direction, its magnitudes and the log norm, all about unit scale; float32 [N, 2 * width + 1]."""
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    direction = embedding / np.maximum(norm, 1e-9) * np.sqrt(embedding.shape[1])
    parts = [direction, np.abs(direction), NORM_FACTOR * (np.log(np.maximum(norm, 1e-6)) - NORM_MIDDLE)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def tap_inputs(taps: np.ndarray, embedding: np.ndarray, middle: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Standardised taps (see taps.py) and what embedding_inputs() gives; float32 [N, D + 2 * width + 1]."""
    standard = np.clip((taps.astype(np.float32) - middle) / deviation, -CLIP, CLIP)
    return np.concatenate([standard, embedding_inputs(embedding)], axis=1)


def build(width: int, outputs: int, input_dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(input_dropout), nn.Linear(width, HIDDEN), nn.SiLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(),
        nn.Dropout(DROPOUT), nn.Linear(HIDDEN, outputs),
    )


def train_head(
    features: Tensor, targets: Tensor, rows: Tensor, epochs: float, input_dropout: float, generator: torch.Generator
) -> nn.Sequential:
    """`features` [N, D] and `targets` [N, k], standardised, NaN where unknown; `rows` are learnt from.

    Few epochs: the labels are noisy, and more of them are learnt by heart.
    """
    model = build(features.shape[1], targets.shape[1], input_dropout)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    steps = int(epochs * len(rows)) // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = rows[torch.randint(0, len(rows), (BATCH,), generator=generator)]
        wanted = targets[chosen]
        known = torch.isfinite(wanted)
        loss = F.mse_loss(model(features[chosen])[known], wanted[known])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def fold_of(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Per row the fold of its person."""
    names, numbers = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % folds)[numbers]


@torch.no_grad()
def predict_out_of_fold(
    features: np.ndarray, targets: np.ndarray, groups: np.ndarray, folds: int, seed: int, epochs: float, input_dropout: float = 0.0
) -> np.ndarray:
    """Predictions [N, k] by heads that never saw the row's person; rows without a person ('') get the heads' mean.

    In units of `targets`; NaN where a feature is.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    middle, scale = np.nanmean(targets, axis=0), np.nanstd(targets, axis=0)
    usable = np.isfinite(features[:, -1])
    inputs = torch.from_numpy(np.where(usable[:, None], features, np.float32(0)))
    wanted = torch.from_numpy(((targets - middle) / scale).astype(np.float32))
    fold = fold_of(groups, folds, seed)
    known = usable & np.isfinite(targets).any(1)
    total, count = np.zeros(targets.shape), np.zeros((len(targets), 1))
    for index in range(folds):
        rows = torch.from_numpy(np.nonzero(known & ((fold != index) | (groups == '')))[0])
        with torch.enable_grad():
            model = train_head(inputs, wanted, rows, epochs, input_dropout, generator)
        asked = (fold == index) | (groups == '')
        total[asked] += model(inputs[torch.from_numpy(asked)]).numpy()
        count[asked] += 1
    result = total / count * scale + middle
    return np.where(usable[:, None], result, np.nan)
