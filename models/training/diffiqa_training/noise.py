"""Counter-based noise shared with the server: Philox4x32-10 and Box-Muller, seeded by the face's pixels."""
import hashlib

import numpy as np

DOMAIN = b'diffiqa-noise-1'
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = 0x9E3779B9, 0xBB67AE85
MASK = np.uint64(0xFFFFFFFF)

STREAM_FACE = 0
STREAM_MIRROR = 1
STREAM_SAMPLER = 2
STREAM_SAMPLER_MIRROR = 1002


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds of Philox4x32. counter: uint32 [n, 4] -> uint32 [n, 4]."""
    c0, c1, c2, c3 = (counter[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & MASK,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & MASK,
        )
        k0, k1 = (k0 + W0) & 0xFFFFFFFF, (k1 + W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def noise_key(pixels: bytes, model_version: str) -> tuple[int, int]:
    """Key of a face: pixels are the unflipped crop's 112*112*3 RGB bytes, rows from the top."""
    digest = hashlib.sha256(DOMAIN + model_version.encode('utf-8') + b'\x00' + pixels).digest()
    return int.from_bytes(digest[0:4], 'little'), int.from_bytes(digest[4:8], 'little')


def gaussian(key: tuple[int, int], count: int, draw: int, timestep: int, stream: int) -> np.ndarray:
    """Standard normal noise, float32 [count]. Odd draws are the negative of the even draw before them."""
    blocks = (count + 3) // 4
    counter = np.empty((blocks, 4), dtype=np.uint32)
    counter[:, 0] = np.arange(blocks)
    counter[:, 1] = draw - draw % 2
    counter[:, 2] = timestep
    counter[:, 3] = stream
    u = (philox4x32(counter, key).astype(np.float64) + 0.5) / 2.0**32
    radius = np.sqrt(-2 * np.log(u[:, 0::2]))
    angle = 2 * np.pi * u[:, 1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(-1)[:count]
    return (-z if draw % 2 else z).astype(np.float32)
