"""Monotone maps from a raw score to a probability, as few knots as a manifest holds."""

import numpy as np

MAX_KNOTS = 33


def blocks(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rows of mean x, mean y, weight, count, y rising: neighbours that do not rise are pooled (pool adjacent violators)."""
    found: list[list[float]] = []
    for row in zip(x, y, weight, np.ones(len(x)), strict=True):
        found.append(list(row))
        while len(found) > 1 and found[-2][1] >= found[-1][1]:
            (xa, ya, wa, na), (xb, yb, wb, nb) = found[-2:]
            found[-2:] = [[(xa * wa + xb * wb) / (wa + wb), (ya * wa + yb * wb) / (wa + wb), wa + wb, na + nb]]
    return np.array(found)


def pool_adjacent(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The nearest non-decreasing sequence (weighted least squares)."""
    found = blocks(np.zeros(len(values)), values, weight)
    return np.repeat(found[:, 1], found[:, 3].astype(int))


def fit_knots(raw: np.ndarray, outcome: np.ndarray, weight: np.ndarray, bins: int = 16) -> list[list[float]]:
    """A strictly rising map from a raw score to the mean outcome: whoever sorts by the value sorts by the raw score.

    Bins of equal weight, their mean outcomes made monotone, straight lines between the middles of what was pooled (centered isotonic
    regression: Oron and Flournoy, Statistics in Biopharmaceutical Research 2017). They run on to the ends of the data, and over as far again halfway to
    0 and 1.
    """
    order = np.argsort(raw, kind='stable')
    raw, outcome, weight = raw[order], outcome[order], weight[order]
    position = (np.cumsum(weight) - weight / 2) / weight.sum()
    which = np.minimum((position * bins).astype(int), bins - 1)
    mass = np.bincount(which, weight, bins)
    x, y, *_ = blocks(np.bincount(which, weight * raw, bins) / mass, np.bincount(which, weight * outcome, bins) / mass, mass).T
    low, high = np.quantile(raw, [0.002, 0.998])
    low, high = min(low, x[0] - 1e-3), max(high, x[-1] + 1e-3)
    slopes = np.diff(y) / np.diff(x) if len(x) > 1 else np.zeros(1)
    x = np.concatenate([[low], x, [high]])
    y = np.concatenate([[y[0] - slopes[0] * (x[1] - low)], y, [y[-1] + slopes[-1] * (high - x[-2])]]).clip(0.005, 0.995)
    x = np.concatenate([[2 * low - high], x, [2 * high - low]])
    y = np.concatenate([[y[0] / 2], y, [(1 + y[-1]) / 2]])
    kept: list[list[float]] = []
    for a, b in zip(x, y, strict=True):
        knot = [round(float(a), 5), round(float(b), 5)]
        # Ends that were cut off may be as high as their neighbours.
        if not kept or (knot[0] > kept[-1][0] and knot[1] > kept[-1][1]):
            kept.append(knot)
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
