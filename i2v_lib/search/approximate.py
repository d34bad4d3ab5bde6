"""Approximate Hamming search over a graph of small worlds (HNSW), by faiss: for sets too large for the exact one."""

from __future__ import annotations

import importlib

import numpy as np

from i2v_lib.search.hamming_cpu import search_by_popcount
from i2v_lib.search.packed_neighbors import FAR, to_keys, without_own

LINKS = 32  # of a code in the graph
EFFORT = 128  # codes a search keeps in sight at least; more find more of the true neighbors and take longer


def search_by_hnsw(database: np.ndarray, queries: np.ndarray | None, keys: np.ndarray) -> None:
    """Find codes that are nearly always the nearest.

    Distances are right, but a nearer code may be missed, most often where there are many duplicates. The graph is built
    by several threads, so two searches may differ.

    Parameters
    ----------
    database : uint8 array, shape (N, B/8)
    queries : uint8 array, shape (Q, B/8); None for the database itself, where no code is its own neighbor
    keys : int64 array, shape (Q, K), changed in place
        The neighbors, as in :mod:`~i2v_lib.search.packed_neighbors`, in any order. A query for which the graph gives
        too few is searched exactly.

    Raises
    ------
    ModuleNotFoundError
        If faiss is not installed.
    """
    try:
        faiss = importlib.import_module("faiss")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("method='hnsw' needs faiss; run: python -m pip install faiss-cpu") from error
    itself, columns = queries is None, keys.shape[1]
    points = np.ascontiguousarray(database if itself else queries)
    keep = columns + itself
    index = faiss.IndexBinaryHNSW(8 * database.shape[1], LINKS)
    index.add(np.ascontiguousarray(database))
    index.hnsw.efSearch = max(EFFORT, 2 * keep)
    distances, indices = index.search(points, keep)
    found = np.where(indices < 0, FAR, to_keys(indices.astype(np.int64), distances))
    short = np.flatnonzero((indices < 0).any(axis=1))  # the graph did not lead to as many
    exact = np.full((len(short), keep), FAR)
    search_by_popcount(database, points[short], exact)
    found[short] = exact
    keys[:] = without_own(found, np.arange(len(found))) if itself else found
