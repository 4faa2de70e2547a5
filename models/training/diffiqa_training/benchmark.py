"""A set with its genuine pairs and, per judge, which of them fail: what every score is measured on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import crop_set, edc, paths
from .judges import JUDGES

# Thresholds are fixed on the untouched photos of the same people.
NATURAL = 'clean'


def embedding(name: str, variant: str, network: str) -> np.ndarray:
    return np.load(paths.embed_file(name, variant, network))['embedding']


def threshold(name: str, judge: str, fmr: float) -> float:
    people = crop_set.load(name, NATURAL).people()
    return edc.threshold_at(embedding(name, NATURAL, judge), people, fmr)


@dataclass(frozen=True)
class Benchmark:
    title: str
    source: crop_set.CropSet
    pairs: edc.Pairs
    # Per judge: 1.0 where the pair's similarity is below the judge's threshold, or one of the two has no face.
    failed: dict[str, np.ndarray]

    @staticmethod
    def load(name: str, variant: str) -> 'Benchmark':
        source = crop_set.load(name, variant)
        pairs = edc.genuine_pairs(source.people())
        failed = {}
        for judge in JUDGES:
            similarity = edc.similarities(embedding(name, variant, judge.name), pairs)
            failed[judge.name] = (~(similarity >= threshold(name, judge.name, judge.fmr))).astype(np.float64)
        return Benchmark(f'{name} {variant}', source, pairs, failed)

    @cached_property
    def found(self) -> np.ndarray:
        """Pairs of which both photos have a face."""
        index = self.source.index
        return (index[self.pairs.first] >= 0) & (index[self.pairs.second] >= 0)

    def norms(self, network: str) -> np.ndarray:
        return np.linalg.norm(embedding(self.source.name, self.source.variant, network), axis=1)

    def utilities(
        self, quality: np.ndarray, limit: float, weight: np.ndarray | None = None, only_found: bool = False
    ) -> np.ndarray:
        """U(limit) averaged over the judges; one value, or one per row of `weight`."""
        kept = self.found if only_found else np.ones(len(self.pairs.first), bool)
        worst = edc.pair_quality(quality, self.pairs)[kept]
        part = None if weight is None else weight[:, kept]
        return np.mean([edc.utility(failed[kept], worst, limit, part) for failed in self.failed.values()], axis=0)

    def areas(self, quality: np.ndarray, limit: float, only_found: bool = False) -> float:
        """pAUC(limit) averaged over the judges."""
        kept = self.found if only_found else np.ones(len(self.pairs.first), bool)
        worst = edc.pair_quality(quality, self.pairs)[kept]
        return float(np.mean([edc.pauc(failed[kept], worst, limit) for failed in self.failed.values()]))
