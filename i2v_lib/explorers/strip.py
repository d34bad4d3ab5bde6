"""A path as a strip of thumbnails: distances between them, and below each what it gains and loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from i2v_lib.explorers.gallery import Caption, Gallery
from i2v_lib.search.path_finder import Transitions
from i2v_lib.show.path_strip import amount
from i2v_lib.show.wording import Rows

ACTIONS = (
    ("replace", "search a path without this picture"),
    ("keep", "whatever changes, the path passes this picture"),
    ("let go", "the path need not pass this picture"),
)
Marks = Mapping[int, tuple[str, str]]  # node -> mark and badge


def show_strip(
    strip: Gallery,
    transitions: Transitions,
    rows: Rows,
    nodes: np.ndarray,
    pictures: Sequence[bytes],
    marks: Marks,
    unit: str,
) -> None:
    """Show a path; or, without one, the pictures that it should have joined.

    Parameters
    ----------
    strip : its actions are :data:`ACTIONS`
    rows : from :func:`~i2v_lib.show.path_strip.transition_rows`; empty without a path
    nodes : int64 array, shape (n,): what is shown
    pictures : of the nodes, encoded
    marks : of all nodes that have one
    unit : of the distances
    """
    last = len(nodes) - 1
    disabled = [
        ("replace", "keep", "let go") if i in (0, last) or not rows else ("keep" if node in marks else "let go",)
        for i, node in enumerate(nodes.tolist())
    ]
    if rows:
        captions = [_changes(row) for row in rows]
        between = [amount(row["distance"], unit) for row in rows[1:]]
    else:
        captions = [_own(transitions, node) for node in nodes.tolist()]
        between = ["no path"] * last
    show_pictures(
        strip, transitions, nodes.tolist(), pictures, marks, captions=captions, between=between, disabled=disabled
    )


def show_pictures(
    gallery: Gallery,
    transitions: Transitions,
    nodes: Sequence[int],
    pictures: Sequence[bytes],
    marks: Marks,
    **more: Sequence,
) -> None:
    """Show illustrations with their names, links, marks and badges."""
    gallery.show(
        pictures,
        names=[transitions.ids[node] for node in nodes],
        links=[transitions.links[node] for node in nodes],
        marks=[marks.get(node, ("", ""))[0] for node in nodes],
        badges=[marks.get(node, ("", ""))[1] for node in nodes],
        **more,
    )


def _changes(row: Mapping) -> list[Caption]:
    """Lines under a picture of a path: its id, then tags gained, lost and kept; of the source, its own."""
    kinds = ("gained", "lost", "kept") if row["step"] else ("kept",)
    lines = [(kind if row["step"] else "muted", ", ".join(row[kind])) for kind in kinds if row[kind]]
    return [("strong", row["id"]), *lines]


def _own(transitions: Transitions, node: int) -> list[Caption]:
    tags = transitions.rarest_first(transitions.tags[node])
    return [("strong", transitions.ids[node]), ("muted", ", ".join(tags))]
