"""One page without Python: the map and morphing between any two of its illustrations, in a single file (§4.4, §4.5)."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from i2v_lib.explorers.bundle import FOLDER, join_modules, read_styles
from i2v_lib.explorers.map_data import MapData, map_of_run, pack
from i2v_lib.explorers.sprites import SIDES, sheet_count
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.show.saving import describe_sources
from i2v_lib.show.wording import data_phrase
from i2v_lib.system.errors import ArgumentError
from i2v_lib.system.files import write_text
from i2v_lib.system.progress import progress_bar

if TYPE_CHECKING:
    from i2v_lib.run import Run

BETWEEN = 4  # illustrations between start and end in the paper's Fig. 1
STYLES = ("explorers.css", "map.css", "page.css")


def export_explorer(run: Run, out: Path, limit: int | None = None) -> Path:
    """Write the explorer of a run as one HTML file that opens without Python, a server or a network.

    The same run gives the same bytes.

    Parameters
    ----------
    run : its codes are built if they are missing
    out : the file; one that stands there is replaced
    limit : illustrations; None takes the run's ``map_illustrations``

    Returns
    -------
    Path of the file.

    Raises
    ------
    ValueError
        If the limit is below 2.
    """
    if limit is not None and limit < 2:
        raise ArgumentError("limit", limit, "pass at least 2, or a morph has no two ends")
    nodes, data = map_of_run(run, limit)
    graph = build_graph(*nearest_neighbors(run.codes()[nodes], run.config.neighbors))
    sources = describe_sources("07_tsne_map.ipynb", run.collection(), run.vocabulary())
    words = {
        "bits": f"{run.config.code_bits:,}",
        "neighbors": run.config.neighbors,
        "source": f"{data_phrase(sources)[0].upper()}{data_phrase(sources)[1:]}; {len(data):,} of the safe dataset "
        f"are shown, drawn at random (preset {run.config.preset}, seed {run.config.seed}).",
    }
    text = render_page(data, graph, words)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, text)
    return out


def render_page(data: MapData, graph: Graph, words: dict[str, Any]) -> str:
    """The page's text.

    Parameters
    ----------
    data : the map
    graph : of the map's illustrations, in their order
    words : "bits", "neighbors" and "source", as the page says them
    """
    header, packed = _pack_with_graph(data, graph)
    level = len(SIDES) - 1
    count = sheet_count(level, len(data))
    sheets = [_base64(data.sheet(level, i)) for i in progress_bar("pictures", count, unit="sheets", over=range(count))]
    script, styles = f"\n{join_modules('page.js')}", f"\n{read_styles(*STYLES)}"
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(styles)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template((FOLDER / "page.html").read_text(encoding="utf-8")).substitute(
        {name: escape(str(text)) for name, text in words.items()},
        count=f"{len(data):,}",
        policy=policy,
        styles=styles,
        script=script,
        data=_inside_script({"map": header, "bytes": _base64(packed), "sheets": sheets}),
    )


def _pack_with_graph(data: MapData, graph: Graph) -> tuple[dict[str, Any], bytes]:
    header, packed = data.packed
    more, graph_bytes = pack(
        {},
        {
            "graph_starts": graph.starts.astype(np.uint32),
            "graph_ends": graph.ends.astype(np.min_scalar_type(len(graph))),
            "graph_weights": graph.weights.astype(np.min_scalar_type(int(graph.weights.max(initial=0)))),
        },
    )
    behind = [[name, kind, place + len(packed), length] for name, kind, place, length in more["arrays"]]
    header = {**header, "arrays": header["arrays"] + behind, "example": _example(data, graph)}
    return header, packed + graph_bytes


def _example(data: MapData, graph: Graph) -> tuple[int, int, int | None]:
    """The morph that the page begins with, from one region to another: start, end, how many between or None for any.

    Where some pair has as many as the paper's Fig. 1 shows between, the first such pair; else the first with a path.
    """
    groups = [region.members.tolist() for region in data.regions] or [range(len(data))]
    apart = [(a, b) for first, *others in (groups, groups[::-1]) for a in first for other in others for b in other]
    pairs = apart or [(0, b) for b in range(1, len(data))]
    for between in (BETWEEN, None):
        for start, end in pairs:
            if morph(graph, start, end, between).status == "found":
                return start, end, between
    return 0, len(data) - 1, None


def _inside_script(value: Any) -> str:
    """JSON that no text in it can break out of: neither a closing tag nor a comment can begin."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(text: str) -> str:
    """How a Content-Security-Policy names the one script, or style sheet, that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
