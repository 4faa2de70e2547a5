"""Recipe of eDifFIQA (Babnik, Peer, Štruc, T-BIOM 2024): DifFIQA's score, moved by the similarity to the own class centre.

The scores are scaled to 0..1; an identity's centre is the mean embedding of its photos among the best `share` of all;
label = clip(score - epsilon * (1 - cosine with the centre), 0, 1). Identities with fewer than `least` such photos are left
out, as published, where it is 10: here most people have two to four photos. There the cosine is the student's own embedding,
which begins as a recognition network; a student that begins from nothing has none yet, so SFace's is taken.
"""

import numpy as np

from ..label_rows import unit
from .faces import Faces


def labels(faces: Faces, score: np.ndarray, share: float, epsilon: float, least: int) -> np.ndarray:
    """`score`: DifFIQA per row, any scale, NaN where not known. One value 0..1 per row, NaN where there is no centre."""
    low, high = np.nanmin(score), np.nanmax(score)
    scaled = (score - low) / (high - low)
    best = scaled >= np.nanquantile(scaled, 1 - share)
    result = np.full(len(faces), np.nan)
    for rows in faces.people:
        chosen = rows[best[rows]]
        if len(chosen) < least:
            continue
        centre = unit(faces.unit[chosen].mean(0))
        result[rows] = np.clip(scaled[rows] - epsilon * (1 - faces.unit[rows] @ centre), 0, 1)
    return result
