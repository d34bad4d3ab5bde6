"""Vocabulary and targets against a collection counted by hand."""

import numpy as np
import pyarrow as pa
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.collection import SCHEMA, Collection
from i2v_lib.data.vocabulary import Vocabulary, build_vocabulary, targets

# split, general, copyright, character, rating
POSTS = [
    ("train", ["smile", "hat"], ["saga"], ["mint"], "safe"),
    ("train", ["smile", "bow", "hat"], ["saga"], [], "safe"),
    ("train", ["bow", "smile", "smile"], [], ["saga"], "questionable"),
    ("train", ["rare"], [], ["mint"], "safe"),
    ("test", ["unseen", "rare", "bow"], ["other"], ["saga"], "explicit"),
]


def collection(tmp_path, posts=POSTS):
    rows = [
        dict(
            dict.fromkeys(SCHEMA.names, ""), id=str(i), width=1, height=1,
            split=split, general=general, copyright=copyright, character=character, rating=rating,
        )
        for i, (split, general, copyright, character, rating) in enumerate(posts)
    ]  # fmt: skip
    return Collection(tmp_path, pa.Table.from_pylist(rows, schema=SCHEMA), np.zeros((len(rows), 1, 1, 3)), {})


def test_top_tags_by_hand(tmp_path):
    vocabulary = build_vocabulary(collection(tmp_path), load_config("paper", general_tags=3, minimum_positives=2))
    # smile 3 (the repeated one counts once), bow 2 and hat 2 by name, rare 1; character saga has one positive
    assert vocabulary.tags == ("smile", "bow", "hat", "saga", "mint", "safe", "questionable", "explicit")
    assert vocabulary.categories == ("general",) * 3 + ("copyright", "character") + ("rating",) * 3
    assert vocabulary.report == {
        "general": {"asked": 3, "found": 4, "survived": 3, "rarest": 2},
        "copyright": {"asked": 512, "found": 1, "survived": 1, "rarest": 2},
        "character": {"asked": 512, "found": 2, "survived": 1, "rarest": 2},
        "rating": {"asked": 3, "found": 2, "survived": 3, "rarest": 0},
    }


def test_ties_go_by_name_at_the_cut(tmp_path):
    vocabulary = build_vocabulary(collection(tmp_path), load_config("paper", general_tags=2, minimum_positives=1))
    assert vocabulary.tags[vocabulary.blocks["general"]] == ("smile", "bow")


def test_targets_equal_a_loop(tmp_path):
    posts = collection(tmp_path)
    vocabulary = build_vocabulary(posts, load_config("paper", minimum_positives=1))
    columns = list(zip(vocabulary.tags, vocabulary.categories, strict=True))
    expected = []
    for _, general, titles, characters, rating in POSTS:
        carried = {"general": general, "copyright": titles, "character": characters, "rating": [rating]}
        expected.append([int(tag in carried[category]) for tag, category in columns])
    found = targets(posts, vocabulary)
    assert found.dtype == np.uint8
    assert found.tolist() == expected
    assert (found[:, vocabulary.blocks["rating"]].sum(axis=1) == 1).all()


def test_targets_do_not_depend_on_the_table_s_chunks(tmp_path):
    whole = collection(tmp_path)
    pieces = pa.concat_tables([whole.posts.slice(0, 2), whole.posts.slice(2)])
    vocabulary = build_vocabulary(whole, load_config("paper", minimum_positives=1))
    chunked = Collection(tmp_path, pieces, whole.pixels, {})
    assert pieces.column("general").num_chunks == 2
    assert build_vocabulary(chunked, load_config("paper", minimum_positives=1)) == vocabulary
    assert (targets(chunked, vocabulary) == targets(whole, vocabulary)).all()


def test_one_name_in_two_categories(tmp_path):
    vocabulary = build_vocabulary(collection(tmp_path), load_config("paper", minimum_positives=1))
    for category in ("copyright", "character"):
        assert vocabulary.categories[vocabulary.index("saga", category)] == category
    with pytest.raises(ValueError, match="copyright, character"):
        vocabulary.index("saga")
    with pytest.raises(KeyError, match="unseen"):
        vocabulary.index("unseen")
    assert vocabulary.index("explicit") == len(vocabulary) - 1


def test_a_category_without_tags_is_an_empty_block(tmp_path):
    posts = collection(tmp_path, [("train", ["smile"], [], [], "safe"), ("val", [], ["saga"], [], "safe")])
    vocabulary = build_vocabulary(posts, load_config("paper", minimum_positives=1))
    assert vocabulary.blocks["copyright"] == vocabulary.blocks["character"] == slice(1, 1)
    assert vocabulary.report["copyright"] == {"asked": 512, "found": 0, "survived": 0, "rarest": None}
    assert targets(posts, vocabulary).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0]]


def test_json_round_trip_and_fingerprint(tmp_path):
    vocabulary = build_vocabulary(collection(tmp_path), load_config("paper", minimum_positives=1))
    again = Vocabulary.from_json(vocabulary.to_json())
    assert (again, again.report, again.fingerprint) == (vocabulary, vocabulary.report, vocabulary.fingerprint)
    fewer = build_vocabulary(collection(tmp_path), load_config("paper", minimum_positives=2))
    assert fewer.fingerprint != vocabulary.fingerprint


def test_wrong_vocabularies_are_refused(tmp_path):
    with pytest.raises(ValueError, match="order"):
        Vocabulary(("safe", "smile"), ("rating", "general"), {})
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(("smile", "smile"), ("general", "general"), {})
    with pytest.raises(ValueError, match="training split .*empty"):
        build_vocabulary(collection(tmp_path, [("test", ["smile"], [], [], "safe")]), load_config("smoke"))
