import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.show import captions, figures, numbers, paper, saving, style, tables
from i2v_lib.show.thumbnails import choose_rows
from i2v_lib.show.typeset import typeset

CONFIG = load_config("smoke")
SOURCES = {
    "notebook": "03_tag_prediction.ipynb",
    "collection": "drawn demo set",
    "illustrations": {"train": 400, "val": 100, "test": 100},
}
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


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def overlapping(fig):
    """Pairs of texts whose boxes overlap, and texts that leave the figure."""
    renderer = fig.canvas.get_renderer()
    drawn = [text for ax in fig.axes for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in drawn]
    width, height = fig.canvas.get_width_height()
    outside = [
        text.get_text()
        for text, box in zip(drawn, boxes, strict=True)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    pairs = [
        (drawn[i].get_text(), drawn[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 2
    ]
    return outside + pairs


def contrast_on_white(color):
    """Contrast ratio of WCAG 2, 1 to 21."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_colors_can_be_told_from_white():
    used = {*style.MODEL_COLORS.values(), *style.CATEGORY_COLORS.values(), *style.ANSWER_COLORS.values()}
    assert min(map(contrast_on_white, used)) > 3
    assert contrast_on_white("#F0E442") < 1.5  # the yellow of the same set could not


def test_paper_numbers_are_the_printed_ones():
    assert [len(paper.TABLE3), sum(paper.VOCABULARY.values())] == [30, 1539]
    assert list(paper.TABLE3.values()) == sorted(paper.TABLE3.values(), reverse=True)
    assert paper.TABLE2["vgg_nin"] == {"general": 32.2, "copyright": 27.8, "character": 57.4, "rating": 85.9}


def test_table1_counts_what_the_modules_hold():
    rows = numbers.table1_rows(CONFIG, 53)
    sums = {(row["network"], row["name"]): row["parameters"] for row in rows if not row["layer"]}
    assert sums["vgg_a", "sum at the paper's size"] == 135_071_619
    assert sums["vgg_nin", "sum at the paper's size"] == 37_563_267
    layers = [row for row in rows if row["network"] == "vgg_nin" and row["layer"]]
    assert sum(row["parameters"] for row in layers) == sums["vgg_nin", "sum"]
    fig = tables.table1_networks(rows)
    assert {"FC-53", "conv3-53", "37,563,267"} <= set(texts(fig))
    assert not overlapping(fig)


def test_table2_marks_the_best_and_leaves_gaps(scores):
    table2 = numbers.table2_numbers(scores)
    assert table2["vgg_a"]["copyright"] == {"map": None, "low": None, "high": None, "tags": 0}
    assert table2["vgg_a"]["general"]["tags"] == 3  # "never" is left out
    fig = tables.table2_map(table2, "surrogate", "80 drawn illustrations")
    assert "Pre-trained net (surrogate)" in texts(fig)
    assert "Pre-trained net" in texts(tables.table2_map(table2, "ImageNet", "80 illustrations"))
    assert "57.4" in texts(fig)
    bold = {text.get_text() for text in fig.axes[0].texts if text.get_weight() == "bold"}
    best = {f"{table2['vgg_nin'][c]['map']:.1f}" for c in ("general", "character", "rating")}
    assert bold == best
    assert not overlapping(fig)


def test_table2_rows_carry_the_paper(scores):
    rows = numbers.table2_rows(numbers.table2_numbers(scores))
    assert len(rows) == 24
    assert {(r["system"], r["category"]): r["paper"] for r in rows}["vgg_a", "character"] == 22.0
    assert all(row["paper"] is None for row in rows if row["system"] == "random")


def test_table3_is_sorted_and_skips_tags_without_positives(test_set):
    targets, _ = test_set
    ap = np.array([0.5, 0.9, 0.7, np.nan, 1, 1, 1, 1])
    rows = numbers.table3_rows(ap, targets, VOCABULARY)
    assert [row["tag"] for row in rows] == ["hat", "$x_1$", "1girl"]
    assert rows[0] == {"tag": "hat", "ap": 90.0, "positives": int(targets[:, 1].sum()), "paper": 76.4}
    assert rows[1]["paper"] is None
    fig = tables.table3_ap(rows)
    assert "$x_1$" in texts(fig)  # set as it is, not as a formula
    assert not overlapping(fig)


def test_table3_holds_thirty_long_tags():
    rows = [{"tag": "an endless tag " * 4, "ap": 99.9, "positives": 3999, "paper": 96.3}] * 30
    assert not overlapping(tables.table3_ap(rows))


def test_tables_without_rows_can_be_drawn():
    assert not overlapping(tables.table3_ap([]))


def test_too_wide_a_table_is_an_error():
    with pytest.raises(ValueError, match=r"width is 3.3 in"):
        typeset(["a", "b"], [["x" * 40, "y" * 40]], width=3.3)


def test_overlap_is_seen():
    fig = plt.figure()
    ax = fig.add_axes((0, 0, 1, 1))
    ax.text(0.5, 0.5, "one")
    assert not overlapping(fig)
    ax.text(0.5, 0.5, "two")
    ax.text(0.99, 0.5, "leaves")
    assert len(overlapping(fig)) == 2


def test_fig2_shows_the_highest_scores_and_marks_them():
    logits = np.array([[0.0, 2, -1, 1, 9, 9, 9, 9]])
    targets = np.array([[0, 1, 0, 0, 1, 1, 1, 1]])
    rows = numbers.fig2_rows(["drawn-1"], logits, targets, VOCABULARY, count=3)
    assert [(row["tag"], row["right"]) for row in rows] == [("hat", True), ("never", False), ("1girl", False)]
    assert rows[2]["confidence"] == 50
    fig = figures.fig2_tags(rows, np.zeros((1, 8, 8, 3), np.uint8))
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
    assert not overlapping(figures.fig2_tags(rows, np.zeros((6, 72, 72, 3), np.uint8)))


def test_contact_sheet_has_cells_of_224_pixels():
    fig = figures.fig_collection(np.zeros((7, 8, 8, 3), np.uint8), [f"drawn-{i:06d}" for i in range(7)])
    assert len(fig.axes) == 7
    inner = fig.axes[0].get_position().width * fig.get_figwidth() * 200
    assert inner + 4 == pytest.approx(224)
    assert not overlapping(fig)


def test_curves_say_where_nothing_was_scored():
    history = [{"epoch": e, "loss": 9.0 - e, "map": {"general": 0.1 * e, "copyright": np.nan}} for e in (1, 2)]
    fig = figures.learning_curves({"vgg_a": history, "vgg_nin": history})
    assert texts(fig) == ["no tags"] * 3
    assert list(fig.axes[1].lines[0].get_ydata()) == [10, 20]
    assert [line.get_marker() for line in fig.axes[0].lines] == ["s", "o"]


def test_frequencies_are_ranked():
    fig = figures.tag_frequencies({"general": [3, 90, 20], "copyright": [], "rating": [70, 5, 1]})
    assert list(fig.axes[0].lines[0].get_ydata()) == [90, 20, 3]


def test_chosen_rows_are_seeded_and_never_too_many():
    candidates = np.arange(100, 200)
    chosen = choose_rows(candidates, 6, seed=0)
    np.testing.assert_array_equal(chosen, choose_rows(candidates, 6, seed=0))
    assert (chosen != choose_rows(candidates, 6, seed=1)).any()
    assert set(chosen) <= set(candidates)
    assert len(choose_rows(candidates[:4], 6, seed=0)) == 4


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
    best = numbers.best_of_each_setting(records)
    assert [(r["network"], r["dropout"]) for r in best][:2] == [("vgg_a", 0.0), ("vgg_a", 0.5)]
    assert {r["learning_rate"] for r in best} == {0.003}
    assert len(numbers.best_of_each_setting([*records, records[0] | {"epochs": 9}])) == 5
    assert not overlapping(tables.table2_ablation(records))
    assert "Dropout 0.5 moves VGG model A by −1.7 points" in captions.caption_ablation(records)
    assert numbers.recipe_rows(records)[0]["general"] == pytest.approx(35.1)


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        fig = figures.fig_collection(np.full((2, 8, 8, 3), 90, np.uint8), ["a", "b"])
        rows = [{"tag": "hat", "ap": 0.123456}, {"tag": "solo", "ap": float("nan")}]
        saving.save_table(fig, "table_x", tmp_path / folder, rows, CONFIG, SOURCES, "Claim. How.")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["table_x.csv", "table_x.json", "table_x.pdf", "table_x.png"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert b"/Type3" not in (tmp_path / "one" / "table_x.pdf").read_bytes()
    record = json.loads((tmp_path / "one" / "table_x.json").read_text())
    assert record["numbers"] == [{"tag": "hat", "ap": 0.1235}, {"tag": "solo", "ap": None}]
    assert (record["caption"], record["preset"], record["seed"]) == ("Claim. How.", "smoke", 0)
    assert (tmp_path / "one" / "table_x.csv").read_text() == "tag,ap\nhat,0.1235\nsolo,\n"


def test_metrics_merge_and_make_way_for_another_run(tmp_path):
    saving.save_metrics(tmp_path, CONFIG, table3=[1])
    saving.save_metrics(tmp_path, CONFIG, seconds={"draw": np.float32(1.5)})
    first = {"preset": "smoke", "seed": 0, "overrides": {}, "table3": [1], "seconds": {"draw": 1.5}}
    assert saving.read_metrics(tmp_path) == first
    saving.save_metrics(tmp_path, load_config("smoke", seed=1), table3=[2])
    second = {"preset": "smoke", "seed": 1, "overrides": {"seed": 1}, "table3": [2]}
    assert saving.read_metrics(tmp_path) == second
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_settings_hide_where_a_collection_lies():
    config = load_config("smoke", collection="/home/somebody/pictures/mine", epochs=3)
    assert saving.settings(config)["overrides"] == {"collection": "mine", "epochs": 3}


def test_machine_names_no_host():
    import platform

    facts = saving.machine()
    assert facts["cores"] > 0
    assert platform.node() not in json.dumps(facts).split('"')
