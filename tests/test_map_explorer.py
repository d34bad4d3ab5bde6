"""The map explorer and the page without Python, as far as no browser is needed: sheets, data, messages, safety."""

import base64
import hashlib
import io
import json
import re
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import traitlets
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.explorers import map as map_module
from i2v_lib.explorers.bundle import FOLDER, join_modules
from i2v_lib.explorers.map import MapExplorer
from i2v_lib.explorers.map_data import MapData, map_data
from i2v_lib.explorers.page import render_page
from i2v_lib.explorers.sprites import SHEET, SIDES, per_sheet, sheet_count, slots_along_curve
from i2v_lib.search.graph import build_graph
from i2v_lib.search.maps import places_on_grid
from tests.made_maps import NASTY, made_map

WORDS = {"bits": "4,096", "neighbors": 5, "source": "Made pictures."}


def made_page(count=60, **options):
    data, _ = made_map(count, **options)
    near = np.stack([(np.arange(count) + step) % count for step in (1, 7)], axis=1)
    return render_page(data, build_graph(near, np.full(near.shape, 3)), WORDS)


def ask(widget, **question):
    """What a widget answers a browser, through the very messages of ipywidgets."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg(question, [])
    (answer,) = sent
    return answer


# --- sheets


def test_those_near_each_other_share_sheets():
    places = np.random.default_rng(0).random((4096, 2))
    slots = slots_along_curve(places)
    assert sorted(slots) == list(range(4096))
    near = np.hypot(*(places - 0.5).T) < 0.1
    control = np.random.default_rng(1).permutation(4096)
    sheets, by_chance = (len(set(order[near] // per_sheet(2))) for order in (slots, control))
    assert sheets < 0.35 * by_chance
    assert slots_along_curve(np.zeros((0, 2))).shape == (0,)
    np.testing.assert_array_equal(slots_along_curve(np.ones((5, 2))), range(5))


@pytest.mark.parametrize("level", range(len(SIDES)))
def test_a_sheet_shows_each_slots_picture(level):
    data, colors = made_map(300)
    side, across = SIDES[level], SHEET // SIDES[level]
    last = sheet_count(level, 300) - 1
    for number in {0, last}:
        sheet = np.asarray(Image.open(io.BytesIO(data.sheet(level, number)))).astype(int)
        assert sheet.shape == (SHEET, SHEET, 3)
        first = number * per_sheet(level)
        for place in (0, min(per_sheet(level), 300 - first) - 1):
            y, x = divmod(place, across)
            middle = sheet[y * side + side // 2, x * side + side // 2]
            own = colors[data.order[first + place]].astype(int)
            assert np.abs(middle - own).max() < 40 if level == 0 else np.abs(middle - own).max() < 16
    for bad in ((3, 0), (-1, 0), (level, last + 1), (level, -1)):
        with pytest.raises(ValueError, match="sheet of 300 pictures"):
            data.sheet(*bad)


def test_every_picture_is_on_one_sheet():
    for level in range(len(SIDES)):
        assert SHEET % SIDES[level] == 0
        for count in (0, 1, per_sheet(level), per_sheet(level) + 1):
            assert (sheet_count(level, count) - 1) * per_sheet(level) < max(count, 1)
            assert sheet_count(level, count) * per_sheet(level) >= count


# --- data


def unpacked(header, data):
    return {
        name: np.frombuffer(data, np.dtype(kind).newbyteorder("<"), length, place)
        for name, kind, place, length in header["arrays"]
    }


def test_what_is_packed_comes_out():
    data, _ = made_map(123)
    header, packed = data.packed
    arrays = unpacked(json.loads(json.dumps(header)), packed)
    assert all(place % 8 == 0 for _, _, place, _ in header["arrays"])
    np.testing.assert_array_equal(arrays["cells"].reshape(-1, 2), data.cells)
    np.testing.assert_allclose(arrays["places"].reshape(-1, 2), places_on_grid(data.layout, data.shape), rtol=1e-6)
    assert sorted(arrays["slots"]) == list(range(123))
    np.testing.assert_array_equal(data.order[arrays["slots"]], np.arange(123))
    for i in (0, 6, 122):
        own = arrays["tag_numbers"][slice(*arrays["tag_starts"][i : i + 2])]
        told = [(header["categories"][t], header["tags"][t]) for t in own]
        assert told == [(c, tag) for c, lists in data.tags.items() for tag in lists[i]]
    assert header["regions"][0]["members"] == data.regions[0].members.tolist()


def test_tags_of_one_name_in_two_categories_stay_two():
    data, _ = made_map(2, tags=[["c0"], []])
    header, packed = data.packed
    assert header["tags"].count("c0") == 2
    assert len(set(unpacked(header, packed)["tag_numbers"].tolist())) == 3


def test_places_fill_the_grid():
    layout = np.random.default_rng(0).normal(size=(50, 2)) * (3, 40) + 7
    places = places_on_grid(layout, (12, 5))
    np.testing.assert_allclose([places.min(0), places.max(0)], [[0, 0], [11, 4]], atol=1e-9)
    assert places[layout[:, 1].argmax(), 1] == pytest.approx(0)  # up is up
    np.testing.assert_array_equal(places_on_grid(np.ones((3, 2)), (4, 3)), [[1.5, 1]] * 3)


def run_of(ratings, sources=None):
    """A stand-in for a run whose collection has these ratings."""
    import pyarrow as pa

    n = len(ratings)
    columns = {name: [["x"]] * n for name in ("general", "copyright", "character")}
    columns |= {"id": [f"p{i}" for i in range(n)], "source_url": sources or [""] * n, "rating": ratings}
    posts = pa.table(columns)
    pixels = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 40, 40, 3), np.uint8)
    collection = SimpleNamespace(
        posts=posts, pixels=pixels, info={"size": 40, "resize": "warp"}, column=lambda name: posts[name].to_pylist()
    )
    return SimpleNamespace(
        collection=lambda: collection, safe_dataset=lambda: np.arange(n), config=load_config("smoke", collection="x")
    )


def test_pictures_not_rated_safe_are_refused():
    layout = np.random.default_rng(0).random((3, 2))
    nodes = np.array([2, 0, 1])
    data = map_data(run_of(["safe"] * 3, ["", "https://x.example/1", ""]), nodes, layout, None, (3, 3))
    assert (data.ids, data.links) == (["p2", "p0", "p1"], ["", "", "https://x.example/1"])
    np.testing.assert_array_equal(data.pictures(np.array([1, 0]), 9)[:, 0, 0, 0], [0, 2])
    with pytest.raises(ValueError, match="2 of 3 .*safe"):
        map_data(run_of(["safe", "questionable", "explicit"]), nodes, layout, None, (3, 3))


# --- the widget


def test_the_browser_gets_the_data_in_parts(monkeypatch):
    monkeypatch.setattr(map_module, "LARGEST_PART", 1000)
    data, _ = made_map(200)
    widget, got = MapExplorer(data), b""
    while True:
        answer, (part,) = ask(widget, ask="data", start=len(got), number="n1")
        assert answer["number"] == "n1"
        assert 0 < len(part) <= 1000
        got += part
        if len(got) == answer["length"]:
            break
    (length,) = struct.unpack("<I", got[:4])
    header = json.loads(got[4 : 4 + length])
    assert header["ids"] == data.ids
    assert got[4 + length :] == data.packed[1]


def test_messages_stay_below_ten_megabytes():
    assert map_module.LARGEST_PART < 10_000_000
    noise = np.random.default_rng(0).integers(0, 256, (16, SIDES[2], SIDES[2], 3), np.uint8)
    data, _ = made_map(16)
    hard = MapData(**{**vars(data), "pictures": lambda some, side: noise[some, :side, :side]})
    assert max(len(hard.sheet(level, 0)) for level in range(3)) < 1_000_000  # the largest that a sheet can be


def test_the_browser_is_told_of_an_error():
    widget = MapExplorer(made_map(20)[0])
    for question in ({"ask": "sheet", "level": 9, "sheet": 0}, {"ask": "sheet"}, {"ask": "secrets"}, {}):
        answer, parts = ask(widget, number=7, **question)
        assert answer["number"] == 7
        assert "Error" in answer["error"]
        assert parts == []


def test_ids_that_are_not_on_the_map_are_refused():
    widget = MapExplorer(made_map(20)[0])
    widget.start, widget.selected = "made-3", ["made-1", "made-2"]
    for name, value in (("picked", "x"), ("selected", ["made-1", "y"]), ("path", ["z"])):
        with pytest.raises(traitlets.TraitError, match=f"{name}=.*{value if isinstance(value, str) else value[-1]}"):
            setattr(widget, name, value)
    widget.start = "not on this map"  # an explorer of morphing may know more illustrations


def test_the_ends_of_a_morph_are_shared():
    class Morphing(traitlets.HasTraits):
        start, end = traitlets.Unicode("made-5"), traitlets.Unicode()

    morphing = Morphing()
    widget = MapExplorer(made_map(20)[0], morphing=morphing)
    assert widget.start == "made-5"
    widget.end = "made-7"
    assert morphing.end == "made-7"
    morphing.start = "made-1"
    assert widget.start == "made-1"


def test_a_picture_stands_in():
    data, colors = made_map(60)
    bundle, _ = DisplayFormatter().format(MapExplorer(data))
    png = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).convert("RGB")
    assert 800 < max(png.size) < 1200
    shown = np.asarray(png).reshape(-1, 3).astype(int)
    nearest = [np.abs(shown - color).sum(1).min() for color in colors.astype(int)]
    assert np.median(nearest) < 12
    assert "run this notebook" in bundle["text/plain"]
    places = MapData(**{**vars(data), "cells": None})
    assert MapExplorer(places).layout_name == "places"
    assert Image.open(io.BytesIO(MapExplorer(places).static_png())).size == png.size


# --- modules and page


def scripts():
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}


def test_text_is_never_set_as_markup():
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc")
    assert forbidden.search("x.innerHTML = y")
    assert not [name for name, text in scripts().items() if forbidden.search(text)]


@pytest.mark.parametrize("entry", ["map_widget.js", "page.js"])
def test_modules_are_joined_into_one(entry):
    joined = join_modules(entry)
    assert not re.search(r"^\s*import\b|\bimport\(", joined, re.MULTILINE)
    assert joined.count("export ") == (entry == "map_widget.js")
    names = re.findall(r"^(?:async )?(?:class|function|const|let) (\w+)", joined, re.MULTILINE)
    assert len(names) > 30
    assert sorted(set(names)) == sorted(names)
    assert not re.search(r"https?://(?!www\.w3\.org)", joined)


def test_page_and_widget_share_their_modules():
    shared = [text for name, text in scripts().items() if name in ("painter.js", "map_store.js", "map_canvas.js")]
    assert len(shared) == 3
    for text in shared:
        body = re.sub(r"^import .*\n|^export ", "", text, flags=re.MULTILINE).strip()
        assert all(body in join_modules(entry) for entry in ("map_widget.js", "page.js"))


def test_nothing_breaks_out_of_the_pages_data():
    end = "</script><script>alert(1)</script><!--"
    page = made_page(tags=[[NASTY, end]] * 60)
    assert NASTY not in page
    assert end not in page
    assert page.count("<script") == page.count("</script>") == 2
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert {NASTY, end} <= set(json.loads(text)["map"]["tags"])


def test_the_pages_policy_allows_its_own_script_and_style_alone():
    page = made_page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"unsafe|https?:|\*|connect-src", policy)
    for kind, pattern in (("script", r'<script type="module">(.*?)</script>'), ("style", r"<style>(.*?)</style>")):
        own = re.search(pattern, page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"\b(src|href)=[\"'](?!data:)", page)
    assert "style=" not in page


def test_the_page_begins_with_a_morph_as_in_fig_1():
    """On a ring with short cuts; where two halves are not joined, and where no path is long enough, it has another."""

    def example(page):
        text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
        return json.loads(text)["map"]["example"]

    start, end, between = example(made_page())
    assert (start != end, between) == (True, 4)
    data, _ = made_map(4)
    pair = build_graph(np.array([[1], [0], [3], [2]]), np.ones((4, 1), int))
    assert example(render_page(data, pair, WORDS)) == [0, 1, None]


def test_the_same_map_gives_the_same_page():
    assert made_page() == made_page()
    assert made_page() != made_page(61)
