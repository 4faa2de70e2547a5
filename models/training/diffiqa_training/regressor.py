"""DifFIQA(R): a plain residual network of dense 3x3 convolutions with three outputs: mean, log variance, embedding."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        plain = inputs == outputs and stride == 1
        self.skip = nn.Identity() if plain else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.skip(x))


class Regressor(nn.Module):
    """112x112 -> stem at stride 2 -> four levels (56, 28, 14, 7 px) -> 7x7 depthwise head -> feature -> outputs.

    `auxiliary` names what else it learns to answer; those heads are not exported.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 192), blocks: tuple[int, ...] = (1, 1, 2, 1), features: int = 256,
                 dropout: float = 0.0, auxiliary: tuple[str, ...] = ('gen', 'own', 'log_norm')):
        super().__init__()
        self.answers = tuple(auxiliary)
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        levels, inputs = [], widths[0]
        for level, (width, count) in enumerate(zip(widths, blocks)):
            for index in range(count):
                levels.append(Block(inputs, width, 2 if index == 0 and level > 0 else 1))
                inputs = width
        self.body = nn.Sequential(*levels)
        self.expand = nn.Sequential(nn.Conv2d(inputs, features, 1, bias=False), nn.BatchNorm2d(features), nn.ReLU())
        self.pool = nn.Conv2d(features, features, 7, groups=features, bias=False)
        self.pool_norm = nn.BatchNorm2d(features)
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(features, 128)
        self.quality = nn.Linear(features, 2)
        self.auxiliary = nn.Linear(features, len(self.answers))

    def trunk(self, face: Tensor) -> Tensor:
        return self.pool_norm(self.pool(self.expand(self.body(self.stem(face))))).flatten(1)

    def heads(self, face: Tensor) -> dict[str, Tensor]:
        feature = self.dropout(self.trunk(face))
        quality, auxiliary = self.quality(feature), self.auxiliary(feature)
        return {
            'mean': quality[:, 0],
            'log_variance': quality[:, 1],
            'embedding': self.embedding(feature),
            **{name: auxiliary[:, index] for index, name in enumerate(self.answers)},
        }

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answers = self.heads(face)
        return answers['mean'], answers['log_variance'].clamp(-10, 4), answers['embedding']


class MirrorMean(nn.Module):
    """Scores of the face and of its mirror image, averaged, by two passes. Halves what a shift or a re-encoding does to the score."""

    def __init__(self, regressor: Regressor) -> None:
        super().__init__()
        self.regressor = regressor

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance, embedding = self.regressor(face)
        mirror_mean, mirror_log_variance, _ = self.regressor(face.flip(3))
        return (mean + mirror_mean) / 2, (log_variance + mirror_log_variance) / 2, embedding


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """Folds every BatchNorm into the convolution before it; the model must be in eval mode."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in model.modules():
        if isinstance(module, nn.Sequential) and len(module) >= 2 and isinstance(module[1], nn.BatchNorm2d):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
        if isinstance(module, Block):
            for index in (1, 2):
                conv, norm = getattr(module, f'conv{index}'), getattr(module, f'norm{index}')
                setattr(module, f'conv{index}', fuse_conv_bn_eval(conv, norm))
                setattr(module, f'norm{index}', nn.Identity())
    if isinstance(model, Regressor):
        model.pool = fuse_conv_bn_eval(model.pool, model.pool_norm)
        model.pool_norm = nn.Identity()
    return model
