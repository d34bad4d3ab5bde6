"""Two exact searches over a graph: the shortest path, and the cheapest path with a given number of steps.

Both count in whole numbers (see :attr:`~i2v_lib.search.graph.Graph.costs`), so that "equally long" is exact, and both
break ties by the numbers of the nodes, which stand in ascending order in the graph's rows. So the order in which edges
were given changes nothing.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.csgraph import dijkstra

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
    left = dijkstra(graph.matrix, indices=target)  # from every node to the target
    path = [source]
    while path[-1] != target:
        row = graph.row(path[-1])
        shortest = graph.matrix.data[row] + left[graph.ends[row]] == left[path[-1]]
        path.append(int(graph.ends[row][np.argmax(shortest)]))
    return np.array(path)


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
    onward = _ways_onward(graph, source, target, steps)
    heap = [(onward[steps][0][source], (source,), 0.0)]  # bound, partial path, its own cost
    while heap and heap[0][0] < np.inf:
        _, path, spent = heapq.heappop(heap)
        if path[-1] == target:
            return np.array(path)
        best, first, second = onward[steps - len(path)]
        row = graph.row(path[-1])
        ends, costs = graph.ends[row], graph.costs[row]
        bounds = spent + costs + np.where(first[ends] == path[-1], second[ends], best[ends])
        for i in np.flatnonzero(bounds < np.inf):
            if ends[i] not in path:
                heapq.heappush(heap, (bounds[i], (*path, int(ends[i])), spent + costs[i]))
    return None


def _ways_onward(graph, source, target, steps):
    """For 0 … steps steps, from every node to the target: the least cost, the next node, the least cost by another.

    A list of (float64, int64, float64) arrays, each of shape (N,); cost infinity where there is no way.
    """
    best, second = np.full((2, len(graph)), np.inf)
    first = np.full(len(graph), -1)
    best[target] = 0
    layers = [(best, first, second)]
    for left in range(1, steps + 1):
        way = graph.costs + np.where(first[graph.ends] == graph.owners, second[graph.ends], best[graph.ends])
        way[graph.row(target)] = np.inf  # a path ends here
        if left < steps:
            way[graph.row(source)] = np.inf  # and begins here
        best = _least(graph, way)
        cheapest = np.flatnonzero(way == best[graph.owners])
        first = np.full(len(graph), -1)
        first[graph.owners[cheapest]] = graph.ends[cheapest]
        way[first[graph.owners] == graph.ends] = np.inf
        second = _least(graph, way)
        layers.append((best, first, second))
    return layers


def _least(graph, values):
    """Least of the 2E values in each node's row, infinity for a node without edges: (2E,) -> (N,)."""
    least = np.full(len(graph), np.inf)
    filled = np.diff(graph.starts) > 0
    least[filled] = np.minimum.reduceat(values, graph.starts[:-1][filled])
    return least
