"""SFace embeddings of every crops file, and the judges' of the validation sets, in resumable shards."""

import os
import sys
import time

import numpy as np

from . import crop_set, paths
from .judges import JUDGES, SFACE, Embedder

SHARD = 512


def embed_set(name: str, variant: str, embedder: Embedder) -> None:
    judge = embedder.judge.name
    target = paths.embed_file(name, variant, judge)
    source = crop_set.load(name, variant)
    crops = source.crops
    if target.exists() and len(np.load(target)['embedding']) == len(source.rows):
        return
    folder = target.parent / 'shards'
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
    if len(embedding) != len(crops) or not np.isfinite(embedding).all():
        raise RuntimeError(f'{name}.{variant}: bad embeddings {embedding.shape}')
    # Row r belongs to line r of the .jsonl; rows without a face are NaN.
    embedding = source.spread(embedding)
    temporary = target.with_suffix('.tmp.npz')
    np.savez(temporary, embedding=embedding, norm=np.linalg.norm(embedding, axis=1))
    os.replace(temporary, target)
    seconds = time.monotonic() - started
    print(f'{judge} {name}.{variant}: {len(crops)} crops, {1e3 * seconds / max(made, 1):.0f} ms each', flush=True)


def run(config: dict) -> None:
    networks = {judge.name: judge for judge in [SFACE, *JUDGES]}
    for name in config['networks']:
        sets = config['sets'] if name == SFACE.name else config['judge_sets']
        embed_all(list(sets), Embedder(networks[name]), config['watch'])


def embed_all(pending: list[str], embedder: Embedder, watch: bool) -> None:
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
