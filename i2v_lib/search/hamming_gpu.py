"""Exact Hamming search by matrix products, for a GPU: bits as -1 and 1 multiply to B - 2 × distance.

Half precision holds such products exactly as long as no more than 4,096 bits are added at a time: partial sums are
even, at most 4,096, and half precision has every even number up to there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from i2v_lib.search.packed_neighbors import FAR, INDEX, SHIFT
from i2v_lib.search.resumable import sweep

EXACT = 4096  # bits of a product in half precision
ROWS = 2**15  # of the database, multiplied at a time
QUERIES = 2**14  # of a block at most: a product of 1 GB in half precision
GROUP = 64  # columns of a product, of which first only the nearest is looked at
CANDIDATES = 2**27  # keys of a block at most: 1 GB


def search_by_products(
    database: np.ndarray,
    queries: np.ndarray | None,
    keys: np.ndarray,
    device: torch.device,
    progress: bool = False,
    folder: Path | None = None,
) -> None:
    """Find the nearest codes of every query.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
    queries : uint8 array, shape (Q, B/8); None for the database itself, where no code is its own neighbor
    keys : int64 array, shape (Q, K), changed in place
        The neighbors, as in :mod:`~i2v_lib.search.packed_neighbors`, in any order.
    device : where the products are made: half precision on a GPU, float32 elsewhere
    progress, folder : as for :func:`~i2v_lib.search.resumable.sweep`
    """
    itself, columns = queries is None, keys.shape[1]
    keep = columns + itself  # the code itself goes only at the end
    on_device = torch.tensor(np.ascontiguousarray(database), device=device)
    points = on_device if itself else torch.tensor(np.ascontiguousarray(queries), device=device)
    size = max(min(QUERIES, CANDIDATES // min(keep * GROUP, ROWS)), 1)

    def work(start: np.ndarray) -> None:
        rows = slice(int(start), min(int(start) + size, len(keys)))
        signs = as_signs(points[rows])
        nearest = torch.full((len(signs), keep), FAR, device=device)
        for low in range(0, len(database), ROWS):
            found = nearest_of_block(signs, as_signs(on_device[low : low + ROWS]), keep, low)
            nearest = torch.cat([nearest, found], dim=1).topk(keep, largest=False).values
        if itself:
            own = torch.arange(rows.start, rows.stop, device=device)[:, None]
            nearest[nearest & INDEX == own] = FAR
            nearest = nearest.topk(columns, largest=False).values
        keys[rows] = nearest.cpu().numpy()

    inputs = [database] if itself else [database, queries]
    sweep(np.arange(0, len(keys), size), work, keys, inputs, 1, progress, folder)


def find_device(name: str) -> torch.device:
    """The device of that name; ValueError where there is none."""
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={name!r}, but torch sees no GPU; leave it out to search on the processor")
    return device


def as_signs(codes: torch.Tensor) -> torch.Tensor:
    """Bits as -1 and 1: uint8 (n, B/8) -> (n, B), half precision on a GPU, float32 elsewhere.

    A processor may add in half precision itself, which is not exact; a GPU adds in float32.
    """
    bits = torch.arange(256, device=codes.device)[:, None] >> torch.arange(8, device=codes.device) & 1
    table = (2 * bits - 1).to(torch.float16 if codes.is_cuda else torch.float32)  # (256, 8)
    return functional.embedding(codes.int(), table).flatten(1)


def nearest_of_block(queries: torch.Tensor, database: torch.Tensor, keep: int, start: int) -> torch.Tensor:
    """The nearest of some rows of the database, ties by the lower index.

    The nearest lie in those groups whose own nearest come first: each of them comes before everything in the others.
    So only these groups' members are ordered, and most of a product is read once.

    Parameters
    ----------
    queries, database : -1 and 1, shape (Q, B) and (n, B)
    keep : how many to find
    start : index of the first row

    Returns
    -------
    int64 tensor, shape (Q, at most keep), keys in any order; ``FAR`` where the block has too few rows
    """
    bits, count = database.shape[1], len(database)
    agree = queries[:, :EXACT] @ database[:, :EXACT].T  # (Q, n): equal bits less different ones
    for low in range(EXACT, bits, EXACT):
        part = slice(low, low + EXACT)
        agree = agree.float() + queries[:, part] @ database[:, part].T
    if count % GROUP:
        agree = functional.pad(agree, (0, -count % GROUP), value=-torch.inf)
    agree = agree.unflatten(1, (-1, GROUP))  # (Q, G, GROUP)
    groups = agree.shape[1]
    first = (bits - agree.amax(2).long()) // 2 * groups + torch.arange(groups, device=agree.device)
    chosen = first.topk(min(keep, groups), largest=False).values % groups  # (Q, g)
    members = agree.gather(1, chosen[:, :, None].expand(-1, -1, GROUP)).clamp(min=-bits)
    column = chosen[:, :, None] * GROUP + torch.arange(GROUP, device=agree.device)
    found = ((bits - members.long()) // 2 << SHIFT) + (start + column)
    found = torch.where(column < count, found, FAR).flatten(1)
    return found.topk(min(keep, found.shape[1]), largest=False).values
