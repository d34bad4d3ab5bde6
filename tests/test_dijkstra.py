import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.neighbors import nearest_vectors
from i2v_lib.search.paths import path_of_steps, shortest_path

few = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def over_the_whole_graph(graph, source, target, lowest=True):
    """The oracle: SciPy's distance of every node from the target, then step by step to the lowest that is on a way."""
    counts = graph.costs * len(graph) + 1.0
    left = dijkstra(csr_array((counts, graph.ends, graph.starts), shape=(len(graph), len(graph))), indices=target)
    path = [source]
    while path[-1] != target:
        row = graph.row(path[-1])
        nearer = graph.ends[row][counts[row] + left[graph.ends[row]] == left[path[-1]]]
        path.append(int(nearer[0 if lowest else -1]))
    return path


def of_all_walks(graph, source, target, steps):
    """The oracle for a number of steps: every simple path, the cheapest and then the lowest."""
    partial = [(0, (source,))]
    for left in range(steps, 0, -1):
        partial = [
            (cost + graph.weights[i].item(), (*path, graph.ends[i].item()))
            for cost, path in partial
            for i in range(*graph.starts[[path[-1], path[-1] + 1]])
            if graph.ends[i] not in path and (left == 1 or graph.ends[i] != target)
        ]
    return min(((cost, path) for cost, path in partial if path[-1] == target), default=(None, None))[1]


def as_tuple(path):
    return None if path is None else tuple(path.tolist())


@st.composite
def graphs(draw, most):
    """Few nodes with few different weights, zero among them: ties, circles of length 0, several components."""
    nodes, k = draw(st.integers(2, most)), draw(st.integers(1, 3))
    offsets = draw(arrays(np.int64, (nodes, k), elements=st.integers(1, min(nodes - 1, draw(st.integers(1, most))))))
    weights = draw(arrays(np.int32, (nodes, k), elements=st.integers(0, draw(st.integers(0, 3)))))
    return build_graph((np.arange(nodes)[:, None] + offsets) % nodes, weights)


def random_graph(nodes, highest, seed=0, k=4):
    """Every node lists others within 60 of its number, on a ring."""
    generator = np.random.default_rng(seed)
    offsets = generator.integers(1, 60, (nodes, k)) * generator.choice([-1, 1], (nodes, k))
    return build_graph((np.arange(nodes)[:, None] + offsets) % nodes, generator.integers(0, highest, (nodes, k)))


@few
@given(graphs(20))
def test_the_shortest_path_is_that_over_the_whole_graph(graph):
    for target in range(1, len(graph)):
        for source in range(target):
            if graph.components[source] == graph.components[target]:
                expected = over_the_whole_graph(graph, source, target)
                assert shortest_path(graph, source, target).tolist() == expected
                assert morph(graph, target, source).path.tolist() == expected[::-1]


@few
@given(graphs(9), st.integers(1, 6))
def test_a_path_of_steps_is_the_best_of_all(graph, steps):
    for target in range(1, len(graph)):
        for source in range(target):
            assert as_tuple(path_of_steps(graph, source, target, steps)) == of_all_walks(graph, source, target, steps)


@pytest.mark.parametrize(("highest", "least", "most"), [(1, 50, 60), (3, 15, 60), (4096, 0, 10)])
def test_large_graphs(highest, least, most):
    """Also the control: another rule among equal lengths gives other paths, unless there are hardly any."""
    graph = random_graph(3000, highest)
    otherwise = 0
    for source, target in np.sort(np.random.default_rng(1).choice(3000, (60, 2)), axis=1).tolist():
        path = shortest_path(graph, source, target)
        assert path.dtype == np.int64
        assert path.tolist() == over_the_whole_graph(graph, source, target)
        otherwise += path.tolist() != over_the_whole_graph(graph, source, target, lowest=False)
    assert least <= otherwise <= most


def test_paths_of_steps_in_a_large_graph():
    graph = random_graph(3000, 3)
    generator, found = np.random.default_rng(2), 0
    for source in generator.choice(2800, 25, replace=False).tolist():
        target, steps = source + int(generator.integers(1, 150)), int(generator.integers(1, 5))
        path = as_tuple(path_of_steps(graph, source, target, steps))
        assert path == of_all_walks(graph, source, target, steps)
        found += path is not None
    assert 5 < found < 25


def test_real_weights():
    """Their costs depend on the whole graph, also where only a part of it is looked at."""
    points = np.random.default_rng(0).normal(size=(2000, 3))
    graph = build_graph(*nearest_vectors(points, 4))
    assert (np.bincount(graph.components).max(), graph.costs.dtype) == (2000, np.int64)
    whole = Graph(graph.starts, graph.ends, graph.costs)
    for source, target in np.sort(np.random.default_rng(1).choice(2000, (30, 2)), axis=1).tolist():
        assert shortest_path(graph, source, target).tolist() == over_the_whole_graph(graph, source, target)
        near = int(graph.ends[graph.row(graph.ends[graph.starts[source]])][-1])
        if near != source:
            assert as_tuple(path_of_steps(graph, source, near, 4)) == of_all_walks(whole, source, near, 4)


