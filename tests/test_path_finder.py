"""Transitions over any graph, the search for tags, and pictures that are joined, beside a search of everything anew."""

import numpy as np
import pytest

from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.neighbors import extend_vectors, nearest_neighbors, nearest_vectors
from i2v_lib.search.path_finder import Transitions

N = 60
CODES = np.random.default_rng(0).integers(0, 256, (N + 3, 4), np.uint8)
CODES[N] = CODES[7]  # one of the pictures to be joined is there already
VECTORS = np.random.default_rng(1).normal(size=(N + 3, 5)).astype(np.float32)
VECTORS[N] = VECTORS[7]
ALL = {"codes": CODES, "features": VECTORS}
SEARCH = {"codes": nearest_neighbors, "features": nearest_vectors}
TAGS = [["hat", "long hair"], ["witch hat", "short hair"], ["what"], [], ["Hat", "solo"], *[["solo"]] * (N - 5)]


def transitions(count=N, **options):
    """Of the first illustrations; a picture to join is the number of a row."""
    asked = []

    def neighbors(metric, k):
        asked.append((metric, k))
        return SEARCH[metric](ALL[metric][:count], k)

    ids, links = [f"id {i}" for i in range(count)], [None] * count
    encode = lambda metric, row: ALL[metric][row]  # noqa: E731
    found = Transitions(ids, TAGS[:count], links, lambda m: ALL[m][:count], neighbors, encode, **options)
    found.asked = asked
    return found


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("k", [3, 5, 20])
def test_a_graph_of_any_k_is_that_of_its_neighbors(metric, k):
    ours = transitions()
    oracle = build_graph(*SEARCH[metric](ALL[metric][:N], k))
    for name in ("starts", "ends", "weights"):
        np.testing.assert_array_equal(getattr(ours.graph(metric, k), name), getattr(oracle, name))
    result = ours.find("id 3", 50, k=k, metric=metric)
    assert result.path.tolist() == morph(oracle, 3, 50).path.tolist()
    assert [step["to"] for step in result.steps] == [f"id {node}" for node in result.path[1:]]


def test_neighbors_are_asked_for_once():
    ours = transitions()
    for k in (3, 7, 5, 20):
        ours.find(0, 9, k=k)
    ours.find(0, 9, metric="features")
    assert ours.asked == [("codes", 20), ("features", 20)]
    assert ours.graph("codes", 7) is ours.graph("codes", 7)
    for k in (0, 21):
        with pytest.raises(ValueError, match=f"k={k}: pass 1 to 20"):
            ours.graph("codes", k)


def test_wishes_reach_the_search():
    ours = transitions()
    path = ours.find(0, 9).path.tolist()
    avoided = ours.find(0, 9, avoid=[f"id {path[1]}"])
    through = ours.find(0, 9, waypoints=["id 33"], intermediates=5)
    assert path[1] not in avoided.path
    assert 33 in through.path
    assert len(through.path) == 7
    assert ours.find(0, 9, intermediates=9, limit=1).status == "given_up"


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("before", [True, False])
def test_joined_pictures_are_as_if_they_had_always_been_there(metric, before):
    """Whether the metric was in use when they came or not."""
    ours = transitions()
    if before:
        ours.find(0, 9, metric=metric)
    nodes = [ours.join(row, "mine.png") for row in range(N, N + 3)]
    assert nodes == [N, N + 1, N + 2]
    assert ours.ids[N:] == ["mine.png", "mine.png (2)", "mine.png (3)"]
    assert (len(ours), ours.own) == (N + 3, [N, N + 1, N + 2])
    oracle = build_graph(*SEARCH[metric](ALL[metric], 5))
    for name in ("starts", "ends", "weights"):
        np.testing.assert_array_equal(getattr(ours.graph(metric, 5), name), getattr(oracle, name))
    result = ours.find("mine.png", 7, metric=metric)
    assert (result.path.tolist(), result.length) == ([N, 7], 0)
    assert len(ours.search("solo")) == N - 4


def test_a_picture_that_cannot_be_encoded_changes_nothing():
    ours = transitions()
    ours.find(0, 9)
    with pytest.raises(IndexError):
        ours.join(10_000, "broken")
    assert (len(ours), ours.own, ours.ids[-1]) == (N, [], f"id {N - 1}")
    assert ours.find(0, 9).status == "found"


@pytest.mark.parametrize("new", [1, 3])
@pytest.mark.parametrize("k", [1, 4, 70])
def test_extended_vectors_are_those_of_a_search_of_all(new, k):
    vectors = np.round(VECTORS[: 30 + new])  # few different distances: ties
    vectors[30] = vectors[4]
    old = nearest_vectors(vectors[:30], max(k, 5))
    for ours, oracle in zip(extend_vectors(vectors, 30, *old, k), nearest_vectors(vectors, k), strict=True):
        np.testing.assert_array_equal(ours, oracle)
    with pytest.raises(ValueError, match="count_before=31, 30 rows"):
        extend_vectors(vectors, 31, *old, k)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("", range(N)),
        ("long hair", [0]),
        ("LONG_HAIR", [0]),
        ("hair", [0, 1]),  # no such tag: the beginning of a word
        ("hat", [0, 4]),  # a tag: neither "witch hat" nor "what"
        ("witch", [1]),
        ("wit", [1]),
        ("hat, solo", [4]),
        ("hat, -solo", [0]),
        ("hair,-short hair", [0]),
        ("id 2", [2]),
        ("nobody", []),
        ("(", []),
        ("-", []),
    ],
)
def test_tags_are_found(text, nodes):
    assert transitions().search(text).tolist() == list(nodes)


def test_rare_tags_come_first():
    assert transitions().rarest_first(["solo", "hat", "long hair"]) == ["hat", "long hair", "solo"]


def test_the_least_k_that_joins():
    """Two lines of points, joined once enough neighbors are asked for; the oracle tries every k."""
    points = np.r_[np.arange(8.0), 30 + np.arange(25.0)][:, None]
    ours = Transitions(
        list(map(str, range(33))), [[]] * 33, [None] * 33, lambda _: points, lambda _, k: nearest_vectors(points, k)
    )
    parts = {k: ours.graph("codes", k).components for k in range(3, 21)}
    expected = next(k for k in parts if parts[k][0] == parts[k][20])
    assert 3 < expected < 20
    assert ours.joining_k([0, 20], "codes") == expected
    assert ours.joining_k([0, 5, 3], "codes") == 3
    assert ours.joining_k([0, 20], "codes", avoid=range(1, 8)) == min(
        (k for k in range(3, 21) if (p := ours.graph("codes", k).without(range(1, 8)).components)[0] == p[20]),
        default=None,
    )
    with pytest.raises(ValueError, match="no network .*encodes"):
        ours.join(None, "mine")


def test_illustrations_are_named_by_id_or_number():
    ours = transitions()
    assert (ours.node("id 4"), ours.node(4), ours.node(np.int64(4))) == (4, 4, 4)
    with pytest.raises(ValueError, match="'x'.*'id 0'"):
        ours.node("x")
    for number in (-1, N):
        with pytest.raises(ValueError, match=f"number {number}; .*0 to {N - 1}"):
            ours.node(number)
