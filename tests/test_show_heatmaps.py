"""Heat maps and the pointing game in print: what is painted, what is counted, and captions that follow the numbers."""

import dataclasses
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.vocabulary import Vocabulary, targets
from i2v_lib.drawn import draw_collection, left_out
from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.evaluation.pointing import ALL, CENTER, FINEST, GRADIENT, OTHERS, RANDOM, RECOGNIZED, TRAINED
from i2v_lib.show import heatmaps

CONFIG = load_config("smoke", pictures=24, test_share=0.6)
TAGS = ("solo", "hat", "smile", "1girl", "weapon")
VOCABULARY = Vocabulary((*TAGS, "hat"), (*["general"] * 5, "character"), {})
CONTROLS = (
    CENTER,
    f"another's {FINEST}",
    f"untrained × {left_out.FACTOR}",
    f"another's {GRADIENT}",
    "untrained gradient",
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(CONFIG, tmp_path_factory.mktemp("drawn") / "set", processes=1, progress=False)


def texts(fig):
    return [text.get_text() for text in fig.texts] + [text.get_text() for ax in fig.axes for text in ax.texts]


def test_shown_pictures_are_what_the_networks_see(collection):
    rows = heatmaps.choose_illustrations(collection, 0)
    assert len(rows) == 8
    assert set(rows) <= set(collection.split("test"))
    assert not np.array_equal(rows, heatmaps.choose_illustrations(collection, 1))
    large = heatmaps.seen_pictures(CONFIG, collection, rows)
    assert large.shape == (8, 128, 128, 3)
    small = large.reshape(8, 32, 4, 32, 4, 3).mean((2, 4))
    seen = collection.pixels[rows][:, 4:36, 4:36]
    assert abs(small - seen).mean() < 10
    assert abs(small[:, 2:] - seen[:, :-2]).mean() > 15  # not of another place
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))
    assert np.array_equal(heatmaps.seen_pictures(elsewhere, collection, rows), seen)


def test_only_safe_ones_of_other_sets_are_chosen(collection):
    imported = dataclasses.replace(collection, info=collection.info | {"resize": "warp"})
    ratings = np.array(collection.column("rating"))
    chosen = heatmaps.choose_illustrations(imported, 0)
    assert (ratings[chosen] == "safe").all()
    assert len(chosen) == min(8, (ratings[collection.split("test")] == "safe").sum())


def test_rows_are_the_top_general_tags_with_their_columns(collection):
    logits = np.array([[0.0, 3, -1, 2, 1, 9], [5, 0, 0, 0, 4, 9]])
    truth = targets(collection, VOCABULARY)[:2]
    rows = heatmaps.heatmap_rows(["a", "b"], logits, truth, VOCABULARY)
    assert [row["tag"] for row in rows] == ["hat", "1girl", "weapon", "solo", "weapon", "hat"]  # not the character
    assert heatmaps.tag_columns(rows).tolist() == [[1, 3, 4], [0, 4, 1]]
    assert rows[0]["confidence"] == pytest.approx(100 / (1 + np.exp(-3)), abs=1e-3)
    assert [row["right"] for row in rows[:3]] == truth[0, [1, 3, 4]].astype(bool).tolist()


def test_heat_colors_its_place_and_leaves_the_rest_grey():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    heat = np.zeros((4, 4))
    heat[1, 2] = 1
    shown = heatmaps.overlay(image, heat).astype(int)
    spread = np.ptp(shown, axis=2)
    assert spread[:, :16].max() == spread[48:].max() == 0  # cold: grey
    hot = shown[22:26, 38:42].reshape(-1, 3)  # around the middle of row 1, column 2
    assert (hot[:, :2].mean(0) > hot[:, 2].mean() + 60).all()  # yellow
    assert np.array_equal(heatmaps.overlay(image, 5 * heat - 90), shown)  # units do not matter
    assert np.ptp(heatmaps.overlay(image, np.ones((1, 1))), axis=2).max() == 0  # a single cell says nothing


def test_a_thing_is_outlined_and_a_point_dotted():
    image, thing = np.full((128, 128, 3), 90, np.uint8), np.zeros((128, 128), bool)
    thing[40:60, 70:90] = True
    shown = heatmaps.outlined(image, thing)
    assert (shown[thing] == 90).all()
    assert (shown[39, 75] == 255).all()
    assert (shown[38, 75] == 0).all()
    assert (shown[37, 75] == 90).all()
    dotted = heatmaps.dotted(image, np.array([0.75, 0.25]))
    assert dotted[32, 96].tolist() == [213, 94, 0]
    assert (dotted[96, 32] == 90).all()  # x and y are not swapped


