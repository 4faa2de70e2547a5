"""Error-versus-discard curves: pAUC and utility of a quality score, as docs/results.md reports them.

All genuine pairs within a set; a pair's quality is the lower of its two. The worst share d is discarded, FNMR(d) is that of
what is kept (step curve, ties broken by a seeded shuffle). A photo without a face has the lowest quality, and its pairs fail.

pAUC(r) = ∫₀ʳ FNMR(d) dd / (r · FNMR(0));  U(r) = (1 − pAUC(r)) / (1 − pAUC_oracle(r)).
"""

from dataclasses import dataclass

import numpy as np

from .judges import unit

MISSING = -1e9


@dataclass(frozen=True)
class Pairs:
    """Genuine pairs of rows, `people[k]` the number of the person of pair k."""

    first: np.ndarray
    second: np.ndarray
    people: np.ndarray
    count: int


def genuine_pairs(people: np.ndarray) -> Pairs:
    names, numbers = np.unique(people, return_inverse=True)
    same = numbers[:, None] == numbers[None, :]
    first, second = np.nonzero(np.triu(same, 1))
    return Pairs(first, second, numbers[first], len(names))


def threshold_at(embedding: np.ndarray, people: np.ndarray, fmr: float) -> float:
    """The similarity that the share `fmr` of all impostor pairs reaches; rows without a face do not count."""
    valid = np.isfinite(embedding[:, 0])
    vectors, names = unit(embedding[valid].astype(np.float32)), people[valid]
    similarity = vectors @ vectors.T
    different = np.triu(names[:, None] != names[None, :], 1)
    return float(np.quantile(similarity[different], 1 - fmr))


def similarities(embedding: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Cosine of every pair; NaN where one of the two has no face."""
    vectors = unit(embedding.astype(np.float64))
    return np.einsum('ij,ij->i', vectors[pairs.first], vectors[pairs.second])


def pair_quality(quality: np.ndarray, pairs: Pairs) -> np.ndarray:
    filled = np.where(np.isfinite(quality), quality, MISSING)
    return np.minimum(filled[pairs.first], filled[pairs.second])


def discard_order(quality: np.ndarray, seed: int) -> np.ndarray:
    """Indices from the worst pair to the best; equal ones in a seeded random order."""
    shuffle = np.random.default_rng(seed).permutation(len(quality))
    return shuffle[np.argsort(quality[shuffle], kind='stable')]


def partial_area(failed: np.ndarray, weight: np.ndarray, limit: float) -> np.ndarray:
    """∫₀^limit FNMR(d) dd for pairs in discard order. `weight` [..., n]: bootstrap multiplicities."""
    total = weight.sum(-1, keepdims=True)
    end = np.cumsum(weight, -1)
    start = end - weight
    lost = np.cumsum(weight * failed, -1) - weight * failed
    fails = (weight * failed).sum(-1, keepdims=True)
    kept = np.maximum(total - start, 1e-12)
    rate = np.clip((fails - lost) / kept, 0, 1)
    width = np.clip(np.minimum(end / total, limit) - start / total, 0, None)
    return (rate * width).sum(-1)


def pauc(failed: np.ndarray, quality: np.ndarray, limit: float, weight: np.ndarray | None = None, seed: int = 1) -> np.ndarray:
    """pAUC(limit); 1 = no use, lower is better. NaN where nothing fails."""
    weight = np.ones(len(failed)) if weight is None else weight
    order = discard_order(quality, seed)
    base = (weight * failed).sum(-1) / weight.sum(-1)
    with np.errstate(divide='ignore', invalid='ignore'):
        return partial_area(failed[order], weight[..., order], limit) / (limit * base)


def utility(failed: np.ndarray, quality: np.ndarray, limit: float, weight: np.ndarray | None = None, seed: int = 1) -> np.ndarray:
    """U(limit): 0 = random, 1 = the oracle that discards the failing pairs first."""
    best = pauc(failed, -failed.astype(np.float64), limit, weight, seed)
    with np.errstate(divide='ignore', invalid='ignore'):
        return (1 - pauc(failed, quality, limit, weight, seed)) / (1 - best)


def bootstrap_weights(pairs: Pairs, rounds: int, seed: int) -> np.ndarray:
    """[rounds, pairs]: how often each pair's person was drawn."""
    generator = np.random.default_rng(seed)
    present = np.unique(pairs.people)
    result = np.zeros((rounds, len(pairs.people)), np.float32)
    for row in range(rounds):
        drawn = generator.choice(present, len(present))
        result[row] = np.bincount(drawn, minlength=pairs.count)[pairs.people]
    return result
