"""Recipe of CR-FIQA (Boutros et al., CVPR 2023): similarity to the own class centre over that to the nearest other centre.

Label = CCS / (NNCCS + 1 + 1e-9). There the centres are weights of the recognition network that is trained at the same time;
here they are means of SFace's unit embeddings of clean photos. A photo is left out of its own person's centre: with two to
four photos a person it would mostly be compared with itself.
"""

import numpy as np

from ..label_rows import unit
from .faces import Faces


def labels(faces: Faces) -> np.ndarray:
    """One value per row, NaN where the person has no other clean photo, or there is nobody else."""
    people = list(faces.each_person())
    result = np.full(len(faces), np.nan)
    if len(people) < 2:
        return result
    centres = unit(np.stack([faces.unit[person.clean].mean(0) for person in people]))
    for number, person in enumerate(people):
        known = person.other.any(1)
        own = unit(person.other[known].astype(np.float64) @ faces.unit[person.clean])
        vectors = faces.unit[person.rows[known]]
        nearest = np.delete(vectors @ centres.T, number, axis=1).max(1)
        result[person.rows[known]] = (vectors * own).sum(1) / (nearest + 1 + 1e-9)
    return result
