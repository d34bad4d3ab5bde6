"""Crops, flips and batches: the same order whatever the number of workers, and wherever training resumes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

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
        """The batch with images and targets on a device; the indices stay on the CPU."""
        images, targets = (part.to(device, non_blocking=True) for part in (self.images, self.targets))
        return self._replace(images=images, targets=targets)


class Batches:
    """Shuffled, cropped and flipped batches of the training split.

    Order, crops and flips are drawn from (seed, epoch), one value a picture, before the first batch is
    made. They therefore depend neither on the workers, nor on where in the epoch one begins, nor on how many ranks
    share a batch.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB; a memory map will do
    targets : uint8 array, shape (N, T), 0 or 1
    indices : int64 array, shape (n,), the rows to train on
    batch_size : pictures in a batch, at most; an epoch is cut into batches of equal size, give or take one
    image_size : side S of the random crop in pixels, at most R
    seed : of order, crops and flips
    workers : threads that prepare batches ahead; 0 prepares each when it is asked for

    Raises
    ------
    ValueError
        If the crop is larger than the pictures, the arrays disagree, or there is nothing to train on.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        targets: np.ndarray,
        indices: np.ndarray,
        batch_size: int,
        image_size: int,
        seed: int,
        workers: int = 0,
    ) -> None:
        _check_pixels(pixels, image_size, batch_size)
        if len(targets) != len(pixels):
            raise ValueError(f"targets: {len(targets)} rows for {len(pixels)} pictures; pass one for each")
        if len(indices) == 0:
            raise ValueError("indices is empty; the training split needs at least one picture")
        self.pixels, self.targets, self.indices = pixels, targets, np.asarray(indices, dtype=np.int64)
        self.batch_size, self.image_size, self.seed, self.workers = batch_size, image_size, seed, workers

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
        order = generator.permutation(count)
        corners = generator.integers(margin, endpoint=True, size=(count, 2))
        flips = generator.random(count) < 0.5

        def make(batch: np.ndarray) -> Batch:
            rows = batch[rank::ranks]
            indices = self.indices[rows]
            return Batch(
                crop(self.pixels, indices, corners[rows], self.image_size, flips[rows]),
                torch.from_numpy(self.targets[indices]).float(),
                torch.from_numpy(indices),
                len(batch),
            )

        return _ahead(make, np.array_split(order, len(self))[skip:], self.workers)

    def mean(self) -> torch.Tensor:
        """Mean color of the training pictures: float32 tensor, shape (3,), RGB 0–255."""
        step = -(-len(self.indices) // MEAN_SAMPLE)
        means = [self.pixels[i].mean(axis=(0, 1)) for i in self.indices[::step]]
        return torch.from_numpy(np.mean(means, axis=0)).float()

    def priors(self) -> torch.Tensor:
        """Share of the training pictures that carry each tag: float32 tensor, shape (T,)."""
        return torch.from_numpy(self.targets[self.indices].mean(axis=0)).float()


def evaluation_batches(
    pixels: np.ndarray, indices: np.ndarray, batch_size: int, image_size: int, rank: int = 0, ranks: int = 1
) -> Iterator[torch.Tensor]:
    """Center crops of pictures in the given order, each exactly once, without padding.

    Parameters
    ----------
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int64 array, shape (n,), rows of ``pixels``
    batch_size : pictures in a batch; the last may hold fewer
    image_size : side S of the crop in pixels, at most R
    rank, ranks : give only the share of one rank, see :func:`evaluation_share`

    Yields
    ------
    uint8 tensor, shape (B, 3, S, S), RGB, channels last in memory
    """
    _check_pixels(pixels, image_size, batch_size)
    share = indices[evaluation_share(len(indices), batch_size, rank, ranks)]
    corner = (pixels.shape[1] - image_size) // 2
    for start in range(0, len(share), batch_size):
        rows = np.asarray(share[start : start + batch_size])
        yield crop(pixels, rows, np.full((len(rows), 2), corner), image_size)


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


def crop(
    pixels: np.ndarray, indices: np.ndarray, corners: np.ndarray, size: int, flips: np.ndarray | None = None
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
    for i, (index, (top, left)) in enumerate(zip(indices, corners, strict=True)):
        square = pixels[index, top : top + size, left : left + size]
        images[i] = square[:, ::-1] if flips is not None and flips[i] else square
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def _check_pixels(pixels: np.ndarray, image_size: int, batch_size: int) -> None:
    if pixels.shape[1] < image_size:
        raise ValueError(
            f"image_size={image_size} is larger than the stored pictures of {pixels.shape[1]} pixels; "
            "choose a smaller image_size, or build the collection with a larger stored_size"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: a batch holds at least one picture")


def _ahead(make: Callable[[np.ndarray], Batch], parts: Iterable[np.ndarray], workers: int) -> Iterator[Batch]:
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
