"""What changes along a path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any


def describe_path(path: Sequence[int], ids: Sequence[str], tags: Sequence[Collection[str]]) -> list[dict[str, Any]]:
    """What changes and what stays at each step of a path.

    Parameters
    ----------
    path : L nodes
    ids : name of every node's illustration
    tags : tags of every node's illustration

    Returns
    -------
    list of L - 1 dictionaries
        "from" and "to", ids; "kept", "gained" and "lost", lists of tags in alphabetical order.
    """
    steps = []
    for a, b in zip(path[:-1], path[1:], strict=True):
        before, after = set(tags[a]), set(tags[b])
        changes = {"kept": before & after, "gained": after - before, "lost": before - after}
        steps.append({"from": ids[a], "to": ids[b], **{name: sorted(found) for name, found in changes.items()}})
    return steps
