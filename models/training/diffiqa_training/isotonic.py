"""Monotone maps from a raw score to a probability, as few knots as a manifest holds."""

import numpy as np

MAX_KNOTS = 33


def pool_adjacent(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The nearest non-decreasing sequence (weighted least squares)."""
    blocks: list[list[float]] = []
    for value, mass in zip(values, weight, strict=True):
        blocks.append([value, mass, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2], blocks[-1]
            blocks[-2:] = [[(a * wa + b * wb) / (wa + wb), wa + wb, na + nb]]
    return np.concatenate([np.full(int(count), value) for value, _, count in blocks])


def fit_knots(raw: np.ndarray, outcome: np.ndarray, weight: np.ndarray, bins: int = 16) -> list[list[float]]:
    """Bins of equal weight, their mean outcomes made monotone, straight lines between the bins' middles.

    Runs of equal height are drawn as their ends only; sampling noise makes them, and fewer bins are steadier than the plain
    isotonic staircase.
    """
    order = np.argsort(raw, kind='stable')
    raw, outcome, weight = raw[order], outcome[order], weight[order]
    position = (np.cumsum(weight) - weight / 2) / weight.sum()
    which = np.minimum((position * bins).astype(int), bins - 1)
    mass = np.bincount(which, weight, bins)
    x = np.bincount(which, weight * raw, bins) / mass
    y = pool_adjacent(np.bincount(which, weight * outcome, bins) / mass, mass)
    # The outermost bins reach as far as the data does: the mean line through them, kept in 0..1.
    low, high = np.quantile(raw, [0.002, 0.998])
    first = y[0] - (y[1] - y[0]) / max(x[1] - x[0], 1e-9) * (x[0] - low)
    last = y[-1] + (y[-1] - y[-2]) / max(x[-1] - x[-2], 1e-9) * (high - x[-1])
    x = np.concatenate([[min(low, x[0] - 1e-3)], x, [max(high, x[-1] + 1e-3)]])
    y = np.clip(np.concatenate([[first], y, [last]]), 0.005, 0.995)
    knots = [[round(float(a), 5), round(float(b), 5)] for a, b in zip(x, y, strict=True)]
    kept = [
        knot
        for index, knot in enumerate(knots)
        if index in (0, len(knots) - 1) or not knots[index - 1][1] == knot[1] == knots[index + 1][1]
    ]
    check_knots(kept)
    return kept


def check_knots(knots: list[list[float]]) -> None:
    assert 2 <= len(knots) <= MAX_KNOTS, len(knots)
    for (x0, y0), (x1, y1) in zip(knots, knots[1:], strict=False):
        assert x1 > x0 and y1 >= y0, (x0, y0, x1, y1)


def apply_knots(knots: list[list[float]], raw: np.ndarray) -> np.ndarray:
    """Piecewise linear, constant outside; NaN stays NaN."""
    x, y = np.array(knots).T
    return np.where(np.isfinite(raw), np.interp(np.nan_to_num(raw), x, y), np.nan)


def sigma_at(knots: list[list[float]], raw: np.ndarray, sigma: np.ndarray | float) -> np.ndarray:
    """One standard deviation carried to the value scale, as the server does it."""
    return (apply_knots(knots, raw + sigma) - apply_knots(knots, raw - sigma)) / 2


def distribution(values: np.ndarray) -> list[list[float]]:
    """Cumulative distribution as knots [upper bound, share]."""
    values = np.sort(values[np.isfinite(values)])
    shares = np.linspace(0, 1, MAX_KNOTS - 2)
    bounds = np.quantile(values, shares)
    knots = [[0.0, 0.0], *([round(float(b), 5), round(float(s), 5)] for b, s in zip(bounds, shares, strict=True)), [1.0, 1.0]]
    result = [knots[0]]
    for x, y in knots[1:]:
        if x > result[-1][0]:
            result.append([x, y])
        else:
            result[-1][1] = max(result[-1][1], y)
    check_knots(result)
    return result
