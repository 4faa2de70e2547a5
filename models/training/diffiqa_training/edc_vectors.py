"""Numbers that the TypeScript evaluation must reproduce: `python -m diffiqa_training.edc_vectors`, from models/training."""

import json
from pathlib import Path

import numpy as np

from . import edc, edc_kept

OUT = Path(__file__).parents[3] / 'test' / 'evaluation' / 'edc-vectors.json'
PEOPLE, PHOTOS, DIMENSIONS, ROUNDS = 15, 4, 6, 3
LIMITS = [0.05, 0.2, 0.3]
FMR = 0.02
SEED = 5


def main() -> None:
    generator = np.random.default_rng(20261125)
    people = np.repeat([f'p{k:02d}' for k in range(PEOPLE)], PHOTOS)
    centres = np.repeat(generator.normal(size=(PEOPLE, DIMENSIONS)), PHOTOS, axis=0)
    spread = generator.uniform(0.1, 1.2, size=(len(people), 1))
    # Three digits are exact in the file, so both sides start from the same numbers.
    embedding = np.round(centres + spread * generator.normal(size=centres.shape), 3)
    fine = np.round(-spread[:, 0] + 0.3 * generator.normal(size=len(people)), 6)
    scores = {'fine': fine, 'tied': np.round(fine * 2) / 2}
    embedding[7], fine[7], scores['tied'][7] = np.nan, np.nan, np.nan

    pairs = edc.genuine_pairs(people)
    threshold = edc.threshold_at(embedding, people, FMR)
    failed = ~(edc.similarities(embedding, pairs) >= threshold)
    weight = edc.bootstrap_weights(pairs, ROUNDS, SEED).astype(np.float64)
    rows = [np.ones(len(failed)), *weight]

    similarity = edc.similarities(embedding, pairs)

    def kept(quality: np.ndarray) -> dict[str, list]:
        order = edc.discard_order(edc.pair_quality(quality, pairs), SEED)
        at = edc_kept.thresholds(embedding, people, quality, order, FMR)
        return {
            'keptThresholds': at.tolist(),
            'keptPauc': [[float(edc_kept.pauc(similarity, order, at, limit, row)) for limit in LIMITS] for row in rows],
        }

    def areas(quality: np.ndarray) -> dict[str, list]:
        return {
            'pauc': [[float(edc.pauc(failed, quality, limit, row, SEED)) for limit in LIMITS] for row in rows],
            'utility': [[float(edc.utility(failed, quality, limit, row, SEED)) for limit in LIMITS] for row in rows],
        }

    numbers = {
        'people': people.tolist(),
        'embeddings': [None if np.isnan(row[0]) else row.tolist() for row in embedding],
        'fmr': FMR,
        'limits': LIMITS,
        'threshold': threshold,
        'failed': failed.astype(int).tolist(),
        'shuffle': np.random.default_rng(SEED).permutation(len(failed)).tolist(),
        'weights': [row.astype(int).tolist() for row in rows],
        'scores': {
            name: {
                'quality': [None if np.isnan(q) else q for q in quality.tolist()],
                **areas(edc.pair_quality(quality, pairs)),
                **kept(quality),
            }
            for name, quality in scores.items()
        },
    }
    OUT.write_text(json.dumps(numbers) + '\n')


if __name__ == '__main__':
    main()
