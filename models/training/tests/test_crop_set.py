"""What a set without crops says."""

import unittest

from diffiqa_training import crop_set


class MissingCrops(unittest.TestCase):
    def test_the_step_to_run_is_named(self) -> None:
        with self.assertRaisesRegex(SystemExit, 'no crops of nobody.clean: run the step crops first'):
            crop_set.load('nobody', 'clean')


if __name__ == '__main__':
    unittest.main()
