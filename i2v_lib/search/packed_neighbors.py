"""Neighbors as single numbers: the distance in the high half, the index in the low half.

Such keys sort by distance and then by index, so ties need no care, and two lists merge by sorting.
"""

from __future__ import annotations

import numpy as np

SHIFT = 32  # bits of an index; popcount's kernel is compiled with it, so touch that file as well if this changes
INDEX = (1 << SHIFT) - 1  # mask of it
FAR = np.iinfo(np.int64).max  # further than any neighbor


def to_keys(indices: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """One int64 key for each neighbor; arrays of one shape."""
    return distances.astype(np.int64) << SHIFT | indices


def from_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort keys by rows and split them, in place.

    Parameters
    ----------
    keys : int64 array, shape (Q, K); becomes the indices, since at scale a second copy would be felt

    Returns
    -------
    indices : int64 array, shape (Q, K), nearest first
    distances : int32 array, shape (Q, K)
    """
    keys.sort(axis=1)
    distances = np.empty(keys.shape, np.int32)
    np.right_shift(keys, SHIFT, out=distances, casting="unsafe")
    keys &= INDEX
    return keys, distances
