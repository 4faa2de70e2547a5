"""Random degradations of a whole batch of aligned crops, on the device that trains.

The benchmark's degradations (src/evaluation/degrade.ts) act on the photo before detection; these act on 112 x 112 crops and are
drawn over a wider, continuous range. Filters work on the spectrum of a mirrored border, so that every crop has a strength of its
own. Each function takes and gives float pixels 0..255, [N, 3, 112, 112].
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 112
BORDER = 24


def uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    """[count, 1, 1, 1]"""
    return torch.empty(count, 1, 1, 1, device=device).uniform_(low, high)


def log_uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    return uniform(count, math.log(low), math.log(high), device).exp()


def frequencies(device: torch.device) -> tuple[Tensor, Tensor]:
    """Cycles a pixel, vertical [H, 1] and horizontal [1, W]."""
    side = SIDE + 2 * BORDER
    return torch.fft.fftfreq(side, device=device)[:, None], torch.fft.rfftfreq(side, device=device)[None]


def filtered(x: Tensor, response: Tensor) -> Tensor:
    padded = F.pad(x, (BORDER,) * 4, mode='reflect')
    answer = torch.fft.irfft2(torch.fft.rfft2(padded) * response, s=padded.shape[-2:])
    return answer[..., BORDER:-BORDER, BORDER:-BORDER]


def gaussian_blur(x: Tensor) -> Tensor:
    v, h = frequencies(x.device)
    sigma = log_uniform(len(x), 0.5, 9.0, x.device)
    return filtered(x, torch.exp(-2 * math.pi**2 * sigma**2 * (v**2 + h**2)))


def motion_blur(x: Tensor) -> Tensor:
    v, h = frequencies(x.device)
    length, angle = log_uniform(len(x), 2.5, 36.0, x.device), uniform(len(x), 0, math.pi, x.device)
    return filtered(x, torch.sinc(length * (v * angle.sin() + h * angle.cos())))


def resized(x: Tensor, side: int, mode: str) -> Tensor:
    if mode in ('area', 'nearest'):
        return F.interpolate(x, (side, side), mode=mode)
    return F.interpolate(x, (side, side), mode=mode, align_corners=False, antialias=side < x.shape[-1])


def down_sampling(x: Tensor) -> Tensor:
    """A few sides a batch: a size of its own for every crop would take a call for every crop."""
    parts = []
    for part in x.chunk(6):
        side = int(round(math.exp(torch.empty(()).uniform_(math.log(11), math.log(80)).item())))
        way = ('bilinear', 'bicubic', 'nearest')[int(torch.randint(0, 3, ()))]
        parts.append(resized(resized(part, side, 'bilinear'), SIDE, way))
    return torch.cat(parts)


LUMA = torch.tensor([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], dtype=torch.float32)
CHROMA = torch.tensor([
    [17, 18, 24, 47, 99, 99, 99, 99], [18, 21, 26, 66, 99, 99, 99, 99], [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99], *[[99] * 8] * 4,
], dtype=torch.float32)
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
DCT = torch.tensor([
    [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)] for k in range(8)
])


def quantised(plane: Tensor, table: Tensor) -> Tensor:
    """Blocks of 8 x 8 through the cosine transform and back. `plane` [N, C, H, W], `table` [N, 1, 1, 1, 8, 8]."""
    n, c, height, width = plane.shape
    basis = DCT.to(plane.device)
    blocks = plane.reshape(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    answer = basis.T @ (torch.round(basis @ blocks @ basis.T / table) * table) @ basis
    return answer.transpose(3, 4).reshape(n, c, height, width)


def jpeg_at(x: Tensor, side: int) -> Tensor:
    """JPEG's loss (ITU-T T.81, the tables of its annex K, quality as libjpeg scales it), 4:2:0, at `side` pixels."""
    device, n = x.device, len(x)
    quality = log_uniform(n, 3, 60, device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[..., None, None]
    luma, chroma = (((table.to(device) * scale + 50) / 100).floor().clamp(1, 255) for table in (LUMA, CHROMA))
    shift = [int(torch.randint(0, 8, ())) for _ in range(2)]
    small = (x if side == SIDE else resized(x, side, 'bilinear')).roll(shift, (2, 3)).clamp(0, 255)
    ycc = torch.einsum('ij,njhw->nihw', TO_YCC.to(device), small)
    y = quantised(ycc[:, :1] - 128, luma) + 128
    half = quantised(F.avg_pool2d(ycc[:, 1:], 2), chroma)
    cc = F.interpolate(half, scale_factor=2.0, mode='bilinear', align_corners=False)
    rgb = torch.einsum('ij,njhw->nihw', torch.linalg.inv(TO_YCC).to(device), torch.cat([y, cc], 1)).clamp(0, 255)
    rgb = rgb.roll([-s for s in shift], (2, 3))
    return rgb if side == SIDE else resized(rgb, SIDE, 'bilinear')


def jpeg(x: Tensor) -> Tensor:
    """Faces were of other sizes when they were compressed."""
    return torch.cat([jpeg_at(part, side) for part, side in zip(x.chunk(3), (SIDE, 160, 80))])


def noise_like(x: Tensor) -> Tensor:
    """A third of it grey, a third of it grains of more than a pixel."""
    noise = torch.randn_like(x)
    third = len(x) // 3
    noise[:third] = noise[:third, :1]
    if third:
        coarse = F.interpolate(torch.randn(third, 3, 72, 72, device=x.device), (SIDE, SIDE), mode='bilinear', align_corners=False)
        noise[third : 2 * third] = coarse * 1.4
    return noise


def sensor_noise(x: Tensor) -> Tensor:
    return x + noise_like(x) * log_uniform(len(x), 4, 75, x.device)


def low_light(x: Tensor) -> Tensor:
    n, device = len(x), x.device
    dark = 255 * (x.clamp(min=0) / 255) ** uniform(n, 1.0, 1.5, device) * log_uniform(n, 0.05, 0.7, device)
    strength = uniform(n, 0, 7, device) + uniform(n, 0, 0.8, device) * dark.clamp(min=0).sqrt()
    return (dark + noise_like(x) * strength).round()


def over_exposure(x: Tensor) -> Tensor:
    return x * log_uniform(len(x), 1.3, 6.5, x.device) + uniform(len(x), 0, 45, x.device)


def occlusion(x: Tensor) -> Tensor:
    """A patch over the lower face, the upper face, or anywhere: one colour, a gradient or noise, sometimes round."""
    n, device = len(x), x.device
    rows, columns = torch.arange(SIDE, device=device).view(1, 1, -1, 1), torch.arange(SIDE, device=device).view(1, 1, 1, -1)
    third = max(1, n // 3)

    def bounds(*parts: tuple[float, float]) -> Tensor:
        sizes = (third, third, n - 2 * third) if n >= 3 else (n, 0, 0)
        return torch.cat([uniform(size, low, high, device) for size, (low, high) in zip(sizes, parts)])

    top = bounds((50, 85), (8, 45), (0, 90))
    bottom = torch.maximum(bounds((92, 125), (50, 72), (20, 112)), top + 8)
    left = bounds((-10, 35), (-10, 30), (0, 85))
    right = torch.maximum(bounds((75, 122), (80, 122), (20, 112)), left + 12)
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    centre_v, centre_h = (top + bottom) / 2, (left + right) / 2
    round_ = ((rows - centre_v) / (bottom - top)) ** 2 + ((columns - centre_h) / (right - left)) ** 2 < 0.25
    inside = torch.where(uniform(n, 0, 1, device) < 0.35, round_, inside)
    colour = torch.empty(n, 3, 1, 1, device=device).uniform_(0, 255)
    slope = uniform(n, -1, 1, device) * (rows - 56) * (uniform(n, 0, 1, device) < 0.4)
    grain = torch.randn_like(x) * uniform(n, 0, 30, device) * (uniform(n, 0, 1, device) < 0.5)
    return torch.where(inside, colour + slope + grain, x)


KINDS = (gaussian_blur, motion_blur, down_sampling, jpeg, sensor_noise, low_light, over_exposure, occlusion)


def degrade(x: Tensor) -> Tensor:
    """Every crop once; which crop gets which kind is the caller's order, which is random."""
    parts = [kind(part).clamp(0, 255) for kind, part in zip(KINDS, x.chunk(len(KINDS)))]
    return torch.cat(parts)


def degrade_some(x: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Degrades about `share` of the batch, a third of those twice and a tenth three times -> pixels, which were (bool [N])."""
    order = torch.randperm(len(x), device=x.device)
    count = int(round(share * len(x)))
    x = x.clone()
    touched = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    touched[order[:count]] = True
    for part in (1.0, 0.35, 0.1):
        chosen = order[: int(part * count)]
        if len(chosen) < len(KINDS):
            break
        x[chosen] = degrade(x[chosen])
        # Another kind follows the first.
        order = torch.cat([order[:count].roll(count // 3), order[count:]])
    return x, touched
