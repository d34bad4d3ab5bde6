"""The map explorer: thumbnails on a canvas that sharpen as one zooms; searched, colored by tag, lassoed (§4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import anywidget
import traitlets

from i2v_lib.explorers.bundle import join_modules, read_styles
from i2v_lib.explorers.map_data import MapData, map_data, one_blob
from i2v_lib.explorers.sprites import overview
from i2v_lib.explorers.static_png import StaticPNG

LARGEST_PART = 4_000_000  # bytes of one message; above some 10 MB a browser's connection breaks
LAYOUTS = ("grid", "places")


def explore_map(*mapped: Any, **options: Any) -> MapExplorer:
    """A map explorer of a run.

    Parameters
    ----------
    mapped : run, nodes, layout, cells, shape and regions, as in :func:`~i2v_lib.explorers.map_data.map_data`
    options : of :class:`MapExplorer`: height, morphing
    """
    return MapExplorer(map_data(*mapped), **options)


class MapExplorer(StaticPNG, anywidget.AnyWidget):
    """A map of illustrations to look around in.

    The browser asks for what it needs: once for places and tags, in parts, and for sheets of pictures as they come into
    view. So a page that is loaded again finds everything, and one whose kernel is gone keeps what it has.

    Parameters
    ----------
    data : from :func:`~i2v_lib.explorers.map_data.map_data`
    height : of the map, in CSS pixels
    morphing : an object with traits ``start`` and ``end``, ids, such as a morphing explorer: what is used as start or
        end of a morph here is set there, and the other way round

    Attributes
    ----------
    layout_name : "grid", a cell for each; or "places", where t-SNE put them
    colors : tags, at most five, whose carriers are colored; of two, the first counts
    query : what is searched for: tags, parts of tags or ids between commas, all of which must hold; those after a minus
        must not
    region : letter of the region that is shown last, "" for none
    selected : ids of what is inside the lasso, in the map's order
    picked : id of the illustration that was clicked last, or ""
    start, end : ids of the ends of a morph, or ""; one that is not on the map is kept, though nothing shows it
    path : ids of a path to draw over the map

    Source: Saito & Matsui 2015, §4.5.
    """

    _esm = join_modules("map_widget.js")
    _css = read_styles("explorers.css", "map.css")
    height = traitlets.Int(560, min=120).tag(sync=True)
    layout_name = traitlets.Enum(LAYOUTS, "grid").tag(sync=True)
    colors = traitlets.List(traitlets.Unicode(), maxlen=5).tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    region = traitlets.Unicode().tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    picked = traitlets.Unicode().tag(sync=True)
    start = traitlets.Unicode().tag(sync=True)
    end = traitlets.Unicode().tag(sync=True)
    path = traitlets.List(traitlets.Unicode()).tag(sync=True)

    sentence = "A map of illustrations to zoom into: run this notebook to use it."

    def __init__(self, data: MapData, height: int = 560, morphing: traitlets.HasTraits | None = None):
        self._data = data
        super().__init__(height=height, layout_name="places" if data.cells is None else "grid")
        self.on_msg(self._receive)
        if morphing is not None:
            for name in ("start", "end"):
                traitlets.link((morphing, name), (self, name))

    @cached_property
    def _blob(self) -> bytes:
        return one_blob(*self._data.packed)

    @traitlets.validate("picked")
    def _known(self, proposal: Any) -> str:
        return self._check([proposal["value"]] if proposal["value"] else [], proposal) or ""

    @traitlets.validate("selected", "path")
    def _all_known(self, proposal: Any) -> Sequence[str]:
        self._check(proposal["value"], proposal)
        return proposal["value"]

    def _check(self, ids: Sequence[str], proposal: Any) -> str | None:
        unknown = [name for name in ids if name not in self._ids]
        if unknown:
            name = proposal["trait"].name
            raise traitlets.TraitError(f"{name}={unknown[0]!r} is not on the map; use one of its ids")
        return ids[0] if ids else None

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self._data.ids)

    def static_png(self) -> bytes:
        """The map as a PNG, without what is chosen in it."""
        data = self._data
        return overview(data.pictures, data.spots, data.shape)

    def _receive(self, _widget: Any, question: Any, _buffers: Any) -> None:
        self.send(*self.answer(question))

    def answer(self, question: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a browser that asks for data, from a byte on, or for a sheet of pictures; or the error."""
        number = {"number": question.get("number")}
        try:
            if question["ask"] == "data":
                start = int(question["start"])
                return number | {"length": len(self._blob)}, [self._blob[start : start + LARGEST_PART]]
            if question["ask"] == "sheet":
                return number, [self._data.sheet(question["level"], question["sheet"])]
            raise ValueError(f"ask={question['ask']!r}: ask for data or sheet")
        except (LookupError, TypeError, ValueError, OSError) as error:
            return number | {"error": f"{type(error).__name__}: {error}"}, []
