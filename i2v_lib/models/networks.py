"""VGG model A and VGG + NIN (Table 1), with a width multiplier and for any input size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from i2v_lib.config import Config

BODY = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # channels; a pooling follows each block
REDUCTION = 32  # five poolings by two
SCALE = 1 / 64  # brings pixels, whose standard deviation is near 64 of 255, to about unit variance


class TagNetwork(nn.Module):
    """What both networks share: the input's normalization and the convolutions up to the fifth pooling.

    Attributes
    ----------
    mean : buffer, float32, shape (3,)
        RGB 0–255, subtracted from every pixel; :func:`i2v_lib.models.training.fit` sets it.
    body : convolutions and poolings, named as in the released network (``conv1_1`` … ``pool5``)
    tags : the last layer, a convolution or a linear layer with one output a tag
    """

    tags: nn.Conv2d | nn.Linear

    def __init__(self, width: float, batch_norm: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((3,), 127.5))
        layers: list[tuple[str, nn.Module]] = []
        inputs = 3
        for block, channels in enumerate(BODY, start=1):
            widths = [scaled(c, width) for c in channels]
            layers += convolutions(block, [inputs, *widths], batch_norm)
            # a rectifier keeps the order of values: after the pooling it gives the same map for a quarter of the work
            layers.insert(-1, (f"pool{block}", nn.MaxPool2d(2)))
            inputs = widths[-1]
        self.body = nn.Sequential(OrderedDict(layers))

    def body_map(self, x: torch.Tensor) -> torch.Tensor:
        """Map after the fifth pooling.

        Parameters
        ----------
        x : float or uint8 tensor, shape (N, 3, S, S), RGB 0–255

        Returns
        -------
        float tensor, shape (N, 512·width, S // 32, S // 32)
        """
        x = (x.float() - self.mean.view(3, 1, 1)) * SCALE  # (N, 3, S, S)
        return self.body(x)


class VGGModelA(TagNetwork):
    """VGG model A with one output a tag: eight convolutions and three fully connected layers.

    Parameters
    ----------
    tags : number of outputs T
    image_size : pixels S, square; fixed, because the first fully connected layer sees the whole last map
    width : multiplies every hidden layer's channels
    dropout : after each of the two hidden fully connected layers

    Source: Saito & Matsui 2015, Table 1 (left); Simonyan & Zisserman 2015, model A.
    """

    def __init__(self, tags: int, image_size: int = 224, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__(width)
        if image_size < REDUCTION:
            raise ValueError(f"image_size={image_size}: five poolings need at least {REDUCTION} pixels")
        self.image_size = image_size
        hidden = scaled(4096, width)
        layers = {
            "fc6": nn.Linear(scaled(512, width) * (image_size // REDUCTION) ** 2, hidden),
            "relu6": nn.ReLU(inplace=True),
            "drop6": nn.Dropout(dropout),
            "fc7": nn.Linear(hidden, hidden),
            "relu7": nn.ReLU(inplace=True),
            "drop7": nn.Dropout(dropout),
        }
        self.head = nn.Sequential(OrderedDict(layers))
        self.tags = nn.Linear(hidden, tags)
        initialize(self)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Last hidden layer, shape (N, 4096·width), of pictures RGB 0–255, shape (N, 3, S, S)."""
        if x.shape[2:] != (self.image_size, self.image_size):
            size = f"{x.shape[2]} × {x.shape[3]}"
            raise ValueError(f"pictures are {size} pixels; the network was built for {self.image_size}")
        x = self.body_map(x)  # (N, 512·width, S // 32, S // 32)
        x = x.flatten(1)  # (N, 512·width·(S // 32)²), in (channel, row, column) order
        return self.head(x)  # (N, 4096·width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (N, T), of pictures RGB 0–255, shape (N, 3, S, S)."""
        return self.tags(self.features(x))  # (N, T)


class VGGNIN(TagNetwork):
    """VGG + NIN: the fully connected layers replaced by 3 × 3 convolutions and global average pooling.

    Parameters
    ----------
    tags : number of outputs T
    width : multiplies every hidden layer's channels
    dropout : between the head's convolutions
    convolutions : of the head: 3 in Table 1; 4 in the network the authors released
    batch_norm : normalize after every convolution but the last. Ours, not the paper's: it learns faster

    Source: Saito & Matsui 2015, §3.1 and Table 1 (right).
    """

    def __init__(
        self,
        tags: int,
        width: float = 1.0,
        dropout: float = 0.0,
        convolutions: int = 3,
        batch_norm: bool = False,
    ) -> None:
        super().__init__(width, batch_norm)
        if convolutions < 2:
            raise ValueError(f"convolutions={convolutions}: the head needs at least 2; use 3 (Table 1) or 4")
        hidden = scaled(1024, width)
        channels = [scaled(512, width), *[hidden] * (convolutions - 1)]
        self.head = nn.Sequential(OrderedDict(head_convolutions(channels, dropout, batch_norm)))
        self.dropout = nn.Dropout(dropout)
        self.tags = nn.Conv2d(hidden, tags, 3, padding=1)
        self.pool6 = nn.AdaptiveAvgPool2d(1)
        initialize(self)

    def features_map(self, x: torch.Tensor) -> torch.Tensor:
        """Last hidden map of a batch of pictures.

        Parameters
        ----------
        x : float or uint8 tensor, shape (N, 3, S, S), RGB 0–255, S at least 32

        Returns
        -------
        float tensor, shape (N, 1024·width, S // 32, S // 32), after its ReLU
        """
        if min(x.shape[2:]) < REDUCTION:
            size = f"{x.shape[2]} × {x.shape[3]}"
            raise ValueError(f"pictures are {size} pixels; five poolings need at least {REDUCTION}")
        x = self.body_map(x)  # (N, 512·width, S // 32, S // 32)
        return self.head(x)  # (N, 1024·width, S // 32, S // 32)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Last hidden map averaged over positions, shape (N, 1024·width), of pictures RGB 0–255, (N, 3, S, S)."""
        return self.features_map(x).mean((2, 3))  # (N, 1024·width)

    def tag_map(self, x: torch.Tensor) -> torch.Tensor:
        """Logits at each position, shape (N, T, S // 32, S // 32), of pictures RGB 0–255, (N, 3, S, S)."""
        x = self.features_map(x)  # (N, 1024·width, S // 32, S // 32)
        return self.tags(self.dropout(x))  # (N, T, S // 32, S // 32); no ReLU

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (N, T), of pictures RGB 0–255, shape (N, 3, S, S)."""
        x = self.tag_map(x)  # (N, T, S // 32, S // 32)
        x = self.pool6(x)  # (N, T, 1, 1)
        return x.flatten(1)  # (N, T)


def build_network(name: str, tags: int, config: Config) -> TagNetwork:
    """Build an untrained network, its weights drawn from ``config.seed``.

    Parameters
    ----------
    name : "vgg_a", "vgg_nin" or "vgg_nin_bn"
    tags : number of outputs T
    config : gives image_size, width, head_convolutions, dropouts and seed

    Raises
    ------
    ValueError
        For an unknown name.
    """
    nin: dict[str, Any] = {
        "width": config.width,
        "dropout": config.dropout_vgg_nin,
        "convolutions": config.head_convolutions,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if name == "vgg_a":
            return VGGModelA(tags, config.image_size, config.width, config.dropout_vgg_a)
        if name == "vgg_nin":
            return VGGNIN(tags, **nin)
        if name == "vgg_nin_bn":
            return VGGNIN(tags, **nin, batch_norm=True)
    raise ValueError(f"network {name!r} is unknown; use vgg_a, vgg_nin or vgg_nin_bn")


def scaled(channels: int, width: float) -> int:
    """Channels of a hidden layer under a width multiplier, at least one."""
    return max(1, round(channels * width))


def convolutions(block: int, channels: list[int], batch_norm: bool) -> Iterator[tuple[str, nn.Module]]:
    """Named 3 × 3 convolutions from ``channels[0]`` through each of the others, a ReLU after each."""
    for i, (inputs, outputs) in enumerate(pairwise(channels), start=1):
        yield f"conv{block}_{i}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batch_norm)
        if batch_norm:
            yield f"norm{block}_{i}", nn.BatchNorm2d(outputs)
        yield f"relu{block}_{i}", nn.ReLU(inplace=True)


def head_convolutions(channels: list[int], dropout: float, batch_norm: bool) -> Iterator[tuple[str, nn.Module]]:
    """The sixth block's hidden convolutions, with dropout between them."""
    for name, module in convolutions(6, channels, batch_norm):
        if name.startswith("conv") and name != "conv6_1":
            yield name.replace("conv", "drop"), nn.Dropout(dropout)
        yield name, module


def initialize(network: TagNetwork) -> None:
    """Draw weights as He et al. (2015) do, for layers with a ReLU after them; biases start at zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            kind = "linear" if module is network.tags else "relu"
            nn.init.kaiming_normal_(module.weight, nonlinearity=kind)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def set_prior(network: TagNetwork, priors: torch.Tensor) -> None:
    """Set the last bias so that a network that sees nothing predicts each tag's frequency.

    Without it the first epoch only finds the base rates.

    Parameters
    ----------
    network : with T tags
    priors : float tensor, shape (T,), each tag's share of the training pictures, 0 to 1
    """
    if priors.shape != network.tags.bias.shape:
        raise ValueError(f"priors: shape {tuple(priors.shape)}; pass {len(network.tags.bias)}, one a tag")
    network.tags.bias.copy_(torch.logit(priors.double(), eps=1e-6))
