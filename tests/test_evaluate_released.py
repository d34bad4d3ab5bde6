"""Evaluating given weights on a collection: scikit-learn's numbers, tags matched by name, chance as the control."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import average_precision_score

from i2v_lib.config import load_config
from i2v_lib.data.collection import SCHEMA, finish_collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.released import evaluate_weights, fit_thresholds, match_tags
from i2v_lib.models.networks import build_network
from i2v_lib.models.serving.thresholds import UNKNOWN, best_thresholds
from i2v_lib.models.tagger import Illustration2Vec
from tests.growing_collection import create_pixels

TAGS = ("smile", "Long_Hair", "absent", "stars", "rin", "smile", "safe", "questionable", "explicit")
VOCABULARY = Vocabulary(TAGS, ("general",) * 3 + ("copyright",) + ("character",) * 2 + ("rating",) * 3, {})
COUNT = 60


def make(folder, tagged):
    """A collection of small pictures; ``tagged(i)`` gives the tags of one."""
    pixels = create_pixels(folder, COUNT, 40)
    small = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 4, 3), np.uint8)
    pixels[:] = small.repeat(10, 1).repeat(10, 2)
    pixels.flush()
    rows = []
    for i in range(COUNT):
        empty = dict.fromkeys(SCHEMA.names, "") | {"width": 1, "height": 1, "copyright": [], "character": []}
        rows.append(empty | {"id": str(i), "split": "test" if i < 40 else "train", "rating": "safe"} | tagged(i))
    return finish_collection(folder, pa.Table.from_pylist(rows, schema=SCHEMA), "warp", "abc")


@pytest.fixture(scope="module")
def tagger():
    """Random weights: they are right by chance alone, but where the collection's tags are their own."""
    network = build_network("vgg_nin", 9, load_config("smoke", width=1 / 8, seed=1))
    return Illustration2Vec(network, None, VOCABULARY, image_size=32)


def spelled(i):
    rng = np.random.default_rng([7, i])
    general = [tag for tag in ("smile", "long hair", "unknown tag", "stars") if rng.random() < 0.4]
    rating = ("safe", "questionable", "explicit")[rng.integers(3)]
    return {"general": general, "character": ["rin"] if i % 3 == 0 else [], "rating": rating}


def test_tags_are_matched_by_name_and_category(tmp_path):
    collection = make(tmp_path / "set", spelled)
    rows = np.arange(5, 25)
    targets, matched = match_tags(collection, VOCABULARY, rows)
    posts = [spelled(i) for i in rows]
    for column, (tag, category) in enumerate(zip(TAGS, VOCABULARY.categories, strict=True)):
        name = {"Long_Hair": "long hair"}.get(tag, tag)
        if category == "rating":
            expected = [post["rating"] == name for post in posts]
        else:
            expected = [name in post.get(category, []) for post in posts]
        assert targets[:, column].tolist() == expected
    assert not targets[:, 5].any()  # "smile" as a character is another tag
    assert matched["general"] == {
        "vocabulary": 3,
        "matched": 2,
        "distinct": 4,
        "share": sum(t in ("smile", "long hair") for p in posts for t in p["general"])
        / sum(len(p["general"]) for p in posts),
    }
    assert matched["copyright"] == {"vocabulary": 1, "matched": 0, "distinct": 0, "share": 0}
    assert matched["rating"]["share"] == 1


def test_numbers_are_scikit_learns(tagger, tmp_path):
    collection = make(tmp_path / "set", spelled)
    for split, rows in (("test", np.arange(40)), (None, np.arange(60))):
        found = evaluate_weights(tagger, collection, split=split, resamples=50, progress=False)
        assert found.illustrations == len(rows)
        assert list(found.scores) == ["tagger", "random"]
        targets, _ = match_tags(collection, VOCABULARY, rows)
        logits = tagger.logits(collection.pixels[row] for row in rows)
        for category, block in VOCABULARY.blocks.items():
            scored = [t for t in range(block.start, block.stop) if targets[:, t].any()]
            score = found.scores["tagger"][category]
            assert score.count == len(scored)
            if scored:
                expected = np.mean([average_precision_score(targets[:, t], logits[:, t]) for t in scored])
                assert score.value == pytest.approx(expected)
                assert score.interval[0] < score.value < score.interval[1]
            else:
                assert np.isnan(score.value)


def test_a_perfect_tagger_and_chance(tagger, tmp_path):
    """Where the collection's tags are what the network ranks highest, it scores 1 and random numbers do not."""
    pixels = make(tmp_path / "untagged", lambda i: {"general": []}).pixels
    logits = tagger.logits(pixels)
    high = logits > np.median(logits, axis=0)

    def own(i):
        general = [TAGS[t].replace("_", " ").lower() for t in range(3) if high[i, t]]
        return {"general": general, "character": [TAGS[t] for t in (4, 5) if high[i, t]]}

    found = evaluate_weights(tagger, make(tmp_path / "set", own), split=None, resamples=50, progress=False)
    for category in ("general", "character"):
        assert found.scores["tagger"][category].value == pytest.approx(1)
        assert found.scores["random"][category].value < 0.8
        assert found.scores["random"][category].interval[1] < 0.9


def test_nothing_to_score(tagger, tmp_path):
    collection = make(tmp_path / "set", lambda i: {"general": ["unknown"], "rating": "other"})
    with pytest.raises(ValueError, match="40 illustrations of test.* vocabulary"):
        evaluate_weights(tagger, collection, progress=False)
    with pytest.raises(ValueError, match="val split .*empty"):
        evaluate_weights(tagger, make(tmp_path / "b", spelled), split="val", progress=False)


def test_thresholds_are_those_of_the_split(tagger, tmp_path):
    """By hand: which has what, by name, and the tagger's own probabilities of these pictures alone."""
    collection = make(tmp_path / "set", lambda i: spelled(i) | {"split": "val" if i % 3 else "train"})
    rows = collection.split("val")
    assert len(rows) == 40
    counts = fit_thresholds(tagger, collection, progress=False)
    assert counts == {
        "general": {"vocabulary": 3, "fitted": 2},
        "copyright": {"vocabulary": 1, "fitted": 0},
        "character": {"vocabulary": 2, "fitted": 0},  # rin is on training pictures only
        "rating": {"vocabulary": 3, "fitted": 3},
    }
    probabilities = np.array(list(tagger.iterate((collection.pixels[row] for row in rows), "probabilities")))
    targets, _ = match_tags(collection, VOCABULARY, rows)
    expected = best_thresholds(targets, probabilities)
    assert_allclose(tagger.thresholds, expected, atol=1e-6)
    assert (tagger.thresholds[2:6] == UNKNOWN).all()
    fit_thresholds(tagger, collection, split=None, progress=False)
    assert (tagger.thresholds[4] != UNKNOWN).all()
    assert np.abs(tagger.thresholds[:2] - expected[:2]).max() > 1e-6
    with pytest.raises(ValueError, match="test split .*empty"):
        fit_thresholds(tagger, collection, split="test", progress=False)
