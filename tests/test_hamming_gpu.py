import numpy as np
import pytest
import torch

from i2v_lib.search import hamming_gpu
from i2v_lib.search.hamming_gpu import as_signs, find_device, nearest_of_block, search_by_products
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.packed_neighbors import FAR, from_keys, to_keys

CPU = torch.device("cpu")


def by_counting(database, k, queries=None):
    """The oracle: all distances, sorted by distance and index; a code is not its own neighbor."""
    distances = hamming_distance(database if queries is None else queries, database)
    if queries is None:
        np.fill_diagonal(distances, 2**30)
    order = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(database) - (queries is None))]
    return order, np.take_along_axis(distances, order, axis=1)


def search(database, k, queries=None):
    points = database if queries is None else queries
    keys = np.full((len(points), min(k, len(database) - (queries is None))), FAR)
    search_by_products(database, queries, keys, CPU)
    return from_keys(keys)


def make(kind, rows, width, seed=0):
    """Codes of many ties: random, of few distinct ones, or all equal."""
    rng = np.random.default_rng([seed, rows, width])
    codes = rng.integers(0, 256, (rows, width), np.uint8)
    if kind == "duplicated":
        codes = codes[rng.integers(0, 20, rows)]
    elif kind == "equal":
        codes[:] = codes[0]
    return codes


@pytest.fixture(params=[(2**15, 2**14, 64), (50, 70, 16), (32, 30, 1)], ids=["one block", "blocks", "single columns"])
def blocks(request, monkeypatch):
    """Blocks and groups that are full, not full, and trivial."""
    for name, value in zip(("ROWS", "QUERIES", "GROUP"), request.param, strict=True):
        monkeypatch.setattr(hamming_gpu, name, value)


@pytest.mark.parametrize("kind", ["random", "duplicated", "equal"])
@pytest.mark.parametrize("width", [1, 8, 125, 512])
def test_equals_the_oracle(kind, width, blocks):
    codes, queries = make(kind, 130, width), make(kind, 30, width, seed=1)
    for k in (1, 5, 1000):
        for points in (None, queries):
            for found, expected in zip(search(codes, k, points), by_counting(codes, k, points), strict=True):
                np.testing.assert_array_equal(found, expected)


def test_codes_longer_than_half_precision_counts(monkeypatch):
    codes = make("random", 60, 40)
    monkeypatch.setattr(hamming_gpu, "EXACT", 64)  # five products, the last one not full
    for found, expected in zip(search(codes, 7), by_counting(codes, 7), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_half_precision_holds_every_sum():
    sums = torch.arange(-hamming_gpu.EXACT, hamming_gpu.EXACT + 2, 2)
    assert (sums.half().long() == sums).all()
    assert torch.tensor(hamming_gpu.EXACT + 2).half().item() != hamming_gpu.EXACT + 2  # one more bit would not do


def test_signs():
    signs = as_signs(torch.tensor([[0, 255], [1, 128]], dtype=torch.uint8))
    assert signs.sum(1).tolist() == [0, -12]
    assert set(signs.flatten().tolist()) == {-1, 1}
    agree = signs @ signs.T
    assert ((16 - agree) / 2).tolist() == [[0, 8], [8, 0]]


def test_a_block_gives_no_more_than_it_has():
    codes = as_signs(torch.from_numpy(make("random", 5, 8)))
    found = np.sort(nearest_of_block(codes[:1], codes, 9, 100).numpy())[0]
    assert found[0] == to_keys(np.array(100), np.array(0))
    assert (found != FAR).tolist() == [True] * 5 + [False] * 4


def test_a_device_that_is_not_there():
    assert find_device("cpu") == CPU
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device='cuda'.* GPU"):
            find_device("cuda")
