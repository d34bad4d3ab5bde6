"""What is shown of somebody's illustrations: safe pictures and harmless tags only, whatever the folder holds."""

import csv
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from tiny_folder import draw, use_tiny_networks

from i2v_lib.config import load_config
from i2v_lib.data import safe_tags
from i2v_lib.data.folder import import_folder
from i2v_lib.models.serving.tag_lists import plausible_tags
from i2v_lib.run import illustrations
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.search.maps import grid_shape
from i2v_lib.show import your_illustrations
from i2v_lib.show.saving import plain

NAMES = ("tags", "heatmaps", "neighbors", "duplicates", "transitions", "map")
SHEETS = tuple(getattr(your_illustrations, f"fig_your_{name}") for name in NAMES)


@pytest.fixture
def home(tmp_path, monkeypatch):
    yield use_tiny_networks(tmp_path / "home", monkeypatch)
    plt.close("all")


def make(root, count, **changes):
    for i in range(count):
        draw(root / f"sub {i % 2}" / f"{i:02d}.png", i)
    return Illustrations(load_config("smoke", illustrations=str(root), **changes))


@pytest.fixture
def thirty(home, tmp_path):
    return make(tmp_path / "art", 30)


def all_safe(monkeypatch):
    monkeypatch.setattr(Illustrations, "safe_dataset", lambda self: np.arange(len(self.collection())))


def rows_of(numbers):
    """Everything that a sheet shows, by its row or id."""
    if isinstance(numbers, dict):
        return {place["id"] for place in numbers["illustrations"]}
    return {row["id"] for row in numbers}


def test_only_safe_pictures_are_shown(thirty, monkeypatch):
    ids, safe = thirty.collection().column("id"), thirty.safe_dataset()
    harmless_ids = {ids[row] for row in safe}
    assert 5 < len(harmless_ids) < 25
    for sheet in SHEETS:
        assert rows_of(sheet(thirty).numbers) <= harmless_ids
    assert rows_of(your_illustrations.fig_your_map(thirty).numbers) == harmless_ids
    images = your_illustrations.pictures(thirty, range(30), size=32)
    assert [bool((image == 216).all()) for image in images] == [row not in safe for row in range(30)]
    unsafe = next(name for name in ids if name not in harmless_ids)
    with pytest.raises(ValueError, match="not rated safe"):
        your_illustrations.fig_your_tags(thirty, unsafe)
    all_safe(monkeypatch)  # the control: it is the rating that hides them
    assert rows_of(your_illustrations.fig_your_map(make(thirty.source(), 30)).numbers) == set(ids)


def test_only_harmless_tags_are_shown(thirty, monkeypatch):
    shown = {row["tag"] for row in your_illustrations.fig_your_tags(thirty).numbers}
    assert {"hat", "smile"} <= shown
    monkeypatch.setattr(safe_tags, "HIDDEN", re.compile("hat"))
    again = make(thirty.source(), 30)
    for sheet in SHEETS:
        found = sheet(again)
        assert '"hat"' not in json.dumps(plain(found.numbers))
        words = [text.get_text() for text in found.fig.findobj(plt.Text)]
        assert not [word for word in words if "hat" in word.split()]
    assert "hat" in (your_illustrations.write_tables(again) / "tags.csv").read_text()


def test_tags_are_those_of_the_tagger(thirty):
    rows = your_illustrations.fig_your_tags(thirty).numbers
    name, own = rows[0]["id"], [row for row in rows if row["id"] == rows[0]["id"]]
    found = thirty.weights().tagger.estimate_top_tags(thirty.source() / name, n_tag=9)[0]
    expected = [pair for category in ("general", "copyright", "character") for pair in found[category]]
    expected = sorted(expected, key=lambda pair: -pair[1])[: len(own)]
    assert [row["tag"] for row in own] == [tag for tag, _ in expected]
    np.testing.assert_allclose([row["confidence"] / 100 for row in own], [p for _, p in expected], atol=1e-4)
    assert all(row["right"] is None for row in rows)


def test_neighbors_lie_nearer_than_random_pairs(thirty):
    sheet = your_illustrations.fig_your_neighbors(thirty)
    first = [row["distance"] for row in sheet.numbers if row["rank"] == 1]
    code = dict(zip(thirty.safe_dataset().tolist(), thirty.codes(), strict=True))
    query = None
    for row in sheet.numbers:
        query = code[row["row"]] if row["rank"] == 0 else query
        assert row["distance"] == np.bitwise_count(query ^ code[row["row"]]).sum()
    assert f"{np.median(first):,.0f} bits" in sheet.caption


def test_the_map_takes_at_most_so_many_drawn_at_random(thirty, monkeypatch):
    safe = len(thirty.safe_dataset())
    handed = []
    monkeypatch.setattr(
        illustrations, "tsne_map", lambda codes, seed: handed.append(codes) or np.zeros((len(codes), 2))
    )
    assert len(thirty.mapped()) == safe > 9
    monkeypatch.setattr(illustrations, "MOST_MAPPED", 9)
    few = make(thirty.source(), 30)
    sheet = your_illustrations.fig_your_map(few)
    nodes = few.mapped()
    assert (nodes.size, np.unique(nodes).size) == (9, 9)
    assert nodes.tolist() == make(thirty.source(), 30).mapped().tolist() != list(range(9))
    np.testing.assert_array_equal(handed, [few.codes()[nodes]])
    ids = few.collection().column("id")
    assert [place["id"] for place in sheet.numbers["illustrations"]] == [ids[i] for i in few.safe_dataset()[nodes]]
    assert f"9 of {safe} pictures" in sheet.caption
    assert Image.open(your_illustrations.write_tables(few) / "map.png").size == (5 * 64, 3 * 64)


