"""The cascade: which fast scores are uncertain, and what it is worth to look twice."""

from dataclasses import dataclass

import numpy as np

from .isotonic import apply_knots, sigma_at


@dataclass(frozen=True)
class FastScores:
    """DifFIQA(R) of a set on the value scale, with its sigma, and the landmarks' residual in crop pixels."""

    value: np.ndarray
    sigma: np.ndarray
    residual: np.ndarray


def distance_to_threshold(fast: FastScores, thresholds: dict) -> np.ndarray:
    """How many sigmas the value is from the nearer threshold; NaN without a face."""
    nearest = np.minimum(np.abs(fast.value - thresholds['rejectBelow']), np.abs(fast.value - thresholds['acceptFrom']))
    return nearest / np.maximum(fast.sigma, 1e-9)


def doubtful(fast: FastScores, thresholds: dict, z: float, hopeless_below: float, residual_cap: float) -> np.ndarray:
    """The server's doubtAbout()."""
    refused = (fast.value >= hopeless_below) & (fast.value < thresholds['rejectBelow'] - fast.sigma / 2)
    return ((z > 0) & (distance_to_threshold(fast, thresholds) <= z)) | refused | (fast.residual > residual_cap)


def escalate(uncertain: np.ndarray, budget: float, seed: int) -> np.ndarray:
    """Rows that are looked at twice: of the uncertain ones, as they come, until the budget's share of all probes is used."""
    allowed = int(round(budget * len(uncertain)))
    rows = np.random.default_rng(seed).permutation(np.nonzero(uncertain)[0])
    result = np.zeros(len(uncertain), bool)
    result[rows[:allowed]] = True
    return result


def fast_scores(mean: np.ndarray, deviation: np.ndarray, residual: np.ndarray, regressor: dict) -> FastScores:
    value = apply_knots(regressor['knots'], mean)
    return FastScores(value, sigma_at(regressor['knots'], mean, deviation * regressor['sigmaScale']), residual)


def combined_value(mean: np.ndarray, full: np.ndarray, combination: dict) -> np.ndarray:
    return apply_knots(combination['knots'], combination['regressor'] * mean + combination['full'] * full)