def test_where_the_two_searches_meet_first_is_not_the_way():
    """At radius 5 they meet in node 1, on a way of 10; the way of 9 has no node so near to both."""
    graph = build_graph(np.array([[1, 2], [4, 4], [3, 3], [4, 4], [1, 3]]),
                        np.array([[5, 3], [5, 5], [3, 3], [3, 3], [5, 3]]))  # fmt: skip
    assert shortest_path(graph, 0, 4).tolist() == [0, 2, 3, 4]
    assert morph(graph, 0, 4).length == 9


def test_circles_of_length_zero_end():
    graph = build_graph(np.array([[1, 2], [2, 0], [0, 1], [2, 4], [3, 2]]), np.zeros((5, 2), int))
    assert shortest_path(graph, 0, 3).tolist() == [0, 2, 3]
    assert path_of_steps(graph, 0, 3, 3).tolist() == [0, 1, 2, 3]
    assert path_of_steps(graph, 0, 3, 4).tolist() == [0, 1, 2, 4, 3]
    assert path_of_steps(graph, 0, 3, 5) is None


def test_a_star():
    leaves = np.zeros((20_000, 1), int)
    leaves[0] = 1
    graph = build_graph(leaves, np.arange(20_000)[:, None] % 7)
    assert shortest_path(graph, 5, 9_999).tolist() == path_of_steps(graph, 5, 9_999, 2).tolist() == [5, 0, 9_999]
    assert path_of_steps(graph, 5, 9_999, 4) is None
    assert shortest_path(graph, 0, 9_999).tolist() == path_of_steps(graph, 0, 9_999, 1).tolist() == [0, 9_999]


def test_a_long_chain():
    nodes = 100_000
    graph = build_graph(np.r_[1 : nodes - 1 : 1, nodes - 1, nodes - 2][:, None], np.zeros((nodes, 1), int))
    assert (shortest_path(graph, 0, nodes - 1) == np.arange(nodes)).all()
    assert path_of_steps(graph, 0, nodes - 1, 5) is None
    assert path_of_steps(graph, 70, 75, 5).tolist() == [70, 71, 72, 73, 74, 75]


def lattice(side, weights):
    """A square of nodes, row by row, each joined to the next in its row and in its column; weights (nodes, 2)."""
    nodes = np.arange(side * side)
    right = np.where(nodes % side < side - 1, nodes + 1, nodes - 1)
    down = np.where(nodes < side * (side - 1), nodes + side, nodes - side)
    return build_graph(np.stack([right, down], axis=1), weights)


def test_the_lowest_of_a_great_many():
    """All 137,846,528,820 ways of 40 steps through the square are equally long; the lowest stays in the first row."""
    graph = lattice(21, np.ones((441, 2), int))
    assert shortest_path(graph, 0, 440).tolist() == [*range(21), *range(41, 441, 21)]


def test_the_lowest_of_many_beside_one_another():
    """Three nodes are joined to each of 1,000 others, at 1 or 2, nothing else is: some 500 ways are the shortest."""
    hubs = np.array([7, 20, 41])
    indices, weights = np.tile(hubs, (1003, 1)), np.tile(np.random.default_rng(0).integers(1, 3, (1003, 1)), 3)
    indices[hubs], weights[hubs] = [8, 9, 10], weights[8:11, 0]
    first, second, *_ = np.setdiff1d(np.flatnonzero(weights[:, 0] == 1), hubs).tolist()
    graph = build_graph(indices, weights)
    assert shortest_path(graph, 7, 41).tolist() == path_of_steps(graph, 7, 41, 2).tolist() == [7, first, 41]
    assert path_of_steps(graph, 7, 41, 4).tolist() == [7, first, 20, second, 41]
    assert path_of_steps(graph, 7, 41, 3) is path_of_steps(graph, 7, 41, 6) is None


def test_what_is_far_away_is_not_looked_at():
    """Rows spoilt beyond three steps around either end change nothing; nearer by they do: the control."""
    side, source, target = 200, 100 * 200 + 100, 103 * 200 + 102
    graph = lattice(side, np.random.default_rng(0).integers(9, 12, (side * side, 2)))
    rows, columns = np.divmod(graph.owners, side)
    away = np.maximum(abs(rows - 101), abs(columns - 101))
    expected = [shortest_path(graph, source, target).tolist(), path_of_steps(graph, source, target, 7).tolist()]

    far = Graph(graph.starts, graph.ends, np.where(away > 5, -1000, graph.weights))
    assert shortest_path(far, source, target).tolist() == expected[0]
    near = Graph(graph.starts, graph.ends, np.where(away > 1, 0, graph.weights))
    assert shortest_path(near, source, target).tolist() != expected[0]

    far = Graph(graph.starts, np.where(away > 5, 10**9, graph.ends), graph.weights)
    assert path_of_steps(far, source, target, 7).tolist() == expected[1]
    near = Graph(graph.starts, np.where(away > 1, 10**9, graph.ends), graph.weights)
    with pytest.raises(IndexError):
        path_of_steps(near, source, target, 7)
