"""Where a network saw a tag: one value for each cell of a grid laid over the picture.

VGG + NIN ends with a convolution that has one output per tag, and averages it over positions. Before the average it is
a heat map, and costs nothing. Other networks have no such map; their heat is read from a gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import REDUCTION, TagNetwork

BATCH = 32  # pictures at a time
FINEST = 8  # cells a side, at least, of the map a gradient is taken at, if the picture is large enough


def heatmap(network: TagNetwork | HashNetwork, images: torch.Tensor, tags: int | np.ndarray) -> np.ndarray:
    """Heat of tags: of VGG + NIN by :func:`last_map`, of any other network by :func:`gradient_map`.

    Parameters
    ----------
    network : on any device; its mode is left as it was
    images : uint8 or float tensor, shape (N, 3, S, S), RGB 0–255, as the network takes them
    tags : column of one tag for all pictures; or int array, shape (N,) or (N, K), each picture's own

    Returns
    -------
    float32 array, shape (N, h, w), or (N, K, h, w) for K tags each; :func:`resize` brings it to the picture's size
    """
    function = last_map if isinstance(network.tags, nn.Conv2d) else gradient_map
    return function(network, images, tags)


def last_map(network: TagNetwork | HashNetwork, images: torch.Tensor, tags: int | np.ndarray) -> np.ndarray:
    """The last convolution's map before the average pooling; arguments as of :func:`heatmap`.

    Returns
    -------
    float32 array, shape (N, S // 32, S // 32), or (N, K, S // 32, S // 32)
        The tag's logit at each position; their mean is the tag's logit.

    Raises
    ------
    TypeError
        If the network has no such map.

    Source: Saito & Matsui 2015, Table 1 (right), before the last line; as a heat map: Lin et al. 2014, "Network in
    network", §3.2, and Zhou et al. 2016, "Learning deep features for discriminative localization".
    """
    if isinstance(network, HashNetwork) or not isinstance(network.tags, nn.Conv2d):
        raise TypeError(
            f"network is a {type(network).__name__}, and only a network that ends in a convolution, such as VGG + NIN, "
            "has a last map; use gradient_map"
        )

    def compute(x: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            maps = network.tag_map(x)  # (B, T, h, w)
            return maps[torch.arange(len(maps), device=x.device)[:, None], columns]  # (B, K, h, w)

    return _in_batches(compute, network, images, tags)


def gradient_map(network: TagNetwork | HashNetwork, images: torch.Tensor, tags: int | np.ndarray) -> np.ndarray:
    """Gradient × activation, summed over the channels of a convolution; arguments as of :func:`heatmap`.

    The convolution is the deepest before a pooling whose map still has :data:`FINEST` cells a side. At 224 pixels that
    is the fifth block's, with 14 × 14 cells, as in the literature; smaller pictures need an earlier one. The gradient
    is not averaged over positions as in Grad-CAM, because what follows a position in the hidden layers of VGG model A
    depends on the position.

    Returns
    -------
    float32 array, shape (N, h, w), or (N, K, h, w)
        What each cell adds to the tag's logit. Where what follows is linear between its bends and has no biases, the
        cells' sum is the logit; the hash layer's sigmoid is not.

    Source: Draelos & Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks", §3; Selvaraju et al. 2017, "Grad-CAM".
    """
    layer = _convolution_before_pooling(network.body, min(images.shape[2:]))

    def compute(x: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        kept = []

        def keep(module: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
            kept.append(output.detach().requires_grad_())  # nothing before this layer needs a gradient
            return kept[0]

        hook = layer.register_forward_hook(keep)
        try:
            with torch.inference_mode(False), torch.enable_grad():
                # a tensor made in the caller's inference mode takes no part in a gradient; its copy does
                logits = network(x.clone()).gather(1, columns.clone())  # (B, K)
                heats = [_heat(logits[:, k], kept[0]) for k in range(logits.shape[1])]
        finally:
            hook.remove()
        return torch.stack(heats, dim=1)  # (B, K, h, w)

    return _in_batches(compute, network, images, tags)


def finer(image_size: int) -> int:
    """How many times larger to show pictures to VGG + NIN for a last map of about ``FINEST`` cells a side."""
    return max(1, round(FINEST * REDUCTION / image_size))


def resize(maps: np.ndarray, size: int) -> np.ndarray:
    """Bring heat maps to a picture's size, bilinearly between the centers of the cells.

    Parameters
    ----------
    maps : float32 array, shape (…, h, w)
    size : side of the picture in pixels

    Returns
    -------
    float32 array, shape (…, size, size)
    """
    flat = torch.from_numpy(np.ascontiguousarray(maps)).reshape(-1, 1, *maps.shape[-2:])
    large = nn.functional.interpolate(flat, size=(size, size), mode="bilinear", align_corners=False)
    return large.reshape(*maps.shape[:-2], size, size).numpy()


def peaks(maps: np.ndarray) -> np.ndarray:
    """Center of each map's hottest cell; of equal ones the first, row by row.

    Parameters
    ----------
    maps : float array, shape (…, h, w)

    Returns
    -------
    float64 array, shape (…, 2)
        x and y, 0 to 1: shares of the picture's width and height.
    """
    height, width = maps.shape[-2:]
    rows, columns = np.divmod(maps.reshape(*maps.shape[:-2], -1).argmax(-1), width)
    return np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=-1)


def _heat(logits: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    """Gradient of the logits' sum × activation, summed over channels: (B,), (B, C, h, w) -> (B, h, w).

    The rectifier comes after the pooling, so the activation may be negative here, but then its gradient is zero.
    """
    gradient = torch.autograd.grad(logits.sum(), activation, retain_graph=True)[0]
    return (gradient * activation).sum(1).detach()


def _convolution_before_pooling(body: nn.Sequential, size: int) -> nn.Module:
    """What the deepest pooling reads that sees a map of at least ``FINEST`` cells a side; else the first one."""
    layers = list(body.children())
    poolings = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]  # the first sees all pixels
    fine = [i for before, i in enumerate(poolings) if size >> before >= FINEST]
    return layers[max(fine, default=poolings[0]) - 1]


def _in_batches(
    compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    network: TagNetwork | HashNetwork,
    images: torch.Tensor,
    tags: int | np.ndarray,
) -> np.ndarray:
    """Heat of all pictures, ``BATCH`` at a time, the network in eval mode."""
    if not len(images):
        raise ValueError("images is empty; pass at least one picture")
    each = _each_picture_its_own(tags, len(images), network.outputs)
    device, was_training, maps = next(network.parameters()).device, network.training, []
    network.eval()
    try:
        for x, columns in zip(images.split(BATCH), torch.from_numpy(each).split(BATCH), strict=True):
            maps.append(compute(x.to(device), columns.to(device)).float().cpu().numpy())
    finally:
        network.train(was_training)
    found = np.concatenate(maps)  # (N, K, h, w)
    return found if np.ndim(tags) == 2 else found[:, 0]


def _each_picture_its_own(tags: int | np.ndarray, pictures: int, outputs: int) -> np.ndarray:
    """Columns of tags as int64 array, shape (N, K)."""
    columns = np.asarray(tags)
    if columns.dtype.kind not in "iu" or columns.ndim > 2 or (columns.ndim and len(columns) != pictures):
        raise ValueError(
            f"tags: {columns.dtype} of shape {columns.shape} for {pictures} pictures; pass columns of the vocabulary: "
            "an int, or an int array of shape (N,) or (N, K)"
        )
    if columns.size and not 0 <= columns.min() <= columns.max() < outputs:
        raise ValueError(f"tags: columns {columns.min()} to {columns.max()}; the network has 0 to {outputs - 1}")
    if columns.ndim < 2:
        columns = np.broadcast_to(columns.reshape(-1, 1), (pictures, 1))
    return columns.astype(np.int64)
