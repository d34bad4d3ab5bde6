"""The order of an epoch: any order where pictures fit memory, blocks of neighbors in a buffer where they do not."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import psutil

from i2v_lib.config import Config, choices_of
from i2v_lib.data.stores import PackedPixels

SHUFFLES = choices_of("shuffle")
FITS = 0.8  # share of the memory that pictures may take to be read in any order


class Order(NamedTuple):
    """The order of n pictures.

    Attributes
    ----------
    positions : int64 array, shape (n,): each of 0 to n − 1 once
    buffers : for each buffer in turn, its blocks' first and last + 1 positions: int64 arrays, shape (blocks, 2); none
        where the order is any
    """

    positions: np.ndarray
    buffers: list[np.ndarray]


def draw_order(count: int, generator: np.random.Generator, block: int = 0, buffer: int = 0) -> Order:
    """Draw the order of an epoch.

    Parameters
    ----------
    count : pictures
    generator : seeded with what the order is for
    block : pictures that are neighbors in the store and read together; 0: any order is as likely as any other. Where
        the blocks begin is drawn, too, so that neighbors are not always the same
    buffer : pictures shuffled together, which should fit memory twice; at least a block

    Raises
    ------
    ValueError
        If the block is negative, or the buffer smaller than it.
    """
    check_block(block, buffer)
    if not block:
        return Order(generator.permutation(count), [])
    edges = np.unique(np.concatenate([[0], np.arange(generator.integers(block), count, block), [count]]))
    blocks = generator.permutation(np.stack([edges[:-1], edges[1:]], axis=1))
    together = buffer // block
    buffers = [blocks[first : first + together] for first in range(0, len(blocks), together)]
    mixed = (generator.permutation(np.concatenate([np.arange(*ends) for ends in held])) for held in buffers)
    return Order(np.concatenate(list(mixed)), buffers)


def check_block(block: int, buffer: int) -> None:
    """Raise ValueError unless a buffer holds at least one block."""
    if not 0 <= block <= max(buffer, 0):
        raise ValueError(f"shuffle_block={block}, shuffle_buffer={buffer}: use 0 <= block <= buffer")


def fits_memory(pixels: np.ndarray | PackedPixels) -> bool:
    """Whether pictures on disk may be read in any order: they then soon lie in this machine's memory."""
    return pixels.nbytes <= FITS * psutil.virtual_memory().total


def choose_blocks(config: Config, pixels: np.ndarray | PackedPixels) -> tuple[int, int]:
    """Choose ``block`` and ``buffer`` of :func:`draw_order`: zeros where pictures may be read in any order.

    Raises
    ------
    ValueError
        If ``config.shuffle`` is unknown, or the block is larger than the buffer.
    """
    if config.shuffle not in SHUFFLES:
        raise ValueError(f"shuffle={config.shuffle!r} is unknown; use one of {', '.join(SHUFFLES)}")
    check_block(config.shuffle_block, config.shuffle_buffer)
    full = config.shuffle == "full" or (config.shuffle == "auto" and fits_memory(pixels))
    return (0, 0) if full else (config.shuffle_block, config.shuffle_buffer)


def read_ahead(pixels: np.ndarray | PackedPixels, rows: np.ndarray) -> None:
    """Ask the system to read pictures that will be needed, without waiting for it. Does nothing where it cannot.

    Parameters
    ----------
    pixels : on disk
    rows : int64 array, shape (n, 2): first and last row of each stretch
    """
    if not hasattr(os, "posix_fadvise") or getattr(pixels, "filename", None) is None:
        return
    with open(pixels.filename, "rb") as file:
        for first, last in rows.tolist():
            start, stop = _place(pixels, first)[0], _place(pixels, last)[1]
            os.posix_fadvise(file.fileno(), start, stop - start, os.POSIX_FADV_WILLNEED)


def _place(pixels: np.memmap | PackedPixels, row: int) -> tuple[int, int]:
    """First and last + 1 byte of a picture in its file."""
    if isinstance(pixels, PackedPixels):
        return pixels.place(row)
    return pixels.offset + row * pixels[0].nbytes, pixels.offset + (row + 1) * pixels[0].nbytes
