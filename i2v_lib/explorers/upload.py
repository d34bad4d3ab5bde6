"""A place to drop a picture of one's own; it is decoded by the kit's safe decoder alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from i2v_lib.explorers.bundle import join_modules
from i2v_lib.explorers.status import STYLES

LARGEST = 8_000_000  # bytes that go to the kernel; the browser scales a larger file down first


class PictureDrop(anywidget.AnyWidget):
    """Drop, paste or choose an image file.

    Attributes
    ----------
    text : the invitation
    largest : bytes up to which a file is sent as it is
    """

    _esm = join_modules("upload.js")
    _css = STYLES
    text = traitlets.Unicode().tag(sync=True)
    largest = traitlets.Int(LARGEST).tag(sync=True)

    def __init__(self, text: str = "Drop a picture here, or choose one"):
        super().__init__(text=text)
        self._callbacks: list[Callable[[str, bytes], Any]] = []
        self.on_msg(self._receive)

    def on_picture(self, callback: Callable[[str, bytes], Any]) -> None:
        """Call ``callback(name, data)`` with the name and the bytes of each file, which nobody has looked at yet.

        Decode them with :func:`~i2v_lib.models.serving.picture_batches.read_picture` or :mod:`i2v_lib.data.images`,
        nothing else.
        Decorate the callback with :func:`~i2v_lib.explorers.status.reported`, or its exceptions are lost.
        """
        self._callbacks.append(callback)

    def drop(self, name: str, data: bytes) -> None:
        """Do what a file dropped in the browser does."""
        for callback in self._callbacks:
            callback(name, data)

    def _receive(self, _widget: Any, content: Any, buffers: Any) -> None:
        if content.get("event") == "picture" and len(buffers) == 1:
            self.drop(str(content.get("name", ""))[:200], bytes(buffers[0]))
