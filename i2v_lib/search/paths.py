"""Exact searches over a graph: the shortest path, also through waypoints, and the cheapest with a number of steps.

All count in whole numbers (see :attr:`~i2v_lib.search.adjacency.Graph.costs`), so that "equally long" is exact, and all
break ties by the numbers of the nodes, which stand in ascending order in the graph's rows. So the order in which edges
were given changes nothing. Where no path leads from one component to another, the nearest bridge says what is missing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from i2v_lib.search.adjacency import Graph
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors

BLOCK = 2**14  # vectors of a large component that are copied at a time

# Seen from a node that is being stepped on: the least cost from there on, the next node, the least cost by another.
Onward = tuple[np.ndarray, np.ndarray, np.ndarray]
NOWHERE = np.inf, -1, np.inf


class GivenUpError(RuntimeError):
    """A search looked at as many partial paths as it was allowed, and had not ended."""


def shortest_path(graph: Graph, source: int, target: int, avoid: Sequence[int] = ()) -> np.ndarray | None:
    """Path of least length: of equal ones that of fewest steps, of these the lowest numbers first.

    Parameters
    ----------
    graph : of N nodes
    source, target : two nodes
    avoid : nodes that the path must not touch

    Returns
    -------
    int64 array, shape (L,), or None
        Nodes from source to target, both included.
    """
    from i2v_lib.search.dijkstra import first_shortest_path  # late: only who asks for a path waits for the compiler

    barred = np.array(avoid, np.int64)
    path = first_shortest_path(graph.starts, graph.ends, graph.costs, source, target, barred)
    return path if len(path) else None


def shortest_path_through(
    graph: Graph, stops: Sequence[int], avoid: Sequence[int] = (), limit: int | None = None
) -> tuple[np.ndarray | None, bool]:
    """Path of least length: of equal ones that of fewest steps, of these the lowest numbers first.

    Where the shortest paths from stop to stop meet nowhere else, they are it. Where two of them do, partial paths are
    extended best first, by what the way onward would take if it might repeat nodes. Where it is far to a waypoint and
    the near way leads back, the time of that grows exponentially; at the limit, paths are searched from stop to stop
    that keep clear of each other.

    Parameters
    ----------
    graph : of N nodes
    stops : at least two nodes: the source, the waypoints in order, the target; none twice
    avoid : nodes that the path must not touch, no stop among them
    limit : partial paths to look at, at most; None for as many as it takes

    Returns
    -------
    path : int64 array, shape (L,), or None if there is none
    proven : whether it is the best for certain

    Raises
    ------
    GivenUpError
        If ``limit`` is reached, and paths that keep clear of each other are not found either.
    """
    legs = _legs(graph, stops, avoid, range(len(stops) - 1), apart=False)
    if legs is None:
        return None, True
    path = _joined(legs)
    if len(np.unique(path)) == len(path):
        return path, True
    counted = replace(graph, weights=graph.costs * len(graph) + 1)  # a step counts too: the least after any length
    ways = _ways_through(counted, stops, avoid)
    try:
        return best_first(counted, stops, lambda stage, _: ways[stage], limit), True
    except GivenUpError:
        paths = _paths_apart(counted, stops, avoid)
        if not paths:
            raise
        return np.array(min(paths)[1]), False


def path_of_steps(
    graph: Graph,
    source: int,
    target: int,
    steps: int,
    avoid: Sequence[int] = (),
    waypoints: Sequence[int] = (),
    limit: int | None = None,
) -> np.ndarray | None:
    """Cheapest path that takes exactly ``steps`` steps and no node twice: of equal ones the lowest numbers first.

    Partial paths are extended best first, by a bound on what they can still become; so the first to arrive is the
    cheapest. The bound is the cheapest way onward that may repeat nodes, but neither turns straight back nor touches
    the ends or a waypoint out of turn. For a few steps it is nearly always tight. For many it need not be, and then
    the time grows exponentially with them.

    Parameters
    ----------
    graph : of N nodes
    source, target : two nodes
    steps : at least 1
    avoid : nodes that the path must not touch
    waypoints : nodes that it must pass, in this order
    limit : partial paths to look at, at most; None for as many as it takes

    Returns
    -------
    int64 array, shape (steps + 1,), or None if there is no such path

    Raises
    ------
    GivenUpError
        If ``limit`` is reached.
    """
    nodes = _surroundings(graph, source, target, steps, avoid)
    if not np.isin(waypoints, nodes).all():
        return None  # too far away
    stops = np.searchsorted(nodes, (source, *waypoints, target)).tolist()
    part = _part(graph, nodes)
    ways = _ways_of_steps(part, stops, steps)
    path = best_first(part, stops, lambda stage, length: ways[stage][steps - length], limit)
    return None if path is None else nodes[path]


def best_first(
    graph: Graph, stops: Sequence[int], onward: Callable[[int, int], Onward], limit: int | None = None
) -> np.ndarray | None:
    """Cheapest path through some nodes, in order, that takes no node twice: of equal ones the lowest numbers first.

    Parameters
    ----------
    graph : its weights are whole numbers
    stops : nodes to pass, at least two
    onward : called with a stage and a number of steps taken, counting the one that comes next. Returns what is known,
        at each node where that step may end, of the way from there on. In stage i the path has passed ``stops[i]``, and
        ``stops[i + 1]`` comes next. Costs must not be above the true ones, and must be infinite where no path may stand
    limit : as for :func:`path_of_steps`

    Returns
    -------
    int64 array, or None
    """
    heap: list[Any] = [(0, (stops[0],), 0, 0, iter(()))]  # bound, partial path, its cost, its stage, its siblings
    looked = 0
    while heap:
        _, path, spent, stage, siblings = heapq.heappop(heap)
        if stage == len(stops) - 1:
            return np.array(path)
        looked += 1
        if limit is not None and looked > limit:
            raise GivenUpError(f"{limit:,} partial paths looked at, and none is known to be the best")
        longer = _extend(graph, stops, onward(stage, len(path)), path, spent, stage)
        for extensions in (siblings, longer):
            for extended in extensions:
                heapq.heappush(heap, (*extended, extensions))
                break  # no later one is better, so they wait until this one is taken
    return None


def nearest_bridge(graph: Graph, vectors: np.ndarray, source: int, target: int) -> tuple[int, int, float]:
    """The pair of least distance between the components of two nodes: where an edge would join them.

    Parameters
    ----------
    graph : from :func:`~i2v_lib.search.graph.build_graph`
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


