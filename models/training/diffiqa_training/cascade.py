"""The cascade: which fast scores are uncertain, and what it is worth to look twice."""

from dataclasses import dataclass

import numpy as np

from .isotonic import apply_knots, sigma_at

# As in src/gate/recent-scores.ts and budget.ts.
WINDOW, LEAST, AIM, BURST = 256, 64, 0.9, 10


@dataclass(frozen=True)
class FastScores:
    """DifFIQA(R) of a set on the value scale, with its sigma, and the landmarks' residual in crop pixels."""

    value: np.ndarray
    sigma: np.ndarray
    residual: np.ndarray


def doubtful(fast: FastScores, thresholds: dict, caps: dict) -> np.ndarray:
    """The server's doubtAbout(); `z` sigmas above acceptance are doubt too in studies only."""
    return (fast.value - caps.get('z', 0) * fast.sigma < thresholds['acceptFrom']) | (fast.residual > caps['residualCap'])


def escalate(
    fast: FastScores, raw: np.ndarray, thresholds: dict, caps: dict, seed: int, lowest_first: bool = True
) -> np.ndarray:
    """Rows that the server looks at twice when they come in random order; `raw` DifFIQA(R), NaN without a face.

    Without `lowest_first` the budget is spent on uncertain photos as they come.
    """
    uncertain, unlike = doubtful(fast, thresholds, caps), fast.residual > caps['residualCap']
    result = np.zeros(len(raw), bool)
    recent: list[float] = []
    tokens = float(BURST)
    for row in np.random.default_rng(seed).permutation(np.nonzero(np.isfinite(raw))[0]):
        tokens = min(BURST, tokens + caps['budget'])
        recent = [*recent[-WINDOW + 1 :], raw[row]]
        cut = sorted(recent)[int(AIM * caps['budget'] * len(recent))] if len(recent) >= LEAST else caps['firstCut']
        if tokens > 1 - 1e-9 and (unlike[row] or (uncertain[row] and (raw[row] <= cut or not lowest_first))):
            result[row] = True
            tokens -= 1
    return result


def fast_scores(mean: np.ndarray, deviation: np.ndarray, residual: np.ndarray, regressor: dict) -> FastScores:
    value = apply_knots(regressor['knots'], mean)
    return FastScores(value, sigma_at(regressor['knots'], mean, deviation * regressor['sigmaScale']), residual)


def combined_value(mean: np.ndarray, full: np.ndarray, combination: dict) -> np.ndarray:
    return apply_knots(combination['knots'], combination['regressor'] * mean + combination['full'] * full)
