"""Measure the graph and its paths beside networkx and SciPy, and how their time grows.

    python benchmarks/graph.py [--sizes 10000 30000 76003 300000 1287596] [--against 76003] [--pairs 1000]
        [--sources 50] [--queries 20] [--runs 5]

The nearest neighbors of so many codes would take long to search, so they are made: points in clusters on a space of six
dimensions, 1 % of them duplicates, their distances scaled to bits. That gives as many edges a node as the codes of the
demo run, which are measured too where there is a run. Queries take turns: everyone answers the same. What is measured
goes to ``benchmarks/graph.json``; times with the lowest and the highest median of all runs. The machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from i2v_lib.config import home, load_config
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.show import paper
from i2v_lib.show.saving import machine

RECORDS = Path(__file__).with_suffix(".json")
K, BITS = 5, 4096  # of the paper's graph (§4.4); of a code
DIMENSIONS = 6
INTERMEDIATES = 4
FIRST_CALL = """
import time, numpy
from i2v_lib.search.graph import build_graph, morph
graph = build_graph(numpy.array([[1], [0]]), numpy.array([[1], [1]]))
start = time.perf_counter()
morph(graph, 0, 1)
print(time.perf_counter() - start)
"""


def made_neighbors(nodes: int, seed: int = 0, k: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbors as :func:`~i2v_lib.search.neighbors.nearest_neighbors` gives them, of points instead of codes.

    The points lie in clusters of different widths, about four times the root of their number each.
    """
    rng = np.random.default_rng([seed, nodes])
    clusters = -(-int(nodes**0.5) // 4)
    own = rng.integers(clusters, size=nodes)
    widths = rng.gamma(2, 0.15, clusters) * clusters ** (-1 / DIMENSIONS)
    points = rng.random((clusters, DIMENSIONS))[own] + rng.normal(size=(nodes, DIMENSIONS)) * widths[own, None]
    points[rng.choice(nodes, nodes // 100, replace=False)] = points[rng.integers(nodes, size=nodes // 100)]
    distances, indices = cKDTree(points).query(points, k + 1, workers=-1)
    itself = indices == np.arange(nodes)[:, None]
    itself[:, -1] |= ~itself.any(axis=1)  # among many duplicates a point may not find itself
    bits = np.rint(distances[~itself] * BITS / 4).astype(np.int32)
    return indices[~itself].reshape(nodes, k), bits.reshape(nodes, k)


def demo_neighbors() -> tuple[np.ndarray, np.ndarray] | None:
    """Those of the demo run's codes, where there is a run."""
    if not any((home() / "runs" / "demo" / "arrays").glob("hash-features-*.npy")):
        return None
    from i2v_lib.run import Run

    return Run(load_config("demo")).neighbors("codes", K)


def random_pairs(graph: Graph, count: int, sources: int) -> list[tuple[int, int]]:
    """Pairs in the largest component, from a few sources to many targets each."""
    nodes = np.flatnonzero(graph.components == graph.component_sizes.argmax())
    rng = np.random.default_rng(len(graph))
    starts = rng.choice(nodes, min(sources, len(nodes)), replace=False)
    return [(int(starts[i % len(starts)]), int(rng.choice(nodes))) for i in range(count)]


def walked_pairs(graph: Graph, count: int) -> list[tuple[int, int]]:
    """Ends of random walks of :data:`INTERMEDIATES` + 1 steps to new nodes: each pair has a path of so many."""
    rng, pairs = np.random.default_rng([len(graph), 1]), []
    while len(pairs) < count:
        walk = [int(rng.integers(len(graph)))]
        while len(walk) < INTERMEDIATES + 2 and (fresh := np.setdiff1d(graph.ends[graph.row(walk[-1])], walk)).size:
            walk.append(int(rng.choice(fresh)))
        if len(walk) == INTERMEDIATES + 2:
            pairs.append((walk[0], walk[-1]))
    return pairs


def seconds(call: Callable[[], Any]) -> float:
    """Time of a call, by the clock."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def first_calls() -> dict[str, float]:
    """Seconds of a first path in a new process: where the kernel is compiled, and where it is read from the disk."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        return {
            name: float(subprocess.check_output([sys.executable, "-c", FIRST_CALL], env=environment, text=True))
            for name in ("compiled", "cached")
        }


def measure_queries(graph: Graph, pairs: list[tuple[int, int]], intermediates: int | None, runs: int) -> dict[str, Any]:
    """Milliseconds of a transition; the medians of all runs, the longest and its steps."""
    found = [morph(graph, *pair, intermediates) for pair in pairs]
    assert all(result.status in ("found", "same") for result in found)
    times = [[1000 * seconds(lambda p=pair: morph(graph, *p, intermediates)) for pair in pairs] for _ in range(runs)]
    return {
        "pairs": len(pairs),
        "milliseconds": spread([statistics.median(run) for run in times])
        | {"of_95_percent": float(np.quantile(times, 0.95)), "slowest": max(map(max, times))},
        "steps": spread([len(result.distances) for result in found]),
    }


def measure_size(name: str, neighbors: tuple[np.ndarray, np.ndarray], pairs: int, runs: int) -> tuple[Graph, dict]:
    """Build one graph, time and weigh it, and walk over it."""
    build = [seconds(lambda: build_graph(*neighbors)) for _ in range(runs)]
    tracemalloc.start()
    graph = build_graph(*neighbors)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    components = seconds(lambda: graph.component_sizes)
    record = {
        "neighbors": name,
        "nodes": len(graph),
        "edges": len(graph.ends) // 2,
        "components": len(graph.component_sizes),
        "build_seconds": spread(build),
        "component_seconds": components,  # once, before the first path
        "graph_megabytes": held / 1e6,
        "build_megabytes": peak / 1e6,  # the graph included
        "shortest": measure_queries(graph, random_pairs(graph, pairs, pairs), None, runs),
        "exact": measure_queries(graph, walked_pairs(graph, pairs), INTERMEDIATES, runs),
    }
    return graph, record


def compare(graph: Graph, pairs: list[tuple[int, int]], queries: int) -> dict[str, Any]:
    """Lengths of all pairs equal to networkx's; and times of a few, side by side.

    ``ratio`` is how many times as long as the kit the others take for the same query.
    """
    oracle = nx.Graph()
    oracle.add_nodes_from(range(len(graph)))
    once = graph.owners < graph.ends
    triples = zip(*graph.pairs.T.tolist(), graph.weights[once].tolist(), strict=True)
    build = seconds(lambda: oracle.add_weighted_edges_from(triples))
    matrix = csr_array((graph.costs * len(graph) + 1.0, graph.ends, graph.starts), shape=(len(graph), len(graph)))

    equal = 0
    for source in sorted({source for source, _ in pairs}):
        lengths = nx.single_source_dijkstra_path_length(oracle, source)
        for target in [target for other, target in pairs if other == source]:
            assert morph(graph, source, target).length == lengths[target], (source, target)
            equal += 1

    contestants: dict[str, Callable[[int, int], Any]] = {
        "kit": lambda a, b: morph(graph, a, b),
        "networkx": lambda a, b: nx.dijkstra_path(oracle, a, b),
        "networkx, from both ends": lambda a, b: nx.bidirectional_dijkstra(oracle, a, b),
        "SciPy, to all nodes": lambda a, b: dijkstra(matrix, indices=a),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn, pair in enumerate(pairs[:queries]):
        for name in list(contestants)[:: 1 if turn % 2 else -1]:
            times[name].append(1000 * seconds(lambda n=name, p=pair: contestants[n](*p)))
    ratios = {
        name: [theirs / ours for theirs, ours in zip(found, times["kit"], strict=True)]
        for name, found in times.items()
        if name != "kit"
    }
    return {
        "nodes": len(graph),
        "pairs_of_equal_length": equal,
        "queries": queries,
        "networkx_build_seconds": build,
        "milliseconds": {name: spread(found) for name, found in times.items()},
        "ratio": {name: spread(found) for name, found in ratios.items()},
    }


def main(sizes: list[int], against: int, pairs: int, sources: int, queries: int, runs: int) -> None:
    """Measure everything, and write the record."""
    versions = {name: version(name) for name in ("numpy", "scipy", "numba", "networkx")}
    record: dict[str, Any] = {"machine": machine() | versions, "runs": runs, "first_path_seconds": first_calls()}
    record["sizes"] = []
    demo = demo_neighbors()
    for size in [*([] if demo is None else [None]), *sorted({*sizes, against})]:
        named = ("codes of the demo run", demo) if size is None else ("made", made_neighbors(size))
        graph, measured = measure_size(*named, min(pairs, 200), runs)
        record["sizes"].append(measured)
        if size == against:
            record["against"] = compare(graph, random_pairs(graph, pairs, sources), queries)
        print(json.dumps(record["sizes"][-1], indent=1), flush=True)
    rounded = json.loads(json.dumps(record), parse_float=lambda text: float(f"{float(text):.4g}"))
    RECORDS.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(rounded.get("against"), indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = [10_000, 30_000, paper.SAFE_DATASET, 300_000, paper.ILLUSTRATIONS]
    parser.add_argument("--sizes", type=int, nargs="*", default=everything, help="nodes of the graphs")
    parser.add_argument("--against", type=int, default=paper.SAFE_DATASET, help="nodes of the graph for networkx")
    parser.add_argument("--pairs", type=int, default=1000, help="whose lengths networkx confirms (default 1000)")
    parser.add_argument("--sources", type=int, default=50, help="that the pairs start from (default 50); a second each")
    parser.add_argument("--queries", type=int, default=20, help="pairs that everyone is timed on (default 20)")
    parser.add_argument("--runs", type=int, default=5, help="of each measurement (default 5)")
    arguments = parser.parse_args()
    main(**vars(arguments))
