"""What all explorers share: the status line, the gallery, the place to drop a picture, the picture that stands in."""

import base64
import io
import itertools
import re

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from i2v_lib.cli.execute import drop_dead_views
from i2v_lib.explorers import bundle
from i2v_lib.explorers.gallery import LARGEST_MESSAGE, Gallery, encode_pictures
from i2v_lib.explorers.static_png import VIEW
from i2v_lib.explorers.status import StatusLine, reported
from i2v_lib.explorers.upload import PictureDrop

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
COLORS = np.stack([np.full((40, 40, 3), color, np.uint8) for color in ((200, 30, 30), (30, 200, 30), (30, 30, 200))])


class Explorer:
    """An object with a status line and a callback, as the explorers are."""

    def __init__(self):
        self.status = StatusLine("ready")

    @reported
    def divide(self, number, by=0):
        self.status.say(f"{number / by:g}")
        return number / by


def press(widget, **content):
    """A message as the browser sends it."""
    buffers = content.pop("buffers", [])
    widget._handle_custom_msg(content, buffers)


def gallery(count=3, **options):
    found = Gallery(**options)
    found.show(encode_pictures(COLORS[:count]), [f"picture {i}" for i in range(count)])
    return found


def test_an_exception_in_a_callback_is_said():
    explorer = Explorer()
    assert explorer.divide(6, by=3) == 2
    assert (explorer.status.text, explorer.status.kind, explorer.status.error) == ("2", "plain", None)
    assert explorer.divide(6) is None
    assert (explorer.status.text, explorer.status.kind) == ("ZeroDivisionError: division by zero", "error")
    with pytest.raises(ZeroDivisionError):
        raise explorer.status.error
    explorer.divide(1, by=1)
    assert (explorer.status.kind, explorer.status.error) == ("plain", None)


def test_leaving_is_not_an_exception_to_be_said():
    status = StatusLine()
    with pytest.raises(KeyboardInterrupt), status.reporting():
        raise KeyboardInterrupt
    assert status.text == ""


def test_a_click_selects_and_calls():
    found, heard = gallery(actions=[("replace", "put another there")]), []
    found.on_click(lambda index, action: heard.append((index, action, found.selected)))
    press(found, event="click", index=2, action="", version=found.version)
    press(found, event="click", index=2, action="", version=found.version)  # again: heard, though nothing changes
    press(found, event="click", index=1, action="replace", version=found.version)
    assert heard == [(2, "", 2), (2, "", 2), (1, "replace", 2)]
    with pytest.raises(IndexError, match="index=3: .*3 pictures"):
        found.click(3)


def test_clicks_on_what_is_gone_and_nonsense_are_dropped():
    found, heard = gallery(), []
    found.on_click(lambda *arguments: heard.append(arguments))
    for content in (
        {"index": 0, "action": "", "version": found.version - 1},
        {"index": 3, "action": "", "version": found.version},
        {"index": -1, "action": "", "version": found.version},
        {"index": "0", "action": "", "version": found.version},
        {"index": 0.0, "action": "", "version": found.version},
        {"index": 0, "action": "delete", "version": found.version},
        {},
    ):
        press(found, event="click", **content)
    press(found, event="hover", index=0, action="", version=found.version)
    assert heard == []
    press(found, event="click", index=0, action="", version=found.version)
    assert heard == [(0, "")]


def test_what_does_not_belong_together_is_refused():
    found = gallery()
    with pytest.raises(ValueError, match="2 pictures, but {'captions': 1, 'names': 3, 'between': 2}"):
        found.show([b"a", b"b"], ["x", "y", "z"], captions=[["line"]], between=["1", "2"])
    with pytest.raises(ValueError, match=r"pictures: 8\.0 MB"):
        found.show([bytes(LARGEST_MESSAGE), b"a"], ["x", "y"])
    assert found.names == ["picture 0", "picture 1", "picture 2"]


def test_encoded_pictures_are_the_pictures():
    (small,) = encode_pictures(COLORS[:1], 16)
    assert Image.open(io.BytesIO(small)).size == (16, 16)
    for image, data in zip(COLORS, encode_pictures(COLORS, 64), strict=True):
        decoded = np.asarray(Image.open(io.BytesIO(data)))
        assert decoded.shape == image.shape
        assert np.abs(decoded.astype(int) - image).max() <= 3
    assert encode_pictures(IMAGES[:0]) == []


def test_a_picture_stands_in_for_the_widget():
    found = gallery(side=40)
    bundle, _ = DisplayFormatter().format(found)
    assert {VIEW, "image/png", "text/plain"} <= set(bundle)
    assert bundle["text/plain"] == Gallery.sentence
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))))
    assert sheet.shape[:2] == (48, 3 * 44 + 4)
    for i, color in enumerate(COLORS[:, 20, 20]):
        assert np.abs(sheet[24, 24 + 44 * i].astype(int) - color).max() <= 3
    assert Image.open(io.BytesIO(Gallery().static_png())).size == (120, 120)


def test_a_dropped_file_arrives_with_its_name():
    zone, heard = PictureDrop(), []
    zone.on_picture(lambda name, data: heard.append((name, data)))
    press(zone, event="picture", name="a.png", buffers=[memoryview(b"bytes")])
    press(zone, event="picture", name="b.png")  # nothing came with it
    press(zone, event="other", name="c.png", buffers=[memoryview(b"bytes")])
    press(zone, event="picture", name="x" * 500, buffers=[memoryview(b"")])
    assert heard == [("a.png", b"bytes"), ("x" * 200, b"")]


def test_a_dead_view_leaves_the_picture_that_stands_in(tmp_path):
    """In an executed notebook; a widget without a picture keeps its view, and nothing else is touched."""
    alive, dead = {VIEW: {"model_id": "1"}, "text/plain": "x"}, {VIEW: {"model_id": "2"}, "image/png": "AAAA"}
    outputs = [nbformat.v4.new_output("display_data", data) for data in (alive, dead, {"image/png": "BBBB"})]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("widget", outputs=outputs)])
    path = tmp_path / "executed.ipynb"
    nbformat.write(notebook, path)
    drop_dead_views(path)
    left = [output.data for output in nbformat.read(path, as_version=4).cells[0].outputs]
    assert left == [alive, {"image/png": "AAAA"}, {"image/png": "BBBB"}]
    before = path.read_bytes()
    drop_dead_views(path)
    assert path.read_bytes() == before


def test_style_sheets_do_not_meet():
    """A front end keeps all in one document: a class that two of them style is styled inside its widget only."""
    own = {}
    for path in sorted(bundle.FOLDER.glob("*.css")):
        if path.name != "page.css":  # of the exported page, which has no others but the map's
            rules = re.findall(r"^([^{}@]+)\{", path.read_text(encoding="utf-8"), re.MULTILINE)
            heads = [re.match(r"\.(i2v-[\w-]+)", selector.strip()) for rule in rules for selector in rule.split(",")]
            own[path.name] = {head[1] for head in heads if head} - {"i2v-picture"}  # the map adds to its pictures
    assert len(own) == 4
    for (name, some), (other, others) in itertools.combinations(own.items(), 2):
        assert not some & others, (name, other)
