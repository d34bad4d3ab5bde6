"""Tags by category, each a bar as long as its confidence; a click asks where it was seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from i2v_lib.explorers.bundle import join_modules
from i2v_lib.show.wording import Rows


class TagList(anywidget.AnyWidget):
    """Tags of one picture. All text is shown as text, whatever it holds.

    Attributes
    ----------
    rows : from :meth:`i2v_lib.explorers.one_picture.PictureReport.tags`
    selected : column of the tag whose place is shown, or None
    version : of the picture: a click on another one's tag is dropped
    """

    _esm = join_modules("tags.js")
    _css = Path(__file__).with_name("tags.css")
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: list[Callable[[int], Any]] = []
        self.on_msg(self._receive)

    def show(self, rows: Rows, selected: int | None) -> None:
        """Replace the tags, and mark the one whose place is shown."""
        with self.hold_sync():
            self.rows, self.selected = list(rows), selected

    def on_click(self, callback: Callable[[int], Any]) -> None:
        """Call ``callback(column)`` when a tag is clicked."""
        self._callbacks.append(callback)

    def click(self, column: int) -> None:
        """Do what a click in the browser does."""
        if column not in [row["column"] for row in self.rows]:
            raise ValueError(f"column={column}: no such tag is shown")
        for callback in self._callbacks:
            callback(column)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        known = content.get("column") in [row["column"] for row in self.rows]
        if content.get("event") == "tag" and content.get("version") == self.version and known:
            self.click(content["column"])
