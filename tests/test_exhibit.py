"""Exhibits: one call saves all that belongs to a figure, with what the run says of it; another shows it."""

import json
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.display import Image, Markdown

from i2v_lib.config import load_config
from i2v_lib.evaluation.claims import Claim
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.show import saving
from i2v_lib.show.exhibit import Exhibit, save_metrics, sources_of

NOTEBOOK = "03_tag_prediction.ipynb"
CLAIM = Claim("§4.1", "a above b", "held", "+1.0 [+0.5, +1.5]")


class Folder(Illustrations):
    """A folder of somebody's own, of which nothing is read."""

    def __init__(self, run):
        self.__dict__.update(vars(run))

    collection = vocabulary = None  # the run's, set on the object

    def weights(self):
        return SimpleNamespace(name="released")


@pytest.fixture
def run(tmp_path):
    info = {"resize": "drawn", "counts": {"train": 400, "val": 100, "test": 100}}
    collection = SimpleNamespace(info=info, fingerprint="f00", folder=tmp_path / "set", drawn=True)
    config = load_config("smoke", epochs=3)
    vocabulary = SimpleNamespace(fingerprint="ba2")
    return SimpleNamespace(
        config=config, figures=tmp_path / "figures", collection=lambda: collection, vocabulary=lambda: vocabulary
    )


def drawn(name, **options):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1], [0, 1])
    rows = [{"tag": "hat", "ap": np.float32(0.5)}, {"tag": "solo", "ap": float("nan")}]
    return Exhibit(name, fig, rows, "4 of 5 are right. How [so].", (CLAIM,), notebook=NOTEBOOK, **options)


def test_a_figure_is_saved_with_its_own_caption_and_its_runs_settings(run, worded):
    exhibit = drawn("fig2_tags")
    assert exhibit.save(run) is exhibit
    assert {path.name for path in run.figures.iterdir()} == {"fig2_tags.pdf", "fig2_tags.png", "fig2_tags.json"}
    record = json.loads((run.figures / "fig2_tags.json").read_text(encoding="utf-8"))
    assert list(record) == ["caption", "preset", "seed", "overrides", "sources", "numbers"]
    assert record["caption"].startswith(exhibit.caption)
    for source in ("*smoke*", "seed 0", "600 drawn", f"`{NOTEBOOK}`"):
        assert source in record["caption"]
    worded(record["caption"])
    assert (record["preset"], record["overrides"]) == ("smoke", {"epochs": 3})
    assert record["sources"] == sources_of(run, NOTEBOOK)
    assert record["sources"]["notebook"] == NOTEBOOK
    assert record["numbers"] == [{"tag": "hat", "ap": 0.5}, {"tag": "solo", "ap": None}]


def test_a_table_has_a_csv_too(run):
    drawn("table2_map").save(run)
    assert (run.figures / "table2_map.csv").read_text(encoding="utf-8") == "tag,ap\nhat,0.5\nsolo,\n"


def test_a_recorded_benchmark_claims_no_run(run):
    """Its numbers are not the run's, so the caption names neither preset nor data."""
    exhibit = drawn("table2_ablation", recorded=True).save(run)
    record = json.loads((run.figures / "table2_ablation.json").read_text(encoding="utf-8"))
    assert record["caption"] == exhibit.caption


def test_a_folder_of_ones_own_names_its_weights(run):
    assert "weights" not in sources_of(run, NOTEBOOK)
    own = Folder(run)
    assert sources_of(own, NOTEBOOK) == sources_of(run, NOTEBOOK) | {"weights": "released"}
    drawn("fig2_tags").save(own)
    assert "Weights: released. *smoke*" in (run.figures / "fig2_tags.json").read_text(encoding="utf-8")


def test_the_files_are_those_of_a_figure_that_stays_open(run, tmp_path):
    """Byte for byte: that pyplot forgets the figure, and that it was shown before, leaves no trace."""
    exhibit = drawn("table_x")
    exhibit._repr_png_()
    exhibit.save(run)
    open_figure = drawn("table_x").fig
    record = json.loads((run.figures / "table_x.json").read_text(encoding="utf-8"))
    arguments = (exhibit.numbers, run.config, record["sources"], record["caption"])
    saving.save_table(open_figure, "table_x", tmp_path / "by hand", *arguments)
    names = {path.name for path in run.figures.iterdir()}
    assert names == {f"table_x.{kind}" for kind in ("pdf", "png", "json", "csv")}
    for name in names:
        assert (run.figures / name).read_bytes() == (tmp_path / "by hand" / name).read_bytes(), name


def test_a_notebook_shows_picture_and_caption_once(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *objects: shown.extend(objects))
    exhibit = drawn("fig2_tags")
    assert plt.get_fignums() == []  # else Jupyter would show the figure once more below the cell
    exhibit._ipython_display_()
    picture, caption = shown
    assert isinstance(picture, Image)
    assert picture.data[:4] == b"\x89PNG"
    assert picture.alt == "4 of 5 are right"
    assert isinstance(caption, Markdown)
    assert caption.data == exhibit.caption


def test_metrics_hold_claims_as_dictionaries(run):
    save_metrics(run, pointing={"hits": [1], "claims": drawn("fig2_tags").claims})
    metrics = saving.read_metrics(run.figures)
    assert metrics["pointing"]["claims"] == [
        {"section": "§4.1", "claim": "a above b", "verdict": "held", "measured": "+1.0 [+0.5, +1.5]"}
    ]
    assert (metrics["preset"], metrics["overrides"]) == ("smoke", {"epochs": 3})
