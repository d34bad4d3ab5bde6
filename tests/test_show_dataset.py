"""The dataset report: numbers that add up, and co-occurrences counted by hand."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.collection import SCHEMA, finish_collection, partial_folder
from i2v_lib.data.vocabulary import Vocabulary, build_vocabulary, targets
from i2v_lib.show import dataset, paper
from i2v_lib.show.typeset import plt
from tests.figure_checks import overlapping
from tests.growing_collection import create_pixels

GENERAL = [["hat", "solo"], ["hat", "solo", "comic"], ["solo"], ["hat"], ["sky"], ["solo"]]


@pytest.fixture
def collection(tmp_path):
    folder, n = tmp_path / "set", len(GENERAL)
    create_pixels(folder, n, 4)
    accounting = {"seen": 20, "used": n, "skipped": {"rating": 4, "too_small": 10}}
    (partial_folder(folder) / "accounting.json").write_text(json.dumps(accounting))
    posts = {name: [""] * n for name in ("md5", "source_url", "artist")} | {
        "id": [str(i) for i in range(n)],
        "rating": ["safe", "safe", "safe", "safe", "explicit", "safe"],
        "width": [4] * n,
        "height": [4] * n,
        "general": GENERAL,
        "copyright": [[]] * n,
        "character": [[]] * n,
        "group": ["a", "a", "a", "b", "c", "d"],
        "split": ["train"] * 4 + ["test"] * 2,
    }
    return finish_collection(folder, pa.table(posts).select(SCHEMA.names).cast(SCHEMA), "warp", "by hand")


def vocabulary_of(collection):
    return build_vocabulary(collection, load_config("smoke", minimum_positives=1))


def test_every_post_is_an_illustration_or_has_its_reason(collection):
    rows = dataset.dataset_rows(collection, vocabulary_of(collection))
    number = {row["what"]: row["here"] for row in rows}
    assert number["posts or files seen"] == 20 == number["illustrations"] + 4 + 10
    assert [row["what"] for row in rows[:3]] == [
        "posts or files seen",
        "left out: too small",
        "left out: rating",
    ]  # fmt: skip  the most frequent reason first
    assert number["safe dataset (§4.2)"] == 1
    assert number["near-duplicates of another"] == 2
    assert number["largest group of near-duplicates"] == 3
    assert number["of Table 3's tags in the vocabulary"] == 3
    assert {row["what"]: row["paper"] for row in rows}["illustrations"] == paper.ILLUSTRATIONS


def test_without_accounts_what_is_there_was_seen(collection):
    (collection.folder / "accounting.json").unlink()
    rows = dataset.dataset_rows(collection, vocabulary_of(collection))
    assert [row["here"] for row in rows[:2]] == [6, 6]


def test_missing_tags_of_table_3_are_named(collection, worded):
    missing = dataset.missing_table3(vocabulary_of(collection))
    assert len(missing) == 27
    assert "hat" not in missing
    assert "glasses" in missing
    rows = dataset.dataset_rows(collection, vocabulary_of(collection))
    text = dataset.caption_dataset(rows, missing)
    assert re.search(r"\b6 of 20 .*\b3 of Table 3's 30 tags", text)
    worded(text)


def test_shares_by_hand(collection):
    vocabulary = vocabulary_of(collection)
    train = targets(collection, vocabulary)[collection.split("train")]
    rows = {(row["tag"], row["other"]): row for row in dataset.cooccurrence_rows(train, vocabulary)}
    assert len(rows) == 3 * 2  # "sky" is in no training illustration
    assert rows["hat", "solo"]["share"] == pytest.approx(100 * 2 / 3, abs=1e-3)
    assert rows["hat", "solo"]["chance"] == 75
    assert rows["comic", "hat"]["share"] == 100
    assert rows["hat", "comic"]["share"] == pytest.approx(100 / 3, abs=1e-3)


def test_like_tags_stand_together():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 400)) < 0.5
    near = [first, second, first ^ (rng.random(400) < 0.1), second ^ (rng.random(400) < 0.1)]
    tags = ("first", "second", "like first", "like second")
    vocabulary = Vocabulary(tags, ("general",) * 4, {})
    rows = dataset.cooccurrence_rows(np.stack(near, axis=1).astype(np.uint8), vocabulary)
    order = list(dict.fromkeys(row["tag"] for row in rows))
    assert abs(order.index("first") - order.index("like first")) == 1
    assert abs(order.index("second") - order.index("like second")) == 1
    assert "first* also carry" in dataset.caption_cooccurrence(rows)


@pytest.mark.parametrize("tags", [0, 1, 2, 5])
def test_figures_are_drawn_for_any_number_of_tags(collection, tags):
    vocabulary = Vocabulary(tuple(f"$x_{i}$" for i in range(tags)), ("general",) * tags, {})
    positives = np.random.default_rng(0).integers(0, 2, (50, tags)).astype(np.uint8)
    rows = dataset.cooccurrence_rows(positives, vocabulary)
    assert len(rows) == tags * max(tags - 1, 0)
    dataset.draw_cooccurrence(rows).canvas.draw()
    assert bool(rows) == ("of all illustrations" in dataset.caption_cooccurrence(rows))
    dataset.draw_dataset(dataset.dataset_rows(collection, vocabulary_of(collection))).canvas.draw()
    plt.close("all")


def test_contact_sheet_has_cells_of_224_pixels():
    fig = dataset.draw_sheet(np.zeros((7, 8, 8, 3), np.uint8), [f"drawn-{i:06d}" for i in range(7)])
    assert len(fig.axes) == 7
    inner = fig.axes[0].get_position().width * fig.get_figwidth() * 200
    assert inner + 4 == pytest.approx(224)
    assert not overlapping(fig)


def test_frequencies_are_ranked():
    fig = dataset.draw_frequencies({"general": [3, 90, 20], "copyright": [], "rating": [70, 5, 1]})
    assert list(fig.axes[0].lines[0].get_ydata()) == [90, 20, 3]
