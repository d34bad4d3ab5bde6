"""A threshold for each tag: the score above which saying the tag gives the best F measure on a validation set."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.released.files import AUTHORS_CATEGORIES
from i2v_lib.system.files import whole

BETAS = {"f0.5": 0.5, "f1": 1.0, "f2": 2.0}  # the authors' rules, in the order of the file's columns
UNKNOWN = 0.25  # of a tag that no validation picture has: the threshold the authors' calls take by default
KEY = "threshold"  # of the array in the file


def best_thresholds(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Thresholds of highest F0.5, F1 and F2, a tag each; a tag is said where its score is above, not at, its threshold.

    All thresholds there are get compared: one between each two neighboring scores. The one taken lies halfway between
    the lowest score that it lets pass and the next lower one (or 0). Of several with equal F the highest is taken: it
    says the tag least often. A tag without positives has no F measure; it gets :data:`UNKNOWN`.

    Parameters
    ----------
    targets : 0/1 array, shape (N, T)
    scores : float array, shape (N, T), 0 to 1

    Returns
    -------
    float64 array, shape (T, 3)
        Columns in the order of :data:`BETAS`.

    Raises
    ------
    ValueError
        If the shapes differ, there are no pictures, or values are out of range or NaN.
    """
    targets, scores = np.asarray(targets), np.asarray(scores, dtype=np.float64)
    if targets.ndim != 2 or targets.shape != scores.shape or not len(targets):
        raise ValueError(f"targets {targets.shape} and scores {scores.shape} must both be (pictures, tags), not empty")
    if not np.isin(targets, (0, 1)).all():
        raise ValueError("targets hold other values than 0 and 1; pass which picture has which tag")
    if not ((scores >= 0) & (scores <= 1)).all():  # NaN is neither
        raise ValueError("scores are not all 0 to 1; pass probabilities, after the sigmoid")
    found = [_best(targets[:, t].astype(bool), scores[:, t]) for t in range(targets.shape[1])]
    return np.array(found).reshape(-1, len(BETAS))


def _best(targets: np.ndarray, scores: np.ndarray) -> list[float]:
    """The three thresholds of one tag."""
    positives = int(targets.sum())
    if not positives:
        return [UNKNOWN] * len(BETAS)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # equal scores pass together
    hits = np.cumsum(targets[order])[ends]
    cuts = (ranked[ends] + np.append(ranked[ends[1:]], 0.0)) / 2
    if ranked[-1] == 0:  # nothing is below 0, so these scores can never pass
        ends, hits, cuts = ends[:-1], hits[:-1], cuts[:-1]
    if not len(ends):
        return [UNKNOWN] * len(BETAS)
    # numerators and denominators are exact, so equal F measures are equal numbers
    squares = [beta**2 for beta in BETAS.values()]
    measures = [(1 + square) * hits / (square * positives + ends + 1) for square in squares]
    return [float(cuts[measure.argmax()]) for measure in measures]  # the first of equal ones


def save_thresholds(path: Path | str, thresholds: np.ndarray, vocabulary: Vocabulary) -> None:
    """Write thresholds as the authors' library reads them: an npz file with one array, its tags in their order.

    Parameters
    ----------
    path : file to write, ``….npz``; an older one is replaced only by a whole new one
    thresholds : float array, shape (T, 3), tags in the vocabulary's order
    vocabulary : of T tags
    """
    theirs = _checked(thresholds, vocabulary, "thresholds")[authors_columns(vocabulary)]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as file:  # given a name, NumPy would add an ending of its own
        np.savez(file, **{KEY: theirs})


def load_thresholds(path: Path | str, vocabulary: Vocabulary) -> np.ndarray:
    """Read a file of :func:`save_thresholds`, or of anyone else's for the authors' library.

    Returns
    -------
    float64 array, shape (T, 3), tags in the vocabulary's order

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds something else, or thresholds for another number of tags.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"thresholds={str(path)!r} is no file; python -m i2v_lib thresholds makes one")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            array = arrays[KEY]
    except (KeyError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no npz file with the array {KEY!r} ({error}); save_thresholds makes one") from None
    ours = np.empty(array.shape)
    ours[authors_columns(vocabulary)] = _checked(array, vocabulary, path)
    return ours


def thresholds_of(given: np.ndarray | Path | str | None, vocabulary: Vocabulary | None) -> np.ndarray | None:
    """Thresholds that are given as an array, shape (T, 3), as a file, or not at all; checked against the vocabulary."""
    if given is None:
        return None
    if vocabulary is None:
        raise ValueError("thresholds are given for a tagger without tags; leave them out, or give a tag network too")
    if isinstance(given, str | Path):
        return load_thresholds(given, vocabulary)
    return _checked(given, vocabulary, "thresholds")


def authors_columns(vocabulary: Vocabulary) -> np.ndarray:
    """Columns of a vocabulary in the order of the authors' blocks: general, character, copyright, rating.

    Of their own vocabulary this is :func:`~i2v_lib.models.released.files.authors_order`.

    Returns
    -------
    int64 array, shape (T,)
    """
    columns = np.arange(len(vocabulary))
    return np.concatenate([columns[vocabulary.blocks[category]] for category in AUTHORS_CATEGORIES])


def _checked(array: np.ndarray, vocabulary: Vocabulary, where: Path | str) -> np.ndarray:
    array = np.asarray(array)
    expected = (len(vocabulary), len(BETAS))
    if array.shape != expected or array.dtype.kind != "f":
        raise ValueError(f"{where}: {array.dtype} of shape {array.shape}; this vocabulary needs float of {expected}")
    return array.astype(np.float64)
