"""Fast random degradations of an aligned crop, for the restorer: its target is the undegraded crop, so both stay aligned.

The benchmark's degradations (src/evaluation/degrade.ts) act on the photo before detection; these here act on 112 x 112 crops
and are drawn more widely, one to three in a row.
"""
import cv2
import numpy as np

Random = np.random.Generator


def gaussian_blur(image: np.ndarray, random: Random) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), random.uniform(0.6, 4.5))


def motion_blur(image: np.ndarray, random: Random) -> np.ndarray:
    length = int(random.integers(3, 20))
    kernel = np.zeros((length, length), np.float32)
    angle = random.uniform(0, np.pi)
    half = (length - 1) / 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    start, end = (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1.0))


def down_sampling(image: np.ndarray, random: Random) -> np.ndarray:
    size = int(random.integers(10, 80))
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[random.integers(0, 3)]
    return np.clip(cv2.resize(small, (112, 112), interpolation=way), 0, 255)


def jpeg(image: np.ndarray, random: Random) -> np.ndarray:
    quality = int(random.integers(4, 60))
    encoded = cv2.imencode('.jpg', image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(np.float32)


def sensor_noise(image: np.ndarray, random: Random) -> np.ndarray:
    grey = random.random() < 0.3
    noise = random.standard_normal((112, 112, 1 if grey else 3), dtype=np.float32)
    return np.clip(image + noise * random.uniform(4, 45), 0, 255)


def low_light(image: np.ndarray, random: Random) -> np.ndarray:
    dark = 255 * (image / 255) ** random.uniform(1.0, 1.8) * random.uniform(0.08, 0.7)
    noise = random.standard_normal(image.shape, dtype=np.float32) * random.uniform(0, 10)
    return np.clip(dark + noise, 0, 255)


def over_exposure(image: np.ndarray, random: Random) -> np.ndarray:
    return np.clip(image * random.uniform(1.3, 3.2) + random.uniform(0, 60), 0, 255)


def occlusion(image: np.ndarray, random: Random) -> np.ndarray:
    """A patch of one colour or of noise: the lower face, the upper face, or anywhere."""
    kind = random.integers(0, 3)
    if kind == 0:
        y0, y1 = int(random.integers(55, 78)), int(random.integers(95, 113))
    elif kind == 1:
        y0, y1 = int(random.integers(20, 45)), int(random.integers(55, 70))
    else:
        y0 = int(random.integers(0, 90))
        y1 = min(112, y0 + int(random.integers(15, 50)))
    left, right = int(random.integers(0, 40)), int(random.integers(72, 113))
    if kind == 2:
        left = int(random.integers(0, 80))
        right = left + int(random.integers(15, 50))
    result = image.copy()
    patch = result[y0:y1, left:right]
    patch[:] = random.uniform(0, 255, 3)
    if random.random() < 0.3:
        patch += random.standard_normal(patch.shape, dtype=np.float32) * 25
    return np.clip(result, 0, 255)


KINDS = (gaussian_blur, motion_blur, down_sampling, jpeg, sensor_noise, low_light, over_exposure, occlusion)
COUNTS = (1, 2, 3)
COUNT_SHARES = (0.6, 0.3, 0.1)


def degrade(image: np.ndarray, random: Random) -> np.ndarray:
    """uint8 [112,112,3] -> float32 of the same shape, 0..255."""
    result = image.astype(np.float32)
    for kind in random.choice(len(KINDS), random.choice(COUNTS, p=COUNT_SHARES), replace=False):
        # Filters overshoot a little, and a power of a negative number is not a number.
        result = np.clip(KINDS[kind](result, random), 0, 255).astype(np.float32)
    return result
