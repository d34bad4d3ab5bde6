"""One picture as the networks see it, and the panel around it."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.data.collection import CATEGORIES
from i2v_lib.data.images import BadImageError
from i2v_lib.data.safe_tags import is_safe_tag
from i2v_lib.explorers.one_picture import FEWEST, MOST, PictureReport, draw_report
from i2v_lib.explorers.panel import PicturePanel
from i2v_lib.models.prediction import predict
from i2v_lib.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of few pictures, trained for one epoch: its tags are poor, but they differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2V_HOME", str(tmp_path_factory.mktemp("home")))
        run = Run(load_config("smoke", pictures=240, epochs=1, minimum_positives=4, test_share=0.3))
        run.network("hash")
        yield run


@pytest.fixture
def reports(run):
    return PictureReport(run, near=True)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def test_only_what_is_rated_safe_is_reported(run, reports):
    ratings = run.collection().column("rating")
    rated = [ratings[row] for row in run.safe_dataset()]
    assert len(reports) == len(rated) > 3
    assert set(rated) == {"safe"} < set(ratings)


def test_confidence_is_that_of_the_tables(run, reports):
    rows = run.collection().split("test").tolist()
    logits = run.logits("vgg_nin")
    for node in (0, len(reports) - 1):
        prediction = reports.predict(node)
        expected = torch.sigmoid(torch.from_numpy(logits[rows.index(run.safe_dataset()[node])]))
        np.testing.assert_allclose(prediction.confidence, expected, atol=1e-5)
        np.testing.assert_array_equal(prediction.labeled, run.targets()[run.safe_dataset()[node]])
    with pytest.raises(ValueError, match="illustrations"):
        reports.predict(len(reports))


def test_tags_are_predicted_above_their_threshold_and_the_likeliest_are_shown(run, reports):
    prediction, vocabulary = reports.predict(0), run.vocabulary()
    for value in (0.0, 0.2, 1.0):
        rows = reports.tags(prediction, reports.thresholds("constant", {"general": value}))
        for category in CATEGORIES:
            block, own = vocabulary.blocks[category], [row for row in rows if row["category"] == category]
            least = value if category == "general" else 0.25
            above = int((prediction.confidence[block] > least).sum())
            expected = np.sort(prediction.confidence[block])[::-1][: min(max(above, FEWEST), MOST)]
            if category == "rating":
                assert [row["predicted"] for row in own] == [True, False, False]
                above, expected = 1, np.sort(prediction.confidence[block])[::-1]
            np.testing.assert_allclose([row["confidence"] for row in own], expected)
            assert sum(row["predicted"] for row in own) == min(above, MOST)
            for row in own:
                assert vocabulary.tags[row["column"]] == row["tag"]
                assert row["labeled"] == bool(prediction.labeled[row["column"]])


def test_rules_take_the_thresholds_of_the_validation_split(run, reports):
    rows = run.collection().split("val")
    scores = 1 / (1 + np.exp(-predict(run.network("vgg_nin"), run.collection().pixels, rows, run.config.image_size)))
    thresholds = {rule: reports.thresholds(rule) for rule in ("f0.5", "f1", "f2")}
    for column in range(len(run.vocabulary())):
        truth = run.targets()[rows, column]
        if not truth.any():
            continue

        def f1(threshold, truth=truth, column=column):
            said = scores[:, column] > threshold
            return 2 * (said & (truth == 1)).sum() / max(said.sum() + truth.sum(), 1)

        assert f1(thresholds["f1"][column]) >= max(map(f1, np.linspace(0, 1, 50))) - 1e-9
    assert thresholds["f0.5"].mean() > thresholds["f2"].mean()  # who weighs precision more predicts fewer tags
    with pytest.raises(ValueError, match="f3.*constant, f0.5"):
        reports.thresholds("f3")
    reports.fitted = None
    with pytest.raises(ValueError, match="there are none"):
        reports.thresholds("f1")


def test_terms_that_are_not_harmless_stay_hidden(run, monkeypatch):
    reports = PictureReport(run)
    prediction, words = reports.predict(0), run.vocabulary()
    column = words.blocks["general"].start
    shown = [row["column"] for row in reports.tags(prediction, np.zeros(len(words)))]
    assert column in shown
    tags = ("nude", *words.tags[1:])
    assert not is_safe_tag("nude")
    monkeypatch.setattr(run, "vocabulary", lambda: dataclasses.replace(words, tags=tags))
    hidden = [row["column"] for row in reports.tags(prediction, np.zeros(len(words)))]
    assert column not in hidden
    assert set(shown) - set(hidden) == {column}


def test_a_picture_of_ones_own_is_seen_as_the_same_illustration(run, reports):
    node = 2
    known = reports.predict(node)
    own = reports.report(png(run.collection().pixels[run.safe_dataset()[node]]), "mine.png")
    assert (own.name, own.node, own.labeled) == ("mine.png", None, None)
    np.testing.assert_allclose(own.confidence, known.confidence, atol=1e-5)
    assert abs(own.confidence - reports.predict(0).confidence).max() > 1e-3
    near = reports.nearest(own, 4)
    assert (near[0]["distance"], known.name) == (0, reports.ids[near[0]["node"]])
    assert {row["labeled"] for row in reports.tags(own, reports.thresholds())} == {None}
    with pytest.raises(BadImageError):
        reports.report(b"no picture")


def test_neighbors_are_the_nearest_by_hamming_distance_without_the_picture_itself(run, reports):
    bits = np.unpackbits(run.codes(), axis=1).astype(int)
    for node in (0, 3):
        near = reports.nearest(reports.predict(node), 5)
        distances = np.abs(bits - bits[node]).sum(1)
        order = [i for i in np.argsort(distances, kind="stable") if i != node][:5]
        assert [row["node"] for row in near] == order
        assert [row["distance"] for row in near] == distances[order].tolist()


def test_heat_colors_the_picture_and_other_tags_other_places(reports):
    prediction = reports.predict(0)
    first, second = (reports.heat(prediction, column) for column in (0, 1))
    assert first.shape == prediction.image.shape
    assert first.dtype == np.uint8
    assert (first != second).any()


def test_figures_are_drawn_with_and_without_neighbors_or_a_picture(run, reports):
    heights = [draw_report(one, one.first()).get_size_inches()[1] for one in (PictureReport(run), reports)]
    assert heights[0] < heights[1]
    texts = [text.get_text() for text in draw_report(reports, None).texts]
    assert [text[: len("no illustration")] for text in texts] == ["no illustration"]


# the panel


def test_a_click_leads_on_and_back(reports):
    panel = PicturePanel(reports)
    assert (panel.prediction.node, panel.history, panel.back.disabled) == (0, [], True)
    panel.picker.gallery.click(1)
    chosen = panel.prediction.node
    assert chosen == panel.picker.nodes[1]
    expected = reports.nearest(panel.prediction)[2]["node"]
    panel.neighbors.click(2)
    assert (panel.prediction.node, len(panel.history)) == (expected, 2)
    panel.back.click()
    assert (panel.prediction.node, panel.back.disabled) == (chosen, False)
    panel.back.click()
    assert (panel.prediction.node, panel.back.disabled) == (0, True)


def test_a_tag_is_seen_at_a_click_and_left_at_the_next(reports):
    panel = PicturePanel(reports)
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


def test_thresholds_decide_what_is_predicted(reports):
    panel = PicturePanel(reports)

    def predicted():
        return sum(row["predicted"] for row in panel.tags.rows if row["category"] == "general")

    before = predicted()
    panel.sliders["general"].value = 0.9
    assert predicted() < before
    panel.sliders["general"].value = 0.0
    assert predicted() > before
    panel.rule.value = "f2"
    assert panel._sliders.layout.display == "none"
    thresholds = reports.thresholds("f2")
    assert all(row["predicted"] == (row["confidence"] > thresholds[row["column"]]) for row in panel.tags.rows[:5])


def test_what_goes_wrong_is_said_and_changes_nothing(reports, monkeypatch):
    panel = PicturePanel(reports)
    panel.drop.drop("none.png", b"no picture")
    assert panel.status.kind == "error"
    assert panel.status.text.startswith("BadImageError")
    assert (panel.prediction.node, panel.history) == (0, [])
    monkeypatch.setattr(reports, "heat", lambda *_: 1 / 0)
    panel.tags.click(panel.tags.rows[0]["column"])
    assert panel.status.text.startswith("ZeroDivisionError")
    panel.drop.drop("mine.png", png(np.full((9, 12, 3), 200, np.uint8)))
    assert (panel.prediction.name, panel.status.kind, len(panel.history)) == ("mine.png", "plain", 1)


def test_without_a_browser_a_small_picture_stands_in(run, reports):
    for panel in (PicturePanel(reports), PicturePanel(PictureReport(run)), PicturePanel(reports, None)):
        data, _ = panel._repr_mimebundle_()
        assert "run this notebook" in data["text/plain"]
        assert 1_000 < len(data["image/png"]) < 300_000
