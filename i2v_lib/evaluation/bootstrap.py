"""Bootstrap resamples of a mean average precision, over the test images."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numba
import numpy as np

from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.evaluation.metrics import average_precision, check_scores, map_by_category
from i2v_lib.system.compiled import compiled

Name = TypeVar("Name", bound=Hashable)  # of a system


def score_systems(
    targets: np.ndarray,
    logits: Mapping[Name, np.ndarray],
    blocks: Mapping[str, slice],
    resamples: int = 1000,
    seed: int = 0,
) -> dict[Name, dict[str, Measured]]:
    """Mean AP of several systems with bootstrap resamples, the same for all, so that they can be paired.

    Beside tags that no illustration carries, those that all carry are left out.

    Parameters
    ----------
    targets : 0/1 array, shape (N, T)
    logits : system -> float array, shape (N, T)
    blocks : category -> slice of the T tags
    resamples : R, how often N images are drawn with replacement
    seed : of the draws

    Returns
    -------
    system -> category -> mean average precision, 0 to 1
        NaN if no tag was scored. Its ``count`` is the number of tags scored, those with a positive.

    Raises
    ------
    ValueError
        If there are no illustrations, or as :func:`~i2v_lib.evaluation.metrics.average_precision`.
    """
    if not len(targets):
        raise ValueError("targets hold no illustrations; import more, or raise test_share")
    counts = draw_counts(len(targets), resamples, seed)
    everywhere = np.asarray(targets).all(axis=0)  # any order of the illustrations is perfect, so it says nothing
    table: dict[Name, dict[str, Measured]] = {}
    for system, scores in logits.items():
        points = map_by_category(np.where(everywhere, np.nan, average_precision(targets, scores)), blocks)
        ap = resampled_average_precision(targets, scores, counts)
        ap[everywhere] = np.nan
        table[system] = {}
        for category, block in blocks.items():
            value, tags = points[category]
            table[system][category] = Measured(value, _mean_of_scored(ap[block]), SHARE, tags)
    return table


def draw_counts(images: int, resamples: int, seed: int) -> np.ndarray:
    """How often each image is drawn in each resample: uint8 array, shape (images, resamples).

    Every column sums to ``images``. A count above 255 needs more than 255 images, and then has a chance
    below 1e-500.
    """
    generator = np.random.default_rng(seed)
    counts = np.empty((images, resamples), np.uint8)
    for r in range(resamples):
        counts[:, r] = np.bincount(generator.integers(images, size=images), minlength=images)
    return counts


def resampled_average_precision(targets: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of every tag in every resample.

    Sorting once is enough: a resample only changes how often each image counts.

    Parameters
    ----------
    targets, scores : shape (N, T), as for :func:`~i2v_lib.evaluation.metrics.average_precision`
    counts : uint8 array, shape (N, R), from :func:`draw_counts`

    Returns
    -------
    float64 array, shape (T, R)
        NaN where a tag lost all its positives.
    """
    targets, scores = check_scores(targets, scores)
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=0)
    ends = np.ones(scores.shape, bool)  # last image of each run of ties
    ends[:-1] = ranked[1:] != ranked[:-1]
    hits = np.take_along_axis(targets, order, axis=0)
    columns = (np.ascontiguousarray(array.T) for array in (order, hits, ends))  # (T, N)
    return _weighted_average_precision(*columns, np.ascontiguousarray(counts))


@compiled(parallel=True, error_model="numpy")
def _weighted_average_precision(order, hits, ends, counts):
    """Walk down each tag's ranking with all R resamples abreast; (T, N), (T, N), (T, N), (N, R) -> (T, R)."""
    tags, images = order.shape
    resamples = counts.shape[1]
    ap = np.empty((tags, resamples))
    for t in numba.prange(tags):
        seen = np.zeros(resamples, np.int32)  # images so far
        found = np.zeros(resamples, np.int32)  # positives so far
        fresh = np.zeros(resamples, np.int32)  # positives of the present run of ties
        total = np.zeros(resamples)
        waiting = False  # does the run hold a positive?
        for i in range(images):
            row = counts[order[t, i]]
            for r in range(resamples):
                seen[r] += row[r]
            if hits[t, i]:
                waiting = True
                for r in range(resamples):
                    fresh[r] += row[r]
            if waiting and ends[t, i]:
                waiting = False
                for r in range(resamples):
                    found[r] += fresh[r]
                    total[r] += fresh[r] * (found[r] / max(seen[r], 1))
                    fresh[r] = 0
        for r in range(resamples):
            ap[t, r] = total[r] / found[r]  # 0 / 0 is NaN: the tag has no positive left
    return ap


def _mean_of_scored(ap: np.ndarray) -> np.ndarray:
    """Mean over the tags that are not NaN: (T, R) -> (R,)."""
    scored = ~np.isnan(ap)
    with np.errstate(invalid="ignore"):
        return np.where(scored, ap, 0).sum(axis=0) / scored.sum(axis=0)
