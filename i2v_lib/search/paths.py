"""Two exact searches over a graph: the shortest path, and the cheapest path with a given number of steps.

Both count in whole numbers (see :attr:`~i2v_lib.search.graph.Graph.costs`), so that "equally long" is exact, and both
break ties by the numbers of the nodes, which stand in ascending order in the graph's rows. So the order in which edges
were given changes nothing. Both look no further around the two ends than they must.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from i2v_lib.search.graph import Graph


def shortest_path(graph: Graph, source: int, target: int) -> np.ndarray:
    """Path of least length: of equal ones that of fewest steps, of these the lowest numbers first.

    Parameters
    ----------
    graph : of N nodes
    source, target : nodes of one component

    Returns
    -------
    int64 array, shape (L,)
        Nodes from source to target, both included.
    """
    from i2v_lib.search.dijkstra import first_shortest_path  # late: only who asks for a path waits for the compiler

    return first_shortest_path(graph.starts, graph.ends, graph.costs, source, target)


def path_of_steps(graph: Graph, source: int, target: int, steps: int) -> np.ndarray | None:
    """Cheapest path that takes exactly ``steps`` steps and no node twice: of equal ones the lowest numbers first.

    Partial paths are extended best first, by a bound on what they can still become; so the first to arrive is the
    cheapest. The bound is the cheapest way onward that may repeat nodes, but neither turns straight back nor touches
    the source or the target on its way. For a few steps it is nearly always tight. For many it need not be, and then
    the time grows exponentially with them.

    Parameters
    ----------
    graph : of N nodes
    source, target : two nodes of one component
    steps : at least 1

    Returns
    -------
    int64 array, shape (steps + 1,), or None if there is no such path
    """
    nodes = _surroundings(graph, source, target, steps)
    source, target = np.searchsorted(nodes, (source, target)).tolist()
    path = _best_first(_part(graph, nodes), source, target, steps)
    return None if path is None else nodes[path]


def _surroundings(graph, source, target, steps):
    """Every node that a way of so many steps can touch, and others: int64 array, ascending.

    A node on the way is at most r steps from the source or steps - 1 - r from the target, for any r; so the two balls
    grow in turns, always the one with the smaller rim.
    """
    inside = np.zeros((2, len(graph)), bool)
    inside[0, source] = inside[1, target] = True
    rims = [np.array([source]), np.array([target])]
    for _ in range(steps - 1):
        ball = int(len(rims[1]) < len(rims[0]))
        reached = graph.ends[_edges(graph, rims[ball])]
        rims[ball] = np.unique(reached[~inside[ball, reached]])
        if not len(rims[ball]):  # the ball is the whole component
            break
        inside[ball, rims[ball]] = True
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


def _best_first(graph, source, target, steps):
    """Path of ``steps`` steps: int64 array, shape (steps + 1,), or None."""
    onward = _ways_onward(graph, source, target, steps)
    heap = [(onward[steps][0][source], (source,), 0, iter(()))]  # bound, partial path, its cost, its siblings
    while heap:
        _, path, spent, siblings = heapq.heappop(heap)
        if path[-1] == target:
            return np.array(path)
        for extensions in (siblings, _extend(graph, onward[steps - len(path)], path, spent)):
            for bound, longer, cost in extensions:
                heapq.heappush(heap, (bound, longer, cost, extensions))
                break  # no later one is better, so they wait until this one is taken
    return None


def _extend(graph, onward, path, spent):
    """A partial path with each possible next node, the best first: (bound, path, its cost)."""
    best, first, second = onward
    row = graph.row(path[-1])
    ends, costs = graph.ends[row], spent + graph.costs[row]
    bounds = costs + np.where(first[ends] == path[-1], second[ends], best[ends])
    for i in np.argsort(bounds, kind="stable"):
        if bounds[i] < np.inf and ends[i] not in path:
            yield bounds[i], (*path, int(ends[i])), costs[i]


def _ways_onward(graph, source, target, steps):
    """For 0 … steps steps, from every node to the target: the least cost, the next node, the least cost by another.

    A list of (float64, int64, float64) arrays, each of shape (N,); cost infinity where there is no way.
    """
    owners = graph.owners
    best, second = np.full((2, len(graph)), np.inf)
    first = np.full(len(graph), -1)
    best[target] = 0
    layers = [(best, first, second)]
    for left in range(1, steps + 1):
        way = graph.costs + np.where(first[graph.ends] == owners, second[graph.ends], best[graph.ends])
        way[graph.row(target)] = np.inf  # a path ends here
        if left < steps:
            way[graph.row(source)] = np.inf  # and begins here
        best = _least(graph, way)
        cheapest = np.flatnonzero(way == best[owners])
        first = np.full(len(graph), -1)
        first[owners[cheapest]] = graph.ends[cheapest]
        way[first[owners] == graph.ends] = np.inf
        second = _least(graph, way)
        layers.append((best, first, second))
    return layers


def _least(graph, values):
    """Least of the 2E values in each node's row, infinity for a node without edges: (2E,) -> (N,)."""
    least = np.full(len(graph), np.inf)
    filled = np.diff(graph.starts) > 0
    least[filled] = np.minimum.reduceat(values, graph.starts[:-1][filled])
    return least
