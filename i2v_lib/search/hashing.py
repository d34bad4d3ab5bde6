"""Binary codes: real features thresholded, packed eight bits a byte, and compared by counting differing bits (§3.2)."""

from __future__ import annotations

import numpy as np


def binarize(features: np.ndarray) -> np.ndarray:
    """Binarize the hash layer at an activation of 0.5 and pack the bits.

    Parameters
    ----------
    features : float array, shape (N, B)
        The hash layer before its sigmoid; an activation above 0.5 is a feature above 0.

    Returns
    -------
    uint8 array, shape (N, ceil(B / 8))
        Codes, the first bit highest, as the authors' library returns them; a last byte that is not full ends in zeros.

    Raises
    ------
    TypeError
        If the features are not of a float type: codes were passed, or bits.
    ValueError
        If they are not two-dimensional, or not finite.

    Source: Saito & Matsui 2015, §3.2.
    """
    features = np.asarray(features)
    if not np.issubdtype(features.dtype, np.floating):
        raise TypeError(f"features: dtype {features.dtype}; pass the hash layer's real values, shape (N, B)")
    if features.ndim != 2:
        raise ValueError(f"features: shape {features.shape}; pass (N, B), one row an illustration")
    if not np.isfinite(features).all():
        raise ValueError("features hold NaN or infinity; check the network they come from")
    return np.packbits(features > 0, axis=1)


def unpack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Bits of packed codes: bool array, shape (N, bits)."""
    check_codes("codes", codes)
    return np.unpackbits(codes, axis=1, count=bits).astype(bool)


def hamming_distance(query: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Number of differing bits between every query and every database code.

    Parameters
    ----------
    query, database : uint8 array, shape (Q, B/8) and (N, B/8)
        Packed codes from :func:`binarize`.

    Returns
    -------
    int32 array, shape (Q, N)
        Distances in bits, 0 to B.

    Raises
    ------
    TypeError
        If either array is not uint8: unpacked bits or real features were passed.
    ValueError
        If either is not two-dimensional, or the two code widths differ.

    Source: Saito & Matsui 2015, §3.2.
    """
    check_codes("query", query)
    check_codes("database", database)
    if query.shape[1] != database.shape[1]:
        raise ValueError(f"query has {query.shape[1]} bytes a code and database {database.shape[1]}; use one network")
    distances = np.empty((len(query), len(database)), np.int32)
    for row, code in zip(distances, query, strict=True):  # a row at a time: no (Q, N, B/8) array
        row[:] = np.bitwise_count(np.bitwise_xor(database, code)).sum(1, dtype=np.int32)
    return distances


def check_codes(name: str, codes: np.ndarray) -> None:
    """Refuse what is not packed codes; ``name`` is the argument's, for the message."""
    if codes.dtype != np.uint8:
        raise TypeError(f"{name}: dtype {codes.dtype}; pass packed uint8 codes: call binarize first")
    if codes.ndim != 2:
        raise ValueError(f"{name}: shape {codes.shape}; pass (N, B/8), one row a code")
