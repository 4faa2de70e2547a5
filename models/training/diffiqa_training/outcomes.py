"""What a calibrated value stands for: how often a photo's genuine comparisons pass."""

import numpy as np

from . import crop_set
from .benchmark import NATURAL, embedding, threshold
from .judges import JUDGES, unit


# A gallery photo is good when E's norm reaches this quantile of the LFW photos, whichever set it is from: else the same value
# would mean one thing for portraits and another for old scans.
GOOD_QUANTILE = 0.25
REFERENCE = 'lfw-val'


def norms(name: str) -> np.ndarray:
    return np.linalg.norm(embedding(name, NATURAL, 'sface'), axis=1)


def judge_rates(name: str, variant: str) -> np.ndarray:
    """Per judge and row: share of the row's comparisons with good photos of the same person that pass.

    A photo is never compared with itself, nor a degraded copy with its original. NaN without a face or a good partner.
    """
    good = norms(name) >= np.nanquantile(norms(REFERENCE), GOOD_QUANTILE)
    probe, gallery = crop_set.load(name, variant), crop_set.load(name, NATURAL)
    same = probe.people()[:, None] == gallery.people()[None, :]
    files = np.array([row['file'] for row in probe.rows])[:, None] != np.array([row['file'] for row in gallery.rows])[None, :]
    rates = []
    for judge in JUDGES:
        a, b = embedding(name, variant, judge.name), embedding(name, NATURAL, judge.name)
        similarity = unit(a) @ unit(b).T
        used = same & files & np.isfinite(similarity) & good[None, :]
        with np.errstate(invalid='ignore'):
            rates.append((used & (similarity >= threshold(name, judge.name, judge.fmr))).sum(1) / used.sum(1))
    return np.array(rates)


def pass_rates(name: str, variant: str) -> np.ndarray:
    """The same averaged over the judges, what a calibrated value stands for."""
    return judge_rates(name, variant).mean(0)
