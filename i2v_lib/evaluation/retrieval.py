"""How often neighbors share an attribute with their query: precision at k, with its chance value and its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from i2v_lib.evaluation.bootstrap import draw_counts
from i2v_lib.evaluation.measured import SHARE, Measured

AS_FOUND, NO_DUPLICATES, OTHERS = "as found", "without near-duplicates", "other characters"
ATTRIBUTES = ("character", "title", "artist", "background", "arms", "view")  # the last two are the pose
KS = (3, 10)
ROWS = 512  # queries at a time


class Retrieved(NamedTuple):
    """How often neighbors have an attribute in common with their query.

    Attributes
    ----------
    metric : what the neighbors are near in
    search : "as found": the first k. "without near-duplicates": the first k that are not of the query's group.
        "other characters": those of the first k that show characters, but none of the query's
    attribute, k : what is shared, among how many
    precision : share of the neighbors, over all queries that have the attribute and a neighbor to judge; NaN without
        any. Its ``count`` is the number of these queries
    chance : the exact expectation of the same neighbors in random order
    found : share of the queries with at least one neighbor that shares the attribute
    """

    metric: str
    search: str
    attribute: str
    k: int
    precision: Measured
    chance: float
    found: float


def depth(groups: Sequence[Hashable], k: int = max(KS)) -> int:
    """How many neighbors hold k that are not near-duplicates of their query, whatever the query."""
    return k + max(Counter(groups).values(), default=1) - 1


def measure(
    neighbors: Mapping[str, np.ndarray],
    attributes: Mapping[str, Sequence[frozenset[str]]],
    groups: Sequence[Hashable],
    ks: Sequence[int] = KS,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Retrieved]:
    """Precision at every k, of every metric and attribute, in three kinds of search.

    Parameters
    ----------
    neighbors : metric -> int64 array, shape (n, K)
        Neighbors of n illustrations among themselves, nearest first, K at least what :func:`depth` gives.
    attributes : attribute -> n sets of values, of which "character" is needed
        Two illustrations share an attribute if their sets share a value.
    groups : n names; near-duplicates share one. They are drawn into a resample together
    ks : how many neighbors count
    resamples : R, how often the groups are drawn with replacement, the same for all metrics
    seed : of the draws

    Returns
    -------
    list of :class:`Retrieved`

    Raises
    ------
    ValueError
        If a metric has too few neighbors, or neighbors of another number of illustrations.

    Source: Saito & Matsui 2015, §4.2, which shows neighbors and gives no numbers.
    """
    members = np.unique(np.asarray(groups), return_inverse=True)[1]  # a number per group
    for metric, indices in neighbors.items():
        needed = len(groups), min(depth(members.tolist(), max(ks)), len(groups) - 1)
        if len(indices) != needed[0] or indices.shape[1] < needed[1]:
            raise ValueError(f"neighbors of {metric!r} have shape {indices.shape}; {needed} is needed, see depth()")
    counted: dict[tuple[str, str, str, int], list[np.ndarray]] = {}
    for key, *counts in _count(neighbors, attributes, members, ks):
        counted.setdefault(key, []).append(np.array(counts))
    hits, taken, expected = (np.stack([np.concatenate(c, axis=1)[i] for c in counted.values()]) for i in range(3))

    totals = [_sum_groups(counts, members) for counts in (hits, taken)]
    resampled = np.empty((len(counted), resamples))
    with np.errstate(invalid="ignore", divide="ignore"):
        for r, drawn in enumerate(draw_counts(int(members.max()) + 1, resamples, seed).T):
            resampled[:, r] = (totals[0] @ drawn) / (totals[1] @ drawn)
        queries = (taken > 0).sum(axis=1)
        precision = hits.sum(axis=1) / taken.sum(axis=1)
        chance = expected.sum(axis=1) / taken.sum(axis=1)
        found = (hits > 0).sum(axis=1) / queries
    measured = []
    for i, (metric, search, attribute, k) in enumerate(counted):
        share = Measured(float(precision[i]), resampled[i], SHARE, int(queries[i]))
        measured.append(Retrieved(metric, search, attribute, k, share, float(chance[i]), float(found[i])))
    return measured


def _count(
    neighbors: Mapping[str, np.ndarray],
    attributes: Mapping[str, Sequence[frozenset[str]]],
    groups: np.ndarray,
    ks: Sequence[int],
) -> Iterator[tuple]:
    """For a block of queries at a time: what is counted, then hits, neighbors taken, and hits expected by chance."""
    carried = {name: _indicators(values) for name, values in attributes.items()}
    for start in range(0, len(groups), ROWS):
        rows = np.arange(start, min(start + ROWS, len(groups)))
        same = {name: (carries[rows] @ carries.T).toarray() > 0 for name, carries in carried.items()}
        others = rows[:, None] != np.arange(len(groups))
        shows = np.array([bool(values) for values in attributes["character"]])
        has = {name: shared.any(axis=1) for name, shared in same.items()}  # who has a value shares it with itself
        searched = {
            AS_FOUND: others,
            NO_DUPLICATES: others & (groups[rows, None] != groups),
            OTHERS: others & ~same["character"] & has["character"][:, None] & shows,
        }
        for search, allowed in searched.items():
            for name, shared in same.items():
                if (search, name) == (OTHERS, "character"):
                    continue  # nothing to find: it is what was left out
                odds = (shared & allowed).sum(axis=1) / np.maximum(allowed.sum(axis=1), 1)
                for metric, indices in neighbors.items():
                    near = np.take_along_axis(allowed, indices[rows], axis=1) & has[name][:, None]
                    hit = np.take_along_axis(shared, indices[rows], axis=1)
                    rank = np.arange(1, near.shape[1] + 1) if search == OTHERS else near.cumsum(axis=1)
                    for k in ks:
                        taken = near & (rank <= k)
                        total = taken.sum(axis=1)
                        yield (metric, search, name, k), (hit & taken).sum(axis=1), total, total * odds


def _indicators(values: Sequence[frozenset[str]]) -> csr_array:
    """Which illustration has which value of an attribute: int32 sparse array, shape (n, values)."""
    columns = {value: i for i, value in enumerate(sorted(frozenset().union(*values)))}
    at = [columns[value] for held in values for value in sorted(held)]
    ends = np.cumsum([0, *map(len, values)])
    return csr_array((np.ones(len(at), np.int32), at, ends), shape=(len(values), max(len(columns), 1)))


def _sum_groups(counts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sums over the queries of each group: (S, n) -> (S, G)."""
    return np.stack([np.bincount(groups, weights=row) for row in counts])
