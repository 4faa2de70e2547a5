"""Non-negative weights of a score's features, fitted on whether genuine comparisons pass.

P(pass) = σ(offset + softmin(q₁, q₂)) with q = Σ weight · feature of each photo, one offset for every judge and set. The soft
minimum stands for the pair quality that the curves use, max-free so that it can be fitted. People are the unit of folds.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from .benchmark import Benchmark

# In the units of the score itself (log odds): the larger, the nearer to the plain minimum.
SHARPNESS = 2.0
RIDGE = 1e-3


@dataclass(frozen=True)
class Case:
    """One set's features [rows, k], scaled, and its outcomes."""

    benchmark: Benchmark
    features: np.ndarray
    weight: np.ndarray


def softmin(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The soft minimum and the share of it that `a` has."""
    low = np.minimum(a, b)
    ea, eb = np.exp(-SHARPNESS * (a - low)), np.exp(-SHARPNESS * (b - low))
    return low - np.log((ea + eb) / 2) / SHARPNESS, ea / (ea + eb)


def loss_and_gradient(parameters: np.ndarray, cases: list[Case], count: int) -> tuple[float, np.ndarray]:
    weights, offsets = parameters[:count], parameters[count:]
    gradient = np.zeros_like(parameters)
    gradient[:count] = 2 * RIDGE * weights
    total, slot = RIDGE * float(weights @ weights), 0
    for case in cases:
        pairs = case.benchmark.pairs
        score = case.features @ weights
        value, share = softmin(score[pairs.first], score[pairs.second])
        mixed = share[:, None] * case.features[pairs.first] + (1 - share)[:, None] * case.features[pairs.second]
        scale = case.weight / case.weight.sum() / len(case.benchmark.failed) / len(cases)
        for failed in case.benchmark.failed.values():
            logit = value + offsets[slot]
            passed = 1 - failed
            probability = 1 / (1 + np.exp(-logit))
            total += float((scale * (np.logaddexp(0, logit) - passed * logit)).sum())
            error = scale * (probability - passed)
            gradient[:count] += error @ mixed
            gradient[count + slot] = error.sum()
            slot += 1
    return total, gradient


def fit(cases: list[Case]) -> np.ndarray:
    """Weights of the (scaled) features, all ≥ 0."""
    count = cases[0].features.shape[1]
    slots = sum(len(case.benchmark.failed) for case in cases)
    start = np.concatenate([np.full(count, 1 / count), np.zeros(slots)])
    bounds = [(0, None)] * count + [(None, None)] * slots
    answer = minimize(loss_and_gradient, start, (cases, count), jac=True, bounds=bounds, method='L-BFGS-B')
    return answer.x[:count]


def make_cases(benchmarks: list[Benchmark], columns: list[np.ndarray], scale: np.ndarray) -> list[Case]:
    """`columns[i]` [rows, k] of set i; pairs without a face or a feature do not count."""
    cases = []
    for benchmark, features in zip(benchmarks, columns, strict=True):
        scaled = features / scale
        usable = np.isfinite(scaled).all(1)
        pairs = benchmark.pairs
        weight = (usable[pairs.first] & usable[pairs.second]).astype(np.float64)
        cases.append(Case(benchmark, np.where(usable[:, None], scaled, 0), weight))
    return cases


def pooled_scale(columns: list[np.ndarray]) -> np.ndarray:
    return np.nanstd(np.concatenate(columns), axis=0)


def fit_weights(benchmarks: list[Benchmark], columns: list[np.ndarray]) -> np.ndarray:
    """Weights of the unscaled features."""
    scale = pooled_scale(columns)
    return fit(make_cases(benchmarks, columns, scale)) / scale


def cross_validate(
    benchmarks: list[Benchmark], columns: list[np.ndarray], folds: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Scores of every row by weights that never saw its person, and the weights of each fold.

    Features are centred, so that the scores of different folds have a common origin and can be ranked together.
    """
    middle = np.nanmean(np.concatenate(columns), axis=0)
    columns = [features - middle for features in columns]
    scale = pooled_scale(columns)
    generator = np.random.default_rng(seed)
    cases = make_cases(benchmarks, columns, scale)
    people = [case.benchmark.source.people() for case in cases]
    fold_of = []
    for names in people:
        unique, numbers = np.unique(names, return_inverse=True)
        fold_of.append((generator.permutation(len(unique)) % folds)[numbers])
    scores = [np.full(len(names), np.nan) for names in people]
    weights = []
    for fold in range(folds):
        training = [
            Case(case.benchmark, case.features, case.weight * (numbers[case.benchmark.pairs.first] != fold))
            for case, numbers in zip(cases, fold_of, strict=True)
        ]
        fitted = fit(training) / scale
        weights.append(fitted)
        for index, features in enumerate(columns):
            held_out = fold_of[index] == fold
            scores[index][held_out] = features[held_out] @ fitted
    return scores, np.array(weights)
