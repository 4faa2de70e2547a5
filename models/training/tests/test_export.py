"""The same checkpoint gives the same file, so that a hash can tell whether a file came from it."""

import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffiqa_training.config import section  # noqa: E402
from diffiqa_training.export import write_network  # noqa: E402
from diffiqa_training.regressor import Regressor  # noqa: E402
from diffiqa_training.unet import UNet  # noqa: E402


class Export(unittest.TestCase):
    def test_a_checkpoint_exported_twice_gives_the_same_bytes(self) -> None:
        for name, kind, step in (('denoiser', UNet, 'ddpm'), ('regressor', Regressor, 'distil')):
            with self.subTest(name), TemporaryDirectory() as folder:
                architecture = section(step)['architecture']
                torch.manual_seed(1)
                checkpoint = Path(folder) / 'last.pt'
                torch.save({'ema': kind(**architecture).state_dict(), 'architecture': architecture, 'provenance': {'step': step}}, checkpoint)
                files = [Path(folder) / f'{turn}.onnx' for turn in (1, 2)]
                made = [write_network(name, SimpleNamespace(**{name: str(checkpoint)}), file) for file in files]
                self.assertEqual(made, [{'step': step}] * 2)
                self.assertEqual(*(file.read_bytes() for file in files))

    def test_other_weights_give_other_bytes(self) -> None:
        architecture = section('distil')['architecture']
        with TemporaryDirectory() as folder:
            found = []
            for seed in (1, 2):
                torch.manual_seed(seed)
                checkpoint, file = Path(folder) / f'{seed}.pt', Path(folder) / f'{seed}.onnx'
                torch.save({'ema': Regressor(**architecture).state_dict(), 'architecture': architecture, 'provenance': {}}, checkpoint)
                write_network('regressor', SimpleNamespace(regressor=str(checkpoint)), file)
                found.append(file.read_bytes())
            self.assertNotEqual(*found)

    def test_without_a_checkpoint_nothing_is_written(self) -> None:
        with TemporaryDirectory() as folder:
            target = Path(folder) / 'denoiser.onnx'
            self.assertIsNone(write_network('denoiser', SimpleNamespace(denoiser=f'{folder}/last.pt'), target))
            self.assertFalse(target.exists())


if __name__ == '__main__':
    unittest.main()
