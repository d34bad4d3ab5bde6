import numpy as np
import pytest
from scipy.stats import spearmanr

from i2v_lib.evaluation import path_quality
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors


def line(nodes=30, bits=64):
    """Codes along a line, the i-th with its first 2 i bits set: the graph is a chain of near pictures."""
    codes = np.packbits(np.arange(bits) < 2 * np.arange(nodes)[:, None], axis=1)
    return codes, build_graph(*nearest_neighbors(codes, 2))


def truth_of(values):
    return path_quality.indicators({"place": [frozenset({str(v)}) for v in values]})


def test_pairs_are_different_nodes_and_none_twice():
    pairs = path_quality.random_pairs(50, 400, 0)
    assert pairs.shape == (400, 2)
    assert pairs.dtype == np.int64
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == 400
    assert set(pairs.ravel()) == set(range(50))
    np.testing.assert_array_equal(pairs, path_quality.random_pairs(50, 400, 0))
    assert not np.array_equal(pairs, path_quality.random_pairs(50, 400, 1))
    assert sorted(map(tuple, path_quality.random_pairs(3, 99, 0).tolist())) == [
        (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)
    ]  # fmt: skip
    assert path_quality.random_pairs(1, 10, 0).shape == path_quality.random_pairs(0, 10, 0).shape == (0, 2)


def test_changed_attributes_by_hand():
    sets = [frozenset(), frozenset("a"), frozenset("b"), frozenset("ab"), frozenset("abc")]
    truth = path_quality.indicators({"one": sets, "two": [frozenset("x")] * 5, "none": [frozenset()] * 5})
    first, second = np.array([0, 0, 1, 1, 1, 3]), np.array([0, 1, 1, 2, 3, 4])
    np.testing.assert_allclose(path_quality.changed_attributes(truth, first, second), [0, 1, 0, 1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(path_quality.changed_attributes(truth, second, first), [0, 1, 0, 1, 1 / 2, 1 / 3])


def test_measures_by_hand_and_by_scipy():
    codes, _ = line()
    truth = truth_of([0, 0, 1, 1, 2, 2] * 5)
    steady, wild, short = np.array([0, 1, 3, 5]), np.array([2, 0, 7, 9, 5]), np.array([4, 5])
    found = path_quality.measure_paths([steady, np.array([], int), wild, short], codes, truth)
    np.testing.assert_allclose(found["changed"], [2 / 3, np.nan, 3 / 4, 0])
    np.testing.assert_allclose(found["largest"], [1, np.nan, 1, 0])
    np.testing.assert_allclose(found["falling"], [1, np.nan, 1 / 2, 1])
    bits, differing = path_quality.distances_left([steady, wild], codes, truth)
    assert [left.tolist() for left in bits] == [[10, 8, 4, 0], [6, 10, 4, 8, 0]]
    assert [left.tolist() for left in differing] == [[1, 1, 1, 0], [1, 1, 1, 1, 0]]
    for path, place in ((steady, 0), (wild, 2)):
        left = path_quality.distances_left([path], codes, truth)
        for measure, distances in zip(("steady_bits", "steady_truth"), left, strict=True):
            assert found[measure][place] == pytest.approx(-spearmanr(np.arange(len(path)), distances[0])[0])
    assert found["steady_bits"][0] == pytest.approx(1)
    assert np.isnan(found["steady_truth"][3])  # it never changes
    assert all(values.shape == (0,) for values in path_quality.measure_paths([], codes, truth).values())


def test_the_straight_line_takes_each_picture_once():
    features = np.array([[0.0, 0], [1, 0.1], [2, 0.1], [3, 0.1], [4, 0], [2, 9]])
    assert [p.tolist() for p in path_quality.straight_paths(features, [np.arange(5)])] == [[0, 1, 2, 3, 4]]
    assert path_quality.straight_paths(features, [np.array([4, 5, 0])])[0].tolist() == [4, 2, 0]
    assert path_quality.straight_paths(features, [np.array([1, 2])])[0].tolist() == [1, 2]
    alike = np.array([[0.0], [0.0], [0.0], [0.0]])  # duplicates of the ends: the lowest first, no end, none twice
    assert path_quality.straight_paths(alike, [np.array([1, 2, 3, 0])])[0].tolist() == [1, 2, 3, 0]
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 8)).astype(np.float32)
    line = path_quality.straight_paths(features, [np.array([7, 1, 1, 1, 1, 30])])[0]
    taken = [7, 30]
    for share, node in zip((0.2, 0.4, 0.6, 0.8), line[1:-1], strict=True):
        point = (1 - share) * features[7].astype(float) + share * features[30]
        away = np.linalg.norm(features - point, axis=1)
        away[taken] = np.inf
        assert node == away.argmin()
        taken.append(node)
    assert path_quality.straight_paths(features, []) == []


