"""The graph of nearest neighbors, and semantic morphing: paths over it from one illustration to another (§4.4)."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.search.paths import path_of_steps, shortest_path

EXACT = 2**53  # float64 holds every whole number below
BLOCK = 2**14  # vectors of a large component that are copied at a time


@dataclass(frozen=True)
class Graph:
    """An undirected graph of N nodes and E weighted edges, in rows: one a node, each edge in the rows of both its ends.

    Attributes
    ----------
    starts : int64 array, shape (N + 1,); row i is ``starts[i]:starts[i + 1]`` of the other arrays
    ends : int64 array, shape (2E,); the nodes that each node is joined to, ascending within a row
    weights : array, shape (2E,); int64 (bits) or float64, may be 0
    """

    starts: np.ndarray
    ends: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, node: int) -> slice:
        """Where a node's edges stand in ``ends``, ``weights``, ``owners`` and ``costs``."""
        return slice(self.starts[node], self.starts[node + 1])

    @property
    def owners(self) -> np.ndarray:
        """Whose row it is: int64 array, shape (2E,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def pairs(self) -> np.ndarray:
        """Every edge once, the lower node first, in ascending order: int64 array, shape (E, 2)."""
        owners = self.owners
        once = owners < self.ends
        return np.stack([owners[once], self.ends[once]], axis=1)

    @cached_property
    def costs(self) -> np.ndarray:
        """Weights as whole numbers, so that sums are exact and equal lengths equal: int64 array, shape (2E,).

        Bits are what they are. Real weights are rounded to the finest steps with which sums stay exact.
        """
        if np.issubdtype(self.weights.dtype, np.integer) or not self.weights.any():
            return self.weights.astype(np.int64, copy=False)
        finest = (EXACT // len(self) - 1) // len(self)
        return np.rint(self.weights / self.weights.max() * finest).astype(np.int64)

    @cached_property
    def components(self) -> np.ndarray:
        """Number of the component that each node is in: int32 array, shape (N,)."""
        low, high = self.pairs.T
        ones = np.ones(len(low))  # not the weights: for SciPy a 0 is no edge
        joined = csr_array((ones, (low, high)), shape=(len(self), len(self)))
        return connected_components(joined, directed=False)[1]

    @cached_property
    def component_sizes(self) -> np.ndarray:
        """Nodes in each component: int64 array."""
        return np.bincount(self.components)


@dataclass(frozen=True)
class Morph:
    """What :func:`morph` found.

    Attributes
    ----------
    status : "found"; "same" if source and target are one; "no_path"
    path : int64 array, shape (L,); nodes from source to target, both included; empty without a path
    distances : array, shape (L - 1,); weight of each step, in bits for a graph of codes
    intermediates : how many were asked for; None if any number would do
    component_sizes : nodes in the source's component and in the target's; one number if it is the same
    steps : what :func:`describe_path` says of each step: ids, and the tags kept, gained and lost; empty unless the
        caller knows them, as :meth:`i2v_lib.run.Run.morph` does
    bridge : (node in the source's component, node in the target's, their distance): the pair of least distance between
        the two, where an edge would join them; None if they are one, or if no vectors were given
    """

    status: str
    path: np.ndarray
    distances: np.ndarray
    intermediates: int | None
    component_sizes: tuple[int, ...]
    bridge: tuple[int, int, float] | None = None
    steps: tuple[dict[str, Any], ...] = ()

    @property
    def length(self) -> float | None:
        """Sum of the distances; None without a path."""
        return None if self.status == "no_path" else self.distances.sum().item()

    def __str__(self) -> str:
        if self.status != "no_path":
            return f"{self.status}: {' → '.join(map(str, self.path))}, length {self.length:g}"
        if len(self.component_sizes) == 1:
            return f"no path with exactly {self.intermediates} intermediates; ask for another number, or for any"
        text = "no path: source and target lie in components of {:,} and {:,} nodes".format(*self.component_sizes)
        return text + ("; the nearest bridge is {} – {}, distance {:g}".format(*self.bridge) if self.bridge else "")


def build_graph(indices: np.ndarray, distances: np.ndarray) -> Graph:
    """Join two illustrations if one is among the other's K nearest.

    Parameters
    ----------
    indices : int array, shape (N, K)
        Each node's nearest neighbors, without itself, as :func:`~i2v_lib.search.neighbors.nearest_neighbors` returns
        them. The order within a row is of no account.
    distances : int or float array, shape (N, K)
        Their distances: the edges' weights. Duplicates, at distance 0, are joined as any others. If rounding made
        the two directions of a pair differ, the lower counts.

    Returns
    -------
    Graph

    Raises
    ------
    ValueError
        If the shapes differ, a node lists itself or one that is not there, or a distance is negative or not finite.

    Source: Saito & Matsui 2015, §4.4.
    """
    indices, distances = np.asarray(indices), np.asarray(distances)
    _check_neighbors(indices, distances)
    nodes, k = indices.shape
    near, far = np.repeat(np.arange(nodes), k), indices.ravel().astype(np.int64)
    whole = np.issubdtype(distances.dtype, np.integer)
    weights = distances.ravel().astype(np.int64 if whole else np.float64)
    if whole and weights.max(initial=0) * nodes**2 >= EXACT:
        raise ValueError(f"{nodes:,} nodes with distances up to {weights.max():,}: too many to add up exactly")

    pairs = np.minimum(near, far) * nodes + np.maximum(near, far)  # one number an edge, whoever lists it
    order = np.argsort(pairs)
    pairs = pairs[order]
    firsts = np.flatnonzero(np.diff(pairs, prepend=-1))  # an edge may be listed at both ends
    pairs, weights = pairs[firsts], np.minimum.reduceat(weights[order], firsts)
    low, high = np.divmod(pairs, max(nodes, 1))
    order = np.argsort(np.r_[pairs, high * nodes + low])
    counts = np.bincount(low, minlength=nodes) + np.bincount(high, minlength=nodes)
    return Graph(np.r_[0, np.cumsum(counts)], np.r_[high, low][order], np.r_[weights, weights][order])


def morph(
    graph: Graph, source: int, target: int, intermediates: int | None = None, vectors: np.ndarray | None = None
) -> Morph:
    """Find the transition from one illustration to another: the shortest path over the graph.

    Equal lengths are resolved by one rule: the fewest steps, and then, read from the end of lower number, the
    lowest numbers first. So ``morph(graph, b, a)`` is ``morph(graph, a, b)`` in reverse, whatever the order in which
    edges were given.

    Parameters
    ----------
    graph : from :func:`build_graph`
    source, target : nodes, 0 to N - 1
    intermediates : None for the shortest path; a number for the cheapest path with exactly so many illustrations
        between, none of them twice. Exact; a few are fast, and the time can grow exponentially with them.
    vectors : codes (uint8) or features (float), shape (N, ·); if given, and there is no path since source and target
        are not connected, the result names the nearest bridge

    Returns
    -------
    Morph

    Raises
    ------
    IndexError
        For a node that the graph does not have.
    ValueError
        If ``intermediates`` is negative.

    Source: Saito & Matsui 2015, §4.4.
    """
    source, target = _node(graph, "source", source), _node(graph, "target", target)
    if intermediates is not None and operator.index(intermediates) < 0:
        raise ValueError(f"intermediates={intermediates}: pass 0 or more, or None for the shortest path")
    parts = dict.fromkeys([graph.components[source], graph.components[target]])
    sizes = tuple(int(graph.component_sizes[part]) for part in parts)
    none = np.array([], np.int64)
    if source == target:
        return Morph("same", np.array([source]), none, intermediates, sizes)
    if len(sizes) == 2:
        bridge = None if vectors is None else nearest_bridge(graph, vectors, source, target)
        return Morph("no_path", none, none, intermediates, sizes, bridge)
    low, high = sorted((source, target))
    if intermediates is None:
        path = shortest_path(graph, low, high)
    else:
        path = path_of_steps(graph, low, high, intermediates + 1) if intermediates < sizes[0] - 1 else None
    if path is None:
        return Morph("no_path", none, none, intermediates, sizes)
    path = path if source == low else path[::-1]
    return Morph("found", path, _steps(graph, path), intermediates, sizes)


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


def describe_path(path: Sequence[int], ids: Sequence[str], tags: Sequence[Collection[str]]) -> list[dict[str, Any]]:
    """What changes and what stays at each step of a path.

    Parameters
    ----------
    path : L nodes
    ids : name of every node's illustration
    tags : tags of every node's illustration

    Returns
    -------
    list of L - 1 dictionaries
        "from" and "to", ids; "kept", "gained" and "lost", lists of tags in alphabetical order.
    """
    steps = []
    for a, b in zip(path[:-1], path[1:], strict=True):
        before, after = set(tags[a]), set(tags[b])
        changes = {"kept": before & after, "gained": after - before, "lost": before - after}
        steps.append({"from": ids[a], "to": ids[b], **{name: sorted(found) for name, found in changes.items()}})
    return steps


def _steps(graph, path):
    """Weight of every step of a path: (L,) -> (L - 1,)."""
    rows = [graph.row(node) for node in path[:-1]]
    places = [row.start + np.searchsorted(graph.ends[row], node) for row, node in zip(rows, path[1:], strict=True)]
    return graph.weights[places]


def _node(graph, name, node):
    node = operator.index(node)
    if not 0 <= node < len(graph):
        raise IndexError(f"{name}={node}: the graph has nodes 0 to {len(graph) - 1}")
    return node


def _check_neighbors(indices, distances):
    if indices.ndim != 2 or indices.shape != distances.shape:
        raise ValueError(f"indices {indices.shape}, distances {distances.shape}: pass two arrays of shape (N, K)")
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"indices: dtype {indices.dtype}; pass whole numbers, the neighbors' rows")
    if indices.size and not 0 <= indices.min() <= indices.max() < len(indices):
        raise ValueError(f"indices reach from {indices.min()} to {indices.max()}; nodes are 0 to {len(indices) - 1}")
    itself = np.flatnonzero((indices == np.arange(len(indices))[:, None]).any(axis=1))
    if len(itself):
        raise ValueError(f"node {itself[0]} is listed as its own neighbor; leave the query itself out")
    if not (np.isfinite(distances).all() and (distances >= 0).all()):
        raise ValueError("distances hold negative or non-finite values; pass distances in bits, or Euclidean ones")
