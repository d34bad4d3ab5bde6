import numba
import numpy as np
import pytest

from i2v_lib.search import hamming_cpu
from i2v_lib.search.hamming_cpu import search_by_popcount
from i2v_lib.search.packed_neighbors import FAR, from_keys

WIDTHS = (8, 125, 512)  # bytes: 64 bits, 1,000 bits (no whole number of words), 4,096 bits


def by_counting(database, k, queries=None):
    """The oracle: all distances by NumPy, sorted by distance and index; a code is not its own neighbor."""
    points = database if queries is None else queries
    distances = np.array([np.bitwise_count(database ^ point).sum(1, dtype=np.int64) for point in points])
    if queries is None:
        np.fill_diagonal(distances, 2**30)
    order = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(database) - (queries is None))]
    return order, np.take_along_axis(distances, order, axis=1)


def search(database, k, queries=None, **options):
    """What is searched, as indices and distances."""
    points = database if queries is None else queries
    keys = np.full((len(points), min(k, len(database) - (queries is None))), FAR)
    search_by_popcount(database, queries, keys, **options)
    return from_keys(keys)


def make(kind, rows, width, seed=0):
    """Codes: random, in tight clusters, each thrice, or all equal."""
    rng = np.random.default_rng([seed, rows, width])
    codes = rng.integers(0, 256, (rows, width), np.uint8)
    if kind == "clustered":
        flips = rng.random((rows, width)) < 0.05
        codes = codes[rng.integers(0, 5, rows)] ^ flips.astype(np.uint8)
    elif kind == "duplicated":
        codes = codes[rng.integers(0, rows // 3 + 1, rows)]
    elif kind == "equal":
        codes[:] = codes[0]
    return codes


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", request.param)


@pytest.mark.parametrize("kind", ["random", "clustered", "duplicated", "equal"])
@pytest.mark.parametrize("width", WIDTHS)
def test_equals_the_oracle(kind, width, threads):
    codes, queries = make(kind, 333, width), make(kind, 90, width, seed=1)
    for k in (1, 6, 1000):
        assert_same(search(codes, k), by_counting(codes, k))
        assert_same(search(codes, k, queries), by_counting(codes, k, queries))


@pytest.mark.parametrize("rows", [2, 7, 8, 9, 63, 64, 65, 129, 700])
def test_sizes_around_the_blocks(rows, monkeypatch):
    codes = make("duplicated", rows, 9)
    for queries in (None, codes[:1], codes[: rows // 2]):
        assert_same(search(codes, 3, queries), by_counting(codes, 3, queries))


def test_the_lanes_pass_in_parts(monkeypatch):
    monkeypatch.setattr(hamming_cpu, "BLOCKS", 1)  # so that a block has more lanes than fit the near cache
    codes = make("random", 300, 512)
    assert_same(search(codes, 4), by_counting(codes, 4))


def test_the_oracle_sees_a_wrong_bit():
    codes = make("random", 50, 8)
    wrong = codes.copy()
    wrong[7, 3] ^= 1
    assert (search(wrong, 49)[1] != by_counting(codes, 49)[1]).sum() >= 49


def test_codes_of_any_layout():
    wide = make("random", 200, 250)
    layouts = {
        "every other byte": wide[:, ::2],
        "upside down": wide[::-1, :125],
        "by columns": np.asfortranarray(wide[:, 3:128]),
        "not at a word": wide.reshape(-1)[1:-124].reshape(-1, 125)[:199],
    }
    for name, codes in layouts.items():
        expected = by_counting(np.ascontiguousarray(codes), 4)
        assert_same(search(codes, 4), expected)
        read_only = codes.view()
        read_only.flags.writeable = False
        found = search(read_only, 4, read_only)
        assert (found[1][:, 0] == 0).all(), name
    assert len(hamming_cpu.offer.signatures) == 1  # none of these cost a compilation


@pytest.mark.parametrize("searched", [0, 1, 2, 100, 299, 300])
def test_pairs_searched_before_are_left_out(searched):
    codes = make("clustered", 300, 16)
    keys = np.full((300, 4), FAR)
    search_by_popcount(codes, None, keys, searched)
    old = keys[:searched]
    assert ((old == FAR) | (old & 0xFFFFFFFF >= searched)).all()
    if searched < 300:
        assert (keys[searched:] != FAR).all()


@pytest.mark.parametrize(("blocks", "old"), [(1, 0), (2, 0), (7, 0), (8, 0), (8, 5), (9, 9)])
def test_every_pair_of_blocks_comes_once(blocks, old):
    pairs = [tuple(pair) for pair in hamming_cpu._pairs(blocks, old)]
    assert sorted(pairs) == [(i, j) for i in range(blocks) for j in range(i, blocks) if j >= old]


@pytest.mark.parametrize("rows", [1, 100, 5000, 200_000])
def test_blocks_cover_the_rows_and_fit_the_cache(rows):
    codes = np.broadcast_to(np.zeros(1, np.uint8), (rows, 512))
    blocks = hamming_cpu._blocks(codes, 3)
    assert [b.start for b in blocks[1:]] == [b.stop for b in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].stop) == (3, rows + 3)
    assert max(b.stop - b.start for b in blocks) * 512 <= hamming_cpu.BLOCK
