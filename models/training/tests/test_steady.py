"""The step that makes one pass of DifFIQA(R) enough."""

import unittest

import numpy as np
import torch

from diffiqa_training import steady
from diffiqa_training.label_rows import Rows
from diffiqa_training.regressor import Regressor

SMALL = {'widths': [16, 16, 16, 16], 'blocks': [1, 1, 1, 1], 'features': 16}


def rows(yaw: np.ndarray) -> Rows:
    count = len(yaw)
    none = np.full(count, np.nan)
    crops = np.random.default_rng(1).integers(0, 256, (count, 112, 112, 3), dtype=np.uint8)
    return Rows(
        crops=[crops], part=np.zeros(count, int), index=np.arange(count), embedding=np.ones((count, 128)), norm=np.ones(count), own=none, gen=none,
        target=np.linspace(-1, 1, count), tuned=none, likely=none, person=np.full(count, ''), photo=np.arange(count).astype(str),
        natural=np.arange(count) % 2 == 0, yaw=yaw,
    )


class Steady(unittest.TestCase):
    def test_the_teacher_says_the_same_of_a_face_and_its_mirror_image(self) -> None:
        torch.manual_seed(1)
        model = Regressor(**SMALL).eval()
        faces = torch.rand(3, 3, 112, 112) * 2 - 1
        both = steady.both_sides(model, faces)
        self.assertEqual(both.shape, (3, 130))
        self.assertTrue(torch.allclose(both, steady.both_sides(model, faces.flip(3)), atol=1e-6))
        self.assertGreater(float((model(faces)[0] - model(faces.flip(3))[0]).abs().max()), 1e-6)

    def test_it_is_asked_about_every_crop_in_order(self) -> None:
        torch.manual_seed(1)
        model, some = Regressor(**SMALL), rows(np.zeros(5))
        answers = steady.ask(model, some, 'float32', torch.device('cpu'))
        self.assertEqual(answers.shape, (5, 130))
        alone = steady.both_sides(model, steady.to_tensor(some.crop(3)[None]))
        self.assertTrue(np.allclose(answers[3], alone[0].numpy(), atol=1e-5))

    def test_one_of_two_views_is_mirrored(self) -> None:
        # Left half dark, right half bright: no small turn or light turns that round.
        crop = np.zeros((112, 112, 3), np.uint8)
        crop[:, 56:] = 220
        for seed in range(8):
            own, other = steady.two_views(crop, np.random.default_rng(seed))
            self.assertGreater(own[:, 70:].mean(), own[:, :42].mean() + 100)
            self.assertGreater(other[:, :42].mean(), other[:, 70:].mean() + 100)

    def test_profiles_are_drawn_more_often_than_they_are_found(self) -> None:
        yaw = np.where(np.arange(200) < 20, 55.0, 5.0)
        shares = steady.shares_of(rows(np.random.default_rng(1).permutation(yaw)), np.linspace(-1, 1, 200), 0.5)
        turned = np.random.default_rng(1).permutation(yaw) > 30
        self.assertAlmostEqual(float(shares.sum()), 1.0)
        self.assertGreater(float(shares[turned].sum()), 0.2)


if __name__ == '__main__':
    unittest.main()
