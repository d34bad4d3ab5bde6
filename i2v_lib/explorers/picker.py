"""The picker: pages of thumbnails, found by tags or at random, of which a click picks one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np

from i2v_lib.explorers.gallery import Gallery, encode_pictures
from i2v_lib.explorers.status import StatusLine, reported

PAGE = 24  # thumbnails
SIDE = 72  # pixels of a thumbnail on the screen
ROW = widgets.Layout(flex_flow="row wrap", align_items="center")


class Picker(widgets.VBox):
    """Thumbnails of N illustrations, a page at a time.

    Parameters
    ----------
    names : of the N illustrations; may grow
    search : of a text, the nodes that fit it: int64 array
    pictures : of n nodes, their pictures: uint8 array, shape (n, S, S, 3)
    status : where exceptions are shown
    label : what is picked from, for screen readers
    seed : of the order in which the illustrations are shown

    Attributes
    ----------
    query, before, after, page, gallery : the widgets
    nodes : int64 array, shape (n,): those on the page
    """

    def __init__(
        self,
        names: Sequence[str],
        search: Callable[[str], np.ndarray],
        pictures: Callable[[np.ndarray], np.ndarray],
        status: StatusLine,
        label: str,
        seed: int = 0,
    ):
        self._names, self._search, self._pictures, self.status, self._seed = names, search, pictures, status, seed
        self._callbacks: list[Callable[[int], Any]] = []
        self._marks: Mapping[int, tuple[str, str]] = {}
        self.nodes = self._fitting = np.array([], np.int64)
        self._first = 0
        width = widgets.Layout(width="16em", flex="1 1 14em", max_width="24em")
        self.query = widgets.Text(placeholder="tags or an id: long hair, hat, -smile", layout=width)
        self.query.continuous_update = False
        narrow = widgets.Layout(width="2.6em")
        self.before = widgets.Button(description="◀", tooltip="the page before", layout=narrow)
        self.after = widgets.Button(description="▶", tooltip="the next page", layout=narrow)
        self.page = widgets.Label()
        self.gallery = Gallery(label, SIDE)
        self.gallery.layout = widgets.Layout(max_height="262px", overflow="auto")  # three lines: more is scrolled to
        self.query.observe(self._find, "value")
        self.before.on_click(self._turn)
        self.after.on_click(self._turn)
        self.gallery.on_click(self._choose)
        self.head = widgets.HBox([self.query, self.before, self.page, self.after], layout=ROW)
        super().__init__([self.head, self.gallery])
        self._find()

    def on_pick(self, callback: Callable[[int], Any]) -> None:
        """Call ``callback(node)`` when a thumbnail is clicked."""
        self._callbacks.append(callback)

    def mark(self, marks: Mapping[int, tuple[str, str]]) -> None:
        """Mark nodes wherever they are shown: node -> (mark, badge), see :class:`~.gallery.Gallery`."""
        self._marks = marks
        with self.gallery.hold_sync():
            self.gallery.marks = [marks.get(node, ("", ""))[0] for node in self.nodes.tolist()]
            self.gallery.badges = [marks.get(node, ("", ""))[1] for node in self.nodes.tolist()]

    @reported
    def _find(self, _change: Any = None) -> None:
        """Look for what the text says; without a text all are shown, mixed."""
        self._fitting, self._first = self._search(self.query.value), 0
        if not self.query.value.strip():
            self._fitting = np.random.default_rng(self._seed).permutation(self._fitting)
        self._show()

    @reported
    def _turn(self, button: widgets.Button) -> None:
        first = self._first + (PAGE if button is self.after else -PAGE)
        self._first = first if 0 <= first < len(self._fitting) else self._first
        self._show()

    @reported
    def _choose(self, index: int, _action: str) -> None:
        for callback in self._callbacks:
            callback(int(self.nodes[index]))

    def _show(self) -> None:
        self.nodes = self._fitting[self._first : self._first + PAGE]
        last = self._first + len(self.nodes)
        self.before.disabled, self.after.disabled = self._first == 0, last == len(self._fitting)
        self.page.value = f"{self._first + 1:,}–{last:,} of {len(self._fitting):,}" if last else "none fit"
        self.gallery.show(
            encode_pictures(self._pictures(self.nodes), 2 * SIDE), [self._names[node] for node in self.nodes]
        )
        self.mark(self._marks)
