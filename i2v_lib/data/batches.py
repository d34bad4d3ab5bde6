"""Crops, flips and batches: the same order whatever the number of workers, and wherever training resumes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch

from i2v_lib.data.crops import DECODERS, crop, crop_on_device, whole_pictures
from i2v_lib.data.shuffle import check_block, draw_order, read_ahead
from i2v_lib.data.stores import PackedPixels

MEAN_SAMPLE = 4096  # pictures the mean color is taken from


class Batch(NamedTuple):
    """B training pictures: a whole batch, or one rank's share of it.

    Attributes
    ----------
    images : uint8 tensor, shape (B, 3, S, S), RGB, channels last in memory
    targets : float32 tensor, shape (B, T), 0 or 1
    indices : int64 tensor, shape (B,), the pictures' rows in the collection
    total : pictures in the batch of all ranks together; B where there is one
    """

    images: torch.Tensor
    targets: torch.Tensor
    indices: torch.Tensor
    total: int

    def to(self, device: torch.device | str) -> Batch:
        """The batch with images and targets on a device, if they are not there; the indices stay on the CPU."""
        images, targets = (part.to(device, non_blocking=True) for part in (self.images, self.targets))
        return self._replace(images=images, targets=targets)


class Batches:
    """Shuffled, cropped and flipped batches of the training split.

    Order, crops and flips are drawn from (seed, epoch), one value a picture, before the first batch is
    made. They therefore depend neither on the workers, nor on where in the epoch one begins, nor on how many ranks
    share a batch.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB; a memory map or packed pictures will do
    targets : uint8 array, shape (N, T), 0 or 1
    indices : int64 array, shape (n,), the rows to train on
    batch_size : pictures in a batch, at most; an epoch is cut into batches of equal size, give or take one
    image_size : side S of the random crop in pixels, at most R
    seed : of order, crops and flips
    workers : threads that prepare batches ahead; 0 prepares each when it is asked for
    block, buffer : pictures that are read and shuffled together, see :func:`i2v_lib.data.shuffle.draw_order`
    device : where whole pictures are moved, then cropped and mirrored, and batches come from; None: the CPU, where only
        what is cut out is copied. The pixels are the same
    decode : "cpu", or "device": packed pictures are decoded on ``device``, a few levels off the CPU's values

    Raises
    ------
    ValueError
        If the crop is larger than the pictures, the arrays disagree, or there is nothing to train on.
    """

    def __init__(
        self,
        pixels: np.ndarray | PackedPixels,
        targets: np.ndarray,
        indices: np.ndarray,
        batch_size: int,
        image_size: int,
        seed: int,
        workers: int = 0,
        block: int = 0,
        buffer: int = 0,
        device: torch.device | str | None = None,
        decode: str = "cpu",
    ) -> None:
        _check_pixels(pixels, image_size, batch_size)
        if len(targets) != len(pixels):
            raise ValueError(f"targets: {len(targets)} rows for {len(pixels)} pictures; pass one for each")
        if len(indices) == 0:
            raise ValueError("indices is empty; the training split needs at least one picture")
        self.pixels, self.targets, self.indices = pixels, targets, np.asarray(indices, dtype=np.int64)
        if decode not in DECODERS:
            raise ValueError(f"decode={decode!r} is unknown; use one of {', '.join(DECODERS)}")
        check_block(block, buffer)
        self.batch_size, self.image_size, self.seed, self.workers = batch_size, image_size, seed, workers
        self.block, self.buffer, self.device, self.decode = block, buffer, device, decode

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-len(self.indices) // self.batch_size)

    def epoch(self, number: int, skip: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Batch]:
        """Batches of one epoch, each picture exactly once, without the first ``skip`` batches.

        Parameters
        ----------
        number : of the epoch, from 0
        skip : batches left out, such as those before a resumption
        rank, ranks : take every ``ranks``-th picture of each batch, from the ``rank``-th on. The ranks' shares of a
            batch are the batch that one rank gets; their sizes differ by one at most

        Raises
        ------
        ValueError
            If the ranks are impossible, or more than a batch has pictures.
        """
        check_rank(rank, ranks)
        smallest = len(self.indices) // len(self)
        if ranks > smallest:
            raise ValueError(f"ranks={ranks}: a batch has but {smallest} pictures; use fewer, or a larger batch_size")
        count, margin = len(self.indices), self.pixels.shape[1] - self.image_size
        generator = np.random.default_rng((self.seed, number))
        order = draw_order(count, generator, self.block, self.buffer)
        corners = generator.integers(margin, endpoint=True, size=(count, 2))
        flips = generator.random(count) < 0.5

        def make(batch: np.ndarray) -> Batch:
            rows = batch[rank::ranks]
            indices = self.indices[rows]
            targets = torch.from_numpy(self.targets[indices]).float()
            cut = Batch(self._cut(indices, corners[rows], flips[rows]), targets, torch.from_numpy(indices), len(batch))
            return cut if self.device is None else cut.to(self.device)

        parts = np.array_split(order.positions, len(self))
        ahead = self._reading_ahead(parts, order.buffers, skip) if order.buffers else parts[skip:]
        return _ahead(make, ahead, self.workers)

    def _cut(self, indices: np.ndarray, corners: np.ndarray, flips: np.ndarray) -> torch.Tensor:
        if self.device is None:
            return crop(self.pixels, indices, corners, self.image_size, flips)
        pictures = whole_pictures(self.pixels, indices, self.device, self.decode)
        places = (torch.from_numpy(value).to(pictures.device, non_blocking=True) for value in (corners, flips))
        return crop_on_device(pictures, *places, self.image_size)

    def _reading_ahead(self, parts: list[np.ndarray], buffers: list[np.ndarray], skip: int) -> Iterator[np.ndarray]:
        """The batches' positions; before the first of a buffer, the pictures of the next begin to be read."""
        sizes = [int((held[:, 1] - held[:, 0]).sum()) for held in buffers]
        begins = np.cumsum([0, *sizes[:-1]])
        position, asked = sum(map(len, parts[:skip])), -1
        with ThreadPoolExecutor(1) as reader:
            for part in parts[skip:]:
                current = int(np.searchsorted(begins, position, side="right")) - 1
                for number in range(max(asked + 1, current), min(current + 2, len(buffers))):
                    reader.submit(read_ahead, self.pixels, self.indices[buffers[number] - [0, 1]])
                    asked = number
                position += len(part)
                yield part

    def mean(self) -> torch.Tensor:
        """Mean color of the training pictures: float32 tensor, shape (3,), RGB 0–255."""
        step = -(-len(self.indices) // MEAN_SAMPLE)
        means = [self.pixels[i].mean(axis=(0, 1)) for i in self.indices[::step]]
        return torch.from_numpy(np.mean(means, axis=0)).float()

    def priors(self) -> torch.Tensor:
        """Share of the training pictures that carry each tag: float32 tensor, shape (T,)."""
        return torch.from_numpy(self.targets[self.indices].mean(axis=0)).float()


def evaluation_batches(
    pixels: np.ndarray | PackedPixels,
    indices: np.ndarray,
    batch_size: int,
    image_size: int,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
) -> Iterator[torch.Tensor]:
    """Center crops of pictures in the given order, each exactly once, without padding.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int64 array, shape (n,), rows of ``pixels``
    batch_size : pictures in a batch; the last may hold fewer
    image_size : side S of the crop in pixels, at most R
    rank, ranks : give only the share of one rank, see :func:`evaluation_share`
    workers : threads that prepare batches ahead

    Yields
    ------
    uint8 tensor, shape (B, 3, S, S), RGB, channels last in memory
    """
    _check_pixels(pixels, image_size, batch_size)
    share = indices[evaluation_share(len(indices), batch_size, rank, ranks)]
    corner = (pixels.shape[1] - image_size) // 2

    def make(start: int) -> torch.Tensor:
        rows = np.asarray(share[start : start + batch_size])
        return crop(pixels, rows, np.full((len(rows), 2), corner), image_size)

    yield from _ahead(make, range(0, len(share), batch_size), workers)


def evaluation_share(count: int, batch_size: int, rank: int, ranks: int) -> slice:
    """Which of the pictures that are evaluated one rank takes: whole batches, the very ones that a single rank has.

    So each picture is computed in the same company whatever the number of ranks, and the shares, one behind the other,
    are in the order of all. Where there are fewer batches than ranks, some ranks get none.

    Parameters
    ----------
    count : pictures of all ranks
    batch_size : pictures in a batch
    rank, ranks : whose share

    Returns
    -------
    slice of the pictures
    """
    check_rank(rank, ranks)
    batches = -(-count // batch_size)
    start, stop = (min(count, batch_size * (batches * part // ranks)) for part in (rank, rank + 1))
    return slice(start, stop)


def check_rank(rank: int, ranks: int) -> None:
    """Raise ValueError unless ``rank`` is one of ``ranks``."""
    if not 0 <= rank < ranks:
        raise ValueError(f"rank={rank}, ranks={ranks}: ranks are numbered from 0 to ranks - 1")


def _check_pixels(pixels: np.ndarray | PackedPixels, image_size: int, batch_size: int) -> None:
    if pixels.shape[1] < image_size:
        raise ValueError(
            f"image_size={image_size} is larger than the stored pictures of {pixels.shape[1]} pixels; "
            "choose a smaller image_size, or build the collection with a larger stored_size"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: a batch holds at least one picture")


def _ahead(make: Callable[[Any], Any], parts: Iterable[Any], workers: int) -> Iterator[Any]:
    """Apply ``make`` to each part in order, on threads that run at most two batches ahead each.

    Threads do, because copying pixels releases the interpreter's lock.
    """
    if workers == 0:
        yield from map(make, parts)
        return
    parts = iter(parts)
    with ThreadPoolExecutor(workers) as pool:
        pending = deque(pool.submit(make, part) for part in islice(parts, 2 * workers))
        while pending:
            batch = pending.popleft().result()
            pending.extend(pool.submit(make, part) for part in islice(parts, 1))
            yield batch
