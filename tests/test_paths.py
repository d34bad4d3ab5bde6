"""Paths that avoid some illustrations and pass others, beside all simple paths of small graphs; and bridges."""

import itertools
import re

import networkx as nx
import numpy as np
import pytest

from i2v_lib.search import paths
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.search.paths import nearest_bridge
from tests.test_graph import as_networkx, graph_of, random_graph


def best_path(oracle, source, target, intermediates, avoid, waypoints):
    """The path that the rule names, among all simple paths of what is left, read from the lower end."""
    left = oracle.subgraph(set(oracle) - set(avoid))
    stops = waypoints if source < target else waypoints[::-1]
    low, high = sorted((source, target))
    simple = [
        (nx.path_weight(left, path, "weight"), len(path), path)
        for path in nx.all_simple_paths(left, low, high)
        if intermediates is None or len(path) == intermediates + 2
        if [node for node in path if node in stops] == stops
    ]
    path = min(simple)[2] if simple else None
    return path if path is None or source == low else path[::-1]


@pytest.mark.parametrize("seed", range(10))
def test_avoidance_and_waypoints_give_the_best_of_all(seed):
    """Length, fewest steps, lowest numbers; free and exact, with up to three waypoints and two to avoid."""
    generator = np.random.default_rng(seed)
    graph = random_graph(seed, nodes=9, k=2 + seed % 2)
    oracle, seen = as_networkx(graph), set()
    for _ in range(40):
        nodes = generator.permutation(len(graph)).tolist()
        via, out = int(generator.integers(0, 4)), int(generator.integers(0, 3))
        source, target, waypoints, avoid = nodes[0], nodes[1], nodes[2 : 2 + via], nodes[2 + via : 2 + via + out]
        for intermediates in (None, via, via + 2):
            expected = best_path(oracle, source, target, intermediates, avoid, waypoints)
            result = morph(graph, source, target, intermediates, avoid=avoid, waypoints=waypoints)
            back = morph(graph, target, source, intermediates, avoid=avoid, waypoints=waypoints[::-1])
            seen.add((result.status, via))
            assert result.proven
            assert (result.status == "found") == (expected is not None)
            assert result.path.tolist() == (expected or [])
            assert back.path.tolist() == result.path.tolist()[::-1]
            steps = [oracle.edges[step]["weight"] for step in itertools.pairwise(expected or [])]
            assert result.distances.tolist() == steps
    assert seen >= {("found", 0), ("found", 1), ("found", 2), ("no_path", 1), ("no_path", 3)}


def test_the_way_back_from_a_waypoint_is_another_one(worded):
    """1 is the near way to the waypoint 2 and back; the shortest legs share it, the path must not."""
    graph = graph_of({(0, 1): 1, (1, 2): 1, (1, 3): 1, (2, 4): 3, (3, 4): 3}, 5)
    assert morph(graph, 0, 3, waypoints=[2]).path.tolist() == [0, 1, 2, 4, 3]
    assert morph(graph, 0, 3).path.tolist() == [0, 1, 3]
    dead_end = graph_of({(0, 1): 1, (1, 2): 1, (1, 3): 1}, 4)
    result = morph(dead_end, 0, 3, waypoints=[2])
    assert (result.status, result.component_sizes) == ("no_path", (4,))
    assert re.search("waypoints .*twice", str(result))
    worded(str(result))


def test_at_the_limit_a_path_is_found_that_may_not_be_the_best():
    """A ladder: far out to its last rung and back; legs that keep clear of each other need no search."""
    rungs = 12
    edges = {(2 * i, 2 * i + 1): 5 for i in range(rungs)}
    edges |= {(2 * i + side, 2 * i + 2 + side): 1 + side for i in range(rungs - 1) for side in (0, 1)}
    edges = {(a + 1, b + 1): weight for (a, b), weight in edges.items()} | {(0, 1): 1}
    graph, far = graph_of(edges, 2 * rungs + 1), 2 * rungs - 1
    best = morph(graph, 0, 2, waypoints=[far])
    hasty = morph(graph, 0, 2, waypoints=[far], limit=3)
    assert (best.status, best.proven) == ("found", True)
    assert (hasty.status, hasty.proven) == ("found", False)
    assert len(set(hasty.path.tolist())) == len(hasty.path)
    assert far in hasty.path
    assert hasty.length >= best.length
    back = morph(graph, 2, 0, waypoints=[far], limit=3)
    assert back.path.tolist() == hasty.path.tolist()[::-1]
    given_up = morph(graph, 0, 2, 2 * rungs - 3, limit=3)
    assert (given_up.status, given_up.length) == ("given_up", None)
    assert "given up" in str(given_up)


