"""The pointing game: does the hottest place of a heat map lie on what the tag names?

Source: Zhang et al. 2016, "Top-down neural attention by excitation backprop", §4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from i2v_lib.drawn import left_out
from i2v_lib.evaluation.bootstrap import draw_counts
from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.models.serving.heatmaps import gradient_map, last_map, peaks

TOLERANCE = 15 / 224  # of the picture's side: how far from the object still counts
TRAINED, FINEST = "vgg_nin × 1", f"vgg_nin × {left_out.FACTOR}"  # the last map at the trained size, and at the largest
GRADIENT = "vgg_nin gradient"  # at the trained size
CENTER, RANDOM = "center", "random"  # controls
OTHERS = {f"another's {system}": system for system in (FINEST, GRADIENT)}  # controls: maps of another picture
ALL, RECOGNIZED = "all", "recognized"


def heat_maps(examples: left_out.ObjectMasks, networks: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Heat of every example's tag by several systems.

    Parameters
    ----------
    examples : n of them
    networks : "vgg_nin", and as many of "vgg_a", "hash" and "untrained" (VGG + NIN with its initial weights) as wanted

    Returns
    -------
    system -> float32 array, shape (n, h, w); nothing without examples
        "vgg_nin × 1", "× 2" and "× 4": the last map of pictures so many times the trained size; "untrained × 4";
        and of each network "vgg_nin gradient" and so on, at the trained size
    """
    maps: dict[str, np.ndarray] = {}
    for name, network in networks.items() if len(examples) else ():
        for factor in {"vgg_nin": (1, 2, left_out.FACTOR), "untrained": (left_out.FACTOR,)}.get(name, ()):
            maps[f"{name} × {factor}"] = last_map(network, examples.inputs(factor), examples.columns)
        maps[f"{name} gradient"] = gradient_map(network, examples.inputs(1), examples.columns)
    return maps


def measure_pointing(
    examples: left_out.ObjectMasks, maps: Mapping[str, np.ndarray], resamples: int = 1000, seed: int = 0
) -> dict[tuple[str, str], Measured]:
    """How often systems point at the object, and what hits without looking at the picture.

    The controls :data:`OTHERS` point where the map of another picture of the same tag does: they know where such
    objects usually are. "center" points at the picture's center. "random" points anywhere, and hits by the share of
    the picture that counts as a hit.

    Parameters
    ----------
    examples : n of them
    maps : system -> float array, shape (n, h, w), from :func:`heat_maps`
    resamples : how often the illustrations are drawn with replacement, near-duplicates together, alike for all systems
    seed : of the draws

    Returns
    -------
    dict
        (system, among) -> share of these examples, 0 to 1, and their number as its ``count``. Systems are those of the
        maps and the controls; they are judged among "all" examples, the "recognized", whose tag VGG + NIN scores above
        50 %, and those of each place. Empty without examples; a place without any is left out.
    """
    if not len(examples):
        return {}
    near = near_objects(examples.masks)
    points = {system: peaks(found) for system, found in maps.items()}
    another = _another_of_the_same(examples.columns)
    points |= {control: points[system][another] for control, system in OTHERS.items()}
    points[CENTER] = np.full((len(near), 2), 0.5)
    hits = {system: hit(near, at) for system, at in points.items()} | {RANDOM: near.mean((1, 2))}
    chosen = {ALL: np.ones(len(near), bool), RECOGNIZED: maps[TRAINED].mean((1, 2)) > 0}  # the mean is the logit
    chosen |= {place: np.array(examples.places) == place for place in left_out.PLACES}
    group = np.unique(examples.groups, return_inverse=True)[1]
    drawn = draw_counts(group.max() + 1, resamples, seed)[group].astype(float)  # (n, R)
    measured = {}
    for system, values in hits.items():
        for among, mask in chosen.items():
            if mask.any():
                value = float(values[mask].mean())
                with np.errstate(invalid="ignore"):  # a resample may hold none of these
                    resampled = (values[mask] @ drawn[mask]) / drawn[mask].sum(0)
                measured[system, among] = Measured(value, resampled, SHARE, int(mask.sum()))
    return measured


def near_objects(masks: np.ndarray) -> np.ndarray:
    """Pixels that count as a hit: on the object, or at most :data:`TOLERANCE` of the side from it.

    Parameters
    ----------
    masks : bool array, shape (n, S, S), with a pixel of the object in each

    Returns
    -------
    bool array, shape (n, S, S)
    """
    reach = TOLERANCE * masks.shape[-1]
    return np.stack([distance_transform_edt(~mask) <= reach for mask in masks])


def hit(near: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether each point lies where it counts.

    Parameters
    ----------
    near : bool array, shape (n, S, S)
    points : float array, shape (n, 2): x and y, shares of the picture

    Returns
    -------
    bool array, shape (n,)
    """
    x, y = (points * near.shape[-1]).astype(int).T
    return near[np.arange(len(near)), y, x]


def _another_of_the_same(columns: np.ndarray) -> np.ndarray:
    """For each example the next one of the same tag, the first for the last: int64 array, shape (n,)."""
    other = np.empty(len(columns), np.int64)
    for column in np.unique(columns):
        same = np.flatnonzero(columns == column)
        other[same] = np.roll(same, -1)
    return other
