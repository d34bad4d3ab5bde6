"""A grid or strip of thumbnails that can be clicked, walked by keyboard, captioned, marked and linked."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image, ImageOps

from i2v_lib.explorers.bundle import join_modules
from i2v_lib.explorers.static_png import StaticPNG
from i2v_lib.explorers.status import STYLES

LARGEST_MESSAGE = 8_000_000  # bytes of pictures at once; above some 10 MB a browser's connection breaks
MARKS = ("", "start", "end", "via", "out", "yes", "no")
Caption = str | tuple[str, str]  # a line, or (kind, line)


class Gallery(StaticPNG, anywidget.AnyWidget):
    """Thumbnails with captions. All text is shown as text, whatever it holds.

    Set everything at once with :meth:`show`. A click, or Enter on the picture in focus, sets ``selected`` and calls
    the functions given to :meth:`on_click`.

    Attributes
    ----------
    pictures : encoded images, from :func:`encode_pictures`
    names : of the pictures, for screen readers and as tooltips
    captions : lines under each picture; a line is a text or (kind, text) with kind "strong", "muted", "kept",
        "gained" or "lost"
    links : a web address a picture, or ""; only http and https are followed
    badges : a word in each picture's corner, or ""
    marks : one of :data:`MARKS` a picture: the color of its outline; give it a badge too, for those who see no colors
    between : what is written between each picture and the next one, such as a distance; makes it a strip
    actions : pairs (name, tooltip) of small buttons under each picture; a press is a click with that name
    disabled : names of actions that a picture does not have, a list a picture; or none at all
    selected : index, or None
    label : what the gallery is, for screen readers
    side : pixels of a thumbnail on the screen
    """

    _esm = join_modules("gallery.js")
    _css = STYLES
    pictures = traitlets.List(traitlets.Bytes()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    captions = traitlets.List(traitlets.List()).tag(sync=True)
    links = traitlets.List(traitlets.Unicode()).tag(sync=True)
    badges = traitlets.List(traitlets.Unicode()).tag(sync=True)
    marks = traitlets.List(traitlets.Enum(MARKS)).tag(sync=True)
    between = traitlets.List(traitlets.Unicode()).tag(sync=True)
    actions = traitlets.List(traitlets.List()).tag(sync=True)
    disabled = traitlets.List(traitlets.List()).tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)  # of what is shown: a click on what was shown before is dropped
    label = traitlets.Unicode("pictures").tag(sync=True)
    side = traitlets.Int(112, min=16, max=1024).tag(sync=True)

    sentence = "Pictures to choose from: run this notebook to use them."

    def __init__(self, label: str = "pictures", side: int = 112, actions: Sequence[tuple[str, str]] = ()):
        super().__init__(label=label, side=side, actions=[list(action) for action in actions])
        self._callbacks: list[Callable[[int, str], Any]] = []
        self.on_msg(self._receive)

    def show(
        self,
        pictures: Sequence[bytes],
        names: Sequence[str],
        captions: Sequence[Sequence[Caption]] = (),
        links: Sequence[str | None] = (),
        badges: Sequence[str] = (),
        marks: Sequence[str] = (),
        between: Sequence[str] = (),
        disabled: Sequence[Sequence[str]] = (),
        selected: int | None = None,
    ) -> None:
        """Replace all pictures and what belongs to them, in one message.

        Parameters
        ----------
        pictures, names : of n pictures
        captions, links, badges, marks, disabled : of all n pictures, or none
        between : n - 1 texts, or none
        selected : which picture is the chosen one

        Raises
        ------
        ValueError
            If lengths differ, or the pictures are too large for one message.
        """
        count = len(pictures)
        parts = {"captions": captions, "links": links, "badges": badges, "marks": marks, "disabled": disabled}
        wrong = {name: len(part) for name, part in parts.items() if len(part) not in (0, count)}
        wrong |= {"names": len(names)} if len(names) != count else {}
        wrong |= {"between": len(between)} if between and len(between) != count - 1 else {}
        if wrong:
            raise ValueError(f"{count} pictures, but {wrong}; pass one of each a picture (between: one less), or none")
        if (size := sum(map(len, pictures))) > LARGEST_MESSAGE:
            raise ValueError(f"pictures: {size / 1e6:.1f} MB in one message; show fewer, or encode them smaller")
        with self.hold_sync():
            self.version += 1
            self.pictures, self.names = list(pictures), list(names)
            self.captions = [[line if isinstance(line, str) else list(line) for line in lines] for lines in captions]
            self.links = [link or "" for link in links]
            self.badges, self.marks, self.between = list(badges), list(marks), list(between)
            self.disabled = [list(names) for names in disabled]
            self.selected = selected

    def on_click(self, callback: Callable[[int, str], Any]) -> None:
        """Call ``callback(index, action)`` at each click; ``action`` is "" for the picture itself.

        Decorate the callback with :func:`~i2v_lib.explorers.status.reported`, or its exceptions are lost.
        """
        self._callbacks.append(callback)

    def click(self, index: int, action: str = "") -> None:
        """Do what a click in the browser does."""
        if not 0 <= index < len(self.pictures):
            raise IndexError(f"index={index}: there are {len(self.pictures)} pictures")
        if not action:
            self.selected = index
        for callback in self._callbacks:
            callback(index, action)

    def static_png(self) -> bytes:
        """The thumbnails side by side, at most eight a row, as PNG."""
        side, gap, columns = self.side, 4, 8
        count = max(len(self.pictures), 1)
        width, height = min(count, columns) * (side + gap) + gap, -(-count // columns) * (side + gap) + gap
        sheet = Image.new("RGB", (width, height), "white")
        for i, data in enumerate(self.pictures):
            row, column = divmod(i, columns)
            picture = ImageOps.pad(Image.open(io.BytesIO(data)).convert("RGB"), (side, side), color="white")
            sheet.paste(picture, (gap + column * (side + gap), gap + row * (side + gap)))
        file = io.BytesIO()
        sheet.save(file, "png")
        return file.getvalue()

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """A message from the browser; one for pictures that are gone meanwhile is dropped."""
        index, action = content.get("index"), content.get("action")
        known = isinstance(index, int) and action in ["", *(name for name, _ in self.actions)]
        if content.get("event") == "click" and content.get("version") == self.version and known:
            self.click(index, action)


def encode_pictures(images: np.ndarray, side: int | None = None) -> list[bytes]:
    """Pictures as small files for :class:`Gallery`.

    Parameters
    ----------
    images : uint8 array, shape (n, S, S, 3), RGB
    side : pixels; larger ones are reduced to it, smaller ones stay

    Returns
    -------
    list of n JPEG files, at full color resolution
    """
    encoded = []
    for image in images:
        picture = Image.fromarray(np.ascontiguousarray(image))
        if side is not None and side < max(picture.size):
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=92, subsampling=0)
        encoded.append(file.getvalue())
    return encoded
