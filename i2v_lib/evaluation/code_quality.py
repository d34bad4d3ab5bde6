"""How well a set of codes uses its bits."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import euclidean_distances

from i2v_lib.search.hashing import hamming_distance, unpack

SAMPLE = 2000  # illustrations whose pairs are compared, at most


def code_statistics(codes: np.ndarray, bits: int, seed: int = 0) -> dict[str, float | int]:
    """Balance, entropy and independence of the bits of a set of codes.

    Parameters
    ----------
    codes : uint8 array, shape (N, ceil(B / 8)), N at least 2
    bits : number of bits B
    seed : draws the illustrations whose pairs are compared, where there are more than :data:`SAMPLE`

    Returns
    -------
    dict
        ``bits`` B; ``activation``, the mean share of illustrations that have a bit set; ``activation_low`` and
        ``activation_high``, between which 90 % of the bits lie; ``dead``, the number of bits that are the same in all
        illustrations; ``entropy`` of a bit on the average, 0 to 1 bit; ``distinct`` codes; ``distance`` and
        ``distance_deviation`` of a pair of illustrations, in bits; ``independent``, how many independent fair bits
        would spread the pairs' distances as widely (``d (1 - d) / var(d)`` of the distances d as shares of B): B for
        random bits, fewer the more the bits say the same.

    Raises
    ------
    ValueError
        If there are fewer than two codes: they have no distance.
    """
    if len(codes) < 2:
        raise ValueError(f"codes: {len(codes)} of them; pass at least two, as their distances are measured")
    share = np.zeros(bits)
    for start in range(0, len(codes), SAMPLE):
        share += unpack(codes[start : start + SAMPLE], bits).sum(0)
    share /= len(codes)
    chosen = codes[_sample(len(codes), seed)]
    distances = _pairs(hamming_distance(chosen, chosen))
    apart = distances.mean() / bits
    variance = (distances / bits).var()
    uncertain = share[(share > 0) & (share < 1)]
    entropy = -(uncertain * np.log2(uncertain) + (1 - uncertain) * np.log2(1 - uncertain)).sum() / bits
    return {
        "bits": bits,
        "activation": float(share.mean()),
        "activation_low": float(np.quantile(share, 0.05)),
        "activation_high": float(np.quantile(share, 0.95)),
        "dead": int(bits - len(uncertain)),
        "entropy": float(entropy),
        "distinct": len(np.unique(codes, axis=0)),
        "distance": float(distances.mean()),
        "distance_deviation": float(distances.std()),
        "independent": float(apart * (1 - apart) / variance) if variance else 0.0,
    }


def distance_agreement(codes: np.ndarray, features: np.ndarray, seed: int = 0) -> float:
    """How well the Hamming distance of codes approximates the Euclidean distance of real features (§3.2).

    Parameters
    ----------
    codes : uint8 array, shape (N, ceil(B / 8)), N at least 3
    features : float array, shape (N, D), of the same illustrations
    seed : draws the illustrations whose pairs are compared, where there are more than :data:`SAMPLE`

    Returns
    -------
    Spearman's rank correlation of the two distances over the pairs, -1 to 1; NaN if either is constant.
    """
    chosen = _sample(len(codes), seed)
    hamming = _pairs(hamming_distance(codes[chosen], codes[chosen]))
    euclidean = _pairs(euclidean_distances(features[chosen].astype(float)))
    if np.ptp(hamming) == 0 or np.ptp(euclidean) == 0:
        return float("nan")
    return float(spearmanr(hamming, euclidean).statistic)


def _sample(illustrations: int, seed: int) -> np.ndarray:
    """Rows of at most :data:`SAMPLE` illustrations, ascending."""
    if illustrations <= SAMPLE:
        return np.arange(illustrations)
    return np.sort(np.random.default_rng([seed, illustrations]).choice(illustrations, SAMPLE, replace=False))


def _pairs(matrix: np.ndarray) -> np.ndarray:
    """Entries above the diagonal."""
    return matrix[np.triu_indices(len(matrix), 1)]
