import numpy as np
import pytest

from i2v_lib.models.fractals import (
    FILL,
    attractor,
    count_points,
    fractal_classes,
    render_fractals,
)

SIERPINSKI = np.float32(
    [
        [
            [[0.5, 0, 0], [0, 0.5, 0]],
            [[0.5, 0, 0.5], [0, 0.5, 0]],
            [[0.5, 0, 0], [0, 0.5, 0.5]],
            [[0.5, 0, 0], [0, 0.5, 0]],
        ]
    ]
)


def test_a_class_depends_on_its_seed_and_number_alone():
    classes = fractal_classes(6, seed=3)
    assert np.array_equal(classes[:4], fractal_classes(4, seed=3))
    assert not np.array_equal(classes, fractal_classes(6, seed=4))
    assert classes.shape == (6, 4, 2, 3)
    assert classes.dtype == np.float32


def test_every_map_contracts_and_some_mirror():
    matrices = fractal_classes(20, seed=0)[..., :2].astype(float)
    assert np.linalg.svd(matrices, compute_uv=False).max() < 0.81
    mirrored = (np.linalg.det(matrices) < 0).mean()
    assert 0.3 < mirrored < 0.7


def test_attractor_of_known_maps_is_the_sierpinski_triangle():
    x, y = attractor(SIERPINSKI, depth=5)
    points = np.unique(np.stack([x[0], y[0]], 1) * 32, axis=0).astype(int)
    expected = {(i, j) for i in range(32) for j in range(32) if i & j == 0}  # Pascal's triangle modulo 2
    assert {tuple(p) for p in points.tolist()} == expected


def test_a_batch_equals_its_systems_one_by_one():
    systems = fractal_classes(3, seed=1)
    x, y = attractor(systems, depth=4)
    for number, system in enumerate(systems):
        one = attractor(system[None], depth=4)
        assert np.array_equal(x[number], one[0][0])
        assert np.array_equal(y[number], one[1][0])


def test_points_are_counted_in_their_cells_and_left_out_beyond_the_canvas():
    x = np.float32([[-1, -0.9, 0.6, 5], [0.1, 0.1, -3, 0.1]])
    y = np.float32([[-1, -0.9, -0.6, 0], [0.1, 0.1, 0, -1.01]])
    counts = count_points(x, y, size=4)
    expected = np.zeros((2, 4, 4), int)
    expected[0, 0, 0] = 2
    expected[0, 0, 3] = 1
    expected[1, 2, 2] = 2
    assert np.array_equal(counts, expected)


def test_classes_fill_the_canvas_where_a_degenerate_system_does_not():
    def cover(systems):
        x, y = attractor(systems, depth=6)
        x, y = (2 * (v - v.min(1, keepdims=True)) / np.ptp(x, 1)[:, None] - 1 for v in (x, y))
        return (count_points(x, y, size=32) > 0).mean((1, 2))

    assert cover(fractal_classes(30, seed=0)).min() > FILL[0] / 4  # scaled by width alone, so partly outside
    line = SIERPINSKI * np.float32([[1, 1, 1], [0, 0, 0]])
    assert cover(line)[0] < FILL[0] / 4


def test_pictures_are_the_same_for_the_same_generator():
    systems = fractal_classes(4, seed=0)
    first, again, other = (render_fractals(systems, 32, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (4, 32, 32, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [32, 64])
def test_nearest_class_mean_tells_classes_apart(size):
    systems, rng = fractal_classes(10, seed=0), np.random.default_rng(0)

    def shapes(copies):
        pictures = render_fractals(np.repeat(systems, copies, 0), size, rng).astype(float)
        # Colors differ within a class: compare where a picture departs from its background.
        distance = np.abs(pictures - pictures[:, :, :1]).sum(-1) > 90
        return distance.reshape(len(systems), copies, -1).astype(float)

    means, held_out = shapes(40).mean(1), shapes(20)

    def accuracy(pictures):
        distance = ((pictures[:, :, None] - means) ** 2).sum(-1)
        return (distance.argmin(-1) == np.arange(len(systems))[:, None]).mean()

    assert accuracy(held_out) > 0.4  # chance is 0.1
    shuffled = np.random.default_rng(1).permutation(held_out.reshape(-1, held_out.shape[-1]))
    assert accuracy(shuffled.reshape(held_out.shape)) < 0.2