@pytest.mark.parametrize(("count", "cell"), [(0, 64), (30, 64), (10_000, 64), (50_000, 36), (10_000_000, 2)])
def test_the_large_map_stays_below_a_hundred_megapixels(count, cell):
    columns, rows = grid_shape(count, 1.2)
    assert your_illustrations.large_cell((columns, rows)) == cell
    assert columns * rows >= count
    assert columns * rows * cell**2 < 100_000_000


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_pictures(home, tmp_path, monkeypatch, count):
    all_safe(monkeypatch)
    few = make(tmp_path / "few", count)
    for sheet in SHEETS:
        found = sheet(few)
        found.fig.canvas.draw()
        plain(found.numbers)
    numbers = your_illustrations.numbers(few)
    assert numbers["pictures"] == numbers["searched"] == count
    assert Image.open(your_illustrations.write_tables(few) / "map.png").size >= (64, 64)


def test_nothing_that_is_safe(home, tmp_path, monkeypatch):
    monkeypatch.setattr(Illustrations, "safe_dataset", lambda self: np.arange(0))
    none = make(tmp_path / "none", 3)
    for sheet in SHEETS:
        found = sheet(none)
        found.fig.canvas.draw()
        assert not rows_of(found.numbers)
    your_illustrations.write_tables(none)
    assert your_illustrations.numbers(none)["searched"] == 0
    assert re.search(r"explicit: 3\b", your_illustrations.summary(none))
    with pytest.raises(ValueError, match="sub 0/00.png"):
        none.morph("sub 0/00.png", "sub 1/01.png")


def test_pictures_tags_and_pairs_can_be_named(thirty):
    ids = [thirty.collection().column("id")[row] for row in thirty.safe_dataset()[[4, 0]]]
    assert list(dict.fromkeys(row["id"] for row in your_illustrations.fig_your_tags(thirty, ids).numbers)) == ids
    rows = your_illustrations.fig_your_heatmaps(thirty, ids[0], ["rin", "smile"]).numbers
    assert [(row["id"], row["tag"]) for row in rows] == [(ids[0], "rin"), (ids[0], "smile")]
    rows = your_illustrations.fig_your_transitions(thirty, [tuple(ids)]).numbers
    assert not rows or (rows[0]["id"], rows[-1]["id"]) == tuple(ids)
    assert "named" in your_illustrations.fig_your_neighbors(thirty, ids).caption
    with pytest.raises(ValueError, match="'sub 0/0.png' .*; there is sub 0/"):
        your_illustrations.fig_your_neighbors(thirty, "sub 0/0.png")
    with pytest.raises(ValueError, match="'smiles' .*vocabulary"):
        your_illustrations.fig_your_heatmaps(thirty, ids, "smiles")


def test_heat_is_that_of_the_tagger(thirty, monkeypatch):
    name = thirty.collection().column("id")[thirty.safe_dataset()[0]]
    heats, draw_over = [], your_illustrations.overlay
    monkeypatch.setattr(your_illustrations, "overlay", lambda image, heat: heats.append(heat) or draw_over(image, heat))
    your_illustrations.fig_your_heatmaps(thirty, name, ["rin", "smile"])
    expected = thirty.weights().tagger.heatmap(thirty.source() / name, ["rin", "smile"])[0]
    np.testing.assert_allclose(heats, expected, rtol=1e-4, atol=1e-6)


def test_tables_hold_every_picture_and_are_read_back(thirty, tmp_path):
    thirty.source().joinpath("broken.jpg").write_bytes(b"\xff\xd8\xff")
    draw(thirty.source() / "again.png", 3)
    own = Illustrations(thirty.config)
    folder = your_illustrations.write_tables(own)
    with (folder / "tags.csv").open(encoding="utf-8") as lines:
        tags = {row["path"]: row for row in csv.DictReader(lines)}
    assert list(tags) == own.extracted().names
    scores = own.weights().tagger.iterate([own.source() / "again.png"], "probabilities")
    expected = plausible_tags(own.vocabulary(), None)(next(scores))
    assert tags["again.png"]["general"] == ",".join(tag for tag, _ in expected["general"])
    assert tags["again.png"]["rating"] == expected["rating"][0][0]
    assert (folder / "unreadable.csv").read_text().splitlines()[1].startswith("broken.jpg,")
    alike = (folder / "near_duplicates.csv").read_text().splitlines()[1:]
    assert alike == ["again.png,again.png", "again.png,sub 1/03.png"]
    (own.source() / "tags.csv").write_bytes((folder / "tags.csv").read_bytes())
    read = import_folder(own.source(), tmp_path / "collection", size=16, progress=False)
    assert read.column("general")[0] == [tag for tag, _ in expected["general"]]
    assert your_illustrations.summary(own).count("\n") == 3
    assert str(tmp_path) not in your_illustrations.summary(own)


def test_a_file_that_has_gone_meanwhile_is_shown_small(thirty):
    row = int(thirty.safe_dataset()[0])
    before = your_illustrations.pictures(thirty, [row], 64)
    (thirty.source() / thirty.collection().column("id")[row]).unlink()
    after = your_illustrations.pictures(thirty, [row], 64)
    assert after.shape == before.shape
    assert np.array_equal(after[0], thirty.collection().pixels[row])
