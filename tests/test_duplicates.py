"""Groups of near-duplicates against brute force; the perceptual hash, and what it must and must not see."""

import itertools
import time

import networkx
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from i2v_lib.data.duplicates import alike, find_groups, near_pairs, perceptual_hash


def drawing(seed, side=160):
    small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def distance(first, second):
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


def test_small_changes_stay_near_and_other_pictures_do_not():
    for seed in range(20):
        picture = drawing(seed)
        assert distance(picture, picture.resize((71, 90))) <= 4
        assert distance(picture, ImageEnhance.Brightness(picture).enhance(0.9)) <= 4
        noisy = np.asarray(picture) + np.random.default_rng(seed).normal(0, 3, (160, 160, 3))
        assert distance(picture, Image.fromarray(noisy.clip(0, 255).astype(np.uint8))) <= 4
    apart = [distance(drawing(i), drawing(j)) for i, j in itertools.combinations(range(20), 2)]
    assert min(apart) > 4
    assert 24 < np.mean(apart) < 40  # as between coins


def test_flat_pictures_have_no_hash():
    assert perceptual_hash(Image.new("RGB", (50, 50), "white")) is None
    assert perceptual_hash(Image.new("RGB", (50, 50), (255, 254, 255))) is None


def planted_hashes(count, generator):
    """Random hashes, and beside each a copy with 0 to 6 bits flipped."""
    hashes = generator.integers(0, 2**64, count, dtype=np.uint64)
    copies = hashes.copy()
    for i in range(count):
        for bit in generator.choice(64, generator.integers(0, 7), replace=False):
            copies[i] ^= np.uint64(1) << np.uint64(bit)
    return np.concatenate([hashes, copies])


@pytest.mark.parametrize("within", [0, 1, 4, 6])
def test_near_pairs_equal_brute_force(within):
    hashes = planted_hashes(300, np.random.default_rng(within))
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = {(i, j) for i, j in zip(*np.nonzero(distances <= within), strict=True) if i < j}
    assert len(expected) > 20
    found = [tuple(sorted(pair)) for pair in near_pairs(hashes, within)]
    assert set(found) == expected
    assert len(found) == len(expected)  # each once


def equal_pixels(count):
    return np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (count, 1, 1, 3))


def test_groups_are_closed_and_named_by_their_first_row():
    chain, pixels = [0b0, 0b1111, 0b11111111], equal_pixels(3)  # 0 - 4 - 8 bits: the ends meet in the middle
    assert find_groups("abc", chain, pixels) == [0, 0, 0]
    assert find_groups("abc", chain, pixels, within=3) == [0, 1, 2]
    assert find_groups("xyxz", [None] * 4, equal_pixels(4)) == [0, 1, 0, 3]
    assert find_groups("xyy", [7, 15 << 60, None], pixels) == [0, 1, 1]
    assert find_groups([], [], equal_pixels(0)) == []


def test_pixels_decide_what_the_hash_proposes():
    pictures = [drawing(0, 32), ImageEnhance.Brightness(drawing(0, 32)).enhance(0.8), drawing(1, 32)]
    pixels = np.stack([np.asarray(picture) for picture in pictures])
    assert alike(pixels[0], pixels[1])
    assert not alike(pixels[0], pixels[2])
    assert find_groups("abc", [0, 1, 0], pixels) == [0, 0, 2]
    assert find_groups("abc", [0, 1, 3], pixels) == [0, 0, 2]


def test_a_common_link_joins_whatever_the_pixels():
    siblings = [["post:7", "post:3"], ["post:8", "post:3"], ["post:9"], []]  # the parent, 3, is not there
    assert find_groups("abcd", [None] * 4, equal_pixels(4), links=siblings) == [0, 0, 2, 3]
    assert find_groups("abcd", [None] * 4, equal_pixels(4)) == [0, 1, 2, 3]
    assert find_groups("abca", [None] * 4, equal_pixels(4), links=siblings) == [0, 0, 2, 0]  # pixels join too
    assert find_groups("abcd", [None, None, 1, 0], equal_pixels(4), links=siblings) == [0, 0, 2, 2]
    with pytest.raises(ValueError, match="shorter"):
        find_groups("abcd", [None] * 4, equal_pixels(4), links=siblings[:3])


@pytest.mark.parametrize("seed", range(3))
def test_links_equal_connected_components(seed):
    generator = np.random.default_rng(seed)
    count, keys = 400, 500
    links = [generator.integers(0, keys, generator.integers(0, 3)).tolist() for _ in range(count)]
    graph = networkx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from((row, count + key) for row in range(count) for key in links[row])
    expected = [min(networkx.node_connected_component(graph, row)) for row in range(count)]
    assert 20 < len(set(expected)) < 380
    assert find_groups(range(count), [None] * count, equal_pixels(count), links=iter(links)) == expected


def test_many_pictures_cost_little():
    started = time.perf_counter()
    count = 50_000
    assert set(find_groups([0] * count, [5] * count, equal_pixels(count))) == {0}  # 1.2 billion pairs
    hashes = np.random.default_rng(0).integers(0, 2**64, count, dtype=np.uint64).tolist()
    assert find_groups(range(count), hashes, equal_pixels(count)) == list(range(count))
    links = ([f"post:{row}", f"post:{row // 2 * 2}"] for row in range(count))
    assert len(set(find_groups(range(count), hashes, equal_pixels(count), links=links))) == count // 2
    assert time.perf_counter() - started < 5
