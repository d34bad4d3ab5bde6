"""The hash layer: a sigmoid layer inserted into a trained VGG + NIN, whose signs are an illustration's code (§3.2)."""

from __future__ import annotations

import copy

import torch
from torch import nn

from i2v_lib.config import Config, choices_of
from i2v_lib.models.architecture import Architecture
from i2v_lib.models.networks import (
    REDUCTION,
    MultiLabelNetwork,
    TagNetwork,
    build_network,
    network_class,
    without_initial_weights,
)

PLACEMENTS = choices_of("hash_layer")


class HashNetwork(MultiLabelNetwork):
    """A trained VGG + NIN with a sigmoid layer of B units inserted, and a new last layer that reads tags from it.

    The paper inserts the layer "after the last convolutional layer". It can be read in four ways:

    - "flattened": after the last hidden convolution, fully connected to every position of its map, as in the
      weights the authors released (there ``encode1``, ``encode1neuron``, ``encode2``)
    - "pooled": after the same convolution, fully connected to its average over positions
    - "tags": after the convolution with one output per tag, fully connected to its average over positions
    - "convolution": a 3 × 3 convolution with B outputs in place of the one with an output per tag, then averaged

    Parameters
    ----------
    network : copied, so that it stays as it was
    bits : number of units B
    image_size : pixels S, square; "flattened" is built for this size alone
    placement : one of :data:`PLACEMENTS`

    Attributes
    ----------
    image_size, placement : as above
    convolutions : the copy, its last layer taken out but under "tags"
    encode : the hash layer, before its sigmoid
    tags, fixed_size : of :class:`~i2v_lib.models.networks.MultiLabelNetwork`

    Raises
    ------
    TypeError
        If the network does not end in a convolution.
    ValueError
        If the placement is unknown, or there is no bit.

    Source: Saito & Matsui 2015, §3.2.
    """

    convolutions: TagNetwork
    encode: nn.Linear | nn.Conv2d
    tags: nn.Linear

    def __init__(self, network: TagNetwork, bits: int, image_size: int, placement: str = "flattened") -> None:
        super().__init__()
        if placement not in PLACEMENTS:
            raise ValueError(f"hash_layer={placement!r} is unknown; use one of {', '.join(PLACEMENTS)}")
        if bits < 1:
            raise ValueError(f"code_bits={bits}: a code needs at least one bit; the paper has 4096")
        if not isinstance(network.tags, nn.Conv2d):
            raise TypeError(f"network is a {type(network).__name__}, which ends in no convolution; give a VGG + NIN")
        outputs, channels = network.tags.out_channels, network.tags.in_channels
        self.image_size, self.placement = image_size, placement
        self.convolutions = copy.deepcopy(network)
        if placement != "tags":
            self.convolutions.register_module("tags", nn.Identity())
        if placement == "convolution":
            self.encode = nn.Conv2d(channels, bits, 3, padding=1)
        else:
            positions = (image_size // REDUCTION) ** 2
            inputs = {"flattened": channels * positions, "pooled": channels, "tags": outputs}[placement]
            self.encode = nn.Linear(inputs, bits)
        self.tags = nn.Linear(bits, outputs)
        self.fixed_size = image_size if placement == "flattened" else None
        for layer in (self.encode, self.tags):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @property
    def pixel_mean(self) -> torch.Tensor:
        """The VGG + NIN's."""
        return self.convolutions.pixel_mean

    @property
    def body(self) -> nn.Sequential:
        """Convolutions and poolings of the VGG + NIN."""
        return self.convolutions.body

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Hash layer before its sigmoid, shape (N, B), of pictures RGB 0–255, shape (N, 3, S, S)."""
        if self.fixed_size is not None and x.shape[2:] != (self.fixed_size, self.fixed_size):
            size = f"{x.shape[2]} × {x.shape[3]}"
            raise ValueError(f"pictures are {size} pixels; the hash layer was built for {self.fixed_size}")
        x = self.convolutions.tag_map(x)  # (N, 1024·width, S // 32, S // 32); "tags": (N, T, S // 32, S // 32)
        if self.placement == "convolution":
            return self.encode(x).mean((2, 3))  # (N, B)
        # (channel, row, column) is the released weights' order
        x = x.flatten(1) if self.placement == "flattened" else x.mean((2, 3))
        return self.encode(x)  # (N, B)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (N, T), of pictures RGB 0–255, shape (N, 3, S, S)."""
        return self.tags(torch.sigmoid(self.features(x)))  # (N, T)


def build_hash_network(config: Config, outputs: int, network: TagNetwork | None = None) -> HashNetwork:
    """Insert an untrained hash layer, its weights drawn from ``config.seed``.

    Parameters
    ----------
    config : gives code_bits, hash_layer, image_size and seed
    outputs : number of tags T
    network : a trained VGG + NIN to start from; when left out, an untrained one, for weights to be loaded into
    """
    start = network or build_network("vgg_nin", outputs, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return HashNetwork(start, config.code_bits, config.image_size, config.hash_layer)


def empty_network(architecture: Architecture) -> TagNetwork | HashNetwork:
    """A network without memory for its weights, in eval mode: ``load_state_dict(…, assign=True)`` gives it some.

    Raises
    ------
    ValueError
        If no class is registered under the network's name, or a size is impossible.
    """
    return empty_tag_network(architecture) if architecture.code_bits is None else empty_hash_network(architecture)


def empty_tag_network(architecture: Architecture) -> TagNetwork:
    """As :func:`empty_network`, but for the hash layer: the network without it."""
    with without_initial_weights():
        return network_class(architecture.network).build(architecture, dropout=0.0).eval()


def empty_hash_network(architecture: Architecture) -> HashNetwork:
    """As :func:`empty_network`, of an architecture that has a hash layer; one without is a ValueError."""
    if architecture.code_bits is None or architecture.hash_layer is None:
        bits, layer = architecture.code_bits, architecture.hash_layer
        raise ValueError(f"architecture: code_bits={bits}, hash_layer={layer!r}; a hash network needs both")
    with without_initial_weights():
        network = empty_tag_network(architecture)
        return HashNetwork(network, architecture.code_bits, architecture.image_size, architecture.hash_layer).eval()
