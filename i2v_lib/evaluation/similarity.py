"""How similar two drawn illustrations are in what the user study asks about, from the demo set's truth (§4.3).

Every similarity is 0 to 1. Sets are compared by their Jaccard index, |both| / |either|.

- illustration style: the artist, together with "monochrome" and "sketch"
- color: overlap of two CIELAB histograms of the pixels
- composition: overlap of the areas that heads, bodies and things take, heads apart by the direction they face; of two
  comic pages of a kind the ratio of their numbers of panels
- title, character: 1 if one is shared
- background: the backgrounds, together with "indoors", "outdoors" or "simple"
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from i2v_lib.data.collection import Collection
from i2v_lib.evaluation.attributes import scene_attributes
from i2v_lib.evaluation.study import QUESTIONS

GRID = 24  # cells a side of the map of areas
HEAD, NECK, SHOULDERS, BODY, THING = 1.0, 0.9, 0.9, 4.0, 2.0  # in head radii, or units of a thing
COLOR_STEP = 8  # of red, green and blue, before they are looked up
LEVELS = 256 // COLOR_STEP
HISTOGRAM_BINS = (5, 8, 8)  # of L, a, b
HISTOGRAM_RANGE = ((0, 101), (-100, 100), (-110, 110))
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65


def similarities(collection: Collection, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Similarity of pairs of illustrations in each of the six questions.

    Parameters
    ----------
    collection : drawn
    first, second : int64 arrays, shape (n,): rows of the collection

    Returns
    -------
    float64 array, shape (n, 6)
        0 to 1, in the order of :data:`~i2v_lib.evaluation.study.QUESTIONS`.

    Raises
    ------
    ValueError
        If the collection has no truth.
    """
    truth = collection.truth()
    if truth is None:
        raise ValueError(f"{collection.folder.name} has no truth: only the drawn demo set can be judged by it")
    sights = {row: _sight(truth[row], collection.pixels[row]) for row in np.unique([*first, *second]).tolist()}
    pairs = [(sights[a], sights[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    compared = [[COMPARE[question](a[i], b[i]) for i, question in enumerate(QUESTIONS)] for a, b in pairs]
    return np.array(compared).reshape(-1, len(QUESTIONS))


def color_histogram(image: np.ndarray) -> np.ndarray:
    """Share of a picture's pixels in each part of CIELAB.

    Parameters
    ----------
    image : uint8 array, shape (S, S, 3), sRGB

    Returns
    -------
    float64 array, shape (320,), sum 1
    """
    coarse = image.reshape(-1, 3).astype(np.int64) // COLOR_STEP
    parts = _parts_of_cielab()[coarse @ (LEVELS**2, LEVELS, 1)]
    return np.bincount(parts, minlength=np.prod(HISTOGRAM_BINS)) / len(parts)


@functools.cache
def _parts_of_cielab() -> np.ndarray:
    """Part of the histogram that each coarse color falls into: looked up, not computed for every pixel."""
    colors = (np.indices((LEVELS,) * 3).reshape(3, -1).T + 0.5) * COLOR_STEP
    low, high = np.array(HISTOGRAM_RANGE).T
    places = (to_lab(colors) - low) / (high - low) * HISTOGRAM_BINS
    return np.ravel_multi_index(places.astype(np.int64).T, HISTOGRAM_BINS)


def to_lab(colors: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colors, 0 to 255, under daylight (D65): array, shape (n, 3) -> float64 array, shape (n, 3)."""
    rgb = colors / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ (TO_XYZ / TO_XYZ.sum(axis=1, keepdims=True)).T  # white is 1, 1, 1
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def placement(scene: Mapping[str, Any]) -> np.ndarray:
    """Where heads, bodies and things are in a picture that is no page: bool array, shape (5, GRID, GRID).

    The first three maps are of heads that face the viewer, left and right.
    """
    centers = (np.arange(GRID) + 0.5) / GRID
    x, y = centers[None, :], centers[:, None]
    if scene["window"]:  # a crop, enlarged to the whole size
        left, top, right, bottom = scene["window"]
        x, y = left + x * (right - left), top + y * (bottom - top)
    x = x - (1 - scene["aspect"]) / 2  # a long picture stands in the middle between white margins
    maps = np.zeros((5, GRID, GRID), bool)
    for figure in scene["figures"]:
        u, v = (x - figure["x"]) / figure["unit"], (y - figure["y"]) / figure["unit"]
        facing = 0 if figure["look"]["view"] == 0 else 1 + figure["look"]["flip"]
        maps[facing] |= np.hypot(u, v + NECK) < HEAD
        maps[3] |= (np.abs(u) < SHOULDERS) & (v > 0) & (v < BODY)
    for thing in scene["things"]:
        maps[4] |= np.hypot(x - thing["x"], y - thing["y"]) < THING * thing["unit"]
    return maps


def _sight(scene: Mapping[str, Any], image: np.ndarray) -> tuple[Any, ...]:
    """What a judge sees of one picture, an entry a question."""
    seen = scene_attributes(scene)
    return (
        seen["artist"] | seen["rendering"],
        color_histogram(image),
        (scene["kind"], len(scene["panels"])) if scene["panels"] else placement(scene),
        seen["title"],
        seen["background"] | {scene["place"]},
        seen["character"],
    )


def _jaccard(a: frozenset, b: frozenset) -> float:
    return len(a & b) / max(len(a | b), 1)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.minimum(a, b).sum())


def _share_one(a: frozenset, b: frozenset) -> float:
    return float(bool(a & b))


def _composition(a: np.ndarray | tuple[str, int], b: np.ndarray | tuple[str, int]) -> float:
    """Of two maps, two pages, or one of each, which have nothing in common."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return min(a[1], b[1]) / max(a[1], b[1]) if a[0] == b[0] else 0.0
    if isinstance(a, tuple) or isinstance(b, tuple):
        return 0.0
    either = np.sum(a | b)
    return float(np.sum(a & b) / either) if either else 1.0  # two empty landscapes


COMPARE: dict[str, Callable[[Any, Any], float]] = {
    "illustration style": _jaccard,
    "color": _overlap,
    "composition": _composition,
    "title": _share_one,
    "background": _jaccard,
    "character": _share_one,
}
