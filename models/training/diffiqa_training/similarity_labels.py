"""Labels from SFace's own similarities: how well a crop still matches its clean self, and its person.

`own`  cosine of a degraded copy with the clean crop of the same photo.
`gen`  cosine with the norm-weighted mean of the person's other clean photos, the label that carries over to natural photos.
`norm` ln ‖E(x)‖.
"""

from dataclasses import dataclass

import numpy as np

from . import crop_set, paths
from .judges import unit

# No identities, or wrong ones (see the data's notes): only `own` and `norm`.
WITHOUT_IDENTITY = {'glint', 'utkface', 'masks'}
DOUBTFUL = {'n000009'}


@dataclass(frozen=True)
class SimilarityLabels:
    """One value per row of the set, NaN where unknown."""

    own: np.ndarray
    gen: np.ndarray
    norm: np.ndarray


def known_people(source: crop_set.CropSet) -> np.ndarray:
    """Per row: the person, '' where none is named or the name is not to be relied on."""
    people = source.people()
    if source.name in WITHOUT_IDENTITY:
        return np.full(len(people), '')
    return np.where(np.isin(people, list(DOUBTFUL)), '', people)


def load_embedding(name: str, variant: str) -> np.ndarray:
    return np.load(paths.embed_file(name, variant))['embedding'].astype(np.float64)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid='ignore', divide='ignore'):
        return (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def template_without(clean: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Per photo: the sum of the embeddings of the person's other photos; a longer embedding counts for more. NaN if alone."""
    result = np.full_like(clean, np.nan)
    valid = np.isfinite(clean[:, 0])
    for person in np.unique(people):
        if person == '':
            continue
        rows = np.nonzero((people == person) & valid)[0]
        if len(rows) >= 2:
            result[rows] = clean[rows].sum(0) - clean[rows]
        elif len(rows) == 1:
            missing = np.nonzero((people == person) & ~valid)[0]
            result[missing] = clean[rows[0]]
    return result


def similarity_labels(name: str, variant: str) -> SimilarityLabels:
    clean_set = crop_set.load(name, 'clean')
    clean = load_embedding(name, 'clean')
    people = known_people(clean_set)
    template = template_without(clean, people)
    if variant == 'clean':
        embedding = clean
        own = np.full(len(clean), np.nan)
    else:
        rows = {row['file']: index for index, row in enumerate(clean_set.rows)}
        where = np.array([rows[row['file']] for row in crop_set.load(name, variant).rows])
        embedding = load_embedding(name, variant)
        own = cosine(embedding, clean[where])
        template = template[where]
    with np.errstate(divide='ignore'):
        norm = np.log(np.linalg.norm(embedding, axis=1))
    return SimilarityLabels(own, cosine(embedding, template), norm)


# The similarity of SFace at FMR 1e-3 on training photos, about; a comparison so far from it counts as surely passing or failing.
PASS_AT, PASS_SOFTNESS = 0.30, 0.06


def pass_labels(name: str, variant: str) -> np.ndarray:
    """Share of comparisons with the person's other clean photos that pass, softened; longer embeddings count for more."""
    clean_set = crop_set.load(name, 'clean')
    clean, people = load_embedding(name, 'clean'), known_people(clean_set)
    if variant == 'clean':
        embedding, where = clean, np.arange(len(clean))
    else:
        rows = {row['file']: index for index, row in enumerate(clean_set.rows)}
        where = np.array([rows[row['file']] for row in crop_set.load(name, variant).rows])
        embedding = load_embedding(name, variant)
    norms, directions, asked = np.linalg.norm(clean, axis=1), unit(clean), unit(embedding)
    photos: dict[str, list[int]] = {}
    for index, person in enumerate(people):
        if person and np.isfinite(norms[index]):
            photos.setdefault(person, []).append(index)
    result = np.full(len(embedding), np.nan)
    for row, own in enumerate(where):
        others = [index for index in photos.get(people[own], []) if index != own]
        if others and np.isfinite(asked[row, 0]):
            passes = 1 / (1 + np.exp(-(directions[others] @ asked[row] - PASS_AT) / PASS_SOFTNESS))
            result[row] = (norms[others] * passes).sum() / norms[others].sum()
    return result


def standardise(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    known = reference[np.isfinite(reference)]
    return (values - known.mean()) / known.std()


def predict_missing(target: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Least squares from `inputs` [N, k] where the target is known, used where it is not; NaN where inputs are missing."""
    design = np.column_stack([inputs, np.ones(len(inputs))])
    usable = np.isfinite(design).all(1)
    known = usable & np.isfinite(target)
    result = target.copy()
    unknown = usable & ~np.isfinite(target)
    if known.sum() > design.shape[1] and unknown.any():
        weights, *_ = np.linalg.lstsq(design[known], target[known], rcond=None)
        result[unknown] = design[unknown] @ weights
    return result
