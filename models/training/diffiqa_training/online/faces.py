"""Clean crops of the training sets on the device, the people in them, and SFace's embedding of every crop."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import crop_set
from ..similarity_labels import known_people
from .sface import TappedSFace

# Mates of a photo: so many of the person's other photos are compared with it.
MATES = 6
EMBED_BATCH = 512


@dataclass
class Faces:
    # uint8 [N, 3, 112, 112]
    crops: Tensor
    # Per crop the number of its person, -1 where unknown.
    person: Tensor
    # Per crop its fold; people without a name are in none (-1).
    fold: Tensor
    # [N, 128], not normalised: the mean of the crop's and its mirror image's.
    embedding: Tensor
    # [N, MATES] other crops of the person, -1 where there are fewer; all -1 if alone.
    mates: Tensor
    # [N, 128] norm-weighted sum of the person's other photos; NaN if alone.
    template: Tensor
    # Drawing weights.
    share: Tensor

    def __len__(self) -> int:
        return len(self.crops)


@torch.no_grad()
def embed(model: TappedSFace, crops: Tensor, autocast: object) -> Tensor:
    parts = []
    for start in range(0, len(crops), EMBED_BATCH):
        x = crops[start : start + EMBED_BATCH].float().contiguous(memory_format=torch.channels_last)
        with autocast():
            parts.append(((model(x)[0] + model(x.flip(3))[0]) / 2).float())
    return torch.cat(parts)


def gather_faces(
    sets: dict[str, float], folds: int, seed: int, device: torch.device, model: TappedSFace, autocast: object, limit: int | None = None
) -> Faces:
    """`sets`: name -> how often one of its crops is drawn, against one of a set with 1."""
    crops, people, share = [], [], []
    for name, weight in sets.items():
        source = crop_set.load(name, 'clean')
        names = known_people(source)[source.index >= 0]
        rows = np.arange(len(source.crops))[:limit]
        crops.append(np.asarray(source.crops[: len(rows)]))
        order = source.index[source.index >= 0]
        by_crop = np.empty(len(source.crops), dtype=object)
        by_crop[order] = [f'{name}/{person}' if person else '' for person in names]
        people.append(by_crop[rows])
        share.append(np.full(len(rows), weight))
    named = np.concatenate(people).astype(str)
    unique, number = np.unique(named, return_inverse=True)
    random = np.random.default_rng(seed)
    fold = (random.permutation(len(unique)) % folds)[number]
    number = np.where(named == '', -1, number)
    fold = np.where(named == '', -1, fold)
    mates = np.full((len(named), MATES), -1, np.int64)
    order = np.argsort(number, kind='stable')
    for group in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if number[group[0]] < 0 or len(group) < 2:
            continue
        for row in group:
            others = random.permutation(group[group != row])[:MATES]
            mates[row, : len(others)] = others
    pixels = torch.from_numpy(np.concatenate(crops)).permute(0, 3, 1, 2).contiguous().to(device)
    embedding = embed(model, pixels, autocast)
    person = torch.from_numpy(number).to(device)
    known = person >= 0
    total = torch.zeros(len(unique), embedding.shape[1], device=device).index_add_(0, person.clamp(min=0), embedding * known[:, None])
    count = torch.bincount(person.clamp(min=0)[known], minlength=len(unique))
    template = total[person.clamp(min=0)] - embedding
    alone = ~known | (count[person.clamp(min=0)] < 2)
    template[alone] = float('nan')
    return Faces(pixels, person, torch.from_numpy(fold).to(device), embedding, torch.from_numpy(mates).to(device), template,
                 torch.from_numpy(np.concatenate(share)).float().to(device))


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a, b, dim=-1)


def threshold_at(faces: Faces, fmr: float, seed: int, pairs: int = 400_000) -> float:
    """The similarity that the share `fmr` of impostor pairs of clean crops reaches."""
    generator = torch.Generator(device=faces.crops.device).manual_seed(seed)
    known = torch.nonzero(faces.person >= 0)[:, 0]
    a, b = (known[torch.randint(0, len(known), (pairs,), generator=generator, device=known.device)] for _ in range(2))
    different = faces.person[a] != faces.person[b]
    similarity = cosine(faces.embedding[a], faces.embedding[b])[different]
    return torch.topk(similarity, max(1, int(fmr * len(similarity)))).values[-1].item()
