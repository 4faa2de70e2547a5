"""Training rows of the regressor: where each crop lies and what is known about its quality; NaN where unknown."""
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from . import crop_set, paths
from .similarity_labels import known_people, load_embedding, similarity_labels


@dataclass
class Rows:
    crops: list[np.ndarray]
    part: np.ndarray
    index: np.ndarray
    embedding: np.ndarray
    norm: np.ndarray
    own: np.ndarray
    gen: np.ndarray
    # `gen` with the chance in it taken out, where the label step ran.
    likely: np.ndarray
    target: np.ndarray
    # Raw score of tuned full DifFIQA where the label step measured it.
    tuned: np.ndarray
    # '' where the person is not known.
    person: np.ndarray
    # The same for a photo and its degraded copies.
    photo: np.ndarray
    # Untouched photos, in contrast to degraded copies.
    natural: np.ndarray
    # Degrees to either side.
    yaw: np.ndarray

    def __len__(self) -> int:
        return len(self.part)

    def crop(self, row: int) -> np.ndarray:
        return self.crops[self.part[row]][self.index[row]]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def gather(sets: list[str], variants: list[str]) -> Rows:
    """Rows of every set and variant whose embeddings exist; `target` and `tuned` come from the label step where it ran."""
    parts: list[np.ndarray] = []
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    for name in sets:
        for variant in variants:
            if not (paths.embed_file(name, variant).exists() and paths.embed_file(name, 'clean').exists()):
                continue
            raw = load_embedding(name, variant).astype(np.float32)
            crops = crop_set.load(name, variant)
            found = similarity_labels(name, variant)
            keep = (crops.index >= 0) & np.isfinite(raw).all(axis=1)
            labels = paths.label_file(name, variant)
            known = dict(np.load(labels)) if labels.exists() else {}
            unknown = np.full(len(raw), np.nan)
            columns['part'].append(np.full(keep.sum(), len(parts)))
            columns['natural'].append(np.full(keep.sum(), variant == 'clean'))
            parts.append(crops.crops)
            person = np.array([f'{name}/{person}' if person else '' for person in known_people(crops)])
            photo = np.array([f'{name}/{row["file"]}' for row in crops.rows])
            yaw = np.array([abs(row['pose']['yaw']) if row['i'] >= 0 else np.nan for row in crops.rows])
            for key, values in (
                ('index', crops.index), ('embedding', raw), ('own', found.own), ('gen', found.gen), ('person', person), ('photo', photo),
                ('yaw', yaw), ('target', known.get('target', unknown)), ('likely', known.get('likely', unknown)), ('tuned', known.get('tuned', unknown)),
            ):
                columns[key].append(values[keep])
    if not parts:
        raise RuntimeError(f'no embeddings of {", ".join(sets)}: run the embed step first')
    joined = {key: np.concatenate(values) for key, values in columns.items()}
    norm = np.linalg.norm(joined['embedding'], axis=1)
    return Rows(crops=parts, norm=norm, **joined)
