"""Entry point: `python -m diffiqa_training <step> [key=value …]`, run in models/training.

A step is a module with `run(config)`; `config` is its section of config.yaml with the overrides of the command line.
"""

import importlib
import sys

from . import chain, config

STEPS: dict[str, str] = {
    'fetch': 'download SFace and the judge networks by name and hash',
    'crops': 'align every set with the TypeScript aligner',
    'embed': 'SFace embeddings of every crops file',
    'ddpm': 'train the restorer',
    'taps': "SFace's feature maps of every crops file, summed up",
    'teach': "train the quality head on those feature maps",
    'label': 'quality labels of the training crops',
    'distil': 'train the regressor',
    'steady': 'one pass of the regressor instead of two',
    'calibrate': 'fit every number of models/manifest.json on the validation people',
    'export': 'write the ONNX files',
    'verify': 'compare the ONNX files with the networks they came from',
    'vectors': 'write the test vectors that the TypeScript tests read',
    'evaluate': 'the table of scores against baselines',
    'term_study': 'what each term of the full score carries',
    'cascade_study': 'which photos the second look should go to',
    'sigma_study': "what DifFIQA(R)'s sigma means",
    'noise_study': 'how much of a utility is luck of the noise',
    'teach_online': 'train quality heads on labels measured on the fly',
    'learn': 'train regressors on labels measured on the fly',
    'learn_table': 'utility of those heads and regressors',
    'small_e': 'a try at a faster E',
    'slim_e': 'tries at a faster E with fewer channels or blocks of SFace',
    'small_e_table': 'what that and SFace in int8 are worth against SFace',
    'restorer_study': "what the restorer's size, steps, draws and number type bring and cost",
    'rivals': "train other methods' recipes and score with them",
    'rivals_table': "the rivals' table",
}

MODULES = {'teach_online': '.online.teach', 'learn': '.online.learn', 'learn_table': '.online.table', 'small_e': '.online.small_e',
           'slim_e': '.online.slim_e', 'small_e_table': '.online.small_e_table'}


def usage() -> str:
    width = max(len(name) for name in STEPS)
    lines = [f'  {name.ljust(width)}  {text}' for name, text in (STEPS | {'all': 'every step that makes what is shipped'}).items()]
    return '\n'.join(['usage: python -m diffiqa_training <step> [key=value …]', '', *lines])


def run_step(name: str, overrides: list[str]) -> None:
    module = importlib.import_module(MODULES.get(name, f'.{name}'), __package__)
    module.run(config.section(name, overrides))


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ('-h', '--help'):
        print(usage())
        return 0
    name, overrides = argv[0], argv[1:]
    if name == 'all':
        chain.run()
        return 0
    if name not in STEPS:
        print(f'unknown step: {name}\n{usage()}', file=sys.stderr)
        return 2
    run_step(name, overrides)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
