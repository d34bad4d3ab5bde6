import subprocess
import sys

import numpy as np
import pytest
import torch

from i2v_lib.search import neighbors
from i2v_lib.search.hashing import binarize, hamming_distance
from i2v_lib.search.neighbors import extend_neighbors, nearest_neighbors, nearest_vectors

SEARCHES = (nearest_neighbors, nearest_vectors)


def database(search, rows, seed=0, width=24):
    """A database that the search takes: codes of few bits, or vectors of few values, so that many are tied."""
    rng = np.random.default_rng(seed)
    if search is nearest_neighbors:
        return rng.integers(0, 256, (rows, width // 8), np.uint8)
    return rng.integers(0, 3, (rows, 4)).astype(np.float32)


def by_sorting(search, base, k, queries=None):
    """All distances, sorted by (distance, index), the point itself dropped by its index."""
    points = base if queries is None else queries
    if search is nearest_neighbors:
        distances = hamming_distance(points, base).tolist()
    else:
        distances = [[np.sqrt(sum((p - b) ** 2)) for b in base.astype(float)] for p in points.astype(float)]
    ranked = [
        sorted((d, i) for i, d in enumerate(row) if queries is not None or i != own)[:k]
        for own, row in enumerate(distances)
    ]
    return [[i for _, i in row] for row in ranked], [[d for d, _ in row] for row in ranked]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("rows", [2, 30, 120])
@pytest.mark.parametrize("k", [1, 5, 500])
def test_equals_sorting_everything(search, rows, k, monkeypatch):
    monkeypatch.setattr(neighbors, "QUERIES", 50)  # several blocks, the last ones not full
    monkeypatch.setattr(neighbors, "ROWS", 32)
    base, others = database(search, rows), database(search, 7, seed=1)
    for queries in (None, others):
        indices, distances = search(base, k, queries)
        expected = by_sorting(search, base, k, queries)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_array_equal(distances, expected[1])


@pytest.mark.parametrize("search", SEARCHES)
def test_types_and_shapes(search):
    indices, distances = search(database(search, 6), 3)
    assert indices.dtype == np.int64
    assert distances.dtype == (np.int32 if search is nearest_neighbors else np.float64)
    assert indices.shape == distances.shape == (6, 3)
    assert search(database(search, 6), 9)[0].shape == (6, 5)
    assert search(database(search, 6), 9, database(search, 2))[0].shape == (2, 6)
    assert search(database(search, 6), 3, database(search, 0))[0].shape == (0, 3)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_set_of_one_has_no_neighbors(search):
    indices, distances = search(database(search, 1), 3)
    assert indices.shape == distances.shape == (1, 0)
    assert search(database(search, 1), 3, database(search, 1))[0].tolist() == [[0]]


@pytest.mark.parametrize("search", SEARCHES)
def test_duplicates_stay_and_the_point_itself_goes(search):
    """Dropping the first column would drop another picture wherever a duplicate stands before the point."""
    base = database(search, 1).repeat(5, axis=0)
    indices, distances = search(base, 4)
    assert indices.tolist() == [[i for i in range(5) if i != own] for own in range(5)]
    assert not distances.any()


def test_near_duplicates_among_long_vectors():
    """Where the matrix product alone would be wrong: it makes equal vectors differ and orders close ones by noise."""
    rng = np.random.default_rng(0)
    center = 1e4 * rng.normal(size=300)
    base = center + np.array([3e-5, 0, 2e-5, 0, 1e-5])[:, None]
    lengths = (base**2).sum(axis=1)
    product = lengths[:, None] + lengths - 2 * base @ base.T
    assert np.argsort(product[1], kind="stable").tolist() != [1, 3, 4, 2, 0]
    for k in (1, 2, 3, 4):
        indices, distances = nearest_vectors(base, k)
        assert indices[1].tolist() == [3, 4, 2, 0][:k]
        assert indices[3].tolist() == [1, 4, 2, 0][:k]
        assert distances[1, 0] == 0
        np.testing.assert_allclose(distances[1], np.sqrt(300) * np.array([0, 1e-5, 2e-5, 3e-5])[:k], rtol=1e-4)


def test_float32_vectors_are_measured_in_float64():
    base = np.random.default_rng(0).normal(size=(40, 100)).astype(np.float32)
    for a, b in zip(nearest_vectors(base, 5), nearest_vectors(base.astype(np.float64), 5), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("search", SEARCHES)
def test_the_order_of_the_database_changes_only_names(search):
    base = database(search, 60) if search is nearest_neighbors else np.random.default_rng(0).normal(size=(60, 9))
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_array_equal(search(base[order], 60)[1], search(base, 60)[1][order])


def test_codes_approximate_real_vectors():
    """Neighbors by 2,000 signs are mostly neighbors by angle; those of unrelated codes are not."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(100, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = nearest_vectors(vectors, 5)[0]

    def shared(codes):
        return np.mean([len(set(a) & set(b)) / 5 for a, b in zip(near, nearest_neighbors(codes, 5)[0], strict=True)])

    assert shared(binarize(vectors @ rng.normal(size=(8, 2000)))) > 0.8
    assert shared(binarize(rng.normal(size=(100, 2000)))) < 0.15


@pytest.mark.parametrize("search", SEARCHES)
def test_bad_input(search):
    base = database(search, 5)
    with pytest.raises(ValueError, match=r"k=0; .*\b1\b"):
        search(base, 0)
    with pytest.raises(ValueError, match="database is empty"):
        search(base[:0], 3)
    with pytest.raises(ValueError, match=r"queries .*\d columns.* database \d"):
        search(base, 3, base[:, 1:])
    with pytest.raises(ValueError, match=r"database: shape \(5,\)"):
        search(base[:, 0], 3)
    with pytest.raises(TypeError, match="queries: dtype int16"):
        search(base, 3, base.astype(np.int16))


@pytest.mark.parametrize("before", [0, 1, 2, 5, 199, 200])
@pytest.mark.parametrize("k", [1, 4, 300])
def test_extending_equals_searching_anew(before, k):
    codes = database(nearest_neighbors, 200)
    earlier = (
        nearest_neighbors(codes[:before], k) if before else (np.empty((0, 0), np.int64), np.empty((0, 0), np.int32))
    )
    kept = [array.copy() for array in earlier]
    for found, expected in zip(extend_neighbors(codes, before, *earlier, k), nearest_neighbors(codes, k), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    for array, copy in zip(earlier, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_extending_measures_only_pairs_with_a_new_code():
    """So what was said of the old ones is believed, even where it is wrong."""
    codes = database(nearest_neighbors, 200)
    indices, distances = nearest_neighbors(codes[:150], 3)
    found = extend_neighbors(codes, 150, indices, distances - 100, 3)
    np.testing.assert_array_equal(found[0][:150], indices)
    np.testing.assert_array_equal(found[0][150:], nearest_neighbors(codes, 3)[0][150:])


def test_extending_an_answer_that_does_not_fit():
    codes = database(nearest_neighbors, 20)
    indices, distances = nearest_neighbors(codes[:10], 3)
    with pytest.raises(ValueError, match="count_before=21; .*20 codes"):
        extend_neighbors(codes, 21, indices, distances, 3)
    with pytest.raises(ValueError, match=r"indices: shape \(10, 3\); .*12 codes.* 3 wide"):
        extend_neighbors(codes, 12, indices, distances, 3)
    with pytest.raises(ValueError, match=r"indices: shape \(10, 3\); .* at least 4 wide"):
        extend_neighbors(codes, 10, indices, distances, 4)
    with pytest.raises(ValueError, match=r"distances: shape \(10, 2\)"):
        extend_neighbors(codes, 10, indices, distances[:, :2], 3)


def test_a_device_gives_the_same(monkeypatch):
    codes = database(nearest_neighbors, 200)
    monkeypatch.setattr("i2v_lib.search.hamming_gpu.find_device", lambda name: torch.device("cpu"))
    for queries in (None, codes[:9]):
        for found, expected in zip(
            nearest_neighbors(codes, 5, queries, device="cuda"), nearest_neighbors(codes, 5, queries), strict=True
        ):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_the_import_is_light():
    """The libraries that compile and multiply come with the first search."""
    code = "import sys, i2v_lib.search.neighbors as module; print(*sys.modules)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in seen
    assert not {"numba", "torch", "tqdm"} & set(seen)


def test_vectors_and_codes_are_not_taken_for_each_other():
    with pytest.raises(TypeError, match="database: dtype uint8; .*nearest_neighbors"):
        nearest_vectors(database(nearest_neighbors, 5), 3)
    with pytest.raises(TypeError, match="database: dtype float32; .*uint8"):
        nearest_neighbors(database(nearest_vectors, 5), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_distance(value):
    base = database(nearest_vectors, 5)
    spoiled = base.copy()
    spoiled[2, 1] = value
    with pytest.raises(ValueError, match="database .*NaN"):
        nearest_vectors(spoiled, 3)
    with pytest.raises(ValueError, match="queries .*NaN"):
        nearest_vectors(base, 3, spoiled)
