"""The whole chain: nothing runs before what it needs."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffiqa_training import chain, config  # noqa: E402
from diffiqa_training.__main__ import STEPS  # noqa: E402

NEEDS = {
    'crops': {'fetch'}, 'embed': {'crops'}, 'taps': {'crops', 'fetch'}, 'teach': {'embed', 'taps'}, 'ddpm': {'crops'},
    'label': {'teach', 'ddpm', 'export'}, 'distil': {'label'}, 'steady': {'distil'}, 'verify': {'steady'}, 'vectors': {'steady'},
    'calibrate': {'steady'}, 'evaluate': {'calibrate'},
}


class Order(unittest.TestCase):
    def test_every_step_is_known_and_runs_after_what_it_needs(self) -> None:
        done: set[str] = set()
        for lanes in chain.stages():
            for lane in lanes:
                before = set(done)
                for name, *_ in lane:
                    self.assertIn(name, STEPS)
                    self.assertLessEqual(NEEDS.get(name, set()), before, name)
                    before.add(name)
            done |= {step[0] for lane in lanes for step in lane}
        self.assertLessEqual(set(NEEDS), done)

    def test_each_network_of_distil_is_trained_once(self) -> None:
        seeds = [step[1] for lanes in chain.stages() for lane in lanes for step in lane if step[0] == 'distil']
        self.assertEqual(seeds, [f'seeds=[{seed}]' for seed in config.section('distil')['seeds']])

    def test_labels_are_made_with_a_restorer_that_no_later_step_trains_on(self) -> None:
        steps = [step for lanes in chain.stages() for lane in lanes for step in lane]
        labelling = steps[steps.index(['label']) - 1]
        self.assertEqual(labelling, ['export', f'denoiser={chain.LABELLING_RESTORER}'])
        folder = Path(chain.LABELLING_RESTORER).parent.name
        self.assertEqual(folder, config.section('ddpm')['folder'])
        for step in steps[steps.index(['label']) :]:
            if step[0] == 'ddpm':
                self.assertNotEqual(config.section('ddpm', step[1:])['folder'], folder)

    def test_what_is_shipped_is_what_the_last_steps_write(self) -> None:
        last = [step for lanes in chain.stages() for lane in lanes for step in lane if step[0] == 'ddpm'][-1]
        self.assertEqual(config.section('export')['denoiser'], f'.cache/training/{config.section("ddpm", last[1:])["folder"]}/last.pt')

    def test_a_step_that_fails_ends_the_run(self) -> None:
        with self.assertRaises(chain.subprocess.CalledProcessError):
            chain.run_lane([['no-such-step'], ['fetch']])


if __name__ == '__main__':
    unittest.main()
