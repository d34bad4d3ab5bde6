"""The panel of one picture: choose or drop one, move thresholds, click a tag or a neighbor (notebooks 03 and 04)."""

from __future__ import annotations

import io
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.explorers.gallery import Gallery, encode_pictures
from i2v_lib.explorers.one_picture import RULES, PictureReport, Prediction, draw_report
from i2v_lib.explorers.picker import ROW, Picker
from i2v_lib.explorers.static_png import StaticPNG, figure_bytes
from i2v_lib.explorers.status import StatusLine, reported
from i2v_lib.explorers.tags import TagList
from i2v_lib.explorers.upload import PictureDrop
from i2v_lib.models.serving.thresholds import UNKNOWN
from i2v_lib.show.thumbnails import stored_pictures

LARGE, SMALL = 256, 108  # pixels on the screen: of the picture, of a neighbor
CHOOSE = "Choose an illustration, or drop a picture of your own."


class PicturePanel(StaticPNG, widgets.VBox):
    """Tags of one picture, where they were seen, and its neighbors, each a click away from being looked at next.

    Parameters
    ----------
    reports : of a run; its `near` decides whether neighbors are shown
    node : illustration of the safe dataset to begin with; None shows none

    Attributes
    ----------
    prediction : of the picture shown, or None
    history : of the pictures shown before, the last one last
    picker, drop, picture, tags, rule, sliders, neighbors, back, status : the widgets
    """

    sentence = "The panel of one picture: run this notebook in JupyterLab to choose others."

    def __init__(self, reports: PictureReport, node: int | None = 0):
        self.reports, self.prediction, self.history = reports, None, []
        self.status = StatusLine(CHOOSE)
        transitions = reports.run.transitions()
        self.picker = Picker(reports.ids, transitions.search, self._stored, self.status, "illustrations to look at")
        self.drop = PictureDrop()
        self.picture = Gallery("the picture that is looked at", LARGE)
        self.tags = TagList()
        self.rule = widgets.ToggleButtons(options=[(words, rule) for rule, words in RULES.items()])
        self.rule.style.button_width = "auto"
        self.sliders = {
            category: widgets.FloatSlider(UNKNOWN, min=0, max=1, step=0.01, description=category)
            for category in CATEGORIES[:3]
        }
        self.neighbors = Gallery("its nearest illustrations", SMALL)
        self.back = widgets.Button(description="◀ Back", tooltip="to what was looked at before", disabled=True)
        self.picker.on_pick(self._choose)
        self.drop.on_picture(self._take)
        self.tags.on_click(self._seek)
        self.picture.on_click(self._plain)
        self.neighbors.on_click(self._go_on)
        self.back.on_click(self._go_back)
        self.rule.observe(self._rerule, "value")
        for slider in self.sliders.values():
            slider.observe(self._rerule, "value")
            slider.layout = {"width": "270px"}
        wrap = {"flex_flow": "row wrap", "align_items": "flex-start"}
        self._sliders = widgets.HBox(list(self.sliders.values()), layout={"flex_flow": "row wrap"})
        own = widgets.VBox([self.picture, self.back], layout={"flex": f"0 0 {LARGE + 16}px"})
        found = widgets.VBox([self.tags], layout={"flex": "2 1 420px", "min_width": "200px"})
        thresholds = widgets.HBox([widgets.Label("A tag is predicted above"), self.rule], layout=ROW)
        near = [widgets.Label("Nearest by binary codes; click one to look at it:"), self.neighbors]
        rows = [self.drop, self.picker, thresholds, self._sliders, widgets.HBox([own, found], layout=wrap)]
        super().__init__([*rows, *(near if reports.near else []), self.status])
        if node is not None and len(reports):
            self._go_to(reports.predict(node))

    @reported
    def _choose(self, node: int) -> None:
        self._go_to(self.reports.predict(node))

    @reported
    def _take(self, name: str, data: bytes) -> None:
        self.status.say(f"Reading {name} …", "busy")
        self._go_to(self.reports.report(data, name))

    @reported
    def _go_on(self, index: int, _action: str) -> None:
        self._go_to(self.reports.predict(self._near[index]["node"]))

    @reported
    def _go_back(self, _button: Any) -> None:
        if self.history:
            before = self.history.pop()
            self._show(before)

    @reported
    def _seek(self, column: int) -> None:
        """Show where a tag was seen; a second click shows the plain picture again."""
        selected = None if self.tags.selected == column else column
        self.tags.selected = selected
        self._show_picture()

    @reported
    def _plain(self, _index: int, _action: str) -> None:
        self.tags.selected = None
        self._show_picture()

    @reported
    def _rerule(self, _change: Any) -> None:
        self._sliders.layout.display = None if self.rule.value == "constant" else "none"
        if self.rule.value != "constant" and "fitted" not in vars(self.reports):
            self.status.say("Fitting a threshold for each tag on the validation illustrations …", "busy")
        self._show_tags(self.tags.selected)

    def _go_to(self, prediction: Prediction) -> None:
        """Go on to a picture; what was looked at can be gone back to."""
        if self.prediction is not None:
            self.history.append(self.prediction)
        self._show(prediction)

    def _show(self, prediction: Prediction) -> None:
        near = self.reports.nearest(prediction) if self.reports.near else []
        self.prediction, self._near = prediction, near
        self.back.disabled = not self.history
        self.tags.version += 1
        self._show_tags(None)
        self._show_picture()
        self.picker.mark({} if prediction.node is None else {prediction.node: ("yes", "")})
        if near:
            nodes = np.array([row["node"] for row in near])
            images = encode_pictures(self._stored(nodes), 2 * SMALL)
            captions = [[("strong", row["id"]), ("muted", f"{row['distance']} bits")] for row in near]
            self.neighbors.show(images, [row["id"] for row in near], captions=captions)
            self.neighbors.pictures = encode_pictures(self.reports.images(nodes), 2 * SMALL)  # at leisure: drawn larger

    def _show_tags(self, selected: int | None) -> None:
        if self.prediction is None:
            return
        thresholds = self.reports.thresholds(
            self.rule.value, {name: slider.value for name, slider in self.sliders.items()}
        )
        rows = self.reports.tags(self.prediction, thresholds)
        self.tags.show(rows, selected)
        predicted = [row for row in rows if row["predicted"] and row["category"] != "rating"]
        self.status.say(
            f"{self.prediction.name}: {len(predicted)} tags are predicted. Click one to see where it was seen."
        )

    def _show_picture(self) -> None:
        image, column = self.prediction.image, self.tags.selected
        lines = [("strong", self.prediction.name)]
        if column is not None:
            image = self.reports.heat(self.prediction, column)
            lines.append(("muted", f"where “{self.reports.run.vocabulary().tags[column]}” was seen; click: plain"))
        self.picture.show(
            encode_pictures(image[None]), [self.prediction.name], captions=[lines], links=[self.prediction.link]
        )

    def _stored(self, nodes: np.ndarray) -> np.ndarray:
        return stored_pictures(self.reports.run.collection(), self.reports.run.safe_dataset()[nodes])

    def static_png(self) -> bytes:
        """The figure of what is looked at, in 256 colors: a fourth of the bytes."""
        if self.prediction is None:
            return self.picker.gallery.static_png()
        file = io.BytesIO()
        figure = Image.open(io.BytesIO(figure_bytes(draw_report(self.reports, self.prediction))))
        figure.convert("RGB").quantize(256).save(file, "png")
        return file.getvalue()
