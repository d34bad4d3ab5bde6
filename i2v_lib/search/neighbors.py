"""Exact nearest neighbors: over codes by the number of differing bits, over real vectors by Euclidean distance (§3.2).

The distances of a block of queries are held at a time, never those of all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from i2v_lib.search.hashing import check_codes

QUERIES = 512  # of a block
ROWS = 4096  # of the database, unpacked or widened at a time


def nearest_neighbors(
    database: np.ndarray, k: int, queries: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest codes by Hamming distance; equally near ones by the lower index.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
        Packed codes.
    k : how many, at least 1; a smaller set gives what there is
    queries : uint8 array, shape (Q, B/8)
        By default the database itself. Then a code is never its own neighbor, and K is at most N - 1. A duplicate
        is another code and stays, at distance 0.

    Returns
    -------
    indices : int64 array, shape (Q, K), rows of the database, nearest first
    distances : int32 array, shape (Q, K), in bits

    Raises
    ------
    TypeError
        If codes are not packed uint8.
    ValueError
        If k is below 1, the database is empty, or the widths differ.

    Source: Saito & Matsui 2015, §3.2.
    """
    check_codes("database", database)
    if queries is not None:
        check_codes("queries", queries)
    itself, queries, columns = _arrange(database, k, queries)
    bits = 8 * database.shape[1]
    indices = np.empty((len(queries), columns), np.int64)
    distances = np.empty((len(queries), columns), np.int32)
    for rows in _blocks(len(queries), QUERIES):
        signs = _signs(queries[rows])
        keys = np.empty((len(signs), len(database)), np.int64)  # by distance, then by index: one number orders both
        for part in _blocks(len(database), ROWS):
            agree = signs @ _signs(database[part]).T  # bits that agree less those that differ: exact up to 2^24 bits
            keys[:, part] = (bits - agree) / 2
        if itself:
            keys[np.arange(len(keys)), np.arange(rows.start, rows.stop)] = bits + 1  # further than any other
        keys *= len(database)
        keys += np.arange(len(database))
        keys = np.sort(np.partition(keys, columns - 1, axis=1)[:, :columns], axis=1)
        distances[rows], indices[rows] = np.divmod(keys, len(database))
    return indices, distances


def nearest_vectors(
    database: np.ndarray, k: int, queries: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
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


def _signs(codes: np.ndarray) -> np.ndarray:
    """Bits as -1 and 1: float32 array, shape (N, B)."""
    return np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1


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
