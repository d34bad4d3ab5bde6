"""Average precision of a tag, and its mean over the tags of a category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def average_precision(targets: np.ndarray, scores: np.ndarray, tags: Sequence[str] | None = None) -> np.ndarray:
    """Average precision of every tag: the mean, over a tag's positives, of the precision down to each.

    This is scikit-learn's step-wise definition, ties included: images of equal score enter together. The
    trapezoid rule would give another, optimistic number.

    Parameters
    ----------
    targets : 0/1 array, shape (N, T)
    scores : float array, shape (N, T)
        Logits or anything that orders the images as they do; a saturated sigmoid makes ties.
    tags : names of the T tags, for the error message only

    Returns
    -------
    float64 array, shape (T,)
        0 to 1; NaN for a tag without positives, which has no average precision.

    Raises
    ------
    ValueError
        If the shapes differ, a target is neither 0 nor 1, or a score is NaN (the message names tag and row).

    Source: Saito & Matsui 2015, §4.1 ("the mean average precision used in attribute classification").
    """
    targets, scores = check_scores(targets, scores, tags)
    ranks = np.arange(1, len(scores) + 1)
    ap = np.full(scores.shape[1], np.nan)
    for t in np.flatnonzero(targets.any(axis=0)):
        order = np.argsort(-scores[:, t], kind="stable")
        ranked = scores[order, t]
        hits = np.cumsum(targets[order, t])
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # last image of each run of ties
        new_hits = np.diff(hits[ends], prepend=0)
        ap[t] = np.sum(new_hits * (hits[ends] / ranks[ends])) / hits[-1]
    return ap


def map_by_category(ap: np.ndarray, blocks: Mapping[str, slice]) -> dict[str, tuple[float, int]]:
    """Mean average precision of every category, over the tags that have one.

    Parameters
    ----------
    ap : float array, shape (T,), from :func:`average_precision`
    blocks : category -> slice of the T tags; a slice may be empty

    Returns
    -------
    category -> (mean AP, 0 to 1, NaN if no tag was scored; number of tags scored)

    Source: Saito & Matsui 2015, Table 2.
    """
    scored = {category: ap[block][~np.isnan(ap[block])] for category, block in blocks.items()}
    return {c: (float(values.mean()) if len(values) else np.nan, len(values)) for c, values in scored.items()}


def check_scores(
    targets: np.ndarray, scores: np.ndarray, tags: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return targets as bool and scores as float, both (N, T); raises as :func:`average_precision` does."""
    targets, scores = np.asarray(targets), np.asarray(scores)
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    if targets.ndim != 2 or targets.shape != scores.shape:
        raise ValueError(
            f"targets {targets.shape} and scores {scores.shape} must both be (images, tags); "
            "select the same rows and tags of each"
        )
    if not np.isin(targets, (0, 1)).all():
        raise ValueError(f"targets hold {targets.min()} to {targets.max()}; pass 0 and 1 only")
    missing = np.argwhere(np.isnan(scores))
    if len(missing):
        row, t = missing[0]
        name = f"tag {tags[t]!r} (column {t})" if tags is not None else f"tag column {t}"
        raise ValueError(
            f"scores: {len(missing)} NaN, the first at {name}, row {row}; "
            "a network that diverged gives them: train it again from an earlier checkpoint"
        )
    return targets.astype(bool), scores
