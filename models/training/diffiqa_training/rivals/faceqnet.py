"""Recipe of FaceQnet (Hernandez-Ortega et al., ICB 2019): similarity to the best photo of the same person.

FaceQnet takes the photo that complies best with ICAO's rules for portraits, by a commercial tool. Here the best photo is the
person's clean one with the longest embedding, the best photo itself is compared with the second best, and a degraded copy is
never compared with its own original.
"""

import numpy as np

from .faces import Faces


def labels(faces: Faces) -> np.ndarray:
    """Cosine per row, NaN where the person has no other clean photo."""
    result = np.full(len(faces), np.nan)
    length = np.linalg.norm(faces.embedding, axis=1)
    for person in faces.each_person():
        merit = np.where(person.other, length[person.clean][None, :], -np.inf)
        best = merit.argmax(1)
        known = np.isfinite(merit.max(1))
        result[person.rows[known]] = person.similarity[np.arange(len(person.rows)), best][known]
    return result
