"""The nearest bridge between two parts of a graph that no edge joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors

if TYPE_CHECKING:
    from i2v_lib.search.graph import Graph

BLOCK = 2**14  # vectors of a large component that are copied at a time


def nearest_bridge(graph: Graph, vectors: np.ndarray, source: int, target: int) -> tuple[int, int, float]:
    """The pair of least distance between the components of two nodes: where an edge would join them.

    Parameters
    ----------
    graph : from :func:`build_graph`
    vectors : uint8 codes, compared by Hamming distance, or float features, by Euclidean; shape (N, ·)
    source, target : nodes of different components

    Returns
    -------
    (node in the source's component, node in the target's, distance)
        Of equally near pairs that of lowest numbers.

    Notes
    -----
    Every node of one component meets every node of the other. That is quick where one of the two is small, as nearly
    always; two of half a million codes each take half an hour.
    """
    if len(vectors) != len(graph):
        raise ValueError(f"vectors has {len(vectors):,} rows, the graph {len(graph):,} nodes; pass one a node")
    low, high = (np.flatnonzero(graph.components == graph.components[node]) for node in sorted((source, target)))
    small, large = sorted((low, high), key=len)
    search = nearest_neighbors if vectors.dtype == np.uint8 else nearest_vectors
    queries, found = vectors[small], []
    for start in range(0, len(large), BLOCK):
        block = large[start : start + BLOCK]
        indices, distances = search(vectors[block], 1, queries)
        best = distances[:, 0] == distances.min()
        pairs = np.stack([small[best], block[indices[best, 0]]], axis=1)
        found.append((distances.min().item(), *min((pairs if small is low else pairs[:, ::-1]).tolist())))
    distance, *ends = min(found)
    return (*(ends if source < target else ends[::-1]), distance)
