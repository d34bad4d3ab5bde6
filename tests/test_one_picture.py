"""One picture as the networks see it, and the panel around it."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.data.images import BadImageError
from i2v_lib.data.safe_tags import is_harmless
from i2v_lib.explorers.one_picture import FEWEST, MOST, Looker, draw_look
from i2v_lib.explorers.panel import PicturePanel
from i2v_lib.models.prediction import predict
from i2v_lib.run import Run

CATEGORIES = ("general", "copyright", "character", "rating")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of few pictures, trained for one epoch: its tags are poor, but they differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2V_HOME", str(tmp_path_factory.mktemp("home")))
        run = Run(load_config("smoke", pictures=240, epochs=1, minimum_positives=4, test_share=0.3))
        run.network("hash")
        yield run


@pytest.fixture
def looker(run):
    return Looker(run, near=True)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def test_only_what_is_rated_safe_is_looked_at(run, looker):
    ratings = run.collection().column("rating")
    rated = [ratings[row] for row in run.safe_dataset()]
    assert len(looker) == len(rated) > 3
    assert set(rated) == {"safe"} < set(ratings)


def test_confidence_is_that_of_the_tables(run, looker):
    rows = run.collection().split("test").tolist()
    logits = run.logits("vgg_nin")
    for node in (0, len(looker) - 1):
        look = looker.look(node)
        expected = torch.sigmoid(torch.from_numpy(logits[rows.index(run.safe_dataset()[node])]))
        np.testing.assert_allclose(look.confidence, expected, atol=1e-5)
        np.testing.assert_array_equal(look.carried, run.targets()[run.safe_dataset()[node]])
    with pytest.raises(ValueError, match="illustrations"):
        looker.look(len(looker))


def test_tags_are_said_above_their_threshold_and_the_likeliest_are_shown(run, looker):
    look, vocabulary = looker.look(0), run.vocabulary()
    for value in (0.0, 0.2, 1.0):
        rows = looker.tags(look, looker.least("constant", {"general": value}))
        for category in CATEGORIES:
            block, own = vocabulary.blocks[category], [row for row in rows if row["category"] == category]
            least = value if category == "general" else 0.25
            above = int((look.confidence[block] > least).sum())
            expected = np.sort(look.confidence[block])[::-1][: min(max(above, FEWEST), MOST)]
            if category == "rating":
                assert [row["said"] for row in own] == [True, False, False]
                above, expected = 1, np.sort(look.confidence[block])[::-1]
            np.testing.assert_allclose([row["confidence"] for row in own], expected)
            assert sum(row["said"] for row in own) == min(above, MOST)
            for row in own:
                assert vocabulary.tags[row["column"]] == row["tag"]
                assert row["carried"] == bool(look.carried[row["column"]])


def test_rules_take_the_thresholds_of_the_validation_split(run, looker):
    rows = run.collection().split("val")
    scores = 1 / (1 + np.exp(-predict(run.network("vgg_nin"), run.collection().pixels, rows, run.config.image_size)))
    least = {rule: looker.least(rule) for rule in ("f0.5", "f1", "f2")}
    for column in range(len(run.vocabulary())):
        truth = run.targets()[rows, column]
        if not truth.any():
            continue

        def f1(threshold, truth=truth, column=column):
            said = scores[:, column] > threshold
            return 2 * (said & (truth == 1)).sum() / max(said.sum() + truth.sum(), 1)

        assert f1(least["f1"][column]) >= max(map(f1, np.linspace(0, 1, 50))) - 1e-9
    assert least["f0.5"].mean() > least["f2"].mean()  # who weighs precision more says less
    with pytest.raises(ValueError, match="use one of constant, f0.5"):
        looker.least("f3")
    looker.thresholds = None
    with pytest.raises(ValueError, match="there are none"):
        looker.least("f1")


def test_terms_that_are_not_harmless_stay_hidden(run, monkeypatch):
    looker = Looker(run)
    look, words = looker.look(0), run.vocabulary()
    column = words.blocks["general"].start
    shown = [row["column"] for row in looker.tags(look, np.zeros(len(words)))]
    assert column in shown
    tags = ("nude", *words.tags[1:])
    assert not is_harmless("nude")
    monkeypatch.setattr(run, "vocabulary", lambda: dataclasses.replace(words, tags=tags))
    hidden = [row["column"] for row in looker.tags(look, np.zeros(len(words)))]
    assert column not in hidden
    assert set(shown) - set(hidden) == {column}


def test_a_picture_of_ones_own_is_seen_as_the_same_illustration(run, looker):
    node = 2
    known = looker.look(node)
    own = looker.look_at(png(run.collection().pixels[run.safe_dataset()[node]]), "mine.png")
    assert (own.name, own.node, own.carried) == ("mine.png", None, None)
    np.testing.assert_allclose(own.confidence, known.confidence, atol=1e-5)
    assert abs(own.confidence - looker.look(0).confidence).max() > 1e-3
    near = looker.nearest(own, 4)
    assert (near[0]["distance"], known.name) == (0, looker.ids[near[0]["node"]])
    assert {row["carried"] for row in looker.tags(own, looker.least())} == {None}
    with pytest.raises(BadImageError):
        looker.look_at(b"no picture")


def test_neighbors_are_the_nearest_by_hamming_distance_without_the_picture_itself(run, looker):
    bits = np.unpackbits(run.codes(), axis=1).astype(int)
    for node in (0, 3):
        near = looker.nearest(looker.look(node), 5)
        distances = np.abs(bits - bits[node]).sum(1)
        order = [i for i in np.argsort(distances, kind="stable") if i != node][:5]
        assert [row["node"] for row in near] == order
        assert [row["distance"] for row in near] == distances[order].tolist()


def test_heat_colors_the_picture_and_other_tags_other_places(looker):
    look = looker.look(0)
    first, second = (looker.heat(look, column) for column in (0, 1))
    assert first.shape == look.image.shape
    assert first.dtype == np.uint8
    assert (first != second).any()


def test_figures_are_drawn_with_and_without_neighbors_or_a_picture(run, looker):
    heights = [draw_look(one, one.first()).get_size_inches()[1] for one in (Looker(run), looker)]
    assert heights[0] < heights[1]
    texts = [text.get_text() for text in draw_look(looker, None).texts]
    assert texts == ["no illustration to show"]


# the panel


def test_a_click_leads_on_and_back(looker):
    panel = PicturePanel(looker)
    assert (panel.look.node, panel.history, panel.back.disabled) == (0, [], True)
    panel.chooser.gallery.click(1)
    chosen = panel.look.node
    assert chosen == panel.chooser.nodes[1]
    expected = looker.nearest(panel.look)[2]["node"]
    panel.neighbors.click(2)
    assert (panel.look.node, len(panel.history)) == (expected, 2)
    panel.back.click()
    assert (panel.look.node, panel.back.disabled) == (chosen, False)
    panel.back.click()
    assert (panel.look.node, panel.back.disabled) == (0, True)


def test_a_tag_is_seen_at_a_click_and_left_at_the_next(looker):
    panel = PicturePanel(looker)
    plain, column = panel.picture.pictures, panel.tags.rows[0]["column"]
    panel.tags.click(column)
    assert (panel.tags.selected, panel.picture.pictures == plain) == (column, False)
    panel.tags.click(column)
    assert (panel.tags.selected, panel.picture.pictures) == (None, plain)
    panel.tags.click(column)
    panel.picture.click(0)
    assert (panel.tags.selected, panel.picture.pictures) == (None, plain)
    message = {"event": "tag", "column": column, "version": panel.tags.version - 1}
    panel.tags._receive(None, message, [])  # of a picture that is gone
    assert panel.tags.selected is None
    panel.tags._receive(None, message | {"version": panel.tags.version}, [])
    assert panel.tags.selected == column


def test_thresholds_decide_what_is_said(looker):
    panel = PicturePanel(looker)

    def said():
        return sum(row["said"] for row in panel.tags.rows if row["category"] == "general")

    before = said()
    panel.sliders["general"].value = 0.9
    assert said() < before
    panel.sliders["general"].value = 0.0
    assert said() > before
    panel.rule.value = "f2"
    assert panel._sliders.layout.display == "none"
    least = looker.least("f2")
    assert all(row["said"] == (row["confidence"] > least[row["column"]]) for row in panel.tags.rows[:5])


def test_what_goes_wrong_is_said_and_changes_nothing(looker, monkeypatch):
    panel = PicturePanel(looker)
    panel.drop.drop("none.png", b"no picture")
    assert panel.status.kind == "error"
    assert panel.status.text.startswith("BadImageError")
    assert (panel.look.node, panel.history) == (0, [])
    monkeypatch.setattr(looker, "heat", lambda *_: 1 / 0)
    panel.tags.click(panel.tags.rows[0]["column"])
    assert panel.status.text.startswith("ZeroDivisionError")
    panel.drop.drop("mine.png", png(np.full((9, 12, 3), 200, np.uint8)))
    assert (panel.look.name, panel.status.kind, len(panel.history)) == ("mine.png", "plain", 1)


def test_without_a_browser_a_small_picture_stands_in(run, looker):
    for panel in (PicturePanel(looker), PicturePanel(Looker(run)), PicturePanel(looker, None)):
        data, _ = panel._repr_mimebundle_()
        assert "run this notebook" in data["text/plain"]
        assert 1_000 < len(data["image/png"]) < 300_000
