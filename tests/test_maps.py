"""Layouts in the plane: finite whatever the codes, the same whatever their order, and better than chance."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from i2v_lib.search import maps
from i2v_lib.search.maps import grid_map, pca_map, tsne_map


def clusters(per_cluster=12, count=4, flips=0.15, seed=0):
    """Codes of 256 bits around a few centers, and their clusters."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), per_cluster)
    bits = (rng.random((count, 256)) < 0.5)[labels] ^ (rng.random((len(labels), 256)) < flips)
    return np.packbits(bits, axis=1), labels


def same_neighbor(layout, labels):
    """Share of points whose nearest point is of their own cluster."""
    distances = cdist(layout, layout)
    np.fill_diagonal(distances, np.inf)
    return (labels[distances.argmin(1)] == labels).mean()


def test_clusters_stay_together_and_a_shuffled_map_does_not_hold_them():
    codes, labels = clusters()
    layout = tsne_map(codes)
    assert layout.shape == (48, 2)
    assert same_neighbor(layout, labels) > 0.95
    assert same_neighbor(np.random.default_rng(0).permutation(layout), labels) < 0.5


def test_the_order_of_the_codes_does_not_matter_and_equal_codes_share_a_place():
    codes, _ = clusters(flips=0.3)
    codes = np.concatenate([codes, codes[:3]])
    order = np.random.default_rng(1).permutation(len(codes))
    layout = tsne_map(codes)
    np.testing.assert_array_equal(tsne_map(codes[order]), layout[order])
    np.testing.assert_array_equal(layout[-3:], layout[:3])
    assert not np.array_equal(tsne_map(codes, seed=1), layout)


def test_many_codes_use_all_threads_and_get_the_same_layout(monkeypatch):
    codes, _ = clusters(flips=0.3)
    used, make = [], maps.openTSNE.TSNE
    short = {"early_exaggeration_iter": 5, "n_iter": 10}

    def recorded(**options):
        used.append(options["n_jobs"])
        return make(**options, **short)

    monkeypatch.setattr(maps.openTSNE, "TSNE", recorded)
    layout = tsne_map(codes)
    monkeypatch.setattr(maps, "FEW", 10)
    monkeypatch.setattr(maps.numba, "get_num_threads", lambda: 2)
    np.testing.assert_array_equal(tsne_map(codes), layout)
    assert used == [1, 2]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 11])
@pytest.mark.parametrize("kind", ["random", "equal", "duplicates", "equidistant"])
def test_degenerate_codes_give_a_finite_layout(n, kind):
    random = np.random.default_rng(n).integers(0, 256, (n, 16), np.uint8)
    codes = {
        "random": random,
        "equal": np.full((n, 16), 7, np.uint8),
        "duplicates": random[np.arange(n) % 2] if n > 1 else random,
        "equidistant": np.packbits(np.eye(n, 128, dtype=bool), axis=1),
    }[kind]
    layout = tsne_map(codes)
    assert layout.shape == (n, 2)
    assert np.isfinite(layout).all()
    if n > 3 and kind == "random":
        assert len(np.unique(layout, axis=0)) == n


def test_three_codes_keep_their_distances():
    codes = np.array([[0], [1], [7]], np.uint8)  # 1, 3 and 2 bits apart
    np.testing.assert_allclose(cdist(*[tsne_map(codes)] * 2, "sqeuclidean"), [[0, 1, 3], [1, 0, 2], [3, 2, 0]])


def test_bad_arguments():
    with pytest.raises(TypeError, match="uint8"):
        tsne_map(np.zeros((5, 8)))
    with pytest.raises(ValueError, match="perplexity=0.5"):
        tsne_map(np.zeros((5, 8), np.uint8), perplexity=0.5)


def test_pca_map_is_scikit_learns_up_to_signs():
    features = np.random.default_rng(0).normal(size=(20, 7)) * np.arange(1, 8)
    ours, theirs = pca_map(features), PCA(2).fit_transform(features)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-10)
    np.testing.assert_allclose(pca_map(features + 5), ours, atol=1e-10)


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (2, 5), (6, 1)])
def test_pca_map_of_few_numbers(shape):
    layout = pca_map(np.ones(shape))
    assert layout.shape == (shape[0], 2)
    assert not layout.any()


def test_grid_map_moves_points_little_and_never_onto_each_other():
    layout = np.random.default_rng(0).normal(size=(80, 2))
    cells, (columns, rows) = grid_map(layout, aspect=1.5)
    assert len(np.unique(cells, axis=0)) == 80
    assert (cells >= 0).all()
    assert (cells < (columns, rows)).all()
    assert columns * rows >= 120
    assert abs(columns / rows - 1.5) < 0.2
    x, y = np.corrcoef(cells[:, 0], layout[:, 0])[0, 1], np.corrcoef(cells[:, 1], layout[:, 1])[0, 1]
    assert x > 0.9
    assert y < -0.9  # rows are counted downward


def test_grid_map_leaves_a_grid_as_it_is():
    points = np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2)  # 12 on 5 × 4 cells
    cells, (columns, rows) = grid_map(points, aspect=1.0)
    columns_of = [len(set(cells[points[:, 0] == x, 0].tolist())) for x in range(4)]
    assert (columns, rows) == (5, 4)
    assert max(columns_of) <= 2


@pytest.mark.parametrize("n", [0, 1, 5])
def test_grid_map_of_equal_points(n):
    cells, (columns, rows) = grid_map(np.zeros((n, 2)))
    assert len(np.unique(cells, axis=0)) == n
    assert columns * rows >= max(n, 1)


@pytest.mark.parametrize("kind", ["disk", "clusters", "corner", "equal"])
def test_grid_map_in_parts_moves_points_little_further(monkeypatch, kind):
    """Many points are assigned in parts: still one a cell, inside the grid, and far from shuffled."""
    chance = np.random.default_rng(0)
    turns = 2 * np.pi * chance.random(400)
    layout = {
        "disk": np.sqrt(chance.random(400))[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1),
        "clusters": chance.normal(size=(400, 2)) / 10 + chance.integers(0, 4, (400, 2)),
        "corner": chance.normal(size=(400, 2)) ** 4,  # most in one corner, so that parts fill up
        "equal": np.zeros((400, 2)),
    }[kind]
    best, shape = grid_map(layout)
    monkeypatch.setattr(maps, "AT_ONCE", 10_000)
    cells, same = grid_map(layout)
    assert same == shape
    assert len(np.unique(cells, axis=0)) == 400
    assert (cells >= 0).all()
    assert (cells < shape).all()
    size = np.array(shape) - 1
    scale = size / np.maximum(np.ptp(layout, axis=0), 1e-12)
    places = size / 2 + (layout - (layout.min(0) + layout.max(0)) / 2) * scale * (1, -1)
    moves = {name: ((found - places) ** 2).sum() for name, found in (("best", best), ("parts", cells))}
    assert moves["best"] <= moves["parts"] < 1.5 * moves["best"]
    shuffled = ((chance.permutation(cells) - places) ** 2).sum()
    assert shuffled > 100 * moves["parts"] or kind in ("corner", "equal")  # in these nearly all lie at one place
