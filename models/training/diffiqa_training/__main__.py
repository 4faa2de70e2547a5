"""Entry point: `python -m diffiqa_training <step> [arguments]`, run in models/training."""

import importlib
import sys

STEPS: dict[str, tuple[str, str]] = {
    'fetch': ('fetch', 'download SFace and the judge networks by name and hash'),
    'crops': ('crops', 'align every set with the TypeScript aligner'),
    'embed': ('embed', 'SFace embeddings of every crops file'),
    'ddpm': ('ddpm', 'train the restorer'),
    'label': ('label', 'quality labels of the training crops'),
    'distil': ('distil', 'train the regressor'),
    'calibrate': ('calibrate', 'fit every number of models/manifest.json on the validation people'),
    'export': ('export', 'write the ONNX files'),
    'verify': ('verify', 'compare the ONNX files with the networks they came from'),
    'vectors': ('vectors', 'write the test vectors that the TypeScript tests read'),
    'evaluate': ('evaluate', 'the table of scores against baselines'),
}

# `all` runs the steps in the order in which they need one another.
ORDER = ['fetch', 'crops', 'embed', 'ddpm', 'label', 'distil', 'export', 'verify', 'vectors', 'calibrate', 'evaluate']


def usage() -> str:
    width = max(len(name) for name in STEPS)
    lines = [f'  {name.ljust(width)}  {text}' for name, (_, text) in STEPS.items()]
    return '\n'.join(['usage: python -m diffiqa_training <step> [arguments]', '', *lines, f'  {"all".ljust(width)}  every step'])


def run_step(name: str, arguments: list[str]) -> None:
    module = importlib.import_module(f'.{STEPS[name][0]}', __package__)
    module.main(arguments)


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ('-h', '--help'):
        print(usage())
        return 0
    name, arguments = argv[0], argv[1:]
    if name == 'all':
        for step in ORDER:
            print(f'== {step}', flush=True)
            run_step(step, [])
        return 0
    if name not in STEPS:
        print(f'unknown step: {name}\n{usage()}', file=sys.stderr)
        return 2
    run_step(name, arguments)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