def test_what_is_avoided_can_tear_the_graph(worded):
    points = np.array([0, 1, 2, 3, 4], np.uint8)[:, None]
    codes = np.packbits(np.arange(8) < points, axis=1)
    graph = build_graph(*nearest_neighbors(codes, 1))
    assert morph(graph, 0, 4).path.tolist() == [0, 1, 2, 3, 4]
    torn = morph(graph, 0, 4, avoid=[2], vectors=codes)
    assert (torn.status, torn.component_sizes, torn.bridge) == ("no_path", (2, 2), (1, 3, 2))
    assert morph(graph, 4, 0, avoid=[2], vectors=codes).bridge == (3, 1, 2)
    assert re.search("source and target .* 2 and 2 nodes", str(torn))
    worded(str(torn))
    assert morph(graph, 0, 4).path.tolist() == [0, 1, 2, 3, 4]  # nothing is remembered


def test_waypoints_in_other_components_are_reported(worded):
    codes = np.array([[0], [1], [255], [254], [60], [61]], np.uint8)
    graph = build_graph(*nearest_neighbors(codes, 1))
    result = morph(graph, 0, 1, waypoints=[2, 4], vectors=codes)
    assert (result.status, result.component_sizes) == ("no_path", (2, 2, 2))
    a, b, distance = result.bridge
    assert hamming_distance(codes[[a]], codes[[b]]).item() == distance
    assert graph.components[a] == graph.components[0]
    assert graph.components[b] == graph.components[2]
    assert re.search("source, waypoints and target .* 2 and 2 and 2 nodes", str(result))
    worded(str(result))


def test_contradictions_are_refused():
    graph = random_graph(0)
    with pytest.raises(ValueError, match="avoid .*3, .*waypoint"):
        morph(graph, 3, 4, avoid=[5, 3])
    with pytest.raises(ValueError, match="avoid holds 5"):
        morph(graph, 3, 4, avoid=[5], waypoints=[5])
    for waypoints in ([3], [4], [5, 5]):
        with pytest.raises(ValueError, match="waypoints.* once"):
            morph(graph, 3, 4, waypoints=waypoints)
    with pytest.raises(IndexError, match="waypoints=9: .*0 to 8"):
        morph(graph, 3, 4, waypoints=[9])
    with pytest.raises(IndexError, match="avoid=-1"):
        morph(graph, 3, 4, avoid=[-1])


def test_without_wishes_nothing_is_torn(monkeypatch):
    """The components of what is left are computed only where they are reported."""
    monkeypatch.setattr(Graph, "without", lambda *_: pytest.fail("computed"))
    graph = random_graph(0, k=4)
    assert morph(graph, 0, 8, avoid=[4]).status == "found"


def test_bridge_is_the_closest_pair():
    generator = np.random.default_rng(3)
    codes = np.r_[generator.integers(0, 16, (20, 3)), generator.integers(0, 16, (15, 3)) * 16].astype(np.uint8)
    graph = build_graph(*nearest_neighbors(codes, 3))
    a, b = morph(graph, 0, 30, vectors=codes), morph(graph, 30, 0, vectors=codes)
    assert a.status == "no_path"
    here, there = (graph.components == graph.components[node] for node in (0, 30))
    between = hamming_distance(codes, codes)[here][:, there]
    assert a.bridge[2] == between.min()
    assert hamming_distance(codes[[a.bridge[0]]], codes[[a.bridge[1]]]) == a.bridge[2]
    assert here[a.bridge[0]]
    assert there[a.bridge[1]]
    assert b.bridge == (a.bridge[1], a.bridge[0], a.bridge[2])


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("real", [False, True])
def test_of_equally_near_bridges_the_lowest(block, real, monkeypatch):
    """Two components, their nodes mixed, with many pairs at the least distance; the larger one is read in blocks."""
    monkeypatch.setattr(paths, "BLOCK", block)
    generator = np.random.default_rng(block)
    kind = generator.random(60) < 0.3
    codes = np.where(kind, 0, 240).astype(np.uint8)[:, None] | generator.integers(0, 16, (60, 1), np.uint8)
    rows = [generator.permutation(np.flatnonzero((kind == kind[i]) & (np.arange(60) != i)))[:4] for i in range(60)]
    graph = build_graph(np.array(rows), np.ones((60, 4), int))
    assert sorted(graph.component_sizes) == [kind.sum(), 60 - kind.sum()]
    between = hamming_distance(codes, codes)
    vectors = np.unpackbits(codes, axis=1).astype(np.float32) if real else codes
    for few in (False, True):
        source = int(np.flatnonzero(kind == few)[3])
        target = int(np.flatnonzero(kind != few)[5])
        low = kind[min(source, target)]
        pairs = [(between[a, b], a, b) for a in np.flatnonzero(kind == low) for b in np.flatnonzero(kind != low)]
        distance, *ends = min(pairs)
        assert sum(pair[0] == distance for pair in pairs) > 1
        first, second, found = nearest_bridge(graph, vectors, source, target)
        assert [first, second] == (ends if source < target else ends[::-1])
        assert found == pytest.approx(distance**0.5 if real else distance)
