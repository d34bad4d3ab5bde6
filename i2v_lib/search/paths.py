"""Exact searches over a graph: the shortest path, and the cheapest path with a given number of steps.

Both count in whole numbers (see :attr:`~i2v_lib.search.graph.Graph.costs`), so that "equally long" is exact, and both
break ties by the numbers of the nodes, which stand in ascending order in the graph's rows. So the order in which edges
were given changes nothing. Both look no further around the two ends than they must.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from i2v_lib.search.graph import Graph

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
    ways = _ways_onward(part, stops, steps)
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
    onward : of a stage and a number of steps: what is known, in each node on which a path comes to stand by its so
        manieth step, of the way from there on. In stage i the path has passed ``stops[i]``, and i + 1 others come next.
        Costs must not be above the true ones, and infinite where no path may stand
    limit : as for :func:`path_of_steps`

    Returns
    -------
    int64 array, or None
    """
    heap = [(0, (stops[0],), 0, 0, iter(()))]  # bound, partial path, its cost, its stage, its siblings
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
    """The graph between some of its nodes, numbered anew in the same order; its weights are the costs."""
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


def _ways_onward(graph: Graph, stops: Sequence[int], steps: int) -> list[list[Onward]]:
    """For every stage, and 0 … steps - 1 steps that are left: the ways onward, as :func:`best_first` asks for them.

    Arrays are float64, int64 and float64 of shape (N,); a cost is infinity where there is no way.
    """
    owners = graph.owners
    beyond = [(0, -1, np.inf), *[NOWHERE] * (steps - 1)]  # the next stop: there a path ends, or goes on
    stages = []
    for before, stop in zip(stops[-2::-1], stops[:0:-1], strict=True):
        layers, from_before = [], []
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
