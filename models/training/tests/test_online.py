"""Labels on the fly: degradations, SFace in PyTorch, who labels whom, and where a training goes on."""

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffiqa_training import paths  # noqa: E402
from diffiqa_training.exported import load_checkpoint  # noqa: E402
from diffiqa_training.online.augment import jittered, shown  # noqa: E402
from diffiqa_training.online.degrade import KINDS, degrade_some  # noqa: E402
from diffiqa_training.online.head import OUTPUTS, QualityHead  # noqa: E402
from diffiqa_training.online.labels import Measured, Scale  # noqa: E402
from diffiqa_training.online.learn import Teachers, targets  # noqa: E402
from diffiqa_training.online.sface import TAPS, TAP_CHANNELS, load_sface  # noqa: E402
from diffiqa_training.regressor import Regressor  # noqa: E402


def pictures(count: int) -> torch.Tensor:
    """Smooth ones with a few edges, as faces are; whole numbers 0..255."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 14, 14, generator=generator) * 255
    return torch.nn.functional.interpolate(coarse, (112, 112), mode='bilinear').round()


class Degradations(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(1)

    def test_the_share_that_is_asked_for_is_changed_and_the_rest_is_not(self) -> None:
        x = pictures(64)
        poor, touched = degrade_some(x, 0.5)
        self.assertEqual(int(touched.sum()), 32)
        changed = (poor != x).flatten(1).any(1)
        self.assertTrue(torch.equal(changed, touched))
        self.assertGreaterEqual(poor.min().item(), 0)
        self.assertLessEqual(poor.max().item(), 255)

    def test_each_kind_changes_every_picture_and_gives_numbers(self) -> None:
        for kind in KINDS:
            answer = kind(pictures(12)).clamp(0, 255)
            self.assertTrue(torch.isfinite(answer).all(), kind.__name__)
            self.assertTrue((answer - pictures(12)).abs().flatten(1).mean(1).gt(0.05).all(), kind.__name__)

    def test_without_jitter_no_pixel_is_sampled_again(self) -> None:
        x = pictures(4)
        still = jittered(x, torch.zeros(4, 1, 1, 1))
        self.assertTrue(torch.equal(still, x))
        self.assertFalse(torch.equal(jittered(x, torch.ones(4, 1, 1, 1)), x))

    def test_what_is_shown_are_pixels_as_a_server_has_them(self) -> None:
        varied, _, _ = shown(pictures(16).to(torch.uint8), 0.5)
        self.assertTrue(torch.equal(varied, varied.round()))
        self.assertTrue((varied >= 0).all() and (varied <= 255).all())


class SFace(unittest.TestCase):
    def test_gives_the_shipped_files_embedding_and_the_feature_maps(self) -> None:
        file = paths.MODELS / 'embedder.onnx'
        x = pictures(2)
        session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
        wanted = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: x.numpy()})[0]
        with torch.no_grad():
            answer, taps = load_sface(file)(x)
        self.assertGreater(torch.cosine_similarity(answer, torch.from_numpy(wanted)).min().item(), 0.9999)
        self.assertEqual([tap.shape[1] for tap in taps], list(TAP_CHANNELS))
        self.assertEqual(len(taps), len(TAPS))


class Labels(unittest.TestCase):
    def test_a_crop_is_judged_by_a_head_that_has_not_seen_its_person(self) -> None:
        heads = torch.nn.ModuleList(QualityHead() for _ in range(4))
        for number, head in enumerate(heads):
            torch.nn.init.zeros_(head.answer.weight)
            torch.nn.init.constant_(head.answer.bias, number)
        state = {'folds': 3, 'dropout': 0.3, 'heads': heads.state_dict(), 'scale': {'gen': [0.0, 1.0]}}
        taps = [torch.zeros(4, width, side, side) for width, side in zip(TAP_CHANNELS, (56, 28, 14, 7))]
        answers = Teachers(state, torch.device('cpu'))(taps, torch.tensor([2, 0, 1, -1]))
        # Of a person in no fold all of them have the same say; the last head has seen everybody and labels nobody.
        self.assertEqual(answers[:, 0].tolist(), [2, 0, 1, 1])

    def test_what_was_measured_counts_for_its_share_and_what_was_not_is_predicted(self) -> None:
        measured = Measured({'gen': torch.tensor([1.0, torch.nan]), 'pass': torch.tensor([0.0, 1.0]), 'log_norm': torch.tensor([2.0, 2.0])}, torch.zeros(2, 1), [])
        judged = torch.full((2, len(OUTPUTS)), 0.5)
        scale = Scale.of({'gen': [0.0, 1.0], 'pass': [0.0, 1.0], 'log_norm': [1.0, 2.0]})
        found = targets(measured, judged, scale, 0.3, {'gen': 1.0, 'log_norm': 2.0})
        np.testing.assert_allclose(found['gen'], [0.65, 0.5], rtol=1e-6)
        np.testing.assert_allclose(found['quality'], [1.65, 1.5], rtol=1e-6)


class GoingOn(unittest.TestCase):
    def test_a_checkpoint_with_other_further_answers_gives_those_that_both_have(self) -> None:
        shape = {'widths': (4, 4, 8, 8), 'blocks': (1, 1, 1, 1), 'features': 8}
        before = Regressor(**shape, auxiliary=('pair', 'gen', 'log_norm', 'own')).eval()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'single.pt'
            torch.save({'ema': before.state_dict(), 'architecture': {**shape, 'auxiliary': before.answers}}, file)
            after = Regressor(**shape)
            load_checkpoint(after, file)
        x = torch.randn(2, 3, 112, 112)
        with torch.no_grad():
            a, b = before.heads(x), after.eval().heads(x)
        for key in ('mean', 'gen', 'own', 'log_norm'):
            torch.testing.assert_close(a[key], b[key])


if __name__ == '__main__':
    unittest.main()
