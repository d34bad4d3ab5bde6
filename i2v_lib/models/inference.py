"""A network made ready to tag: on a CPU its layers compute the same in another way, faster and in less memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn
from torch.nn import functional

from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork

# Both measured at full width, for one thread.
PIXELS = 2 * 224 * 224  # that go through the body together, so that their maps stay in the processor's cache
SMALL = 100  # positions of a map up to which a convolution is faster as one product of matrices


def prepare_network(network: TagNetwork | HashNetwork, device: torch.device) -> TagNetwork | HashNetwork:
    """Bring a network to a device, in eval mode, with channels last in memory.

    On a CPU, inside ``torch.inference_mode``, its convolutions then take a faster way to the same numbers, up to
    rounding. Modules keep their names, weights and kinds; training, gradients and export see no difference.

    Parameters
    ----------
    network : changed in place
    device : where it goes

    Returns
    -------
    the network
    """
    network.eval().to(device, memory_format=torch.channels_last)
    tagging = network.convolutions if isinstance(network, HashNetwork) else network
    tagging.body.__class__ = _InPieces
    for module in (*tagging.head, tagging.tags):
        if type(module) is nn.Conv2d:
            module.__class__ = _AsProduct
    return network


def compute(call: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """What a network makes of a batch of pictures, in inference mode.

    On a CPU each thread computes pictures of its own. Where threads share each layer instead, all wait for the slowest
    at the end of each, and one that decodes a picture, or another program, slows them all.

    Parameters
    ----------
    call : the network, or its ``features``
    images : tensor, shape (N, 3, S, S), on the network's device

    Returns
    -------
    tensor, shape (N, T) or (N, B)
    """
    threads = torch.get_num_threads()

    def alone(part: torch.Tensor) -> torch.Tensor:
        torch.set_num_threads(1)
        with torch.inference_mode():
            return call(part)

    if images.device.type != "cpu" or min(threads, len(images)) < 2:
        with torch.inference_mode():
            return call(images)
    try:
        torch.set_num_threads(1)  # here too: products of matrices ask for the number of the whole process
        with ThreadPoolExecutor(threads) as pool:
            return torch.cat(list(pool.map(alone, images.split(-(-len(images) // threads)))))
    finally:
        torch.set_num_threads(threads)


class _InPieces(nn.Sequential):
    """Layers through which a few pictures go at a time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not _fast(x):
            return super().forward(x)
        piece = max(1, PIXELS // (x.shape[2] * x.shape[3]))
        return torch.cat([super(_InPieces, self).forward(pictures) for pictures in x.split(piece)])


class _AsProduct(nn.Conv2d):
    """A 3 × 3 convolution; on a small map all its weights are multiplied with each position's neighborhood at once."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = x.shape
        if not _fast(x) or height * width > SMALL:
            return super().forward(x)
        x = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (N, H + 2, W + 2, C)
        x = x.unfold(1, 3, 1).unfold(2, 3, 1).permute(0, 1, 2, 4, 5, 3)  # (N, H, W, 3, 3, C)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # (D, 9 C)
        x = functional.linear(x.reshape(n * height * width, 9 * channels), weight, self.bias)
        return x.view(n, height, width, -1).permute(0, 3, 1, 2)  # (N, D, H, W), channels last in memory


def _fast(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and torch.is_inference_mode_enabled()
