"""A network made ready to tag: on a CPU its layers compute the same in another way, faster."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork

Network = TypeVar("Network", bound=TagNetwork | HashNetwork)
PIXELS = 2 * 224 * 224  # that go through the body together, so that their maps stay in the processor's cache
# PyTorch compiles with the two operators of packing, which have no public name; they are tried on these processors.
PACKS = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def prepare_network(network: Network, device: torch.device) -> Network:
    """A copy of a network on a device, in eval mode, that tags faster.

    On a CPU, inside ``torch.inference_mode``, its convolutions take a faster way to the same numbers, up to rounding.
    Modules keep their names, weights and kinds; training, gradients and export see no difference.

    Parameters
    ----------
    network : stays as it is
    device : where the copy goes

    Returns
    -------
    a network whose tensors share the given one's memory, as far as that is where they are needed; a network that was
    prepared for this device already is returned as it is
    """
    if isinstance(network.body, _InPieces) and not network.training and _device_of(network) == device:
        return network
    # modules are copied; of tensors only what says where they lie, so that moving these moves no one else's
    shared: dict[int, Any] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in network.parameters()}
    shared |= {id(buffer): buffer.detach() for buffer in network.buffers()}
    ready = copy.deepcopy(network, shared)
    ready.eval().to(device)
    if device.type != "cpu" or not PACKS:  # packed copies have an order of their own
        ready.to(memory_format=torch.channels_last)
    ready.body.__class__ = _InPieces
    for module in ready.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = _Packed
    return ready


def _device_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


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


class _Packed(nn.Conv2d):
    """A convolution with a second copy of its weights, in the processor's own order.

    Without it they are put into that order again for each piece, which takes a twentieth of the time.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not PACKS or not _fast(x) or self.weight.is_inference():  # such weights do not tell when they change
            return super().forward(x)
        weight = _copies.of(self)
        return torch.ops.mkldnn._convolution_pointwise(x, weight, self.bias, *_shape(self), "none", [], "")


class _Copies:
    """Weights in the processor's order, made when they are first used and again when the weights have changed.

    Apart from the modules, which are copied and saved without them, and gone with them.
    """

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[nn.Conv2d, tuple[torch.Tensor, int, torch.Tensor]] = WeakKeyDictionary()
        self._lock = Lock()  # threads share a network

    def of(self, module: nn.Conv2d) -> torch.Tensor:
        weight = module.weight.detach()  # kept: so nothing else can come to lie where it lies
        with self._lock:
            if made := self._made.get(module):
                source, version, packed = made
                if source.data_ptr() == weight.data_ptr() and version == weight._version:
                    return packed
            packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *_shape(module), None)
            self._made[module] = weight, weight._version, packed
            return packed


_copies = _Copies()


def _shape(module: nn.Conv2d) -> tuple[str | tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
    return module.padding, module.stride, module.dilation, module.groups


def _fast(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype is torch.float32 and torch.is_inference_mode_enabled()
