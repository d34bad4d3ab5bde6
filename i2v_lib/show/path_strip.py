"""One transition: what each picture gains and loses, as rows, as a strip, and in words (§4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.search.graph import Morph
from i2v_lib.search.path_finder import MOST_K, Transitions
from i2v_lib.show.style import GREEN, TWO_COLUMNS, VERMILLION, shorten
from i2v_lib.show.thumbnails import thumbnail
from i2v_lib.show.wording import Rows

COLUMNS = 7  # pictures a line
LINES = 6  # of tags under a picture
SIGNS = {"gained": ("+", GREEN), "lost": ("−", VERMILLION), "kept": ("=", "0.4")}


def transition_rows(transitions: Transitions, found: Morph) -> Rows:
    """The pictures of a transition, from source to target.

    Returns
    -------
    list of dict
        "step" (0 is the source), "id", "source_url", "node"; "distance" from the picture before, and the tags "gained",
        "lost" and "kept", the rarest first. Of the source the distance is None, and its own tags are "kept".
    """
    rows = []
    for step, node in enumerate(found.path.tolist()):
        changes = found.steps[step - 1] if step else {"gained": [], "lost": [], "kept": transitions.tags[node]}
        rows.append(
            {
                "step": step,
                "id": transitions.ids[node],
                "source_url": transitions.links[node] or None,
                "node": node,
                "distance": found.distances[step - 1].item() if step else None,
                **{kind: transitions.rarest_first(changes[kind]) for kind in SIGNS},
            }
        )
    return rows


def amount(distance: float, unit: str) -> str:
    """A distance with its unit: whole bits, or at least three digits of a real one."""
    number = f"{distance:,.0f}" if isinstance(distance, int) or distance >= 100 else f"{distance:.3g}"
    return f"{number} {unit}".rstrip()


def unit_of(metric: str) -> str:
    """What distances by a metric count: bits between codes; Euclidean distances between features have no unit."""
    return "bits" if metric in ("codes", "random") else ""


def fig_transition(rows: Rows, images: np.ndarray, unit: str = "bits") -> Figure:
    """A transition as a strip, several lines if it is long: distances between the pictures, below each what changes.

    Parameters
    ----------
    rows : from :func:`transition_rows`
    images : uint8 array, shape (len(rows), S, S, 3)
    unit : of the distances, from :func:`unit_of`
    """
    size, step, line, top = 0.79, 0.228, 0.098, 0.03  # inches
    shown = [_words(row) for row in rows]
    columns = -(-len(rows) // max(-(-len(rows) // COLUMNS), 1)) or 1  # lines of equal lengths
    blocks = range(0, len(rows), columns)
    heights = [size + 0.16 + line * max(map(len, shown[i : i + columns])) + 0.08 for i in blocks]
    height = top + (sum(heights) or 0.4)
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    if not rows:
        fig.text(0.5, 0.5, "No transition.", ha="center", va="center")

    def write(text, x, y, **style):
        fig.text(x / TWO_COLUMNS, 1 - y / height, text, parse_math=False, **style)

    for i, (row, image, lines) in enumerate(zip(rows, images, shown, strict=True)):
        x, y = (i % columns) * (size + step), top + sum(heights[: i // columns])
        end = i in (0, len(rows) - 1)
        thumbnail(fig, image, row["id"], x, y, size, "0" if end else "0.75", row["source_url"])
        if i + 1 < len(rows):
            middle = {"ha": "center", "va": "center"}
            write("→", x + size + step / 2, y + 0.36 * size, size=9, **middle)
            numbers = amount(rows[i + 1]["distance"], unit).replace(" ", "\n")
            write(numbers, x + size + step / 2, y + 0.58 * size, size=5.5, **middle)
        for n, (sign, color, text) in enumerate(lines):
            place = y + size + 0.15 + n * line
            write(sign, x, place, size=6, va="top", color=color, weight="bold")
            write(text, x + 0.085, place, size=6, va="top")
    return fig


def _words(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Lines under a picture: (sign, its color, a tag); what has no room is counted."""
    if not row["step"]:
        own, hidden = row["kept"][:LINES], len(row["kept"]) - LINES
        words = [("", "0", shorten(tag, 18)) for tag in own]
        return words + ([("", "0", f"{hidden} more")] if hidden > 0 else [])
    room = {"lost": min(len(row["lost"]), max(LINES // 2, LINES - len(row["gained"])))}
    room = {"gained": LINES - room["lost"], **room}
    words = [(*SIGNS[kind], shorten(tag, 18)) for kind in room for tag in row[kind][: room[kind]]]
    hidden = len(row["gained"]) + len(row["lost"]) - len(words)
    words += [("", "0", f"{hidden} more")] if hidden else []
    return [*words, (*SIGNS["kept"], f"{len(row['kept'])} kept")]


def caption_transition(rows: Rows, found: Morph, metric_name: str, k: int, unit: str, ending: str) -> str:
    """Of a strip; ``ending`` tells where the data are from."""
    if not rows:
        return f"No transition. {ending}"
    kept = set(rows[0]["kept"]).intersection(*(row["kept"] for row in rows[1:]))
    exactly = f"exactly {found.intermediates} pictures between"
    return (
        f"{len(kept)} published tags stay from {rows[0]['id']} to {rows[-1]['id']}. {len(rows)} pictures, "
        f"{amount(found.length, unit)} in all, over the graph of each one's {k} nearest by {metric_name}; "
        f"{'the shortest path' if found.intermediates is None else exactly}. Between pictures: distance; below each: "
        f"published tags gained (+), lost (−) and kept (=), the rarest first. {ending}"
    )


def describe_outcome(
    transitions: Transitions, found: Morph, metric: str, k: int, stops: Sequence[int], avoid: Sequence[int] = ()
) -> tuple[str, str]:
    """What a search came to, and a way on where it found nothing: (text, kind of the status line).

    Parameters
    ----------
    found : from :meth:`~i2v_lib.search.path_finder.Transitions.find`
    metric, k, avoid : what was asked for
    stops : source, waypoints and target
    """
    unit, sizes = unit_of(metric), [f"{size:,}" for size in found.component_sizes]
    if found.status == "found":
        most = amount(found.distances.max().item(), unit)
        text = f"{len(found.path)} pictures, {amount(found.length, unit)} in all, at most {most} a step."
        return text + ("" if found.proven else " A shorter way past these pictures may exist."), "plain"
    if found.status == "same":
        text = "Start and end are the same picture: choose another one."
    elif found.status == "given_up":
        text = "Given up, there are too many ways: ask for fewer pictures between, or fewer to pass."
    elif len(sizes) == 1 and found.intermediates is None:
        text = "No path passes these pictures in this order and none twice: take one out, or raise K."
    elif len(sizes) == 1:
        text = f"No path has exactly {found.intermediates} pictures between: ask for another number, or raise K."
    else:
        text = f"No path: they lie in parts of the graph that no edge joins, of {' and '.join(sizes)} pictures."
        if found.bridge:
            a, b, distance = found.bridge
            text += f" Nearest bridge: {transitions.ids[a]} – {transitions.ids[b]}, {amount(distance, unit)}."
        joining = transitions.joining_k(stops, metric, avoid) if k < MOST_K else None
        text += f" From K = {joining} on they are joined." if joining else f" No K up to {MOST_K} joins them."
    return text, "warning"
