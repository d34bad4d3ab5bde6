"""Approximate search: what it makes of an index's answer, and how much of the true answer the real index finds."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.neighbors import nearest_neighbors


class Index:
    """Stands in for faiss: exact, but ties come in any order, and of some queries it finds too few."""

    lost = ()

    def __init__(self, bits, links):
        self.bits, self.hnsw = bits, SimpleNamespace()

    def add(self, codes):
        assert codes.shape[1] * 8 == self.bits
        self.codes = codes

    def search(self, queries, k):
        distances = hamming_distance(queries, self.codes)
        indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
        distances = np.take_along_axis(distances, indices, axis=1)
        for row in self.lost:
            indices[row, 1:], distances[row, 1:] = -1, 2**31 - 1
        backwards = np.lexsort((-indices, distances), axis=1)
        return np.take_along_axis(distances, backwards, axis=1), np.take_along_axis(indices, backwards, axis=1)


@pytest.fixture
def codes(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(IndexBinaryHNSW=Index))
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60, 2), np.uint8)[rng.integers(0, 60, 60)]


@pytest.mark.parametrize("lost", [(), (0, 3)])
def test_ties_and_the_point_itself_are_as_in_the_exact_search(codes, lost, monkeypatch):
    monkeypatch.setattr(Index, "lost", lost)  # what the graph did not reach is searched exactly
    for queries in (None, codes[10:20]):
        exact = nearest_neighbors(codes, 59, queries)
        for found, expected in zip(nearest_neighbors(codes, 59, queries, method="hnsw"), exact, strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_without_faiss(codes, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ModuleNotFoundError, match="needs faiss; run: python -m pip install faiss-cpu"):
        nearest_neighbors(codes, 3, method="hnsw")


def test_what_does_not_go_together(codes, tmp_path):
    with pytest.raises(ValueError, match="method='lsh'; use exact or hnsw"):
        nearest_neighbors(codes, 3, method="lsh")
    for other in ({"device": "cpu"}, {"folder": tmp_path}):
        with pytest.raises(ValueError, match="'hnsw' takes neither device nor folder"):
            nearest_neighbors(codes, 3, method="hnsw", **other)


def test_the_real_index_finds_nearly_all():
    rng = np.random.default_rng(0)
    centers = rng.integers(0, 2, (20, 256))
    bits = centers[rng.integers(0, 20, 1500)] ^ (rng.random((1500, 256)) < 0.1)
    codes = np.packbits(bits, axis=1)
    exact, distances = nearest_neighbors(codes, 5)
    found, measured = nearest_neighbors(codes, 5, method="hnsw")
    true = hamming_distance(codes, codes)
    np.testing.assert_array_equal(measured, np.take_along_axis(true, found, axis=1))
    reached = (measured <= distances[:, -1:]).mean()
    assert reached > 0.95
    chance = (np.take_along_axis(true, rng.permutation(exact), axis=1) <= distances[:, -1:]).mean()
    assert chance < 0.1