def test_the_figure_names_tags_signs_and_confidence(worded):
    rows = [
        {"id": name, "tag": tag, "confidence": 87.4, "right": right, "column": 0}
        for name in ("one", "two", "three")
        for tag, right in (("hat", True), ("solo", False), ("smile", True))
    ]
    images, maps = np.zeros((3, 32, 32, 3), np.uint8), np.random.default_rng(0).random((3, 3, 4, 4), np.float32)
    fig = heatmaps.draw_heatmaps(rows, images, maps)
    assert len(fig.axes) == 12
    shown = texts(fig)
    assert {"one", "two", "three", "✓ hat", "✗ solo", "87 %"} <= set(shown)
    caption = heatmaps.caption_heatmaps(rows, "the last map at 256 px", 8)
    for fact in ("3 test illustrations", "6 of 9 tags", "last map at 256 px", "8 × 8 cells"):
        assert fact in caption
    worded(caption)
    assert "no illustration" in "".join(texts(heatmaps.draw_heatmaps([], images[:0], maps[:0])))


def test_examples_show_the_thing_and_where_each_system_points():
    thing = np.zeros((1, 64, 64), bool)
    thing[0, 8:16, 40:48] = True
    there, away = np.zeros((1, 8, 8)), np.zeros((1, 8, 8))
    there[0, 1, 5], away[0, 6, 1] = 1, 1
    examples = left_out.ObjectMasks(
        np.array([7]), ["drawn-0-7"], np.array([1]), ["hat"], ["head"], ["g"],
        np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 64, 64, 3), np.uint8), thing,
    )  # fmt: skip
    maps = {FINEST: away, GRADIENT: there, "vgg_a gradient": away}
    chosen = heatmaps.choose_examples(examples, 0)
    assert chosen.tolist() == [0]
    shown = texts(heatmaps.draw_pointing(examples, maps, chosen))
    assert {"hat", "drawn-0-7", "✗ NIN last map", "✓ NIN gradient", "✗ A gradient"} <= set(shown)
    assert "no illustration" in "".join(texts(heatmaps.draw_pointing(examples, maps, chosen[:0])))


def pointed(system, value, among=ALL, spread=0.02, examples=500):
    """A share with an interval of two spreads to each side."""
    noise = np.random.default_rng(len(system)).permutation(np.linspace(-2, 2, 401)) * spread / 0.95
    return {(system, among): Measured(value, value + noise, SHARE, examples)}


def measured(last=0.2, gradient=0.4, rivals=0.2):
    systems = {TRAINED: 0.2, FINEST: last, GRADIENT: gradient, "vgg_a gradient": 0.35, RANDOM: 0.1}
    systems |= dict.fromkeys(CONTROLS, rivals)
    return {key: found for system, value in systems.items() for key, found in pointed(system, value).items()}


def test_rows_and_table_hold_the_numbers():
    found = measured() | pointed(GRADIENT, 0.5, RECOGNIZED, examples=95) | pointed(CENTER, 0.25, "head", examples=60)
    rows = heatmaps.pointing_rows(found)
    assert rows[2] == pytest.approx(
        {"system": GRADIENT, "among": ALL, "hits": 40, "low": 36, "high": 44, "examples": 500}
    )
    fig = heatmaps.draw_pointing_table(rows, 64)
    shown = texts(fig)
    names = ["VGG + NIN, last map, 64 px (2 × 2)", "VGG + NIN, last map, 256 px (8 × 8)", "VGG + NIN, gradient, 64 px"]
    names += ["VGG model A, gradient, 64 px", "Untrained, gradient, 64 px", "The picture's center", "Anywhere (chance)"]
    assert set(names) <= set(shown)
    assert "VGG + NIN, last map, 128 px (4 × 4)" not in shown  # not measured
    assert {"500", "95", "60", "40", "36–44", "50", "25", "–"} <= set(shown)
    assert shown.index(names[1]) < shown.index(names[2]) < shown.index(names[5])
    assert len(heatmaps.system_names(64)) == 6 + 2 + len(OTHERS) + 2


@pytest.mark.parametrize(
    ("last", "gradient", "verdicts"),
    [(0.2, 0.4, ["undecided", "held"]), (0.4, 0.1, ["held", "did not hold"])],
)
def test_verdicts_follow_the_intervals(last, gradient, verdicts):
    claims = heatmaps.pointing_claims(measured(last, gradient))
    assert [claim.verdict for claim in claims] == verdicts
    assert re.match(rf"{100 * last:.1f} % .*center", claims[0].measured)


def test_a_claim_may_hold_in_part():
    found = measured(last=0.2) | pointed(CENTER, 0.1)
    assert heatmaps.pointing_claims(found)[0].verdict == "partly held"


def test_the_caption_tells_the_game_and_both_comparisons(worded):
    caption = heatmaps.caption_pointing(measured(), 64)
    assert re.search(r"held \(40\.0 % .*center \+20\.0 \[", caption)
    assert re.search(r"VGG model A, gradient, 64 px: .*last map −15\.0 \[.*gradient \+5\.0 \[", caption)
    assert re.search(r"\b6\.7 % .*\b500 examples", caption)
    worded(caption)


def test_without_truth_nothing_is_claimed():
    assert heatmaps.caption_pointing({}, 64).startswith("Not measured")
    assert [claim.verdict for claim in heatmaps.pointing_claims({})] == ["undecided", "undecided"]
    assert "–" in texts(heatmaps.draw_pointing_table([], 64))
