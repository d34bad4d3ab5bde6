"""Logits and features of pictures from a trained network, shared among ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from i2v_lib.data.batches import evaluation_batches, evaluation_share
from i2v_lib.data.stores import PackedPixels
from i2v_lib.models.networks import MultiLabelNetwork
from i2v_lib.system.distributed import gather_rows, rank, ranks
from i2v_lib.system.progress import progress_bar


def predict(
    network: nn.Module,
    pixels: np.ndarray | PackedPixels,
    indices: np.ndarray,
    image_size: int,
    batch_size: int = 256,
    device: str | None = None,
    progress: str | None = None,
    output: str = "logits",
) -> np.ndarray:
    """Logits or features of pictures, from their center crops.

    Under ``torchrun`` each rank computes whole batches of its own, and all return the rows of all: the same bits as one
    process on the same kind of device.

    Parameters
    ----------
    network : pictures (B, 3, S, S), RGB 0–255, to logits (B, T), or any module to rows of numbers; its mode is left as
        it was
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int64 array, shape (n,), rows of ``pixels``
    image_size : side S of the crop in pixels
    batch_size : pictures at a time
    device : moves the network there; when left out, the network stays where it is
    progress : what to call this on a progress bar; none is shown when left out
    output : "logits"; or "features", of a :class:`~i2v_lib.models.networks.MultiLabelNetwork`

    Returns
    -------
    float32 array, shape (n, T) or (n, D), in the order of ``indices``
    """
    if output not in ("logits", "features"):
        raise ValueError(f"output={output!r} is unknown; use logits or features")
    compute: Callable[[torch.Tensor], torch.Tensor] = network
    if output == "features":
        if not isinstance(network, MultiLabelNetwork):
            raise TypeError(f"network is a {type(network).__name__}, which has no features; use output='logits'")
        compute = network.features
    if len(indices) == 0:
        raise ValueError("indices is empty; pass the rows of at least one picture")
    if device is not None:
        network.to(device)
    target, was_training = next(network.parameters()).device, network.training
    network.eval()
    outputs = []
    share = evaluation_share(len(indices), batch_size, rank(), ranks())
    workers = 2 if target.type == "cuda" else 0  # a CPU has no time to spare for them
    try:
        with torch.inference_mode(), progress_bar(progress, share.stop - share.start) as bar:
            for images in evaluation_batches(pixels, indices, batch_size, image_size, rank(), ranks(), workers):
                outputs.append(compute(images.to(target)).float().cpu().numpy())
                bar.update(len(images))
    finally:
        network.train(was_training)
    return gather_rows(np.concatenate(outputs) if outputs else None)
