"""VGG model A and VGG + NIN (Table 1), with a width multiplier and for any input size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from i2v_lib.config import Config
from i2v_lib.models.architecture import Architecture

BODY = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # channels; a pooling follows each block
REDUCTION = 32  # five poolings by two
SCALE = 1 / 64  # brings pixels, whose standard deviation is near 64 of 255, to about unit variance


class MultiLabelNetwork(nn.Module):
    """A network from pictures, RGB 0–255, shape (N, 3, S, S), to logits, shape (N, T): a tag or a hash network.

    Attributes
    ----------
    tags : the last layer, a convolution or a linear layer with one output per tag
    fixed_size : pixels S of the images it was built for, or None where any size will do
    """

    tags: nn.Conv2d | nn.Linear
    fixed_size: int | None = None

    @property
    def outputs(self) -> int:
        """Number of tags T."""
        return len(self.tags.weight)

    @property
    def tag_bias(self) -> torch.Tensor:
        """Bias of the last layer, float tensor, shape (T,)."""
        if self.tags.bias is None:
            raise TypeError(f"tags={self.tags}: the last layer has no bias; build it with bias=True")
        return self.tags.bias

    @property
    def pixel_mean(self) -> torch.Tensor:
        """What is subtracted from every pixel: float32 tensor, shape (3,), RGB 0–255."""
        raise NotImplementedError(f"{type(self).__name__} has no pixel_mean; write a property that returns it")

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What describes an image: float tensor, shape (N, D), of images RGB 0–255, shape (N, 3, S, S).

        Of a tag network it is what the last layer reads, averaged over positions; of a hash network the hash layer
        before its sigmoid.
        """
        raise NotImplementedError(f"{type(self).__name__} has no features; write a method that returns them")


class TagNetwork(MultiLabelNetwork):
    """What all tag networks share: the input's normalization and the convolutions up to the fifth pooling.

    A network of one's own is a subclass with a ``head``, a ``tags`` layer, :meth:`build`, ``features`` and ``forward``,
    under :func:`register`. Where its forward pass is not the chain of :meth:`hidden_layers`, it says which it is.

    Attributes
    ----------
    mean : buffer, float32, shape (3,)
        RGB 0–255, subtracted from every pixel; :func:`i2v_lib.models.training.fit` sets it.
    body : convolutions and poolings, named as in the released network (``conv1_1`` … ``pool5``)
    head : the other hidden layers
    tags, fixed_size : of :class:`MultiLabelNetwork`
    dropout_field : of :class:`~i2v_lib.config.Config`, the setting of its dropout
    """

    mean: torch.Tensor
    head: nn.Sequential
    dropout_field: str = "dropout_vgg_nin"

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

    @property
    def pixel_mean(self) -> torch.Tensor:
        """The buffer ``mean``."""
        return self.mean

    @classmethod
    def build(cls, architecture: Architecture, dropout: float) -> TagNetwork:
        """A network of given sizes; each class says which of them it takes."""
        raise NotImplementedError(f"{cls.__name__} has no build; write one that takes an Architecture and a dropout")

    def features_map(self, x: torch.Tensor) -> torch.Tensor:
        """What the last layer reads at each position; only a network whose last layer is a convolution has it."""
        raise TypeError(f"network is a {type(self).__name__}, which has no map of features")

    def tag_map(self, x: torch.Tensor) -> torch.Tensor:
        """Logits at each position; only a network whose last layer is a convolution has them."""
        raise TypeError(f"network is a {type(self).__name__}, whose last layer is not a convolution; it has no tag map")

    def hidden_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Named layers that an image passes through one after the other, from its normalized pixels to ``tags``."""
        yield from self.body.named_children()
        if isinstance(self.tags, nn.Linear):
            yield "flattened", nn.Flatten()
        yield from self.head.named_children()


NETWORKS: dict[str, type[TagNetwork]] = {}  # by the names that settings and weights files use; see register
NetworkClass = TypeVar("NetworkClass", bound=type[TagNetwork])


def register(name: str) -> Callable[[NetworkClass], NetworkClass]:
    """Put a class into :data:`NETWORKS`, so that it can be built and loaded by its name."""

    def put(network: NetworkClass) -> NetworkClass:
        NETWORKS[name] = network
        return network

    return put


@register("vgg_a")
class VGGModelA(TagNetwork):
    """VGG model A with one output per tag: eight convolutions and three fully connected layers.

    Parameters
    ----------
    outputs : number of tags T
    image_size : pixels S, square; fixed, because the first fully connected layer sees the whole last map
    width : multiplies every hidden layer's channels
    dropout : after each of the two hidden fully connected layers

    Source: Saito & Matsui 2015, Table 1 (left); Simonyan & Zisserman 2015, model A.
    """

    dropout_field = "dropout_vgg_a"

    def __init__(self, outputs: int, image_size: int = 224, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__(width)
        if image_size < REDUCTION:
            raise ValueError(f"image_size={image_size}: five poolings need at least {REDUCTION} pixels")
        self.fixed_size = image_size
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
        self.tags = nn.Linear(hidden, outputs)
        initialize(self)

    @classmethod
    def build(cls, architecture: Architecture, dropout: float) -> VGGModelA:
        """VGG model A of given sizes."""
        return cls(architecture.outputs, architecture.image_size, architecture.width, dropout)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Last hidden layer, shape (N, 4096·width), of pictures RGB 0–255, shape (N, 3, S, S)."""
        if x.shape[2:] != (self.fixed_size, self.fixed_size):
            size = f"{x.shape[2]} × {x.shape[3]}"
            raise ValueError(f"pictures are {size} pixels; the network was built for {self.fixed_size}")
        x = self.body_map(x)  # (N, 512·width, S // 32, S // 32)
        x = x.flatten(1)  # (N, 512·width·(S // 32)²), in (channel, row, column) order
        return self.head(x)  # (N, 4096·width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (N, T), of pictures RGB 0–255, shape (N, 3, S, S)."""
        return self.tags(self.features(x))  # (N, T)


