"""How much of what is near among the codes stays near in a map (§4.5)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from i2v_lib.evaluation import retrieval
from i2v_lib.evaluation.bootstrap import draw_counts
from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors

NEIGHBORS = 10  # of each illustration in the map
CODES, SHUFFLED = "codes", "shuffled"  # the map's model, and the control
SHARED = ("character", "title")


def measure_maps(
    codes: np.ndarray,
    layouts: Mapping[str, np.ndarray],
    attributes: Mapping[str, Sequence[frozenset[str]]],
    groups: Sequence[Hashable],
    resamples: int = 1000,
    seed: int = 0,
) -> dict[tuple[str, str], Measured]:
    """Trustworthiness of maps, and how often map neighbors share a character and a title.

    Two rows frame the maps: the codes themselves, which no map of them should beat by much, and the first map with
    its places dealt to other illustrations, which is chance and the same as shuffled tags.

    Parameters
    ----------
    codes : uint8 array, shape (n, B/8)
    layouts : map -> float array, shape (n, 2)
    attributes : "character" and "title", each n sets of values
    groups : n names; near-duplicates share one. They are drawn into a resample together
    resamples : how often the groups are drawn with replacement, the same for all maps
    seed : of the draws and of the shuffle

    Returns
    -------
    dict
        (map, measure) -> value, 0 to 1; the maps are "codes", the layouts and "shuffled", the measures
        "trustworthiness" and the attributes that map neighbors share. Empty for fewer than three illustrations; what
        no illustration has is NaN.
    """
    n = len(codes)
    if n < 3:
        return {}
    shuffled = next(iter(layouts.values()))[np.random.default_rng([seed, n]).permutation(n)]
    depth = retrieval.depth(list(groups), NEIGHBORS)
    near = {CODES: nearest_neighbors(codes, depth)[0]}
    for name, layout in {**layouts, SHUFFLED: shuffled}.items():
        near[name] = nearest_vectors(layout, depth)[0]

    distances, group = hamming_distance(codes, codes), np.unique(list(groups), return_inverse=True)[1]
    drawn = draw_counts(group.max() + 1, resamples, seed)
    sizes = np.bincount(group) @ drawn
    kept = {}
    for name, neighbors in near.items():
        each = trustworthiness(distances, neighbors[:, :NEIGHBORS])
        resampled = (np.bincount(group, weights=each) @ drawn) / sizes
        kept[name, "trustworthiness"] = Measured(float(each.mean()), resampled, SHARE, n)
    shared = {name: attributes[name] for name in SHARED}
    for found in retrieval.measure(near, shared, groups, (NEIGHBORS,), resamples, seed):
        if found.search == retrieval.AS_FOUND:
            kept[found.metric, found.attribute] = found.precision
    return kept


def trustworthiness(distances: np.ndarray, neighbors: np.ndarray) -> np.ndarray:
    """How far each point's map neighbors are its neighbors among the codes.

    A map neighbor that is not among the k nearest codes costs by how many ranks it misses them. The mean over the
    points is the trustworthiness of the map; scikit-learn gives only that, and an interval needs each.

    Parameters
    ----------
    distances : array, shape (n, n), among the codes; equal ones are ranked by index
    neighbors : int array, shape (n, k): the nearest points in the map

    Returns
    -------
    float64 array, shape (n,)
        1 where no map neighbor is out of place, and about 0.5 by chance.

    Source: Venna & Kaski 2001, as in ``sklearn.manifold.trustworthiness``. Where k is half of n or more, that
    function refuses; here the cost is divided by its largest possible value.
    """
    n, k = neighbors.shape
    ordered = distances.astype(np.float64)
    np.fill_diagonal(ordered, -1)  # a point is first of its own ranking, at rank 0
    ranks = np.empty((n, n), np.int64)
    np.put_along_axis(ranks, ordered.argsort(axis=1, kind="stable"), np.arange(n)[None, :], axis=1)
    cost = np.maximum(np.take_along_axis(ranks, neighbors, axis=1) - k, 0).sum(axis=1)
    misses = min(k, n - 1 - k)  # points that can be out of place
    worst = sum(n - 1 - k - i for i in range(misses))
    return 1 - cost / max(worst, 1)
