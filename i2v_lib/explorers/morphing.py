"""The morphing explorer: two illustrations, and the path between them as one reshapes the graph and the way (§4.4)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib.figure import Figure

from i2v_lib.explorers.gallery import Gallery, encode_pictures
from i2v_lib.explorers.picker import ROW, Picker
from i2v_lib.explorers.protocol import Backing
from i2v_lib.explorers.static_png import StaticPNG, figure_bytes
from i2v_lib.explorers.status import StatusLine, reported
from i2v_lib.explorers.strip import ACTIONS, show_pictures, show_strip
from i2v_lib.explorers.upload import PictureDrop
from i2v_lib.search.graph import Morph
from i2v_lib.search.path_finder import LEAST_K, LIMIT, MOST_K, Transitions
from i2v_lib.show.path_strip import describe_outcome, fig_transition, transition_rows, unit_of
from i2v_lib.show.wording import Rows

SIDE = 112  # pixels of a picture of the strip on the screen
ANY, MOST_BETWEEN = -1, 12  # pictures between; a dropdown shows None as nothing
SMALL_SET = 10_000  # illustrations up to which a slider answers while it moves
ROLES = (("Start", "start"), ("End", "end"), ("On the way", "via"))
CHOOSE = "Choose a start and an end: click two pictures."
TOO_FEW = "Too few pictures: a path needs two. Raise test_share, or take a larger collection."


class MorphingExplorer(StaticPNG, widgets.VBox):
    """Choose two illustrations, and see the path between them.

    A click on a thumbnail makes it what the buttons above say: the start, the end, or a picture on the way. A click on
    a picture of the path searches another one without it.

    Parameters
    ----------
    transitions : the illustrations, and how near they are
    backing : see :class:`~i2v_lib.explorers.protocol.Backing`
    source, target : illustrations to begin with, by id or number
    k : neighbors to begin with

    Attributes
    ----------
    source, target : nodes, or None; set them, or call :meth:`choose`, and the path follows
    start, end : the same by id, or "": a map of :func:`~i2v_lib.explorers.map.explore_map` that is given this
        explorer sets them, and follows them
    waypoints, avoid : nodes that the path passes, in order, and that it leaves out
    found : the transition that is shown, or None
    picker, role, drop, k, between, metric, swap, pair, save, clear, strip, wishes, status : the widgets
    """

    sentence = "The morphing explorer: run this notebook to use it."
    source = traitlets.Int(None, allow_none=True)
    target = traitlets.Int(None, allow_none=True)
    start = traitlets.Unicode()
    end = traitlets.Unicode()
    waypoints = traitlets.List(traitlets.Int())
    avoid = traitlets.List(traitlets.Int())

    def __init__(
        self,
        transitions: Transitions,
        backing: Backing,
        source: str | int | None = None,
        target: str | int | None = None,
        k: int = 5,
    ):
        self.transitions, self.backing = transitions, backing
        self.found: Morph | None = None
        self._held = 0
        self._rng = np.random.default_rng(len(transitions))
        self.status = StatusLine()
        self._build(k)
        super().__init__([self.picker, self._controls, self.status, self._wished, self.strip])
        watched = {self: ["source", "target", "waypoints", "avoid"]}
        watched |= dict.fromkeys((self.k, self.between, self.metric), "value")
        for widget, names in watched.items():
            widget.observe(self._changed, names)
        self.observe(self._named, ["start", "end"])
        with self.holding():
            self.source, self.target = (None if end is None else transitions.node(end) for end in (source, target))

    def _build(self, k: int) -> None:
        """Make the widgets."""
        transitions, stored = self.transitions, functools.partial(self.backing.pictures, well=False)
        self.picker = Picker(transitions.ids, transitions.search, stored, self.status, "illustrations")
        self.role = widgets.ToggleButtons(options=ROLES, tooltips=["a click below sets it"] * len(ROLES))
        self.role.style.button_width = "auto"
        self.drop = PictureDrop("or drop a picture of yours")
        self.picker.head.children = (self.role, *self.picker.head.children, self.drop)
        wide = {"description_width": "initial"}
        self.k = widgets.IntSlider(
            k, LEAST_K, MOST_K, description="Neighbors K", style=wide, continuous_update=len(transitions) <= SMALL_SET
        )
        numbers = [("any number", ANY), *((f"exactly {n}", n) for n in range(MOST_BETWEEN + 1))]
        self.between = widgets.Dropdown(options=numbers, description="Pictures between", style=wide)
        self.metric = widgets.Dropdown(
            options=[(name, metric) for metric, name in self.backing.metrics.items()], description="Codes", style=wide
        )
        self.between.layout.width, self.metric.layout.width, self.k.layout.width = "17em", "20em", "20em"
        self.swap, self.pair, self.save, self.clear = (
            widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="auto"))
            for name, tooltip in (
                ("⇄ swap", "start and end"),
                ("random pair", "two illustrations at random"),
                ("save", "the strip as PNG, PDF and JSON"),
                ("take all back", "no picture to pass, none left out"),
            )
        )
        buttons = [self.swap, self.pair, self.save]
        self._controls = widgets.HBox([self.k, self.between, self.metric, *buttons], layout=ROW)
        self.strip = Gallery("the path, from start to end", SIDE, ACTIONS)
        self.wishes = Gallery("to pass and left out", 56)
        words = widgets.Label("To pass, and left out (a click takes one back):")
        self._wished = widgets.VBox([widgets.HBox([words, self.clear]), self.wishes])
        self.picker.on_pick(self._choose)
        self.drop.on_picture(self._join)
        self.strip.on_click(self._reshape)
        self.wishes.on_click(self._take_back)
        self.swap.on_click(self._swap)
        self.pair.on_click(self._random_pair)
        self.clear.on_click(self._clear)
        self.save.on_click(self._write)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Change several things inside; the path is searched once, afterwards."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        self._changed()

    def choose(self, role: str, picture: str | int) -> None:
        """Make an illustration, by id or number, the "start", the "end", or one more on the way ("via")."""
        if role not in dict(map(reversed, ROLES)):
            raise ValueError(f"role={role!r}; use start, end or via")
        node = self.transitions.node(picture)
        with self.holding():
            self.avoid = [other for other in self.avoid if other != node]
            self.waypoints = [other for other in self.waypoints if other != node]
            if role == "via" and node not in (self.source, self.target):
                self.waypoints = [*self.waypoints, node]
            elif role == "start":
                self.source = node
            elif role == "end":
                self.target = node

    def static_png(self) -> bytes:
        """The strip as PNG."""
        return figure_bytes(self.figure())

    def figure(self) -> Figure:
        """The path that is shown, as a Matplotlib figure."""
        rows = self.rows()
        nodes = np.array([row["node"] for row in rows], np.int64)
        return fig_transition(rows, self.backing.pictures(nodes, well=True), unit_of(self.metric.value))

    def rows(self) -> Rows:
        """The path that is shown, see :func:`~i2v_lib.show.path_strip.transition_rows`; empty without one."""
        return transition_rows(self.transitions, self.found) if self.found is not None else []

    @reported
    def _choose(self, node: int) -> None:
        role = self.role.value
        self.choose(role, node)
        if role == "start":
            self.role.value = "end"  # the next click

    @reported
    def _join(self, name: str, data: bytes) -> None:
        """Encode a picture of one's own, and make it what the buttons say."""
        self.status.say(f"Looking at {name} …", "busy")
        self._choose(self.backing.join(name, data))

    @reported
    def _reshape(self, index: int, action: str) -> None:
        """A click on the strip: leave a picture out, keep it, or let it go."""
        rows = self.rows()
        if not 0 < index < len(rows) - 1:
            self.role.value = "start" if index == 0 else "end"  # an end: the next click in the grid replaces it
            return
        node = rows[index]["node"]
        with self.holding():
            if action == "keep":
                kept = {*self.waypoints, node}
                self.waypoints = [row["node"] for row in rows if row["node"] in kept]
            else:
                self.waypoints = [other for other in self.waypoints if other != node]
            if action in ("", "replace"):
                self.avoid = [*self.avoid, node]

    @reported
    def _take_back(self, index: int, _action: str) -> None:
        node = [*self.waypoints, *self.avoid][index]
        with self.holding():
            self.waypoints = [other for other in self.waypoints if other != node]
            self.avoid = [other for other in self.avoid if other != node]

    @reported
    def _clear(self, _button: Any) -> None:
        with self.holding():
            self.waypoints = self.avoid = []

    @reported
    def _swap(self, _button: Any) -> None:
        with self.holding():
            self.source, self.target, self.waypoints = self.target, self.source, self.waypoints[::-1]

    @reported
    def _random_pair(self, _button: Any) -> None:
        if len(self.transitions) < 2:
            return
        with self.holding():
            self.waypoints = self.avoid = []
            self.source, self.target = self._rng.choice(len(self.transitions), 2, replace=False).tolist()

    @reported
    def _write(self, _button: Any) -> None:
        if not self.rows():
            self.status.say("There is no path to save.", "warning")
            return
        self.status.say("Saving …", "busy")
        self.status.say(self.backing.save(self.rows(), self.found, self.metric.value, self.k.value))

    @reported
    def _named(self, change: Any) -> None:
        node = self.transitions.node(change.new) if change.new else None
        end = {"start": "source", "end": "target"}[change.name]
        if node is None:
            setattr(self, end, None)
        elif node != getattr(self, end):
            self.choose(change.name, node)

    def _name_ends(self) -> None:
        for name, node in (("start", self.source), ("end", self.target)):
            with contextlib.suppress(traitlets.TraitError):  # a map that is linked need not show every picture
                setattr(self, name, "" if node is None else self.transitions.ids[node])

    @reported
    def _changed(self, _change: Any = None) -> None:
        """Search the path again, and show it: at once as it is stored, then as well as it can be drawn."""
        if self._held:
            return
        self.found, stops = None, self._there(self.source, *self.waypoints, self.target)
        try:
            if self.source is None or self.target is None:
                self.status.say(CHOOSE if len(self.transitions) > 1 else TOO_FEW)
            else:
                self._search(stops)
            self._name_ends()
        finally:
            self._show(stops)

    def _there(self, *nodes: int | None) -> list[int]:
        """Those nodes that can be shown, whatever was asked for."""
        return [node for node in nodes if node is not None and 0 <= node < len(self.transitions)]

    def _search(self, stops: list[int]) -> None:
        metric, k = self.metric.value, self.k.value
        if not self.transitions.ready(metric):
            self.status.say("Measuring how near all illustrations are to each other …", "busy")
        same = self.source == self.target
        self.found = self.transitions.find(
            self.source,
            self.target,
            k=k,
            intermediates=None if self.between.value == ANY else self.between.value,
            metric=metric,
            avoid=self.avoid,
            waypoints=() if same else self.waypoints,
            limit=LIMIT,
        )
        self.status.say(*describe_outcome(self.transitions, self.found, metric, k, stops, self.avoid))

    def _show(self, stops: list[int]) -> None:
        """The path at once as it is stored, then as well as it can be drawn; without one, what it should join."""
        nodes = np.array(stops, np.int64) if self.found is None or not len(self.found.path) else self.found.path
        marks = {node: ("out", "out") for node in self.avoid}
        marks |= {node: ("via", f"pass {i}") for i, node in enumerate(self.waypoints, 1)}
        marks |= {end: (mark, mark) for end, mark in ((self.target, "end"), (self.source, "start")) if end is not None}
        self.picker.mark(marks)
        rows, unit = self.rows(), unit_of(self.metric.value)
        show_strip(self.strip, self.transitions, rows, nodes, self._encoded(nodes, SIDE), marks, unit)
        wished = self._there(*self.waypoints, *self.avoid)
        self._wished.layout.display = None if wished else "none"
        show_pictures(self.wishes, self.transitions, wished, self._encoded(wished, SIDE // 2), marks)
        self.strip.pictures = self._encoded(nodes, 2 * SIDE, well=True)

    def _encoded(self, nodes: Sequence[int], side: int, well: bool = False) -> list[bytes]:
        return encode_pictures(self.backing.pictures(np.array(nodes, np.int64), well), side) if len(nodes) else []
