"""r(q) of the down-weighted score, fitted so that no quality bin has more false matches than the user's threshold promises.

Equal-count bins of pair quality; per bin the impostor quantile τ_b at the target FMR, its upper confidence bound;
r_b = min(1, (τ − μ₀) / (τ_b − μ₀)), made monotone, linear between the bins' middles, r(1) = 1.
"""

import numpy as np
from scipy.stats import binom

from .isotonic import check_knots, pool_adjacent
from .judges import unit


def impostor_pairs(embedding: np.ndarray, people: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Similarity and quality (the lower of two) of every pair of different people."""
    valid = np.isfinite(embedding[:, 0]) & np.isfinite(value)
    vectors, people, value = unit(embedding[valid]), people[valid], value[valid]
    first, second = np.nonzero(np.triu(people[:, None] != people[None, :], 1))
    similarity = (vectors @ vectors.T)[first, second]
    return similarity, np.minimum(value[first], value[second])


def upper_quantile(values: np.ndarray, share: float, confidence: float = 0.9) -> float:
    """An upper confidence bound of the (1 − share) quantile, from order statistics."""
    count = len(values)
    rank = int(binom.ppf(1 - confidence, count, share))
    return float(np.sort(values)[count - 1 - max(0, rank - 1)])


def fit_reliability(
    similarity: np.ndarray, quality: np.ndarray, threshold: float, impostor_mean: float, fmr: float, bins: int, lowest: float
) -> list[list[float]]:
    """Knots [quality, r]; raises SystemExit where no bin has ten expected false matches."""
    edges = np.quantile(quality, np.linspace(0, 1, bins + 1))
    which = np.clip(np.searchsorted(edges, quality, side='right') - 1, 0, bins - 1)
    x, r, mass = [], [], []
    for index in range(bins):
        inside = which == index
        if inside.sum() < 10 / fmr:
            continue
        bound = upper_quantile(similarity[inside], fmr)
        x.append(float(quality[inside].mean()))
        r.append(min(1.0, (threshold - impostor_mean) / max(bound - impostor_mean, 1e-6)))
        mass.append(float(inside.sum()))
    if not r:
        raise SystemExit(f'down-weighting: {len(quality)} impostor comparisons are too few for {bins} bins at FMR {fmr}; {round(10 * bins / fmr)} will do')
    smooth = np.clip(pool_adjacent(np.array(r), np.array(mass)), lowest, 1)
    knots = [[round(a, 5), round(float(b), 5)] for a, b in zip(x, smooth, strict=True)]
    knots = [knot for i, knot in enumerate(knots) if i == 0 or knot[0] > knots[i - 1][0]]
    knots.append([1.0, 1.0])
    check_knots(knots)
    return knots