def test_all_ways_share_ends_and_number_of_pictures():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 16))
    codes = np.packbits(features > 0, axis=1)
    graph = build_graph(*nearest_neighbors(codes, 3))
    other = build_graph(*nearest_vectors(features[:, :2], 1))
    pairs = path_quality.random_pairs(60, 80, 0)
    ours, theirs = path_quality.find_paths(graph, pairs), path_quality.find_paths(other, pairs)
    ways = path_quality.transitions(ours, theirs, graph, features, 0)
    assert tuple(ways) == path_quality.METHODS
    found = [result.path for result in ours if result.status == "found"]
    edges = set(map(tuple, graph.pairs.tolist()))
    for p, path in enumerate(found):
        for method in ("shortest", "straight", "walk", "random"):
            way = ways[method][p]
            assert len(way) == len(path)
            assert (way[0], way[-1]) == (path[0], path[-1])
            assert path[-1] not in way[:-1]
        assert len(set(ways["random"][p])) == len(set(ways["straight"][p])) == len(path)
        walk = ways["walk"][p]
        assert all(tuple(sorted(step)) in edges for step in zip(walk[:-2].tolist(), walk[1:-1].tolist(), strict=True))
    lengths = {len(way) for way in ways["pretrained"]}
    assert 0 in lengths  # no path over there
    assert len(lengths) > 1
    again = path_quality.transitions(ours, theirs, graph, features, 0)
    assert all(np.array_equal(a, b) for method in ways for a, b in zip(ways[method], again[method], strict=True))


def test_a_walk_in_a_dead_end_goes_back():
    graph = build_graph(np.array([[1], [0], [1], [2], [3]]), np.ones((5, 1), int))  # a chain of five
    result = morph(graph, 0, 4)
    ways = path_quality.transitions([result], [result], graph, np.eye(5), 0)
    assert ways["walk"][0].tolist() == [0, 1, 2, 3, 4]  # never onto the target before the end
    pair = morph(build_graph(np.array([[1], [0], [0]]), np.ones((3, 1), int)), 2, 1)
    assert pair.path.tolist() == [2, 0, 1]


def test_what_is_smooth_measures_smoother_than_chance():
    """Pictures on a line, attributes by place: the shortest path beats random pictures in every measure."""
    codes, graph = line()
    truth = truth_of(np.arange(30) // 4)
    pairs = path_quality.random_pairs(30, 60, 0)
    ours = path_quality.find_paths(graph, pairs)
    features = np.unpackbits(codes, axis=1).astype(np.float32)
    ways = path_quality.transitions(ours, ours, graph, features, 0)
    measured = {method: path_quality.measure_paths(way, codes, truth) for method, way in ways.items()}
    for measure, sign in (("changed", -1), ("largest", -1), ("steady_bits", 1), ("steady_truth", 1), ("falling", 1)):
        difference = sign * (measured["shortest"][measure] - measured["random"][measure])
        assert path_quality.mean_of_pairs(difference, 200, 0).interval[0] > 0
    assert path_quality.mean_of_pairs(measured["shortest"]["falling"], 200, 0).estimate == (1, 1, 1)


def test_interval_of_a_mean():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = path_quality.mean_of_pairs(values, 1000, 0)
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    holes = np.r_[values, [np.nan] * 50]
    assert path_quality.mean_of_pairs(holes, 200, 0).value == pytest.approx(values.mean())
    assert path_quality.mean_of_pairs(holes, 200, 0).count == 400
    for nothing in (np.array([np.nan]), np.empty(0)):
        assert np.isnan(path_quality.mean_of_pairs(nothing, 10, 0).estimate).all()


def test_graph_numbers_by_hand():
    indices = np.array([[1], [2], [3], [2], [5], [4]])  # a chain of four and a pair
    graph = build_graph(indices, np.array([[2], [2], [2], [2], [0], [0]]))
    pairs = np.array([[0, 3], [1, 0], [0, 5], [4, 5]])
    free, exact = path_quality.find_paths(graph, pairs), path_quality.find_paths(graph, pairs, 2)
    found = path_quality.graph_numbers(graph, free, exact)
    assert found == {
        "nodes": 6,
        "edges": 4,
        "components": 2,
        "component_sizes": [4, 2],
        "pairs": 4,
        "without_path": 0.25,
        "with_exact": 0.25,
        "steps": [1, 1, 1, 2, 3],
        "length": [0, 1, 2, 4, 6],
        "histogram": [0, 2, 0, 1],
        "extra": 0,
    }
    alone = build_graph(np.empty((1, 0), int), np.empty((1, 0), int))
    empty = path_quality.graph_numbers(alone, [], [])
    assert (empty["components"], empty["without_path"], empty["steps"], empty["histogram"]) == (1, None, None, [])
