"""The shortest path through given nodes, in order, that takes no node twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from i2v_lib.search.paths import GivenUpError, Onward, best_first, shortest_path

if TYPE_CHECKING:
    from i2v_lib.search.graph import Graph


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
    ways = _ways_onward(counted, stops, avoid)
    try:
        return best_first(counted, stops, lambda stage, _: ways[stage], limit), True
    except GivenUpError:
        paths = _paths_apart(counted, stops, avoid)
        if not paths:
            raise
        return np.array(min(paths)[1]), False


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


def _ways_onward(graph: Graph, stops: Sequence[int], avoid: Sequence[int]) -> list[Onward]:
    """For every stage, the ways onward, as :func:`~i2v_lib.search.paths.best_first` asks for them."""
    unknown = np.full(len(graph), -1), np.full(len(graph), np.inf)  # next nodes: turning back is not looked into
    beyond, stages = 0.0, []
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
