"""Checks of the evaluation's arithmetic against cases worked out by hand: `python -m unittest` in models/training."""

import unittest

import numpy as np

from diffiqa_training import edc
from diffiqa_training.cascade import FastScores, escalate
from diffiqa_training.down_weighting import fit_reliability, upper_quantile
from diffiqa_training.fit_weights import softmin
from diffiqa_training.isotonic import apply_knots, distribution, fit_knots, pool_adjacent


class ErrorVersusDiscard(unittest.TestCase):
    # Four pairs, the second worst fails: FNMR is 1/4, then 1/3 without the worst, then 0.
    FAILED = np.array([0.0, 1.0, 0.0, 0.0])
    QUALITY = np.array([1.0, 2.0, 3.0, 4.0])

    def test_step_curve_by_hand(self) -> None:
        area = edc.partial_area(self.FAILED, np.ones(4), 0.5)
        self.assertAlmostEqual(float(area), 0.25 * (1 / 4 + 1 / 3))
        self.assertAlmostEqual(float(edc.pauc(self.FAILED, self.QUALITY, 0.5)), 0.25 * (1 / 4 + 1 / 3) / (0.5 / 4))

    def test_limit_inside_a_step(self) -> None:
        area = edc.partial_area(self.FAILED, np.ones(4), 0.3)
        self.assertAlmostEqual(float(area), 0.25 / 4 + 0.05 / 3)

    def test_oracle_is_one(self) -> None:
        self.assertAlmostEqual(float(edc.utility(self.FAILED, -self.FAILED, 0.5)), 1)

    def test_a_weight_of_two_is_the_pair_twice(self) -> None:
        failed = np.array([0.0, 1.0, 0.0])
        quality = np.array([1.0, 2.0, 3.0])
        weighted = edc.pauc(failed, quality, 0.4, np.array([1.0, 2.0, 1.0]))
        repeated = edc.pauc(failed[[0, 1, 1, 2]], quality[[0, 1, 1, 2]], 0.4)
        self.assertAlmostEqual(float(weighted), float(repeated))

    def test_ties_are_shuffled(self) -> None:
        # Sorted, the failing pairs would all be discarded first and look like an oracle's work.
        failed = np.zeros(20_000)
        failed[:4000] = 1
        self.assertAlmostEqual(float(edc.utility(failed, np.zeros(20_000), 0.3)), 0, delta=0.05)

    def test_photos_without_a_face_rank_last_and_fail(self) -> None:
        pairs = edc.genuine_pairs(np.array(['a', 'a', 'a']))
        embedding = np.array([[1.0, 0.0], [1.0, 0.0], [np.nan, np.nan]])
        quality = edc.pair_quality(np.array([0.5, 0.6, np.nan]), pairs)
        self.assertEqual(quality.tolist(), [0.5, edc.MISSING, edc.MISSING])
        self.assertEqual((~(edc.similarities(embedding, pairs) >= 0.5)).tolist(), [False, True, True])


class MonotoneMaps(unittest.TestCase):
    def test_pool_adjacent(self) -> None:
        pooled = pool_adjacent(np.array([1.0, 3.0, 2.0, 4.0]), np.array([1.0, 1.0, 3.0, 1.0]))
        self.assertEqual(pooled.tolist(), [1, 2.25, 2.25, 4])

    def test_knots_follow_a_known_probability(self) -> None:
        generator = np.random.default_rng(1)
        raw = generator.uniform(-3, 3, 20_000)
        truth = 1 / (1 + np.exp(-raw))
        knots = fit_knots(raw, (generator.random(20_000) < truth).astype(float), np.ones(20_000))
        self.assertLess(float(np.abs(apply_knots(knots, raw) - truth).mean()), 0.02)

    def test_the_higher_raw_score_has_the_higher_value_whatever_the_outcomes(self) -> None:
        raw = np.arange(200) / 40
        for outcome in (np.ones(200), np.zeros(200), 1 - raw / 5, np.where(raw < 2, 0.2, 0.9)):
            values = apply_knots(fit_knots(raw, outcome, np.ones(200), 8), np.concatenate([[-4], raw, [9]]))
            self.assertTrue((np.diff(values) > 0).all(), outcome[:3])

    def test_distribution_of_equal_values_stays_monotone(self) -> None:
        knots = distribution(np.array([0.5] * 90 + [0.7] * 10))
        self.assertEqual(knots[0], [0.0, 0.0])
        self.assertEqual(knots[-1], [1.0, 1.0])


class Weights(unittest.TestCase):
    def test_softmin_share_is_its_derivative(self) -> None:
        a, b, step = np.array([0.3]), np.array([0.8]), 1e-6
        value, share = softmin(a, b)
        moved, _ = softmin(a + step, b)
        self.assertAlmostEqual(float((moved - value)[0] / step), float(share[0]), places=4)

    def test_upper_quantile_is_above_the_plain_one(self) -> None:
        values = np.arange(10_000.0)
        self.assertGreater(upper_quantile(values, 0.001), np.quantile(values, 0.999))

    def test_poor_pairs_with_high_impostors_lose_weight(self) -> None:
        generator = np.random.default_rng(1)
        quality = generator.random(80_000)
        similarity = generator.normal(0, np.where(quality < 0.25, 0.15, 0.1))
        limit = float(np.quantile(generator.normal(0, 0.1, 80_000), 0.999))
        knots = fit_reliability(similarity, quality, limit, 0.0, 0.001, 4, 0.5)
        self.assertLess(knots[0][1], 0.8)
        self.assertGreater(knots[2][1], 0.9)
        self.assertEqual(knots[-1], [1.0, 1.0])

    def test_too_few_impostors_are_said(self) -> None:
        with self.assertRaisesRegex(SystemExit, '50 impostor comparisons are too few for 8 bins at FMR 0.001; 80000 will do'):
            fit_reliability(np.zeros(50), np.linspace(0, 1, 50), 0.3, 0.0, 0.001, 8, 0.5)



class SecondLooks(unittest.TestCase):
    """As test/gate/escalation.test.ts and recent-scores.test.ts have it for the server."""

    THRESHOLDS = {'rejectBelow': 0.3, 'acceptFrom': 0.6}
    CAPS = {'residualCap': 6.0, 'budget': 0.15, 'firstCut': -1.0}

    def looks(self, raw: np.ndarray, residual: float = 1.0, **more: object) -> np.ndarray:
        fast = FastScores(1 / (1 + np.exp(-raw)), np.full(len(raw), 0.1), np.full(len(raw), residual))
        return escalate(fast, raw, self.THRESHOLDS, self.CAPS, 1, **more)

    def test_the_lowest_get_them_within_the_budget(self) -> None:
        raw = np.random.default_rng(1).standard_normal(2000)
        twice = self.looks(raw)
        self.assertLessEqual(int(twice.sum()), 310)
        self.assertGreater(twice[raw < np.quantile(raw, 0.1)].mean(), 0.85)
        self.assertLess(twice[raw > np.quantile(raw, 0.2)].mean(), 0.01)
        as_they_come = self.looks(raw, lowest_first=False)
        self.assertLess(as_they_come[raw < np.quantile(raw, 0.1)].mean(), 0.5)

    def test_accepted_photos_get_none_and_odd_ones_always(self) -> None:
        self.assertEqual(int(self.looks(np.full(500, 3.0)).sum()), 0)
        self.assertGreater(int(self.looks(np.full(500, 3.0), residual=7.0).sum()), 70)

    def test_photos_without_a_face_get_none(self) -> None:
        self.assertEqual(int(self.looks(np.full(500, np.nan)).sum()), 0)


if __name__ == '__main__':
    unittest.main()
