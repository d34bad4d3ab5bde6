"""Dijkstra's search from both ends at once: it sees two small balls of a large graph, where a search from one sees all.

It counts in whole numbers: an edge is its cost times N, plus 1, for N nodes. No path has N steps, so this orders paths
by length and then by steps; and as every edge counts something, a path along edges of cost 0 does not go in circles.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from i2v_lib.system.compiled import compiled

FAR = 2**62  # from an end to a node that it has not reached; more than any path


@compiled()
def first_shortest_path(
    starts: np.ndarray, ends: np.ndarray, costs: np.ndarray, source: int, target: int, avoid: np.ndarray
) -> np.ndarray:
    """Of all paths of least length those of fewest steps, and of these the one of lowest numbers first.

    Parameters
    ----------
    starts, ends : int64 arrays, shapes (N + 1,) and (2E,); row i, ``ends[starts[i]:starts[i + 1]]``, holds the nodes
        that node i is joined to, ascending
    costs : int64 array, shape (2E,), at least 0; every path's costs times N, plus its steps, stay below 2^61
    source, target : two nodes
    avoid : int64 array; nodes that no path may touch, neither of the two among them

    Returns
    -------
    int64 array, shape (L,)
        Nodes from source to target, both included; empty without a path.
    """
    graph = starts, ends, costs
    here, there = np.full(len(starts) - 1, FAR), np.full(len(starts) - 1, FAR)  # from the source, and to the target
    here[avoid] = there[avoid] = -1  # nearer than any path comes, so none is ever better
    here[source] = there[target] = 0
    near, rest = [(0, source)], [(0, target)]
    best = here[target]
    while near and rest and near[0][0] + rest[0][0] < best:
        if near[0] <= rest[0]:
            best = _settle(graph, near, here, there, best)
        else:
            best = _settle(graph, rest, there, here, best)
    if best == FAR:
        return np.empty(0, np.int64)

    # Every node of a shortest path now has its true length to the target, or else from the source. So whatever makes up
    # the best length together with the way from the source is the true way to the target.
    while rest:
        left, node = rest.pop()
        if here[node] + left == best:
            for i in range(starts[node], starts[node + 1]):
                longer = left + _count(graph, i)
                if longer < there[ends[i]] and here[ends[i]] + longer == best:
                    there[ends[i]] = longer
                    rest.append((longer, ends[i]))

    path, node = [source], source
    while node != target:
        i = starts[node]
        while there[ends[i]] + _count(graph, i) != there[node]:
            i += 1
        node = ends[i]
        path.append(node)
    return np.array(path)


@compiled()
def _settle(graph, heap, own, other, best):
    """Take the nearest node from an end's heap and reach for those behind it; the best length through any of them."""
    starts, ends, _ = graph
    length, node = heappop(heap)
    if length > own[node]:  # it was reached by a shorter way since
        return best
    for i in range(starts[node], starts[node + 1]):
        longer = length + _count(graph, i)
        if longer < own[ends[i]]:
            own[ends[i]] = longer
            heappush(heap, (longer, ends[i]))
            best = min(best, longer + other[ends[i]])
    return best


@compiled()
def _count(graph, edge):
    """What an edge counts: its cost first, then itself, a step."""
    starts, _, costs = graph
    return costs[edge] * (len(starts) - 1) + 1
