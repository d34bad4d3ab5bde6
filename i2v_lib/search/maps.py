"""A map of illustrations: codes laid out in the plane by t-SNE, and its points moved apart onto a grid (§4.5)."""

from __future__ import annotations

import numba
import numpy as np
import openTSNE
import scipy.linalg
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from i2v_lib.search.hashing import check_codes
from i2v_lib.search.neighbors import nearest_neighbors

START_SPREAD, START_NOISE = 1e-4, 1e-6  # of the starting positions; openTSNE wants a small start
ROOM = 1.5  # cells of a grid for each of its points
AT_ONCE = 2_500_000  # points times cells that are assigned together: a second or two
FEW = 2_000  # points up to which threads would cost more than they save


def tsne_map(codes: np.ndarray, perplexity: float = 30.0, seed: int = 0) -> np.ndarray:
    """Lay out codes in the plane so that near codes, by Hamming distance, lie near each other.

    The neighbors are exact and openTSNE adds up in a fixed order, so the layout does not depend on the number of
    threads; more than :data:`FEW` codes use all there are. It does not depend on the order of the codes either, and
    equal codes share a place.

    Parameters
    ----------
    codes : uint8 array, shape (n, B/8)
        Packed codes, see :func:`~i2v_lib.search.hashing.binarize`.
    perplexity : about how many neighbors hold a point; raise it for larger and fewer clusters. At most a third of
        the other points are used.
    seed : of the noise that keeps apart what would start at one place

    Returns
    -------
    float64 array, shape (n, 2)
        Positions without unit, finite whatever the codes.

    Raises
    ------
    TypeError, ValueError
        If the codes are not packed uint8, or the perplexity is below 1.

    Source: Saito & Matsui 2015, §4.5; the perplexity is ours.
    """
    check_codes("codes", codes)
    if not perplexity >= 1:
        raise ValueError(f"perplexity={perplexity}: pass at least 1, such as 30")
    if not len(codes):
        return np.zeros((0, 2))
    places, place = np.unique(codes, axis=0, return_inverse=True)
    start = pca_map(np.unpackbits(places, axis=1))
    if len(places) < 4:
        return start[place]  # up to three points lie in a plane as they are
    # Squared Euclidean distance of bits is their Hamming distance, so this start is the best linear map of the very
    # distances that t-SNE is given. Rounding it hides the last bits, which may change with the number of threads.
    start = np.round(start / start[:, 0].std(), 6) * START_SPREAD
    start += np.random.default_rng(seed).normal(0, START_NOISE, start.shape)
    perplexity = min(perplexity, (len(places) - 1) / 3)
    neighbors = PrecomputedNeighbors(*nearest_neighbors(places, round(3 * perplexity)))
    threads = 1 if len(places) <= FEW else numba.get_num_threads()
    affinities = PerplexityBasedNN(knn_index=neighbors, perplexity=perplexity, n_jobs=threads)
    embedding = openTSNE.TSNE(n_jobs=threads, negative_gradient_method="bh", random_state=seed).fit(
        affinities=affinities, initialization=start
    )
    return np.asarray(embedding)[place]


def pca_map(features: np.ndarray) -> np.ndarray:
    """The first two principal components: the control of a t-SNE map.

    Parameters
    ----------
    features : float array, shape (n, D)

    Returns
    -------
    float64 array, shape (n, 2)
        Zeros where there are fewer than two components.
    """
    features = np.asarray(features, np.float64)
    layout = np.zeros((len(features), 2))
    if not features.size:
        return layout
    left, sizes, _ = scipy.linalg.svd(features - features.mean(0), full_matrices=False)
    components = (left * sizes)[:, :2]
    largest = components[np.abs(components).argmax(0), np.arange(components.shape[1])]
    layout[:, : components.shape[1]] = components * np.where(largest < 0, -1, 1)  # a component's sign is arbitrary
    return layout


def grid_map(layout: np.ndarray, aspect: float = 1.0) -> tuple[np.ndarray, tuple[int, int]]:
    """Move the points of a layout apart onto the cells of a grid, one a cell, as little as possible altogether.

    The least sum of squared moves is found by linear assignment, whose time grows with the cube of the points. More
    than some 1,300 are first divided by straight cuts, each part with cells of its own, for somewhat longer moves.
    There are half as many cells again as points, so that the layout's shape stays visible.

    Parameters
    ----------
    layout : float array, shape (n, 2), finite
    aspect : width of the grid over its height

    Returns
    -------
    cells : int64 array, shape (n, 2)
        Column and row of each point, from the top left; no two are equal.
    (columns, rows) of the grid
    """
    n = len(layout)
    columns, rows = grid_shape(n, aspect)
    if not n:
        return np.zeros((0, 2), np.int64), (columns, rows)
    places = places_on_grid(layout, (columns, rows))
    cells = np.empty((n, 2), np.int64)
    _assign(places, cells, np.arange(n), np.array([[0, columns], [0, rows]]))
    return cells, (columns, rows)


def grid_shape(n: int, aspect: float = 1.0) -> tuple[int, int]:
    """Columns and rows of the grid of ``n`` points, half as many cells again; ``aspect`` is its width over height."""
    columns = max(int(np.ceil(np.sqrt(ROOM * n * aspect))), 1)
    return columns, max(int(np.ceil(ROOM * n / columns)), 1)


def places_on_grid(layout: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Stretch a layout over a grid: its extremes lie on the middle of the grid's outermost cells.

    Parameters
    ----------
    layout : float array, shape (n, 2), finite; its second coordinate upward
    shape : columns and rows of the grid

    Returns
    -------
    float64 array, shape (n, 2)
        In cells from the top left, downward.
    """
    size = np.array(shape) - 1
    if not len(layout):
        return np.zeros((0, 2))
    low, high = layout.min(0), layout.max(0)
    scale = size / np.maximum(high - low, 1e-12)
    return size / 2 + (layout - (low + high) / 2) * scale * (1, -1)


def _assign(places: np.ndarray, cells: np.ndarray, points: np.ndarray, block: np.ndarray) -> None:
    """Give points cells of a block, [[first column, end], [first row, end]]; halve both while they are too many."""
    sizes = block[:, 1] - block[:, 0]
    if len(points) * sizes.prod() <= AT_ONCE or sizes.max() < 2:
        grid = np.stack(np.meshgrid(*(np.arange(*side) for side in block)), axis=-1).reshape(-1, 2)
        point, cell = linear_sum_assignment(cdist(places[points], grid, "sqeuclidean"))
        cells[points[point]] = grid[cell]
        return
    axis = int(sizes.argmax())
    middle = block[axis].sum() // 2
    room = sizes[1 - axis] * (middle - block[axis, 0]), sizes[1 - axis] * (block[axis, 1] - middle)
    order = points[np.argsort(places[points, axis], kind="stable")]
    # each point goes to its side of the cut, unless that side is full
    before = np.clip((places[points, axis] < middle - 0.5).sum(), len(points) - room[1], room[0])
    for half, limits in ((order[:before], (block[axis, 0], middle)), (order[before:], (middle, block[axis, 1]))):
        part = block.copy()
        part[axis] = limits
        _assign(places, cells, half, part)
