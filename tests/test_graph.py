import itertools

import networkx as nx
import numpy as np
import pytest

from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.neighbors import extend_neighbors, nearest_neighbors, nearest_vectors
from i2v_lib.search.path_finder import describe_path
from i2v_lib.search.paths import nearest_bridge

SQUARE = np.array([[1, 2], [0, 3], [0, 3], [1, 2]]), np.array([[1, 1], [1, 1], [1, 1], [1, 1]])


def graph_of(edges, nodes):
    """A graph of given edges {(a, b): weight}, made by listing each edge at its lower end; short rows repeat."""
    rows = [[(b, w) for (a, b), w in edges.items() if a == node] for node in range(nodes)]
    lonely = [[(a, w) for (a, b), w in edges.items() if b == node] for node in range(nodes)]
    k = max(map(len, rows))
    filled = [((row or back) * k)[:k] for row, back in zip(rows, lonely, strict=True)]
    return build_graph(*(np.array([[entry[i] for entry in row] for row in filled]) for i in (0, 1)))


def random_graph(seed, nodes=9, k=2, highest=3):
    """Lists with few different distances, zeros among them: ties, duplicates, and often several components."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(0, highest, (nodes, nodes))
    weights = np.minimum(weights, weights.T)
    others = np.array([generator.permutation(np.delete(np.arange(nodes), i))[:k] for i in range(nodes)])
    return build_graph(others, np.take_along_axis(weights, others, axis=1))


def as_networkx(graph):
    found = nx.Graph()
    found.add_nodes_from(range(len(graph)))
    once = graph.owners < graph.ends
    found.add_weighted_edges_from((*pair, w) for pair, w in zip(graph.pairs.tolist(), graph.weights[once], strict=True))
    return found


def best_path(oracle, source, target, intermediates=None):
    """The path that the rule names, among all simple paths, read from the lower end."""
    low, high = sorted((source, target))
    paths = [
        (nx.path_weight(oracle, path, "weight"), len(path), path)
        for path in nx.all_simple_paths(oracle, low, high)
        if intermediates is None or len(path) == intermediates + 2
    ]
    if not paths:
        return None
    path = min(paths)[2]
    return path if source == low else path[::-1]


@pytest.mark.parametrize("seed", range(12))
def test_paths_are_the_best_of_all(seed):
    """Against every simple path of a small graph: length, fewest steps, lowest numbers; any and exact numbers."""
    graph = random_graph(seed)
    oracle, statuses = as_networkx(graph), set()
    for source, target in itertools.permutations(range(0, len(graph), 2), 2):
        for intermediates in (None, 0, 1, 3, 4, 6, 7, 20):
            expected = best_path(oracle, source, target, intermediates)
            result = morph(graph, source, target, intermediates)
            statuses.add(result.status)
            if expected is None:
                assert result.status == "no_path"
                assert len(result.path) == len(result.distances) == 0
                assert result.length is None
            else:
                assert result.status == "found"
                assert result.path.tolist() == expected
                steps = zip(expected[:-1], expected[1:], strict=True)
                assert result.distances.tolist() == [oracle.edges[step]["weight"] for step in steps]
    assert statuses == {"found", "no_path"}


def test_lengths_equal_networkx_on_codes():
    codes = np.random.default_rng(0).integers(0, 256, (300, 4), np.uint8)
    codes[100:120] = codes[:20]
    graph = build_graph(*nearest_neighbors(codes, 5))
    oracle = as_networkx(graph)
    for source, target in np.random.default_rng(1).integers(300, size=(40, 2)):
        expected = nx.dijkstra_path_length(oracle, source, target)
        found = morph(graph, source, target)
        assert found.length == expected
        assert found.distances.tolist() == [
            hamming_distance(codes[[a]], codes[[b]]).item() for a, b in itertools.pairwise(found.path)
        ]


def test_reversal_and_the_order_of_the_input():
    codes = np.random.default_rng(0).integers(0, 16, (150, 2), np.uint8)  # distances 0 to 8: ties everywhere
    indices, distances = nearest_neighbors(codes, 4)
    graph = build_graph(indices, distances)
    mixed = np.random.default_rng(1).permuted(np.tile(np.arange(4), (150, 1)), axis=1)
    other = build_graph(np.take_along_axis(indices, mixed, 1), np.take_along_axis(distances, mixed, 1))
    several = 0
    for source, target in np.random.default_rng(2).integers(150, size=(60, 2)):
        for intermediates in (None, 3):
            there = morph(graph, source, target, intermediates)
            back = morph(graph, target, source, intermediates)
            assert back.path.tolist() == there.path[::-1].tolist()
            assert back.distances.tolist() == there.distances[::-1].tolist()
            assert morph(other, source, target, intermediates).path.tolist() == there.path.tolist()
            several += len(there.path) > 3
    assert several > 20
    # the control: networkx follows the order of insertion
    assert nx.shortest_path(nx.Graph([(0, 1), (1, 3), (0, 2), (2, 3)]), 0, 3) != nx.shortest_path(
        nx.Graph([(0, 2), (2, 3), (0, 1), (1, 3)]), 0, 3
    )
    assert morph(build_graph(*SQUARE), 3, 0).path.tolist() == [3, 1, 0]


def test_an_edge_if_either_lists_the_other():
    graph = build_graph(np.array([[1], [2], [1], [2]]), np.array([[4], [0], [0], [7]]))
    assert graph.pairs.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert graph.weights[graph.owners < graph.ends].tolist() == [4, 0, 7]
    assert morph(graph, 0, 3).path.tolist() == [0, 1, 2, 3]
    assert morph(graph, 0, 3).length == 11


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float32])
def test_every_listed_pair_is_an_edge_of_its_least_weight(kind):
    generator = np.random.default_rng(0)
    indices = (np.arange(200)[:, None] + generator.integers(1, 200, (200, 6))) % 200
    distances = generator.integers(0, 4, (200, 6)).astype(kind)
    expected = {}
    for node, row in enumerate(indices.tolist()):
        for other, weight in zip(row, distances[node].tolist(), strict=True):
            pair = tuple(sorted((node, other)))
            expected[pair] = min(weight, expected.get(pair, np.inf))
    graph = build_graph(indices, distances)
    once = graph.owners < graph.ends
    assert dict(zip(map(tuple, graph.pairs.tolist()), graph.weights[once].tolist(), strict=True)) == expected
    assert list(map(tuple, graph.pairs.tolist())) == sorted(expected)
    for node in range(200):  # the other direction of each, in ascending order
        ends, weights = graph.ends[graph.row(node)].tolist(), graph.weights[graph.row(node)].tolist()
        assert ends == sorted(other for pair in expected if node in pair for other in pair if other != node)
        assert weights == [expected[tuple(sorted((node, end)))] for end in ends]
    assert graph.ends.dtype == graph.starts.dtype == np.int64
    assert graph.weights.dtype == (np.float64 if kind is np.float32 else np.int64)
    assert 0 in expected.values()


def test_components():
    graph = build_graph(*nearest_vectors(np.random.default_rng(0).normal(size=(60, 3)), 1))
    oracle = list(nx.connected_components(as_networkx(graph)))
    assert len(graph.component_sizes) == len(oracle) > 3
    for nodes in oracle:
        numbers = graph.components[list(nodes)]
        assert (numbers == numbers[0]).all()
        assert graph.component_sizes[numbers[0]] == len(nodes)
    sizes = morph(graph, 0, max(oracle[-1])).component_sizes
    assert sizes == (len(oracle[0]), len(oracle[-1]))


def test_an_extended_set_gives_the_graph_of_the_whole():
    codes = np.random.default_rng(0).integers(0, 256, (230, 3), np.uint8)
    codes[200:210] = codes[:10]
    old = nearest_neighbors(codes[:200], 5)
    extended, whole = build_graph(*extend_neighbors(codes, 200, *old, 5)), build_graph(*nearest_neighbors(codes, 5))
    for name in ("starts", "ends", "weights"):
        np.testing.assert_array_equal(getattr(extended, name), getattr(whole, name))
    assert len(build_graph(*old)) < len(whole)
    assert not set(map(tuple, build_graph(*old).pairs.tolist())) <= set(map(tuple, whole.pairs.tolist()))  # some go


def test_duplicates_keep_their_edges():
    codes = np.repeat(np.array([[0], [255]], np.uint8), 3, axis=0)
    graph = build_graph(*nearest_neighbors(codes, 2))
    assert morph(graph, 0, 2).distances.tolist() == [0]
    assert morph(graph, 0, 2, 1).path.tolist() == [0, 1, 2]
    apart = morph(graph, 0, 5, vectors=codes)
    assert apart.component_sizes == (3, 3)
    assert apart.bridge == (0, 3, 8)
    assert str(morph(graph, 0, 1)) == "found: 0 → 1, length 0"


def test_no_path_says_why(worded):
    points = np.array([[0.0], [1.0], [10.0], [11.5], [11.0], [3.0]])
    graph = build_graph(*nearest_vectors(points, 1))
    result = morph(graph, 1, 4, vectors=points)
    assert (result.status, result.component_sizes, result.bridge) == ("no_path", (3, 3), (5, 2, 7.0))
    assert morph(graph, 4, 1, vectors=points).bridge == (2, 5, 7.0)
    for part in ("no path: ", " 3 and 3 nodes", " 5 – 2, distance 7"):
        assert part in str(result)
    worded(str(result))
    assert morph(graph, 1, 4).bridge is None
    within = morph(graph, 0, 5, 5, points)
    assert (within.status, within.component_sizes, within.bridge) == ("no_path", (3,), None)
    assert "exactly 5 intermediates" in str(within)
    with pytest.raises(ValueError, match="vectors .*5 rows.* 6 nodes"):
        nearest_bridge(graph, points[:5], 0, 4)


@pytest.mark.parametrize("intermediates", [None, 0, 4])
def test_source_is_target(intermediates):
    result = morph(build_graph(*SQUARE), 2, 2, intermediates)
    assert (result.status, result.path.tolist(), result.length) == ("same", [2], 0)


def test_real_weights_are_added_exactly():
    """0.1 + 0.2 and 0.3 are one length here, so the rule decides; in floating point they are not."""
    graph = graph_of({(0, 1): 0.1, (1, 3): 0.2, (0, 2): 0.3, (2, 3): 0.0}, 4)
    assert 0.1 + 0.2 != 0.3
    assert morph(graph, 0, 3).path.tolist() == [0, 1, 3]
    assert morph(graph, 0, 3).length == pytest.approx(0.3)
    features = np.random.default_rng(0).normal(size=(80, 5))
    graph = build_graph(*nearest_vectors(features, 4))
    oracle = as_networkx(graph)
    for target in range(1, 80, 7):
        assert morph(graph, 0, target).length == pytest.approx(nx.dijkstra_path_length(oracle, 0, target))


@pytest.mark.parametrize("nodes", [0, 1])
def test_hardly_any_node(nodes):
    graph = build_graph(np.empty((nodes, 0), np.int64), np.empty((nodes, 0), np.int32))
    assert (len(graph), graph.pairs.shape, len(graph.components)) == (nodes, (0, 2), nodes)
    if nodes:
        assert morph(graph, 0, 0).status == "same"
    with pytest.raises(IndexError, match="source=1: .*nodes"):
        morph(graph, 1, 0)


def test_large_intermediates_are_refused_or_found_quickly():
    codes = np.random.default_rng(0).integers(0, 256, (400, 16), np.uint8)
    graph = build_graph(*nearest_neighbors(codes, 5))
    result = morph(graph, 0, 399, 10)
    assert len(set(result.path.tolist())) == 12
    assert result.length >= morph(graph, 0, 399).length
    assert morph(graph, 0, 399, 399).status == "no_path"


@pytest.mark.parametrize(
    ("indices", "distances", "message"),
    [
        ([[1], [0]], [[1, 1], [1, 1]], r"indices \(2, 1\), distances \(2, 2\)"),
        ([1, 0], [1, 1], "pass two arrays of shape"),
        ([[1.0], [0.0]], [[1], [1]], "dtype float64"),
        ([[1], [-1]], [[1], [1]], "from -1 to 1; nodes are 0 to 1"),
        ([[1], [2]], [[1], [1]], "nodes are 0 to 1"),
        ([[1], [1]], [[1], [0]], "node 1 is listed as its own neighbor"),
        ([[1], [0]], [[1], [-1]], "negative"),
        ([[1], [0]], [[1.0], [np.nan]], "non-finite"),
        ([[1], [0]], [[2**52], [2**52]], "too many to add up"),
    ],
)
def test_wrong_neighbors_are_refused(indices, distances, message):
    with pytest.raises(ValueError, match=message):
        build_graph(np.array(indices), np.array(distances))


def test_wrong_questions_are_refused():
    graph = build_graph(*SQUARE)
    for source, target in ((-1, 0), (0, 4)):
        with pytest.raises(IndexError, match=f"={source if source < 0 else target}: .*0 to 3"):
            morph(graph, source, target)
    with pytest.raises(ValueError, match="intermediates=-1: pass 0 or more"):
        morph(graph, 0, 1, -1)
    with pytest.raises(TypeError):
        morph(graph, 0.5, 1)


def test_what_changes_at_each_step():
    tags = [{"hat", "smile"}, {"smile"}, set(), {"smile", "sea"}]
    steps = describe_path(np.array([0, 1, 3]), ["a", "b", "c", "d"], tags)
    assert steps == [
        {"from": "a", "to": "b", "kept": ["smile"], "gained": [], "lost": ["hat"]},
        {"from": "b", "to": "d", "kept": ["smile"], "gained": ["sea"], "lost": []},
    ]
    assert describe_path([2], ["a", "b", "c", "d"], tags) == []
