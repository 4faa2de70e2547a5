"""The luck of the noise: which files another draw asks for."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffiqa_training.noise_study import keys_of  # noqa: E402
from diffiqa_training.preset import Term  # noqa: E402
from diffiqa_training.scores import tuned_preset  # noqa: E402


class Keys(unittest.TestCase):
    def test_a_term_with_noise_gets_the_other_draw_and_one_without_stays(self) -> None:
        self.assertEqual(keys_of(Term('log-norm-forward', 20, 1, 1.0), 4), ['norm-forward.20.4'])
        self.assertEqual(keys_of(Term('pixel-residual', 250, 1, 1.0), 4), ['residual.250.4'])
        self.assertEqual(keys_of(Term('head-mirror', 0, 1, 1.0), 4), ['head-mirror'])
        self.assertEqual(keys_of(Term('head', 0, 1, 1.0), 4), ['head-face'])

    def test_the_first_draw_asks_for_the_files_of_the_shipped_score(self) -> None:
        preset = tuned_preset()
        keys = {key.replace('residual', 'backward') for term in preset.terms for key in keys_of(term, 0)}
        self.assertEqual(sorted(keys), preset.keys())


if __name__ == '__main__':
    unittest.main()
