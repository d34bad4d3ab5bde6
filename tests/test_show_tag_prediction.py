"""Tables 2 and 3, Fig. 2 and the recorded search: what is marked, what is left out, and that nothing overlaps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.show import paper, tag_prediction
from tests.figure_checks import overlapping, texts

VOCABULARY = Vocabulary(
    ("1girl", "hat", "$x_1$", "never", "hero", "safe", "questionable", "explicit"),
    ("general",) * 4 + ("character",) + ("rating",) * 3,
    {},
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def test_set():
    """Targets of 80 illustrations, no copyright tag, no positive of "never"; logits of all systems."""
    generator = np.random.default_rng(0)
    targets = (generator.random((80, 8)) < 0.3).astype(np.uint8)
    targets[:, 3] = 0
    skill = {"pretrained": 1, "vgg_a": 2, "vgg_nin": 4, "vgg_nin_bn": 5, "random": 0, "untrained": 0}
    logits = {name: generator.normal(size=(80, 8)) + k * targets for name, k in skill.items()}
    return targets, logits


@pytest.fixture(scope="module")
def scores(test_set):
    targets, logits = test_set
    return score_systems(targets, logits, VOCABULARY.blocks, resamples=50)


def test_paper_numbers_are_the_printed_ones():
    assert [len(paper.TABLE3), sum(paper.VOCABULARY.values())] == [30, 1539]
    assert list(paper.TABLE3.values()) == sorted(paper.TABLE3.values(), reverse=True)
    assert paper.TABLE2["vgg_nin"] == {"general": 32.2, "copyright": 27.8, "character": 57.4, "rating": 85.9}


def test_table2_marks_the_best_and_leaves_gaps(scores):
    table2 = tag_prediction.table2_numbers(scores)
    assert table2["vgg_a"]["copyright"] == {"map": None, "low": None, "high": None, "tags": 0}
    assert table2["vgg_a"]["general"]["tags"] == 3  # "never" is left out
    fig = tag_prediction.draw_table2(table2, "surrogate", "80 drawn illustrations")
    assert "Pre-trained net (surrogate)" in texts(fig)
    assert "Pre-trained net" in texts(tag_prediction.draw_table2(table2, "ImageNet", "80 illustrations"))
    assert "57.4" in texts(fig)
    bold = {text.get_text() for text in fig.axes[0].texts if text.get_weight() == "bold"}
    best = {f"{table2['vgg_nin'][c]['map']:.1f}" for c in ("general", "character", "rating")}
    assert bold == best
    assert not overlapping(fig)


def test_table2_rows_carry_the_paper(scores):
    rows = tag_prediction.table2_rows(tag_prediction.table2_numbers(scores))
    assert len(rows) == 24
    assert {(r["system"], r["category"]): r["paper"] for r in rows}["vgg_a", "character"] == 22.0
    assert all(row["paper"] is None for row in rows if row["system"] == "random")


def test_table3_is_sorted_and_skips_tags_without_positives(test_set):
    targets, _ = test_set
    ap = np.array([0.5, 0.9, 0.7, np.nan, 1, 1, 1, 1])
    rows = tag_prediction.table3_rows(ap, targets, VOCABULARY)
    assert [row["tag"] for row in rows] == ["hat", "$x_1$", "1girl"]
    assert rows[0] == {"tag": "hat", "ap": 90.0, "positives": int(targets[:, 1].sum()), "paper": 76.4}
    assert rows[1]["paper"] is None
    fig = tag_prediction.draw_table3(rows)
    assert "$x_1$" in texts(fig)  # set as it is, not as a formula
    assert not overlapping(fig)


def test_table3_holds_thirty_long_tags():
    rows = [{"tag": "an endless tag " * 4, "ap": 99.9, "positives": 3999, "paper": 96.3}] * 30
    assert not overlapping(tag_prediction.draw_table3(rows))


def test_tables_without_rows_can_be_drawn():
    assert not overlapping(tag_prediction.draw_table3([]))


def test_fig2_shows_the_highest_scores_and_marks_them():
    logits = np.array([[0.0, 2, -1, 1, 9, 9, 9, 9]])
    targets = np.array([[0, 1, 0, 0, 1, 1, 1, 1]])
    rows = tag_prediction.fig2_rows(["drawn-1"], logits, targets, VOCABULARY, count=3)
    assert [(row["tag"], row["right"]) for row in rows] == [("hat", True), ("never", False), ("1girl", False)]
    assert rows[2]["confidence"] == 50
    fig = tag_prediction.draw_tags(rows, np.zeros((1, 8, 8, 3), np.uint8))
    assert {"✓ hat", "✗ never", "✗ 1girl", "drawn-1"} <= set(texts(fig))
    bars = [bar for bar in fig.axes[1].patches if bar.get_facecolor()[0] != 0.9]
    assert [bar.get_hatch() is None for bar in bars] == [True, False, False]  # the second cue
    assert [round(bar.get_width()) for bar in bars] == [88, 73, 50]


def test_fig2_holds_six_pictures_of_long_tags():
    rows = [
        {
            "id": f"an-identity-far-too-long-{i}",
            "tag": "simple background of many",
            "confidence": 99.9,
            "right": k > 2,
        }
        for i in range(6)
        for k in range(5)
    ]
    assert not overlapping(tag_prediction.draw_tags(rows, np.zeros((6, 72, 72, 3), np.uint8)))


def test_ablation_shows_the_best_rate_of_each_dropout():
    records = [
        {
            "network": network,
            "dropout": dropout,
            "learning_rate": rate,
            "batch_size": 64,
            "epochs": 3,
            "pictures": 20000,
            "map": {"general": 0.4 - dropout / 10 + rate, "copyright": None, "character": 0.2, "rating": 0.5},
            "seconds": 90.0,
        }
        for network in ("vgg_nin", "vgg_a")
        for dropout in (0.5, 0.0)
        for rate in (0.001, 0.003)
    ]
    best = tag_prediction.best_of_each_setting(records)
    assert [(r["network"], r["dropout"]) for r in best][:2] == [("vgg_a", 0.0), ("vgg_a", 0.5)]
    assert {r["learning_rate"] for r in best} == {0.003}
    assert len(tag_prediction.best_of_each_setting([*records, records[0] | {"epochs": 9}])) == 5
    assert not overlapping(tag_prediction.draw_ablation(records))
    assert "Dropout 0.5 moves VGG model A by −1.7 points" in tag_prediction.caption_ablation(records)
    assert tag_prediction.recipe_rows(records)[0]["general"] == pytest.approx(35.1)
