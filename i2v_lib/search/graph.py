"""The graph of nearest neighbors, and semantic morphing: paths over it from one illustration to another (§4.4)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from i2v_lib.search.adjacency import EXACT, Graph
from i2v_lib.search.paths import GivenUpError, nearest_bridge, path_of_steps, shortest_path_through


@dataclass(frozen=True)
class Morph:
    """What :func:`morph` found.

    Attributes
    ----------
    status : "found"; "same" if source and target are one; "no_path"; "given_up" if the limit was reached before
    path : int64 array, shape (L,); nodes from source to target, both included; empty without a path
    distances : array, shape (L - 1,); weight of each step, in bits for a graph of codes
    intermediates : how many were asked for; None if any number would do
    component_sizes : nodes in the components of the source, the waypoints and the target, one number for each; if there
        is no path, the nodes to avoid are left out
    steps : what :func:`~i2v_lib.search.path_finder.describe_path` says of each step: ids, and the tags kept, gained and
        lost; empty unless the caller knows them, as :meth:`i2v_lib.run.Run.morph` does
    bridge : (node, node, their distance): the pair of least distance between two components, where an edge would join
        them; from the source's side to the target's. None if they are one, or if no vectors were given
    proven : False if there may be a shorter path through the waypoints: the limit was reached before
    """

    status: str
    path: np.ndarray
    distances: np.ndarray
    intermediates: int | None
    component_sizes: tuple[int, ...]
    bridge: tuple[int, int, float] | None = None
    steps: tuple[dict[str, Any], ...] = ()
    proven: bool = True

    @property
    def length(self) -> float | None:
        """Sum of the distances; None without a path."""
        return self.distances.sum().item() if len(self.path) else None

    def __str__(self) -> str:
        if len(self.path):
            return f"{self.status}: {' → '.join(map(str, self.path))}, length {self.length:g}"
        if self.status == "given_up":
            return "given up: too many partial paths; ask for fewer intermediates or waypoints"
        if len(self.component_sizes) == 1 and self.intermediates is None:
            return "no path takes the waypoints in this order and no node twice; ask for others, or for fewer"
        if len(self.component_sizes) == 1:
            return f"no path with exactly {self.intermediates} intermediates; ask for another number, or for any"
        ends = "source and target lie" if len(self.component_sizes) == 2 else "source, waypoints and target lie"
        text = f"no path: {ends} in components of {' and '.join(f'{size:,}' for size in self.component_sizes)} nodes"
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
    whole = np.issubdtype(distances.dtype, np.integer)
    weights = distances.ravel().astype(np.int64 if whole else np.float64)
    if whole and weights.max(initial=0) * nodes**2 >= EXACT:
        raise ValueError(f"{nodes:,} nodes with distances up to {weights.max():,}: too many to add up exactly")

    # Transposing sorts in linear time: once by who is listed, twice by who lists.
    listed = csr_array((np.arange(nodes * k), indices.ravel(), np.arange(nodes + 1) * k), shape=(nodes, nodes))
    by_far = listed.tocsc()
    by_near = by_far.T.tocsc()
    ways = [np.repeat(np.arange(nodes), np.diff(way.indptr)) * nodes + way.indices for way in (by_near, by_far)]
    edges = np.concatenate(ways)  # both ways of each listing: two sorted runs, which a stable sort merges
    order = np.argsort(edges, kind="stable")
    edges = edges[order]
    firsts = np.flatnonzero(np.diff(edges, prepend=-1))  # an edge may be listed at both ends
    weights = weights[np.r_[by_near.data, by_far.data][order]]
    weights = np.minimum.reduceat(weights, firsts) if len(firsts) else weights
    owners, ends = np.divmod(edges[firsts], max(nodes, 1))
    return Graph(np.r_[0, np.cumsum(np.bincount(owners, minlength=nodes))], ends, weights)


def morph(
    graph: Graph,
    source: int,
    target: int,
    intermediates: int | None = None,
    vectors: np.ndarray | None = None,
    *,
    avoid: Sequence[int] = (),
    waypoints: Sequence[int] = (),
    limit: int | None = None,
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
    avoid : nodes that the path must not touch
    waypoints : nodes that it must pass, in this order from source to target, no node twice; they count among the
        intermediates
    limit : partial paths to look at, at most, where there may be exponentially many; None for as many as it takes

    Returns
    -------
    Morph

    Raises
    ------
    IndexError
        For a node that the graph does not have.
    ValueError
        If ``intermediates`` is negative, a waypoint is given twice or is an end, or is to be avoided, or an end is.

    Source: Saito & Matsui 2015, §4.4; nodes to avoid and waypoints are ours.
    """
    source, target = _node(graph, "source", source), _node(graph, "target", target)
    avoid = [_node(graph, "avoid", node) for node in avoid]
    stops = [source, *(_node(graph, "waypoints", node) for node in waypoints), target]
    if intermediates is not None and operator.index(intermediates) < 0:
        raise ValueError(f"intermediates={intermediates}: pass 0 or more, or None for the shortest path")
    if barred := set(stops) & set(avoid):
        raise ValueError(f"avoid holds {min(barred)}, which is an end or a waypoint; take it out of one of the two")
    if len(set(stops)) < len(stops) and waypoints:
        raise ValueError(f"waypoints={stops[1:-1]} from {source} to {target}: every node may be passed but once")
    forward = source <= target
    stops = stops if forward else stops[::-1]
    none = np.array([], np.int64)
    if source == target:
        return Morph("same", np.array([source]), none, intermediates, _sizes(graph, stops))
    status, path, proven = _search(graph, stops, intermediates, avoid, limit)
    if path is not None:
        sizes, path = _sizes(graph, stops), path if forward else path[::-1]
        return Morph(status, path, _steps(graph, path), intermediates, sizes, proven=proven)
    left = graph.without(avoid) if avoid else graph
    bridge = None if vectors is None else _bridge(left, vectors, stops)
    if not forward and bridge is not None:
        bridge = bridge[1], bridge[0], bridge[2]
    return Morph(status, none, none, intermediates, _sizes(left, stops if forward else stops[::-1]), bridge)


def _search(graph, stops, intermediates, avoid, limit):
    """Status, path through the stops as an int64 array or None, and whether it is the best for certain."""
    source, *waypoints, target = stops
    if len(sizes := _sizes(graph, stops)) > 1 or (intermediates or 0) > sizes[0] - 2:
        return "no_path", None, True
    try:
        if intermediates is None:
            path, proven = shortest_path_through(graph, stops, avoid, limit)
        else:
            path, proven = path_of_steps(graph, source, target, intermediates + 1, avoid, waypoints, limit), True
    except GivenUpError:
        return "given_up", None, False
    return "no_path" if path is None else "found", path, proven


def _sizes(graph, stops):
    """Nodes in the components that some nodes are in, each component once."""
    return tuple(graph.component_sizes[list(dict.fromkeys(graph.components[stops].tolist()))].tolist())


def _bridge(graph, vectors, stops):
    """The bridge from the first stop that no edges join to the next; None if all are joined."""
    parts = graph.components[stops]
    apart = np.flatnonzero(parts[:-1] != parts[1:])
    return nearest_bridge(graph, vectors, *stops[apart[0] : apart[0] + 2]) if len(apart) else None


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
