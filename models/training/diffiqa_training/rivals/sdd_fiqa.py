"""Recipe of SDD-FIQA (Ou et al., CVPR 2021): how far the similarities to one's own person lie from those to strangers.

Label = Wasserstein distance between the two sets of similarities, `draws` of each, averaged over `rounds` of drawing. As
published, the distance has no sign, and a person with fewer other photos than `draws` takes part with those there are.
"""

import numpy as np
from scipy.stats import wasserstein_distance

from .faces import Faces


def labels(faces: Faces, draws: int, rounds: int, seed: int) -> np.ndarray:
    """One value per row, NaN where the person has no other clean photo, or there is no stranger."""
    random = np.random.default_rng(seed)
    result = np.full(len(faces), np.nan)
    pool = np.flatnonzero(faces.clean & (faces.person != ''))
    for person in faces.each_person():
        # Drawn once a round for the whole person: the same strangers for all of that person's photos.
        strangers = pool[faces.person[pool] != faces.person[person.rows[0]]]
        if len(strangers) == 0:
            continue
        distances = np.full((len(person.rows), rounds), np.nan)
        for turn in range(rounds):
            chosen = random.choice(strangers, min(draws, len(strangers)), replace=False)
            impostor = faces.unit[person.rows] @ faces.unit[chosen].T
            for index in range(len(person.rows)):
                genuine = person.similarity[index, person.other[index]]
                if len(genuine):
                    part = random.choice(genuine, min(draws, len(genuine)), replace=False)
                    distances[index, turn] = wasserstein_distance(part, impostor[index])
        known = np.isfinite(distances).all(1)
        result[person.rows[known]] = distances[known].mean(1)
    return result
