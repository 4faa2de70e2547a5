"""EDC with the threshold set again on what is kept, as src/evaluation/kept-threshold.ts does it; written plainly, to compare with."""

import numpy as np

from . import edc
from .judges import unit

STEPS = 100


def thresholds(embedding: np.ndarray, people: np.ndarray, quality: np.ndarray, order: np.ndarray, fmr: float) -> np.ndarray:
    """Per hundredth of the genuine pairs that is discarded. `quality` per photo, `order` of the genuine pairs."""
    pairs = edc.genuine_pairs(people)
    first, second = np.nonzero(np.triu(people[:, None] != people[None, :], 1))
    valid = np.isfinite(embedding[first, 0]) & np.isfinite(embedding[second, 0])
    first, second = first[valid], second[valid]
    vectors = unit(embedding.astype(np.float64))
    similarity = (vectors[first] * vectors[second]).sum(1)
    filled = np.where(np.isfinite(quality), quality, -np.inf)
    impostor = np.minimum(filled[first], filled[second])
    genuine = np.minimum(filled[pairs.first], filled[pairs.second])
    result = []
    for step in range(STEPS):
        bar = -np.inf if step == 0 else genuine[order[step * len(order) // STEPS]]
        kept = similarity[impostor >= bar]
        result.append(np.quantile(kept, 1 - fmr) if len(kept) else result[-1])
    return np.array(result)


def pauc(similarity: np.ndarray, order: np.ndarray, at: np.ndarray, limit: float, weight: np.ndarray) -> float:
    """∫₀^limit FNMR(d) dd over limit · FNMR(0), the FNMR at d with the threshold of its hundredth."""
    similarity, weight = similarity[order], weight[order]
    total = weight.sum()
    end = np.cumsum(weight)
    start = end - weight
    area, base = 0.0, None
    for k in np.nonzero(weight)[0]:
        threshold = at[min(STEPS - 1, int(np.floor(start[k] / total * STEPS + 1e-9)))]
        failing = ~(similarity[k:] >= threshold)
        rate = (weight[k:] * failing).sum() / (total - start[k])
        base = rate if base is None else base
        area += rate * max(0.0, min(end[k] / total, limit) - start[k] / total)
    return area / (limit * base)
