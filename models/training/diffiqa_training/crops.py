"""Aligned crops of every set, made by the server's own decoder, detector and aligner (models/training/crops.ts)."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import crop_set, paths


def run(config: dict[str, Any]) -> None:
    missing = [key for key in config['sets'] if not crop_set.exists(*key.split('.'))]
    if not missing:
        print('crops: nothing to do', flush=True)
        return
    npx = shutil.which('npx')
    if npx is None:
        raise SystemExit('crops: Node is needed (npx was not found)')
    paths.CROPS.mkdir(parents=True, exist_ok=True)
    script = paths.MODELS / 'training' / 'crops.ts'
    command = [npx, 'tsx', str(script), '--data', str(paths.data_dir()), '--out', str(paths.CROPS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # list() raises what a process ended with.
        list(pool.map(lambda key: subprocess.run([*command, key], check=True, cwd=paths.ROOT), missing))
