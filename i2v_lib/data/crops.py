"""Squares cut out of stored pictures: on the CPU where they lie, or on the device that trains."""

from __future__ import annotations

import numpy as np
import torch

from i2v_lib.config import choices_of
from i2v_lib.data.stores import PackedPixels

DECODERS = choices_of("decode")


def crop(
    pixels: np.ndarray | PackedPixels,
    indices: np.ndarray,
    corners: np.ndarray,
    size: int,
    flips: np.ndarray | None = None,
) -> torch.Tensor:
    """Cut a square out of each picture, and mirror some.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int array, shape (B,), rows of ``pixels``
    corners : int array, shape (B, 2), top and left edge in pixels, 0 to R − size
    size : side of the squares in pixels
    flips : bool array, shape (B,), the ones to mirror left to right; none if left out

    Returns
    -------
    uint8 tensor, shape (B, 3, size, size), channels last in memory
    """
    images = np.empty((len(indices), size, size, 3), np.uint8)
    if isinstance(pixels, PackedPixels):
        pixels, indices = pixels[indices], range(len(indices))
    for i, (index, (top, left)) in enumerate(zip(indices, corners, strict=True)):
        square = pixels[index, top : top + size, left : left + size]
        images[i] = square[:, ::-1] if flips is not None and flips[i] else square
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def crop_on_device(pictures: torch.Tensor, corners: torch.Tensor, flips: torch.Tensor, size: int) -> torch.Tensor:
    """Cut a square out of each picture, and mirror some, wherever the pictures are: one indexing, as :func:`crop`.

    Parameters
    ----------
    pictures : uint8 tensor, shape (B, R, R, 3), RGB
    corners : int64 tensor, shape (B, 2), top and left edge in pixels, 0 to R − size
    flips : bool tensor, shape (B,), the ones to mirror left to right
    size : side of the squares in pixels

    Returns
    -------
    uint8 tensor, shape (B, 3, size, size), channels last in memory
    """
    across = torch.arange(size, device=pictures.device)
    rows = corners[:, :1] + across  # (B, size)
    columns = corners[:, 1:] + torch.where(flips[:, None], across.flip(0), across)  # (B, size)
    number = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    return pictures[number, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def whole_pictures(
    pixels: np.ndarray | PackedPixels, indices: np.ndarray, device: torch.device | str, decode: str = "cpu"
) -> torch.Tensor:
    """Pictures as they are stored, on a device; from memory that a GPU copies without waiting.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB, or packed pictures
    indices : int array, shape (B,), rows of ``pixels``
    device : where to
    decode : where packed pictures are decoded, "cpu" or "device"

    Returns
    -------
    uint8 tensor, shape (B, R, R, 3)
    """
    pinned = torch.device(device).type == "cuda"
    if isinstance(pixels, PackedPixels):
        pictures = pixels.decode(indices, device if decode == "device" else "cpu")
        pictures = pictures.pin_memory() if pinned and decode == "cpu" else pictures
    else:
        pictures = torch.empty((len(indices), *pixels.shape[1:]), dtype=torch.uint8, pin_memory=pinned)
        np.take(pixels, indices, axis=0, out=pictures.numpy(), mode="clip")  # "raise" would copy twice
    return pictures.to(device, non_blocking=True)
