"""SFace embeddings of every crops file, in resumable shards: `python -m diffiqa_training embed [set.variant …]`."""

import os
import sys
import time

import numpy as np

from . import crop_set, paths
from .judges import SFACE, Embedder

SHARD = 512

ORDER = [
    'lfw-val.clean', 'lfw-val.mixed', 'fiw-val.clean',
    'lfw-train.clean', 'fiw-train.clean', 'vgg.clean',
    'lfw-train.degraded', 'fiw-train.degraded', 'vgg.degraded',
    'utkface.clean', 'utkface.degraded', 'masks.clean', 'masks.degraded', 'glint.clean', 'glint.degraded',
]


def embed_set(name: str, variant: str, embedder: Embedder) -> None:
    target = paths.embed_file(name, variant)
    crops = crop_set.load(name, variant).crops
    if target.exists() and len(np.load(target)['embedding']) == len(crops):
        return
    folder = paths.EMBED / 'shards'
    folder.mkdir(parents=True, exist_ok=True)
    shards, started, made = [], time.monotonic(), 0
    for start in range(0, len(crops), SHARD):
        shard = folder / f'{name}.{variant}.{start:06d}.npy'
        if not shard.exists():
            part = embedder(crops[start : start + SHARD])
            temporary = shard.with_suffix('.tmp.npy')
            np.save(temporary, part)
            os.replace(temporary, shard)
            made += len(part)
        shards.append(np.load(shard))
    embedding = np.concatenate(shards)
    if embedding.shape != (len(crops), 128) or not np.isfinite(embedding).all():
        raise RuntimeError(f'{name}.{variant}: bad embeddings {embedding.shape}')
    temporary = target.with_suffix('.tmp.npz')
    np.savez(temporary, embedding=embedding, norm=np.linalg.norm(embedding, axis=1))
    os.replace(temporary, target)
    seconds = time.monotonic() - started
    print(f'{name}.{variant}: {len(crops)} crops, {1e3 * seconds / max(made, 1):.0f} ms each', flush=True)


def main(arguments: list[str]) -> None:
    # --watch: later sets may still be being written; look again until all of ORDER are there.
    watch = '--watch' in arguments
    wanted = [a for a in arguments if not a.startswith('--')] or ORDER
    embedder = Embedder(SFACE)
    pending = list(wanted)
    while pending:
        ready = next((key for key in pending if crop_set.exists(*key.split('.'))), None)
        if ready is None:
            if not watch:
                print(f'no crops yet: {", ".join(pending)}', file=sys.stderr)
                return
            time.sleep(10)
            continue
        embed_set(*ready.split('.'), embedder)
        pending.remove(ready)
