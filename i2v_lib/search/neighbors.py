"""Nearest neighbors: over codes by the number of differing bits, over real vectors by Euclidean distance (§3.2).

The distances of a block of queries are held at a time, never those of all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from i2v_lib.search.hashing import check_codes
from i2v_lib.search.packed_neighbors import FAR, from_keys, to_keys

QUERIES = 512  # of a block of vectors
ROWS = 4096  # of the database's vectors, widened at a time


def nearest_neighbors(
    database: np.ndarray,
    k: int,
    queries: np.ndarray | None = None,
    *,
    device: str | None = None,
    progress: bool = False,
    folder: str | Path | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest codes by Hamming distance; equally near ones by the lower index.

    On the processor it takes as many threads as there are cores, or as ``NUMBA_NUM_THREADS`` says. The first search
    compiles for some seconds; later ones, in other processes too, find that done.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
        Packed codes.
    k : how many, at least 1; a smaller set gives what there is
    queries : uint8 array, shape (Q, B/8)
        By default the database itself. Then a code is never its own neighbor, and K is at most N - 1. A duplicate
        is another code and stays, at distance 0.
    device : None or "cpu" for the processor, "cuda" for a GPU; the answer is the same
    progress : show a bar, which counts queries
    folder : of a search of hours; what is found is kept there, and the same call goes on after a kill. Removed at the
        end

    Returns
    -------
    indices : int64 array, shape (Q, K), rows of the database, nearest first
    distances : int32 array, shape (Q, K), in bits

    Raises
    ------
    TypeError
        If codes are not packed uint8.
    ValueError
        If k is below 1, the database is empty, the widths differ, or there is no such device.

    Source: Saito & Matsui 2015, §3.2.
    """
    check_codes("database", database)
    if queries is not None:
        check_codes("queries", queries)
    _, points, columns = _arrange(database, k, queries)
    kept = None if folder is None else Path(folder)
    keys = np.full((len(points), columns), FAR)
    if not keys.size:
        pass
    elif device is not None and str(device) != "cpu":
        from i2v_lib.search.hamming_gpu import find_device, search_by_products  # PyTorch, only where it is needed

        search_by_products(database, queries, keys, find_device(device), progress, kept)
    else:
        from i2v_lib.search.hamming_cpu import search_by_popcount

        search_by_popcount(database, queries, keys, progress=progress, folder=kept)
    return from_keys(keys)