def _extend(
    graph: Graph, stops: Sequence[int], onward: Onward, path: tuple[int, ...], spent: int, stage: int
) -> Iterator[tuple[float, tuple[int, ...], int, int]]:
    """A partial path with each possible next node, the best first: (bound, path, its cost, its stage)."""
    best, first, second = onward
    row = graph.row(path[-1])
    ends, costs = graph.ends[row], spent + graph.costs[row]
    bounds = costs + np.where(first[ends] == path[-1], second[ends], best[ends])
    for i in np.argsort(bounds, kind="stable"):
        if bounds[i] < np.inf and ends[i] not in path:
            yield bounds[i], (*path, int(ends[i])), costs[i], stage + (ends[i] == stops[stage + 1])


def _paths_apart(graph, stops, avoid):
    """Paths that take no node twice, each with its length; the legs are searched in different orders."""
    found, legs = [], range(len(stops) - 1)
    for first in legs:
        others = [leg for leg in legs if leg != first]
        for order in ([first, *others], [first, *others[::-1]]):
            if parts := _legs(graph, stops, avoid, order, apart=True):
                path = _joined(parts)
                steps = zip(path[:-1], path[1:], strict=True)
                length = sum(graph.costs[graph.row(a)][graph.ends[graph.row(a)] == b].item() for a, b in steps)
                found.append((length, path.tolist()))
    return found


def _legs(graph, stops, avoid, order, apart):
    """Shortest paths from stop to stop, or None; if ``apart``, each avoids those that come before it in the order."""
    legs = [np.array([], np.int64)] * len(order)
    for i in order:
        ends = stops[i], stops[i + 1]
        taken = [stop for stop in stops if stop not in ends]
        taken += [node for leg in legs for node in leg.tolist() if node not in ends] if apart else []
        leg = shortest_path(graph, *ends, [*avoid, *taken])
        if leg is None:
            return None
        legs[i] = leg
    return legs


def _joined(legs):
    return np.concatenate([*(leg[:-1] for leg in legs), legs[-1][-1:]])


