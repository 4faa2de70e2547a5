"""A small head on E's embedding that predicts labels, fitted across people.

Similarity to a person's other photos depends on those photos too. What can be said from this photo alone is the part of the
label that a student can learn, so the head's out-of-fold prediction takes most of the noise out of it. It also fills labels in:
terms of full DifFIQA are measured on part of the crops and predicted on the rest.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = 256
DROPOUT = 0.5
EPOCHS = 6
BATCH = 256


def inputs(embedding: np.ndarray) -> Tensor:
    """Direction, its magnitudes and the log norm, all about unit scale."""
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    direction = embedding / np.maximum(norm, 1e-9) * np.sqrt(embedding.shape[1])
    features = np.concatenate([direction, np.abs(direction), 4 * (np.log(np.maximum(norm, 1e-6)) - 2.3)], axis=1)
    return torch.from_numpy(features.astype(np.float32))


def build(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, HIDDEN), nn.SiLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, outputs),
    )


def train_head(features: Tensor, targets: Tensor, generator: torch.Generator) -> nn.Sequential:
    """`targets` [N, k], standardised, NaN where unknown."""
    model = build(features.shape[1], targets.shape[1])
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    steps = EPOCHS * len(features) // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = torch.randint(0, len(features), (BATCH,), generator=generator)
        wanted = targets[chosen]
        known = torch.isfinite(wanted)
        loss = F.mse_loss(model(features[chosen])[known], wanted[known])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def predict_out_of_fold(
    embedding: np.ndarray, targets: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    """Predictions [N, k] by heads that never saw the row's person; rows without a person ('') get the heads' mean.

    In units of `targets`; NaN where the embedding is.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    middle, scale = np.nanmean(targets, axis=0), np.nanstd(targets, axis=0)
    usable = np.isfinite(embedding[:, 0])
    features = inputs(np.where(usable[:, None], embedding, 1.0))
    wanted = torch.from_numpy(((targets - middle) / scale).astype(np.float32))
    names, numbers = np.unique(groups, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(names)) % folds)[numbers]
    known = usable & np.isfinite(targets).any(1)
    total, count = np.zeros(targets.shape), np.zeros((len(targets), 1))
    for index in range(folds):
        rows = torch.from_numpy(np.nonzero(known & (fold != index))[0])
        with torch.enable_grad():
            model = train_head(features[rows], wanted[rows], generator)
        asked = (fold == index) | (groups == '')
        total[asked] += model(features[torch.from_numpy(asked)]).numpy()
        count[asked] += 1
    result = total / count * scale + middle
    return np.where(usable[:, None], result, np.nan)