def extend_neighbors(
    database: np.ndarray, count_before: int, indices: np.ndarray, distances: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add codes to a set that was searched with itself; only pairs with a new code are measured.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
        The codes searched before, then the new ones.
    count_before : how many were searched before
    indices, distances : arrays, shape (count_before, K)
        What :func:`nearest_neighbors` gave for them, for this k or a larger one.
    k : how many neighbors, at least 1

    Returns
    -------
    indices, distances : what :func:`nearest_neighbors` gives for the whole database

    Raises
    ------
    TypeError, ValueError
        As :func:`nearest_neighbors`, and if the earlier answer does not fit ``count_before`` or has too few columns.
    """
    check_codes("database", database)
    columns = _arrange(database, k, None)[2]
    if not 0 <= count_before <= len(database):
        raise ValueError(f"count_before={count_before}; the database has {len(database)} codes, old and new")
    known = min(k, max(count_before - 1, 0))
    for name, array in (("indices", indices), ("distances", distances)):
        if array.shape != indices.shape or len(array) != count_before or array.ndim != 2 or array.shape[1] < known:
            raise ValueError(
                f"{name}: shape {array.shape}; pass the earlier answer of {count_before} codes, at least {known} wide"
            )
    keys = np.full((len(database), columns), FAR)
    if keys.size:
        from i2v_lib.search.hamming_cpu import search_by_popcount

        before = to_keys(indices[:, :known], distances[:, :known])
        keys[:count_before, columns - known :] = before[:, ::-1]  # the furthest first: a heap
        search_by_popcount(database, None, keys, count_before)
    return from_keys(keys)


def nearest_vectors(database: np.ndarray, k: int, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Nearest vectors by Euclidean distance; equally near ones by the lower index.

    A matrix product finds the candidates. It is not exact and varies with the number of threads, so whatever lies
    within its error of the k-th is measured again by subtraction: equal vectors are at exactly 0.

    Parameters
    ----------
    database : float array, shape (N, D)
    k, queries : as for :func:`nearest_neighbors`; queries are float, shape (Q, D)

    Returns
    -------
    indices : int64 array, shape (Q, K), rows of the database, nearest first
    distances : float64 array, shape (Q, K)

    Raises
    ------
    TypeError
        If vectors are not of a float type.
    ValueError
        As :func:`nearest_neighbors`, and for NaN or infinity.

    Source: Saito & Matsui 2015, §4.3: neighbors in the feature space of the pre-trained net.
    """
    _check_vectors("database", database)
    if queries is not None:
        _check_vectors("queries", queries)
    itself, queries, columns = _arrange(database, k, queries)
    indices = np.empty((len(queries), columns), np.int64)
    distances = np.empty((len(queries), columns))
    lengths = np.concatenate([_squared_lengths(database[part]) for part in _blocks(len(database), ROWS)])
    rounding = 4 * (database.shape[1] + 4) * np.finfo(np.float64).eps  # of both sides of a comparison, at most
    for rows in _blocks(len(queries), QUERIES):
        block = queries[rows].astype(np.float64)
        own = _squared_lengths(block)[:, None]
        squared = np.empty((len(block), len(database)))
        for part in _blocks(len(database), ROWS):
            squared[:, part] = own + lengths[part] - 2 * block @ database[part].astype(np.float64).T
        if itself:
            squared[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        reach = np.partition(squared, columns - 1, axis=1)[:, columns - 1] + rounding * (own[:, 0] + lengths.max())
        for i, query in enumerate(block):
            near = np.flatnonzero(squared[i] <= reach[i])
            exact = _squared_lengths(database[near] - query)
            order = np.argsort(exact, kind="stable")[:columns]
            indices[rows.start + i], distances[rows.start + i] = near[order], np.sqrt(exact[order])
    return indices, distances


def extend_vectors(
    database: np.ndarray, count_before: int, indices: np.ndarray, distances: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add vectors to a set that was searched with itself by :func:`nearest_vectors`; as :func:`extend_neighbors`.

    Meant for a few new vectors: it holds the distances of all old ones to all new ones.
    """
    _check_vectors("database", database)
    columns = _arrange(database, k, None)[2]
    if not 0 < count_before < len(database) or not len(indices) == len(distances) == count_before:
        raise ValueError(
            f"count_before={count_before}, {len(indices)} rows of an earlier answer, {len(database)} vectors: pass the "
            "answer of at least 1 vector, and at least 1 new one after them"
        )
    new = np.arange(count_before, len(database))
    vectors = database.astype(np.float64)
    to_new = np.sqrt(np.stack([_squared_lengths(vectors - vectors[i]) for i in new], axis=1))
    known = np.concatenate([indices[:, :k], np.broadcast_to(new, (count_before, len(new)))], axis=1)
    lengths = np.concatenate([distances[:, :k], to_new[:count_before]], axis=1)
    order = np.argsort(lengths, axis=1, kind="stable")[:, :columns]
    np.fill_diagonal(to_new[count_before:], np.inf)  # from themselves
    nearest = np.argsort(to_new.T, axis=1, kind="stable")[:, :columns]
    return (
        np.concatenate([np.take_along_axis(known, order, axis=1), nearest]),
        np.concatenate([np.take_along_axis(lengths, order, axis=1), np.take_along_axis(to_new.T, nearest, axis=1)]),
    )


def _arrange(database: np.ndarray, k: int, queries: np.ndarray | None) -> tuple[bool, np.ndarray, int]:
    """Whether the database is searched with itself, the queries, and how many neighbors each can have."""
    if k < 1:
        raise ValueError(f"k={k}; ask for at least 1 neighbor")
    if not len(database):
        raise ValueError("database is empty; pass at least one row")
    if queries is None:
        return True, database, min(k, len(database) - 1)
    if queries.shape[1] != database.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} columns and database {database.shape[1]}; use one network")
    return False, queries, min(k, len(database))


def _blocks(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def _squared_lengths(vectors: np.ndarray) -> np.ndarray:
    return np.square(vectors, dtype=np.float64).sum(axis=1)


def _check_vectors(name: str, vectors: np.ndarray) -> None:
    """Refuse what is not real vectors; ``name`` is the argument's, for the message."""
    if not np.issubdtype(vectors.dtype, np.floating):
        raise TypeError(f"{name}: dtype {vectors.dtype}; pass real vectors, or codes to nearest_neighbors")
    if vectors.ndim != 2:
        raise ValueError(f"{name}: shape {vectors.shape}; pass (N, D), one row a vector")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} holds NaN or infinity; check the network it comes from")
