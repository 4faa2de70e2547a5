"""What a calibrated value stands for: how often a photo's genuine comparisons pass."""

import numpy as np

from . import crop_set
from .benchmark import NATURAL, embedding, threshold
from .judges import JUDGES, unit


def good_gallery(name: str) -> np.ndarray:
    """Per row of the untouched set: whether it belongs to the better half of its person's photos, by the norm of E."""
    source = crop_set.load(name, NATURAL)
    norms = np.linalg.norm(embedding(name, NATURAL, 'sface'), axis=1)
    people = source.people()
    good = np.zeros(len(people), bool)
    for person in np.unique(people):
        rows = np.nonzero((people == person) & np.isfinite(norms))[0]
        if len(rows):
            good[rows[norms[rows] >= np.median(norms[rows])]] = True
    return good


def pass_rates(name: str, variant: str) -> np.ndarray:
    """Per row: share of its comparisons with good photos of the same person that pass, averaged over the judges.

    A photo is never compared with itself, nor a degraded copy with its original. NaN without a face or a partner.
    """
    probe, gallery = crop_set.load(name, variant), crop_set.load(name, NATURAL)
    same = probe.people()[:, None] == gallery.people()[None, :]
    files = np.array([row['file'] for row in probe.rows])[:, None] != np.array([row['file'] for row in gallery.rows])[None, :]
    rates = []
    for judge in JUDGES:
        a, b = embedding(name, variant, judge.name), embedding(name, NATURAL, judge.name)
        similarity = unit(a) @ unit(b).T
        partner = same & files & np.isfinite(similarity)
        better = partner & good_gallery(name)[None, :]
        # A person's only other photo has to do where the good one is the probe itself.
        used = np.where(better.any(1, keepdims=True), better, partner)
        with np.errstate(invalid='ignore'):
            rates.append((used & (similarity >= threshold(name, judge.name, judge.fmr))).sum(1) / used.sum(1))
    return np.mean(rates, axis=0)
