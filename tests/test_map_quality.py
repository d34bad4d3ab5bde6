"""What a map keeps, against scikit-learn and by hand, and regions that are planted."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import comb
from sklearn import manifold

from i2v_lib.evaluation.map_quality import CODES, SHUFFLED, measure_maps, trustworthiness
from i2v_lib.evaluation.regions import SIDE, choose_regions, tag_regions
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.search.neighbors import nearest_vectors


def test_trustworthiness_is_scikit_learns():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 6))
    layout = points[:, :2] + rng.normal(size=(50, 2))
    ours = trustworthiness(cdist(points, points), nearest_vectors(layout, 7)[0])
    np.testing.assert_allclose(ours.mean(), manifold.trustworthiness(points, layout, n_neighbors=7), atol=1e-12)


def test_trustworthiness_by_hand():
    distances = np.abs(np.arange(5)[:, None] - np.arange(5))
    near, far = np.array([[1], [0], [1], [2], [3]]), np.array([[4], [4], [0], [0], [0]])
    np.testing.assert_array_equal(trustworthiness(distances, near), 1)
    np.testing.assert_allclose(trustworthiness(distances, far), [0, 0, 1 / 3, 0, 0])  # 0 is third of 2's: tie by index
    everything = np.array([[j for j in range(5) if j != i] for i in range(5)])
    np.testing.assert_array_equal(trustworthiness(distances, everything), 1)


@pytest.fixture(scope="module")
def planted():
    """Codes and a map of 5 clusters, a character each; two characters have one title."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 20)
    bits = (rng.random((5, 256)) < 0.5)[labels] ^ (rng.random((100, 256)) < 0.1)
    layout = np.stack([10 * labels, np.zeros(100)], 1) + rng.normal(size=(100, 2))
    attributes = {
        "character": [frozenset({f"hero {i}"}) for i in labels],
        "title": [frozenset({"tale" if i < 2 else f"tale {i}"}) for i in labels],
    }
    return np.packbits(bits, axis=1), layout, attributes


def test_a_map_of_the_clusters_keeps_them_and_a_shuffled_one_does_not(planted):
    codes, layout, attributes = planted
    rng = np.random.default_rng(1)
    by_key = measure_maps(
        codes, {"tsne": layout, "pca": rng.normal(size=(100, 2))}, attributes, list(range(100)), 200, 0
    )
    assert len(by_key) == 12
    for measure in ("character", "title"):
        assert by_key["tsne", measure].value == by_key[CODES, measure].value == 1
    assert by_key[CODES, "trustworthiness"].value == 1
    assert abs(by_key[SHUFFLED, "trustworthiness"].value - 0.5) < 0.06
    assert abs(by_key[SHUFFLED, "character"].value - 19 / 99) < 0.05
    assert abs(by_key[SHUFFLED, "title"].value - (0.4 * 39 + 0.6 * 19) / 99) < 0.05
    gap, low, high = by_key["tsne", "character"].minus(by_key[SHUFFLED, "character"]).estimate
    assert 0.6 < low < gap < high < 1
    for kept in by_key.values():
        low, high = kept.interval
        assert low <= kept.value <= high
    expected = manifold.trustworthiness(hamming_distance(codes, codes), layout, n_neighbors=10, metric="precomputed")
    assert abs(by_key["tsne", "trustworthiness"].value - expected) < 0.02  # ties among Hamming distances


def test_without_characters_or_with_a_handful(planted):
    codes, layout, attributes = planted
    nobody = {**attributes, "character": [frozenset()] * 100}
    measured = measure_maps(codes, {"tsne": layout}, nobody, list(range(100)), 20, 0)
    assert all(np.isnan(kept.value) == (measure == "character") for (_, measure), kept in measured.items())
    for n in range(7):
        few = {name: sets[:n] for name, sets in attributes.items()}
        measured = measure_maps(codes[:n], {"tsne": layout[:n]}, few, list(range(n)), 20, 0)
        assert bool(measured) == (n > 2)


def squares():
    """A full grid of 20 × 20, with planted tags: a character, one of its traits, and two about the same subject."""
    cells = np.stack(np.meshgrid(np.arange(20), np.arange(20)), -1).reshape(-1, 2)
    x, y = cells.T
    hero, comic, robot = (x < 5) & (y < 5), (x >= 15) & (y < 5), (x >= 15) & (y >= 15)
    masks = {"hero's hat": hero, "comic": comic, "4koma": comic & (y < 4), "robot": robot, "solo": (x + y) % 2 > 0}
    general = [[tag for tag, mask in masks.items() if mask[i]] for i in range(400)]
    return cells, (20, 20), {"general": general, "character": [["hero"] if h else [] for h in hero]}


def test_planted_regions_are_found_where_they_are():
    cells, shape, tags = squares()
    regions = tag_regions(cells, shape, tags)
    chosen = choose_regions(regions, tags)
    assert [(r.tag, r.column, r.row) for r in chosen] == [("hero", 0, 0), ("comic", 15, 0), ("robot", 15, 15)]
    hero = chosen[0]
    assert (hero.carriers, len(hero.members), hero.of_character) == (SIDE**2, SIDE**2, True)
    assert hero.lift == pytest.approx(400 / 25)
    assert hero.log_p == pytest.approx(-np.log(comb(400, 25)))  # all 25 in the one square of 25
    assert "solo" not in {region.tag for region in regions}
    assert all(region.carriers >= len(region.members) / 2 for region in regions)


def test_shuffled_tags_and_sparse_maps_have_no_regions():
    cells, shape, tags = squares()
    assert not tag_regions(np.random.default_rng(0).permutation(cells), shape, tags)
    assert not tag_regions(cells * 2, (40, 40), tags)
    assert not tag_regions(np.zeros((1, 2), int), (2, 1), {"general": [["hat"]], "character": [[]]})
    assert not tag_regions(np.zeros((0, 2), int), (1, 1), {"general": [], "character": []})
    assert choose_regions([], tags) == []


def test_without_characters_all_regions_are_of_general_tags():
    cells, shape, tags = squares()
    nobody = {**tags, "character": [[]] * 400}
    chosen = choose_regions(tag_regions(cells, shape, nobody), nobody)
    assert sorted(r.tag for r in chosen) == ["comic", "hero's hat", "robot"]
