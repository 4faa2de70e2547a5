"""The whole chain: every step that makes what is shipped, in the order in which they need one another.

Steps that do not need one another run side by side, a process and a thread each, as many as there are cores: some cannot use two threads, and a
core would stand idle. More of them at once would take minutes from one another.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from . import config, paths

Lane = list[list[str]]
# Of wall clock, with those before the labels: the restorer goes on where a core is free.
RESTORER_MINUTES = 92
LABELLING_RESTORER = '.cache/training/ddpm/last.pt'
# The second leg of `steady`, from the end of the first: a pixel's shift moved the score of one sample face by .07.
STEADIER = ['begin=.cache/training/steady/last.pt', 'minutes=8', 'together=3']


def stages() -> list[list[Lane]]:
    """One after the other; of each the lanes side by side; of each lane the steps, as on the command line.

    Labels are made with the exported restorer, hence two exports; in another folder, so that a run that is taken up again makes the same labels.
    What learns on the fly, and the rivals, make nothing that is shipped.
    """
    alone = lambda *steps: [[[step] for step in steps]]
    restorer = ['ddpm', 'folder=ddpm-on', f'start={LABELLING_RESTORER}', f'minutes={RESTORER_MINUTES}']
    distil = [[['distil', f'seeds=[{seed}]']] for seed in config.section('distil')['seeds']]
    return [
        alone('fetch', 'crops'),
        [[['ddpm']], [['embed'], ['taps'], ['teach']]],
        [[['export', f'denoiser={LABELLING_RESTORER}'], ['label']]],
        [*distil, [restorer]],
        [[['steady'], ['steady', *STEADIER], ['export'], ['verify'], ['vectors'], ['calibrate'], ['evaluate']]],
    ]


def run_lane(lane: Lane) -> None:
    package = __package__
    environment = {**os.environ, 'PYTHONPATH': str(paths.PACKAGE.parent)}
    for step in lane:
        begun = time.monotonic()
        print(f'== {" ".join(step)}', flush=True)
        subprocess.run([sys.executable, '-m', package, *step], check=True, env=environment)
        print(f'== {" ".join(step)}: {(time.monotonic() - begun) / 60:.1f} minutes', flush=True)


def run() -> None:
    for lanes in stages():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # list() raises what a lane ended with, once the other lanes have ended too.
            list(pool.map(run_lane, lanes))
