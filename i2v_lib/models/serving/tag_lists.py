"""From a row of probabilities to what the authors' calls return: tags with their probabilities, by category."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.released.files import AUTHORS_CATEGORIES
from i2v_lib.models.serving.thresholds import BETAS
from i2v_lib.system.errors import ArgumentError

RULES = ("constant", *BETAS)
Tags = dict[str, list[tuple[str, float]]]


def plausible_tags(
    vocabulary: Vocabulary,
    thresholds: np.ndarray | None,
    threshold: float = 0.25,
    threshold_rule: str = "constant",
) -> Callable[[np.ndarray], Tags]:
    """Tags above a threshold; the ratings are always all three.

    Parameters
    ----------
    vocabulary : of T tags
    thresholds : float array, shape (T, 3), or None; for the rules "f0.5", "f1" and "f2"
    threshold : of all tags, 0 to 1, under the rule "constant"
    threshold_rule : one of :data:`RULES`

    Returns
    -------
    function
        From a float32 array, shape (T,), to a dict from category to (tag, probability) pairs, the most likely first.

    Raises
    ------
    ValueError
        If the rule is unknown or needs thresholds that are not there, or the threshold is no probability.
    """
    if threshold_rule not in RULES:
        raise ValueError(f"threshold_rule={threshold_rule!r} is unknown; use one of {', '.join(RULES)}")
    if not 0 <= threshold <= 1:  # NaN neither
        raise ArgumentError("threshold", threshold, "it is a probability; give 0 to 1")
    if threshold_rule == "constant":
        each = np.full(len(vocabulary), threshold, np.float64)
    elif thresholds is None:
        raise ArgumentError(
            "threshold_rule",
            threshold_rule,
            "needs a threshold for each tag; give the tagger an npz file of thresholds, or have it make them with "
            "fit_thresholds (python -m i2v_lib thresholds)",
        )
    else:
        each = thresholds[:, list(BETAS).index(threshold_rule)].copy()
    each[vocabulary.blocks["rating"]] = -np.inf
    return lambda row: _ranked(vocabulary, row, row > each)


def top_tags(vocabulary: Vocabulary, thresholds: np.ndarray | None, n_tag: int = 10) -> Callable[[np.ndarray], Tags]:
    """The ``n_tag`` most likely tags of each category, and all ratings; else as :func:`plausible_tags`."""
    if n_tag < 0:
        raise ValueError(f"n_tag={n_tag}: ask for 0 tags or more")

    def describe(row: np.ndarray) -> Tags:
        found = _ranked(vocabulary, row, np.ones(len(row), bool))
        return {name: pairs if name == "rating" else pairs[:n_tag] for name, pairs in found.items()}

    return describe


def specific_tags(
    vocabulary: Vocabulary, thresholds: np.ndarray | None, tags: Sequence[str]
) -> Callable[[np.ndarray], dict[str, float]]:
    """Probabilities of the named tags, in the order of their names; see :func:`columns_by_name`."""
    columns = columns_by_name(vocabulary, tags)
    return lambda row: {name: float(row[column]) for name, column in columns.items()}


def columns_by_name(vocabulary: Vocabulary, tags: str | Sequence[str]) -> dict[str, int]:
    """Columns of one tag or several by name; of equal names the last in the authors' order, as in their library.

    Raises
    ------
    ValueError
        If a tag is not in the vocabulary; the message names it, and what is like it.
    """
    names = [tags] if isinstance(tags, str) else list(tags)
    columns: dict[str, int] = {}
    for category in AUTHORS_CATEGORIES:
        block = vocabulary.blocks[category]
        columns |= dict(zip(vocabulary.tags[block], range(block.start, block.stop), strict=True))
    unknown = [name for name in names if name not in columns]
    if unknown:
        like = [close for name in unknown for close in difflib.get_close_matches(str(name), columns, 2)]
        hint = f"; close to it: {', '.join(map(repr, like))}" if like else ""
        raise ValueError(f"tags {', '.join(map(repr, unknown))} are not in the vocabulary of {len(vocabulary)}{hint}")
    return {name: columns[name] for name in names}


def as_is(vocabulary: Vocabulary | None, thresholds: np.ndarray | None) -> Callable[[np.ndarray], np.ndarray]:
    """The row itself."""
    return lambda row: row


def _ranked(vocabulary: Vocabulary, row: np.ndarray, chosen: np.ndarray) -> Tags:
    """Chosen tags of each category, in the authors' order of categories; the most likely first, else the first."""
    found: dict[str, Any] = {}
    for category in AUTHORS_CATEGORIES:
        block = vocabulary.blocks[category]
        columns = block.start + np.flatnonzero(chosen[block])
        columns = columns[np.argsort(-row[columns], kind="stable")]
        found[category] = list(zip([vocabulary.tags[t] for t in columns], row[columns].tolist(), strict=True))
    return found


# what a tagger can give -> how it is made of a row of numbers; Illustration2Vec.estimate_plausible_tags asks for
# "plausible_tags", and so on: its calls and PictureStream.iterate take the same road, one picture after the other
OUTPUTS: dict[str, Callable[..., Callable[[np.ndarray], Any]]] = {
    "plausible_tags": plausible_tags,
    "top_tags": top_tags,
    "specific_tags": specific_tags,
    "probabilities": as_is,
    "logits": as_is,
    "feature": as_is,
    "binary_feature": as_is,
}