def _ways_through(graph: Graph, stops: Sequence[int], avoid: Sequence[int]) -> list[Onward]:
    """For every stage, the ways onward, as :func:`best_first` asks for them."""
    unknown = np.full(len(graph), -1), np.full(len(graph), np.inf)  # next nodes: turning back is not looked into
    beyond = 0.0
    stages: list[Onward] = []
    for before, stop in zip(stops[-2::-1], stops[:0:-1], strict=True):
        barred = np.zeros(len(graph), bool)
        barred[[*avoid, *stops]] = True
        barred[stop] = False
        closed = barred[graph.ends] | barred[graph.owners]
        lengths = csr_array((np.where(closed, np.inf, graph.costs), graph.ends, graph.starts), shape=(len(graph),) * 2)
        best = dijkstra(lengths, indices=stop) + beyond
        row = graph.row(before)
        beyond = (graph.costs[row] + best[graph.ends[row]]).min(initial=np.inf)
        stages.insert(0, (best, *unknown))
    return stages


def _surroundings(graph, source, target, steps, avoid):
    """Every node that a way of so many steps can touch, and others: int64 array, ascending.

    A node on the way is at most r steps from the source or steps - 1 - r from the target, for any r; so the two balls
    grow in turns, always the one with the smaller rim.
    """
    inside = np.zeros((2, len(graph)), bool)
    inside[0, source] = inside[1, target] = True
    avoid = np.array(avoid, np.int64)
    inside[:, avoid] = True  # so that they are never reached
    rims = [np.array([source]), np.array([target])]
    for _ in range(steps - 1):
        ball = int(len(rims[1]) < len(rims[0]))
        reached = graph.ends[_edges(graph, rims[ball])]
        rims[ball] = np.unique(reached[~inside[ball, reached]])
        if not len(rims[ball]):  # the ball is the whole component
            break
        inside[ball, rims[ball]] = True
    inside[:, avoid] = False
    return np.flatnonzero(inside.any(axis=0))


def _part(graph, nodes):
    """The graph between some of its nodes, numbered again in the same order; its weights are the costs."""
    numbers = np.full(len(graph), -1)
    numbers[nodes] = np.arange(len(nodes))
    edges = _edges(graph, nodes)
    ends = numbers[graph.ends[edges]]
    owners = np.repeat(np.arange(len(nodes)), np.diff(graph.starts)[nodes])[ends >= 0]
    starts = np.searchsorted(owners, np.arange(len(nodes) + 1))
    return replace(graph, starts=starts, ends=ends[ends >= 0], weights=graph.costs[edges[ends >= 0]])


def _edges(graph, nodes):
    """Where the edges of some nodes stand, row after row."""
    counts = graph.starts[nodes + 1] - graph.starts[nodes]
    return np.arange(counts.sum()) + np.repeat(graph.starts[nodes] - (np.cumsum(counts) - counts), counts)


def _ways_of_steps(graph: Graph, stops: Sequence[int], steps: int) -> list[list[Onward]]:
    """For every stage, and 0 … steps - 1 steps that are left: the ways onward, as :func:`best_first` asks for them.

    Arrays are float64, int64 and float64 of shape (N,); a cost is infinity where there is no way.
    """
    owners = graph.owners
    beyond = [(0, -1, np.inf), *[NOWHERE] * (steps - 1)]  # the next stop: there a path ends, or goes on
    stages: list[list[Onward]] = []
    for before, stop in zip(stops[-2::-1], stops[:0:-1], strict=True):
        layers: list[Onward] = []
        from_before = []
        for left in range(steps):
            if left:
                best, first, second = _one_step_more(graph, owners, layers[-1])
            else:
                best, first, second = (np.full(len(graph), value) for value in NOWHERE)
            from_before.append((best[before], first[before], second[before]))
            for values, nothing, here in zip((best, first, second), NOWHERE, beyond[left], strict=True):
                values[stops] = nothing
                values[stop] = here
            layers.append((best, first, second))
        beyond = from_before
        stages.insert(0, layers)
    return stages


def _one_step_more(graph, owners, onward):
    """The ways onward with a step more, from those that may be stepped on."""
    best, first, second = onward
    way = graph.costs + np.where(first[graph.ends] == owners, second[graph.ends], best[graph.ends])
    best = _least(graph, way)
    cheapest = np.flatnonzero(way == best[owners])
    first = np.full(len(graph), -1)
    first[owners[cheapest]] = graph.ends[cheapest]
    way[first[owners] == graph.ends] = np.inf
    return best, first, _least(graph, way)


def _least(graph, values):
    """Least of the 2E values in each node's row, infinity for a node without edges: (2E,) -> (N,)."""
    least = np.full(len(graph), np.inf)
    filled = np.diff(graph.starts) > 0
    least[filled] = np.minimum.reduceat(values, graph.starts[:-1][filled])
    return least
