"""The tuned preset: which terms of full DifFIQA, at which timesteps, with which weights."""

from dataclasses import dataclass

import numpy as np

from .crop_set import CropSet
from .terms import Process, feature, term_keys


@dataclass(frozen=True)
class Term:
    feature: str
    timestep: int
    draws: int
    weight: float

    def keys(self) -> list[str]:
        """Names of the term files to compute for the feature; a residual comes with its backward term."""
        return [key.replace('residual', 'backward') for key in term_keys(self.feature, self.timestep, self.draws)]


@dataclass(frozen=True)
class Preset:
    terms: list[Term]
    bias: float
    process: Process

    @staticmethod
    def from_config(values: dict) -> 'Preset':
        terms = [Term(**term) for term in values.get('terms') or []]
        process = Process(int(values.get('steps', 1)), float(values.get('eta', 0)))
        return Preset(terms, float(values.get('bias', 0)), process)

    def keys(self) -> list[str]:
        return sorted({key for term in self.terms for key in term.keys()})

    def raw(self, source: CropSet) -> np.ndarray:
        """bias + Σ weight · feature, one value per row; NaN where a term is not computed."""
        total = np.full(len(source.rows), self.bias)
        for term in self.terms:
            total = total + term.weight * feature(source, term.feature, term.timestep, term.draws, self.process)
        return total

    def manifest_terms(self) -> list[dict]:
        return [
            {'feature': t.feature, 'timestep': t.timestep, 'draws': t.draws, 'weight': round(t.weight, 6)} for t in self.terms
        ]
