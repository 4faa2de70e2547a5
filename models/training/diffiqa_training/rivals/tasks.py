"""What a rival is trained to: which crops it sees next, what it should say of them, and how a wrong answer counts."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..distil import flat_shares, share_natural
from .pcnet import MatedPairs

# Pairs that the scale of their similarities is taken from.
SAMPLE = 4096


class Task(Protocol):
    def draw(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        """Rows to show, and what `loss` needs beside the answers."""

    def loss(self, answers: Tensor, wanted: Tensor) -> Tensor: ...


class LabelTask:
    """Regression of one label a row. The network learns it standardised: an affine map changes no ranking."""

    def __init__(self, label: np.ndarray, natural: np.ndarray, natural_share: float | None, beta: float) -> None:
        """`label` NaN where unknown, `natural` whether the row is an untouched photo.

        `beta`: where smooth L1 turns from square to absolute, on the label's own scale; 0 is L1.
        """
        self.rows = np.flatnonzero(np.isfinite(label))
        if len(self.rows) == 0:
            raise RuntimeError('no row has a label')
        known = label[self.rows].astype(np.float64)
        self.beta = beta / known.std()
        self.label = torch.from_numpy(((known - known.mean()) / known.std()).astype(np.float32))
        # The drawing of DifFIQA(R): rare labels more often, untouched photos as often.
        self.shares = share_natural(flat_shares(self.label.numpy()), natural[self.rows], natural_share)

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        chosen = random.choice(len(self.rows), count, p=self.shares)
        return self.rows[chosen], self.label[chosen]

    def loss(self, answers: Tensor, wanted: Tensor) -> Tensor:
        return F.smooth_l1_loss(answers, wanted, beta=self.beta)


class PairTask:
    """The lower answer of two mated photos is to be their similarity, standardised."""

    def __init__(self, pairs: MatedPairs, seed: int) -> None:
        self.pairs = pairs
        sample = pairs.draw(SAMPLE, np.random.default_rng(seed))[2]
        self.middle, self.scale = sample.mean(), sample.std()

    def __len__(self) -> int:
        return len(self.pairs.first)

    def draw(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        first, second, similarity = self.pairs.draw(count // 2, random)
        wanted = ((similarity - self.middle) / self.scale).astype(np.float32)
        return np.concatenate([first, second]), torch.from_numpy(wanted)

    def loss(self, answers: Tensor, wanted: Tensor) -> Tensor:
        return F.mse_loss(torch.minimum(*answers.chunk(2)), wanted)
