"""Thresholds of best F measure, against trying every threshold; and the file the authors' library reads."""

import numpy as np
import pytest

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.released.files import authors_order, released_vocabulary
from i2v_lib.models.serving.thresholds import (
    BETAS,
    UNKNOWN,
    authors_columns,
    best_thresholds,
    load_thresholds,
    save_thresholds,
)

VOCABULARY = Vocabulary(
    ("smile", "hat", "blue eyes", "stars", "rin", "mei", "safe", "questionable", "explicit"),
    ("general",) * 3 + ("copyright",) + ("character",) * 2 + ("rating",) * 3,
    {},
)
IN_THEIR_ORDER = [0, 1, 2, 4, 5, 3, 6, 7, 8]


def f_measure(targets, said, beta):
    """From precision and recall, as textbooks have it."""
    if not (targets & said).any():
        return 0.0
    precision, recall = targets[said].mean(), said[targets].mean()
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def brute_force(targets, scores, beta):
    """Best F of all sets that a threshold can cut off, and the smallest set that reaches it."""
    cuts = [-1.0, *np.unique(scores)]
    measures = [f_measure(targets, scores > cut, beta) for cut in cuts]
    best = max(measures)
    return best, min((scores > cut).sum() for cut, f in zip(cuts, measures, strict=True) if f > best - 1e-12)


@pytest.mark.parametrize("levels", [3, 12, 1000])
def test_no_threshold_is_better(levels):
    """On random scores with many, few and no ties; thresholds are as float32 probabilities are compared with them."""
    rng = np.random.default_rng(levels)
    targets = (rng.random((40, 60)) < rng.uniform(0.05, 0.6, 60)).astype(np.uint8)
    targets[0] |= targets.sum(0) == 0
    scores = (rng.integers(1, levels, (40, 60)) / levels + 0.3 * targets).clip(0, 1).astype(np.float32)
    found = best_thresholds(targets, scores)
    assert (found.dtype, found.shape) == (np.float64, (60, 3))
    worse = 0
    for t in range(60):
        for column, beta in enumerate(BETAS.values()):
            said = scores[:, t].astype(float) > found[t, column]
            best, size = brute_force(targets[:, t] > 0, scores[:, t], beta)
            assert f_measure(targets[:, t] > 0, said, beta) == pytest.approx(best, abs=1e-12)
            assert said.sum() == size
            worse += f_measure(targets[:, t] > 0, scores[:, t] > 0.5, beta) < best - 1e-6
    assert worse > 60  # control: the one threshold 0.5 is not as good
    assert (found[:, 0] >= found[:, 2]).all()  # the more recall counts, the more is said
    assert (found[:, 0] > found[:, 2]).any()


def test_by_hand():
    """Positives at .9 and .5, negatives at .7 and .1: F1 of one, two, three, four said: 2/3, 1/2, 4/5, 2/3."""
    targets, scores = np.array([[1], [0], [1], [0]]), np.array([[0.9], [0.7], [0.5], [0.1]])
    assert best_thresholds(targets, scores)[0].tolist() == pytest.approx([0.8, 0.3, 0.3])
    # F0.5: 1.25 / 1.5 = .83 of one, 2.5 / 3.5 = .71 of three
    tied = np.array([[1], [0], [0], [1]])  # F1 of one: 2 / 3; of four: 4 / 6; the higher threshold is taken
    assert best_thresholds(tied, scores)[0, 1] == pytest.approx(0.8)


def test_tags_without_a_threshold():
    scores = np.array([[0.2, 0.0, 0.4], [0.3, 0.0, 0.4]])
    found = best_thresholds(np.array([[0, 1, 1], [0, 0, 1]]), scores)
    assert found[0].tolist() == [UNKNOWN] * 3  # no positives
    assert found[1].tolist() == [UNKNOWN] * 3  # nothing scores above 0
    assert found[2].tolist() == [0.2] * 3  # all said: between the lowest score and 0


@pytest.mark.parametrize(
    ("targets", "scores", "text"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), r"must both be \(pictures, tags\)"),
        (np.ones((0, 3)), np.ones((0, 3)), "not empty"),
        (np.full((2, 3), 2), np.ones((2, 3)), "other values than 0 and 1"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), "not all 0 to 1"),
        (np.ones((2, 3)), np.full((2, 3), 1.5), "after the sigmoid"),
    ],
)
def test_what_is_refused(targets, scores, text):
    with pytest.raises(ValueError, match=text):
        best_thresholds(targets, scores)


def test_the_file_is_the_authors(tmp_path):
    """Rows in their order, the columns F0.5, F1, F2, under the key that their library asks for."""
    thresholds = np.arange(27).reshape(9, 3) / 27
    path = tmp_path / "fscore_threshold.dat"  # the name is kept as it is
    save_thresholds(path, thresholds, VOCABULARY)
    theirs = np.load(path)["threshold"]
    assert theirs.shape == (9, 3)
    assert np.array_equal(theirs, thresholds[IN_THEIR_ORDER])
    assert not np.array_equal(theirs, thresholds)
    assert np.array_equal(load_thresholds(path, VOCABULARY), thresholds)
    released = released_vocabulary([f"g{i}" for i in range(1536)] + ["safe", "questionable", "explicit"])
    assert np.array_equal(authors_columns(released), authors_order())


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    for content in (b"", b"PK\x03\x04 cut off", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{path.name}.* npz .*'threshold'"):
            load_thresholds(path, VOCABULARY)
    np.savez(path, thresholds=np.ones((9, 3)))
    with pytest.raises(ValueError, match=rf"{path.name}.* npz .*'threshold'"):
        load_thresholds(path, VOCABULARY)
    with path.open("wb") as file:
        np.save(file, np.ones((9, 3)))
    with pytest.raises(ValueError, match=rf"{path.name}.* npz"):
        load_thresholds(path, VOCABULARY)
    np.savez(path, threshold=np.array([object()]))
    with pytest.raises(ValueError, match=rf"{path.name}.* npz"):
        load_thresholds(path, VOCABULARY)
    for array in (np.ones((8, 3)), np.ones((9, 3), int)):
        np.savez(path, threshold=array)
        with pytest.raises(ValueError, match=r"float of \(9, 3\)"):
            load_thresholds(path, VOCABULARY)
    with pytest.raises(FileNotFoundError):
        load_thresholds(tmp_path / "none.npz", VOCABULARY)
    with pytest.raises(ValueError, match="thresholds: float64 of shape"):
        save_thresholds(path, np.ones((3, 9)), VOCABULARY)
