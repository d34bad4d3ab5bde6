"""A search of a set with itself, its queries shared among ranks or jobs: the answer of one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.system.distributed import gather_rows, rank, ranks

Search = Callable[..., tuple[np.ndarray, np.ndarray]]


def search_in_shares(
    search: Search, database: np.ndarray, k: int, *, folder: str | Path | None = None, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """What ``search(database, k)`` returns, on every rank, each of which has searched for a share of the rows.

    Parameters
    ----------
    search : :func:`~i2v_lib.search.neighbors.nearest_neighbors` or ``nearest_vectors``
    database : array, shape (N, D), the same on every rank
    k : how many, at least 1
    folder : of a search of hours, as for ``nearest_neighbors``; each rank has a folder of its own in it
    options : handed on

    Returns
    -------
    indices, distances : arrays, shape (N, K)
    """
    if folder is not None:
        options["folder"] = Path(folder) if ranks() == 1 else Path(folder) / f"{rank()}-of-{ranks()}"
    if ranks() == 1:
        return search(database, k, **options)
    start, stop = (len(database) * part // ranks() for part in (rank(), rank() + 1))
    indices, distances = search_rows(search, database, k, start, stop, **options)
    return gather_rows(indices), gather_rows(distances)


def search_rows(
    search: Search, database: np.ndarray, k: int, start: int, stop: int, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``start`` to ``stop`` of what ``search(database, k)`` returns, for jobs that know nothing of each other.

    A search of a set with itself looks at each pair once; a share of it looks at its pairs with the whole set, which is
    twice the work in all.

    Returns
    -------
    indices, distances : arrays, shape (stop − start, K)
    """
    indices, distances = search(database, k + 1, database[start:stop], **options)
    others = indices != np.arange(start, stop)[:, None]
    others[others.all(axis=1), -1] = False  # behind k + 1 duplicates with lower indices: the last is one too many
    shape = len(indices), indices.shape[1] - 1
    return indices[others].reshape(shape), distances[others].reshape(shape)