@register("vgg_nin")
class VGGNIN(TagNetwork):
    """VGG + NIN: the fully connected layers replaced by 3 × 3 convolutions and global average pooling.

    Parameters
    ----------
    outputs : number of tags T
    width : multiplies every hidden layer's channels
    dropout : between the head's convolutions
    convolutions : of the head: 3 in Table 1; 4 in the network the authors released
    batch_norm : normalize after every convolution but the last. Ours, not the paper's: it learns faster

    Source: Saito & Matsui 2015, §3.1 and Table 1 (right).
    """

    def __init__(
        self,
        outputs: int,
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
        self.tags = nn.Conv2d(hidden, outputs, 3, padding=1)
        self.pool6 = nn.AdaptiveAvgPool2d(1)
        initialize(self)

    @classmethod
    def build(cls, architecture: Architecture, dropout: float) -> VGGNIN:
        """VGG + NIN of given sizes."""
        return cls(architecture.outputs, architecture.width, dropout, architecture.head_convolutions)

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


@register("vgg_nin_bn")
class VGGNINBatchNorm(VGGNIN):
    """VGG + NIN with batch norm after every convolution but the last: ours, not the paper's; it learns faster.

    Parameters are those of :class:`VGGNIN`.
    """

    def __init__(self, outputs: int, width: float = 1.0, dropout: float = 0.0, convolutions: int = 3) -> None:
        super().__init__(outputs, width, dropout, convolutions, batch_norm=True)


def build_network(name: str, outputs: int, config: Config) -> TagNetwork:
    """Build an untrained network, its weights drawn from ``config.seed``.

    Parameters
    ----------
    name : "vgg_a", "vgg_nin", "vgg_nin_bn", or another name in :data:`NETWORKS`
    outputs : number of tags T
    config : gives image_size, width, head_convolutions, dropouts and seed

    Raises
    ------
    ValueError
        For an unknown name.
    """
    kind = network_class(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return kind.build(Architecture.of(config, name, outputs), getattr(config, kind.dropout_field))


def network_class(name: str) -> type[TagNetwork]:
    """The class of a network by its name.

    Raises
    ------
    ValueError
        If no class is registered under the name; the message lists those that are.
    """
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is unknown; use one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


@contextmanager
def without_initial_weights() -> Iterator[None]:
    """A context in which layers get shapes, but neither memory nor initial weights: they are to be given others."""
    with torch.device("meta"), _WithoutDrawing():
        yield


class _WithoutDrawing(TorchFunctionMode):
    """Leave out initial weights: drawing some without memory would first import PyTorch's compiler, for seconds."""

    def __torch_function__(self, function: Any, types: Any, arguments: tuple = (), options: dict | None = None) -> Any:
        return arguments[0] if function is torch.Tensor.normal_ else function(*arguments, **(options or {}))


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
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if module is network.tags else "relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def set_prior(network: MultiLabelNetwork, priors: torch.Tensor) -> None:
    """Set the last bias so that a network that sees nothing predicts each tag's frequency.

    Without it the first epoch only finds the base rates.

    Parameters
    ----------
    network : with T tags
    priors : float tensor, shape (T,), each tag's share of the training pictures, 0 to 1
    """
    if priors.shape != (network.outputs,):
        raise ValueError(f"priors: shape {tuple(priors.shape)}; pass {network.outputs}, one per tag")
    network.tag_bias.copy_(torch.logit(priors.double(), eps=1e-6))
